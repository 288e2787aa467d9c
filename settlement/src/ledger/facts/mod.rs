//! The state of the base layer as a set of facts: what a verifiable store keeps and what a light client can be shown.
//!
//! * A fact is a [`FactKey`] with a [`Fact`]; both have canonical bytes with a version ([`FactKey::to_bytes`], [`Fact::to_bytes`]).
//! * **Complete.** The facts and the genesis are the state: [`State::from_facts`] rebuilds it to the same digest.
//! * **Deltas.** A block's [`Outcome::writes`](super::Outcome::writes) are the facts that it changed, ascending by key in the order
//!   of [`FactKey`], each with its value behind the block or `None` if there is none any more. Their number follows from the
//!   transactions of the block, not from the size of the state.
//! * A rule that changes something names the fact it touched (`State::touch`); what was touched and is as before is no write.

mod format;
mod restore;

pub use restore::FactsError;

use super::conservation::Conservation;
use super::governance::StoreFormat;
use super::listings::Listing;
use super::state::State;
use super::zone::{Turnstile, Unsettled, Window, ZoneRecord};
use crate::committee::Committee;
use crate::genesis::ZoneRules;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Epoch, Height, InboxIndex, PublicKey, TimestampNs, ZoneId};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use plinth_types::transfer::OutboxMessage;
use std::collections::{BTreeMap, BTreeSet};

/// What a fact is about. The derived order is the order of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKey {
    /// The last block. Every block writes it.
    Head,
    /// How many decisions the governors made.
    Decisions,
    /// The committee of the first epoch that is not frozen.
    CommitteePlanned,
    /// A frozen committee: of the epoch at work and the next, behind an epoch's last block of one more.
    Committee(Epoch),
    /// What there is of an asset, and where: the conservation statement.
    Asset(AssetId),
    /// How many deposits and instructions an owner gave; none means 0.
    Nonce(PublicKey),
    /// What an owner has of an asset on the base layer; none means nothing.
    Balance(PublicKey, AssetId),
    /// Where a zone stands.
    Zone(ZoneId),
    /// What went in and out of a zone.
    Turnstile(ZoneId, AssetId),
    /// A message in a zone's inbox that no settled block has consumed.
    Inbox(ZoneId, InboxIndex),
    /// A block of a zone that is ordered and not settled.
    Unsettled(ZoneId, Height),
    /// What else holds for a zone.
    Rules(ZoneId),
    /// Up to which height of the zone a request in its inbox must be consumed.
    Deadline(ZoneId, InboxIndex),
    /// What an unsettled block sends.
    Outbox(ZoneId, Height),
    /// How many messages the first zone sent to the second, or to the base layer; none means 0.
    Sent(ZoneId, ZoneId),
    /// A message that left the first zone and waits for a cap, by its place in the channel to the second.
    Queued(ZoneId, ZoneId, u64),
    /// What left a zone in the last hour in which something did.
    Window(ZoneId, AssetId),
    /// A leaf that was taken out of a frozen zone.
    Exited(ZoneId, u64),
    /// The format of the store that holds the facts; none means the chain's first, with no other decided.
    Format,
    /// An asset that was listed after genesis.
    Listing(AssetId),
}

/// What is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Of [`FactKey::Head`].
    Head(Head),
    /// Of [`FactKey::Decisions`].
    Decisions(u64),
    /// Of [`FactKey::CommitteePlanned`] and [`FactKey::Committee`].
    Committee(Committee),
    /// Of [`FactKey::Asset`].
    Asset(Conservation),
    /// Of [`FactKey::Nonce`].
    Nonce(u64),
    /// Of [`FactKey::Balance`].
    Balance(Amount),
    /// Of [`FactKey::Zone`].
    Zone(Box<ZoneRecord>),
    /// Of [`FactKey::Turnstile`].
    Turnstile(Turnstile),
    /// Of [`FactKey::Inbox`].
    Message(Box<InboxMessage>),
    /// Of [`FactKey::Unsettled`].
    Block(Box<Unsettled>),
    /// Of [`FactKey::Rules`].
    Rules(Box<ZoneRules>),
    /// Of [`FactKey::Deadline`].
    Deadline(Height),
    /// Of [`FactKey::Outbox`].
    Outbox(Vec<OutboxMessage>),
    /// Of [`FactKey::Sent`].
    Sent(u64),
    /// Of [`FactKey::Queued`].
    Queued(Box<OutboxMessage>),
    /// Of [`FactKey::Window`].
    Window(Window),
    /// Of [`FactKey::Exited`].
    Exited,
    /// Of [`FactKey::Format`].
    Format(StoreFormat),
    /// Of [`FactKey::Listing`].
    Listing(Listing),
}

/// The block behind which this is the state, and the chain it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Digest of the genesis.
    pub genesis: Digest,
    /// Id of the last block.
    pub block: Digest,
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: TimestampNs,
}

/// Facts that a block changed, ascending by key: the value behind the block, `None` if the fact is gone.
pub type Writes = Vec<(FactKey, Option<Fact>)>;

