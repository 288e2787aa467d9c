//! The way out of a frozen trading zone: what an account owned behind the last settled block, proved against that block's root.
//!
//! All that is needed is the zone's files, or a copy of them: its producer need not run, and need not agree. The proof pays the account's owner
//! on the base layer whoever brings it, so nothing is signed.

use super::{Desk, Result, find_account, find_asset};
use crate::appliance::ZONE_FOLDER;
use crate::config::{Resolved, hex};
use clap::Args;
use plinth_matching::journal::Identity;
use plinth_matching::replica::{ExitPath, ExitTree, ZoneConfig, state_behind};
use plinth_settlement::block::{ExitTransaction, Transaction};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use serde_json::Value;
use std::path::PathBuf;

/// What is taken out of the frozen zone.
#[derive(Debug, Args)]
pub struct Exit {
    /// Name of the account of the trading zone
    #[arg(long)]
    account: String,
    /// Name of the asset; all of it is taken out
    #[arg(long)]
    asset: String,
    /// Write the transaction to this file, for 'plinth submit', and ask no appliance; then --height says which block is the last settled one
    #[arg(long, requires = "height")]
    write: Option<PathBuf>,
    /// Height of the zone's last settled block
    #[arg(long, requires = "write")]
    height: Option<u64>,
}

impl Desk {
    /// Takes out of the frozen zone what an account owns of an asset; returns when settlement has ordered it, or when the file is written.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`], and what is wrong with the zone's files.
    pub fn exit(&self, exit: &Exit) -> Result<()> {
        let resolved = self.resolved()?;
        if let (Some(file), Some(height)) = (&exit.write, exit.height) {
            let (transaction, root) = self.way_out(&resolved, exit, Height::new(height))?;
            std::fs::write(file, hex::encode(&transaction.to_bytes())).map_err(|error| format!("{}: {error}", file.display()))?;
            println!("{} is written, for the root {root} of block {height}", file.display());
            return Ok(());
        }
        let settled = self.ask("settled")?;
        if settled.get("frozen").and_then(Value::as_bool) != Some(true) {
            return Err("the zone is not frozen: 'plinth withdraw' takes value out of it".into());
        }
        let height = settled.get("height").and_then(Value::as_u64).ok_or("the appliance says no settled height")?;
        let (transaction, root) = self.way_out(&resolved, exit, Height::new(height))?;
        if settled.get("exit_root").and_then(Value::as_str) != Some(root.to_string().as_str()) {
            return Err(format!("the files here give the root {root} for block {height}, settlement has another: {settled}").into());
        }
        self.bring(&transaction)
    }

    fn way_out(&self, resolved: &Resolved, exit: &Exit, height: Height) -> Result<(Transaction, Digest)> {
        let account = find_account(resolved, &exit.account)?;
        let asset = find_asset(resolved, &exit.asset)?;
        let identity = Identity { chain: resolved.chain, zone: ZoneId::TRADING };
        let config = ZoneConfig::new(self.data_dir.join(ZONE_FOLDER), identity, resolved.zone.capacity.core());
        let (header, engine) = state_behind(&config, height)?;
        let tree = ExitTree::new(&engine, identity.chain, identity.zone);
        if tree.root() != header.exit_root {
            return Err(format!("block {height} says {}, its state gives {}", header.exit_root, tree.root()).into());
        }
        let path = tree.path(&engine, account.id, asset.id);
        let ExitPath { leaf, siblings } = path.ok_or_else(|| format!("account '{}' owns no {} there", exit.account, exit.asset))?;
        let transaction = ExitTransaction { zone: identity.zone, leaf, path: siblings };
        Ok((Transaction::Exit(Box::new(transaction)), header.exit_root))
    }
}
