//! In each of its turns proposes one block to one half of the validators and another one to the other half. A little later each half
//! hears of the other's, as it would in time: that is when the evidence appears. The observer sees both.

use super::turn::{Turn, Turns, tell_block};
use super::{Post, Proposal, Vote};
use crate::engine::Context;
use commonware_codec::Encode as _;
use commonware_consensus::simplex::types::Notarize;
use commonware_p2p::Recipients;
use commonware_runtime::Clock as _;
use plinth_settlement::consensus::timestamp;
use plinth_settlement::digest::to_consensus;
use plinth_types::id::TimestampNs;
use std::time::Duration;

/// Until the other half hears.
const PAUSE: Duration = Duration::from_millis(150);

pub(super) async fn run(context: Context, mut post: Post) {
    let Some(mut turns) = Turns::new(&context, &post).await else { return };
    let mut others = post.chain.peers.clone();
    others.remove(post.index);
    while let Some(Turn { round, parent, state }) = turns.next(&mut post).await {
        let now = timestamp(context.current()).get().max(state.time().get() + 1);
        let blocks = [0, 1].map(|later| state.propose(TimestampNs::new(now + later), Vec::new()));
        // Another split each time.
        others.rotate_left(1);
        let halves: Vec<_> =
            others.chunks(others.len().div_ceil(2)).map(|half| [half, &[post.chain.observer.clone()]].concat()).collect();
        let votes: Vec<_> = blocks
            .iter()
            .filter_map(|block| Notarize::sign(&post.scheme, Proposal::new(round, parent, to_consensus(block.id()))))
            .map(|vote| Vote::Notarize(vote).encode())
            .collect();
        for ((block, vote), half) in blocks.iter().zip(&votes).zip(&halves) {
            tell_block(&mut post.blocks, Recipients::Some(half.clone()), block);
            post.votes.tell_to(Recipients::Some(half.clone()), vote.clone());
        }
        context.sleep(PAUSE).await;
        votes.into_iter().for_each(|vote| post.votes.tell(vote));
    }
}
