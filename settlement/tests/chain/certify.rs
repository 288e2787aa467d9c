//! A certificate as consensus makes it.

use crate::chain::Fixture;
use commonware_consensus::simplex::types::{Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use plinth_settlement::block::Block;
use plinth_settlement::consensus::{Finalization, Scheme, namespace, participants};
use plinth_settlement::digest::to_consensus;

/// What three of the four sign.
#[allow(unreachable_pub, reason = "a module of tests")]
pub fn certify(fixture: &Fixture, block: &Block) -> Finalization {
    let view = View::new(block.height().get() + 3);
    let proposal = Proposal::new(Round::new(Epoch::zero(), view), View::new(view.get() - 1), to_consensus(block.id()));
    let genesis = &fixture.genesis;
    let schemes: Vec<Scheme> = fixture
        .keys
        .iter()
        .take(3)
        .map(|key| Scheme::signer(&namespace(genesis), participants(genesis), key.to_consensus()).unwrap())
        .collect();
    let votes: Vec<_> = schemes.iter().map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap()).collect();
    Finalization::from_finalizes(&schemes[0], non_empty![@votes.iter()], &Sequential).unwrap()
}
