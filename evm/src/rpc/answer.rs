//! Blocks, transactions, receipts and logs as JSON.

use crate::chain::{Location, Sealed};
use crate::ethereum::{B256, Encodable, Log, ReceiptEnvelope, TransactionFields, TxEnvelope, TxKind, TxReceipt};
use serde_json::{Map, Value, json};

pub(super) fn hex(number: impl Into<u128>) -> Value {
    Value::String(format!("{:#x}", number.into()))
}

/// A value whose serialisation cannot fail: alloy's own JSON of it.
fn object(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => Map::new(),
    }
}

pub(super) fn block(sealed: &Sealed, full: bool) -> Value {
    let block = &sealed.record.block;
    let mut answer = object(&block.header);
    answer.insert("hash".into(), json!(sealed.hash));
    answer.insert("size".into(), hex(block.length() as u64));
    answer.insert("uncles".into(), json!([]));
    answer.insert("withdrawals".into(), json!(block.body.withdrawals));
    let transactions = block.body.transactions.iter().enumerate();
    let transactions = transactions
        .map(|(index, transaction)| if full { transaction_in(sealed, index) } else { json!(transaction.tx_hash()) })
        .collect();
    answer.insert("transactions".into(), Value::Array(transactions));
    Value::Object(answer)
}

/// The transaction at a place of a block; null if there is none.
pub(super) fn transaction_in(sealed: &Sealed, index: usize) -> Value {
    let (Some(transaction), Some(sender)) = (sealed.record.block.body.transactions.get(index), sealed.record.senders.get(index))
    else {
        return Value::Null;
    };
    let header = &sealed.record.block.header;
    let mut answer = object(transaction);
    answer.insert("from".into(), json!(sender));
    answer.insert("blockHash".into(), json!(sealed.hash));
    answer.insert("blockNumber".into(), hex(header.number));
    answer.insert("blockTimestamp".into(), hex(header.timestamp));
    answer.insert("transactionIndex".into(), hex(index as u64));
    answer.insert("gasPrice".into(), hex(transaction.effective_gas_price(header.base_fee_per_gas)));
    Value::Object(answer)
}

/// A transaction that waits.
pub(super) fn waiting(transaction: &crate::transaction::Transaction) -> Value {
    let envelope: &TxEnvelope = transaction.envelope();
    let mut answer = object(envelope);
    answer.insert("from".into(), json!(transaction.sender()));
    answer.insert("blockHash".into(), Value::Null);
    answer.insert("blockNumber".into(), Value::Null);
    answer.insert("transactionIndex".into(), Value::Null);
    answer.insert("gasPrice".into(), hex(envelope.max_fee_per_gas()));
    Value::Object(answer)
}

pub(super) fn receipt(sealed: &Sealed, place: Location) -> Value {
    let record = &sealed.record;
    let header = &record.block.header;
    let (Some(transaction), Some(receipt), Some(sender)) =
        (record.block.body.transactions.get(place.index), record.receipts.get(place.index), record.senders.get(place.index))
    else {
        return Value::Null;
    };
    let before = place.index.checked_sub(1).and_then(|index| record.receipts.get(index));
    let gas_before = before.map_or(0, TxReceipt::cumulative_gas_used);
    let contract = match transaction.kind() {
        TxKind::Create => Some(sender.create(transaction.nonce())),
        TxKind::Call(_) => None,
    };
    let first_log = log_offset(sealed, place.index);
    let logs: Vec<Value> =
        receipt.logs().iter().enumerate().map(|(at, entry)| log(sealed, place.index, first_log + at, entry)).collect();
    json!({
        "type": hex(u64::from(receipt.tx_type() as u8)),
        "status": hex(u64::from(receipt.status())),
        "transactionHash": transaction.tx_hash(),
        "transactionIndex": hex(place.index as u64),
        "blockHash": sealed.hash,
        "blockNumber": hex(header.number),
        "from": sender,
        "to": transaction.to(),
        "contractAddress": contract,
        "cumulativeGasUsed": hex(receipt.cumulative_gas_used()),
        "gasUsed": hex(receipt.cumulative_gas_used() - gas_before),
        "effectiveGasPrice": hex(transaction.effective_gas_price(header.base_fee_per_gas)),
        "logsBloom": receipt.logs_bloom(),
        "logs": logs,
    })
}

/// Logs in the block before those of a transaction.
pub(super) fn log_offset(sealed: &Sealed, index: usize) -> usize {
    sealed.record.receipts.iter().take(index).map(|receipt: &ReceiptEnvelope| receipt.logs().len()).sum()
}

pub(super) fn log(sealed: &Sealed, index: usize, log_index: usize, log: &Log) -> Value {
    let transaction: Option<&B256> = sealed.record.block.body.transactions.get(index).map(|transaction| transaction.tx_hash());
    json!({
        "address": log.address,
        "topics": log.data.topics(),
        "data": log.data.data,
        "blockHash": sealed.hash,
        "blockNumber": hex(sealed.record.block.header.number),
        "blockTimestamp": hex(sealed.record.block.header.timestamp),
        "transactionHash": transaction,
        "transactionIndex": hex(index as u64),
        "logIndex": hex(log_index as u64),
        "removed": false,
    })
}
