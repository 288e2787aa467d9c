//! `settle`: from a trade's execution to the finality of its block, with four validators over loopback QUIC.
//!
//! Two firms trade at a fixed pace. Two clocks look on: the validators' and the zone's own histograms, per block, from the sequencer's
//! stamp on (`plinth status`); and the two firms, who are told by `TradeCaptureReport` when their trade is available and settled.

use crate::appliance::{self, beside};
use crate::consensus;
use crate::figures::{Figures, histogram, rounded, write_hlog};
use crate::fix;
use crate::settle_cost;
use hdrhistogram::Histogram;
use plinth_gateway::client::Client;
use plinth_gateway::codec::tag;
use plinth_node::replay::child::{Stage, Status};
use plinth_node::replay::sockets::{self, Interest};
use std::collections::HashMap;
use std::error::Error;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long after the last trade its settlement may come.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const PRICE: &[u8] = b"78000.00";
const QTY: &[u8] = b"0.01000000";
/// A validator's way from the sequencer's stamp to a finalized block.
const FINALITY: &str = "executed-finalized";

/// What `settle` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SettleArgs {
    /// Trades in a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seconds
    #[arg(long, default_value_t = 10)]
    duration: u32,
    /// The appliance's program
    #[arg(long, default_value_os_t = beside("plinth"))]
    plinth: PathBuf,
    /// Where the appliance keeps its data; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Also compare: all three, or those named; transports take minutes, the others seconds
    #[arg(long, value_enum, value_delimiter = ',', num_args = 0.., require_equals = true, default_missing_values = ["regions", "cost", "transports"])]
    compare: Vec<Comparison>,
    /// The program that compares transports
    #[arg(long, default_value_os_t = beside("consensus-bench"))]
    bench: PathBuf,
    /// The simulation's program
    #[arg(long, default_value_os_t = beside("plinth-sim"))]
    sim: PathBuf,
    /// Write the firms' histograms here, as an HDR V2 log
    #[arg(long)]
    hlog: Option<PathBuf>,
}

/// What a run of the appliance does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Comparison {
    /// Fifty simulated validators in two regions
    Regions,
    /// The cost of blocks of one and of ten times the transactions, and of three zones
    Cost,
    /// Our transport and commonware's own, round by round
    Transports,
}

/// Runs; `Ok(false)` if a trade was not settled in time.
pub(crate) fn run(args: &SettleArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    sockets::wake_precisely();
    let started = Instant::now();
    let appliance = appliance::start(&args.plinth, &args.dir, &[])?;
    let ready = appliance.ready();
    let [seller, buyer, ..] = &ready.sessions[..] else { return Err("the appliance has fewer than two firms".into()) };
    let firms = [fix::log_on(ready.fix, seller)?, fix::log_on(ready.fix, buyer)?];
    let accounts = [seller.account.as_bytes(), buyer.account.as_bytes()];
    let mut desk = Desk { firms, trades: HashMap::new(), seen: Seen::default(), trade_count: 0 };
    let trade_count = u64::from(args.rate) * u64::from(args.duration);
    desk.trade(accounts, trade_count, Duration::from_secs(1) / args.rate.max(1))?;
    let settled = desk.wait_for_settlement(trade_count)?;
    let status = appliance.status()?;

    stage_figures(&status, figures);
    drop(appliance);
    for comparison in &args.compare {
        match comparison {
            Comparison::Regions => simulated(&args.sim, figures)?,
            Comparison::Cost => settle_cost::run(figures)?,
            Comparison::Transports => consensus::run(&args.bench, &args.dir, figures)?,
        }
    }
    for (name, times) in desk.seen.named() {
        figures.add(format!("settle.{name}_p50_ms"), rounded(times.value_at_quantile(0.5) as f64 / 1e6));
        figures.add(format!("settle.{name}_p99_ms"), rounded(times.value_at_quantile(0.99) as f64 / 1e6));
    }
    figures.add("settle.trades", desk.trade_count);
    figures.add("settle.trades_settled", settled);
    figures.add("settle.validators", status.validators.len());
    figures.add("settle.durability", status.durability.clone());
    figures.add("settle.ledger_conserved", status.ledger_conserved);
    if let Some(path) = &args.hlog {
        write_hlog(path, &desk.seen.named(), started.elapsed())?;
    }
    let complete = settled == trade_count && desk.trade_count == trade_count && status.ledger_conserved;
    if !complete {
        eprintln!("of {trade_count} trades {} were made and {settled} settled", desk.trade_count);
    }
    Ok(complete)
}

/// Fifty validators in two regions, in simulated time: the same on every machine.
fn simulated(sim: &Path, figures: &mut Figures) -> Result<(), Box<dyn Error>> {
    if !sim.exists() {
        return Err(format!("there is no {}: cargo build --release --workspace --bin plinth-sim makes it", sim.display()).into());
    }
    let output = Command::new(sim).args(["--seed", "1", "--regions", "50", "--json"]).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", sim.display(), String::from_utf8_lossy(&output.stderr)).into());
    }
    let told: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&output.stdout)?;
    told.into_iter().for_each(|(name, value)| figures.add(format!("settle.sim50_{name}"), value));
    Ok(())
}

