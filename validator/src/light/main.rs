//! `plinth-light`: one fact of the base layer, proven, from one public key or a genesis.
//!
//! It asks any validator for a fact, checks the certificate of 2f+1 validators of its epoch and the proof against the root that they
//! certified, and prints JSON. Who validates it learns on one of two roads, or remembers from an earlier run:
//!
//! * `--genesis FILE`: from the validators of the genesis, epoch by epoch, by certificates of votes alone;
//! * `--group-key KEY`: from the key of any group that signed checkpoints, over the handovers behind it, to the newest checkpoint.
//!
//! It holds no ledger, no blocks and no state but the memory file: the last committees and the newest state it saw.

use clap::{Parser, Subcommand};
use plinth_settlement::checkpoint::{GroupKey, Keys};
use plinth_settlement::consensus::Donor as _;
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys::{self, SecretKey, parse_public_key};
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::light::{Asking, LightClient, LightError, TRUSTED_SIZE_MAX, Trusted, follow};
use plinth_settlement::limits::GENESIS_TEXT_SIZE_MAX;
use plinth_settlement::store::Proven;
use plinth_settlement::transport::{ClientConnection, ClientEndpoint, Identity};
use plinth_settlement::wire::limits::HANDOVERS_MAX;
use plinth_settlement::wire::{AnchorAnswer, FactAnswer};
use plinth_types::codec::Codec;
use plinth_types::id::{AssetId, ChainId, Epoch, Height, InboxIndex, PublicKey, ZoneId};
use serde_json::{Value, json};
use std::error::Error;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most bytes of a key file.
const KEY_FILE_SIZE_MAX: usize = 4_096;
/// Most digits of a memory file, and the end of its line.
const MEMORY_FILE_SIZE_MAX: usize = 2 * TRUSTED_SIZE_MAX + 2;

/// Shows one fact of the base layer, proven against a certificate.
#[derive(Debug, Parser)]
#[command(name = "plinth-light", version)]
struct Arguments {
    /// The genesis, TOML: its validators are trusted, 2f+1 of them together, and from epoch to epoch those whom they name.
    #[arg(long, value_name = "FILE", required_unless_present = "group_key")]
    genesis: Option<PathBuf>,
    /// Instead of a genesis: the key of a group that signs checkpoints, 192 hexadecimal digits.
    #[arg(long, value_name = "KEY", requires = "chain", conflicts_with = "genesis")]
    group_key: Option<String>,
    /// The chain that --group-key is of.
    #[arg(long, value_name = "NUMBER", requires = "group_key")]
    chain: Option<u64>,
    /// From which height on the group of --group-key signs: 0 for the first one.
    #[arg(long, value_name = "HEIGHT", requires = "group_key", default_value_t = 0)]
    group_from: u64,
    /// A file of 64 hexadecimal digits: this client's key, which the validator lets in.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Whom to ask; with several, the next one when one fails.
    #[arg(long, value_name = "KEY@ADDRESS", required = true)]
    validator: Vec<String>,
    /// Where the last committees and the newest state that was seen are kept; an older answer is refused, and the next run goes on from there.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(subcommand)]
    question: Question,
}

/// What is trusted at first.
enum Root {
    Genesis(Box<Genesis>),
    Group(Keys, ChainId),
}

