//! How a host is, for whoever asks.

use crate::limits::STATUS_ASSETS_MAX;
use crate::list::{List, Reason};
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::record;

/// A moment's view of a host and of its zone in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStatus {
    /// The chain.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
    /// The host's own key.
    pub key: PublicKey,
    /// Who is the zone's producer.
    pub producer: PublicKey,
    /// In which epoch.
    pub epoch: ProducerEpoch,
    /// Whether the zone is frozen.
    pub frozen: bool,
    /// Validators connected.
    pub validators_connected: u32,
    /// The last settlement block verified.
    pub settlement_height: Height,
    /// Its time.
    pub settlement_time: TimestampNs,
    /// Whether a zone process is connected.
    pub connected: bool,
    /// How many were welcomed since the start.
    pub welcomed_count: u64,
    /// Why the last one was refused or cut off; empty for never.
    pub refused: Reason,
    /// The last block that a zone process named or handed over: the zone's own word.
    pub executed: Height,
    /// The last one ordered.
    pub ordered: Height,
    /// The last one available.
    pub available: Height,
    /// The last one settled.
    pub settled: Height,
    /// Blocks handed over and not ordered.
    pub waiting_count: u32,
    /// The last settlement block whose news the zone process was told.
    pub told: Height,
    /// The last one that it has processed.
    pub processed: Height,
    /// The last message appended to the inbox.
    pub inbox_appended: InboxIndex,
    /// The last one that ordered blocks have consumed.
    pub inbox_consumed: InboxIndex,
    /// What went in and out, by asset.
    pub assets: List<AssetFlow, STATUS_ASSETS_MAX>,
}

/// What went in and out of a zone, of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetFlow {
    /// Which.
    pub asset: AssetId,
    /// In messages that no settled block has consumed.
    pub in_flight: Amount,
    /// In messages that settled blocks consumed.
    pub paid_in: Amount,
    /// In outboxes of ordered, unsettled blocks.
    pub leaving: Amount,
    /// In outboxes of settled blocks.
    pub paid_out: Amount,
}

record!(AssetFlow { asset, in_flight, paid_in, leaving, paid_out });
record!(HostStatus {
    chain,
    zone,
    key,
    producer,
    epoch,
    frozen,
    validators_connected,
    settlement_height,
    settlement_time,
    connected,
    welcomed_count,
    refused,
    executed,
    ordered,
    available,
    settled,
    waiting_count,
    told,
    processed,
    inbox_appended,
    inbox_consumed,
    assets,
});
