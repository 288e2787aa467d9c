//! Decisions that wait, by number. Each has passed the authority check, so only governors can fill this.
//!
//! The next one must fit the ledger as it is: what does not is refused with the ledger's reason, and its number stays free. One that came
//! early is looked at when its turn has come, and forgotten if it does not fit; whoever brought it brings it again, and is told then.

use super::{Inserted, PoolError, Proposal, claims};
use crate::block::{GovernedTransaction, Transaction};
use crate::ledger::State;
use crate::limits::POOL_DECISIONS_MAX;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Decisions(BTreeMap<u64, GovernedTransaction>);

impl Decisions {
    /// Everything but the signatures, and of the next one whether it can be carried out.
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
            Some(waiting) if waiting.action == governed.action => return Ok(Inserted::Known),
            // The governors may have changed their minds; what was decided first and does not fit must not block them.
            Some(_) | None => {}
        }
        if nonce == last + 1 {
            fits(state, governed)?;
        }
        Ok(Inserted::New)
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, governed: GovernedTransaction) {
        self.0.insert(governed.nonce, governed);
    }

    pub(super) fn prune(&mut self, state: &State) {
        let next = state.decisions() + 1;
        self.0.retain(|&nonce, governed| nonce > next || nonce == next && fits(state, governed).is_ok());
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for governed in self.0.values() {
            if !proposal.take(Transaction::Governed(Box::new(governed.clone()))) {
                break;
            }
        }
    }
}

fn fits(state: &State, governed: &GovernedTransaction) -> Result<(), PoolError> {
    claims(state, &Transaction::Governed(Box::new(governed.clone()))).map(|_| ())
}
