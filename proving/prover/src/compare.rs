//! Should validators verify a block or execute it again? Measured here, multiplied by their number, and written as a page.
//!
//! What a validator that executes needs, of one block: processor time for the engine and the state root, the body, and the state: each page
//! that the block uses is read once if it is not in memory. Where commands were signed by owners each signature would be checked as well.
//! What one that verifies needs: processor time, header and proof. Nothing else is counted: no latency, no storage, no price of hardware.

use crate::bench;
use clap::Args;
use ed25519_dalek::{Signer as _, SigningKey};
use plinth_machine::Machine;
use plinth_prover::mix::{Mix, SESSIONS};
use plinth_prover::{Follower, image_of};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Validators whose work is added up.
const VALIDATORS: [u32; 5] = [1, 4, 16, 64, 1_000];
/// Blocks executed again of each size; the median counts.
const REPLAYS: usize = 9;
const SIGNATURES: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct Compared {
    /// Operations of a block, ascending
    #[arg(long, value_delimiter = ',', default_values_t = [100, 300, 1_000])]
    orders: Vec<usize>,
    /// Microseconds in which a page of the state comes from a disk
    #[arg(long, default_value_t = 100)]
    page_read_us: u32,
    /// Write the page here instead of printing it
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What one block costs one validator, and its prover.
struct Block {
    orders: usize,
    body_bytes: usize,
    pages: usize,
    replay_ms: f64,
    prove_ms: f64,
    verify_ms: f64,
    proof_bytes: usize,
    segments: usize,
}

/// What is counted of executing again.
struct Variant {
    name: &'static str,
    /// Of this block, milliseconds.
    cost_ms: Box<dyn Fn(&Block) -> f64>,
}

pub(crate) fn compare(machine: &mut Machine, compared: &Compared) -> Result<(), Box<dyn Error>> {
    if compared.orders.is_empty() || !compared.orders.is_sorted_by(|a, b| a < b) {
        return Err("sizes of blocks ascend, and there is one at least".into());
    }
    let signature_ms = signature_ms()?;
    let blocks = measure(machine, &compared.orders)?;
    let page = page(&blocks, signature_ms, compared.page_read_us)?;
    match &compared.out {
        Some(path) => fs::write(path, page)?,
        None => print!("{page}"),
    }
    Ok(())
}

fn measure(machine: &mut Machine, sizes: &[usize]) -> Result<Vec<Block>, Box<dyn Error>> {
    let image = image_of(machine);
    let mut mix = Mix::new((sizes.iter().sum::<usize>() * (REPLAYS + 1)) as u64, SESSIONS, image.id());
    let mut follower = Follower::new(mix.capacity());
    for block in mix.opening() {
        follower.skip(&block.header, &block.body)?;
    }
    let mut blocks = Vec::new();
    for &orders in sizes {
        let mut replays = Vec::new();
        for _ in 0..REPLAYS {
            let block = mix.block(orders);
            let started = bench::cpu_s();
            follower.skip(&block.header, &block.body)?;
            replays.push((bench::cpu_s() - started) * 1e3);
        }
        let figures = bench::one_block(machine, image, &mut mix, &mut follower, orders, true)?;
        let proven = figures.proven.as_ref().ok_or("a block without its proof")?;
        blocks.push(Block {
            orders,
            body_bytes: figures.body_bytes,
            pages: figures.pages,
            replay_ms: median(replays),
            prove_ms: proven.prove_cpu_s * 1e3,
            verify_ms: proven.verify_ms,
            proof_bytes: proven.proof_bytes,
            segments: figures.segments,
        });
    }
    Ok(blocks)
}

/// Processor time of checking one signature.
fn signature_ms() -> Result<f64, Box<dyn Error>> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [3; 64];
    let signature = key.sign(&message);
    let started = bench::cpu_s();
    for _ in 0..SIGNATURES {
        key.verifying_key().verify_strict(&message, &signature)?;
    }
    Ok((bench::cpu_s() - started) * 1e3 / SIGNATURES as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn page(blocks: &[Block], signature_ms: f64, page_read_us: u32) -> Result<String, Box<dyn Error>> {
    let page_read_ms = f64::from(page_read_us) / 1e3;
    let variants = [
        Variant { name: "state in memory", cost_ms: Box::new(|block| block.replay_ms) },
        Variant { name: "state on a disk", cost_ms: Box::new(move |block| block.replay_ms + block.pages as f64 * page_read_ms) },
        Variant {
            name: "and every command signed",
            cost_ms: Box::new(move |block| {
                block.replay_ms + block.pages as f64 * page_read_ms + block.orders as f64 * signature_ms
            }),
        },
    ];
    let mut out = String::new();
    writeln!(out, "# Verify or replay?\n")?;
    writeln!(
        out,
        "Made by `plinth-prove compare` ({}): measured on one machine, then multiplied. Another run gives other milliseconds;",
        machine_name()
    )?;
    writeln!(out, "ratios are what to take. The order flow is that of `docs/proofs.md`.\n")?;
    writeln!(out, "## One block, one validator\n")?;
    writeln!(
        out,
        "| Orders | Execute again, CPU ms | Pages used | Body, bytes | Prove, CPU s | Segments | Verify, CPU ms | Proof, bytes |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for Block { orders, body_bytes, pages, replay_ms, prove_ms, verify_ms, proof_bytes, segments } in blocks {
        let prove_s = prove_ms / 1e3;
        writeln!(
            out,
            "| {orders} | {replay_ms:.2} | {pages} | {body_bytes} | {prove_s:.0} | {segments} | {verify_ms:.0} | {proof_bytes} |"
        )?;
    }
    writeln!(
        out,
        "\nExecuting again is the engine and the state root behind it. A page from a disk is taken to cost {page_read_us} µs (`--page-read-us`), of waiting"
    )?;
    writeln!(
        out,
        "rather than of a processor; a signature took {:.0} µs. Commands of the trading zone are not signed one by one: the row is for zones whose are.",
        signature_ms * 1e3
    )?;
    let largest = blocks.last().ok_or("no block")?;
    writeln!(out, "\n## {} orders, all validators together, seconds\n", largest.orders)?;
    write!(out, "| Validators | Prove once, verify by all |")?;
    variants.iter().try_for_each(|variant| write!(out, " Execute by all, {} |", variant.name))?;
    writeln!(out, " Bytes: proofs | Bytes: bodies |")?;
    writeln!(out, "| --- | --- | {}--- | --- |", "--- | ".repeat(variants.len()))?;
    for count in VALIDATORS.map(f64::from) {
        write!(out, "| {count} | {:.1} |", (largest.prove_ms + count * largest.verify_ms) / 1e3)?;
        variants.iter().try_for_each(|variant| write!(out, " {:.3} |", count * (variant.cost_ms)(largest) / 1e3))?;
        writeln!(out, " {:.0} | {:.0} |", count * largest.proof_bytes as f64, count * largest.body_bytes as f64)?;
    }
    writeln!(out, "\n## Where verifying wins\n")?;
    for variant in &variants {
        writeln!(out, "* **{}**: {}", variant.name, verdict(blocks, variant))?;
    }
    writeln!(
        out,
        "* **Bytes**: {}",
        if largest.proof_bytes > largest.body_bytes {
            "it loses. A proof is larger than the body that it spares a validator, and grows with its segments: they are not aggregated."
        } else {
            "it wins: a proof is smaller than the body."
        }
    )?;
    writeln!(
        out,
        "\nWhat is not counted here is what proofs are for: a validator that verifies needs no state, no engine, no history and no trust: it joins with a"
    )?;
    writeln!(
        out,
        "certificate, holds megabytes, and is the same program for every zone, whatever a zone computes; and that one honest prover is enough. An engine that executes"
    )?;
    writeln!(
        out,
        "a block in a millisecond is the hardest case there is for proofs. Aggregating the segments would make the cost of verifying one constant."
    )?;
    Ok(out)
}

/// From how many validators on it is less work, and for which blocks.
fn verdict(blocks: &[Block], variant: &Variant) -> String {
    let Some(last) = blocks.last() else { return String::new() };
    let gain = (variant.cost_ms)(last) - last.verify_ms;
    if gain > 0.0 {
        return format!("at {} orders it wins from {:.0} validators on.", last.orders, (last.prove_ms / gain).ceil());
    }
    let loses = format!(
        "it loses at every measured size: verifying one proof of {} orders takes {:.0} times what executing them does",
        last.orders,
        last.verify_ms / (variant.cost_ms)(last)
    );
    let [.., before, last] = blocks else { return format!("{loses}.") };
    let orders = (last.orders - before.orders) as f64;
    let slope = ((variant.cost_ms)(last) - (variant.cost_ms)(before)) / orders;
    let verify_slope = (last.verify_ms - before.verify_ms) / orders;
    if slope <= verify_slope {
        return format!(
            "{loses}, and larger blocks do not help: another order adds {:.0} µs to verifying, {:.0} µs to executing.",
            verify_slope * 1e3,
            slope * 1e3
        );
    }
    let size = last.orders as f64 - gain / (slope - verify_slope);
    format!(
        "{loses}; if both go on as from {} to {} orders, it wins from blocks of {size:.0} orders on, which nobody has proven.",
        before.orders, last.orders
    )
}

/// Processor and load.
fn machine_name() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']).to_owned();
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    format!("{count} cores of {model}, load {}", load.split(' ').next().unwrap_or_default())
}
