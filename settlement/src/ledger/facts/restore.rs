//! The state from its facts, as a validator rebuilds it that was given them against a certificate.

use super::{Fact, FactKey, Head};
use crate::committee::Committee;
use crate::genesis::{Genesis, ZoneRules};
use crate::ledger::conservation::Conservation;
use crate::ledger::governance::{Epochs, StoreFormat};
use crate::ledger::listings::Listing;
use crate::ledger::owners::Owners;
use crate::ledger::state::State;
use crate::ledger::zone::Zone;
use plinth_types::id::{AssetId, Epoch, ZoneId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Why facts are no state. Facts under a certified root cannot be wrong: then the genesis is another, or facts are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Keys ascend.
    #[error("fact {key:?} is not in ascending order")]
    Order {
        /// The first that is not.
        key: FactKey,
    },
    /// A value of another kind than its key's, or about something that is not there.
    #[error("fact {key:?} has a value that does not fit it")]
    Misfit {
        /// Which.
        key: FactKey,
    },
    /// A fact that every state has.
    #[error("fact {key:?} is missing")]
    Missing {
        /// Which.
        key: FactKey,
    },
    /// Facts of a chain of another genesis.
    #[error("facts of another genesis")]
    Genesis,
    /// The committees are not those of the height's epochs.
    #[error("committees that are not those of the height's epochs")]
    Committees,
    /// Messages, turnstiles or unsettled blocks are missing.
    #[error("zone {zone}: messages, turnstiles or unsettled blocks are missing")]
    Zone {
        /// Which.
        zone: ZoneId,
    },
    /// A listing is missing.
    #[error("asset {expected} was not listed, and later ones were")]
    Listings {
        /// The first that is missing.
        expected: usize,
    },
    /// The sums do not add up to the statement.
    #[error("asset {asset}: the facts do not add up")]
    Conservation {
        /// Which.
        asset: AssetId,
    },
}

/// What was read so far.
struct Restoring {
    head: Option<Head>,
    decisions: Option<u64>,
    planned: Option<Committee>,
    committees: BTreeMap<Epoch, Committee>,
    statement: BTreeMap<AssetId, Conservation>,
    owners: Owners,
    zones: BTreeMap<ZoneId, Zone>,
    /// Those whose rules came.
    ruled: BTreeSet<ZoneId>,
    listed: Vec<Listing>,
    format: StoreFormat,
}

impl State {
    /// The state of which these are all the facts, ascending by key. The caller has verified them against a certified root.
    ///
    /// # Errors
    ///
    /// [`FactsError`].
    ///
    /// # Panics
    ///
    /// If sums of balances are no amounts, which no chain certifies.
    pub fn from_facts(genesis: Arc<Genesis>, facts: impl IntoIterator<Item = (FactKey, Fact)>) -> Result<Self, FactsError> {
        let mut restoring = Restoring {
            head: None,
            decisions: None,
            planned: None,
            committees: BTreeMap::new(),
            statement: BTreeMap::new(),
            owners: Owners::new(),
            zones: BTreeMap::new(),
            ruled: BTreeSet::new(),
            listed: Vec::new(),
            format: StoreFormat::GENESIS,
        };
        let mut before = None;
        for (key, fact) in facts {
            if before.is_some_and(|before| key <= before) {
                return Err(FactsError::Order { key });
            }
            before = Some(key);
            restoring.take(key, fact).ok_or(FactsError::Misfit { key })?;
        }
        restoring.finish(genesis)
    }
}

