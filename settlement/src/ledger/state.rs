//! The state, read only; [`super::execute`] and [`super::check`] change it.

use super::conservation::Conservation;
use super::facts::FactKey;
use super::governance::{Epochs, StoreFormat};
use super::listings::Listing;
use super::owners::{Owners, add};
use super::zone::{Turnstile, Zone, ZoneStatus};
use crate::block::{Block, Transaction};
use crate::committee::Committee;
use crate::digest::sha256;
use crate::genesis::{Genesis, encode_list};
use core::fmt;
use plinth_types::codec::{Codec, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Epoch, Height, PublicKey, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// The ledger behind one block. See [`crate::ledger`].
#[derive(Clone)]
pub struct State {
    pub(super) genesis: Arc<Genesis>,
    /// Per asset, what is issued and not redeemed.
    pub(super) issued: Arc<BTreeMap<AssetId, Amount>>,
    pub(super) block: Digest,
    pub(super) height: Height,
    pub(super) time: TimestampNs,
    pub(super) owners: Owners,
    pub(super) zones: BTreeMap<ZoneId, Arc<Zone>>,
    pub(super) epochs: Arc<Epochs>,
    /// How many decisions the governors made.
    pub(super) decisions: u64,
    /// Assets since genesis, ascending by number.
    pub(super) listed: Arc<Vec<Listing>>,
    pub(super) format: StoreFormat,
    pub(super) statement: Arc<BTreeMap<AssetId, Conservation>>,
    /// Facts that may have changed since the parent.
    pub(super) touched: BTreeSet<FactKey>,
    pub(super) digest: OnceLock<Digest>,
    /// Of the verifiable store that holds the facts, as its holder says.
    pub(super) root: Option<Digest>,
}

impl fmt::Debug for State {
    /// Where it stands: a ledger is too large to be printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("height", &self.height).field("block", &self.block).finish_non_exhaustive()
    }
}

impl State {
    /// Domain of the digest.
    pub const DOMAIN: &'static [u8] = b"plinth/ledger/1";

    /// The ledger behind the block at height 0.
    #[must_use]
    pub fn genesis(genesis: Arc<Genesis>) -> Self {
        let mut owners = Owners::new();
        let mut issued = BTreeMap::new();
        for asset in genesis.assets() {
            issued.insert(asset.asset.id, Amount::ZERO);
            for balance in &asset.issued {
                owners.credit(balance.owner, asset.asset.id, balance.amount);
                add(&mut issued, asset.asset.id, balance.amount);
            }
        }
        let zones = genesis.zones().iter().map(|zone| (zone.id, Arc::new(Zone::new(zone)))).collect();
        let block = genesis.block();
        let epochs = Epochs::genesis(genesis.limits().epoch_blocks, genesis.committee());
        let mut state = Self {
            genesis,
            issued: Arc::new(issued),
            block: block.id(),
            height: block.height(),
            time: block.time(),
            owners,
            zones,
            epochs: Arc::new(epochs),
            decisions: 0,
            listed: Arc::default(),
            format: StoreFormat::GENESIS,
            statement: Arc::default(),
            touched: BTreeSet::new(),
            digest: OnceLock::new(),
            root: None,
        };
        state.state_conservation();
        state.touched.clear();
        state
    }

    /// A block on top of this state. It is valid if `time` is later than the state's and the transactions are.
    #[must_use]
    pub fn propose(&self, time: TimestampNs, transactions: Vec<Transaction>) -> Block {
        Block::new(self.height.next(), self.block, time, self.root(), transactions)
    }

    /// The genesis it grew from.
    #[must_use]
    pub const fn rules(&self) -> &Arc<Genesis> {
        &self.genesis
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.genesis.chain()
    }

    /// The validators of the next block.
    ///
    /// # Panics
    ///
    /// Never: the committees of this epoch and the next are always known.
    #[must_use]
    pub fn committee(&self) -> &Committee {
        let epoch = self.epochs.epoch(self.height.next());
        self.committee_of(epoch).expect("known behind every block")
    }

