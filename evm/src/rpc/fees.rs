//! What to pay.

use super::answer::hex;
use super::error::{Answer, invalid};
use super::params::{Arguments, BlockName};
use crate::chain::{Chain, Sealed};
use crate::ethereum::TransactionFields;
use crate::limits::FEE_HISTORY_BLOCKS_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

/// Suggested when no block says more: a place costs nothing here, but clients divide by it.
const PRIORITY_FEE_MIN: u128 = 1;
/// Blocks looked at for a suggestion.
const RECENT_BLOCKS: u64 = 20;
const PERCENTILES_MAX: usize = 100;

/// The median of what recent blocks paid the producer.
pub(super) fn priority_fee(chain: &Chain) -> u128 {
    let head = chain.header().number;
    let mut paid: Vec<u128> = (head.saturating_sub(RECENT_BLOCKS)..=head)
        .filter_map(|number| chain.blocks().by_number(number))
        .flat_map(|block| rewards(block))
        .map(|(reward, _)| reward)
        .collect();
    let middle = paid.len() / 2;
    if paid.is_empty() { PRIORITY_FEE_MIN } else { (*paid.select_nth_unstable(middle).1).max(PRIORITY_FEE_MIN) }
}

/// Price of a legacy transaction: it will pass for a few full blocks.
pub(super) fn gas_price(chain: &Chain) -> u128 {
    u128::from(next_base_fee(chain)) + priority_fee(chain)
}

/// Of the block after the head, in wei.
pub(super) fn next_base_fee(chain: &Chain) -> u64 {
    chain.next_header(0, chain.header().beneficiary).base_fee_per_gas.unwrap_or_default()
}

/// What each transaction paid the producer per gas, with the gas it used.
fn rewards(block: &Sealed) -> Vec<(u128, u64)> {
    let base_fee = block.record.block.header.base_fee_per_gas.unwrap_or_default();
    let mut before = 0;
    let transactions = block.record.block.body.transactions.iter().zip(&block.record.receipts);
    transactions
        .map(|(transaction, receipt)| {
            let used = receipt.cumulative_gas_used() - before;
            before = receipt.cumulative_gas_used();
            (transaction.effective_tip_per_gas(base_fee).unwrap_or_default(), used)
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

pub(super) fn history(chain: &Chain, mut arguments: Arguments) -> Answer {
    let count = match arguments.next::<Count>()? {
        Count::Number(count) => count,
        Count::Text(text) => text
            .strip_prefix("0x")
            .map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| invalid(format!("invalid block count {text}")))?,
    };
    let newest = arguments.next::<BlockName>()?.find(chain)?.ok_or_else(|| invalid("request beyond head block"))?.number;
    let percentiles: Vec<f64> = arguments.optional()?.unwrap_or_default();
    let rising = percentiles.windows(2).all(|pair| pair[0] <= pair[1])
        && percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile));
    if !rising || percentiles.len() > PERCENTILES_MAX {
        return Err(invalid("invalid reward percentile: at most 100 rising numbers from 0 to 100"));
    }
    let count = count.min(FEE_HISTORY_BLOCKS_MAX).min(newest - chain.blocks().first() + 1);
    if count == 0 {
        return Ok(json!({ "oldestBlock": "0x0", "gasUsedRatio": [] }));
    }
    let oldest = newest + 1 - count;
    let (mut base_fees, mut ratios, mut all_rewards, mut blob_ratios, mut blob_fees) = (vec![], vec![], vec![], vec![], vec![]);
    for number in oldest..=newest {
        let Some(block) = chain.blocks().by_number(number) else { continue };
        let header = &block.record.block.header;
        base_fees.push(hex(header.base_fee_per_gas.unwrap_or_default()));
        ratios.push(json!(header.gas_used as f64 / header.gas_limit.max(1) as f64));
        blob_fees.push(hex(1u64));
        blob_ratios.push(json!(0.0));
        all_rewards.push(Value::Array(at_percentiles(block, &percentiles).into_iter().map(hex).collect()));
    }
    let next = chain.blocks().by_number(newest + 1).map_or_else(
        || chain.next_header(0, chain.header().beneficiary).base_fee_per_gas,
        |block| block.record.block.header.base_fee_per_gas,
    );
    base_fees.push(hex(next.unwrap_or_default()));
    blob_fees.push(hex(1u64));
    let mut answer = json!({
        "oldestBlock": hex(oldest), "baseFeePerGas": base_fees, "gasUsedRatio": ratios,
        "baseFeePerBlobGas": blob_fees, "blobGasUsedRatio": blob_ratios,
    });
    if !percentiles.is_empty() {
        answer["reward"] = Value::Array(all_rewards);
    }
    Ok(answer)
}

/// Rewards at percentiles of the gas used.
fn at_percentiles(block: &Sealed, percentiles: &[f64]) -> Vec<u128> {
    let mut rewards = rewards(block);
    rewards.sort_unstable();
    let gas_used = block.record.block.header.gas_used as f64;
    percentiles
        .iter()
        .map(|percentile| {
            let threshold = gas_used * percentile / 100.0;
            let mut sum = 0.0;
            let reached = rewards.iter().find(|(_, used)| {
                sum += *used as f64;
                sum >= threshold
            });
            reached.or(rewards.last()).map_or(0, |(reward, _)| *reward)
        })
        .collect()
}
