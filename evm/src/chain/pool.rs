//! Transactions that wait for a block.
//!
//! - They leave in order of arrival; those of one sender in order of nonce, and none before the one below it is there.
//! - A transaction replaces another with the same sender and nonce if both its fees are higher by [`REPLACEMENT_PERCENT`]; it then counts as
//!   arriving now.
//! - Full means full: nothing that waits is driven out by a higher fee.
//! - Refusals say what clients match on (`nonce too low`, `already known`, `replacement transaction underpriced`, `insufficient funds ...`).
//!
//! # Known limitations
//!
//! - Blob transactions are refused: this chain has no blobs to carry.
//! - Waiting transactions are not on disk; a restart forgets them.

use crate::ethereum::{Address, AddressMap, B256, B256Map, Encodable2718, TxType, U256};
use crate::execution::BlockContext;
use crate::execution::serial::ViewDatabase;
use crate::limits::{POOL_SENDER_MAX, POOL_TRANSACTIONS_MAX, REPLACEMENT_PERCENT, TRANSACTION_BYTES_MAX};
use crate::machine::{ContextSetters, EVMError, Handler, InvalidTransaction, MainnetHandler, WrapDatabaseRef};
use crate::state::StateView;
use crate::transaction::Transaction;
use plinth_types::limits::BODY_SIZE_MAX;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Room in a block beside its header and the framing of its transactions; a block made here fits a zone block's body.
const BLOCK_BYTES_FOR_TRANSACTIONS: usize = BODY_SIZE_MAX / 16 * 15;

/// What waits.
#[derive(Debug, Default)]
pub struct Pool {
    senders: AddressMap<BTreeMap<u64, Waiting>>,
    places: B256Map<(Address, u64)>,
    arrivals: BTreeMap<u64, (Address, u64)>,
    next_arrival: u64,
}

#[derive(Debug)]
struct Waiting {
    transaction: Transaction,
    arrival: u64,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Could stand in the next block by their nonce.
    pub pending: usize,
    /// Wait for a lower nonce.
    pub queued: usize,
}

/// The transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It waits already.
    #[error("already known")]
    Known,
    /// It would change nothing.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// Of the account.
        next: u64,
        /// Of the transaction.
        nonce: u64,
    },
    /// Another one with this nonce waits and pays as much.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// The sender cannot pay.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}", cost.saturating_sub(*balance))]
    Funds {
        /// Of the account.
        balance: U256,
        /// At most.
        cost: U256,
    },
    /// No block has that much gas.
    #[error("exceeds block gas limit")]
    GasLimit,
    /// EIP-3607.
    #[error("sender not an eoa: address {0}")]
    SenderHasCode(Address),
    /// Blobs.
    #[error("transaction type not supported")]
    Kind,
    /// Longer than [`TRANSACTION_BYTES_MAX`].
    #[error("oversized data: transaction size {0}, limit {TRANSACTION_BYTES_MAX}")]
    Oversized(usize),
    /// [`POOL_TRANSACTIONS_MAX`] wait.
    #[error("txpool is full")]
    Full,
    /// [`POOL_SENDER_MAX`] of this sender wait.
    #[error("account limit exceeded: pooled {POOL_SENDER_MAX} txs of {0}")]
    SenderFull(Address),
    /// A rule of the machine.
    #[error("{}", text(.0))]
    Invalid(InvalidTransaction),
}

impl Pool {
    /// Takes a transaction in, or says why not. `context` is the next block's.
    pub fn add<S: StateView>(&mut self, transaction: Transaction, state: &S, context: &BlockContext) -> Result<B256, PoolError> {
        let hash = transaction.hash();
        if self.places.contains_key(&hash) {
            return Err(PoolError::Known);
        }
        check(&transaction, state, context)?;
        let (sender, nonce) = (transaction.sender(), transaction.env().nonce);
        let waiting = self.senders.entry(sender).or_default();
        match waiting.get(&nonce) {
            Some(old) if !outbids(&transaction, &old.transaction) => return Err(PoolError::Underpriced),
            Some(old) => {
                self.arrivals.remove(&old.arrival);
                self.places.remove(&old.transaction.hash());
            }
            None if self.places.len() >= POOL_TRANSACTIONS_MAX => return Err(PoolError::Full),
            None if waiting.len() >= POOL_SENDER_MAX => return Err(PoolError::SenderFull(sender)),
            None => {}
        }
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        waiting.insert(nonce, Waiting { transaction, arrival });
        self.places.insert(hash, (sender, nonce));
        self.arrivals.insert(arrival, (sender, nonce));
        Ok(hash)
    }

