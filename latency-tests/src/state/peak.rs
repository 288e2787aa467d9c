//! `peak`: how much memory a validator needs for a thousand blocks from genesis.
//!
//! Signed blocks are made and written to a file; a child process, which holds nothing else, reads them one by one and does with each what
//! a validator does: every signature, every rule, the new root, the fork, the durable store. Its own highest resident size is the figure.
//! Consensus, transport and zone proofs are not in it.

use crate::figures::{Figures, rounded};
use commonware_runtime::{Runner as _, Supervisor as _, tokio as runtime};
use plinth_settlement::block::{Block, SignedDeposit, Transaction};
use plinth_settlement::consensus::{Chain, open_store};
use plinth_settlement::genesis::{
    ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode, ZoneRules,
};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::limits::BLOCK_SIZE_MAX;
use plinth_types::codec::Codec as _;
use plinth_types::id::{AccountId, AssetId, ChainId, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::Address;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

const CHAIN: ChainId = ChainId::new(1);
const OWNERS: u64 = 64;
/// Zones share the deposits, so that no inbox is full before the last block.
const ZONES: u16 = 8;

/// What `peak` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PeakArgs {
    /// Blocks from genesis
    #[arg(long, default_value_t = 1_000)]
    blocks: u64,
    /// Signed deposits of each block
    #[arg(long, default_value_t = 16)]
    deposits: u64,
    /// Where the blocks and the store are written; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Validate the blocks of this folder and print the highest resident size, in KiB
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
}

/// Runs.
pub(crate) fn run(args: &PeakArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    if let Some(folder) = &args.child {
        let count = validate(folder)?;
        println!("{count} {}", peak_kib()?);
        return Ok(count == args.blocks);
    }
    let scratch = super::Scratch(args.dir.join(format!("latency-tests-peak-{}", std::process::id())));
    std::fs::create_dir_all(&scratch.0)?;
    write_blocks(&scratch.0, args)?;
    let started = Instant::now();
    let output = Command::new(std::env::current_exe()?)
        .args(["peak", "--blocks", &args.blocks.to_string(), "--child"])
        .arg(&scratch.0)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().and_then(|line| line.split_once(' '));
    let (Some((count, peak)), true) = (line, output.status.success()) else {
        return Err(format!("the child failed: {}{}", text, String::from_utf8_lossy(&output.stderr)).into());
    };
    let blocks_per_s = count.parse::<f64>()? / started.elapsed().as_secs_f64();
    figures.add("validator.peak_mb", rounded(peak.trim().parse::<f64>()? / 1_024.0));
    figures.add("validator.peak_blocks", count.parse::<u64>()?);
    figures.add("validator.peak_deposits_per_block", args.deposits);
    figures.add("validator.blocks_per_s", blocks_per_s.round());
    Ok(true)
}

fn runner(folder: &Path) -> runtime::Runner {
    runtime::Runner::new(runtime::Config::new().with_worker_threads(1).with_storage_directory(folder.to_path_buf()))
}

/// Makes the blocks with a chain of its own, since each names the root before it.
fn write_blocks(folder: &Path, args: &PeakArgs) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(folder.join("blocks"))?);
    runner(&folder.join("producer")).start(|context| async move {
        let genesis = genesis()?;
        let chain = Chain::open(Arc::clone(&genesis), open_store(&context.child("peak"), "peak", &genesis).await?).await?;
        for height in 1..=args.blocks {
            let deposits = (0..args.deposits).map(|index| deposit((height - 1) * args.deposits + index));
            let block = chain.finalized().propose(TimestampNs::new(height + 1), deposits.collect::<Result<_, _>>()?);
            chain.validate(&block).await?;
            let bytes = block.to_bytes();
            file.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
            file.write_all(&bytes)?;
        }
        Ok(file.flush()?)
    })
}

fn validate(folder: &Path) -> Result<u64, Box<dyn Error>> {
    let mut file = BufReader::new(File::open(folder.join("blocks"))?);
    runner(&folder.join("validator")).start(|context| async move {
        let genesis = genesis()?;
        let chain = Chain::open(Arc::clone(&genesis), open_store(&context.child("peak"), "peak", &genesis).await?).await?;
        let mut size = [0; 4];
        while file.read_exact(&mut size).is_ok() {
            let size = u32::from_le_bytes(size) as usize;
            if size > BLOCK_SIZE_MAX {
                return Err("a block of the file is too long".into());
            }
            let mut bytes = vec![0; size];
            file.read_exact(&mut bytes)?;
            chain.validate(&Block::decode(&bytes)?).await?;
        }
        Ok(chain.finalized().height().get())
    })
}

fn secret(kind: u8, index: u64) -> SecretKey {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&index.to_le_bytes());
    SecretKey::from_seed(seed)
}

fn genesis() -> Result<Arc<Genesis>, Box<dyn Error>> {
    let name = |text: &str| Name::new(text).ok_or("a name");
    let amount = Amount::new(1 << 60).ok_or("an amount")?;
    let zone = |number: u16| {
        Ok::<_, Box<dyn Error>>(GenesisZone {
            id: ZoneId::new(number + 1),
            name: name(&format!("zone{number}"))?,
            producer: secret(3, number.into()).public_key(),
            epoch: ProducerEpoch::new(1),
            mode: ZoneMode::Attested { delay_blocks: 2 },
            rules: ZoneRules::default(),
        })
    };
    let keys = |kind: u8, count: u64| {
        let mut keys: Vec<PublicKey> = (0..count).map(|index| secret(kind, index).public_key()).collect();
        keys.sort();
        keys
    };
    let draft = Draft {
        chain: CHAIN,
        time: TimestampNs::new(1),
        validators: keys(1, 4),
        zones: (0..ZONES).map(zone).collect::<Result<_, _>>()?,
        assets: vec![GenesisAsset {
            asset: Asset { id: AssetId::new(0), name: name("USD")?, decimals: 2 },
            issuer: secret(2, 0).public_key(),
            issued: keys(2, OWNERS).into_iter().map(|owner| GenesisBalance { owner, amount }).collect(),
        }],
        limits: ChainLimits::default(),
        governance: Governance::default(),
        requests: None,
    };
    Ok(Arc::new(draft.build()?))
}

fn deposit(number: u64) -> Result<Transaction, Box<dyn Error>> {
    let owner = secret(2, number % OWNERS);
    let deposit = Deposit {
        zone: ZoneId::new(1 + u16::try_from(number / OWNERS % u64::from(ZONES))?),
        nonce: 1 + number / OWNERS,
        asset: AssetId::new(0),
        amount: Amount::new(1 + u128::from(number)).ok_or("an amount")?,
        owner: owner.public_key(),
        account: Address::of_account(AccountId::new(1)),
    };
    Ok(Transaction::Deposit(SignedDeposit::sign(deposit, CHAIN, &owner)))
}

/// Largest resident memory of this process so far.
pub(crate) fn peak_kib() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    size.ok_or_else(|| std::io::Error::other("/proc/self/status has no VmHWM in kB"))
}
