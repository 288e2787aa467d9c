//! The command line.

use clap::{Parser, Subcommand};
use plinth_settlement::checkpoint::{GroupKey, Keys};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys::parse_public_key;
use plinth_settlement::ledger::facts::FactKey;
use plinth_settlement::light::Root;
use plinth_settlement::limits::GENESIS_TEXT_SIZE_MAX;
use plinth_types::id::{AssetId, ChainId, Epoch, Height, InboxIndex, ZoneId};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Shows one fact of the base layer, proven against a certificate.
#[derive(Debug, Parser)]
#[command(name = "plinth-light", version)]
pub(crate) struct Arguments {
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
    pub(crate) key_file: Option<PathBuf>,
    /// Whom to ask; with several, the next one when one fails.
    #[arg(long, value_name = "KEY@ADDRESS")]
    pub(crate) validator: Vec<String>,
    /// Where the last committees and the newest state that was seen are kept; an older answer is refused, and the next run goes on from there.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Where to write a receipt: whoever has the same genesis or key can `verify` it later, without asking anybody.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a receipt shows, offline
    Verify {
        /// As --receipt has written it
        file: PathBuf,
    },
    /// Ask.
    #[command(flatten)]
    Show(Question),
}

/// What to show.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Question {
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

impl Arguments {
    pub(crate) fn root(&self) -> Result<Root, Box<dyn Error>> {
        match (&self.genesis, &self.group_key, self.chain) {
            (Some(path), None, None) => {
                let text = String::from_utf8(super::files::read(path, GENESIS_TEXT_SIZE_MAX)?)?;
                Ok(Root::Genesis(Arc::new(Genesis::from_text(&text)?)))
            }
            (None, Some(key), Some(chain)) => {
                let (chain, from) = (ChainId::new(chain), Height::new(self.group_from));
                Ok(Root::Group(Keys::since(chain, from, GroupKey::from_text(key)?)))
            }
            _ => Err("either --genesis, or --group-key with --chain".into()),
        }
    }
}

impl Question {
    pub(crate) fn key(&self) -> Result<FactKey, Box<dyn Error>> {
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
