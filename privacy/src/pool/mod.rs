//! The pool: what is kept about notes that nobody can read, and the blocks that change it.
//!
//! * [`state::PoolState`] is everything but two sets, in a few kilobytes under one root; [`nullifiers::Trie`] is the set of spent notes,
//!   [`crate::tree`] the tree of all notes.
//! * [`Pool`] is the producer's: it checks candidates, leaves out what may not stand, and seals a block with its witness.
//! * [`block::check`] is the validator's: no state of its own, the same rules.
//! * **Whatever the circuit may hide a fault, no more of an asset leaves than came in** ([`error::TransactionError::Turnstile`]); the kill
//!   switch and retirement ([`state::Gate`]) stop a pool, and what leaves a retired pool is counted against what came in.
//!
//! Known limitations: sets are in memory; the pool's own totals are one of two turnstiles, settlement keeps the other for the zone.

pub mod batch;
pub mod block;
pub mod directive;
pub mod error;
pub mod nullifiers;
mod rules;
pub mod state;

#[cfg(test)]
mod tests;

use crate::limits::{BLOCK_PAYOUTS_MAX, BLOCK_TRANSACTIONS_MAX};
use crate::transaction::Transaction;
use batch::{Proven, SenderId, Senders, Verifier};
use block::{Block, BlockWitness, Effects};
use directive::SignedDirective;
use error::{BlockError, TransactionError};
use nullifiers::Trie;
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use plinth_types::message::InboxMessage;
use state::PoolState;

/// The producer's pool.
#[derive(Debug)]
pub struct Pool {
    state: PoolState,
    nullifiers: Trie,
    senders: Senders,
}

/// What a block is made of.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Not before the last block.
    pub time: TimestampNs,
    /// Of registrar and controller.
    pub directives: Vec<SignedDirective>,
    /// The next messages of the inbox.
    pub arrivals: Vec<InboxMessage>,
    /// Candidates in order of arrival, with who sent them.
    pub candidates: Vec<(SenderId, Transaction)>,
}

/// A sealed block.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The block.
    pub block: Block,
    /// What a validator needs beside it.
    pub witness: BlockWitness,
    /// The state's root before it.
    pub pre_root: Digest,
    /// And behind it.
    pub post_root: Digest,
    /// What it does outside the pool.
    pub effects: Effects,
    /// Candidates left out, by place, with the reason.
    pub refused: Vec<(usize, Refusal)>,
}

/// What became of a draft.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A block.
    Sealed(Box<Sealed>),
    /// No candidate may stand in a block now, by place with the reason, and there was nothing else.
    Nothing(Vec<(usize, Refusal)>),
}

/// A draft behind all that can fail.
struct Selected {
    block: Block,
    state: PoolState,
    effects: Effects,
    /// Candidates with good proofs, by place. Two of them may still exclude each other.
    good: Vec<(usize, Transaction)>,
    refused: Vec<(usize, Refusal)>,
}

/// Why a candidate is not in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its sender sent too many bad proofs.
    #[error("the sender sent too many bad proofs")]
    NotHeard,
    /// The block is full.
    #[error("the block is full")]
    Later,
    /// A proof does not hold.
    #[error("a leg has no good proof")]
    BadProof,
    /// The rules forbid it.
    #[error(transparent)]
    Rules(#[from] TransactionError),
}

impl Pool {
    /// A pool with this state and no nullifier.
    #[must_use]
    pub fn new(genesis: PoolState) -> Self {
        Self { state: genesis, nullifiers: Trie::default(), senders: Senders::default() }
    }

    /// The state behind the last block.
    #[must_use]
    pub const fn state(&self) -> &PoolState {
        &self.state
    }

    /// Forgets which senders sent bad proofs.
    pub fn next_window(&mut self) {
        self.senders.next_window();
    }

    /// Seals a block of all candidates that may stand in it. Cheap rules are checked before proofs, so a candidate that is refused by
    /// them costs no proof.
    ///
    /// # Errors
    ///
    /// [`BlockError`] for time, directives and messages; the pool is then as it was.
    pub fn seal(&mut self, verifier: &Verifier, draft: Draft) -> Result<Sealed, BlockError> {
        let selected = self.select(verifier, draft)?;
        Ok(self.finish(selected))
    }

