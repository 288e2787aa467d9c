//! Sends bytes that are no message, on every channel, of many lengths.

use super::Post;
use crate::engine::Context;
use commonware_runtime::{Clock as _, IoBuf};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn run(context: Context, mut post: Post) {
    for round in (0_u8..=u8::MAX).cycle() {
        let bytes = vec![round; 1 + usize::from(round) * 3];
        let Post { votes, certificates, resolver, blocks, backfill, gossip, .. } = &mut post;
        for line in [votes, certificates, resolver, blocks, backfill, gossip] {
            line.tell(IoBuf::from(bytes.clone()));
        }
        context.sleep(PAUSE).await;
    }
}
