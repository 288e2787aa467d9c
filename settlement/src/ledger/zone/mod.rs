//! What settlement knows of one zone: where its chain stands, its inbox, its turnstiles. Nothing of what is inside.

mod inbox;
mod record;
mod turnstile;

pub use inbox::Inbox;
pub use record::{Freeze, Overdrawn, ZoneRecord, ZoneStatus};
pub use turnstile::Turnstile;

use super::error::TransactionError;
use crate::body::Before;
use crate::genesis::{GenesisZone, ZoneMode};
use crate::record::record;
use plinth_types::codec::{Codec, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, ZoneId};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use plinth_types::reference::Name;
use std::collections::{BTreeMap, VecDeque};

/// A zone as the base layer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub(super) record: ZoneRecord,
    pub(super) inbox: Inbox,
    pub(super) turnstiles: BTreeMap<AssetId, Turnstile>,
    pub(super) unsettled: VecDeque<ZoneBlock>,
}

/// A zone block that was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneBlock {
    /// Of which zone.
    pub zone: ZoneId,
    /// At which height of the zone.
    pub height: Height,
    /// Its header's id.
    pub id: Digest,
    /// First record of its body.
    pub first_seq: Seq,
    /// Last record of its body.
    pub last_seq: Seq,
    /// The settlement block that made it available.
    pub available_at: Height,
}

impl Zone {
    pub(super) fn new(genesis: &GenesisZone) -> Self {
        Self { record: ZoneRecord::new(genesis), inbox: Inbox::default(), turnstiles: BTreeMap::new(), unsettled: VecDeque::new() }
    }

    /// A zone of which only the record is known yet.
    pub(super) const fn restore(record: ZoneRecord) -> Self {
        let inbox = Inbox::behind(record.before.inbox);
        Self { record, inbox, turnstiles: BTreeMap::new(), unsettled: VecDeque::new() }
    }

    /// Whether messages, turnstiles and unsettled blocks are those of the record.
    pub(super) fn is_whole(&self) -> bool {
        let mut in_flight = BTreeMap::new();
        self.inbox.pending().for_each(|message| super::owners::add(&mut in_flight, message.asset, message.amount));
        let counted = self.turnstiles.iter().filter(|(_, turnstile)| turnstile.in_flight > Amount::ZERO);
        let unsettled = (self.record.settled.get() + 1..=self.record.height.get()).map(Height::new);
        self.inbox.appended() == self.record.appended
            && counted.map(|(&asset, turnstile)| (asset, turnstile.in_flight)).eq(in_flight)
            && self.unsettled.iter().map(|block| block.height).eq(unsettled)
    }

    /// Where it stands.
    #[must_use]
    pub const fn record(&self) -> &ZoneRecord {
        &self.record
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> ZoneId {
        self.record.id
    }

    /// As people call it.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.record.name
    }

    /// Who signs its headers.
    #[must_use]
    pub const fn producer(&self) -> PublicKey {
        self.record.producer
    }

    /// What stands for a proof.
    #[must_use]
    pub const fn mode(&self) -> ZoneMode {
        self.record.mode
    }

    /// Whether it may do anything.
    #[must_use]
    pub const fn status(&self) -> ZoneStatus {
        self.record.status
    }

    /// The lowest epoch that its next header may have.
    #[must_use]
    pub const fn epoch(&self) -> ProducerEpoch {
        self.record.epoch
    }

