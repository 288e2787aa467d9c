//! The zone's state as values: accounts, storage, code, and what a block changed of them.
//!
//! - [`StateView`] is all that execution asks of a state; it never fails, because the state lives in memory (see [`crate::store`]).
//! - An account that is empty (EIP-161: no balance, nonce, or code) does not exist after a transaction touched it.
//! - [`Changes`] is the difference a block makes. Applied to the state it was computed on, it gives the state after the block.

mod changes;
mod layered;
mod world;

pub use changes::{AccountChange, Changes};
pub use layered::Layered;
pub use world::{WorldAccount, WorldState};

use crate::ethereum::{Address, B256, KECCAK256_EMPTY, U256};
use crate::machine::{AccountInfo, Bytecode};

/// An account without its storage and the bytes of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// In wei.
    pub balance: U256,
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Keccak of the code; of nothing for an account without code.
    pub code_hash: B256,
}

impl Default for AccountState {
    fn default() -> Self {
        Self { balance: U256::ZERO, nonce: 0, code_hash: KECCAK256_EMPTY }
    }
}

impl AccountState {
    /// EIP-161: such an account is removed when touched.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && !self.has_code()
    }

    /// Whether it holds code (a contract, or an EIP-7702 delegation).
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY
    }
}

impl From<&AccountInfo> for AccountState {
    fn from(info: &AccountInfo) -> Self {
        // Old fixtures write a zero hash for "no code".
        let code_hash = if info.code_hash.is_zero() { KECCAK256_EMPTY } else { info.code_hash };
        Self { balance: info.balance, nonce: info.nonce, code_hash }
    }
}

impl From<AccountState> for AccountInfo {
    /// Without code: the machine asks for it by hash when it needs it.
    fn from(account: AccountState) -> Self {
        let none = Self::default();
        let code = if account.has_code() { None } else { none.code.clone() };
        Self { balance: account.balance, nonce: account.nonce, code_hash: account.code_hash, code, ..none }
    }
}

/// What execution reads. Implementations answer from memory and the same for the same question, as long as they are borrowed.
pub trait StateView: Sync {
    /// The account, if it exists.
    fn account(&self, address: &Address) -> Option<AccountState>;
    /// A storage slot; zero if it was never written.
    fn storage(&self, address: &Address, slot: &U256) -> U256;
    /// Whether any slot of the account is not zero.
    fn has_storage(&self, address: &Address) -> bool;
    /// Code by its hash; empty if unknown.
    fn code(&self, hash: &B256) -> Bytecode;
    /// Hash of an ancestor; zero outside the last 256 blocks.
    fn block_hash(&self, number: u64) -> B256;
}