impl Restoring {
    fn take(&mut self, key: FactKey, fact: Fact) -> Option<()> {
        match (key, fact) {
            (FactKey::Head, Fact::Head(head)) => self.head = Some(head),
            (FactKey::Decisions, Fact::Decisions(count)) => self.decisions = Some(count),
            (FactKey::CommitteePlanned, Fact::Committee(committee)) => self.planned = Some(committee),
            (FactKey::Committee(epoch), Fact::Committee(committee)) => _ = self.committees.insert(epoch, committee),
            (FactKey::Asset(asset), Fact::Asset(statement)) => _ = self.statement.insert(asset, statement),
            (FactKey::Nonce(owner), Fact::Nonce(nonce)) if nonce > 0 => self.owners.set_nonce(owner, nonce),
            (FactKey::Balance(owner, asset), Fact::Balance(amount)) => self.owners.set_balance(owner, asset, amount)?,
            (FactKey::Zone(id), Fact::Zone(record)) if record.id == id => {
                self.zones.insert(id, Zone::restore(*record, ZoneRules::default()));
            }
            (FactKey::Turnstile(zone, asset), Fact::Turnstile(turnstile)) => {
                self.zones.get_mut(&zone)?.turnstiles.insert(asset, turnstile);
            }
            (FactKey::Inbox(zone, index), Fact::Message(message)) if (message.zone, message.index) == (zone, index) => {
                self.zones.get_mut(&zone)?.inbox.restore(*message)?;
            }
            (FactKey::Unsettled(zone, height), Fact::Block(unsettled))
                if (unsettled.block.zone, unsettled.block.height) == (zone, height) =>
            {
                self.zones.get_mut(&zone)?.unsettled.push_back(*unsettled);
            }
            (FactKey::Rules(zone), Fact::Rules(rules)) => {
                self.zones.get_mut(&zone)?.rules = *rules;
                self.ruled.insert(zone);
            }
            (FactKey::Deadline(zone, index), Fact::Deadline(height)) => {
                self.zones.get_mut(&zone)?.deadlines.insert(index, height);
            }
            (FactKey::Outbox(zone, height), Fact::Outbox(messages)) => {
                self.zones.get_mut(&zone)?.outboxes.insert(height, messages);
            }
            (FactKey::Sent(zone, to), Fact::Sent(count)) => _ = self.zones.get_mut(&zone)?.sent.insert(to, count),
            (FactKey::Queued(zone, to, seq), Fact::Queued(message)) if (message.to.zone, message.channel_seq) == (to, seq) => {
                self.zones.get_mut(&zone)?.queued.insert((to, seq), *message);
            }
            (FactKey::Window(zone, asset), Fact::Window(window)) => {
                self.zones.get_mut(&zone)?.windows.insert(asset, window);
            }
            (FactKey::Exited(zone, index), Fact::Exited) => _ = self.zones.get_mut(&zone)?.exited.insert(index),
            (FactKey::Listing(asset), Fact::Listing(listing)) if listing.asset.id == asset => self.listed.push(listing),
            (FactKey::Format, Fact::Format(format)) if format != StoreFormat::GENESIS => self.format = format,
            _ => return None,
        }
        Some(())
    }

    fn finish(self, genesis: Arc<Genesis>) -> Result<State, FactsError> {
        let head = self.head.ok_or(FactsError::Missing { key: FactKey::Head })?;
        if head.genesis != genesis.digest() {
            return Err(FactsError::Genesis);
        }
        let decisions = self.decisions.ok_or(FactsError::Missing { key: FactKey::Decisions })?;
        let planned = self.planned.ok_or(FactsError::Missing { key: FactKey::CommitteePlanned })?;
        let epoch_blocks = genesis.limits().epoch_blocks;
        let epochs = Epochs::restore(epoch_blocks, head.height, self.committees, planned).ok_or(FactsError::Committees)?;
        if let Some(zone) = genesis.zones().iter().find(|zone| !self.zones.contains_key(&zone.id)) {
            return Err(FactsError::Missing { key: FactKey::Zone(zone.id) });
        }
        if let Some(&zone) = self.zones.keys().find(|zone| !self.ruled.contains(zone)) {
            return Err(FactsError::Missing { key: FactKey::Rules(zone) });
        }
        if let Some(zone) = self.zones.values().find(|zone| !zone.is_whole()) {
            return Err(FactsError::Zone { zone: zone.id() });
        }
        let first = genesis.assets().len();
        if let Some((id, _)) =
            self.listed.iter().enumerate().find(|(at, listing)| usize::from(listing.asset.id.get()) != first + at)
        {
            return Err(FactsError::Listings { expected: first + id });
        }
        let mut assets =
            genesis.assets().iter().map(|first| first.asset.id).chain(self.listed.iter().map(|listing| listing.asset.id));
        if let Some(asset) = assets.find(|asset| !self.statement.contains_key(asset)) {
            return Err(FactsError::Missing { key: FactKey::Asset(asset) });
        }
        let issued = self.statement.iter().map(|(&asset, statement)| (asset, statement.issued)).collect();
        let state = State {
            block: head.block,
            height: head.height,
            time: head.time,
            owners: self.owners,
            zones: self.zones.into_iter().map(|(id, zone)| (id, Arc::new(zone))).collect(),
            epochs: Arc::new(epochs),
            decisions,
            listed: Arc::new(self.listed),
            format: self.format,
            issued: Arc::new(issued),
            statement: Arc::new(self.statement),
            touched: BTreeSet::new(),
            digest: OnceLock::new(),
            root: None,
            genesis,
        };
        let found = state.add_up();
        let wrong = state.statement.iter().find(|(asset, statement)| found.get(asset) != Some(statement) || !statement.holds());
        match wrong {
            Some((&asset, _)) => Err(FactsError::Conservation { asset }),
            None => Ok(state),
        }
    }
}
