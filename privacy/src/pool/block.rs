//! Blocks of the pool: how they move its state, and how they are checked by someone who holds none of it.
//!
//! ```text
//! Block    height, time, directives, inbox messages, transactions with their proofs
//! Witness  the state before it, and the nullifier set cut down to the block's nullifiers
//! ```
//!
//! * [`check`] needs the header's two roots, the block and its witness: it checks every proof, that every nullifier was absent, and
//!   that the rules lead from the one root to the other. Its cost is linear in the transactions; there is no proof of the whole.
//! * The producer's [`super::Pool`] and [`check`] run the same [`apply`], so they cannot disagree about the rules.
//! * Directives come first, then messages, then transactions; the new anchor is known from the next block on.

use super::batch::{Proven, Verifier};
use super::directive::SignedDirective;
use super::error::BlockError;
use super::nullifiers::Trie;
use super::rules;
use super::state::PoolState;
use crate::limits::{BLOCK_CREDITS_MAX, BLOCK_DIRECTIVES_MAX, BLOCK_PAYOUTS_MAX, BLOCK_TRANSACTIONS_MAX};
use crate::transaction::{Skeleton, Transaction};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, PublicKey, TimestampNs};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::record;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// One more than the last.
    pub height: Height,
    /// Not before the last.
    pub time: TimestampNs,
    /// Of registrar and controller.
    pub directives: Vec<SignedDirective>,
    /// The next messages of the zone's inbox.
    pub arrivals: Vec<InboxMessage>,
    /// In order.
    pub transactions: Vec<Transaction>,
}

/// What a block's check needs of the state before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockWitness {
    /// All but the sets.
    pub state: PoolState,
    /// The nullifier set, cut down.
    pub nullifiers: Trie,
}

/// What leaves the pool for the base layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payout {
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// To whom.
    pub to: PublicKey,
    /// The transaction that unshielded it.
    pub cause: Digest,
    /// Its place among all payouts of the pool's life, from 1.
    pub number: u64,
}

/// What a block does outside the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What leaves, in order.
    pub payouts: Vec<Payout>,
    /// Messages that the pool could not take, ascending: their value goes back to who sent it.
    pub returned: Vec<InboxIndex>,
}

/// A block as wallets and auditors need it: without proofs, signatures and messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    /// The block's.
    pub height: Height,
    /// The block's.
    pub time: TimestampNs,
    /// In order.
    pub transactions: Vec<Skeleton>,
}

/// Applies a block whose proofs were checked. On an error `state` and `nullifiers` are in between: work on copies, or drop them.
///
/// # Errors
///
/// [`BlockError`].
pub(super) fn apply(
    state: &mut PoolState,
    nullifiers: &mut Trie,
    block: &Block,
    proven: &Proven<'_>,
) -> Result<Effects, BlockError> {
    let mut effects = begin(state, block)?;
    for (index, transaction) in proven.transactions().iter().enumerate() {
        let paid = rules::apply(state, nullifiers, transaction).map_err(|error| BlockError::Transaction { index, error })?;
        effects.payouts.extend(paid);
    }
    end(state, nullifiers);
    if effects.payouts.len() > BLOCK_PAYOUTS_MAX {
        return Err(BlockError::Payouts(effects.payouts.len()));
    }
    Ok(effects)
}

/// Height, time, directives and messages of a block.
pub(super) fn begin(state: &mut PoolState, block: &Block) -> Result<Effects, BlockError> {
    if block.height != state.height.next() {
        return Err(BlockError::Height { expected: state.height.next(), received: block.height });
    }
    if block.time < state.time {
        return Err(BlockError::Time { previous: state.time, received: block.time });
    }
    state.height = block.height;
    state.time = block.time;
    for (index, directive) in block.directives.iter().enumerate() {
        directive.apply(state).ok_or(BlockError::Directive { index })?;
    }
    let mut effects = Effects::default();
    for message in &block.arrivals {
        if message.index != state.inbox.next() || message.zone != state.id.zone {
            return Err(BlockError::Inbox { expected: state.inbox.next(), received: message.index });
        }
        state.inbox = message.index;
        match (rules::take_in(state, message), message.kind) {
            (true, _) => {}
            (false, InboxKind::Bounce) => return Err(BlockError::Bounce { index: message.index }),
            (false, InboxKind::Transfer | InboxKind::Request(_)) => effects.returned.push(message.index),
        }
    }
    Ok(effects)
}

