//! Plain transfers without the machine.
//!
//! A transfer of ether to an account without code runs no instruction: its sender pays, its recipient's balance grows, 21,000 gas are used.
//! That is decided here, and only where every rule is met; anything unusual is left to the machine, which then says what is wrong.
//! The recipient's new balance is a sum, so that a thousand payers of one shop do not wait for each other.

use super::overlay::Overlay;
use crate::ethereum::{Address, TxKind, U256};
use crate::execution::BlockContext;
use crate::machine::{SpecId, TransactionFields, TxEnv};
use crate::state::{AccountState, StateView};

/// Intrinsic gas of a transfer; the floor of EIP-7623 for empty calldata is the same.
pub(super) const TRANSFER_GAS: u64 = 21_000;

/// Addresses below this one may be precompiles.
const PRECOMPILES_BELOW: u64 = 0x1_0000;

/// What does not depend on state: a transaction that is nothing but a transfer, and what it costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlainTransfer {
    pub(super) sender: Address,
    pub(super) recipient: Address,
    value: U256,
    nonce: u64,
    /// What the sender must own.
    funds: U256,
    /// What it pays.
    cost: U256,
    /// The beneficiary's part.
    pub(super) fee: U256,
}

impl PlainTransfer {
    /// `None`: not a plain transfer, or one that some rule may refuse.
    pub(super) fn of(tx: &TxEnv, context: &BlockContext) -> Option<Self> {
        let cfg = &context.cfg;
        let env = &context.env;
        // The rules below are those from Prague on; the next fork charges transfers otherwise.
        if !matches!(cfg.spec, SpecId::PRAGUE | SpecId::OSAKA) || cfg.disable_nonce_check {
            return None;
        }
        let TxKind::Call(recipient) = tx.kind else { return None };
        let fees_known = match tx.tx_type {
            0 | 1 => tx.gas_priority_fee.is_none(),
            2 => tx.gas_priority_fee.is_some_and(|priority| priority <= tx.gas_price),
            _ => false,
        };
        let on_this_chain = tx.chain_id == Some(cfg.chain_id) || (tx.chain_id.is_none() && tx.tx_type == 0);
        let bare = tx.data.is_empty() && tx.access_list.is_empty() && tx.authorization_list.is_empty() && tx.blob_hashes.is_empty();
        let parties_differ = recipient != tx.caller && recipient != env.beneficiary && tx.caller != env.beneficiary;
        let within_gas = tx.gas_limit >= TRANSFER_GAS && tx.gas_limit <= env.gas_limit && tx.gas_limit <= gas_cap(cfg.spec);
        let base_fee = u128::from(env.basefee);
        let acceptable = fees_known && on_this_chain && bare && parties_differ && within_gas && tx.gas_price >= base_fee;
        if !acceptable || tx.nonce == u64::MAX || may_be_precompile(&recipient) {
            return None;
        }
        let price = tx.effective_gas_price(base_fee);
        let gas = U256::from(TRANSFER_GAS);
        let funds = U256::from(tx.gas_limit).checked_mul(U256::from(tx.gas_price))?.checked_add(tx.value)?;
        let cost = (gas * U256::from(price)).checked_add(tx.value)?;
        let fee = gas * U256::from(price - base_fee);
        Some(Self { sender: tx.caller, recipient, value: tx.value, nonce: tx.nonce, funds, cost, fee })
    }

    /// The sender before and after, if state allows the transfer.
    pub(super) fn apply<S: StateView>(&self, overlay: &Overlay<'_, S>) -> Option<(AccountState, AccountState)> {
        let before = overlay.account(&self.sender)?;
        let allowed = !before.has_code() && before.nonce == self.nonce && before.balance >= self.funds;
        if !allowed || overlay.account(&self.recipient).is_some_and(|recipient| recipient.has_code()) {
            return None;
        }
        Some((before, AccountState { balance: before.balance - self.cost, nonce: before.nonce + 1, ..before }))
    }

    pub(super) fn value(&self) -> U256 {
        self.value
    }
}

/// EIP-7825.
const fn gas_cap(spec: SpecId) -> u64 {
    if spec.is_enabled_in(SpecId::OSAKA) { 1 << 24 } else { u64::MAX }
}

fn may_be_precompile(address: &Address) -> bool {
    U256::from_be_slice(address.as_slice()) < U256::from(PRECOMPILES_BELOW)
}
