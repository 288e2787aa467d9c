//! `plinth-sim`: runs seeds of the simulation and says what came of them.

use clap::Parser;
use plinth_simulation::coverage::Visited;
use plinth_simulation::plan::{NAMES, Plan};
use plinth_simulation::regions;
use plinth_simulation::run::{Report, run, run_twice};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Settlement under faults, deterministically: the production consensus stack on a simulated network and simulated disks
#[derive(Debug, Parser)]
#[command(name = "plinth-sim", version)]
struct Args {
    /// The first seed
    #[arg(long, required_unless_present = "regions", default_value_if("regions", clap::builder::ArgPredicate::IsPresent, "1"))]
    seed: u64,
    /// Instead of testing: how long finality takes among so many validators in two regions, 35 ± 5 ms apart
    #[arg(long, value_name = "VALIDATORS", value_parser = clap::value_parser!(u16).range(4..=100), conflicts_with_all = ["plan", "once", "steps"])]
    regions: Option<u16>,
    /// How many seeds, counted up from the first
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Start no further seed after so many minutes; alone, it means seeds without end
    #[arg(long, value_parser = minutes)]
    minutes: Option<Duration>,
    /// What happens to the world: mixed, crashes, links, byzantine, epochs; splits and restarts enumerate, case by seed
    #[arg(long, default_value = "mixed", value_parser = clap::builder::PossibleValuesParser::new(NAMES))]
    plan: String,
    /// One object of JSON per seed, then one for all
    #[arg(long)]
    json: bool,
    /// Run each seed once instead of twice; twice shows that it repeats
    #[arg(long)]
    once: bool,
    /// Print each seed's steps before it runs
    #[arg(long)]
    steps: bool,
    /// A known bug to suffer from
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(plinth_settlement::planted::Bug::ALL.map(plinth_settlement::planted::Bug::name)))]
    planted: Option<String>,
    /// Threads, each with a seed of its own; by default one per processor
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| format!("{text} is no number of minutes"))?;
    if minutes.is_finite() && minutes > 0.0 && minutes <= 10_000.0 {
        Ok(Duration::from_secs_f64(minutes * 60.0))
    } else {
        Err(format!("{text} minutes: above 0 and at most 10000"))
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.seed.checked_add(args.seeds).is_none() {
        eprintln!("plinth-sim: {} seeds from {} on exceed the largest seed", args.seeds, args.seed);
        return ExitCode::from(2);
    }
    if let Some(validators) = args.regions {
        print_regions(usize::from(validators), &args);
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let mut total = Total::default();
    for report in reports(&args, started) {
        print_report(&report, &args);
        total.add(&report);
    }
    total.print(&args, started.elapsed());
    if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Blocks of which the finality is measured.
const REGION_BLOCKS: u64 = 40;

fn print_regions(validators: usize, args: &Args) {
    let figures = regions::run(validators, REGION_BLOCKS, args.seed);
    let ms = |percent| figures.percentile(percent).as_micros() as f64 / 1e3;
    if args.json {
        let line = serde_json::json!({
            "finality_p50_ms": ms(50),
            "finality_p75_ms": ms(75),
            "finality_p99_ms": ms(99),
            "simulated_s": figures.simulated.as_secs_f64(),
        });
        println!("{line}");
    } else {
        let (p50, p75, p99) = (ms(50), ms(75), ms(99));
        println!(
            "{validators} validators in two regions, {REGION_BLOCKS} blocks, proposed to applied at each: {p50} {p75} {p99} ms (p50 p75 p99)"
        );
    }
}

/// Reports as they come, each seed on one thread.
fn reports(args: &Args, started: Instant) -> mpsc::IntoIter<Report> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static STOP: AtomicBool = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or(processors, usize::from);
    // A budget of minutes alone bounds the run; a count of seeds as well as minutes bounds it by both.
    let seeds = if args.minutes.is_some() && args.seeds == 1 { u64::MAX - args.seed } else { args.seeds };
    for _ in 0..threads.min(usize::try_from(seeds).unwrap_or(usize::MAX)) {
        let (sender, name, first, minutes) = (sender.clone(), args.plan.clone(), args.seed, args.minutes);
        let (once, steps) = (args.once, args.steps);
        #[cfg(feature = "planted-bugs")]
        let bug = plinth_settlement::planted::Bug::ALL.into_iter().find(|bug| Some(bug.name()) == args.planted.as_deref());
        std::thread::spawn(move || {
            #[cfg(feature = "planted-bugs")]
            plinth_settlement::planted::plant(bug);
            loop {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let late = minutes.is_some_and(|minutes| started.elapsed() >= minutes);
                if number >= seeds || late || STOP.load(Ordering::Relaxed) {
                    break;
                }
                let seed = first + number;
                let Some(plan) = Plan::new(&name, seed) else { break };
                if steps {
                    println!("{plan:#?}");
                }
                let report = if once { run(&plan, seed) } else { run_twice(&plan, seed) };
                if sender.send(report).is_err() {
                    STOP.store(true, Ordering::Relaxed);
                }
            }
        });
    }
    receiver.into_iter()
}

fn print_report(report: &Report, args: &Args) {
    let Report { seed, plan, validators, digest, blocks, simulated, wall, .. } = report;
    let verdict = if report.violations.is_empty() { "ok" } else { "FAILED" };
    if args.json {
        let visited: BTreeMap<&str, u64> = visits(report).collect();
        let line = serde_json::json!({
            "seed": seed,
            "plan": plan,
            "commit": env!("PLINTH_COMMIT"),
            "digest": digest,
            "validators": validators,
            "blocks": blocks,
            "simulated_s": simulated.as_secs_f64(),
            "wall_s": wall.as_secs_f64(),
            "recovery_max_ms": report.recoveries.iter().max().map(Duration::as_millis),
            "violations": report.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "visited": visited,
        });
        println!("{line}");
    } else {
        println!(
            "seed {seed}  plan {plan}  commit {}  digest {}  {validators} validators  {blocks} blocks  {:.1} s in {:.1} s  {verdict}",
            env!("PLINTH_COMMIT"),
            digest.get(..25).unwrap_or(digest),
            simulated.as_secs_f64(),
            wall.as_secs_f64(),
        );
    }
    for violation in &report.violations {
        eprintln!("  {violation}");
    }
    if !report.violations.is_empty() {
        eprintln!("  again: plinth-sim --seed {seed} --plan {plan} (commit {})", env!("PLINTH_COMMIT"));
    }
}

fn visits(report: &Report) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    Visited::ALL.iter().map(|state| (state.name(), report.coverage.count(*state))).filter(|(_, count)| *count > 0)
}

