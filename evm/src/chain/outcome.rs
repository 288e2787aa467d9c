//! What a block's execution says in its header.

use super::rules::BlockError;
use crate::ethereum::{Bloom, Eip658Value, Receipt, ReceiptEnvelope, TxType};
use crate::execution::TransactionResult;
use crate::transaction::Transaction;

pub(super) fn differs<T: PartialEq + std::fmt::Debug>(field: &'static str, header: &T, executed: &T) -> Result<(), BlockError> {
    if header == executed {
        Ok(())
    } else {
        Err(BlockError::Differs { field, header: format!("{header:?}"), executed: format!("{executed:?}") })
    }
}

pub(super) fn receipts(kept: &[(&Transaction, &TransactionResult)]) -> Vec<ReceiptEnvelope> {
    let mut cumulative_gas_used = 0;
    kept.iter()
        .map(|(transaction, result)| {
            cumulative_gas_used += result.gas_used;
            let status = Eip658Value::Eip658(result.is_success());
            let receipt = Receipt { status, cumulative_gas_used, logs: result.logs.clone() }.with_bloom();
            match transaction.kind() {
                TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
                TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
                TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
                TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
                TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
            }
        })
        .collect()
}

pub(super) fn bloom(receipts: &[ReceiptEnvelope]) -> Bloom {
    receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom())
}
