//! What settlement knows of one zone: where its chain stands, its inbox, its turnstiles. Nothing of what is inside.

mod inbox;
mod record;
mod turnstile;
mod unsettled;

pub use inbox::Inbox;
pub use record::{Freeze, FreezeCause, Overdrawn, Settled, ZoneRecord, ZoneStatus};
pub use turnstile::Turnstile;
pub use unsettled::Unsettled;

use super::error::TransactionError;
use crate::body::Before;
use crate::dispersal::BodyCommitment;
use crate::genesis::{GenesisZone, ZoneMode, ZoneRules, encode_list};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, ZoneId};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use plinth_types::record;
use plinth_types::reference::Name;
use plinth_types::transfer::OutboxMessage;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A zone as the base layer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub(super) record: ZoneRecord,
    pub(super) inbox: Inbox,
    pub(super) turnstiles: BTreeMap<AssetId, Turnstile>,
    pub(super) rules: ZoneRules,
    pub(super) unsettled: VecDeque<Unsettled>,
    /// Up to which height of the zone a request must be consumed.
    pub(super) deadlines: BTreeMap<InboxIndex, Height>,
    /// What unsettled blocks send, once it was listed.
    pub(super) outboxes: BTreeMap<Height, Vec<OutboxMessage>>,
    /// How many messages went out per destination, those of unsettled blocks with a list included.
    pub(super) sent: BTreeMap<ZoneId, u64>,
    /// Messages that settled and wait for a cap, by channel and place in it.
    pub(super) queued: BTreeMap<(ZoneId, u64), OutboxMessage>,
    /// What left in the hour at hand.
    pub(super) windows: BTreeMap<AssetId, Window>,
    /// Leaves that were taken out while it was frozen.
    pub(super) exited: BTreeSet<u64>,
}

/// What left a zone, of one asset, in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The hour, counted from 1970.
    pub hour: u64,
    /// How much.
    pub used: Amount,
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
    /// The settlement block that ordered it.
    pub ordered_at: Height,
    /// The settlement block that made it available; `None` until f+1 validators have rebuilt its body.
    pub available_at: Option<Height>,
    /// For how many validators its body is coded: those of the block that ordered it.
    pub validators: u16,
    /// What its header says of its body.
    pub body: BodyCommitment,
}

impl Zone {
    pub(super) fn new(genesis: &GenesisZone) -> Self {
        Self::restore(ZoneRecord::new(genesis), genesis.rules.clone())
    }

    /// A zone of which only record and rules are known yet.
    pub(super) const fn restore(record: ZoneRecord, rules: ZoneRules) -> Self {
        Self {
            record,
            inbox: Inbox::restoring(record.settled.before.inbox, record.before.inbox),
            turnstiles: BTreeMap::new(),
            rules,
            unsettled: VecDeque::new(),
            deadlines: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            sent: BTreeMap::new(),
            queued: BTreeMap::new(),
            windows: BTreeMap::new(),
            exited: BTreeSet::new(),
        }
    }

    /// Whether messages, turnstiles and unsettled blocks are those of the record.
    pub(super) fn is_whole(&self) -> bool {
        let mut in_flight = BTreeMap::new();
        self.inbox.kept().filter(|message| message.amount > Amount::ZERO).for_each(|message| {
            super::owners::add(&mut in_flight, message.asset, message.amount);
        });
        let counted = self.turnstiles.iter().filter(|(_, turnstile)| turnstile.in_flight > Amount::ZERO);
        let unsettled = (self.record.settled.height.get() + 1..=self.record.height.get()).map(Height::new);
        self.inbox.appended() == self.record.appended
            && counted.map(|(&asset, turnstile)| (asset, turnstile.in_flight)).eq(in_flight)
            && self.unsettled().map(|block| block.height).eq(unsettled)
            && self.exited.len() as u64 == self.record.exits
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

    /// Height of its last ordered block, 0 before the first.
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
        self.record.settled.height
    }

    /// Height of its last available block, 0 before the first; all up to it are available.
    #[must_use]
    pub fn available(&self) -> Height {
        let available = self.unsettled().take_while(|block| block.available_at.is_some());
        available.last().map_or(self.record.settled.height, |block| block.height)
    }

