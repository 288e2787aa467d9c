//! A transaction from its bytes to what the machine runs.
//!
//! - Decoding and the recovery of signatures happen once, at admission or import, in batches over the executor's threads; nothing recovers a
//!   signature inside a block. EIP-7702 authorities are recovered at the same time.
//! - A signature with a high `s` is refused (EIP-2).

use crate::ethereum::{Address, B256, Decodable2718, SignerRecoverable, TransactionFields, TxEnvelope, TxType};
use crate::execution::parallel::Pool;
use crate::machine::{Either, RecoveredAuthority, RecoveredAuthorization, TxEnv};

/// A decoded transaction whose sender is known.
#[derive(Clone, Debug)]
pub struct Transaction {
    envelope: TxEnvelope,
    hash: B256,
    env: TxEnv,
}

/// The bytes are no transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// They do not decode.
    #[error("not a transaction: {0}")]
    Encoding(String),
    /// They decode, and more follows.
    #[error("{0} bytes after the transaction")]
    Trailing(usize),
    /// No key can have made the signature.
    #[error("invalid signature")]
    Signature,
}

impl Transaction {
    /// Decodes the network or block form (EIP-2718) and recovers the sender.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, TransactionError> {
        let envelope = TxEnvelope::decode_2718(&mut bytes).map_err(|error| TransactionError::Encoding(error.to_string()))?;
        if !bytes.is_empty() {
            return Err(TransactionError::Trailing(bytes.len()));
        }
        Self::recover(envelope)
    }

    /// Recovers the sender.
    pub fn recover(envelope: TxEnvelope) -> Result<Self, TransactionError> {
        let sender = envelope.recover_signer().map_err(|_| TransactionError::Signature)?;
        Ok(Self::sent_by(envelope, sender))
    }

    /// Recovers a batch, in order.
    pub fn recover_all(envelopes: Vec<TxEnvelope>, pool: &Pool) -> Vec<Result<Self, TransactionError>> {
        pool.for_each(envelopes, Self::recover)
    }

    /// Takes the sender's word. For senders recovered before.
    pub fn sent_by(envelope: TxEnvelope, sender: Address) -> Self {
        let hash = *envelope.tx_hash();
        let env = env(&envelope, sender);
        Self { envelope, hash, env }
    }

    /// As signed.
    pub const fn envelope(&self) -> &TxEnvelope {
        &self.envelope
    }

    /// Its hash.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// Who signed.
    pub const fn sender(&self) -> Address {
        self.env.caller
    }

    /// As the machine takes it.
    pub const fn env(&self) -> &TxEnv {
        &self.env
    }

    /// Legacy, access list, dynamic fee, blob, delegation.
    pub const fn kind(&self) -> TxType {
        self.envelope.tx_type()
    }
}

fn env(tx: &TxEnvelope, sender: Address) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default().iter().map(|signed| {
        let authority = signed.recover_authority().map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
        Either::Right(RecoveredAuthorization::new_unchecked(signed.inner().clone(), authority))
    });
    TxEnv {
        tx_type: tx.tx_type() as u8,
        caller: sender,
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: tx.blob_versioned_hashes().map(<[B256]>::to_vec).unwrap_or_default(),
        max_fee_per_blob_gas: tx.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: authorizations.collect(),
    }
}
