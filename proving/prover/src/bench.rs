//! What blocks of the common workload cost.

use plinth_machine::{Machine, Metered};
use plinth_proof_trading::{Output, header_hash};
use plinth_proof_verifier::{Image, OpenVm, Verify};
use plinth_prover::mix::Mix;
use plinth_prover::{Follower, Prove, image_of};
use serde::Serialize;
use std::error::Error;
use std::fs;

/// What one block costs.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    orders: usize,
    fills: u32,
    pub(crate) body_bytes: usize,
    pub(crate) pages: usize,
    witness_bytes: usize,
    cycles: u64,
    cycles_per_order: f64,
    cells: u64,
    pub(crate) segments: usize,
    #[serde(flatten)]
    pub(crate) proven: Option<Proven>,
}

/// What its proof costs.
#[derive(Debug, Serialize)]
pub(crate) struct Proven {
    pub(crate) prove_cpu_s: f64,
    prove_wall_s: f64,
    /// Highest memory of this process so far: blocks of one run ascend.
    prove_peak_mb: u64,
    pub(crate) verify_ms: f64,
    pub(crate) proof_bytes: usize,
}

/// Blocks of one zone after another, so many operations each.
pub(crate) fn blocks(machine: &mut Machine, orders: &[usize], sessions: u16, prove: bool) -> Result<Vec<Figures>, Box<dyn Error>> {
    let image = image_of(machine);
    let mut mix = Mix::new(orders.iter().sum::<usize>() as u64, sessions, image.id());
    let mut follower = Follower::new(mix.capacity());
    for block in mix.opening() {
        follower.skip(&block.header, &block.body)?;
    }
    orders.iter().map(|&orders| one_block(machine, image, &mut mix, &mut follower, orders, prove)).collect()
}

/// The next block: what it costs.
pub(crate) fn one_block(
    machine: &mut Machine,
    image: Image,
    mix: &mut Mix,
    follower: &mut Follower,
    orders: usize,
    prove: bool,
) -> Result<Figures, Box<dyn Error>> {
    let block = mix.block(orders);
    let prepared = follower.prepare(&block.header, &block.body)?;
    let statement = Output::Executed(header_hash(&block.header)).to_bytes();
    let Metered { cycles, cells, segments, statement: said } = machine.meter(&prepared.input)?;
    if said != statement {
        return Err(format!("the guest says {said:02x?}").into());
    }
    let proven = if prove { Some(proven(machine, image, &prepared.input, &statement)?) } else { None };
    Ok(Figures {
        orders,
        fills: block.header.trade_count,
        body_bytes: block.body.len(),
        pages: prepared.page_count,
        witness_bytes: prepared.witness_size,
        cycles,
        cycles_per_order: cycles as f64 / orders as f64,
        cells,
        segments,
        proven,
    })
}

fn proven(machine: &mut Machine, image: Image, input: &[u8], statement: &[u8; 64]) -> Result<Proven, Box<dyn Error>> {
    const VERIFICATIONS: u32 = 5;
    let (cpu, wall) = (cpu_s(), std::time::Instant::now());
    let proof = Prove::prove(machine, input, statement)?;
    let (prove_cpu_s, prove_wall_s) = (cpu_s() - cpu, wall.elapsed().as_secs_f64());
    let verifier = OpenVm::new(image)?;
    let cpu = cpu_s();
    for _ in 0..VERIFICATIONS {
        verifier.verify(statement, &proof)?;
    }
    let verify_ms = (cpu_s() - cpu) * 1e3 / f64::from(VERIFICATIONS);
    Ok(Proven { prove_cpu_s, prove_wall_s, prove_peak_mb: peak_mb()?, verify_ms, proof_bytes: proof.len() })
}

pub(crate) fn print(figures: &Figures) {
    let Figures { orders, fills, body_bytes: _, pages, witness_bytes, cycles, cycles_per_order, cells, segments, proven } = figures;
    println!(
        "{orders} orders, {fills} fills: {cycles} cycles, {cycles_per_order:.0} an order; {cells} cells, {segments} segments; witness of {pages} pages, {witness_bytes} bytes"
    );
    if let Some(Proven { prove_cpu_s, prove_wall_s, prove_peak_mb, verify_ms, proof_bytes }) = proven {
        println!(
            "  proven in {prove_cpu_s:.1} CPU s ({prove_wall_s:.1} s), {prove_peak_mb} MB; verified in {verify_ms:.1} CPU ms; {proof_bytes} bytes"
        );
    }
}

/// Processor time of all threads of this process.
pub(crate) fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Highest memory of this process so far.
fn peak_mb() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(peak.trim().trim_end_matches(" kB").parse::<u64>()? / 1_024)
}
