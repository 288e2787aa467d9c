//! A certificate as consensus makes it.

use crate::chain::Fixture;
use commonware_consensus::simplex::types::{Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use plinth_settlement::block::Block;
use plinth_settlement::committee::Committee;
use plinth_settlement::consensus::{Finalization, Scheme, keys_of, namespace};
use plinth_settlement::digest::to_consensus;

/// What three of the first four sign.
#[allow(unreachable_pub, reason = "a module of tests")]
pub fn certify(fixture: &Fixture, block: &Block) -> Finalization {
    certify_in(fixture, 0, fixture.genesis.committee(), block)
}

/// What three of a committee of four sign in an epoch.
#[allow(unreachable_pub, dead_code, reason = "a module of tests, each of which uses a part")]
pub fn certify_in(fixture: &Fixture, epoch: u64, committee: &Committee, block: &Block) -> Finalization {
    let view = View::new(block.height().get() + 3);
    let proposal = Proposal::new(Round::new(Epoch::new(epoch), view), View::new(view.get() - 1), to_consensus(block.id()));
    let namespace = namespace(&fixture.genesis);
    let members = fixture.keys.iter().filter(|key| committee.contains(&key.public_key()));
    let schemes: Vec<Scheme> =
        members.take(3).map(|key| Scheme::signer(&namespace, keys_of(committee), key.to_consensus()).unwrap()).collect();
    let votes: Vec<_> = schemes.iter().map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap()).collect();
    Finalization::from_finalizes(&schemes[0], non_empty![@votes.iter()], &Sequential).unwrap()
}
