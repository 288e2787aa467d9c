//! Lists of messages, verdicts and exits that wait. Each fits the ledger as it is, so their number follows from what is unsettled.

use super::{PoolError, Proposal};
use crate::block::{ExitTransaction, OutboxTransaction, Transaction};
use crate::ledger::{Claim, Effects, Place, State};
use crate::limits::POOL_OTHERS_MAX;
use crate::verdict::VerdictTransaction;

/// What comes without a count or a chain of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// What a zone block sends.
    Outbox(Box<OutboxTransaction>),
    /// What is said of a zone block.
    Verdict(Box<VerdictTransaction>),
    /// A leaf of a frozen zone.
    Exit(Box<ExitTransaction>),
}

#[derive(Debug, Default)]
pub(super) struct Others(Vec<Other>);

impl Others {
    /// What must have been signed; `None` if it is here already.
    pub(super) fn check(&self, state: &State, other: &Other) -> Result<Option<Vec<Claim>>, PoolError> {
        if self.0.contains(other) {
            return Ok(None);
        }
        let count = self.0.len();
        if count >= POOL_OTHERS_MAX {
            return Err(PoolError::Full { count });
        }
        Ok(Some(claims(state, other)?))
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, other: Other) {
        self.0.push(other);
    }

    pub(super) fn prune(&mut self, state: &State) {
        self.0.retain(|other| claims(state, other).is_ok());
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for other in &self.0 {
            proposal.take(other.transaction());
        }
    }
}

impl Other {
    fn transaction(&self) -> Transaction {
        match self {
            Self::Outbox(outbox) => Transaction::Outbox(outbox.clone()),
            Self::Verdict(verdict) => Transaction::Verdict(verdict.clone()),
            Self::Exit(exit) => Transaction::Exit(exit.clone()),
        }
    }
}

/// Executes it on a scratch copy, which shares all that it does not change.
fn claims(state: &State, other: &Other) -> Result<Vec<Claim>, PoolError> {
    let mut effects = Effects::default();
    let place = Place { index: 0, at: state.height().next() };
    state.clone().execute(&other.transaction(), place, &mut effects)?;
    Ok(effects.claims)
}
