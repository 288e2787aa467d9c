//! A wallet: what it finds on the chain, what it has, and the join-splits it makes.
//!
//! * A [`Wallet`] is made of a full viewing key. It follows the pool block by block ([`Wallet::scan`]), keeps the note tree, and knows its
//!   notes, what it sent, and its balance by asset. It holds nothing that spends.
//! * [`draft`] makes the leg of a transaction, [`draft::finish`] proves it with the spending key. [`swap`] binds legs of two parties, [`rfq`]
//!   finds the other one and the price, by [`letter`]s.
//! * [`keyfile`] keeps the seed under a passphrase.
//! * A note is spendable once its block was scanned. Notes of a draft are held back until the draft's expiry has passed.
//!
//! Known limitations: the tree is kept whole in memory (about 64 bytes a note of the pool). A payment uses at most two notes; with smaller
//! ones, send to yourself first ([`draft::DraftError::TooManyNotes`] says so).

pub mod draft;
pub mod encryption;
pub mod keyfile;
pub mod keys;
pub mod letter;
pub mod rfq;
pub mod swap;

#[cfg(test)]
mod tests;

use crate::disclosure::NoteOpening;
use crate::field::{Anchor, Nullifier};
use crate::note::{Note, PoolAsset, Position, Value, nullifier};
use crate::pool::block::Compact;
use crate::transaction::{Leg, PublicSide};
use crate::tree::{NoteTree, TreeFull};
use encryption::Memo;
use keys::{FullViewingKey, IncomingViewingKey, OutgoingViewingKey};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::collections::BTreeMap;
use thiserror::Error;

/// A note of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnNote {
    /// The note.
    pub note: Note,
    /// Its place in the tree.
    pub position: Position,
    /// The sender's line.
    pub memo: Memo,
    /// Where it came from.
    pub received_at: Height,
    /// Where it was spent, if it was.
    pub spent_at: Option<Height>,
    held_until: Option<Height>,
}

/// A line of the wallet's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The block.
    pub height: Height,
    /// The transaction.
    pub transaction: Digest,
    /// What happened.
    pub event: Event,
}

/// What a transaction did for the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A note came in, change included.
    Received(Note),
    /// A note of the wallet was spent.
    Spent(Note),
    /// The wallet paid somebody else.
    Sent(Note),
    /// The wallet paid an owner of the base layer.
    Unshielded(PoolAsset, Value),
}

/// Why a block cannot be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScanError {
    /// Not the next one.
    #[error("block {received}, and the wallet needs {expected} next")]
    Height {
        /// The next.
        expected: Height,
        /// The block's.
        received: Height,
    },
    /// More notes than the tree holds: not a block of a pool.
    #[error(transparent)]
    Full(#[from] TreeFull),
}

/// A wallet.
#[derive(Debug)]
pub struct Wallet {
    key: FullViewingKey,
    incoming: IncomingViewingKey,
    outgoing: OutgoingViewingKey,
    tree: NoteTree,
    height: Height,
    notes: BTreeMap<Nullifier, OwnNote>,
    history: Vec<Entry>,
}

impl Wallet {
    /// A wallet that has seen nothing.
    #[must_use]
    pub fn new(key: FullViewingKey) -> Self {
        Self {
            key,
            incoming: key.incoming(),
            outgoing: key.outgoing(),
            tree: NoteTree::default(),
            height: Height::new(0),
            notes: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    /// The key it sees with.
    #[must_use]
    pub const fn key(&self) -> &FullViewingKey {
        &self.key
    }

    /// The last block that it scanned.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Every note that it ever had.
    pub fn notes(&self) -> impl Iterator<Item = &OwnNote> {
        self.notes.values()
    }

    /// What spending each of its notes reveals.
    pub fn nullifiers(&self) -> impl Iterator<Item = Nullifier> {
        self.notes.keys().copied()
    }

    /// What happened, in order.
    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    /// What it has, by asset.
    #[must_use]
    pub fn balance(&self) -> BTreeMap<PoolAsset, u128> {
        let mut balance = BTreeMap::new();
        for own in self.notes.values().filter(|own| own.spent_at.is_none()) {
            *balance.entry(own.note.asset).or_insert(0) += u128::from(own.note.value.units());
        }
        balance
    }

    /// The root of the note tree behind the last block that it scanned: the pool's, if the blocks were.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.tree.frontier().root()
    }

    /// What opens a note of its own to somebody, without the keys.
    #[must_use]
    pub fn opening(&self, own: &OwnNote) -> Option<NoteOpening> {
        Some(NoteOpening { note: own.note, path: self.tree.path(own.position)? })
    }

    /// Follows the next block. One key agreement for each leg.
    ///
    /// # Errors
    ///
    /// [`ScanError`].
    pub fn scan(&mut self, block: &Compact) -> Result<(), ScanError> {
        if block.height != self.height.next() {
            return Err(ScanError::Height { expected: self.height.next(), received: block.height });
        }
        for transaction in &block.transactions {
            let id = transaction.id();
            for leg in &transaction.legs {
                self.scan_leg(block.height, id, leg)?;
            }
        }
        self.height = block.height;
        Ok(())
    }

    fn scan_leg(&mut self, height: Height, transaction: Digest, leg: &Leg) -> Result<(), TreeFull> {
        let mut log = |event| self.history.push(Entry { height, transaction, event });
        let mut mine = false;
        for spent in &leg.nullifiers {
            if let Some(own) = self.notes.get_mut(spent) {
                own.spent_at = Some(height);
                log(Event::Spent(own.note));
                mine = true;
            }
        }
        let mut positions = Vec::with_capacity(leg.commitments.len());
        for commitment in leg.commitments {
            positions.push(self.tree.append(commitment)?);
        }
        for opened in leg.notes.receive(&self.incoming, &leg.commitments) {
            let position = positions[opened.index];
            if opened.note.value == Value::ZERO {
                continue;
            }
            let spends = nullifier(self.key.nullifier_key().0, opened.note.commitment(), position);
            let own =
                OwnNote { note: opened.note, position, memo: opened.memo, received_at: height, spent_at: None, held_until: None };
            self.notes.insert(spends, own);
            log(Event::Received(opened.note));
        }
        for opened in leg.notes.recall(&self.outgoing, &leg.commitments) {
            mine = true;
            if opened.note.owner != self.incoming.owner() && opened.note.value != Value::ZERO {
                log(Event::Sent(opened.note));
            }
        }
        if let (true, PublicSide::Unshield { asset, value, .. }) = (mine, leg.public) {
            log(Event::Unshielded(asset, value));
        }
        Ok(())
    }
}
