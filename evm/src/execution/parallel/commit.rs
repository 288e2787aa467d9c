//! Commits in block order: check what was read, then write.

use super::database::Reads;
use super::keys::{account_key, slot_key};
use super::overlay::{NotASum, Overlay};
use super::transfer::{PlainTransfer, TRANSFER_GAS};
use crate::ethereum::{Address, Bytes, U256};
use crate::execution::context::GAS_PER_BLOB;
use crate::execution::effects::{AccountWrite, Writes};
use crate::execution::{BlockContext, Ending, Rejection, TransactionResult};
use crate::machine::TxEnv;
use crate::state::{AccountState, StateView};

/// Entries of [`Commits::last_write`]: a table that stays in the processor's cache.
const LAST_WRITE_SIZE: usize = 1 << 14;

/// What a worker hands in.
#[derive(Debug)]
pub(super) struct Outcome {
    /// How many transactions were committed when it started.
    pub(super) started_at: u32,
    pub(super) effect: Effect,
}

#[derive(Debug)]
pub(super) enum Effect {
    /// A plain transfer: what its sender was, and what it becomes.
    Transfer { transfer: PlainTransfer, before: AccountState, after: AccountState },
    /// Executed by the machine, or refused by it; the fee is what it did not pay itself.
    Executed { reads: Reads, result: Result<TransactionResult, Rejection>, writes: Writes, fee: Option<U256> },
}

/// What the commit found.
pub(super) enum Verdict {
    Committed,
    /// A value it read has changed: execute again.
    Stale,
    /// The recipient of a plain transfer is no plain account any more: let the machine do it.
    NotPlain,
}

pub(super) struct Commits<'a> {
    context: &'a BlockContext,
    /// Next to commit.
    pub(super) next: u32,
    pub(super) gas_used: u64,
    pub(super) blob_gas_used: u64,
    pub(super) results: Vec<Result<TransactionResult, Rejection>>,
    /// For each key, by its low bits: one more than the last transaction that wrote it (or a key like it). A read that began after that
    /// transaction was committed needs no comparison.
    last_write: Box<[u32]>,
    /// The same for the last wipe of a whole storage.
    last_wipe: u32,
    /// Fees not yet added to the beneficiary's balance; `Some` even if they are nothing, since the payment touches the account.
    fees: Option<U256>,
}

impl<'a> Commits<'a> {
    pub(super) fn new(context: &'a BlockContext, transactions: usize) -> Self {
        Self {
            context,
            next: 0,
            gas_used: 0,
            blob_gas_used: 0,
            results: Vec::with_capacity(transactions),
            last_write: vec![0; LAST_WRITE_SIZE].into_boxed_slice(),
            last_wipe: 0,
            fees: None,
        }
    }

    /// Commits transaction `self.next`, or says why not; then nothing is changed.
    pub(super) fn commit<S: StateView>(&mut self, overlay: &Overlay<'_, S>, tx: &TxEnv, outcome: &mut Outcome) -> Verdict {
        // Whatever it would have done: a transaction without room is left out, and what it read no longer matters.
        if let Err(rejection) = self.context.room(tx, self.gas_used, self.blob_gas_used) {
            self.finish(tx, Err(rejection));
            return Verdict::Committed;
        }
        let started_at = outcome.started_at;
        match &mut outcome.effect {
            Effect::Transfer { transfer, before, after } => {
                let (transfer, before, after) = (*transfer, *before, *after);
                let sender_key = account_key(&transfer.sender);
                if self.written_since(sender_key, started_at) && overlay.account(&transfer.sender) != Some(before) {
                    return Verdict::Stale;
                }
                if let Err(NotASum) = overlay.add_balance(&transfer.recipient, transfer.value()) {
                    return Verdict::NotPlain;
                }
                overlay.write_account(&AccountWrite { address: transfer.sender, account: Some(after), wiped: false });
                self.mark(sender_key);
                self.mark(account_key(&transfer.recipient));
                self.pay(transfer.fee);
                let result = TransactionResult {
                    ending: Ending::Success,
                    gas_used: TRANSFER_GAS,
                    logs: Vec::new(),
                    output: Bytes::new(),
                    created: None,
                };
                self.finish(tx, Ok(result));
            }
            Effect::Executed { reads, result, writes, fee } => {
                if !self.still_true(overlay, reads, started_at) {
                    return Verdict::Stale;
                }
                let result = std::mem::replace(result, Err(Rejection::Machine(String::new())));
                if result.is_ok() {
                    self.write(overlay, std::mem::take(writes));
                    if let Some(fee) = *fee {
                        self.pay(fee);
                    }
                }
                self.finish(tx, result);
            }
        }
        Verdict::Committed
    }

    /// Adds the fees to the beneficiary's balance. The machine saturates there; so does this.
    pub(super) fn settle_fees<S: StateView>(&mut self, overlay: &Overlay<'_, S>) {
        let Some(fees) = self.fees.take() else { return };
        let beneficiary = self.context.env.beneficiary;
        let mut account = overlay.account(&beneficiary).unwrap_or_default();
        account.balance = account.balance.saturating_add(fees);
        overlay.write_account(&AccountWrite {
            address: beneficiary,
            account: (!account.is_empty()).then_some(account),
            wiped: false,
        });
        self.mark(account_key(&beneficiary));
    }

    fn pay(&mut self, fee: U256) {
        self.fees = Some(self.fees.unwrap_or_default().saturating_add(fee));
    }

    fn finish(&mut self, tx: &TxEnv, result: Result<TransactionResult, Rejection>) {
        if let Ok(result) = &result {
            self.gas_used += result.gas_used;
            self.blob_gas_used += tx.blob_hashes.len() as u64 * GAS_PER_BLOB;
        }
        self.results.push(result);
        self.next += 1;
    }

    fn still_true<S: StateView>(&mut self, overlay: &Overlay<'_, S>, reads: &Reads, started_at: u32) -> bool {
        if reads.has_account(&self.context.env.beneficiary) {
            self.settle_fees(overlay);
        }
        for (address, value) in &reads.accounts {
            if self.written_since(account_key(address), started_at) && overlay.account(address) != *value {
                return false;
            }
        }
        let wiped_since = self.last_wipe > started_at;
        let mut last: Option<(Address, u64)> = None;
        for (address, slot, value) in &reads.slots {
            let account = match last {
                Some((same, key)) if same == *address => key,
                Some(_) | None => account_key(address),
            };
            last = Some((*address, account));
            if (wiped_since || self.written_since(slot_key(account, slot), started_at)) && overlay.storage(address, slot) != *value
            {
                return false;
            }
        }
        true
    }

    fn write<S: StateView>(&mut self, overlay: &Overlay<'_, S>, writes: Writes) {
        overlay.insert_codes(writes.codes);
        for write in &writes.accounts {
            overlay.write_account(write);
            self.mark(account_key(&write.address));
            if write.wiped {
                self.last_wipe = self.next + 1;
            }
        }
        for (address, slot, value) in writes.slots {
            overlay.write_slot(address, slot, value);
            self.mark(slot_key(account_key(&address), &slot));
        }
    }

    fn mark(&mut self, key: u64) {
        self.last_write[key as usize % LAST_WRITE_SIZE] = self.next + 1;
    }

    fn written_since(&self, key: u64, started_at: u32) -> bool {
        self.last_write[key as usize % LAST_WRITE_SIZE] > started_at
    }
}
