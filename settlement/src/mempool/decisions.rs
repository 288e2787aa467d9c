//! Decisions that wait, by number. Each has passed the authority check, so only governors can fill this.

use super::{Inserted, PoolError, Proposal};
use crate::block::{GovernedTransaction, Transaction};
use crate::ledger::State;
use crate::limits::POOL_DECISIONS_MAX;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Decisions(BTreeMap<u64, GovernedTransaction>);

impl Decisions {
    /// Everything but the signatures.
    pub(super) fn check(&self, state: &State, governed: &GovernedTransaction) -> Result<Inserted, PoolError> {
        let (nonce, last) = (governed.nonce, state.decisions());
        if nonce <= last {
            return Err(PoolError::Behind { number: nonce, last });
        }
        let number_max = last.saturating_add(POOL_DECISIONS_MAX);
        if nonce > number_max {
            return Err(PoolError::Ahead { number: nonce, number_max });
        }
        state.check_authority(&governed.approvals).map_err(crate::ledger::TransactionError::from)?;
        match self.0.get(&nonce) {
            Some(waiting) if waiting.action == governed.action => Ok(Inserted::Known),
            // The governors may have changed their minds; what was decided first and does not fit must not block them.
            Some(_) | None => Ok(Inserted::New),
        }
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, governed: GovernedTransaction) {
        self.0.insert(governed.nonce, governed);
    }

    pub(super) fn prune(&mut self, state: &State) {
        self.0.retain(|&nonce, _| nonce > state.decisions());
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for governed in self.0.values() {
            if !proposal.take(Transaction::Governed(Box::new(governed.clone()))) {
                break;
            }
        }
    }
}