    /// Blocks that are ordered and not yet available, ascending.
    pub fn unavailable(&self) -> impl Iterator<Item = &ZoneBlock> {
        self.unsettled().skip_while(|block| block.available_at.is_some())
    }

    /// Blocks that are ordered and not yet settled, ascending; those that are available come first.
    pub fn unsettled(&self) -> impl ExactSizeIterator<Item = &ZoneBlock> {
        self.unsettled.iter().map(|unsettled| &unsettled.block)
    }

    /// The block of this height, if it is ordered and not yet settled.
    #[must_use]
    pub fn unsettled_at(&self, height: Height) -> Option<&Unsettled> {
        let at = self.unsettled.binary_search_by_key(&height, |unsettled| unsettled.block.height).ok()?;
        self.unsettled.get(at)
    }

    /// What else holds for it.
    #[must_use]
    pub const fn rules(&self) -> &ZoneRules {
        &self.rules
    }

    /// The messages that wait for a cap, by destination and place in the channel to it.
    pub fn queued(&self) -> impl ExactSizeIterator<Item = (&(ZoneId, u64), &OutboxMessage)> {
        self.queued.iter()
    }

    /// How many messages it sent to a zone or to the base layer; the next one's place in the channel is one higher.
    #[must_use]
    pub fn sent(&self, to: ZoneId) -> u64 {
        self.sent.get(&to).copied().unwrap_or_default()
    }

