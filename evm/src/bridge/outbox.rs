//! A block's outbox: the bridge's logs, in block order.

use super::contracts::BRIDGE;
use super::inbox::address;
use crate::ethereum::{Address, B256, Log, ReceiptEnvelope, U256, keccak256};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address as ZoneAddress, OutboxMessage, Party};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static SENT: LazyLock<B256> = LazyLock::new(|| keccak256("Sent(uint16,address,uint16,uint64,uint128,bytes32,uint64)"));

/// A log of the bridge that no bridge writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log {index} of the bridge is none of its messages")]
pub struct OutboxError {
    /// Its place among the block's logs.
    pub index: usize,
}

/// The messages that a block with these receipts sends.
pub fn messages(receipts: &[ReceiptEnvelope]) -> Result<Vec<OutboxMessage>, OutboxError> {
    let logs = receipts.iter().flat_map(|receipt| receipt.logs()).enumerate();
    let sent = logs.filter(|(_, log)| log.address == BRIDGE);
    sent.map(|(index, log)| message(log).ok_or(OutboxError { index })).collect()
}

fn message(log: &Log) -> Option<OutboxMessage> {
    let [signature, to_zone, sender, asset] = log.data.topics() else { return None };
    let data: &[u8; 128] = log.data.data.as_ref().try_into().ok()?;
    let word = |index: usize| U256::from_be_slice(&data[32 * index..32 * index + 32]);
    let number = |word: U256| u64::try_from(word).ok();
    let topic = |topic: &B256| number(U256::from_be_bytes(topic.0)).and_then(|number| u16::try_from(number).ok());
    if *signature != *SENT {
        return None;
    }
    let mut to = [0; 32];
    to.copy_from_slice(&data[64..96]);
    Some(OutboxMessage {
        channel_seq: number(word(0))?,
        to: Party { zone: ZoneId::new(topic(to_zone)?), address: ZoneAddress(to) },
        asset: AssetId::new(topic(asset)?),
        amount: u128::try_from(word(1)).ok().and_then(Amount::new)?,
        sender: address(Address::from_word(*sender)),
        expires_at: TimestampNs::new(number(word(3))?),
    })
}

/// The root of these messages, zero for none.
pub fn root(messages: &[OutboxMessage]) -> Digest {
    if messages.is_empty() { Digest::ZERO } else { Digest(Sha256::digest(OutboxMessage::list_bytes(messages)).into()) }
}

/// What they take out, by asset, ascending. `None` if a sum is no amount, which more than there is would be.
pub fn totals(messages: &[OutboxMessage]) -> Option<Vec<AssetAmount>> {
    let mut totals: BTreeMap<AssetId, u128> = BTreeMap::new();
    for message in messages {
        // At most 256 amounts below 2^121.
        *totals.entry(message.asset).or_default() += message.amount.units();
    }
    totals.into_iter().map(|(asset, units)| Amount::new(units).map(|amount| AssetAmount { asset, amount })).collect()
}
