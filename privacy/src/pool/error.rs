//! Why the pool refuses.

use super::nullifiers::InsertError;
use crate::field::{Anchor, Nullifier, RegistryRoot};
use crate::note::Value;
use crate::pool::batch::BadProof;
use crate::registry::Day;
use crate::tree::TreeFull;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, PublicKey, TimestampNs};
use thiserror::Error;

/// Why a transaction is not applied. The pool is then as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// The kill switch is on.
    #[error("the pool is halted")]
    Halted,
    /// The pool is retired: value may only leave.
    #[error("the pool is retired, and leg {leg} does not unshield")]
    Retired {
        /// Which leg.
        leg: usize,
    },
    /// Proven for another chain, zone, generation or circuit.
    #[error("the transaction is for another pool")]
    OtherPool,
    /// Too late.
    #[error("the transaction expired at height {expires}; this is height {height}")]
    Expired {
        /// Its last height.
        expires: Height,
        /// The block's.
        height: Height,
    },
    /// The registrations were proven good for another day.
    #[error("proven for {proven:?}, and today is {today:?}")]
    Day {
        /// The proof's.
        proven: Day,
        /// The pool's.
        today: Day,
    },
    /// Not a root of the registry that the pool still takes.
    #[error("registry root {0:?} is not among the last ones")]
    Registry(RegistryRoot),
    /// Not a root of the note tree that the pool still takes.
    #[error("anchor {0:?} is not among the last ones")]
    Anchor(Anchor),
    /// The same note twice in one transaction.
    #[error("nullifier {0:?} stands twice in the transaction")]
    Repeated(Nullifier),
    /// Spent before, or not shown to be unspent.
    #[error(transparent)]
    Nullifier(#[from] InsertError),
    /// No room.
    #[error(transparent)]
    Full(#[from] TreeFull),
    /// The pool does not take this asset, or under other terms.
    #[error("leg {leg}: asset {asset} is not in this pool under these terms")]
    Asset {
        /// Which leg.
        leg: usize,
        /// The asset.
        asset: AssetId,
    },
    /// The asset neither enters nor leaves for now.
    #[error("asset {0} is frozen")]
    Frozen(AssetId),
    /// No such credit, or not of this asset and amount.
    #[error("leg {leg}: no credit {credit} of this asset and amount waits")]
    Credit {
        /// Which leg.
        leg: usize,
        /// The credit named.
        credit: Digest,
    },
    /// The base layer could pay nobody.
    #[error("leg {leg}: {to} is no key, so the base layer cannot pay it")]
    Receiver {
        /// Which leg.
        leg: usize,
        /// Whom it names.
        to: PublicKey,
    },
    /// Not signed by the credit's owner.
    #[error("leg {leg}: the credit's owner did not sign this transaction")]
    Signature {
        /// Which leg.
        leg: usize,
    },
    /// More would leave than came in: the circuit is broken. Nothing leaves.
    #[error("turnstile: {requested} of asset {asset} would leave, {inside} came in")]
    Turnstile {
        /// The asset.
        asset: AssetId,
        /// What is inside.
        inside: Value,
        /// What was asked.
        requested: Value,
    },
    /// The asset's total would pass 64 bits.
    #[error("asset {0} would pass 64 bits in the pool")]
    TotalTooLarge(AssetId),
}

/// Why a block is not a block of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Not the next one.
    #[error("block of height {received}, and {expected} is next")]
    Height {
        /// The next.
        expected: Height,
        /// The block's.
        received: Height,
    },
    /// Before the block before it.
    #[error("block of time {received}, after one of {previous}")]
    Time {
        /// Of the last block.
        previous: TimestampNs,
        /// Of this one.
        received: TimestampNs,
    },
    /// A message is not the next of the inbox.
    #[error("inbox message {received}, and {expected} is next")]
    Inbox {
        /// The next.
        expected: InboxIndex,
        /// The message's.
        received: InboxIndex,
    },
    /// Value came back that the pool cannot hold, and a bounce cannot be refused. The pool sends to keys of the base layer only and
    /// without expiry, so nothing comes back.
    #[error("inbox message {index} gives back what the pool cannot have sent")]
    Bounce {
        /// Which.
        index: InboxIndex,
    },
    /// More than a header may pay.
    #[error("{0} payments to the base layer in one block")]
    Payouts(usize),
    /// A directive is not the next one, or not signed by who may give it.
    #[error("directive {index} of the block is out of order or not signed by who may give it")]
    Directive {
        /// Its place in the block.
        index: usize,
    },
    /// A transaction may not stand in it.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Its place.
        index: usize,
        /// Why.
        error: TransactionError,
    },
    /// A proof does not hold.
    #[error(transparent)]
    Proof(#[from] BadProof),
    /// The witness is of another state.
    #[error("the witness is of state {witness}, the header of {header}")]
    PreRoot {
        /// Of the witness.
        witness: Digest,
        /// Of the header.
        header: Digest,
    },
    /// The witness's set of nullifiers is not the state's.
    #[error("the nullifiers shown have another root than the state")]
    NullifierRoot,
    /// The block leads elsewhere than its header says.
    #[error("the block leads to state {reached}, the header says {header}")]
    PostRoot {
        /// By the rules.
        reached: Digest,
        /// Of the header.
        header: Digest,
    },
}
