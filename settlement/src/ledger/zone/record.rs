//! Where a zone stands: the one fact of it that every header changes.

use crate::body::Before;
use crate::genesis::{GenesisZone, ZoneMode};
use crate::record::record;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, ZoneId};
use plinth_types::quantity::Amount;
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
    /// Whether it may do anything.
    pub status: ZoneStatus,
    /// The lowest epoch that its next header may have.
    pub epoch: ProducerEpoch,
    /// Height of its last ordered block, 0 before the first; all up to it are available.
    pub height: Height,
    /// Id of its last ordered block, zero before the first.
    pub head: Digest,
    /// State root behind its last ordered block, zero before the first.
    pub post_root: Digest,
    /// Where it stands behind its last ordered block.
    pub before: Before,
    /// Index of the last message appended to its inbox, 0 before the first.
    pub appended: InboxIndex,
    /// Height of its last settled block, 0 before the first.
    pub settled: Height,
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

impl ZoneRecord {
    pub(super) const fn new(genesis: &GenesisZone) -> Self {
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
            before: Before { seq: Seq::new(0), time: plinth_types::id::TimestampNs::new(0), inbox: InboxIndex::new(0) },
            appended: InboxIndex::new(0),
            settled: Height::new(0),
        }
    }
}

record!(ZoneRecord { id, name, producer, mode, status, epoch, height, head, post_root, before, appended, settled });
record!(Before { seq, time, inbox });
record!(Freeze { zone, at, header, overdrawn });
record!(Overdrawn { asset, held, requested });

impl Codec for ZoneStatus {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open => 1_u8.encode(out),
            Self::Frozen(freeze) => {
                2_u8.encode(out);
                freeze.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => Ok(Self::Open),
            2 => Ok(Self::Frozen(Codec::read(reader)?)),
            _ => Err(reader.invalid("zone status")),
        }
    }
}
