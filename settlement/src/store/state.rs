//! The trait that the chain holds its state by.

use super::error::StoreError;
use super::limits::{FACT_KEY_SIZE_MAX, FACT_VALUE_SIZE_MAX};
use super::parameters::StoreParameters;
use super::proof::FactProof;
use super::sync::{StatePart, StateRequest, StateTarget};
use crate::digest::sha256;
use bytes::Bytes;
use futures::future::BoxFuture;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use plinth_types::record;

/// One change of a block: a fact gets a value, or is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The fact's key.
    pub key: Bytes,
    /// Its value behind the block; `None` removes the fact.
    pub value: Option<Bytes>,
}

/// A fact as stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Its key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
}

/// The block that a state is behind. The root covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Height of the block.
    pub height: Height,
    /// Its id.
    pub block: Digest,
    /// Its time.
    pub time: TimestampNs,
}

/// A state that proofs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The block that it is behind.
    pub position: Position,
    /// Its root: `pre_state` of the next block.
    pub root: Digest,
}

/// Where a fact lies: SHA-256 of its key bytes.
#[must_use]
pub fn key_hash(key: &[u8]) -> Digest {
    sha256(&[key])
}

/// State with a root, forks and proofs. Shared: every method takes `&self`.
pub trait VerifiableState: Send + Sync + 'static {
    /// A state that is not applied: a chain of writes on top of the live one. Cheap to clone.
    type Fork: Clone + Send + Sync + 'static;

    /// The live state, as something to fork from.
    fn live(&self) -> BoxFuture<'_, Result<(Live, Self::Fork), StoreError>>;

    /// The format that it was made in.
    fn format(&self) -> BoxFuture<'_, Result<StoreParameters, StoreError>>;

    /// The state behind `position`, which writes `writes` on top of `parent`. Nothing changes on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the store stays open. A parent that was forked from a state that will never be live is refused.
    fn fork<'a>(
        &'a self,
        parent: &'a Self::Fork,
        writes: &'a [Write],
        position: Position,
    ) -> BoxFuture<'a, Result<Self::Fork, StoreError>>;

    /// Makes a fork the live state; returns when that is durable. The ancestors that were not applied are applied with it.
    fn apply(&self, fork: Self::Fork) -> BoxFuture<'_, Result<Live, StoreError>>;

    /// The live value of a fact.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>>;

    /// Every live fact, in the order of the keys' hashes.
    fn facts(&self) -> BoxFuture<'_, Result<Vec<Fact>, StoreError>>;

    /// Proves a fact, or its absence, against the live root.
    fn prove<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<(Live, FactProof), StoreError>>;

    /// The live state, for others to fetch.
    fn target(&self) -> BoxFuture<'_, Result<StateTarget, StoreError>>;

    /// A part of the log, of this state or an older one, for whoever fetches it; at most
    /// [`SYNC_ANSWER_SIZE_MAX`](super::limits::SYNC_ANSWER_SIZE_MAX) bytes or one operation.
    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, StoreError>>;

    /// Removes everything from the disk; the store is closed from then on.
    fn discard(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Drops what no state needs that was live when this was called last, or later; nothing at the first call. The root stays.
    fn prune(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

impl Write {
    /// Whether the store takes it.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let (key, value) = (self.key.len(), self.value.as_ref().map_or(0, Bytes::len));
        if key > FACT_KEY_SIZE_MAX {
            return Err(StoreError::KeySize { size: key });
        }
        if value > FACT_VALUE_SIZE_MAX {
            return Err(StoreError::ValueSize { size: value });
        }
        Ok(())
    }
}

impl Fact {
    /// The stored entry: `key size u16 │ key │ value`.
    pub(super) fn entry(key: &[u8], value: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(2 + key.len() + value.len());
        u16::try_from(key.len()).expect("a key has a bound").encode(&mut out);
        out.extend_from_slice(key);
        out.extend_from_slice(value);
        out.into()
    }

    pub(super) fn from_entry(entry: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(entry);
        let size = usize::from(u16::read(&mut reader)?);
        if size > FACT_KEY_SIZE_MAX || entry.len() < 2 + size {
            return Err(reader.invalid("size of a fact's key"));
        }
        Ok(Self { key: entry.slice(2..2 + size), value: entry.slice(2 + size..) })
    }
}

impl Position {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(Position { height, block, time }, version "position version");
