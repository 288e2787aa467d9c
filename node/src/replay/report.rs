//! What a replay prints.

use super::child::Status;
use super::expect::{Comparison, MadeTrade};
use super::plan::Plan;
use super::player::Played;
use super::stages::Percentiles;
use super::tape::Tape;
use serde::Serialize;
use std::fmt;

/// The outcome of one replay.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayReport {
    /// Orders sent.
    pub orders: usize,
    /// Of them, accepted.
    pub orders_accepted: usize,
    /// Of them, refused.
    pub orders_refused: usize,
    /// The tape's numbers of those that were refused for another reason than that they were post-only and would have taken.
    pub orders_refused_otherwise: Vec<u64>,
    /// Orders cancelled.
    pub cancels: usize,
    /// Cancels that came too late.
    pub cancels_refused: usize,
    /// Trades made.
    pub trades: usize,
    /// Trades on the tape.
    pub trades_on_tape: usize,
    /// Trades with the same two orders, price and quantity as one on the tape.
    pub trades_reproduced: usize,
    /// The tape's numbers of those that were not.
    pub trades_missing: Vec<u64>,
    /// Trades that the tape does not have.
    pub trades_extra: usize,
    /// FNV-1a over the trades in their order: two runs give the same.
    pub trades_hash: String,
    /// Trades that both firms were told to be available.
    pub trades_available: usize,
    /// Trades that both firms were told to be settled, in a finalized block.
    pub trades_final: usize,
    /// Reports that a trade got into a state, beyond one for each firm, that were not marked as sent again.
    pub trade_states_repeated: usize,
    /// Whether the appliance finds every asset conserved.
    pub ledger_conserved: bool,
    /// Orders of the snapshot that were not on the venue's book any more; not sent.
    pub left_out_stale: usize,
    /// Orders that the capture shows without a quantity; not sent.
    pub left_out_without_quantity: usize,
    /// `sync` or `async`: what an acknowledgement means.
    pub durability: String,
    /// From the first message to the last answer, in seconds.
    pub duration_s: f64,
    /// Orders and cancels in a second.
    pub messages_per_s: f64,
    /// Latencies as the firms saw them.
    pub stages: ReportStages,
    /// How far zone and settlement were at the end.
    pub heights: ReportHeights,
    /// Largest resident memory of the appliance, in KiB.
    pub memory_peak_kib: Option<u64>,
    /// Whether the appliance stopped without a complaint; `None` if it was not ours to stop.
    pub stopped_cleanly: Option<bool>,
}

/// Heights of the zone's chain, and of settlement's.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReportHeights {
    /// Last zone block cut.
    pub zone_executed: u64,
    /// Last zone block available.
    pub zone_available: u64,
    /// Last zone block settled.
    pub zone_settled: u64,
    /// Last settlement block.
    pub settlement: u64,
}

/// Percentiles of each stage.
#[derive(Clone, Debug, Serialize)]
pub struct ReportStages {
    /// From the moment an order was due to its report.
    pub order_ack: Percentiles,
    /// From the moment a cancel was due to its report.
    pub cancel_ack: Percentiles,
    /// From the fill's report to the report that its block is available.
    pub executed_to_available: Percentiles,
    /// From there to the report that it is settled.
    pub available_to_settled: Percentiles,
    /// Both together.
    pub executed_to_settled: Percentiles,
}

impl ReplayReport {
    pub(super) fn new(
        tape: &Tape,
        plan: &Plan,
        played: &Played,
        comparison: &Comparison,
        status: &Status,
        memory_peak_kib: Option<u64>,
    ) -> Self {
        let duration_s = played.duration.as_secs_f64();
        let messages = (played.orders + played.cancels + played.cancels_refused) as f64;
        let stages = &played.stages;
        Self {
            orders: played.orders,
            orders_accepted: played.orders_accepted,
            orders_refused: played.orders_refused,
            orders_refused_otherwise: played.refused_otherwise.iter().map(|order| order.get()).collect(),
            cancels: played.cancels,
            cancels_refused: played.cancels_refused,
            trades: played.trades.len(),
            trades_on_tape: tape.trades.len(),
            trades_reproduced: comparison.reproduced,
            trades_missing: comparison.missing.clone(),
            trades_extra: comparison.extra.len(),
            trades_hash: format!("{:016x}", hash(&played.trades)),
            trades_available: played.trades_available,
            trades_final: played.trades_settled,
            trade_states_repeated: played.states_repeated,
            ledger_conserved: status.ledger_conserved,
            left_out_stale: plan.left_out.stale,
            left_out_without_quantity: plan.left_out.without_quantity,
            durability: status.durability.clone(),
            duration_s,
            messages_per_s: if duration_s > 0.0 { (messages / duration_s).round() } else { 0.0 },
            stages: ReportStages {
                order_ack: stages.order_ack.percentiles(),
                cancel_ack: stages.cancel_ack.percentiles(),
                executed_to_available: stages.executed_to_available.percentiles(),
                available_to_settled: stages.available_to_settled.percentiles(),
                executed_to_settled: stages.executed_to_settled.percentiles(),
            },
            heights: ReportHeights {
                zone_executed: status.zone_height,
                zone_available: status.available_height,
                zone_settled: status.settled_height,
                settlement: status.settlement_height,
            },
            memory_peak_kib,
            stopped_cleanly: None,
        }
    }

    /// One line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings only")
    }
}

/// FNV-1a over 64-bit words.
fn hash(trades: &[MadeTrade]) -> u64 {
    let words =
        trades.iter().flat_map(|trade| [trade.buy.get(), trade.sell.get(), trade.price.ticks().unsigned_abs(), trade.qty.lots()]);
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "orders     {} sent, {} accepted, {} refused", self.orders, self.orders_accepted, self.orders_refused)?;
        writeln!(f, "cancels    {} done, {} too late", self.cancels, self.cancels_refused)?;
        writeln!(f, "trades     {}, {} of the tape's {} reproduced", self.trades, self.trades_reproduced, self.trades_on_tape)?;
        writeln!(f, "           missing {:?}, extra {}, hash {}", self.trades_missing, self.trades_extra, self.trades_hash)?;
        writeln!(f, "settled    {} available, {} final", self.trades_available, self.trades_final)?;
        writeln!(f, "ledger     {}", if self.ledger_conserved { "conserved" } else { "NOT CONSERVED" })?;
        writeln!(f, "pace       {:.1} s, {} messages/s, durability {}", self.duration_s, self.messages_per_s, self.durability)?;
        let stages = [
            ("order to report", &self.stages.order_ack),
            ("cancel to report", &self.stages.cancel_ack),
            ("executed to available", &self.stages.executed_to_available),
            ("available to settled", &self.stages.available_to_settled),
            ("executed to settled", &self.stages.executed_to_settled),
        ];
        for (name, times) in stages {
            let Percentiles { count, p50_us, p99_us, p999_us, max_us, .. } = times;
            writeln!(f, "{name:22} p50 {p50_us} µs, p99 {p99_us}, p99.9 {p999_us}, max {max_us} ({count})")?;
        }
        match self.memory_peak_kib {
            Some(kib) => writeln!(f, "memory     {} MiB at most", kib.div_ceil(1_024)),
            None => writeln!(f, "memory     not known"),
        }
    }
}