    /// The epoch of the block behind which this is the ledger.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epochs.epoch(self.height)
    }

    /// The validators of an epoch: known for [`State::epoch`] and the next one, and behind the last block of an epoch for one more.
    #[must_use]
    pub fn committee_of(&self, epoch: Epoch) -> Option<&Committee> {
        self.epochs.committee_of(epoch)
    }

    /// The validators of the first epoch that [`State::committee_of`] does not know, as decided so far.
    #[must_use]
    pub fn committee_planned(&self) -> &Committee {
        self.epochs.planned()
    }

    /// How many decisions the governors made; the next one's number is one higher.
    #[must_use]
    pub const fn decisions(&self) -> u64 {
        self.decisions
    }

    /// Id of the block behind which this is the ledger.
    #[must_use]
    pub const fn block(&self) -> Digest {
        self.block
    }

    /// Height of that block.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Time of that block.
    #[must_use]
    pub const fn time(&self) -> TimestampNs {
        self.time
    }

    /// What an owner has on the base layer.
    #[must_use]
    pub fn balance(&self, owner: &PublicKey, asset: AssetId) -> Amount {
        self.owners.balance(owner, asset)
    }

    /// Every base-layer balance, ascending by owner and asset.
    pub fn balances(&self) -> impl Iterator<Item = (PublicKey, AssetId, Amount)> + '_ {
        self.owners.iter()
    }

    /// The number of an owner's last deposit or instruction, 0 before the first.
    #[must_use]
    pub fn deposit_nonce(&self, owner: &PublicKey) -> u64 {
        self.owners.nonce(owner)
    }

    /// Whether the key issues an asset.
    #[must_use]
    pub fn is_issuer(&self, key: &PublicKey) -> bool {
        self.listings().any(|listing| listing.issuer == *key)
    }

    /// Whether the owner ever had anything.
    #[must_use]
    pub fn knows_owner(&self, owner: &PublicKey) -> bool {
        self.owners.knows(owner)
    }

    /// What was issued of an asset; `None` if there is no such asset.
    #[must_use]
    pub fn issued(&self, asset: AssetId) -> Option<Amount> {
        self.issued.get(&asset).copied()
    }

    /// A zone.
    #[must_use]
    pub fn zone(&self, zone: ZoneId) -> Option<&Zone> {
        self.zones.get(&zone).map(Arc::as_ref)
    }

    /// The zones, ascending.
    pub fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.zones.values().map(Arc::as_ref)
    }

    /// Whether a next block without a transaction would settle something or bring something nearer to it. An idle chain asks this
    /// before it makes a block.
    #[must_use]
    pub fn awaits_blocks(&self) -> bool {
        let waits = |zone: &Zone| (zone.ripens() || zone.queued().len() > 0) && zone.status() == ZoneStatus::Open;
        self.zones().any(waits)
    }

    /// A zone that is there, to be changed.
    ///
    /// # Panics
    ///
    /// If it is not there: the caller has found it.
    pub(super) fn zone_mut(&mut self, zone: ZoneId) -> &mut Zone {
        self.touched.insert(FactKey::Zone(zone));
        self.zones.get_mut(&zone).map(Arc::make_mut).expect("found by the caller")
    }

    /// A turnstile of a zone that is there, to be changed.
    pub(super) fn turnstile_mut(&mut self, zone: ZoneId, asset: AssetId) -> &mut Turnstile {
        self.touched.insert(FactKey::Turnstile(zone, asset));
        self.zone_mut(zone).turnstiles.entry(asset).or_default()
    }

    /// The same state, of which a verifiable store has this root.
    #[must_use]
    pub const fn with_root(mut self, root: Digest) -> Self {
        self.root = Some(root);
        self
    }

    /// `pre_state` of the next block: the root of the verifiable store, or of a state that nobody keeps in one, its digest.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root.unwrap_or_else(|| self.digest())
    }

    /// SHA-256 of domain and canonical bytes: genesis digest, block, height, time, bucket digests of owners, committees,
    /// decisions, the store's format (but no root), what is issued, zones. Computed once.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut bytes = Self::DOMAIN.to_vec();
            self.genesis.digest().encode(&mut bytes);
            self.block.encode(&mut bytes);
            self.height.encode(&mut bytes);
            self.time.encode(&mut bytes);
            bytes.extend_from_slice(&self.owners.digests());
            self.epochs.encode(&mut bytes);
            self.decisions.encode(&mut bytes);
            encode_list(&self.listed, &mut bytes);
            StoreFormat { root_before: Digest::ZERO, ..self.format }.encode(&mut bytes);
            self.issued.iter().for_each(|(asset, issued)| (asset.encode(&mut bytes), issued.encode(&mut bytes)).0);
            encode_count(self.zones.len(), &mut bytes);
            self.zones().for_each(|zone| zone.encode(&mut bytes));
            sha256(&[&bytes])
        })
    }
}
