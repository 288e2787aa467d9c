//! What the pool knows, in one value with one root.
//!
//! * The state is small: the right edge of the note tree, the root of the nullifier set, windows of roots, totals by asset, credits that wait.
//!   A block's witness is the state before it with the paths of its nullifiers; nothing else is needed to check it.
//! * `total` of an asset is the turnstile: what came in less what went out. It is what the base layer could lose if the circuit were broken.
//! * The root is SHA-256 over a domain and the canonical encoding.

use super::directive::SignedDirective;
use super::nullifiers::Trie;
use crate::field::{Anchor, RegistryRoot};
use crate::limits::{ANCHORS_MAX, ASSETS_MAX, CREDITS_WAITING_MAX, REGISTRY_ROOTS_MAX};
use crate::note::{Eligibility, PoolAsset, Value};
use crate::registry::Day;
use crate::transaction::PoolId;
use crate::tree::Frontier;
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, PublicKey, TimestampNs};
use plinth_types::record;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// How far the pool is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Everything.
    Open,
    /// Nothing: the kill switch.
    Halted,
    /// Value may leave and not enter or move: a newer pool has taken over, and what leaves is counted against what came in.
    Retired,
}

/// An asset of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetState {
    /// Its terms.
    pub eligible: Eligibility,
    /// What came in less what went out.
    pub total: Value,
    /// Whether it neither enters nor leaves for now.
    pub frozen: bool,
}

/// An amount that settlement brought and that waits for its owner's shielding transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What.
    pub asset: AssetId,
    /// How much.
    pub value: Value,
    /// Who may shield it.
    pub owner: PublicKey,
}

/// The state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// Which pool.
    pub id: PoolId,
    /// Signs registry roots.
    pub registrar: PublicKey,
    /// Signs what assets the pool has, freezes, and the gate.
    pub controller: PublicKey,
    /// Directives so far.
    pub directives: u64,
    /// Of the last block.
    pub height: Height,
    /// Of the last block.
    pub time: TimestampNs,
    /// The last inbox message consumed.
    pub inbox: InboxIndex,
    /// Payouts so far: the channel to the base layer.
    pub paid_out: u64,
    /// How far it is open.
    pub gate: Gate,
    /// The note tree's right edge.
    pub notes: Frontier,
    /// The root of the nullifier set.
    pub nullifiers: Digest,
    /// The last roots of the note tree, the newest last.
    pub anchors: Vec<Anchor>,
    /// The last roots of the registry, the newest last.
    pub registries: Vec<RegistryRoot>,
    /// By asset.
    pub assets: BTreeMap<AssetId, AssetState>,
    /// By id of the message that brought them.
    pub credits: BTreeMap<Digest, Credit>,
}

impl PoolState {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// An empty pool.
    #[must_use]
    pub fn genesis(id: PoolId, registrar: PublicKey, controller: PublicKey) -> Self {
        let notes = Frontier::default();
        Self {
            id,
            registrar,
            controller,
            directives: 0,
            height: Height::new(0),
            time: TimestampNs::new(0),
            inbox: InboxIndex::new(0),
            paid_out: 0,
            gate: Gate::Open,
            anchors: vec![notes.root()],
            notes,
            nullifiers: Trie::default().root(),
            registries: Vec::new(),
            assets: BTreeMap::new(),
            credits: BTreeMap::new(),
        }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        Digest(Sha256::new().chain_update(b"plinth/privacy-state/1").chain_update(self.to_bytes()).finalize().into())
    }

    /// The day of a time.
    #[must_use]
    pub fn day_of(time: TimestampNs) -> Day {
        Day::new(u32::try_from(time.get() / NANOSECONDS_PER_DAY).unwrap_or(u32::MAX))
    }

    /// The asset as notes carry it, if the pool has it.
    #[must_use]
    pub fn pool_asset(&self, asset: AssetId) -> Option<PoolAsset> {
        PoolAsset::new(asset, self.assets.get(&asset)?.eligible)
    }

    /// Whether the next block may hold this directive.
    #[must_use]
    pub fn admits(&self, directive: &SignedDirective) -> bool {
        directive.apply(&mut self.clone()).is_some()
    }

    pub(super) fn push_anchor(&mut self, anchor: Anchor) {
        push(&mut self.anchors, anchor, ANCHORS_MAX);
    }

    pub(super) fn push_registry(&mut self, root: RegistryRoot) {
        push(&mut self.registries, root, REGISTRY_ROOTS_MAX);
    }
}

const NANOSECONDS_PER_DAY: u64 = 86_400_000_000_000;

fn push<T: PartialEq>(window: &mut Vec<T>, item: T, count_max: usize) {
    if window.last() == Some(&item) {
        return;
    }
    if window.len() == count_max {
        window.remove(0);
    }
    window.push(item);
}

impl Codec for PoolState {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.id.encode(out);
        self.registrar.encode(out);
        self.controller.encode(out);
        self.directives.encode(out);
        self.height.encode(out);
        self.time.encode(out);
        self.inbox.encode(out);
        self.paid_out.encode(out);
        self.gate.encode(out);
        self.notes.encode(out);
        self.nullifiers.encode(out);
        encode_count(self.anchors.len(), out);
        self.anchors.iter().for_each(|anchor| anchor.encode(out));
        encode_count(self.registries.len(), out);
        self.registries.iter().for_each(|root| root.encode(out));
        encode_count(self.assets.len(), out);
        for (asset, state) in &self.assets {
            asset.encode(out);
            state.encode(out);
        }
        encode_count(self.credits.len(), out);
        for (id, credit) in &self.credits {
            id.encode(out);
            credit.encode(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("pool state version"));
        }
        Ok(Self {
            id: Codec::read(reader)?,
            registrar: Codec::read(reader)?,
            controller: Codec::read(reader)?,
            directives: Codec::read(reader)?,
            height: Codec::read(reader)?,
            time: Codec::read(reader)?,
            inbox: Codec::read(reader)?,
            paid_out: Codec::read(reader)?,
            gate: Codec::read(reader)?,
            notes: Codec::read(reader)?,
            nullifiers: Codec::read(reader)?,
            anchors: list(reader, "anchors", ANCHORS_MAX)?,
            registries: list(reader, "registry roots", REGISTRY_ROOTS_MAX)?,
            assets: map(reader, "pool assets", ASSETS_MAX)?,
            credits: map(reader, "credits", CREDITS_WAITING_MAX)?,
        })
    }
}

choice!(Gate, "gate" { 1 => Open, 2 => Halted, 3 => Retired });
record!(AssetState { eligible, total, frozen });

record!(Credit { asset, value, owner });

fn list<T: Codec>(reader: &mut Reader<'_>, field: &'static str, count_max: usize) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(field, count_max)?;
    (0..count).map(|_| T::read(reader)).collect()
}

fn map<K: Codec + Ord, V: Codec>(
    reader: &mut Reader<'_>,
    field: &'static str,
    count_max: usize,
) -> Result<BTreeMap<K, V>, DecodeError> {
    let count = reader.count(field, count_max)?;
    let mut map = BTreeMap::new();
    for _ in 0..count {
        let (key, value) = (K::read(reader)?, V::read(reader)?);
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(reader.invalid(field));
        }
        map.insert(key, value);
    }
    Ok(map)
}