/// The slowest validator counts: a figure that every one of them keeps.
fn stage_figures(status: &Status, figures: &mut Figures) {
    let slowest = |name: &str, value: fn(&Stage) -> u64| {
        let stages = status.validators.iter().flat_map(|validator| &validator.stages);
        stages.filter(|stage| stage.stage == name && stage.count > 0).map(value).max()
    };
    let ms = |us: u64| rounded(us as f64 / 1e3);
    if let (Some(p50), Some(p99)) = (slowest(FINALITY, |stage| stage.p50_us), slowest(FINALITY, |stage| stage.p99_us)) {
        figures.add("settle.finality_p50_ms", ms(p50));
        figures.add("settle.finality_p99_ms", ms(p99));
    }
    let names: Vec<&str> =
        status.validators.first().iter().flat_map(|validator| &validator.stages).map(|stage| stage.stage.as_str()).collect();
    for name in names {
        if let (Some(p50), Some(p99)) = (slowest(name, |stage| stage.p50_us), slowest(name, |stage| stage.p99_us)) {
            figures.add(format!("settle.stage.{name}_p50_ms"), ms(p50));
            figures.add(format!("settle.stage.{name}_p99_ms"), ms(p99));
        }
    }
    for stage in status.stages.iter().filter(|stage| stage.count > 0) {
        figures.add(format!("settle.zone.{}_p50_ms", stage.stage), ms(stage.p50_us));
        figures.add(format!("settle.zone.{}_p99_ms", stage.stage), ms(stage.p99_us));
    }
}

/// The two firms and what they were told.
struct Desk {
    firms: [Client; 2],
    /// By what both sides' reports share of `ExecID`.
    trades: HashMap<Vec<u8>, Told>,
    seen: Seen,
    trade_count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    executed_at: Instant,
    available: bool,
    settled: u8,
}

struct Seen {
    executed_to_available: Histogram<u64>,
    executed_to_settled: Histogram<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { executed_to_available: histogram(), executed_to_settled: histogram() }
    }
}

impl Seen {
    fn named(&self) -> [(&'static str, &Histogram<u64>); 2] {
        [("firm.executed_to_available", &self.executed_to_available), ("firm.executed_to_settled", &self.executed_to_settled)]
    }
}

impl Desk {
    fn trade(&mut self, accounts: [&[u8]; 2], trade_count: u64, interval: Duration) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        for index in 0..trade_count {
            let due = start + Duration::from_nanos((interval.as_nanos() as u64).saturating_mul(index));
            self.listen_until(due)?;
            let id = format!("settle-{index:08}");
            let [seller, buyer] = &mut self.firms;
            seller.send(b"D", |message| fix::write_limit(message, id.as_bytes(), accounts[0], b"2", QTY, PRICE, b"1"))?;
            // The buyer's limit is the same: whichever of the two arrives last takes.
            buyer.send(b"D", |message| fix::write_limit(message, id.as_bytes(), accounts[1], b"1", QTY, PRICE, b"1"))?;
        }
        Ok(())
    }

    fn wait_for_settlement(&mut self, trade_count: u64) -> Result<u64, Box<dyn Error>> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let settled = self.trades.values().filter(|told| told.settled >= 2).count() as u64;
            if settled >= trade_count || Instant::now() >= deadline {
                return Ok(settled);
            }
            self.listen_until(Instant::now() + Duration::from_millis(20))?;
        }
    }

    fn listen_until(&mut self, until: Instant) -> Result<(), Box<dyn Error>> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let interests = self.firms.iter().map(|firm| Interest { fd: firm.as_raw_fd(), writable: false });
            sockets::wait(interests, left)?;
            self.listen()?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn listen(&mut self) -> Result<(), Box<dyn Error>> {
        for firm in &mut self.firms {
            while let Some(message) = firm.poll()? {
                let now = Instant::now();
                // Both sides' reports of a trade share their ExecID but for its last part.
                let trade = message.get(tag::EXEC_ID).and_then(|id| id.rsplitn(2, |byte| *byte == b'-').nth(1));
                match (message.msg_type(), trade) {
                    (b"8", Some(trade)) if message.get(tag::EXEC_TYPE) == Some(b"F") => {
                        let before = self.trades.len();
                        self.trades.entry(trade.to_vec()).or_insert(Told { executed_at: now, available: false, settled: 0 });
                        self.trade_count += (self.trades.len() - before) as u64;
                    }
                    (b"AE", Some(trade)) => {
                        let Some(told) = self.trades.get_mut(trade) else { continue };
                        let since = (now - told.executed_at).as_nanos() as u64;
                        match message.get(tag::ZONE_STATE) {
                            Some(b"AVAILABLE") if !told.available => {
                                told.available = true;
                                self.seen.executed_to_available.saturating_record(since);
                            }
                            Some(b"SETTLED") => {
                                if told.settled == 0 {
                                    self.seen.executed_to_settled.saturating_record(since);
                                }
                                told.settled += 1;
                            }
                            Some(_) | None => {}
                        }
                    }
                    (b"3" | b"j", _) => return Err(format!("the appliance refuses our messages: {message}").into()),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
