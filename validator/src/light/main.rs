//! `plinth-light`: one fact of the base layer, proven, from one public key or a genesis.
//!
//! It asks any validator for a fact, checks the certificate of 2f+1 validators of its epoch and the proof against the root that they
//! certified, and prints JSON. Who validates it learns on one of two roads, or remembers from an earlier run:
//!
//! * `--genesis FILE`: from the validators of the genesis, epoch by epoch, by certificates of votes alone;
//! * `--group-key KEY`: from the key of any group that signed checkpoints, over the handovers behind it, to the newest checkpoint.
//!
//! It holds no ledger, no blocks and no state but the memory file: the last committees and the newest state it saw. With `--receipt FILE` it
//! writes all that shows the fact, and `verify FILE` shows it again, whenever, without asking anybody.

mod arguments;
mod files;
mod value;

use arguments::{Arguments, Command, Question};
use clap::Parser as _;
use files::{load, load_receipt, read_key, save, save_receipt};
use plinth_settlement::keys::{self, SecretKey, parse_public_key};
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::light::{Asking, LightClient, LightError, Receipt, Root, Seen, Start, Trusted, follow};
use plinth_settlement::store::Proven;
use plinth_settlement::transport::{ClientConnection, ClientEndpoint, Identity};
use plinth_settlement::wire::{CertifiedHeads, FactAnswer};
use plinth_types::codec::Codec;
use plinth_types::id::PublicKey;
use serde_json::{Value, json};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

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
    match &arguments.command {
        Command::Verify { file } => {
            let receipt = load_receipt(file)?;
            let (seen, proven) = receipt.verify(&root)?;
            let mut shown = shown(&receipt.key, &receipt.certified, seen, proven)?;
            shown["epochs_walked"] = receipt.steps.len().into();
            shown["proof_bytes"] = receipt.proof.to_bytes().len().into();
            Ok(shown)
        }
        Command::Show(question) => ask_in_turn(arguments, &root, question),
    }
}

fn ask_in_turn(arguments: &Arguments, root: &Root, question: &Question) -> Result<Value, Box<dyn Error>> {
    let key = read_key(arguments.key_file.as_deref().ok_or("--key-file: validators let in only keys that they know")?)?;
    if arguments.validator.is_empty() {
        return Err("--validator: whom to ask?".into());
    }
    let memory = arguments.checkpoint.as_deref();
    let mut trusted = memory.filter(|path| path.exists()).map(|path| load(path, root)).transpose()?;
    let wanted = Wanted { root, question: question.key()?, receipt: arguments.receipt.is_some() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (shown, receipt) = runtime.block_on(async {
        let mut failures = Vec::new();
        for validator in &arguments.validator {
            match ask(&wanted, &mut trusted, &key, validator).await {
                Ok(shown) => return Ok(shown),
                Err(error) => failures.push(format!("{validator}: {error}")),
            }
        }
        Err::<_, Box<dyn Error>>(failures.join("; ").into())
    })?;
    if let (Some(path), Some(trusted)) = (memory, trusted) {
        save(path, &trusted)?;
    }
    if let (Some(path), Some(receipt)) = (&arguments.receipt, receipt) {
        save_receipt(path, &receipt)?;
    }
    Ok(shown)
}

/// What is asked of each validator until one shows it.
struct Wanted<'a> {
    root: &'a Root,
    question: FactKey,
    receipt: bool,
}

/// What one validator shows; `trusted` is then what the client has seen.
async fn ask(
    wanted: &Wanted<'_>,
    trusted: &mut Option<Trusted>,
    key: &SecretKey,
    validator: &str,
) -> Result<(Value, Option<Receipt>), Box<dyn Error>> {
    let (name, address) = validator.split_once('@').ok_or("a validator is KEY@ADDRESS")?;
    let (name, address): (PublicKey, SocketAddr) = (parse_public_key(name)?, address.parse()?);
    let endpoint = ClientEndpoint::new(Identity::new(key.to_consensus()), address)?;
    let connection = endpoint.connect(&keys::to_consensus(&name)?, address).await?;
    let answer = show(wanted, trusted, &connection).await;
    let received = connection.received_byte_count();
    endpoint.close().await;
    let (mut shown, receipt) = answer?;
    shown["validator"] = name.to_string().into();
    shown["received_bytes"] = received.into();
    shown["peak_memory_kb"] = peak_memory_kb().into();
    Ok((shown, receipt))
}

async fn show(
    wanted: &Wanted<'_>,
    trusted: &mut Option<Trusted>,
    connection: &ClientConnection,
) -> Result<(Value, Option<Receipt>), Box<dyn Error>> {
    let Wanted { root, question, receipt } = wanted;
    let asking = Asking::new(connection.clone());
    let mut client = match trusted.clone() {
        Some(trusted) => LightClient::new(trusted),
        None => Start::fetch(root, &asking).await?.client(root)?,
    };
    let (bytes, began) = (question.to_bytes(), client.trusted().last());
    let FactAnswer(Some((certified, proof))) = asking.fact(bytes.clone().into()).await? else {
        return Err("it has no certified state to show yet".into());
    };
    while let Err(LightError::EpochAhead { epoch, .. }) = client.check(&certified) {
        follow(&mut client, &asking, epoch).await?;
    }
    let (seen, proven) = client.fact(&bytes, &certified, proof.clone())?;
    let steps = client.trusted().last().get() - began.get();
    let mut shown = shown(question, &certified, seen, proven)?;
    shown["epochs_walked"] = steps.into();
    shown["proof_bytes"] = proof.to_bytes().len().into();
    let receipt = match receipt {
        true => Some(Receipt::gather(root, &asking, *question, (certified, proof)).await?),
        false => None,
    };
    *trusted = Some(client.trusted().clone());
    Ok((shown, receipt))
}

fn shown(question: &FactKey, certified: &CertifiedHeads, seen: Seen, proven: Proven) -> Result<Value, Box<dyn Error>> {
    let (present, fact, value) = match proven {
        Proven::Present(bytes) => {
            let fact = Fact::decode(&bytes)?;
            (true, format!("{fact:?}"), value::value(&fact))
        }
        Proven::Absent => (false, "there is no such fact".to_owned(), Value::Null),
    };
    Ok(json!({
        "question": format!("{question:?}"),
        "present": present,
        "fact": fact,
        "value": value,
        "state": { "height": seen.height.get(), "block": seen.block.to_string(), "root": seen.root.to_string() },
        "certificate": {
            "heights": [certified.heads[0].height.get(), seen.height.get() + certified.heads.len() as u64],
            "epoch": certified.epoch().get(),
            "trust": "2f+1 validators of the epoch",
        },
    }))
}

fn peak_memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
