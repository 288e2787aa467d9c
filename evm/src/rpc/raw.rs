//! `debug_getRaw*`: blocks, headers, receipts and transactions as Ethereum encodes them.

use super::error::{Answer, server};
use super::params::{Arguments, BlockName};
use crate::chain::Sealed;
use crate::ethereum::{B256, Bytes, Encodable, Encodable2718};
use crate::node::Node;
use serde_json::{Value, json};

pub(super) fn block(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block| rlp(&block.record.block))
}

pub(super) fn header(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block| rlp(&block.record.block.header))
}

pub(super) fn receipts(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block| {
        json!(block.record.receipts.iter().map(|receipt| Bytes::from(receipt.encoded_2718())).collect::<Vec<_>>())
    })
}

/// `0x` if there is no such transaction, as geth says it.
pub(super) fn transaction(node: &Node, mut arguments: Arguments) -> Answer {
    let hash: B256 = arguments.next()?;
    let chain = node.chain();
    let place = chain.blocks().locate(&hash);
    let mined = place.and_then(|place| chain.blocks().by_number(place.number)?.record.block.body.transactions.get(place.index));
    let pool = node.pool();
    let found = mined.or_else(|| pool.get(&hash).map(|waiting| waiting.envelope()));
    Ok(json!(Bytes::from(found.map(Encodable2718::encoded_2718).unwrap_or_default())))
}

fn with_block(node: &Node, mut arguments: Arguments, encoded: impl Fn(&Sealed) -> Value) -> Answer {
    let name: BlockName = arguments.next()?;
    let chain = node.chain();
    let block = name.find(&chain)?.and_then(|named| chain.blocks().by_number(named.number));
    block.map(|block| encoded(block)).ok_or_else(|| server(format!("block {name} not found")))
}

fn rlp(value: &impl Encodable) -> Value {
    let mut bytes = Vec::with_capacity(value.length());
    value.encode(&mut bytes);
    json!(Bytes::from(bytes))
}
