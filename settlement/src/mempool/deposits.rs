//! Deposits and instructions that wait: per owner by number, proposed in order of arrival.

use super::{Inserted, PoolError, Proposal};
use crate::block::{SignedDeposit, SignedInstruction, Transaction};
use crate::ledger::{State, TransactionError};
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
    order: OwnerOrder,
}

/// What an owner signed under the next number of its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnerOrder {
    Deposit(SignedDeposit),
    Instruction(Box<SignedInstruction>),
}

impl OwnerOrder {
    const fn owner(&self) -> PublicKey {
        match self {
            Self::Deposit(signed) => signed.deposit.owner,
            Self::Instruction(signed) => signed.instruction.owner,
        }
    }

    const fn nonce(&self) -> u64 {
        match self {
            Self::Deposit(signed) => signed.deposit.nonce,
            Self::Instruction(signed) => signed.instruction.nonce,
        }
    }

    fn check(&self, state: &State) -> Result<(), TransactionError> {
        match self {
            Self::Deposit(signed) => state.check_deposit(&signed.deposit),
            Self::Instruction(signed) => state.check_instruction(&signed.instruction),
        }
    }

    fn transaction(&self) -> Transaction {
        match self {
            Self::Deposit(signed) => Transaction::Deposit(*signed),
            Self::Instruction(signed) => Transaction::Instruct(signed.clone()),
        }
    }
}

impl Deposits {
    /// Everything but the signature.
    pub(super) fn check(&self, state: &State, order: &OwnerOrder) -> Result<Inserted, PoolError> {
        let (owner, nonce) = (order.owner(), order.nonce());
        // An issuer may have nothing yet.
        if !state.knows_owner(&owner) && !state.is_issuer(&owner) {
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
            Some(waiting) if waiting.order == *order => return Ok(Inserted::Known),
            Some(_) => return Err(PoolError::NonceTaken { owner, nonce }),
            None => {}
        }
        if self.count >= POOL_DEPOSITS_MAX {
            return Err(PoolError::Full { count: self.count });
        }
        order.check(state)?;
        Ok(Inserted::New)
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, order: OwnerOrder) {
        self.arrivals += 1;
        let (owner, nonce) = (order.owner(), order.nonce());
        let waiting = Waiting { arrival: self.arrivals, order };
        let before = self.owners.entry(owner).or_default().insert(nonce, waiting);
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
            if proposal.take(waiting[&nonce].order.transaction()) {
                ready.extend(waiting.get(&(nonce + 1)).map(|found| (found.arrival, owner, nonce + 1)));
            }
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }
}
