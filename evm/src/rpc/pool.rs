//! `txpool_*`: what waits for a block.

use super::answer::{hex, waiting};
use super::error::{Answer, limit};
use super::params::Arguments;
use crate::ethereum::{Address, TransactionFields};
use crate::limits::POOL_LISTED_MAX;
use crate::node::Node;
use crate::transaction::Transaction;
use serde_json::{Map, Value, json};

pub(super) fn status(node: &Node, _: Arguments) -> Answer {
    let chain = node.chain();
    let status = node.pool().status(chain.world());
    Ok(json!({ "pending": hex(status.pending as u64), "queued": hex(status.queued as u64) }))
}

pub(super) fn content(node: &Node, _: Arguments) -> Answer {
    by_sender(node, waiting)
}

pub(super) fn inspect(node: &Node, _: Arguments) -> Answer {
    by_sender(node, |transaction| {
        let tx = transaction.envelope();
        let to = tx.to().map_or_else(|| "contract creation".to_owned(), |to| to.to_string());
        json!(format!("{to}: {} wei + {} gas × {} wei", tx.value(), tx.gas_limit(), tx.max_fee_per_gas()))
    })
}

pub(super) fn content_from(node: &Node, mut arguments: Arguments) -> Answer {
    let sender: Address = arguments.next()?;
    let chain = node.chain();
    let (mut pending, mut queued) = (Map::new(), Map::new());
    for (transaction, ready) in node.pool().waiting(chain.world(), Some(&sender)) {
        let part = if ready { &mut pending } else { &mut queued };
        part.insert(transaction.env().nonce.to_string(), waiting(transaction));
    }
    Ok(json!({ "pending": pending, "queued": queued }))
}

/// Two maps from sender to nonce to what `show` says.
fn by_sender(node: &Node, show: impl Fn(&Transaction) -> Value) -> Answer {
    let chain = node.chain();
    let (mut pending, mut queued) = (Map::new(), Map::new());
    for (count, (transaction, ready)) in node.pool().waiting(chain.world(), None).enumerate() {
        if count == POOL_LISTED_MAX {
            return Err(limit(format!("more than {POOL_LISTED_MAX} transactions wait; ask for one sender's (txpool_contentFrom)")));
        }
        let part = if ready { &mut pending } else { &mut queued };
        let of_sender = part.entry(transaction.sender().to_string()).or_insert_with(|| json!({}));
        of_sender[transaction.env().nonce.to_string()] = show(transaction);
    }
    Ok(json!({ "pending": pending, "queued": queued }))
}