impl State {
    /// One fact.
    #[must_use]
    pub fn fact(&self, key: &FactKey) -> Option<Fact> {
        match *key {
            FactKey::Head => Some(Fact::Head(self.head())),
            FactKey::Decisions => Some(Fact::Decisions(self.decisions)),
            FactKey::CommitteePlanned => Some(Fact::Committee(self.epochs.planned().clone())),
            FactKey::Committee(epoch) => self.committee_of(epoch).cloned().map(Fact::Committee),
            FactKey::Asset(asset) => self.conservation(asset).map(Fact::Asset),
            FactKey::Nonce(owner) => Some(self.deposit_nonce(&owner)).filter(|&nonce| nonce > 0).map(Fact::Nonce),
            FactKey::Balance(owner, asset) => {
                Some(self.balance(&owner, asset)).filter(|&amount| amount > Amount::ZERO).map(Fact::Balance)
            }
            FactKey::Zone(zone) => self.zone(zone).map(|zone| Fact::Zone(Box::new(*zone.record()))),
            FactKey::Turnstile(zone, asset) => self.zone(zone)?.turnstiles.get(&asset).copied().map(Fact::Turnstile),
            FactKey::Inbox(zone, index) => self.zone(zone)?.inbox().kept_at(index).map(|message| Fact::Message(Box::new(*message))),
            FactKey::Unsettled(zone, height) => {
                self.zone(zone)?.unsettled_at(height).map(|block| Fact::Block(Box::new(block.clone())))
            }
            FactKey::Rules(zone) => self.zone(zone).map(|zone| Fact::Rules(Box::new(zone.rules().clone()))),
            FactKey::Deadline(zone, index) => self.zone(zone)?.deadlines.get(&index).copied().map(Fact::Deadline),
            FactKey::Outbox(zone, height) => self.zone(zone)?.outboxes.get(&height).cloned().map(Fact::Outbox),
            FactKey::Sent(zone, to) => Some(self.zone(zone)?.sent(to)).filter(|&count| count > 0).map(Fact::Sent),
            FactKey::Queued(zone, to, seq) => {
                self.zone(zone)?.queued.get(&(to, seq)).map(|message| Fact::Queued(Box::new(*message)))
            }
            FactKey::Window(zone, asset) => self.zone(zone)?.windows.get(&asset).copied().map(Fact::Window),
            FactKey::Exited(zone, index) => self.zone(zone)?.exited.contains(&index).then_some(Fact::Exited),
            FactKey::Listing(asset) => self.listed_since(asset).map(Fact::Listing),
            FactKey::Format => Some(self.format).filter(|format| *format != StoreFormat::GENESIS).map(Fact::Format),
        }
    }

    /// Every fact, ascending by key. Costs as much as the state is large.
    pub fn facts(&self) -> impl Iterator<Item = (FactKey, Fact)> + '_ {
        let mut keys = BTreeSet::from([FactKey::Head, FactKey::Decisions, FactKey::CommitteePlanned, FactKey::Format]);
        keys.extend(self.epochs.frozen().map(FactKey::Committee));
        keys.extend(self.listings().map(|listing| FactKey::Asset(listing.asset.id)));
        keys.extend(self.listed.iter().map(|listing| FactKey::Listing(listing.asset.id)));
        keys.extend(self.owners.nonces().map(|(owner, _)| FactKey::Nonce(owner)));
        keys.extend(self.balances().map(|(owner, asset, _)| FactKey::Balance(owner, asset)));
        for zone in self.zones() {
            let id = zone.id();
            keys.insert(FactKey::Zone(id));
            keys.extend(zone.turnstiles().map(|(asset, _)| FactKey::Turnstile(id, asset)));
            keys.extend(zone.inbox().kept().map(|message| FactKey::Inbox(id, message.index)));
            keys.insert(FactKey::Rules(id));
            keys.extend(zone.deadlines.keys().map(|&index| FactKey::Deadline(id, index)));
            keys.extend(zone.outboxes.keys().map(|&height| FactKey::Outbox(id, height)));
            keys.extend(zone.sent.keys().map(|&to| FactKey::Sent(id, to)));
            keys.extend(zone.queued.keys().map(|&(to, seq)| FactKey::Queued(id, to, seq)));
            keys.extend(zone.windows.keys().map(|&asset| FactKey::Window(id, asset)));
            keys.extend(zone.exited.iter().map(|&index| FactKey::Exited(id, index)));
            keys.extend(zone.unsettled().map(|block| FactKey::Unsettled(id, block.height)));
        }
        keys.into_iter().filter_map(|key| self.fact(&key).map(|fact| (key, fact)))
    }

    pub(super) fn touch(&mut self, key: FactKey) {
        self.touched.insert(key);
    }

    /// What changed since `parent`, and forgets what was touched.
    pub(super) fn take_writes(&mut self, parent: &Self) -> Writes {
        let touched = core::mem::take(&mut self.touched);
        let changed = touched.into_iter().map(|key| (key, self.fact(&key)));
        changed.filter(|(key, fact)| parent.fact(key) != *fact).collect()
    }

    fn head(&self) -> Head {
        Head { genesis: self.genesis.digest(), block: self.block, height: self.height, time: self.time }
    }
}

/// Applies writes to a set of facts, as a store does.
pub fn apply_writes(facts: &mut BTreeMap<FactKey, Fact>, writes: &Writes) {
    for (key, fact) in writes {
        match fact {
            Some(fact) => _ = facts.insert(*key, fact.clone()),
            None => _ = facts.remove(key),
        }
    }
}
