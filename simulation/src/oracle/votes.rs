//! What each validator has ever said in each view, as it went over the wire.

use super::Violation;
use crate::byzantine::Vote;
use commonware_consensus::types::Round;
use commonware_consensus::{Epochable as _, Viewable as _};
use plinth_settlement::digest::from_consensus;
use plinth_types::digest::Digest;
use std::collections::BTreeMap;

/// Votes by view and validator.
#[derive(Debug, Default)]
pub struct Votes(BTreeMap<(Round, usize), Said>);

#[derive(Debug, Default)]
struct Said {
    notarized: Option<Digest>,
    finalized: Option<Digest>,
    nullified: bool,
}

impl Votes {
    /// Takes a vote that came from `validator` itself over an authenticated connection.
    ///
    /// # Errors
    ///
    /// [`Violation::DoubleVote`]: it contradicts an earlier vote of the same validator.
    pub(crate) fn take(&mut self, validator: usize, vote: &Vote) -> Result<(), Violation> {
        let round = Round::new(vote.epoch(), vote.view());
        let said = self.0.entry((round, validator)).or_default();
        let contradiction = match vote {
            Vote::Notarize(vote) => {
                let block = from_consensus(vote.proposal.payload);
                let other = said.notarized.replace(block).filter(|other| *other != block);
                other.map(|other| format!("notarizes {other} and {block}"))
            }
            Vote::Finalize(vote) => {
                let block = from_consensus(vote.proposal.payload);
                let other = said.finalized.replace(block).filter(|other| *other != block);
                let both = other.map(|other| format!("finalizes {other} and {block}"));
                both.or_else(|| said.nullified.then(|| format!("gives the view up and finalizes {block}")))
            }
            Vote::Nullify(_) => {
                said.nullified = true;
                said.finalized.map(|block| format!("finalizes {block} and gives the view up"))
            }
        };
        match contradiction {
            None => Ok(()),
            Some(what) => Err(Violation::DoubleVote(format!("validator {validator} in {round:?} {what}"))),
        }
    }
}
