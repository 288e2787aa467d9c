//! `eth_getLogs`.

use super::answer::log;
use super::error::{Answer, invalid, limit, unknown_block};
use super::params::BlockName;
use crate::chain::Chain;
use crate::ethereum::{Address, B256, Bloom, BloomInput, Log};
use crate::limits::{LOGS_BLOCKS_MAX, LOGS_MAX};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filter {
    from_block: Option<BlockName>,
    to_block: Option<BlockName>,
    block_hash: Option<B256>,
    address: Option<OneOrMany<Address>>,
    topics: Vec<Option<OneOrMany<B256>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: PartialEq> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// Of nothing means of anything.
    fn allows(&self, value: &T) -> bool {
        self.as_slice().is_empty() || self.as_slice().contains(value)
    }
}

impl Filter {
    fn matches(&self, log: &Log) -> bool {
        let topics = log.data.topics();
        self.address.as_ref().is_none_or(|addresses| addresses.allows(&log.address))
            && self.topics.len() <= topics.len()
            && self.topics.iter().zip(topics).all(|(allowed, topic)| allowed.as_ref().is_none_or(|allowed| allowed.allows(topic)))
    }

    /// Whether a block with this bloom may hold a match.
    fn may_match(&self, bloom: &Bloom) -> bool {
        let any = |words: &[&[u8]]| words.is_empty() || words.iter().any(|word| bloom.contains_input(BloomInput::Raw(word)));
        let addresses = self.address.as_ref().map(OneOrMany::as_slice).unwrap_or_default();
        any(&addresses.iter().map(|address| address.as_slice()).collect::<Vec<_>>())
            && self
                .topics
                .iter()
                .flatten()
                .all(|topics| any(&topics.as_slice().iter().map(|topic| topic.as_slice()).collect::<Vec<_>>()))
    }
}

pub(super) fn logs(chain: &Chain, filter: &Filter) -> Answer {
    let number = |name: &Option<BlockName>| {
        let name = name.clone().unwrap_or_default();
        name.find(chain)?.map(|named| named.number).ok_or_else(|| unknown_block("unknown block"))
    };
    let (from, to) = match filter.block_hash {
        Some(_) if filter.from_block.is_some() || filter.to_block.is_some() => {
            return Err(invalid("cannot specify both blockHash and fromBlock/toBlock, choose one or the other"));
        }
        Some(hash) => {
            let block = chain.blocks().by_hash(&hash).ok_or_else(|| unknown_block("unknown block"))?;
            (block.record.block.header.number, block.record.block.header.number)
        }
        None => (number(&filter.from_block)?, number(&filter.to_block)?),
    };
    if from > to {
        return Err(invalid("invalid block range params"));
    }
    if to - from >= LOGS_BLOCKS_MAX {
        return Err(limit(format!("block range of {} exceeds {LOGS_BLOCKS_MAX}", to - from + 1)));
    }
    let mut found = Vec::new();
    for block in (from..=to).filter_map(|number| chain.blocks().by_number(number)) {
        if !filter.may_match(&block.record.block.header.logs_bloom) {
            continue;
        }
        let mut log_index = 0;
        for (index, receipt) in block.record.receipts.iter().enumerate() {
            for entry in receipt.logs() {
                if filter.matches(entry) {
                    if found.len() == LOGS_MAX {
                        return Err(limit(format!("query returns more than {LOGS_MAX} results")));
                    }
                    found.push(log(block, index, log_index, entry));
                }
                log_index += 1;
            }
        }
    }
    Ok(Value::Array(found))
}
