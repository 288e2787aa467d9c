//! What owners and governors do from the command line: they sign here, with keys of their own, and bring it to a running appliance.
//!
//! Nothing that leaves this process can be changed on the way: each order names its chain, its number and its destination under its
//! owner's signature. The appliance sends it to the validators; what it cannot do is leave it out, since an owner may bring the same
//! bytes to any other client of the validators.

mod exit;
mod governors;
mod issuers;

pub use exit::Exit;
pub use governors::{Decision, Mode};
pub use issuers::{Issued, Redeemed};

use crate::appliance;
use crate::config::{self, Resolved, decimal, demo, hex};
use clap::{Args, Subcommand};
use plinth_settlement::block::{SignedDeposit, SignedInstruction, Transaction};
use plinth_settlement::keys::{self, SecretKey};
use plinth_settlement::ledger::Listing;
use plinth_types::codec::Codec;
use plinth_types::id::{OrderId, PublicKey, SessionId, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::owner::{Act, Instruction, Request};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Account, Asset, Configuration};
use plinth_types::transfer::{Address, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a transaction's outcome is asked for, and for how long.
const OUTCOME_INTERVAL: Duration = Duration::from_millis(20);
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(30);

type Result<T> = core::result::Result<T, Box<dyn Error>>;

/// Where the appliance is, and who signs.
#[derive(Debug, Args)]
pub struct Desk {
    /// Data directory of the running appliance
    #[arg(long, default_value = "plinth-data")]
    data_dir: PathBuf,
    /// Its configuration file; by default plinth.toml of the data directory
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Something of an account.
#[derive(Debug, Args)]
pub struct Moved {
    /// Name of the account of the trading zone
    #[arg(long)]
    account: String,
    /// Name of the asset
    #[arg(long)]
    asset: String,
    /// Decimal amount
    #[arg(long)]
    amount: String,
    /// File with the secret key of the account's owner
    #[arg(long)]
    key: PathBuf,
}

/// Where value goes.
#[derive(Debug, Args)]
pub struct To {
    /// Key of the owner on the base layer that is paid; by default the account's own owner
    #[arg(long)]
    to: Option<String>,
    /// Number of the zone that is paid instead; then --to is an address there, 64 hexadecimal digits
    #[arg(long, default_value_t = 0, requires = "to")]
    to_zone: u16,
}

/// What an owner asks of the zone through settlement.
#[derive(Debug, Subcommand)]
pub enum Requested {
    /// Take value out of the zone
    Withdraw {
        /// What, and out of which account
        #[command(flatten)]
        value: Moved,
        /// To whom
        #[command(flatten)]
        to: To,
    },
    /// Cancel an order, as reports name it: SESSION-NUMBER
    Cancel {
        /// OrderID, FIX tag 37
        #[arg(long)]
        order: String,
        /// File with the secret key of the account's owner
        #[arg(long)]
        key: PathBuf,
    },
}

impl Desk {
    /// Takes value out of the trading zone; returns when that is durable.
    ///
    /// # Errors
    ///
    /// What is wrong with the order, or why it was refused.
    pub fn withdraw(&self, value: &Moved, to: &To, expires_in: Duration) -> Result<()> {
        let resolved = self.resolved()?;
        let (account, asset, amount, key) = value.resolve(&resolved)?;
        let next = self.ask(&format!("next-withdrawal {}", account.id))?;
        let withdrawal = Withdrawal {
            zone: ZoneId::TRADING,
            account: account.id,
            nonce: number(&next, "next_withdrawal")?,
            asset: asset.id,
            amount,
            to: to.party(&account)?,
            expires_at: expiry(expires_in),
        };
        let signature = key.sign(&withdrawal.signed_bytes(resolved.chain));
        let answer = self.ask(&format!("withdraw {}", hex::encode(&SignedWithdrawal { withdrawal, signature }.to_bytes())))?;
        match answer.get("refused").and_then(Value::as_str) {
            Some(reason) => Err(format!("withdrawal {} is refused: {reason}", withdrawal.nonce).into()),
            None => {
                println!("withdrawal {} is durable; settlement delivers it when its block settles", withdrawal.nonce);
                Ok(())
            }
        }
    }

    /// Moves value from the owner's balance on the base layer into its account; returns when settlement has ordered it.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn deposit(&self, value: &Moved) -> Result<()> {
        let resolved = self.resolved()?;
        let (account, asset, amount, key) = value.resolve(&resolved)?;
        let deposit = Deposit {
            zone: ZoneId::TRADING,
            nonce: self.next_nonce(account.owner)?,
            asset: asset.id,
            amount,
            owner: account.owner,
            account: Address::of_account(account.id),
        };
        self.bring(&Transaction::Deposit(SignedDeposit::sign(deposit, resolved.chain, &key)))
    }

    /// Puts a request before the trading zone, for a fee; returns when settlement has ordered it.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn request(&self, requested: &Requested) -> Result<()> {
        let resolved = self.resolved()?;
        let (key, request) = match requested {
            Requested::Withdraw { value, to } => {
                let (account, asset, amount, key) = value.resolve(&resolved)?;
                let (to, account) = (to.party(&account)?, Address::of_account(account.id));
                (key, Request::Withdraw { account, to, asset: asset.id, amount })
            }
            Requested::Cancel { order, key } => (read_key(key)?, Request::Cancel { order: read_order(order)? }),
        };
        self.instruct(&resolved, &key, Act::Request { zone: ZoneId::TRADING, request })
    }

    /// Brings a transaction that was signed elsewhere: a file of hexadecimal digits.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn submit(&self, file: &Path) -> Result<()> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.bring_hex(text.trim())
    }

    /// Prints what an owner has on the base layer.
    ///
    /// # Errors
    ///
    /// As [`Desk::withdraw`].
    pub fn balance(&self, owner: &str) -> Result<()> {
        println!("{}", self.ask(&format!("owner {owner}"))?);
        Ok(())
    }

    /// Brings what the owner of this key orders, under its next number.
    fn instruct(&self, resolved: &Resolved, key: &SecretKey, act: Act) -> Result<()> {
        let owner = key.public_key();
        let instruction = Instruction { nonce: self.next_nonce(owner)?, owner, act };
        self.bring(&Transaction::Instruct(Box::new(SignedInstruction::sign(instruction, resolved.chain, key))))
    }

    fn bring(&self, transaction: &Transaction) -> Result<()> {
        self.bring_hex(&hex::encode(&transaction.to_bytes()))
    }

    fn bring_hex(&self, digits: &str) -> Result<()> {
        let brought = self.ask(&format!("bring {digits}"))?;
        let digest = brought.get("digest").and_then(Value::as_str).ok_or("the appliance names no digest")?;
        let deadline = Instant::now() + OUTCOME_TIMEOUT;
        loop {
            let outcome = self.ask(&format!("outcome {digest}"))?;
            if let Some(reason) = outcome.get("refused").and_then(Value::as_str) {
                return Err(format!("the validators refuse it: {reason}").into());
            }
            if outcome.get("outcome").and_then(Value::as_str) == Some("past") {
                println!("{digest} is ordered");
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("{digest} is not ordered within {} s; it is still sent", OUTCOME_TIMEOUT.as_secs()).into());
            }
            std::thread::sleep(OUTCOME_INTERVAL);
        }
    }

    fn next_nonce(&self, owner: PublicKey) -> Result<u64> {
        number(&self.ask(&format!("owner {owner}"))?, "next_nonce")
    }

    fn ask(&self, line: &str) -> Result<Value> {
        let text = appliance::request(&self.data_dir, line)
            .map_err(|error| format!("no appliance answers in {}: {error}", self.data_dir.display()))?;
        let answer: Value = serde_json::from_str(&text)?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.into()),
            None => Ok(answer),
        }
    }

    fn resolved(&self) -> Result<Resolved> {
        let path = self.config.clone().unwrap_or_else(|| self.data_dir.join(demo::CONFIG_FILE));
        Ok(config::load(&path)?)
    }
}