/// What every block ends with.
pub(super) fn end(state: &mut PoolState, nullifiers: &mut Trie) {
    state.nullifiers = nullifiers.root();
    let anchor = state.notes.root();
    state.push_anchor(anchor);
}

/// Checks a block without any state: every proof, every absence, and that it leads from one root to the other. `verifier` is asked for only
/// where there are proofs, since making a key takes longer than checking a block.
///
/// # Errors
///
/// [`BlockError`].
pub fn check<'v>(
    verifier: impl FnOnce() -> &'v Verifier,
    pre_root: Digest,
    post_root: Digest,
    block: &Block,
    witness: BlockWitness,
) -> Result<Effects, BlockError> {
    let prove = |transactions| Ok(verifier().verify(transactions)?);
    lead((pre_root, post_root), block, witness, prove).map(|(_, effects)| effects)
}

/// The state behind a block, its proofs left out: for who knows otherwise that it stands, as that it has settled. Everything else is checked as
/// [`check`] does.
///
/// # Errors
///
/// [`BlockError`], never of a proof.
pub fn reach(pre_root: Digest, post_root: Digest, block: &Block, witness: BlockWitness) -> Result<PoolState, BlockError> {
    lead((pre_root, post_root), block, witness, |transactions| Ok(Proven::before(transactions))).map(|(state, _)| state)
}

fn lead<'b>(
    (pre_root, post_root): (Digest, Digest),
    block: &'b Block,
    witness: BlockWitness,
    prove: impl FnOnce(&'b [Transaction]) -> Result<Proven<'b>, BlockError>,
) -> Result<(PoolState, Effects), BlockError> {
    let BlockWitness { mut state, mut nullifiers } = witness;
    let root = state.root();
    if root != pre_root {
        return Err(BlockError::PreRoot { witness: root, header: pre_root });
    }
    if nullifiers.root() != state.nullifiers {
        return Err(BlockError::NullifierRoot);
    }
    let proven = match &block.transactions[..] {
        [] => Proven::nothing(),
        transactions => prove(transactions)?,
    };
    let effects = apply(&mut state, &mut nullifiers, block, &proven)?;
    let reached = state.root();
    if reached != post_root {
        return Err(BlockError::PostRoot { reached, header: post_root });
    }
    Ok((state, effects))
}

impl Block {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// As wallets and auditors need it.
    #[must_use]
    pub fn compact(&self) -> Compact {
        let transactions = self.transactions.iter().map(|transaction| transaction.skeleton.clone()).collect();
        Compact { height: self.height, time: self.time, transactions }
    }
}

impl Compact {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

fn read_list<T: Codec>(reader: &mut Reader<'_>, field: &'static str, count_max: usize) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(field, count_max)?;
    (0..count).map(|_| T::read(reader)).collect()
}

fn encode_list<T: Codec>(items: &[T], out: &mut Vec<u8>) {
    encode_count(items.len(), out);
    items.iter().for_each(|item| item.encode(out));
}

impl Codec for Block {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.height.encode(out);
        self.time.encode(out);
        encode_list(&self.directives, out);
        encode_list(&self.arrivals, out);
        encode_list(&self.transactions, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("privacy block version"));
        }
        Ok(Self {
            height: Codec::read(reader)?,
            time: Codec::read(reader)?,
            directives: read_list(reader, "directives", BLOCK_DIRECTIVES_MAX)?,
            arrivals: read_list(reader, "inbox messages", BLOCK_CREDITS_MAX)?,
            transactions: read_list(reader, "transactions", BLOCK_TRANSACTIONS_MAX)?,
        })
    }
}

impl Codec for Compact {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.height.encode(out);
        self.time.encode(out);
        encode_list(&self.transactions, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("compact block version"));
        }
        let (height, time) = (Codec::read(reader)?, Codec::read(reader)?);
        Ok(Self { height, time, transactions: read_list(reader, "transactions", BLOCK_TRANSACTIONS_MAX)? })
    }
}

record!(BlockWitness { state, nullifiers });
