//! Proofs of a zone's blocks, in order, into a folder.

use clap::Args;
use plinth_machine::Machine;
use plinth_matching::journal::Identity;
use plinth_matching::limits::Capacity;
use plinth_proof_trading::{Output, header_hash};
use plinth_proof_verifier::{OpenVm, Verify};
use plinth_prover::{Follower, Prove, ZoneFiles, image_of};
use plinth_types::id::{ChainId, ZoneId};
use std::error::Error;
use std::fs;
use std::path::PathBuf;

/// Which blocks are to be proven.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The zone's folder, with `blocks.log` and `journal`; of an appliance the folder `zone` of its data. Its capacity must be the usual one
    #[arg(long)]
    zone_folder: PathBuf,
    /// The chain that it settles on
    #[arg(long)]
    chain: u64,
    /// The first block to prove
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many at most
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
    /// Where the proofs go, one file `HEIGHT.proof` a block
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn prove(machine: &mut Machine, wanted: &Wanted) -> Result<(), Box<dyn Error>> {
    let identity = Identity { chain: ChainId::new(wanted.chain), zone: ZoneId::TRADING };
    let mut files = ZoneFiles::open(&wanted.zone_folder, identity)?;
    let mut follower = Follower::new(Capacity::default());
    let verifier = OpenVm::new(image_of(machine))?;
    fs::create_dir_all(&wanted.out)?;
    let heights = wanted.from..wanted.from.saturating_add(wanted.limit);
    let mut done = 0_u64;
    while let Some(block) = files.next_block()? {
        let height = block.header.height.get();
        if height >= heights.end {
            break;
        }
        if height < heights.start {
            follower.skip(&block.header, &block.body)?;
            continue;
        }
        let statement = Output::Executed(header_hash(&block.header)).to_bytes();
        let path = wanted.out.join(format!("{height}.proof"));
        done += 1;
        // A run that was stopped goes on behind its last proof.
        if fs::read(&path).is_ok_and(|proof| verifier.verify(&statement, &proof).is_ok()) {
            follower.skip(&block.header, &block.body)?;
            println!("block {height}: {} is its proof", path.display());
            continue;
        }
        let prepared = follower.prepare(&block.header, &block.body)?;
        let proof = Prove::prove(machine, &prepared.input, &statement)?;
        verifier.verify(&statement, &proof)?;
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, &proof)?;
        fs::rename(&unfinished, &path)?;
        println!(
            "block {height}: {} commands, {} trades, proof of {} bytes",
            block.header.command_count,
            block.header.trade_count,
            proof.len()
        );
    }
    if done == 0 { Err("the log has none of these blocks".into()) } else { Ok(()) }
}
