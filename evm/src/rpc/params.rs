//! Reading parameters.

use super::error::{invalid, pruned, unknown_block};
use crate::chain::{Chain, HistoricState};
use crate::ethereum::{AccessList, Address, B256, Bytes, Header, TxKind, U256};
use crate::limits::CALL_GAS_MAX;
use crate::machine::TxEnv;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Positional parameters, taken one after another.
pub(super) struct Arguments {
    values: std::vec::IntoIter<Value>,
    position: usize,
}

impl Arguments {
    pub(super) fn of(params: &Params<'_>) -> Result<Self, ErrorObjectOwned> {
        let values: Option<Vec<Value>> = params.parse().map_err(|_| invalid("parameters must be an array"))?;
        Ok(Self { values: values.unwrap_or_default().into_iter(), position: 0 })
    }

    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, ErrorObjectOwned> {
        let position = self.position;
        self.optional()?.ok_or_else(|| invalid(format!("missing value for required argument {position}")))
    }

    pub(super) fn optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ErrorObjectOwned> {
        let position = self.position;
        self.position += 1;
        match self.values.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|error| invalid(format!("invalid argument {position}: {error}")))
            }
        }
    }
}

/// A block by number, tag or hash (EIP-1898).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum BlockName {
    Word(String),
    #[serde(rename_all = "camelCase")]
    Object {
        block_hash: Option<B256>,
        block_number: Option<String>,
    },
}

impl Default for BlockName {
    fn default() -> Self {
        Self::Word("latest".into())
    }
}

impl std::fmt::Display for BlockName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) | Self::Object { block_hash: None, block_number: Some(word) } => f.write_str(word),
            Self::Object { block_hash: Some(hash), .. } => write!(f, "{hash}"),
            Self::Object { block_hash: None, block_number: None } => f.write_str("without a name"),
        }
    }
}

/// What a block's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) number: u64,
    pub(super) pending: bool,
}

impl BlockName {
    /// `None`: there is no such block.
    pub(super) fn find(&self, chain: &Chain) -> Result<Option<Named>, ErrorObjectOwned> {
        let executed = |number| Named { number, pending: false };
        let word = match self {
            Self::Object { block_hash: Some(hash), .. } => {
                return Ok(chain.blocks().by_hash(hash).map(|block| executed(block.record.block.header.number)));
            }
            Self::Object { block_number: Some(word), .. } | Self::Word(word) => word,
            Self::Object { block_hash: None, block_number: None } => return Err(invalid("a block needs blockHash or blockNumber")),
        };
        match word.as_str() {
            "latest" => Ok(Some(executed(chain.header().number))),
            "pending" => Ok(Some(Named { number: chain.header().number, pending: true })),
            "earliest" => Ok(Some(executed(chain.blocks().first()))),
            tag @ ("safe" | "finalized") => {
                let finality = chain
                    .finality()
                    .ok_or_else(|| unknown_block(format!("{tag} block not found: settlement has not said how far it has come")))?;
                Ok(Some(executed(if tag == "safe" { finality.safe } else { finality.finalized })))
            }
            // A hash where a number may stand, as some clients send it.
            hash if hash.len() == 66 => {
                let hash: B256 = hash.parse().map_err(|_| invalid(format!("invalid block hash {hash}")))?;
                Ok(chain.blocks().by_hash(&hash).map(|block| executed(block.record.block.header.number)))
            }
            number => {
                let number = quantity(number).ok_or_else(|| invalid(format!("invalid block number {number}")))?;
                Ok(chain.blocks().by_number(number).map(|_| executed(number)))
            }
        }
    }

    /// The state after the block.
    pub(super) fn state<'a>(&self, chain: &'a Chain) -> Result<HistoricState<'a>, ErrorObjectOwned> {
        let named = self.find(chain)?.ok_or_else(|| unknown_block("header not found"))?;
        chain.state_at(named.number).ok_or_else(|| pruned(named.number))
    }

    /// The state, and the header whose environment a call sees.
    pub(super) fn surroundings<'a>(
        &self,
        chain: &'a Chain,
        now: u64,
        fees_to: Address,
    ) -> Result<(HistoricState<'a>, Header), ErrorObjectOwned> {
        let named = self.find(chain)?.ok_or_else(|| unknown_block("header not found"))?;
        let state = chain.state_at(named.number).ok_or_else(|| pruned(named.number))?;
        let header = if named.pending {
            chain.next_header(now, fees_to)
        } else {
            let block = chain.blocks().by_number(named.number).ok_or_else(|| unknown_block("header not found"))?;
            block.record.block.header.clone()
        };
        Ok((state, header))
    }
}

/// `0x` and hexadecimal digits without leading zeros; a leading zero is let pass, as geth does not but older clients send it.
fn quantity(text: &str) -> Option<u64> {
    text.strip_prefix("0x").filter(|digits| !digits.is_empty()).and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

/// A transaction to try.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Call {
    from: Option<Address>,
    to: Option<Address>,
    gas: Option<U256>,
    gas_price: Option<U256>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    value: Option<U256>,
    data: Option<Bytes>,
    input: Option<Bytes>,
    nonce: Option<U256>,
    access_list: Option<AccessList>,
    chain_id: Option<U256>,
}

impl Call {
    /// The gas asked for, at most [`CALL_GAS_MAX`].
    pub(super) fn gas(&self) -> Option<u64> {
        self.gas.map(|gas| u64::try_from(gas).unwrap_or(u64::MAX).min(CALL_GAS_MAX))
    }

    /// Whether it names one price per gas, as before EIP-1559.
    pub(super) const fn has_gas_price(&self) -> bool {
        self.gas_price.is_some()
    }

    /// Whether it names its nonce.
    pub(super) const fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    pub(super) fn env(&self, chain_id: u64, gas_limit: u64) -> Result<TxEnv, ErrorObjectOwned> {
        if let (Some(data), Some(input)) = (&self.data, &self.input)
            && data != input
        {
            return Err(invalid(
                "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data",
            ));
        }
        if self.gas_price.is_some() && (self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some()) {
            return Err(invalid("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"));
        }
        if let Some(other) = self.chain_id.filter(|other| *other != U256::from(chain_id)) {
            return Err(invalid(format!("chainId does not match node's (have={other}, want={chain_id})")));
        }
        let price = |price: Option<U256>| {
            price.map(|price| u128::try_from(price).map_err(|_| invalid("a fee per gas exceeds 128 bits"))).transpose()
        };
        let dynamic = self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some();
        let priority = price(self.max_priority_fee_per_gas)?;
        let max_fee = price(self.max_fee_per_gas.or(self.gas_price))?.or(priority).unwrap_or_default();
        let access_list = self.access_list.clone().unwrap_or_default();
        let tx_type = match (dynamic, access_list.is_empty()) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        Ok(TxEnv {
            tx_type,
            caller: self.from.unwrap_or_default(),
            gas_limit,
            gas_price: max_fee,
            gas_priority_fee: if dynamic { Some(priority.unwrap_or_default()) } else { None },
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value.unwrap_or_default(),
            data: self.input.clone().or_else(|| self.data.clone()).unwrap_or_default(),
            nonce: self.nonce.and_then(|nonce| u64::try_from(nonce).ok()).unwrap_or_default(),
            chain_id: Some(chain_id),
            access_list,
            ..TxEnv::default()
        })
    }
}
