//! What the appliance says of itself, as `plinth status --json` prints it.

use super::control::{CoreHandle, CoreStatus};
use super::desk::Refusals;
use super::intake::Backlog;
use super::markets::phase_name;
use super::producer::{Rejections, ZoneHead};
use super::space::Space;
use crate::config::decimal;
use crate::proving::ProofReport;
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::ledger::{State, Turnstile, Zone, ZoneStatus};
use plinth_settlement::link::ZoneLink;
use plinth_settlement::stages::StageFigures;
use plinth_types::id::{ChainId, Height, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::reference::Asset;
use plinth_validator::ValidatorHandle;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Refusals that are shown.
const REFUSED_SHOWN_MAX: usize = 8;

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
    /// What becomes of system calls that an appliance never makes: `on` (they fail), `log` or `off`.
    pub seccomp: &'static str,
    /// Where FIX is accepted: in plain TCP, if that is configured, else over TLS.
    pub fix_address: String,
    /// Where FIX is accepted over TLS, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_tls_address: Option<String>,
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
    /// Withdrawals, and requests for one, that took value out of the zone.
    pub withdrawals: u64,
    /// Messages that the zone refused: their value went back, or a request was answered with no.
    pub inbox_refused: u64,
    /// Whether settlement lets the zone do anything.
    pub zone_frozen: bool,
    /// Zone blocks that settlement rejected since the start, and that were sealed again.
    pub blocks_rejected: u64,
    /// The first zone block of the last rejection; 0 for none since the start.
    pub rejected_from: u64,
    /// Key of the zone's producer, as settlement knows it.
    pub zone_producer: String,
    /// Its epoch: what was signed in an earlier one is refused.
    pub zone_epoch: u32,
    /// What stands for a proof of the zone's blocks.
    pub zone_mode: String,
    /// What is taken of clients: `open`, `throttled`, `stopped` (cancels only: too much waits for its proof) or `frozen` (cancels only).
    pub intake: &'static str,
    /// How much of what may be unproven is, in percent.
    pub window_used_percent: u8,
    /// Last zone block of which all up to it are proven; 0 for a zone whose blocks need no proof.
    pub proven_height: u64,
    /// Zone blocks that are cut and not proven.
    pub proofs_missing: u64,
    /// Proofs that provers have given and that no verdict has used yet.
    pub proofs_at_hand: usize,
    /// Why validators refused a proof, the last time since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_refused: Option<String>,
    /// Decisions of the governors that were carried out.
    pub decisions: u64,
    /// What was brought to this appliance and refused by the validators, the last few.
    pub refused: Vec<RefusedStatus>,
    /// Per asset.
    pub ledger: Vec<AssetStatus>,
    /// Whether every asset is conserved.
    pub ledger_conserved: bool,
    /// Markets, by number of the instrument.
    pub markets: Vec<MarketStatus>,
    /// FIX sessions.
    pub sessions: Vec<SessionStatus>,
    /// Validators of this process.
    pub validators: Vec<ValidatorStatus>,
    /// Percentiles per stage of settlement, as the zone's own side saw them.
    pub stages: Vec<StageStatus>,
    /// Free space of the disk under the data directory, in MiB.
    pub disk_free_mib: u64,
    /// Whether it is below the reserve: only cancels are taken.
    pub disk_space_low: bool,
    /// Largest resident memory so far, in KiB.
    pub memory_peak_kib: u64,
}

/// A transaction that the validators refused.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedStatus {
    /// Its digest.
    pub digest: String,
    /// Why.
    pub reason: String,
}

/// One asset: issued = base layer + in flight + zone + leaving.
#[derive(Clone, Debug, Serialize)]
pub struct AssetStatus {
    /// Its name.
    pub asset: String,
    /// Issued in all, less what was redeemed.
    pub issued: String,
    /// Σ balances of owners on the base layer.
    pub base: String,
    /// Σ messages that are on their way to the zone, or back from it.
    pub in_flight: String,
    /// Σ balances of the zone's accounts, less what was taken out of the frozen zone by exits.
    pub zone: String,
    /// Σ withdrawals that have left the zone's accounts and are not yet delivered.
    pub leaving: String,
    /// Whether the sum is right.
    pub conserved: bool,
}

