//! What owners and governors bring to the admin socket: withdrawals for the zone, transactions for settlement, questions about both.
//!
//! Whoever reaches the socket may open the data directory, and still nothing is believed: a withdrawal must be signed by the owner of its
//! account, a transaction by whom the ledger says. A withdrawal is answered when what came of it is durable. A transaction is sent to the
//! validators until the ledger is past it; its outcome is asked for by its digest.
//!
//! ```text
//! next-withdrawal ACCOUNT   {"next_withdrawal":4}
//! withdraw HEX              {"sent":{"seq":90,"channel_seq":4}} or {"refused":"…"}
//! owner KEY                 {"next_nonce":4,"balances":[{"asset":0,"units":"500"}]}
//! decisions                 {"next_decision":1}
//! settled                   {"frozen":false,"height":7,"exit_root":"…"}
//! bring HEX                 {"digest":"…"}
//! outcome DIGEST            {"outcome":"waiting"}, {"outcome":"past"} or {"refused":"…"}
//! ```
//!
//! Known limitations: of two transactions with one number that are brought at once, the outcome of both is that of the first; an owner whose appliance leaves its requests out needs another client of the validators to bring them; validators
//! let in the keys that their configurations name.

use super::control::{Control, CoreHandle, WithdrawalAnswer};
use super::markets::MarketDesk;
use crate::config::{Resolved, hex};
use crossbeam_channel::bounded;
use plinth_settlement::block::Transaction;
use plinth_settlement::keys;
use plinth_settlement::ledger::{State, ZoneStatus};
use plinth_settlement::limits::TRANSACTION_SIZE_MAX;
use plinth_settlement::link::ZoneLink;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AccountId, ChainId, Height, PublicKey, ZoneId};
use plinth_types::reference::Configuration;
use plinth_types::withdrawal::SignedWithdrawal;
use plinth_validator::ValidatorHandle;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest request: a transaction in hexadecimal digits, and its name.
pub(super) const REQUEST_SIZE_MAX: u64 = 2 * TRANSACTION_SIZE_MAX as u64 + 64;
/// Transactions, and refusals, that are remembered for who asks.
const REMEMBERED_MAX: usize = 256;
/// Longest wait for the validators of this process to have what the furthest of them has.
const LEVEL_TIMEOUT: Duration = Duration::from_secs(2);
const LEVEL_PAUSE: Duration = Duration::from_millis(5);
/// Longest wait for a withdrawal to become durable.
const WITHDRAWAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the validators refused what was brought, newest last.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<VecDeque<(Digest, String)>>);

impl Refusals {
    pub(super) fn note(&self, digest: Digest, reason: String) {
        remember(&self.0, digest, reason);
    }

    /// Newest last.
    pub(super) fn last(&self, count: usize) -> Vec<(Digest, String)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().skip(kept.len().saturating_sub(count)).cloned().collect()
    }
}

/// Answers one request at a time.
#[derive(Debug)]
pub(super) struct Desk {
    chain: ChainId,
    owners: BTreeMap<AccountId, PublicKey>,
    core: CoreHandle,
    markets: MarketDesk,
    link: Arc<ZoneLink>,
    validators: Arc<Vec<ValidatorHandle>>,
    /// The settlement block that the zone's journal knew of at the start: a ledger before it is not shown.
    from: Height,
    refusals: Arc<Refusals>,
    brought: Mutex<VecDeque<(Digest, Transaction)>>,
}

impl Desk {
    pub(super) fn new(
        resolved: &Resolved,
        core: CoreHandle,
        link: Arc<ZoneLink>,
        validators: Arc<Vec<ValidatorHandle>>,
        from: Height,
        refusals: Arc<Refusals>,
    ) -> Self {
        let owners = resolved.reference.iter().filter_map(|item| {
            let Configuration::OpenAccount(account) = item else { return None };
            Some((account.id, account.owner))
        });
        let (chain, owners) = (resolved.chain, owners.collect());
        let markets = MarketDesk::new(resolved, core.clone());
        Self { chain, owners, core, markets, link, validators, from, refusals, brought: Mutex::default() }
    }

    /// `None` for a request that is not for this desk.
    pub(super) fn answer(&self, line: &str) -> Option<Value> {
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match name {
            "next-withdrawal" => self.next_withdrawal(argument),
            "withdraw" => self.withdraw(argument),
            "owner" => self.owner(argument),
            "decisions" => self.ledger().map(|ledger| json!({ "next_decision": ledger.decisions() + 1 })),
            "settled" => self.settled(),
            "bring" => self.bring(argument),
            "outcome" => self.outcome(argument),
            "halt" | "resume" => self.markets.answer(name, argument),
            _ => return None,
        };
        Some(answer.unwrap_or_else(|error| json!({ "error": error })))
    }

    fn ledger(&self) -> Result<State, String> {
        let own = self.validators.iter().map(ValidatorHandle::ledger);
        let furthest = own.chain(self.link.ledger()).max_by_key(State::height);
        furthest.filter(|ledger| ledger.height() >= self.from).ok_or_else(|| "the ledger is not rebuilt yet".to_owned())
    }

