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
            // What cannot go in as things stand (its zone was frozen since, say) must not keep its owner from anything else.
            Some(waiting) if waiting.order.check(state).is_ok() => return Err(PoolError::NonceTaken { owner, nonce }),
            Some(_) => {
                order.check(state)?;
                return Ok(Inserted::New);
            }
            None => {}
        }
        if self.count >= POOL_DEPOSITS_MAX && self.gives_way_to(&owner).is_none() {
            return Err(PoolError::Full { count: self.count });
        }
        order.check(state)?;
        Ok(Inserted::New)
    }

    /// Who has at least two more here than `owner`, and the most of all.
    fn gives_way_to(&self, owner: &PublicKey) -> Option<PublicKey> {
        let own = self.owners.get(owner).map_or(0, BTreeMap::len);
        let most = self.owners.iter().max_by_key(|(_, waiting)| waiting.len());
        most.filter(|(_, waiting)| waiting.len() > own + 1).map(|(most, _)| *most)
    }

    /// What was checked and verified.
    pub(super) fn insert(&mut self, order: OwnerOrder) {
        self.arrivals += 1;
        let (owner, nonce) = (order.owner(), order.nonce());
        if self.count >= POOL_DEPOSITS_MAX
            && let Some(most) = self.gives_way_to(&owner)
        {
            // The last in its order: nothing else of its owner waits for it.
            let gone = self.owners.get_mut(&most).and_then(BTreeMap::pop_last);
            self.count -= usize::from(gone.is_some());
        }
        let waiting = Waiting { arrival: self.arrivals, order };
        let before = self.owners.entry(owner).or_default().insert(nonce, waiting);
        self.count += usize::from(before.is_none());
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