/// One market.
#[derive(Clone, Debug, Serialize)]
pub struct MarketStatus {
    /// Of which instrument.
    pub symbol: String,
    /// The phase that it is in.
    pub phase: &'static str,
    /// Whether an operator has halted it: then it waits for an operator.
    pub halted_by_operator: bool,
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
    /// Other validators that it is connected to.
    pub peers_connected: usize,
    /// Pieces of evidence against Byzantine validators.
    pub evidence_count: usize,
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

/// Asks every part how it is.
pub(super) struct Reporter {
    pub(super) started: Instant,
    pub(super) fix: SocketAddr,
    pub(super) fix_tls: Option<SocketAddr>,
    pub(super) chain: ChainId,
    pub(super) durability: &'static str,
    pub(super) seccomp: &'static str,
    pub(super) attestation: &'static str,
    pub(super) validators: Arc<Vec<ValidatorHandle>>,
    pub(super) head: Arc<Mutex<ZoneHead>>,
    pub(super) space: Space,
    pub(super) core: CoreHandle,
    pub(super) link: Arc<ZoneLink>,
    pub(super) rejections: Arc<Rejections>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) proofs: Arc<Mutex<ProofReport>>,
    pub(super) refusals: Arc<Refusals>,
}

impl Reporter {
    /// The furthest of this process's validators, or what the link has verified of validators elsewhere.
    fn ledger(&self) -> Option<State> {
        let own = self.validators.iter().map(ValidatorHandle::ledger).max_by_key(State::height);
        own.or_else(|| self.link.ledger())
    }

    /// `None` when the core stage is gone.
    pub(super) fn status(&self) -> Option<Status> {
        // What left the zone is compared with a ledger from before the core is asked, what came in with one from after: neither can then
        // be behind the core.
        let before = self.ledger();
        let core = self.core.ask()?;
        let head = *self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = self.ledger();
        let assets: Vec<AssetStatus> = match (&before, &ledger) {
            (Some(before), Some(ledger)) => {
                ledger.listings().map(|listing| asset_status(&listing.asset, before, ledger, &core)).collect()
            }
            (None, _) | (_, None) => Vec::new(),
        };
        let zone = ledger.as_ref().and_then(|ledger| ledger.zone(ZoneId::TRADING));
        let is_proven = zone.is_some_and(|zone| matches!(zone.mode(), ZoneMode::Proven { .. }));
        let proven = zone.filter(|_| is_proven).map_or(0, |zone| proven_height(zone).get());
        let proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let markets = core.markets.iter().map(|market| MarketStatus {
            symbol: market.symbol.as_str().to_owned(),
            phase: phase_name(market.phase),
            halted_by_operator: market.is_held,
        });
        let sessions = core.gateway.sessions.iter().map(|session| SessionStatus {
            comp_id: session.comp_id.clone(),
            connected: session.is_logged_on,
            next_inbound: session.next_in.get(),
            next_outbound: session.next_out.get(),
        });
        let validators = self.validators.iter().map(ValidatorHandle::status).map(|status| ValidatorStatus {
            public_key: status.key.to_string(),
            address: status.listen.to_string(),
            height: status.height.get(),
            peers_connected: status.peers_connected,
            evidence_count: status.evidence_count,
            stages: status.stages.iter().map(stage_status).collect(),
        });
        let refused = self
            .refusals
            .last(REFUSED_SHOWN_MAX)
            .into_iter()
            .map(|(digest, reason)| RefusedStatus { digest: digest.to_string(), reason });
        Some(Status {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            chain: self.chain.get(),
            topology: "fused",
            durability: self.durability,
            seccomp: self.seccomp,
            attestation: self.attestation,
            fix_address: self.fix.to_string(),
            fix_tls_address: self.fix_tls.map(|address| address.to_string()),
            seq: core.seq.get(),
            durable_seq: core.durable_seq.get(),
            orders: core.cursor.orders,
            orders_live: core.orders_live,
            trades: core.cursor.trades,
            zone_height: head.height.get(),
            state_root: head.state_root.to_string(),
            available_height: core.cursor.available.get(),
            settled_height: core.cursor.settled.get(),
            settlement_height: ledger.as_ref().map_or(core.cursor.settlement, State::height).get(),
            trades_settled: core.cursor.trades_settled,
            withdrawals: core.cursor.withdrawals,
            inbox_refused: core.cursor.inbox_refused,
            zone_frozen: zone.is_some_and(|zone| zone.status() != ZoneStatus::Open),
            blocks_rejected: self.rejections.count(),
            rejected_from: self.rejections.from().get(),
            zone_producer: zone.map_or_else(String::new, |zone| zone.producer().to_string()),
            zone_epoch: zone.map_or(0, |zone| zone.epoch().get()),
            zone_mode: zone.map_or_else(String::new, |zone| zone.mode().to_string()),
            intake: self.backlog.name(),
            window_used_percent: self.backlog.used_percent(),
            proven_height: proven,
            proofs_missing: if is_proven { head.height.get().saturating_sub(proven) } else { 0 },
            proofs_at_hand: proofs.at_hand,
            proof_refused: proofs.refused,
            decisions: ledger.as_ref().map_or(0, State::decisions),
            refused: refused.collect(),
            ledger_conserved: core.balanced && !assets.is_empty() && assets.iter().all(|asset| asset.conserved),
            ledger: assets,
            markets: markets.collect(),
            sessions: sessions.collect(),
            validators: validators.collect(),
            stages: self.link.status().stages.iter().map(stage_status).collect(),
            disk_free_mib: self.space.free() >> 20,
            disk_space_low: self.space.is_low(),
            memory_peak_kib: memory_peak_kib(),
        })
    }
}

