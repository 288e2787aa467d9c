//! `plinth-prove`: what proofs of execution cost here, and the images that they are pinned to.

mod bench;
mod block;
mod compare;
mod follow_zone;
mod spool;

use block::Wanted;
use clap::{Parser, Subcommand};
use compare::Compared;
use follow_zone::Followed;
use plinth_machine::{Machine, PROVING_MEMORY_MAX};
use plinth_prover::image_of;
use plinth_prover::mix::{ACCOUNTS, SESSIONS};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the images lie in the source tree.
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/images");
/// The guest.
const GUEST: &[u8] = include_bytes!("../../guest/images/trading.elf");

/// Proofs of execution.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Options {
    /// Where the guest images are; by default the one that this program was built with
    #[arg(long)]
    images: Option<PathBuf>,
    /// Megabytes that the proof of one segment may need
    #[arg(long, default_value_t = PROVING_MEMORY_MAX >> 20)]
    memory_mb: usize,
    #[command(subcommand)]
    command: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Write the verifying key and the commitment of the guest beside it, or compare them
    Image {
        /// Compare instead
        #[arg(long)]
        check: bool,
    },
    /// Execute blocks of the common workload in the virtual machine and count cycles, without proving
    Meter {
        /// Operations of a block
        #[arg(long, value_delimiter = ',', default_values_t = [100, 300, 1_000, 3_000])]
        orders: Vec<usize>,
        /// Sessions by which the accounts trade
        #[arg(long, default_value_t = SESSIONS, value_parser = sessions)]
        sessions: u16,
    },
    /// Prove what a running appliance asks for; several such processes share the work
    Follow(Followed),
    /// Prove blocks of a zone out of its files, verify each proof, and write it to a folder; proofs that are there are kept
    Block(Wanted),
    /// Compare proving and verifying with executing again, for as many validators, as a page of Markdown
    Compare(Compared),
    /// Prove and verify blocks of the common workload
    Bench {
        /// Operations of a block
        #[arg(long, value_delimiter = ',', default_values_t = [100, 300, 1_000])]
        orders: Vec<usize>,
        /// Sessions by which the accounts trade
        #[arg(long, default_value_t = SESSIONS, value_parser = sessions)]
        sessions: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A number of sessions that the workload can have.
fn sessions(text: &str) -> Result<u16, String> {
    let divides = |sessions: &u16| *sessions > 0 && ACCOUNTS.is_multiple_of(u64::from(*sessions));
    text.parse().ok().filter(divides).ok_or_else(|| format!("{ACCOUNTS} accounts do not divide by it"))
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plinth-prove: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let guest = match &options.images {
        Some(folder) => fs::read(folder.join("trading.elf"))?,
        None => GUEST.to_vec(),
    };
    let mut machine = Machine::new(&guest, options.memory_mb << 20)?;
    match &options.command {
        Work::Image { check } => image(&machine, options.images.as_deref().unwrap_or(Path::new(IMAGES)), *check),
        Work::Meter { orders, sessions } => {
            bench::blocks(&mut machine, orders, *sessions, false)?.iter().for_each(bench::print);
            Ok(())
        }
        Work::Compare(compared) => compare::compare(&mut machine, compared),
        Work::Follow(followed) => follow_zone::follow(&mut machine, followed),
        Work::Block(wanted) => block::prove(&mut machine, wanted),
        Work::Bench { orders, sessions, json } => {
            let figures = bench::blocks(&mut machine, orders, *sessions, true)?;
            if *json {
                println!("{}", serde_json::to_string_pretty(&figures)?);
            } else {
                figures.iter().for_each(bench::print);
            }
            Ok(())
        }
    }
}

fn image(machine: &Machine, images: &Path, check: bool) -> Result<(), Box<dyn Error>> {
    let (key, image) = (machine.verifying_key(), image_of(machine));
    for (name, bytes) in [("openvm.vk", &key[..]), ("trading.image", image.to_text().as_bytes())] {
        let path = images.join(name);
        if !check {
            fs::write(&path, bytes)?;
        } else if fs::read(&path)? != bytes {
            return Err(format!("{} is not what the guest gives: run `plinth-prove image`", path.display()).into());
        }
    }
    println!("{}id {}", image.to_text(), image.id());
    Ok(())
}
