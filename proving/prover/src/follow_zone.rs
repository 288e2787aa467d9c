//! Proofs of what a running appliance asks for, for as long as it runs.

use crate::spool::{Spool, Task};
use clap::Args;
use plinth_machine::Machine;
use plinth_matching::journal::Identity;
use plinth_matching::replica::SealedBlock;
use plinth_proof_trading::{Output, header_hash};
use plinth_proof_verifier::program::with_header;
use plinth_proof_verifier::{OpenVm, Verify};
use plinth_prover::{FollowError, Follower, Prove, ZoneFiles, ZoneFilesError, image_of};
use plinth_types::block::ZoneHeader;
use plinth_types::id::{ChainId, Height, ZoneId};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;

/// How often the folder is looked at while nothing is wanted.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause behind a block that cannot be proven: the appliance may be sealing it anew.
const FAILED_DELAY: Duration = Duration::from_secs(10);
/// What a prover leaves of the processor to those who trade, as `nice` has it.
const NICENESS: i32 = 10;

/// Whose blocks are to be proven.
#[derive(Debug, Args)]
pub(crate) struct Followed {
    /// The folder between an appliance and its provers: `proving` of its data
    #[arg(long)]
    spool: PathBuf,
    /// End when the process ends that started this one
    #[arg(long)]
    end_with_parent: bool,
    /// End when nothing is wanted
    #[arg(long)]
    once: bool,
}

/// Why a block was not proven.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Files(#[from] ZoneFilesError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error("the zone's files have no block {0}")]
    NoBlock(Height),
    #[error("the zone's files have another block {0} than is wanted")]
    OtherBlock(Height),
    #[error("{0}")]
    Prove(String),
}

pub(crate) fn follow(machine: &mut Machine, followed: &Followed) -> Result<(), Box<dyn Error>> {
    if followed.end_with_parent {
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    rustix::process::nice(NICENESS)?;
    let spool = Spool::open(&followed.spool)?;
    let verifier = OpenVm::new(image_of(machine))?;
    println!("proving with guest {} for {}", verifier.image(), followed.spool.display());
    let mut zone = Zone::open(&spool)?;
    loop {
        let Some(task) = spool.next_task()? else {
            if followed.once {
                return Ok(());
            }
            thread::sleep(LOOK_INTERVAL);
            continue;
        };
        match zone.prove(machine, &verifier, &spool, &task) {
            Ok(()) => {}
            Err(failure) => {
                eprintln!("block {}: {failure}", task.header.height);
                drop(task);
                if followed.once {
                    return Err(failure.into());
                }
                thread::sleep(FAILED_DELAY);
                // Behind a failure nobody knows where it stands; the files may have been written anew.
                zone = Zone::open(&spool)?;
            }
        }
    }
}

/// The zone, followed through its files.
struct Zone {
    files: ZoneFiles,
    follower: Follower,
}

impl Zone {
    fn open(spool: &Spool) -> Result<Self, ZoneFilesError> {
        let identity = Identity { chain: ChainId::new(spool.zone.chain), zone: ZoneId::TRADING };
        let files = ZoneFiles::open(&spool.zone.zone_folder, identity)?;
        Ok(Self { files, follower: Follower::new(spool.zone.capacity.core()) })
    }

    fn prove(&mut self, machine: &mut Machine, verifier: &OpenVm, spool: &Spool, task: &Task) -> Result<(), Failure> {
        let header = &task.header;
        if self.files.height() >= header.height {
            // It was proven or passed over before: refused, or sealed anew.
            *self = Self::open(spool)?;
        }
        let block = self.go_to(header)?;
        let prepared = self.follower.prepare(header, &block.body)?;
        let started = Instant::now();
        println!(
            "block {}: {} commands, {} trades, {} pages: begun",
            header.height, header.command_count, header.trade_count, prepared.page_count
        );
        let failed = |error: &dyn std::fmt::Display| Failure::Prove(error.to_string());
        let statement = Output::Executed(header_hash(header)).to_bytes();
        let proof = Prove::prove(machine, &prepared.input, &statement).map_err(|error| failed(&error))?;
        verifier.verify(&statement, &proof).map_err(|error| failed(&error))?;
        spool.give(header, &with_header(header, &proof)).map_err(|error| failed(&error))?;
        println!("block {}: proven in {} s, {} bytes", header.height, started.elapsed().as_secs(), proof.len());
        Ok(())
    }

    /// The block that a header is of, with all blocks before it executed.
    fn go_to(&mut self, header: &ZoneHeader) -> Result<SealedBlock, Failure> {
        let mut has_looked = false;
        loop {
            match self.files.next_block()? {
                Some(block) if block.header.height < header.height => self.follower.skip(&block.header, &block.body)?,
                // Settlement's header names a parent and keys that the file's does not.
                Some(block) if block.header.body_hash == header.body_hash => return Ok(block),
                Some(block) => return Err(Failure::OtherBlock(block.header.height)),
                None if has_looked => return Err(Failure::NoBlock(header.height)),
                None => {
                    self.files.look_again()?;
                    has_looked = true;
                }
            }
        }
    }
}
