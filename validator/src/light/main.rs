//! `plinth-light`: one fact of the base layer, proven, from the validators' keys and a checkpoint.
//!
//! It asks any validator for a fact, checks the certificate of 2f+1 validators of the genesis and the proof against the root that they
//! certified, and prints JSON. It holds no ledger, no blocks and no state but the checkpoint file: the newest state it saw.

use clap::{Parser, Subcommand};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys::{self, SecretKey, parse_public_key};
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::light::{Asking, LightClient, Seen};
use plinth_settlement::limits::GENESIS_TEXT_SIZE_MAX;
use plinth_settlement::store::Proven;
use plinth_settlement::transport::{ClientEndpoint, Identity};
use plinth_settlement::wire::FactAnswer;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Epoch, Height, InboxIndex, PublicKey, TimestampNs, ZoneId};
use serde_json::{Value, json};
use std::error::Error;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most bytes of a key file or a checkpoint.
const SMALL_FILE_SIZE_MAX: usize = 4_096;

/// Shows one fact of the base layer, proven against a certificate.
#[derive(Debug, Parser)]
#[command(name = "plinth-light", version)]
struct Arguments {
    /// The genesis, TOML: whose validators are trusted, 2f+1 of them together.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// A file of 64 hexadecimal digits: this client's key, which the validator lets in.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Whom to ask; with several, the next one when one fails.
    #[arg(long, value_name = "KEY@ADDRESS", required = true)]
    validator: Vec<String>,
    /// Where the newest state that was seen is kept; an older answer is refused.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(subcommand)]
    question: Question,
}

/// What to show.
#[derive(Clone, Debug, Subcommand)]
enum Question {
    /// The block that the state is behind.
    Head,
    /// What there is of an asset, and where.
    Asset { asset: u16 },
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
    let genesis = Genesis::from_text(&read(&arguments.genesis, GENESIS_TEXT_SIZE_MAX)?)?;
    let key = SecretKey::from_hex(read(&arguments.key_file, SMALL_FILE_SIZE_MAX)?.trim())?;
    let question = arguments.question.key()?;
    let newest = arguments.checkpoint.as_deref().filter(|path| path.exists()).map(|path| load(path, &genesis)).transpose()?;
    let mut client = LightClient::new(&genesis, newest);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(async {
        let mut failures = Vec::new();
        for validator in &arguments.validator {
            match ask(&mut client, &key, validator, &question).await {
                Ok(shown) => return Ok(shown),
                Err(error) => failures.push(format!("{validator}: {error}")),
            }
        }
        Err::<Value, Box<dyn Error>>(failures.join("; ").into())
    })?;
    if let (Some(path), Some(seen)) = (&arguments.checkpoint, client.newest()) {
        save(path, &genesis, seen)?;
    }
    Ok(shown)
}

async fn ask(client: &mut LightClient, key: &SecretKey, validator: &str, question: &FactKey) -> Result<Value, Box<dyn Error>> {
    let (name, address) = validator.split_once('@').ok_or("a validator is KEY@ADDRESS")?;
    let (name, address): (PublicKey, SocketAddr) = (parse_public_key(name)?, address.parse()?);
    let endpoint = ClientEndpoint::new(Identity::new(key.to_consensus()), address)?;
    let connection = endpoint.connect(&keys::to_consensus(&name)?, address).await?;
    let bytes = question.to_bytes();
    let answer = Asking::new(connection.clone()).fact(bytes.clone().into()).await?;
    let FactAnswer(Some((certified, proof))) = answer else { return Err("it has no certified state to show yet".into()) };
    let proof_size = proof.to_bytes().len();
    let (seen, proven) = client.fact(&bytes, &certified, proof)?;
    let received = connection.received_byte_count();
    endpoint.close().await;
    let (present, fact) = match proven {
        Proven::Present(value) => (true, format!("{:?}", Fact::decode(&value)?)),
        Proven::Absent => (false, "there is no such fact".to_owned()),
    };
    Ok(json!({
        "question": format!("{question:?}"),
        "present": present,
        "fact": fact,
        "state": { "height": seen.height.get(), "block": seen.block.to_string(), "root": seen.root.to_string() },
        "certificate": { "heights": [certified.heads[0].height.get(), seen.height.get() + certified.heads.len() as u64], "trust": "2f+1 validators of the genesis" },
        "validator": name.to_string(),
        "proof_bytes": proof_size,
        "received_bytes": received,
        "peak_memory_kb": peak_memory_kb(),
    }))
}

impl Question {
    fn key(&self) -> Result<FactKey, Box<dyn Error>> {
        let (zone, asset) = (ZoneId::new, AssetId::new);
        Ok(match self {
            Self::Head => FactKey::Head,
            Self::Asset { asset: id } => FactKey::Asset(asset(*id)),
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

/// The checkpoint file: of which chain, and the newest state.
fn save(path: &Path, genesis: &Genesis, seen: Seen) -> std::io::Result<()> {
    let Seen { height, block, time, root } = seen;
    let mut bytes = vec![CHECKPOINT_VERSION];
    genesis.digest().encode(&mut bytes);
    height.encode(&mut bytes);
    block.encode(&mut bytes);
    time.encode(&mut bytes);
    root.encode(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text + "\n")?;
    std::fs::rename(fresh, path)
}

const CHECKPOINT_VERSION: u8 = 1;

fn load(path: &Path, genesis: &Genesis) -> Result<Seen, Box<dyn Error>> {
    let text = read(path, SMALL_FILE_SIZE_MAX)?;
    let digits = text.trim().as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes.ok_or("the checkpoint is not hexadecimal")?;
    let (version, chain, seen): (u8, Digest, _) = {
        let mut reader = plinth_types::codec::Reader::new(&bytes);
        let start = (Codec::read(&mut reader)?, Codec::read(&mut reader)?);
        let (height, block): (Height, Digest) = (Codec::read(&mut reader)?, Codec::read(&mut reader)?);
        let (time, root): (TimestampNs, Digest) = (Codec::read(&mut reader)?, Codec::read(&mut reader)?);
        reader.finish()?;
        (start.0, start.1, Seen { height, block, time, root })
    };
    if (version, chain) != (CHECKPOINT_VERSION, genesis.digest()) {
        return Err(format!("{}: a checkpoint of another chain or version", path.display()).into());
    }
    Ok(seen)
}

fn peak_memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
