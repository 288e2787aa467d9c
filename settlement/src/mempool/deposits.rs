//! Deposits that wait: per owner by number, proposed in order of arrival.

use super::{Inserted, PoolError, Proposal};
use crate::block::{SignedDeposit, Transaction};
use crate::ledger::State;
use crate::limits::{POOL_DEPOSITS_MAX, POOL_DEPOSITS_PER_OWNER_MAX};
use plinth_types::id::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct Deposits {
    owners: BTreeMap<PublicKey, BTreeMap<u64, Waiting>>,
    count: usize,
    arrivals: u64,
}

#[derive(Debug)]
struct Waiting {
    arrival: u64,
    signed: SignedDeposit,
}

impl Deposits {
    /// Everything but the signature.
    pub(super) fn check(&self, state: &State, signed: &SignedDeposit) -> Result<Inserted, PoolError> {
        let (owner, nonce) = (signed.deposit.owner, signed.deposit.nonce);
        if !state.knows_owner(&owner) {
            return Err(PoolError::UnknownOwner { owner });
        }
        let last = state.deposit_nonce(&owner);
        if nonce <= last {
            return Err(PoolError::Behind { number: nonce, last });
        }
        let number_max = last.saturating_add(POOL_DEPOSITS_PER_OWNER_MAX as u64);
        if nonce > number_max {
            return Err(PoolError::Ahead { number: nonce, number_max });
        }
        match self.owners.get(&owner).and_then(|waiting| waiting.get(&nonce)) {
            Some(waiting) if waiting.signed == *signed => return Ok(Inserted::Known),
            Some(_) => return Err(PoolError::NonceTaken { owner, nonce }),
            None => {}
        }
        if self.count >= POOL_DEPOSITS_MAX {
            return Err(PoolError::Full { count: self.count });
        }
        state.check_deposit(signed)?;
        Ok(Inserted::New)
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, signed: SignedDeposit) {
        self.arrivals += 1;
        let waiting = Waiting { arrival: self.arrivals, signed };
        let before = self.owners.entry(signed.deposit.owner).or_default().insert(signed.deposit.nonce, waiting);
        assert!(before.is_none(), "checked to be new");
        self.count += 1;
    }

    pub(super) fn prune(&mut self, state: &State) {
        let mut count = 0;
        self.owners.retain(|owner, waiting| {
            let last = state.deposit_nonce(owner);
            waiting.retain(|&nonce, _| nonce > last);
            count += waiting.len();
            !waiting.is_empty()
        });
        self.count = count;
    }

    /// The oldest first, but each owner's in order of their numbers. An owner whose next one does not go in waits with all.
    pub(super) fn propose(&self, proposal: &mut Proposal) {
        let mut ready: BTreeSet<(u64, PublicKey, u64)> = BTreeSet::new();
        for (&owner, waiting) in &self.owners {
            let next = proposal.state().deposit_nonce(&owner) + 1;
            ready.extend(waiting.get(&next).map(|found| (found.arrival, owner, next)));
        }
        while let Some((_, owner, nonce)) = ready.pop_first() {
            let waiting = &self.owners[&owner];
            if proposal.take(Transaction::Deposit(waiting[&nonce].signed)) {
                ready.extend(waiting.get(&(nonce + 1)).map(|found| (found.arrival, owner, nonce + 1)));
            }
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }
}
