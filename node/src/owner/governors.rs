//! What k of n governors decide: signed here with their keys, ordered under the next number, or refused with the ledger's reason.

use super::{Desk, Result, find_asset, find_listing, number, read_amount, read_key};
use crate::config::{Resolved, hex};
use clap::Subcommand;
use plinth_settlement::block::{Action, GovernedTransaction, Transaction};
use plinth_settlement::genesis::{AssetCap, ZoneMode};
use plinth_settlement::keys;
use plinth_settlement::store::StoreParameters;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, ZoneId};
use std::path::PathBuf;

/// What governors decide.
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Stop a zone: it takes nothing and pays nothing but exits
    Freeze {
        /// Its number
        #[arg(long)]
        zone: u16,
    },
    /// Let a frozen zone go on
    Thaw {
        /// Its number
        #[arg(long)]
        zone: u16,
    },
    /// Change how much of an asset leaves a zone per hour
    Cap {
        /// Its number
        #[arg(long)]
        zone: u16,
        /// Name of the asset
        #[arg(long)]
        asset: String,
        /// Decimal amount
        #[arg(long)]
        per_hour: String,
    },
    /// List an asset that the configuration has behind those of the genesis, with `listed = true`: number, name, decimals and issuer are its
    List {
        /// Its name
        #[arg(long)]
        asset: String,
    },
    /// Drop the unsettled blocks of a zone from this height on; its producer seals them again
    Revert {
        /// Its number
        #[arg(long)]
        zone: u16,
        /// The first to drop
        #[arg(long)]
        height: u64,
    },
    /// Change what stands for a proof of a zone's blocks, when the chain's notice is over
    Mode {
        /// Its number
        #[arg(long)]
        zone: u16,
        /// Key of an auditor; once for each, all of them: others are auditors no more
        #[arg(long = "auditor")]
        auditors: Vec<String>,
        /// What stands for a proof
        #[command(subcommand)]
        mode: Mode,
    },
    /// Replace a zone's producer at once: it begins a new epoch, and what the old one signs is refused
    Producer {
        /// Its number
        #[arg(long)]
        zone: u16,
        /// The new producer's key
        #[arg(long)]
        producer: String,
    },
    /// Say who validates from the epoch after the next one on
    Committee {
        /// Key of a validator; once for each, all of them
        #[arg(long = "validator", required = true)]
        validators: Vec<String>,
    },
    /// Have every validator write its store anew in another format, for the first block of the epoch after the next
    StoreFormat {
        /// Which
        #[arg(value_enum)]
        format: StoreFormat,
    },
}

/// A format of the validators' store that this program knows.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum StoreFormat {
    /// Fewer writes, a longer log
    Usual,
    /// A shorter log, more writes
    Compact,
}

/// What stands for a proof.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// The producer's own signature
    Attested {
        /// Settlement blocks from available to settled
        #[arg(long)]
        delay_blocks: u32,
    },
    /// Signatures of so many of the zone's auditors, who executed the block again
    Audited {
        /// How many
        #[arg(long)]
        attestations: u8,
        /// Settlement blocks from available to settled
        #[arg(long)]
        delay_blocks: u32,
    },
    /// A validity proof
    Proven {
        /// Digest of the guest image whose code executes the zone, hexadecimal
        #[arg(long)]
        guest_image: String,
        /// Most blocks that are available and not proven
        #[arg(long)]
        window_blocks: u32,
        /// Settlement blocks after which an unproven block stops the zone's intake
        #[arg(long)]
        deadline_blocks: u32,
    },
}

impl Desk {
    /// Brings a decision with the signatures of these governors; returns when settlement has ordered it.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`]; a decision that the ledger cannot carry out is refused at once, and its number stays free.
    pub fn decide(&self, decision: &Decision, keys: &[PathBuf]) -> Result<()> {
        let resolved = self.resolved()?;
        let action = decision.action(&resolved)?;
        let keys = keys.iter().map(|file| read_key(file)).collect::<Result<Vec<_>>>()?;
        let nonce = number(&self.ask("decisions")?, "next_decision")?;
        self.bring(&Transaction::Governed(Box::new(GovernedTransaction::sign(nonce, action, resolved.chain, &keys))))
    }
}

impl Decision {
    fn action(&self, resolved: &Resolved) -> Result<Action> {
        Ok(match self {
            Self::Freeze { zone } => Action::Freeze { zone: ZoneId::new(*zone) },
            Self::Thaw { zone } => Action::Thaw { zone: ZoneId::new(*zone) },
            Self::Revert { zone, height } => Action::Revert { zone: ZoneId::new(*zone), height: Height::new(*height) },
            Self::Cap { zone, asset, per_hour } => {
                let asset = find_asset(resolved, asset)?;
                let per_hour = read_amount(per_hour, &asset)?;
                Action::SetCap { zone: ZoneId::new(*zone), cap: AssetCap { asset: asset.id, per_hour } }
            }
            Self::Mode { zone, auditors, mode } => {
                Action::SetMode { zone: ZoneId::new(*zone), mode: mode.zone_mode()?, auditors: ascending(auditors)? }
            }
            Self::Producer { zone, producer } => {
                Action::SetProducer { zone: ZoneId::new(*zone), producer: keys::parse_public_key(producer)? }
            }
            Self::List { asset } => Action::ListAsset { listing: find_listing(resolved, asset)? },
            Self::StoreFormat { format } => Action::SetStoreFormat { parameters: format.parameters() },
            Self::Committee { validators } => Action::SetCommittee { validators: ascending(validators)? },
        })
    }
}

impl StoreFormat {
    const fn parameters(self) -> StoreParameters {
        match self {
            Self::Usual => StoreParameters::CURRENT,
            Self::Compact => StoreParameters::COMPACT,
        }
    }
}

impl Mode {
    fn zone_mode(&self) -> Result<ZoneMode> {
        Ok(match *self {
            Self::Attested { delay_blocks } => ZoneMode::Attested { delay_blocks },
            Self::Audited { attestations, delay_blocks } => ZoneMode::Audited { attestations_min: attestations, delay_blocks },
            Self::Proven { ref guest_image, window_blocks, deadline_blocks } => {
                let guest_image = Digest(hex::decode(guest_image).map_err(|error| format!("--guest-image: {error}"))?);
                ZoneMode::Proven { guest_image, window_blocks, deadline_blocks }
            }
        })
    }
}

/// One list has one encoding, so none is signed in two orders.
fn ascending(keys: &[String]) -> Result<Vec<PublicKey>> {
    let parsed = keys.iter().map(|key| keys::parse_public_key(key).map_err(|error| format!("{key}: {error}")));
    let mut parsed = parsed.collect::<core::result::Result<Vec<_>, _>>()?;
    parsed.sort_unstable();
    Ok(parsed)
}
