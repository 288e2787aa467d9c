//! `plinth-privacy control`: the controller's directives.

use super::files::SignerKey;
use super::text::{eligible, read_jurisdiction};
use super::{Outcome, say};
use clap::{Subcommand, ValueEnum};
use plinth_privacy::note::Jurisdiction;
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::pool::state::Gate;
use plinth_privacy::registry::Registry;
use plinth_privacy_zone::client::Client;
use plinth_types::id::AssetId;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the zone answers
    #[arg(long, value_name = "ADDRESS")]
    zone: SocketAddr,
    /// The controller's key file
    #[arg(long)]
    key: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take an asset in, for good under these terms
    List {
        /// Its number on the base layer
        #[arg(long)]
        asset: u16,
        /// Whose residents may hold it; without any, everybody who is registered
        #[arg(long, value_delimiter = ',', value_parser = read_jurisdiction)]
        jurisdictions: Vec<Jurisdiction>,
    },
    /// Let an asset neither in nor out for now
    Freeze {
        /// Its number
        #[arg(long)]
        asset: u16,
    },
    /// Let it in and out again
    Thaw {
        /// Its number
        #[arg(long)]
        asset: u16,
    },
    /// How far the pool is open: `halted` is the kill switch, `retired` is for good
    Gate {
        /// Which
        state: GateName,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GateName {
    Open,
    Halted,
    Retired,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let directive = match &arguments.what {
        What::List { asset, jurisdictions } => Directive::List(AssetId::new(*asset), eligible(jurisdictions)),
        What::Freeze { asset } => Directive::Freeze(AssetId::new(*asset), true),
        What::Thaw { asset } => Directive::Freeze(AssetId::new(*asset), false),
        What::Gate { state: GateName::Open } => Directive::Gate(Gate::Open),
        What::Gate { state: GateName::Halted } => Directive::Gate(Gate::Halted),
        What::Gate { state: GateName::Retired } => Directive::Gate(Gate::Retired),
    };
    tell(arguments.zone, &SignerKey::read(&arguments.key)?, directive, None)
}

/// Numbers, signs and gives a directive.
pub(crate) fn tell(zone: SocketAddr, key: &SignerKey, directive: Directive, registry: Option<&Registry>) -> Outcome {
    let mut client = Client::connect(zone)?;
    let status = client.status()?;
    let number = status.directives + 1;
    let signature = key.sign(&SignedDirective::signed_bytes(status.pool, number, directive));
    let height = client.direct(SignedDirective { number, directive, signature }, registry)?;
    say(format_args!("directive {number} is in block {height}"));
    Ok(())
}
