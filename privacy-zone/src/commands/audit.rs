//! `plinth-privacy audit`: what an auditor reads with the keys that the registrar gave.

use super::files::{self, AuditKeys};
use super::text::{eligible, read_digest, read_jurisdiction, write_owner};
use super::{Outcome, say};
use clap::Subcommand;
use plinth_privacy::disclosure::{Auditor, Finding, Scope};
use plinth_privacy::limits::NOTES_PER_SIDE;
use plinth_privacy::note::{Jurisdiction, Value};
use plinth_privacy::transaction::PublicSide;
use plinth_privacy_zone::client::Client;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What `registrar audit-keys` made
    #[arg(long)]
    keys: PathBuf,
    /// Where the zone answers
    #[arg(long, value_name = "ADDRESS")]
    zone: SocketAddr,
    /// Only these assets
    #[arg(long, value_delimiter = ',')]
    assets: Vec<u16>,
    /// Only firms of these jurisdictions
    #[arg(long, value_delimiter = ',', value_parser = read_jurisdiction)]
    jurisdictions: Vec<Jurisdiction>,
    /// From this block on
    #[arg(long, default_value_t = 1)]
    from: u64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every payment in scope, a line each
    Scan,
    /// One transaction
    Open {
        /// Its id
        #[arg(value_parser = read_digest)]
        transaction: Digest,
    },
    /// Turnover by firm and asset: what each made for others
    Report,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let keys: AuditKeys = files::read(&arguments.keys)?;
    let assets = arguments.assets.iter().map(|asset| AssetId::new(*asset)).collect::<std::collections::BTreeSet<_>>();
    let scope = Scope { assets: (!assets.is_empty()).then_some(assets), jurisdictions: eligible(&arguments.jurisdictions) };
    let findings = read(arguments, &Auditor::new(scope, keys.firms.0))?;
    match &arguments.what {
        What::Scan => findings.iter().for_each(tell),
        What::Open { transaction } => {
            let opened: Vec<_> = findings.iter().filter(|finding| finding.transaction == *transaction).collect();
            if opened.is_empty() {
                return Err("nothing of this transaction is in scope".into());
            }
            opened.into_iter().for_each(tell);
        }
        What::Report => {
            for ((owner, asset), units) in Auditor::turnover(&findings) {
                say(format_args!("firm {} asset {asset}: {units}", write_owner(owner)));
            }
        }
    }
    Ok(())
}

fn read(arguments: &Arguments, auditor: &Auditor) -> Outcome<Vec<Finding>> {
    let mut client = Client::connect(arguments.zone)?;
    let (mut findings, mut from) = (Vec::new(), Height::new(arguments.from));
    loop {
        let blocks = client.blocks(from)?;
        let Some(last) = blocks.last() else { return Ok(findings) };
        from = last.height.next();
        findings.extend(blocks.iter().flat_map(|block| auditor.read(block)));
    }
}

fn tell(finding: &Finding) {
    let Finding { height, transaction, leg, sender, made, public } = finding;
    let side = match public {
        PublicSide::None => String::new(),
        PublicSide::Shield { value, .. } => format!(", shields {value}"),
        PublicSide::Unshield { value, to, .. } => format!(", unshields {value} to {to}"),
    };
    say(format_args!(
        "block {height} transaction {transaction} leg {leg}: firm {} asset {}{side}",
        write_owner(*sender),
        made.asset.asset()
    ));
    for output in (0..NOTES_PER_SIDE).filter(|output| made.values[*output] != Value::ZERO) {
        let to = if made.owners[output] == *sender { "itself".into() } else { write_owner(made.owners[output]) };
        say(format_args!("    {} to {to}", made.values[output]));
    }
}
