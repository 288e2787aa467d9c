//! A block on top of a state: checked, then applied. Only what was checked can be applied.

use super::error::BlockError;
use super::execute::{Effects, Place};
use super::facts::{FactKey, Writes};
use super::signatures::{Claim, Verifier};
use super::state::State;
use super::zone::{Freeze, ZoneBlock};
use crate::block::Block;
use crate::keys::SignatureError;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use plinth_types::message::InboxMessage;
use std::sync::{Arc, OnceLock};

/// A block that fits its parent in everything but the signatures, which nobody has verified.
#[derive(Debug)]
pub struct Unverified {
    checked: Checked,
    claims: Vec<Claim>,
}

/// A block that is valid on top of its parent. Holding one is the check.
#[derive(Debug)]
pub struct Checked {
    parent: Digest,
    state: State,
    outcome: Outcome,
}

/// What a block did, for those who wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The block's id.
    pub block: Digest,
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: TimestampNs,
    /// Zone blocks that it ordered, in order.
    pub ordered: Vec<ZoneBlock>,
    /// Their headers, in the same order.
    pub headers: Vec<ZoneHeader>,
    /// Zone blocks that it made available: f+1 validators rebuilt their bodies. In order, zone by zone.
    pub available: Vec<ZoneBlock>,
    /// Zone blocks that it settled, ascending by zone and height. Their value has moved, as the zone's mode says.
    pub settled: Vec<ZoneBlock>,
    /// Zone blocks that it rejected, ascending by height within a zone: they are to be executed again.
    pub rejected: Vec<ZoneBlock>,
    /// Messages that it appended, in order; each names its zone and index.
    pub inbox: Vec<InboxMessage>,
    /// Zones that it froze.
    pub frozen: Vec<Freeze>,
    /// Facts that it changed, ascending by key.
    pub writes: Writes,
}

impl State {
    /// Checks a block, signatures last.
    ///
    /// # Errors
    ///
    /// [`BlockError`].
    pub fn check(&self, block: &Block, verifier: &mut impl Verifier) -> Result<Checked, BlockError> {
        self.check_unsigned(block)?.verify(verifier)
    }

    /// Checks everything of a block but the signatures: sizes, structure, then transaction by transaction against the state.
    ///
    /// # Errors
    ///
    /// [`BlockError`], never of a signature.
    pub fn check_unsigned(&self, block: &Block) -> Result<Unverified, BlockError> {
        let limits = self.genesis.limits();
        let (size, count) = (block.size(), block.transactions().len());
        if size > limits.block_size_max as usize {
            return Err(BlockError::Size { size, size_max: limits.block_size_max });
        }
        if count > limits.block_transactions_max as usize {
            return Err(BlockError::TransactionCount { count, count_max: limits.block_transactions_max });
        }
        let (height, expected) = (block.height(), self.height.next());
        if height != expected {
            return Err(BlockError::Height { height, expected });
        }
        if block.parent() != self.block {
            return Err(BlockError::Parent { parent: block.parent(), expected: self.block });
        }
        if block.time() <= self.time {
            return Err(BlockError::Time { time: block.time(), parent: self.time });
        }
        if block.pre_state() != self.root() {
            return Err(BlockError::PreState { pre_state: block.pre_state(), expected: self.root() });
        }
        self.execute_block(block)
    }

    /// Makes the state that of the checked block. Where a format of the store begins behind it, the state has no root until its holder
    /// has written the facts anew.
    ///
    /// # Panics
    ///
    /// If the block was checked on top of another state: a bug of the caller, who would otherwise finalize a fork.
    pub fn apply(&mut self, checked: Checked) -> Outcome {
        assert!(checked.parent == self.block, "a block on top of {} applied to {}", checked.parent, self.block);
        *self = checked.state;
        if self.begin_store_format() {
            (self.digest, self.root) = (OnceLock::new(), None);
        }
        checked.outcome
    }

    fn execute_block(&self, block: &Block) -> Result<Unverified, BlockError> {
        let mut state = self.clone();
        (state.digest, state.root) = (OnceLock::new(), None);
        let mut effects = Effects::default();
        for (index, transaction) in block.transactions().iter().enumerate() {
            let place = Place { index, at: block.height() };
            let executed = state.execute(transaction, place, &mut effects);
            executed.map_err(|error| BlockError::Transaction { index, error })?;
        }
        state.begin_modes(block.height());
        state.settle(block.height(), block.time(), &mut effects);
        state.watch_zones(block.height());
        (state.block, state.height, state.time) = (block.id(), block.height(), block.time());
        state.touch(FactKey::Head);
        for epoch in Arc::make_mut(&mut state.epochs).reach(block.height()) {
            state.touch(FactKey::Committee(epoch));
        }
        state.state_conservation();
        let writes = state.take_writes(self);
        let Effects { claims, ordered, headers, available, settled, rejected, inbox, frozen, requests: _ } = effects;
        let (id, height, time) = (block.id(), block.height(), block.time());
        let outcome = Outcome { block: id, height, time, ordered, headers, available, settled, rejected, inbox, frozen, writes };
        Ok(Unverified { checked: Checked { parent: self.block, state, outcome }, claims })
    }
}

impl Unverified {
    /// What must have been signed.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Verifies the signatures.
    ///
    /// # Errors
    ///
    /// [`BlockError::Signature`].
    pub fn verify(self, verifier: &mut impl Verifier) -> Result<Checked, BlockError> {
        match verifier.verify(&self.claims) {
            Ok(()) => Ok(self.checked),
            Err(at) => {
                let Claim { index, signer, key, .. } = self.claims[at];
                Err(BlockError::Signature { index, signer, error: SignatureError { key } })
            }
        }
    }

    /// Takes a block whose finalization certificate the caller has verified: 2f+1 validators verified the signatures. For replay and
    /// catch-up, where they would be verified a second time.
    #[must_use]
    pub fn finalized(self) -> Checked {
        self.checked
    }
}

impl Checked {
    /// The ledger behind the block, on which a child can be checked before this one is final.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The same, where a verifiable store has this root behind the block.
    #[must_use]
    pub fn with_root(self, root: Digest) -> Self {
        Self { state: self.state.with_root(root), ..self }
    }

    /// What the block does.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}