    /// What the next block may take, in order of arrival: at most its gas, none below its base fee, none without the nonce before it.
    pub fn candidates<S: StateView>(&self, state: &S, context: &BlockContext) -> Vec<Transaction> {
        let base_fee = u128::from(context.env.basefee);
        let mut gas_left = context.env.gas_limit;
        let mut bytes_left = BLOCK_BYTES_FOR_TRANSACTIONS;
        let mut next: AddressMap<u64> = AddressMap::default();
        let mut candidates = Vec::new();
        for (arrival, (sender, nonce)) in &self.arrivals {
            let next = next.entry(*sender).or_insert_with(|| state.account(sender).map_or(0, |account| account.nonce));
            if nonce != next {
                continue;
            }
            // Those above it that came earlier have waited for it.
            let unlocked = self.senders.get(sender).into_iter().flat_map(|waiting| waiting.range(*nonce..));
            for (nonce, waiting) in unlocked {
                let env = waiting.transaction.env();
                if nonce != next || waiting.arrival > *arrival || env.gas_price < base_fee {
                    break;
                }
                let bytes = waiting.transaction.envelope().encode_2718_len();
                if env.gas_limit > gas_left || bytes > bytes_left {
                    return candidates;
                }
                gas_left -= env.gas_limit;
                bytes_left -= bytes;
                *next += 1;
                candidates.push(waiting.transaction.clone());
            }
        }
        candidates
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A waiting transaction.
    pub fn get(&self, hash: &B256) -> Option<&Transaction> {
        let (sender, nonce) = self.places.get(hash)?;
        self.senders.get(sender)?.get(nonce).map(|waiting| &waiting.transaction)
    }

    /// The nonce after all of a sender's transactions that follow each other from `next` on.
    pub fn next_nonce(&self, sender: &Address, mut next: u64) -> u64 {
        if let Some(waiting) = self.senders.get(sender) {
            while waiting.contains_key(&next) {
                next += 1;
            }
        }
        next
    }

    /// Drops a transaction that can never stand.
    pub fn remove(&mut self, hash: &B256) {
        let Some((sender, nonce)) = self.places.remove(hash) else { return };
        if let Some(waiting) = self.senders.get_mut(&sender) {
            if let Some(removed) = waiting.remove(&nonce) {
                self.arrivals.remove(&removed.arrival);
            }
            if waiting.is_empty() {
                self.senders.remove(&sender);
            }
        }
    }

    /// Drops what a new state has made void.
    pub fn prune<S: StateView>(&mut self, state: &S, senders: impl IntoIterator<Item = Address>) {
        for sender in senders {
            let next = state.account(&sender).map_or(0, |account| account.nonce);
            let void: Vec<B256> = self
                .senders
                .get(&sender)
                .into_iter()
                .flat_map(|waiting| waiting.range(..next))
                .map(|(_, waiting)| waiting.transaction.hash())
                .collect();
            void.iter().for_each(|hash| self.remove(hash));
        }
    }

    /// What waits, of all senders or of one, by nonce; and whether it could stand in the next block by its nonce.
    pub fn waiting<'a, S: StateView>(
        &'a self,
        state: &'a S,
        of: Option<&'a Address>,
    ) -> impl Iterator<Item = (&'a Transaction, bool)> + 'a {
        let senders = self.senders.iter().filter(move |(sender, _)| of.is_none_or(|of| of == *sender));
        senders.flat_map(move |(sender, waiting)| {
            let end = self.next_nonce(sender, state.account(sender).map_or(0, |account| account.nonce));
            waiting.iter().map(move |(nonce, waiting)| (&waiting.transaction, *nonce < end))
        })
    }

    /// How much waits.
    pub fn status<S: StateView>(&self, state: &S) -> PoolStatus {
        let pending = self
            .senders
            .keys()
            .map(|sender| {
                let next = state.account(sender).map_or(0, |account| account.nonce);
                (self.next_nonce(sender, next) - next) as usize
            })
            .sum();
        PoolStatus { pending, queued: self.places.len() - pending }
    }
}

fn check<S: StateView>(transaction: &Transaction, state: &S, context: &BlockContext) -> Result<(), PoolError> {
    let env = transaction.env();
    if transaction.kind() == TxType::Eip4844 {
        return Err(PoolError::Kind);
    }
    let bytes = transaction.envelope().encode_2718_len();
    if bytes > TRANSACTION_BYTES_MAX {
        return Err(PoolError::Oversized(bytes));
    }
    if env.gas_limit > context.env.gas_limit {
        return Err(PoolError::GasLimit);
    }
    // The machine's own checks of form and gas; the base fee may still fall.
    let mut machine = context.machine(WrapDatabaseRef(ViewDatabase(state)));
    machine.ctx.cfg.disable_base_fee = true;
    machine.ctx.set_tx(env.clone());
    let rules = MainnetHandler::<_, EVMError<Infallible>, _>::default();
    let formal = rules.validate_env(&mut machine).and_then(|()| rules.validate_initial_tx_gas(&mut machine));
    if let Err(EVMError::Transaction(invalid)) = formal {
        return Err(PoolError::Invalid(invalid));
    }
    let account = state.account(&env.caller).unwrap_or_default();
    if env.nonce < account.nonce {
        return Err(PoolError::NonceTooLow { next: account.nonce, nonce: env.nonce });
    }
    if account.has_code() && !state.code(&account.code_hash).is_eip7702() {
        return Err(PoolError::SenderHasCode(env.caller));
    }
    let cost = U256::from(env.gas_limit).saturating_mul(U256::from(env.gas_price)).saturating_add(env.value);
    if cost > account.balance {
        return Err(PoolError::Funds { balance: account.balance, cost });
    }
    Ok(())
}

fn outbids(new: &Transaction, old: &Transaction) -> bool {
    let more = |new: u128, old: u128| new >= old.saturating_add((old.saturating_mul(REPLACEMENT_PERCENT) / 100).max(1));
    let priority = |transaction: &Transaction| transaction.env().gas_priority_fee.unwrap_or(transaction.env().gas_price);
    more(new.env().gas_price, old.env().gas_price) && more(priority(new), priority(old))
}

/// In the words that clients know from geth.
#[expect(clippy::wildcard_enum_match_arm, reason = "the machine's own words serve for the rest")]
fn text(invalid: &InvalidTransaction) -> String {
    match invalid {
        InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit }
        | InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor: initial_gas, gas_limit } => {
            format!("intrinsic gas too low: gas {gas_limit}, minimum needed {initial_gas}")
        }
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => "max priority fee per gas higher than max fee per gas".into(),
        InvalidTransaction::InvalidChainId => "invalid chain id for signer".into(),
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
        other => other.to_string(),
    }
}
