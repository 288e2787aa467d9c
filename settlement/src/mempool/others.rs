//! Lists of messages, verdicts and exits that wait. Each fits the ledger as it is, so their number follows from what is unsettled, and is
//! bounded for each zone by itself: leaving one delays no other.

use super::{PoolError, Proposal, claims};
use crate::block::{ExitTransaction, OutboxTransaction, Transaction};
use crate::digest::sha256;
use crate::ledger::{Claim, State};
use crate::limits::POOL_OTHERS_PER_ZONE_MAX;
use crate::verdict::VerdictTransaction;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use std::collections::BTreeMap;

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

/// What it is about: one of each is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Outbox(Height),
    Verdict(Height, Digest),
    Exit(u64),
}

#[derive(Debug, Default)]
pub(super) struct Others(BTreeMap<(ZoneId, Place), Other>);

impl Others {
    /// What must have been signed; `None` if it is here already.
    pub(super) fn check(&self, state: &State, other: &Other) -> Result<Option<Vec<Claim>>, PoolError> {
        let (zone, place) = other.place();
        if self.0.contains_key(&(zone, place)) {
            return Ok(None);
        }
        let count = self.0.range((zone, Place::Outbox(Height::new(0)))..=(zone, Place::Exit(u64::MAX))).count();
        if count >= POOL_OTHERS_PER_ZONE_MAX {
            return Err(PoolError::Full { count });
        }
        Ok(Some(claims(state, &other.transaction())?))
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, other: Other) {
        self.0.insert(other.place(), other);
    }

    pub(super) fn prune(&mut self, state: &State) {
        self.0.retain(|_, other| claims(state, &other.transaction()).is_ok());
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for other in self.0.values() {
            proposal.take(other.transaction());
        }
    }
}

impl Other {
    fn place(&self) -> (ZoneId, Place) {
        match self {
            Self::Outbox(outbox) => (outbox.zone, Place::Outbox(outbox.height)),
            // Several words may be said of a block; the same one by others is the same.
            Self::Verdict(said) => (said.verdict.zone, Place::Verdict(said.verdict.height, sha256(&[&said.verdict.to_bytes()]))),
            Self::Exit(exit) => (exit.zone, Place::Exit(exit.leaf.index)),
        }
    }

    fn transaction(&self) -> Transaction {
        match self {
            Self::Outbox(outbox) => Transaction::Outbox(outbox.clone()),
            Self::Verdict(verdict) => Transaction::Verdict(verdict.clone()),
            Self::Exit(exit) => Transaction::Exit(exit.clone()),
        }
    }
}
