//! Keys that sign transactions: for tests, benchmarks and development chains. No key of value belongs here.

use crate::ethereum::{Address, B256, Genesis, GenesisAccount, SignableTransaction, Signature, TxEnvelope, U256, keccak256};
use crate::transaction::Transaction;
use k256::ecdsa::SigningKey;

/// A secp256k1 key with its address.
#[derive(Clone, Debug)]
pub struct Wallet {
    key: SigningKey,
    address: Address,
}

impl Wallet {
    /// The key that is the hash of a number. Anybody can compute it.
    pub fn numbered(number: u64) -> Self {
        let mut seed = keccak256(number.to_be_bytes());
        loop {
            // One hash in 2^128 is no key.
            if let Ok(key) = SigningKey::from_slice(seed.as_slice()) {
                let point = key.verifying_key().to_encoded_point(false);
                let address = Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..]);
                return Self { key, address };
            }
            seed = keccak256(seed);
        }
    }

    /// Its account.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The key itself, for tools that sign on their own.
    pub fn secret(&self) -> B256 {
        B256::from_slice(&self.key.to_bytes())
    }

    /// Signs; the sender needs no recovery afterwards. `None` if the key cannot sign this hash, which no hash is known to make happen.
    pub fn sign<T>(&self, transaction: T) -> Option<Transaction>
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<crate::ethereum::Signed<T>>,
    {
        let hash = transaction.signature_hash();
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash.as_slice()).ok()?;
        let (r, s) = signature.split_bytes();
        let signature = Signature::new(U256::from_be_slice(&r), U256::from_be_slice(&s), recovery.is_y_odd());
        Some(Transaction::sent_by(transaction.into_signed(signature).into(), self.address))
    }
}

/// Accounts of the development chain with funds.
pub const DEV_ACCOUNTS: u64 = 10;
/// Its chain id.
pub const DEV_CHAIN_ID: u64 = 7_546;

/// The genesis of a chain to develop against: [`DEV_ACCOUNTS`] numbered wallets with a million ether each, Osaka from the start.
pub fn dev_genesis() -> Genesis {
    let balance = U256::from(1_000_000u64) * U256::from(10u64.pow(18));
    let mut genesis = Genesis { gas_limit: 60_000_000, ..Genesis::default() };
    genesis.config.chain_id = DEV_CHAIN_ID;
    genesis.config.osaka_time = Some(0);
    genesis.config.terminal_total_difficulty = Some(U256::ZERO);
    genesis.config.terminal_total_difficulty_passed = true;
    for number in 0..DEV_ACCOUNTS {
        genesis.alloc.insert(Wallet::numbered(number).address(), GenesisAccount { balance, ..GenesisAccount::default() });
    }
    genesis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::{Encodable2718, TxKind, TxLegacy};

    #[test]
    fn a_signed_transaction_is_recovered_to_its_signer() {
        let wallet = Wallet::numbered(1);
        let transaction =
            TxLegacy { chain_id: Some(5), to: TxKind::Call(wallet.address()), gas_limit: 21_000, ..TxLegacy::default() };
        let signed = wallet.sign(transaction).unwrap();
        let decoded = Transaction::decode(&signed.envelope().encoded_2718()).unwrap();
        assert_eq!(decoded.sender(), wallet.address());
        assert_eq!(decoded.hash(), signed.hash());
    }
}
