//! What settlement knows of one zone: where its chain stands, its inbox, its turnstiles. Nothing of what is inside.

use super::error::TransactionError;
use crate::body::Before;
use crate::genesis::{GenesisZone, ZoneMode};
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
    pub(super) id: ZoneId,
    pub(super) name: Name,
    pub(super) producer: PublicKey,
    pub(super) mode: ZoneMode,
    pub(super) status: ZoneStatus,
    pub(super) epoch: ProducerEpoch,
    pub(super) height: Height,
    pub(super) head: Digest,
    pub(super) post_root: Digest,
    pub(super) before: Before,
    pub(super) inbox: Inbox,
    pub(super) turnstiles: BTreeMap<AssetId, Turnstile>,
    pub(super) unsettled: VecDeque<ZoneBlock>,
    pub(super) settled: Height,
}

/// Whether a zone may do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneStatus {
    /// It takes deposits and headers.
    Open,
    /// It tried to take out more than it holds: what made it is unsound. It takes nothing.
    Frozen(Freeze),
}

/// How a zone was found unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Which zone.
    pub zone: ZoneId,
    /// The settlement block that froze it.
    pub at: Height,
    /// Id of the header that took too much.
    pub header: Digest,
    /// How much too much.
    pub overdrawn: Overdrawn,
}

/// More was to be taken out of a zone than it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{requested} units of asset {asset} were to leave a zone that holds {held}")]
pub struct Overdrawn {
    /// What.
    pub asset: AssetId,
    /// What the zone holds of it.
    pub held: Amount,
    /// What was to leave.
    pub requested: Amount,
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

/// The messages that settlement appended to a zone's inbox and no ordered header has consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Of the last message appended, over the zone's life.
    appended: InboxIndex,
    /// Ascending without a gap, up to `appended`.
    pending: VecDeque<InboxMessage>,
}

/// What went into a zone and out of it, of one asset, over the zone's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnstile {
    /// In messages that wait in the inbox.
    pub in_flight: Amount,
    /// In messages that ordered headers consumed.
    pub paid_in: Amount,
    /// In messages that ordered headers sent. Never above `paid_in`.
    pub paid_out: Amount,
}