/// What to show.
#[derive(Clone, Debug, Subcommand)]
enum Question {
    /// The block that the state is behind.
    Head,
    /// What there is of an asset, and where.
    Asset { asset: u16 },
    /// What is called an asset and who issues it, if it was listed after genesis.
    Listing { asset: u16 },
    /// What an owner has of an asset on the base layer.
    Balance { owner: String, asset: u16 },
    /// How many instructions an owner gave.
    Nonce { owner: String },
    /// The validators of an epoch.
    Committee { epoch: u64 },
    /// Where a zone stands.
    Zone { zone: u16 },
    /// What went in and out of a zone.
    Turnstile { zone: u16, asset: u16 },
    /// A message that waits in a zone's inbox.
    Inbox { zone: u16, index: u64 },
    /// A block of a zone that is ordered and not settled.
    Unsettled { zone: u16, height: u64 },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(shown) => {
            println!("{shown}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("plinth-light: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let root = arguments.root()?;
    let key = SecretKey::from_hex(read(&arguments.key_file, KEY_FILE_SIZE_MAX)?.trim())?;
    let question = arguments.question.key()?;
    let memory = arguments.checkpoint.as_deref();
    let mut trusted = memory.filter(|path| path.exists()).map(|path| load(path, &root)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(async {
        let mut failures = Vec::new();
        for validator in &arguments.validator {
            match ask(&root, &mut trusted, &key, validator, &question).await {
                Ok(shown) => return Ok(shown),
                Err(error) => failures.push(format!("{validator}: {error}")),
            }
        }
        Err::<Value, Box<dyn Error>>(failures.join("; ").into())
    })?;
    if let (Some(path), Some(trusted)) = (memory, trusted) {
        save(path, &trusted)?;
    }
    Ok(shown)
}

/// What one validator shows; `trusted` is then what the client has seen.
async fn ask(
    root: &Root,
    trusted: &mut Option<Trusted>,
    key: &SecretKey,
    validator: &str,
    question: &FactKey,
) -> Result<Value, Box<dyn Error>> {
    let (name, address) = validator.split_once('@').ok_or("a validator is KEY@ADDRESS")?;
    let (name, address): (PublicKey, SocketAddr) = (parse_public_key(name)?, address.parse()?);
    let endpoint = ClientEndpoint::new(Identity::new(key.to_consensus()), address)?;
    let connection = endpoint.connect(&keys::to_consensus(&name)?, address).await?;
    let shown = show(root, trusted, &connection, question).await;
    let received = connection.received_byte_count();
    endpoint.close().await;
    let mut shown = shown?;
    shown["validator"] = name.to_string().into();
    shown["received_bytes"] = received.into();
    shown["peak_memory_kb"] = peak_memory_kb().into();
    Ok(shown)
}

async fn show(
    root: &Root,
    trusted: &mut Option<Trusted>,
    connection: &ClientConnection,
    question: &FactKey,
) -> Result<Value, Box<dyn Error>> {
    let asking = Asking::new(connection.clone());
    let mut client = match trusted.clone() {
        Some(trusted) => LightClient::new(trusted),
        None => begin(root, &asking).await?,
    };
    let (bytes, began) = (question.to_bytes(), client.trusted().last());
    let FactAnswer(Some((certified, proof))) = asking.fact(bytes.clone().into()).await? else {
        return Err("it has no certified state to show yet".into());
    };
    while let Err(LightError::EpochAhead { epoch, .. }) = client.check(&certified) {
        follow(&mut client, &asking, epoch).await?;
    }
    let proof_size = proof.to_bytes().len();
    let (seen, proven) = client.fact(&bytes, &certified, proof)?;
    let (present, fact) = match proven {
        Proven::Present(value) => (true, format!("{:?}", Fact::decode(&value)?)),
        Proven::Absent => (false, "there is no such fact".to_owned()),
    };
    let steps = client.trusted().last().get() - began.get();
    *trusted = Some(client.trusted().clone());
    Ok(json!({
        "question": format!("{question:?}"),
        "present": present,
        "fact": fact,
        "state": { "height": seen.height.get(), "block": seen.block.to_string(), "root": seen.root.to_string() },
        "certificate": {
            "heights": [certified.heads[0].height.get(), seen.height.get() + certified.heads.len() as u64],
            "epoch": certified.epoch().get(),
            "trust": "2f+1 validators of the epoch",
        },
        "epochs_walked": steps,
        "proof_bytes": proof_size,
    }))
}

/// From what is trusted at first to who validates.
async fn begin(root: &Root, asking: &Asking) -> Result<LightClient, Box<dyn Error>> {
    let mut keys = match root {
        Root::Genesis(genesis) => return Ok(LightClient::of_genesis(genesis)),
        Root::Group(keys, _) => keys.clone(),
    };
    loop {
        let handovers = asking.handovers(keys.last()).await?;
        handovers.iter().try_for_each(|handover| keys.take(handover))?;
        if handovers.len() < HANDOVERS_MAX {
            break;
        }
    }
    let AnchorAnswer(Some(anchor)) = asking.anchor().await? else {
        return Err("it has no checkpoint to begin with: no group signs, or it started a moment ago".into());
    };
    Ok(LightClient::anchored(&keys, anchor)?)
}

impl Arguments {
    fn root(&self) -> Result<Root, Box<dyn Error>> {
        match (&self.genesis, &self.group_key, self.chain) {
            (Some(path), None, None) => Ok(Root::Genesis(Box::new(Genesis::from_text(&read(path, GENESIS_TEXT_SIZE_MAX)?)?))),
            (None, Some(key), Some(chain)) => {
                let chain = ChainId::new(chain);
                Ok(Root::Group(Keys::since(chain, Height::new(self.group_from), GroupKey::from_text(key)?), chain))
            }
            _ => Err("either --genesis, or --group-key with --chain".into()),
        }
    }
}

impl Root {
    /// Whether what was remembered is of this chain.
    fn is_of(&self, trusted: &Trusted) -> bool {
        match self {
            Self::Genesis(genesis) => trusted.genesis == genesis.digest(),
            Self::Group(_, chain) => trusted.chain == *chain,
        }
    }
}

impl Question {
    fn key(&self) -> Result<FactKey, Box<dyn Error>> {
        let (zone, asset) = (ZoneId::new, AssetId::new);
        Ok(match self {
            Self::Head => FactKey::Head,
            Self::Asset { asset: id } => FactKey::Asset(asset(*id)),
            Self::Listing { asset: id } => FactKey::Listing(asset(*id)),
            Self::Balance { owner, asset: id } => FactKey::Balance(parse_public_key(owner)?, asset(*id)),
            Self::Nonce { owner } => FactKey::Nonce(parse_public_key(owner)?),
            Self::Committee { epoch } => FactKey::Committee(Epoch::new(*epoch)),
            Self::Zone { zone: id } => FactKey::Zone(zone(*id)),
            Self::Turnstile { zone: id, asset: of } => FactKey::Turnstile(zone(*id), asset(*of)),
            Self::Inbox { zone: id, index } => FactKey::Inbox(zone(*id), InboxIndex::new(*index)),
            Self::Unsettled { zone: id, height } => FactKey::Unsettled(zone(*id), Height::new(*height)),
        })
    }
}

fn read(path: &Path, size_max: usize) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.take(size_max as u64 + 1).read_to_string(&mut text)?;
    if text.len() > size_max {
        return Err(format!("{}: more than {size_max} bytes", path.display()).into());
    }
    Ok(text)
}

/// Whole or not at all, whenever the power goes.
fn save(path: &Path, trusted: &Trusted) -> std::io::Result<()> {
    let text: String = trusted.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text + "\n")?;
    std::fs::File::open(&fresh)?.sync_all()?;
    std::fs::rename(fresh, path)
}

fn load(path: &Path, root: &Root) -> Result<Trusted, Box<dyn Error>> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = read(path, MEMORY_FILE_SIZE_MAX)?;
    let digits = text.trim().as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(|| wrong(&"the checkpoint is not hexadecimal"))?;
    let trusted = Trusted::decode(&bytes).map_err(|error| wrong(&format_args!("no checkpoint: {error}")))?;
    if root.is_of(&trusted) { Ok(trusted) } else { Err(wrong(&"a checkpoint of another chain").into()) }
}

fn peak_memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