/// Issued = base + in flight + zone + leaving. A message is in flight until the core has credited it or settlement has given it back; a
/// withdrawal is leaving until settlement has delivered it. Settlement learns of both with the zone's blocks, the core knows at once, so
/// each is counted as what one of them says less what the other says. The sum cannot hold by itself: neither side may be ahead. Of exits the
/// core never learns.
fn asset_status(asset: &Asset, before: &State, ledger: &State, core: &CoreStatus) -> AssetStatus {
    let issued = ledger.issued(asset.id).unwrap_or_default().units();
    let base = sum(ledger.balances().filter(|(_, of, _)| *of == asset.id).map(|(.., amount)| amount));
    let total = core.totals.iter().find(|total| total.asset == asset.id);
    let (held, withdrawn) = total.map_or((0, 0), |total| (total.held.units(), total.withdrawn.units()));
    let turnstile = |ledger: &State| ledger.zone(ZoneId::TRADING).map(|zone| zone.turnstile(asset.id)).unwrap_or_default();
    let sent = |turnstile: Turnstile| turnstile.paid_out.units() - turnstile.exited.units();
    let (sent_before, now) = (sent(turnstile(before)), turnstile(ledger));
    let (sent_now, exited) = (sent(now), now.exited.units());
    let appended = now.paid_in.units() + now.in_flight.units();
    let in_flight = appended.checked_sub(held + withdrawn);
    let queued = sum(ledger
        .zone(ZoneId::TRADING)
        .into_iter()
        .flat_map(|zone| zone.queued())
        .filter_map(|(_, message)| (message.asset == asset.id).then_some(message.amount)));
    // What settled while the core was asked counts as left, so nothing is counted twice.
    let leaving = withdrawn.checked_sub(sent_before).map(|_| (withdrawn + queued).saturating_sub(sent_now));
    let unsaid = sent_now.saturating_sub(withdrawn + queued);
    let show = |amount: u128| decimal::format(amount, asset.decimals);
    AssetStatus {
        asset: asset.name.as_str().to_owned(),
        issued: show(issued),
        base: show(base),
        in_flight: show(in_flight.unwrap_or_default()),
        zone: show(held.saturating_sub(exited)),
        leaving: show(leaving.unwrap_or_default()),
        conserved: match (in_flight, leaving) {
            (Some(in_flight), Some(leaving)) => issued + unsaid + exited == base + in_flight + held + leaving,
            (None, _) | (_, None) => false,
        },
    }
}

/// The last block of which all up to it are settled or vouched for.
fn proven_height(zone: &Zone) -> Height {
    let vouched = zone.unsettled().take_while(|block| zone.unsettled_at(block.height).is_some_and(|unsettled| unsettled.vouched));
    vouched.last().map_or(zone.settled(), |block| block.height)
}

/// At most 2^120 each, and no more of them than fit in memory.
fn sum(amounts: impl Iterator<Item = Amount>) -> u128 {
    amounts.map(Amount::units).sum()
}

fn stage_status(figures: &StageFigures) -> StageStatus {
    StageStatus {
        stage: figures.stage.name().to_owned(),
        count: figures.count,
        p50_us: figures.us_p50,
        p99_us: figures.us_p99,
        max_us: figures.us_max,
    }
}

/// `VmHWM` of this process; 0 where the kernel does not say.
fn memory_peak_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