impl Zone {
    pub(super) fn new(genesis: &GenesisZone) -> Self {
        Self {
            id: genesis.id,
            name: genesis.name,
            producer: genesis.producer,
            mode: genesis.mode,
            status: ZoneStatus::Open,
            epoch: genesis.epoch,
            height: Height::new(0),
            head: Digest::ZERO,
            post_root: Digest::ZERO,
            before: Before::default(),
            inbox: Inbox::default(),
            turnstiles: BTreeMap::new(),
            unsettled: VecDeque::new(),
            settled: Height::new(0),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> ZoneId {
        self.id
    }

    /// As people call it.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// Who signs its headers.
    #[must_use]
    pub const fn producer(&self) -> PublicKey {
        self.producer
    }

    /// What stands for a proof.
    #[must_use]
    pub const fn mode(&self) -> ZoneMode {
        self.mode
    }

    /// Whether it may do anything.
    #[must_use]
    pub const fn status(&self) -> ZoneStatus {
        self.status
    }

    /// The lowest epoch that its next header may have.
    #[must_use]
    pub const fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// Height of its last ordered block, 0 before the first; all up to it are available.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Id of its last ordered block, zero before the first.
    #[must_use]
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// State root behind its last ordered block, zero before the first.
    #[must_use]
    pub const fn post_root(&self) -> Digest {
        self.post_root
    }

    /// Where it stands behind its last ordered block.
    #[must_use]
    pub const fn before(&self) -> Before {
        self.before
    }

    /// Height of its last settled block, 0 before the first.
    #[must_use]
    pub const fn settled(&self) -> Height {
        self.settled
    }

    /// Blocks that are available and not yet settled, ascending.
    pub fn unsettled(&self) -> impl ExactSizeIterator<Item = &ZoneBlock> {
        self.unsettled.iter()
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
        match self.status {
            ZoneStatus::Open => Ok(()),
            ZoneStatus::Frozen(Freeze { at, .. }) => Err(TransactionError::ZoneFrozen { zone: self.id, at }),
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
        self.inbox.append(message);
    }

    /// Consumes every message up to `index`: from in flight to paid in.
    pub(super) fn consume(&mut self, index: InboxIndex) {
        while let Some(message) = self.inbox.pop_up_to(index) {
            let turnstile = self.turnstiles.get_mut(&message.asset).expect("counted when it was appended");
            turnstile.in_flight = turnstile.in_flight.checked_sub(message.amount).expect("counted when it was appended");
            turnstile.paid_in = turnstile.paid_in.checked_add(message.amount).expect("checked with the deposit");
        }
    }

    /// Takes the blocks that have been available long enough at settlement height `at`.
    pub(super) fn settle(&mut self, at: Height, settled: &mut Vec<ZoneBlock>) {
        let ZoneMode::Attested { delay_blocks } = self.mode;
        while let Some(block) = self.unsettled.pop_front_if(|block| is_due(block, delay_blocks, at)) {
            self.settled = block.height;
            settled.push(block);
        }
    }

    pub(super) fn settles_at(&self, at: Height) -> bool {
        let ZoneMode::Attested { delay_blocks } = self.mode;
        self.unsettled.front().is_some_and(|block| is_due(block, delay_blocks, at))
    }
}

fn is_due(block: &ZoneBlock, delay_blocks: u32, at: Height) -> bool {
    block.available_at.get().saturating_add(u64::from(delay_blocks)) <= at.get()
}

impl Inbox {
    /// Index of the last message appended, 0 before the first.
    #[must_use]
    pub const fn appended(&self) -> InboxIndex {
        self.appended
    }

    /// Index of the last message consumed by an ordered header, 0 before the first.
    #[must_use]
    pub fn consumed(&self) -> InboxIndex {
        InboxIndex::new(self.appended.get() - self.pending.len() as u64)
    }

    /// A message that waits.
    #[must_use]
    pub fn get(&self, index: InboxIndex) -> Option<&InboxMessage> {
        let offset = index.get().checked_sub(self.consumed().get())?.checked_sub(1)?;
        self.pending.get(usize::try_from(offset).ok()?)
    }

    /// The messages that wait, in order.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &InboxMessage> {
        self.pending.iter()
    }

    pub(super) fn append(&mut self, message: InboxMessage) {
        assert!(message.index == self.appended.next(), "message {} behind {}", message.index, self.appended);
        self.appended = message.index;
        self.pending.push_back(message);
    }

    fn pop_up_to(&mut self, index: InboxIndex) -> Option<InboxMessage> {
        self.pending.pop_front_if(|message| message.index <= index)
    }
}

impl Turnstile {
    /// What the zone holds: paid in less paid out.
    ///
    /// # Panics
    ///
    /// If more was paid out than in.
    #[must_use]
    pub const fn held(&self) -> Amount {
        self.paid_in.checked_sub(self.paid_out).expect("a turnstile pays out at most what was paid in")
    }

    /// Lets `amount` of `asset` out.
    ///
    /// # Errors
    ///
    /// [`Overdrawn`], and the turnstile is as it was.
    pub fn pay_out(self, asset: AssetId, amount: Amount) -> Result<Self, Overdrawn> {
        let held = self.held();
        match (held.checked_sub(amount), self.paid_out.checked_add(amount)) {
            (Some(_), Some(paid_out)) => Ok(Self { paid_out, ..self }),
            (None, _) | (_, None) => Err(Overdrawn { asset, held, requested: amount }),
        }
    }
}

impl Zone {
    /// Appends the canonical bytes that the state's digest covers.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.name.encode(out);
        self.producer.encode(out);
        self.mode.encode(out);
        match &self.status {
            ZoneStatus::Open => 1_u8.encode(out),
            ZoneStatus::Frozen(Freeze { zone: _, at, header, overdrawn }) => {
                2_u8.encode(out);
                at.encode(out);
                header.encode(out);
                overdrawn.asset.encode(out);
                overdrawn.held.encode(out);
                overdrawn.requested.encode(out);
            }
        }
        self.epoch.encode(out);
        self.height.encode(out);
        self.head.encode(out);
        self.post_root.encode(out);
        self.before.seq.encode(out);
        self.before.time.encode(out);
        self.before.inbox.encode(out);
        self.inbox.appended.encode(out);
        encode_count(self.inbox.pending.len(), out);
        self.inbox.pending.iter().for_each(|message| message.encode(out));
        encode_count(self.turnstiles.len(), out);
        for (asset, turnstile) in &self.turnstiles {
            asset.encode(out);
            turnstile.in_flight.encode(out);
            turnstile.paid_in.encode(out);
            turnstile.paid_out.encode(out);
        }
        self.settled.encode(out);
        encode_count(self.unsettled.len(), out);
        for block in &self.unsettled {
            block.height.encode(out);
            block.id.encode(out);
            block.first_seq.encode(out);
            block.last_seq.encode(out);
            block.available_at.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turnstile_stops_at_what_was_paid_in() {
        let asset = AssetId::new(3);
        let amount = |units| Amount::new(units).unwrap();
        let turnstile = Turnstile { in_flight: amount(1_000), paid_in: amount(100), paid_out: amount(0) };
        let turnstile = turnstile.pay_out(asset, amount(60)).unwrap();
        let (held, requested) = (amount(40), amount(41));
        assert_eq!(turnstile.pay_out(asset, requested), Err(Overdrawn { asset, held, requested }), "flight is not yet in");
        assert_eq!(turnstile.pay_out(asset, held).unwrap().held(), amount(0));
    }
}
