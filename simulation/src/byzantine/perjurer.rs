//! Signs a receipt for every header that it hears of, whatever the body: of 2f + 1 receipts f may be such.

use super::Post;
use commonware_runtime::IoBuf;
use plinth_settlement::block::header_id;
use plinth_settlement::consensus::Gossip;
use plinth_settlement::receipt::{BodyStatement, Word};
use plinth_types::codec::Codec as _;

pub(super) async fn run(Post { chain, index, mut gossip, .. }: Post) {
    while let Some(bytes) = gossip.hear().await {
        let Ok(Gossip::Header(signed, receipt)) = Gossip::decode(&bytes) else { continue };
        if chain.index_of(&receipt.receipt.validator) == Some(index) {
            continue;
        }
        let statement = BodyStatement::of(&signed.header, header_id(&signed.header));
        let key = &chain.validators[index];
        let Some(word) = Word::shard_checked(chain.genesis.committee(), &key.public_key()) else { return };
        let lie = Gossip::Header(signed, statement.sign(word, key));
        gossip.tell(IoBuf::from(lie.to_bytes()));
    }
}
