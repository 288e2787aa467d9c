//! Where a zone stands: the one fact of it that every header changes.

use crate::body::Before;
use crate::dispersal::BodyKey;
use crate::genesis::{GenesisZone, ZoneMode};
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::record;
use plinth_types::reference::Name;

/// A zone without its messages, turnstiles and unsettled blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneRecord {
    /// Its number.
    pub id: ZoneId,
    /// As people call it.
    pub name: Name,
    /// Who signs its headers.
    pub producer: PublicKey,
    /// What stands for a proof.
    pub mode: ZoneMode,
    /// The decided mode, and the settlement block from which it holds.
    pub mode_next: Option<(ZoneMode, Height)>,
    /// Whether it may do anything.
    pub status: ZoneStatus,
    /// The lowest epoch that its next header may have.
    pub epoch: ProducerEpoch,
    /// Height of its last ordered block, 0 before the first.
    pub height: Height,
    /// Id of its last ordered block, zero before the first.
    pub head: Digest,
    /// State root behind its last ordered block, zero before the first.
    pub post_root: Digest,
    /// Where it stands behind its last ordered block.
    pub before: Before,
    /// Where it stood behind its last settled block.
    pub settled: Settled,
    /// Index of the last message appended to its inbox, 0 before the first.
    pub appended: InboxIndex,
    /// How many messages the base layer has sent it.
    pub from_base: u64,
    /// The settlement block that ordered its last header, or made its producer what it is.
    pub ordered_at: Height,
    /// How much of its window is used, in percent; 100 also behind the deadline. The zone throttles its intake by it.
    pub pressure: u8,
    /// How many leaves were taken out of it while it was frozen.
    pub exits: u64,
}

/// The last good block of a zone, to which a rejection goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Its height, 0 before the first.
    pub height: Height,
    /// Its id.
    pub head: Digest,
    /// State root behind it.
    pub post_root: Digest,
    /// What each owner could take out behind it.
    pub exit_root: Digest,
    /// Where the zone stood behind it.
    pub before: Before,
}

/// Whether a zone may do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneStatus {
    /// It takes deposits and headers.
    Open,
    /// It takes nothing and pays nothing but exits.
    Frozen(Freeze),
}

/// When and why a zone was frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Which zone.
    pub zone: ZoneId,
    /// The settlement block that froze it.
    pub at: Height,
    /// Why.
    pub cause: FreezeCause,
}

/// Why a zone was frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeCause {
    /// It tried to take out more than it holds: what made it is unsound.
    Overdrawn {
        /// Id of the header that took too much.
        header: Digest,
        /// How much too much.
        overdrawn: Overdrawn,
    },
    /// The governors decided so.
    Decided,
    /// A body's shards are of no codeword; the proof stands in the block that froze the zone.
    NotACodeword {
        /// Id of its header.
        header: Digest,
    },
    /// A body, opened with the key that its header commits to, is not the header's.
    Unopenable {
        /// Id of its header.
        header: Digest,
        /// The key.
        key: BodyKey,
    },
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

impl ZoneRecord {
    pub(super) const fn new(genesis: &GenesisZone) -> Self {
        Self {
            id: genesis.id,
            name: genesis.name,
            producer: genesis.producer,
            mode: genesis.mode,
            mode_next: None,
            status: ZoneStatus::Open,
            epoch: genesis.epoch,
            height: Height::new(0),
            head: Digest::ZERO,
            post_root: Digest::ZERO,
            before: START,
            settled: Settled {
                height: Height::new(0),
                head: Digest::ZERO,
                post_root: Digest::ZERO,
                exit_root: Digest::ZERO,
                before: START,
            },
            appended: InboxIndex::new(0),
            from_base: 0,
            ordered_at: Height::new(0),
            pressure: 0,
            exits: 0,
        }
    }
}

/// Before the first block.
const START: Before = Before { seq: Seq::new(0), time: TimestampNs::new(0), inbox: InboxIndex::new(0) };

record!(Settled { height, head, post_root, exit_root, before });
record!(Before { seq, time, inbox });
record!(Freeze { zone, at, cause });
record!(Overdrawn { asset, held, requested });

impl Codec for ZoneRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.name.encode(out);
        self.producer.encode(out);
        self.mode.encode(out);
        match &self.mode_next {
            None => 0_u8.encode(out),
            Some((mode, from)) => {
                1_u8.encode(out);
                mode.encode(out);
                from.encode(out);
            }
        }
        self.status.encode(out);
        self.epoch.encode(out);
        self.height.encode(out);
        self.head.encode(out);
        self.post_root.encode(out);
        self.before.encode(out);
        self.settled.encode(out);
        self.appended.encode(out);
        self.from_base.encode(out);
        self.ordered_at.encode(out);
        self.pressure.encode(out);
        self.exits.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Codec::read(reader)?,
            name: Codec::read(reader)?,
            producer: Codec::read(reader)?,
            mode: Codec::read(reader)?,
            mode_next: match u8::read(reader)? {
                0 => None,
                1 => Some((Codec::read(reader)?, Codec::read(reader)?)),
                _ => return Err(reader.invalid("next mode")),
            },
            status: Codec::read(reader)?,
            epoch: Codec::read(reader)?,
            height: Codec::read(reader)?,
            head: Codec::read(reader)?,
            post_root: Codec::read(reader)?,
            before: Codec::read(reader)?,
            settled: Codec::read(reader)?,
            appended: Codec::read(reader)?,
            from_base: Codec::read(reader)?,
            ordered_at: Codec::read(reader)?,
            pressure: Codec::read(reader)?,
            exits: Codec::read(reader)?,
        })
    }
}

choice!(FreezeCause, "cause of a freeze" {
    1 => Overdrawn { header, overdrawn },
    2 => Decided,
    3 => NotACodeword { header },
    4 => Unopenable { header, key },
});

choice!(ZoneStatus, "zone status" { 1 => Open, 2 => Frozen(freeze) });