impl Moved {
    fn resolve(&self, resolved: &Resolved) -> Result<(Account, Asset, Amount, SecretKey)> {
        let account = find_account(resolved, &self.account)?;
        let asset = find_asset(resolved, &self.asset)?;
        let key = read_key(&self.key)?;
        if key.public_key() != account.owner {
            return Err(format!("{} is not the key of account '{}'", self.key.display(), self.account).into());
        }
        Ok((account, asset, read_amount(&self.amount, &asset)?, key))
    }
}

impl To {
    fn party(&self, account: &Account) -> Result<Party> {
        let Some(to) = &self.to else { return Ok(Party::owner(account.owner)) };
        let zone = ZoneId::new(self.to_zone);
        if zone == ZoneId::BASE {
            return Ok(Party::owner(keys::parse_public_key(to)?));
        }
        Ok(Party { zone, address: Address(hex::decode(to)?) })
    }
}

fn find_account(resolved: &Resolved, name: &str) -> Result<Account> {
    let mut accounts = resolved.reference.iter().filter_map(|item| {
        let Configuration::OpenAccount(account) = item else { return None };
        Some(*account)
    });
    accounts.find(|account| account.name.as_str() == name).ok_or_else(|| format!("there is no account '{name}'").into())
}

fn find_asset(resolved: &Resolved, name: &str) -> Result<Asset> {
    find_listing(resolved, name).map(|listing| listing.asset)
}

/// Of the genesis, or one that governors list.
fn find_listing(resolved: &Resolved, name: &str) -> Result<Listing> {
    let first = resolved.genesis.assets().iter().map(|first| Listing { asset: first.asset, issuer: first.issuer });
    let found = first.chain(resolved.listed.iter().copied()).find(|listing| listing.asset.name.as_str() == name);
    found.ok_or_else(|| format!("there is no asset '{name}'").into())
}

fn read_amount(text: &str, asset: &Asset) -> Result<Amount> {
    let units = decimal::parse(text, asset.decimals).map_err(|error| format!("amount '{text}': {error}"))?;
    Amount::new(units).ok_or_else(|| format!("amount '{text}' is too large").into())
}

fn read_key(file: &Path) -> Result<SecretKey> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    SecretKey::from_hex(text.trim()).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn read_order(text: &str) -> Result<OrderId> {
    let parsed =
        text.split_once('-').and_then(|(session, index)| OrderId::new(SessionId::new(session.parse().ok()?), index.parse().ok()?));
    parsed.ok_or_else(|| format!("'{text}' is no order: SESSION-NUMBER, as OrderID (37) of its reports says").into())
}

fn number(answer: &Value, field: &str) -> Result<u64> {
    answer.get(field).and_then(Value::as_u64).ok_or_else(|| format!("the appliance says no {field}").into())
}

/// So long from now, by this host's clock.
fn expiry(expires_in: Duration) -> TimestampNs {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + expires_in;
    TimestampNs::new(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX))
}
