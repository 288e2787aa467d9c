//! What an asset's issuer does on the base layer: it makes more of the asset, or takes some out of the world. Nobody else's key can.

use super::{Desk, Result, find_listing, read_amount, read_key};
use crate::config::Resolved;
use clap::Args;
use plinth_settlement::keys::{self, SecretKey};
use plinth_settlement::ledger::Listing;
use plinth_types::owner::Act;
use plinth_types::quantity::Amount;
use plinth_types::reference::Asset;
use std::path::PathBuf;

/// What is issued, and to whom.
#[derive(Debug, Args)]
pub struct Issued {
    #[command(flatten)]
    supply: Supply,
    /// Key of the owner on the base layer who gets it; by default the issuer itself
    #[arg(long)]
    to: Option<String>,
}

/// What is redeemed, from the issuer's own balance on the base layer.
#[derive(Debug, Args)]
pub struct Redeemed {
    #[command(flatten)]
    supply: Supply,
}

#[derive(Debug, Args)]
struct Supply {
    /// Name of the asset
    #[arg(long)]
    asset: String,
    /// Decimal amount
    #[arg(long)]
    amount: String,
    /// File with the secret key of the asset's issuer
    #[arg(long)]
    key: PathBuf,
}

impl Desk {
    /// Makes more of an asset; returns when settlement has ordered it.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn issue(&self, issued: &Issued) -> Result<()> {
        let resolved = self.resolved()?;
        let (asset, amount, key) = issued.supply.resolve(&resolved)?;
        let to = issued.to.as_ref().map_or_else(|| Ok(key.public_key()), |to| keys::parse_public_key(to))?;
        self.instruct(&resolved, &key, Act::Issue { to, asset: asset.id, amount })
    }

    /// Takes an asset out of the world; returns when settlement has ordered it.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn redeem(&self, redeemed: &Redeemed) -> Result<()> {
        let resolved = self.resolved()?;
        let (asset, amount, key) = redeemed.supply.resolve(&resolved)?;
        self.instruct(&resolved, &key, Act::Redeem { asset: asset.id, amount })
    }
}

impl Supply {
    /// The validators say the same; here it costs no round.
    fn resolve(&self, resolved: &Resolved) -> Result<(Asset, Amount, SecretKey)> {
        let Listing { asset, issuer } = find_listing(resolved, &self.asset)?;
        let key = read_key(&self.key)?;
        if issuer != key.public_key() {
            return Err(format!("{} is not the key of the issuer of {}", self.key.display(), self.asset).into());
        }
        Ok((asset, read_amount(&self.amount, &asset)?, key))
    }
}
