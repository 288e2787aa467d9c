//! In its turns proposes a block that the ledger refuses: another trick each time.

use super::turn::{Turn, Turns, tell_block};
use super::{Post, Proposal, Vote};
use crate::engine::Context;
use commonware_consensus::simplex::types::Notarize;
use commonware_p2p::Recipients;
use commonware_runtime::Clock as _;
use plinth_settlement::block::{Block, Transaction};
use plinth_settlement::consensus::timestamp;
use plinth_settlement::digest::to_consensus;
use plinth_settlement::ledger::State;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, TimestampNs};

pub(super) async fn run(context: Context, mut post: Post) {
    let Some(mut turns) = Turns::new(&context, &post).await else { return };
    let mut trick = 0_usize;
    while let Some(Turn { round, parent, state }) = turns.next(&mut post).await {
        let now = TimestampNs::new(timestamp(context.current()).get().max(state.time().get() + 1));
        let block = forge(trick, &post, &state, now);
        trick += 1;
        tell_block(&mut post.blocks, Recipients::All, &block);
        let proposal = Proposal::new(round, parent, to_consensus(block.id()));
        Notarize::sign(&post.scheme, proposal).into_iter().for_each(|vote| post.votes.vote(&Vote::Notarize(vote)));
    }
}

fn forge(trick: usize, post: &Post, state: &State, now: TimestampNs) -> Block {
    let zone = post.chain.zones()[trick % post.chain.zones().len()];
    let owner = trick % post.chain.owners.len();
    let last = state.deposit_nonce(&post.chain.owners[owner].public_key());
    // The owner's true signature under a deposit that was ordered already, or one that was never asked for.
    let deposit = |nonce, units| Transaction::Deposit(post.chain.deposit(owner, nonce, zone, AssetId::new(0), units));
    match trick % 5 {
        // What is ordered already, once more.
        0 => state.propose(now, vec![deposit(last.max(1), 1)]),
        // More than the owner has.
        1 => state.propose(now, vec![deposit(last + 1, 100 * crate::chain::ISSUED_UNITS)]),
        // A number left out.
        2 => state.propose(now, vec![deposit(last + 2, 1)]),
        // A ledger that is not the one behind the parent.
        3 => Block::new(state.height().next(), state.block(), now, Digest([7; 32]), Vec::new()),
        // Not later than the parent.
        _ => state.propose(state.time(), Vec::new()),
    }
}