    /// Height of its last ordered block, 0 before the first; all up to it are available.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.record.height
    }

    /// Id of its last ordered block, zero before the first.
    #[must_use]
    pub const fn head(&self) -> Digest {
        self.record.head
    }

    /// State root behind its last ordered block, zero before the first.
    #[must_use]
    pub const fn post_root(&self) -> Digest {
        self.record.post_root
    }

    /// Where it stands behind its last ordered block.
    #[must_use]
    pub const fn before(&self) -> Before {
        self.record.before
    }

    /// Height of its last settled block, 0 before the first.
    #[must_use]
    pub const fn settled(&self) -> Height {
        self.record.settled
    }

    /// Blocks that are available and not yet settled, ascending.
    pub fn unsettled(&self) -> impl ExactSizeIterator<Item = &ZoneBlock> {
        self.unsettled.iter()
    }

    /// The block of this height, if it is available and not yet settled.
    #[must_use]
    pub fn unsettled_at(&self, height: Height) -> Option<ZoneBlock> {
        let at = self.unsettled.binary_search_by_key(&height, |block| block.height).ok()?;
        self.unsettled.get(at).copied()
    }

    /// Its inbox.
    #[must_use]
    pub const fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What went in and out of one asset.
    #[must_use]
    pub fn turnstile(&self, asset: AssetId) -> Turnstile {
        self.turnstiles.get(&asset).copied().unwrap_or_default()
    }

    /// What went in and out, of every asset that ever did, ascending.
    pub fn turnstiles(&self) -> impl Iterator<Item = (AssetId, Turnstile)> + '_ {
        self.turnstiles.iter().map(|(&asset, &turnstile)| (asset, turnstile))
    }

    pub(super) const fn check_open(&self) -> Result<(), TransactionError> {
        match self.record.status {
            ZoneStatus::Open => Ok(()),
            ZoneStatus::Frozen(Freeze { at, .. }) => Err(TransactionError::ZoneFrozen { zone: self.record.id, at }),
        }
    }

    /// Appends a message and counts it as in flight.
    ///
    /// # Panics
    ///
    /// If the turnstile cannot count it: the caller has decided that it can.
    pub(super) fn append(&mut self, message: InboxMessage) {
        let turnstile = self.turnstiles.entry(message.asset).or_default();
        turnstile.in_flight = turnstile.in_flight.checked_add(message.amount).expect("checked with the deposit");
        self.record.appended = message.index;
        self.inbox.append(message);
    }

    /// Consumes every message up to `index`, which it returns: from in flight to paid in.
    pub(super) fn consume(&mut self, index: InboxIndex) -> Vec<InboxMessage> {
        let mut consumed = Vec::new();
        while let Some(message) = self.inbox.pop_up_to(index) {
            let turnstile = self.turnstiles.get_mut(&message.asset).expect("counted when it was appended");
            turnstile.in_flight = turnstile.in_flight.checked_sub(message.amount).expect("counted when it was appended");
            turnstile.paid_in = turnstile.paid_in.checked_add(message.amount).expect("checked with the deposit");
            consumed.push(message);
        }
        consumed
    }

    /// Takes the blocks that have been available long enough at settlement height `at`.
    pub(super) fn settle(&mut self, at: Height, settled: &mut Vec<ZoneBlock>) {
        let ZoneMode::Attested { delay_blocks } = self.record.mode;
        while let Some(block) = self.unsettled.pop_front_if(|block| is_due(block, delay_blocks, at)) {
            self.record.settled = block.height;
            settled.push(block);
        }
    }

    pub(super) fn settles_at(&self, at: Height) -> bool {
        let ZoneMode::Attested { delay_blocks } = self.record.mode;
        self.unsettled.front().is_some_and(|block| is_due(block, delay_blocks, at))
    }
}

fn is_due(block: &ZoneBlock, delay_blocks: u32, at: Height) -> bool {
    block.available_at.get().saturating_add(u64::from(delay_blocks)) <= at.get()
}

record!(ZoneBlock { zone, height, id, first_seq, last_seq, available_at });

impl Zone {
    /// Appends the canonical bytes that the state's digest covers.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.record.encode(out);
        encode_count(self.inbox.pending().len(), out);
        self.inbox.pending().for_each(|message| message.encode(out));
        encode_count(self.turnstiles.len(), out);
        for (asset, turnstile) in &self.turnstiles {
            asset.encode(out);
            turnstile.encode(out);
        }
        encode_count(self.unsettled.len(), out);
        self.unsettled.iter().for_each(|block| block.encode(out));
    }
}