    fn next_withdrawal(&self, argument: &str) -> Result<Value, String> {
        let account = argument.parse().map(AccountId::new).map_err(|_| format!("{argument:?} is no account's number"))?;
        let (sender, receiver) = bounded(1);
        self.core.send(Control::NextWithdrawal(account, sender));
        let next = receiver.recv_timeout(WITHDRAWAL_TIMEOUT).map_err(|_| "the core stage does not answer".to_owned())?;
        next.map(|next| json!({ "next_withdrawal": next })).ok_or_else(|| format!("there is no account {account}"))
    }

    fn withdraw(&self, argument: &str) -> Result<Value, String> {
        let signed = SignedWithdrawal::decode(&bytes_of(argument)?).map_err(|error| format!("withdrawal: {error}"))?;
        let account = signed.withdrawal.account;
        if signed.withdrawal.zone != ZoneId::TRADING {
            return Err(format!("this is zone {}, the withdrawal is of zone {}", ZoneId::TRADING, signed.withdrawal.zone));
        }
        let owner = self.owners.get(&account).ok_or_else(|| format!("there is no account {account}"))?;
        keys::verify_withdrawal(self.chain, &signed, owner).map_err(|error| error.to_string())?;
        let (sender, receiver) = bounded(1);
        self.core.send(Control::Withdraw(Box::new(signed), sender));
        match receiver.recv_timeout(WITHDRAWAL_TIMEOUT) {
            Ok(WithdrawalAnswer::Sent { seq, channel_seq }) => {
                Ok(json!({ "sent": { "seq": seq.get(), "channel_seq": channel_seq } }))
            }
            Ok(WithdrawalAnswer::Refused(reject)) => Ok(json!({ "refused": reject.to_string() })),
            Ok(WithdrawalAnswer::Busy) => Err("the zone takes nothing at the moment; send it again".to_owned()),
            Err(_) => Err("not durable in time; whether it is done, the account's next number says".to_owned()),
        }
    }

    fn owner(&self, argument: &str) -> Result<Value, String> {
        let owner = keys::parse_public_key(argument).map_err(|error| error.to_string())?;
        let ledger = self.ledger()?;
        let own = ledger.balances().filter(|(of, ..)| *of == owner);
        let balances: Vec<Value> =
            own.map(|(_, asset, amount)| json!({ "asset": asset.get(), "units": amount.units().to_string() })).collect();
        Ok(json!({ "next_nonce": ledger.deposit_nonce(&owner) + 1, "balances": balances }))
    }

    fn settled(&self) -> Result<Value, String> {
        let ledger = self.ledger()?;
        let zone = ledger.zone(ZoneId::TRADING).ok_or_else(|| "settlement knows no trading zone".to_owned())?;
        let (frozen, settled) = (zone.status() != ZoneStatus::Open, zone.record().settled);
        Ok(json!({ "frozen": frozen, "height": settled.height.get(), "exit_root": settled.exit_root.to_string() }))
    }

    /// Waits until the validators here are at this height: one that is behind would refuse what rests on what it has not seen yet.
    fn wait_level(&self, height: Height) {
        let begun = Instant::now();
        while begun.elapsed() < LEVEL_TIMEOUT && self.validators.iter().any(|validator| validator.ledger().height() < height) {
            std::thread::sleep(LEVEL_PAUSE);
        }
    }

    fn bring(&self, argument: &str) -> Result<Value, String> {
        let transaction = Transaction::decode(&bytes_of(argument)?).map_err(|error| format!("transaction: {error}"))?;
        if matches!(transaction, Transaction::Header(_) | Transaction::Body(_)) {
            return Err("validators make headers and verdicts on bodies of receipts; nobody brings them".to_owned());
        }
        // Else it would seem to have been ordered just now.
        if self.ledger()?.is_past(&transaction) {
            return Err("the ledger is past it: it is done, or its number is used".to_owned());
        }
        let digest = transaction.digest();
        self.wait_level(self.ledger()?.height());
        self.link.bring(transaction.clone()).map_err(|error| error.to_string())?;
        remember(&self.brought, digest, transaction);
        Ok(json!({ "digest": digest.to_string() }))
    }

    fn outcome(&self, argument: &str) -> Result<Value, String> {
        let digest = Digest(hex::decode(argument).map_err(|error| error.to_string())?);
        // Past comes first: of two with one number the validators refuse the second while the first is on its way.
        let brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = brought.iter().find(|(known, _)| *known == digest).map(|(_, transaction)| transaction);
        let transaction = transaction.ok_or_else(|| "nothing of that digest was brought here lately".to_owned())?;
        if self.ledger()?.is_past(transaction) {
            return Ok(json!({ "outcome": "past" }));
        }
        let refusals = self.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match refusals.iter().rev().find(|(refused, _)| *refused == digest) {
            Some((_, reason)) => json!({ "refused": reason }),
            None => json!({ "outcome": "waiting" }),
        })
    }
}

fn remember<T>(kept: &Mutex<VecDeque<(Digest, T)>>, digest: Digest, value: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.retain(|(known, _)| *known != digest);
    if kept.len() == REMEMBERED_MAX {
        kept.pop_front();
    }
    kept.push_back((digest, value));
}

fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err("not hexadecimal digits".to_owned());
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| "not hexadecimal digits".to_owned());
    (0..text.len()).step_by(2).map(byte).collect()
}
