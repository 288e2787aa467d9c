//! What the appliance says of itself, as `plinth status --json` prints it.

use serde::Serialize;

/// The whole answer. Heights and counts are of the moment each part was asked; the parts are asked one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of the program.
    pub version: &'static str,
    /// Process id.
    pub pid: u32,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Number that all signatures name.
    pub chain: u64,
    /// Which stages share a thread.
    pub topology: &'static str,
    /// `sync` or `async`: what an acknowledgement means.
    pub durability: &'static str,
    /// How the zone's blocks are vouched for until they are proven.
    pub attestation: &'static str,
    /// Where FIX is accepted.
    pub fix_address: String,
    /// Last record sequenced.
    pub seq: u64,
    /// Last record durable.
    pub durable_seq: u64,
    /// Orders accepted since the first start.
    pub orders: u64,
    /// Orders on the books.
    pub orders_live: u64,
    /// Trades since the first start.
    pub trades: u64,
    /// Last zone block sealed.
    pub zone_height: u64,
    /// Its state root.
    pub state_root: String,
    /// Last zone block available.
    pub available_height: u64,
    /// Last zone block settled.
    pub settled_height: u64,
    /// Last settlement block finalized.
    pub settlement_height: u64,
    /// Trades in settled blocks.
    pub trades_settled: u64,
    /// Per asset.
    pub ledger: Vec<AssetStatus>,
    /// Whether every asset is conserved.
    pub ledger_conserved: bool,
    /// FIX sessions.
    pub sessions: Vec<SessionStatus>,
    /// Validators of this process.
    pub validators: Vec<ValidatorStatus>,
    /// Percentiles per stage of settlement, as the zone's own side saw them, in microseconds.
    pub stages: Vec<StageStatus>,
    /// Largest resident memory so far, in KiB.
    pub memory_peak_kib: u64,
}

/// One asset: issued = base layer + in flight + zone.
#[derive(Clone, Debug, Serialize)]
pub struct AssetStatus {
    /// Its name.
    pub asset: String,
    /// Issued at genesis.
    pub issued: String,
    /// Σ balances of owners on the base layer.
    pub base: String,
    /// Σ messages that the zone has not consumed.
    pub in_flight: String,
    /// Σ balances of the zone's accounts.
    pub zone: String,
    /// Whether the sum is right.
    pub conserved: bool,
}

/// One FIX session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionStatus {
    /// The client's CompID.
    pub comp_id: String,
    /// Whether it is logged on.
    pub connected: bool,
    /// Next number expected from it.
    pub next_inbound: u64,
    /// Next number sent to it.
    pub next_outbound: u64,
}

/// One validator.
#[derive(Clone, Debug, Serialize)]
pub struct ValidatorStatus {
    /// Its key.
    pub public_key: String,
    /// Where it listens.
    pub address: String,
    /// Last block it finalized.
    pub height: u64,
    /// Percentiles per stage.
    pub stages: Vec<StageStatus>,
}

/// One stage of a block's way.
#[derive(Clone, Debug, Serialize)]
pub struct StageStatus {
    /// From which moment to which.
    pub stage: String,
    /// Blocks measured.
    pub count: u64,
    /// Median, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
    /// Largest, in microseconds.
    pub max_us: u64,
}