/// Over all seeds.
#[derive(Debug, Default)]
struct Total {
    seeds: u64,
    failed: Vec<u64>,
    blocks: u64,
    simulated: Duration,
    wall: Duration,
    recoveries: Vec<Duration>,
    /// Seeds that visited a state, and visits.
    visited: BTreeMap<Visited, (u64, u64)>,
}

impl Total {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.blocks += report.blocks;
        self.simulated += report.simulated;
        self.wall += report.wall;
        self.recoveries.extend(&report.recoveries);
        if !report.violations.is_empty() {
            self.failed.push(report.seed);
        }
        for &state in Visited::ALL {
            let count = report.coverage.count(state);
            let (seeds, visits) = self.visited.entry(state).or_default();
            *seeds += u64::from(count > 0);
            *visits += count;
        }
    }

    fn print(&mut self, args: &Args, elapsed: Duration) {
        self.recoveries.sort_unstable();
        let rank = |share: usize| self.recoveries.get((self.recoveries.len() * share / 100).min(self.recoveries.len().max(1) - 1));
        let (p50, max) = (rank(50).map(Duration::as_millis), self.recoveries.last().map(Duration::as_millis));
        let runs = if args.once { 1.0 } else { 2.0 };
        let speed = runs * self.simulated.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE);
        if args.json {
            let visited: BTreeMap<&str, _> = self
                .visited
                .iter()
                .map(|(state, (seeds, visits))| (state.name(), serde_json::json!({ "seeds": seeds, "visits": visits })))
                .collect();
            let line = serde_json::json!({
                "seeds": self.seeds,
                "failed": self.failed,
                "commit": env!("PLINTH_COMMIT"),
                "blocks": self.blocks,
                "simulated_s": self.simulated.as_secs_f64(),
                "elapsed_s": elapsed.as_secs_f64(),
                "simulated_s_per_thread_s": speed,
                "recovery_p50_ms": p50,
                "recovery_max_ms": max,
                "visited": visited,
            });
            println!("{line}");
            return;
        }
        println!("\nstates visited, of {} seeds", self.seeds);
        for (state, (seeds, visits)) in &self.visited {
            let mark = if *seeds == 0 { "  UNVISITED" } else { "" };
            println!("{seeds:>7} seeds {visits:>9} times  {}{mark}", state.name());
        }
        println!(
            "\n{} seeds, {} failed; {} blocks; {:.0} simulated seconds, {speed:.0} per second of a thread; {:.1} s in all",
            self.seeds,
            self.failed.len(),
            self.blocks,
            self.simulated.as_secs_f64(),
            elapsed.as_secs_f64(),
        );
        if let (Some(p50), Some(max)) = (p50, max) {
            println!("healed to next final block: median {p50} ms, longest {max} ms");
        }
        if !self.failed.is_empty() {
            println!("failed seeds: {:?}", self.failed);
        }
    }
}