    /// Whether the messages of the unsettled block of this height have been listed.
    #[must_use]
    pub fn is_listed(&self, height: Height) -> bool {
        self.outboxes.contains_key(&height)
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

    /// Drops the unsettled blocks from `height` on and what they counted; `None` if there is none of that height. The zone stands
    /// behind the block before, its inputs wait again, and no header of the epoch that was is taken.
    pub(super) fn revert(&mut self, height: Height) -> Option<Vec<Unsettled>> {
        let at = self.unsettled.binary_search_by_key(&height, |unsettled| unsettled.block.height).ok()?;
        let dropped: Vec<Unsettled> = self.unsettled.drain(at..).collect();
        let settled = self.record.settled;
        let (head, post_root, before) = self
            .unsettled
            .back()
            .map_or((settled.head, settled.post_root, settled.before), |last| (last.block.id, last.post_root, last.before));
        let consumed_before = before.inbox;
        (self.record.head, self.record.post_root, self.record.before) = (head, post_root, before);
        self.record.height = Height::new(height.get() - 1);
        self.record.epoch = self.record.epoch.next();
        let consumed: Vec<InboxMessage> = self.inbox.kept().filter(|message| message.index > consumed_before).copied().collect();
        for message in consumed {
            let refused = dropped.iter().any(|block| block.refuses(message.index));
            if message.index <= self.inbox.consumed() && !refused {
                self.turnstiles.entry(message.asset).or_default().undo(message.amount, Amount::ZERO);
            }
        }
        for total in dropped.iter().flat_map(|block| &block.outbox_totals) {
            self.turnstiles.entry(total.asset).or_default().undo(Amount::ZERO, total.amount);
        }
        for block in &dropped {
            for message in self.outboxes.remove(&block.block.height).unwrap_or_default() {
                let sent = self.sent.get_mut(&message.to.zone).expect("counted when the list came");
                *sent -= 1;
            }
        }
        self.sent.retain(|_, count| *count > 0);
        self.inbox.consume_to(consumed_before);
        Some(dropped)
    }

    /// Whether the first unsettled block settles at settlement height `at`.
    pub(super) fn settles_at(&self, at: Height) -> bool {
        let Some(first) = self.unsettled.front() else { return false };
        let Some(available_at) = first.block.available_at else { return false };
        let delayed = |delay_blocks: u32| available_at.get().saturating_add(u64::from(delay_blocks)) <= at.get();
        let vouched = match self.record.mode {
            ZoneMode::Attested { delay_blocks } => delayed(delay_blocks),
            ZoneMode::Audited { delay_blocks, .. } => first.vouched && delayed(delay_blocks),
            ZoneMode::Proven { .. } => first.vouched,
        };
        let listed = first.outbox_root == Digest::ZERO || self.outboxes.contains_key(&first.block.height);
        vouched && listed && self.record.status == ZoneStatus::Open
    }

    /// Most of an asset that leaves per hour; `None` for any amount.
    pub(super) fn cap(&self, asset: AssetId) -> Option<Amount> {
        let found = self.rules.caps.binary_search_by_key(&asset, |cap| cap.asset).ok().map(|at| self.rules.caps[at].per_hour);
        match self.record.mode {
            ZoneMode::Proven { .. } => found,
            ZoneMode::Attested { .. } | ZoneMode::Audited { .. } => Some(found.unwrap_or_default()),
        }
    }

    /// Whether blocks alone bring its first unsettled block nearer to being settled. Where a proof or auditors' words are missing, they do not.
    pub(super) fn ripens(&self) -> bool {
        let Some(first) = self.unsettled.front() else { return false };
        first.block.available_at.is_some()
            && match self.record.mode {
                ZoneMode::Attested { .. } => true,
                ZoneMode::Audited { .. } | ZoneMode::Proven { .. } => first.vouched,
            }
    }

    /// How much of the window W is used behind settlement height `at`, in percent.
    pub(super) fn pressure_at(&self, at: Height) -> u8 {
        let ZoneMode::Proven { window_blocks, deadline_blocks, .. } = self.record.mode else { return 0 };
        let late = |first: &Unsettled| {
            first.block.available_at.is_some_and(|from| from.get().saturating_add(u64::from(deadline_blocks)) < at.get())
        };
        if self.unsettled.front().is_some_and(late) {
            return 100;
        }
        let used = self.unsettled.len() as u64 * 100 / u64::from(window_blocks.max(1));
        u8::try_from(used.min(100)).unwrap_or(100)
    }
}

record!(Window { hour, used });

impl Codec for ZoneBlock {
    /// The fields in order; height 0, at which nothing becomes available, for `None`.
    fn encode(&self, out: &mut Vec<u8>) {
        self.zone.encode(out);
        self.height.encode(out);
        self.id.encode(out);
        self.first_seq.encode(out);
        self.last_seq.encode(out);
        self.ordered_at.encode(out);
        self.available_at.unwrap_or_default().encode(out);
        self.validators.encode(out);
        self.body.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            zone: Codec::read(reader)?,
            height: Codec::read(reader)?,
            id: Codec::read(reader)?,
            first_seq: Codec::read(reader)?,
            last_seq: Codec::read(reader)?,
            ordered_at: Codec::read(reader)?,
            available_at: Some(Height::read(reader)?).filter(|height| *height > Height::new(0)),
            validators: Codec::read(reader)?,
            body: Codec::read(reader)?,
        })
    }
}

impl Zone {
    /// Appends the canonical bytes that the state's digest covers.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.record.encode(out);
        self.rules.encode(out);
        encode_count(self.inbox.kept().len(), out);
        self.inbox.kept().for_each(|message| message.encode(out));
        encode_map(&self.deadlines, out);
        encode_map(&self.turnstiles, out);
        encode_count(self.unsettled.len(), out);
        self.unsettled.iter().for_each(|block| block.encode(out));
        encode_count(self.outboxes.len(), out);
        for (height, messages) in &self.outboxes {
            height.encode(out);
            encode_list(messages, out);
        }
        encode_map(&self.sent, out);
        encode_count(self.queued.len(), out);
        for ((to, seq), message) in &self.queued {
            to.encode(out);
            seq.encode(out);
            message.encode(out);
        }
        encode_map(&self.windows, out);
        encode_count(self.exited.len(), out);
        self.exited.iter().for_each(|index| index.encode(out));
    }
}

fn encode_map<K: Codec, V: Codec>(map: &BTreeMap<K, V>, out: &mut Vec<u8>) {
    encode_count(map.len(), out);
    for (key, value) in map {
        key.encode(out);
        value.encode(out);
    }
}