    /// As [`Pool::seal`]; where nothing may stand in a block there is none, and only the refusals are told.
    ///
    /// # Errors
    ///
    /// As [`Pool::seal`].
    pub fn seal_if_any(&mut self, verifier: &Verifier, draft: Draft) -> Result<Outcome, BlockError> {
        let selected = self.select(verifier, draft)?;
        let Block { directives, arrivals, .. } = &selected.block;
        if directives.is_empty() && arrivals.is_empty() && selected.good.is_empty() {
            return Ok(Outcome::Nothing(selected.refused));
        }
        Ok(Outcome::Sealed(Box::new(self.finish(selected))))
    }

    /// Executes a block of one's own journal again: its proofs were checked before it was written.
    ///
    /// # Errors
    ///
    /// [`BlockError`]; the pool is then in between, and to be dropped.
    pub fn replay(&mut self, block: Block) -> Result<Sealed, BlockError> {
        let shown = block.transactions.iter().flat_map(Transaction::nullifiers);
        let witness = BlockWitness { state: self.state.clone(), nullifiers: self.nullifiers.witness(shown) };
        let mut state = self.state.clone();
        let effects = block::apply(&mut state, &mut self.nullifiers, &block, &Proven::before(&block.transactions))?;
        let (pre_root, post_root) = (self.state.root(), state.root());
        self.state = state;
        Ok(Sealed { block, witness, pre_root, post_root, effects, refused: Vec::new() })
    }

    /// Everything that can fail.
    fn select(&mut self, verifier: &Verifier, draft: Draft) -> Result<Selected, BlockError> {
        let mut state = self.state.clone();
        let height = state.height.next();
        let Draft { time, directives, arrivals, candidates } = draft;
        let block = Block { height, time, directives, arrivals, transactions: Vec::new() };
        let effects = block::begin(&mut state, &block)?;

        let (mut heard, mut transactions, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut payouts = 0;
        for (place, (sender, transaction)) in candidates.into_iter().enumerate() {
            let asked = transaction.payouts();
            let is_full = transactions.len() == BLOCK_TRANSACTIONS_MAX || payouts + asked > BLOCK_PAYOUTS_MAX;
            match self.hear(&state, sender, &transaction, is_full) {
                Ok(()) => {
                    payouts += asked;
                    heard.push((place, sender));
                    transactions.push(transaction);
                }
                Err(refusal) => refused.push((place, refusal)),
            }
        }
        let bad = verifier.bad(&transactions);
        for index in &bad {
            let (place, sender) = heard[*index];
            self.senders.sent_bad_proof(sender);
            refused.push((place, Refusal::BadProof));
        }
        let numbered = transactions.into_iter().enumerate().filter(|(index, _)| bad.binary_search(index).is_err());
        let good = numbered.map(|(index, transaction)| (heard[index].0, transaction)).collect();
        Ok(Selected { block, state, effects, good, refused })
    }

    fn finish(&mut self, selected: Selected) -> Sealed {
        let Selected { mut block, mut state, mut effects, good, mut refused } = selected;
        let shown = good.iter().flat_map(|(_, transaction)| transaction.nullifiers());
        let witness = BlockWitness { state: self.state.clone(), nullifiers: self.nullifiers.witness(shown) };
        for (place, transaction) in good {
            match rules::apply(&mut state, &mut self.nullifiers, &transaction) {
                Ok(paid) => {
                    effects.payouts.extend(paid);
                    block.transactions.push(transaction);
                }
                Err(error) => refused.push((place, Refusal::Rules(error))),
            }
        }
        block::end(&mut state, &mut self.nullifiers);
        refused.sort_by_key(|(place, _)| *place);
        let (pre_root, post_root) = (self.state.root(), state.root());
        self.state = state;
        Sealed { block, witness, pre_root, post_root, effects, refused }
    }

    /// What can be refused before a proof is looked at.
    fn hear(&self, state: &PoolState, sender: SenderId, transaction: &Transaction, is_full: bool) -> Result<(), Refusal> {
        if !self.senders.is_heard(sender) {
            return Err(Refusal::NotHeard);
        }
        if is_full {
            return Err(Refusal::Later);
        }
        rules::check(state, &self.nullifiers, transaction)?;
        Ok(())
    }
}
