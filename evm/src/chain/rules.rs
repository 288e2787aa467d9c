//! What a header must say, given its parent.

use super::requests::RequestsError;
use crate::bridge::InboxError;
use crate::ethereum::{
    Address, B64, B256, BEACON_ROOTS_ADDRESS, BaseFeeParams, BlobParams, Block, BlockBody, EMPTY_OMMER_ROOT_HASH,
    HISTORY_STORAGE_ADDRESS, Header, TxEip4844Variant, TxEnvelope, U256, calc_next_block_base_fee, calculate_transaction_root,
    calculate_withdrawals_root,
};
use crate::execution::{BlockContext, BlockPlan, Rejection, SystemCall};
use crate::limits::BLOCK_RLP_BYTES_MAX;
use crate::machine::{BlobExcessGasAndPrice, BlockEnv, SpecId};
use crate::transaction::TransactionError;

const WEI_PER_GWEI: u64 = 1_000_000_000;
/// The least a block's gas limit may be.
const GAS_LIMIT_MIN: u64 = 5_000;
/// A gas limit moves by less than one part in this many.
const GAS_LIMIT_DIVISOR: u64 = 1_024;
const EXTRA_DATA_MAX: usize = 32;

/// The block is not valid.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// Its bytes.
    #[error("malformed block: {0}")]
    Malformed(String),
    /// Larger than [`BLOCK_RLP_BYTES_MAX`].
    #[error("block of {0} bytes exceeds {BLOCK_RLP_BYTES_MAX}")]
    TooLarge(usize),
    /// Its header.
    #[error("header: {0}")]
    Header(#[from] HeaderError),
    /// A transaction's signature or form.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Its place.
        index: usize,
        /// What is wrong.
        error: TransactionError,
    },
    /// A transaction that may not stand there.
    #[error("transaction {index} is invalid: {rejection}")]
    Rejected {
        /// Its place.
        index: usize,
        /// Why.
        rejection: Rejection,
    },
    /// The requests of the consensus layer.
    #[error(transparent)]
    Requests(#[from] RequestsError),
    /// The messages that it consumes.
    #[error("inbox: {0}")]
    Inbox(#[from] InboxError),
    /// Execution gives another value than the header says.
    #[error("{field} of the header is {header}, execution gives {executed}")]
    Differs {
        /// Which.
        field: &'static str,
        /// Said.
        header: String,
        /// Found.
        executed: String,
    },
}

/// A header that breaks a rule; the values are what it says and what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Extends another block than the head.
    #[error("parent {found} is not the head {expected}")]
    Parent {
        /// Said.
        found: B256,
        /// The head.
        expected: B256,
    },
    /// A field with exactly one right value.
    #[error("{field} is {found}, not {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// Said.
        found: String,
        /// Right.
        expected: String,
    },
    /// A field outside its bounds.
    #[error("{field} of {found} is out of bounds")]
    Bounds {
        /// Which.
        field: &'static str,
        /// Said.
        found: u64,
    },
    /// A field that Osaka's rules require or forbid.
    #[error("{0} must be {1}")]
    Presence(&'static str, &'static str),
}

/// What the parent decides of its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inherited {
    pub(super) number: u64,
    pub(super) base_fee: u64,
    pub(super) excess_blob_gas: u64,
}

impl Inherited {
    pub(super) fn from(parent: &Header) -> Self {
        let parent_base_fee = parent.base_fee_per_gas.unwrap_or_default();
        let base_fee = calc_next_block_base_fee(parent.gas_used, parent.gas_limit, parent_base_fee, BaseFeeParams::ethereum());
        let excess_blob_gas = BlobParams::osaka().next_block_excess_blob_gas_osaka(
            parent.excess_blob_gas.unwrap_or_default(),
            parent.blob_gas_used.unwrap_or_default(),
            parent_base_fee,
        );
        Self { number: parent.number + 1, base_fee, excess_blob_gas }
    }
}

/// Checks all that can be checked without executing.
pub(super) fn check(block: &Block<TxEnvelope>, bytes: usize, parent: &Header, parent_hash: B256) -> Result<(), BlockError> {
    if bytes > BLOCK_RLP_BYTES_MAX {
        return Err(BlockError::TooLarge(bytes));
    }
    // A blob's sidecar travels beside a block, never in it; the decoder takes both forms.
    let with_sidecar = |transaction: &TxEnvelope| matches!(transaction, TxEnvelope::Eip4844(signed) if matches!(signed.tx(), TxEip4844Variant::TxEip4844WithSidecar(_)));
    if block.body.transactions.iter().any(with_sidecar) {
        return Err(BlockError::Malformed("a blob transaction with its sidecar".into()));
    }
    let header = &block.header;
    if header.parent_hash != parent_hash {
        return Err(HeaderError::Parent { found: header.parent_hash, expected: parent_hash }.into());
    }
    let inherited = Inherited::from(parent);
    equal("number", header.number, inherited.number)?;
    equal("baseFeePerGas", header.base_fee_per_gas.ok_or(HeaderError::Presence("baseFeePerGas", "present"))?, inherited.base_fee)?;
    equal(
        "excessBlobGas",
        header.excess_blob_gas.ok_or(HeaderError::Presence("excessBlobGas", "present"))?,
        inherited.excess_blob_gas,
    )?;
    equal("difficulty", header.difficulty, U256::ZERO)?;
    equal("nonce", header.nonce, B64::ZERO)?;
    equal("sha3Uncles", header.ommers_hash, EMPTY_OMMER_ROOT_HASH)?;
    equal("uncles", block.body.ommers.len(), 0)?;
    let bounds = |field, found, holds: bool| if holds { Ok(()) } else { Err(HeaderError::Bounds { field, found }) };
    let gas_limit_step = parent.gas_limit / GAS_LIMIT_DIVISOR;
    bounds(
        "gasLimit",
        header.gas_limit,
        header.gas_limit >= GAS_LIMIT_MIN && header.gas_limit.abs_diff(parent.gas_limit) < gas_limit_step,
    )?;
    bounds("gasUsed", header.gas_used, header.gas_used <= header.gas_limit)?;
    bounds("timestamp", header.timestamp, header.timestamp > parent.timestamp)?;
    bounds("extraData", header.extra_data.len() as u64, header.extra_data.len() <= EXTRA_DATA_MAX)?;
    let blob_gas = header.blob_gas_used.ok_or(HeaderError::Presence("blobGasUsed", "present"))?;
    bounds("blobGasUsed", blob_gas, blob_gas <= BlobParams::osaka().max_blob_gas_per_block())?;
    header.parent_beacon_block_root.ok_or(HeaderError::Presence("parentBeaconBlockRoot", "present"))?;
    header.requests_hash.ok_or(HeaderError::Presence("requestsHash", "present"))?;
    if header.block_access_list_hash.is_some() || header.slot_number.is_some() {
        return Err(HeaderError::Presence("blockAccessListHash and slotNumber", "absent").into());
    }
    let withdrawals = block.body.withdrawals.as_ref().ok_or(HeaderError::Presence("withdrawals", "present"))?;
    let withdrawals_root = header.withdrawals_root.ok_or(HeaderError::Presence("withdrawalsRoot", "present"))?;
    equal("withdrawalsRoot", withdrawals_root, calculate_withdrawals_root(withdrawals))?;
    equal("transactionsRoot", header.transactions_root, calculate_transaction_root(&block.body.transactions))?;
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(field: &'static str, found: T, expected: T) -> Result<(), HeaderError> {
    if found == expected {
        Ok(())
    } else {
        Err(HeaderError::Field { field, found: format!("{found:?}"), expected: format!("{expected:?}") })
    }
}

/// Environment of a block with this header.
pub(super) fn context(header: &Header, chain_id: u64) -> BlockContext {
    let fraction = u64::try_from(BlobParams::osaka().update_fraction).unwrap_or(u64::MAX);
    let env = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(header.excess_blob_gas.unwrap_or_default(), fraction)),
        ..BlockEnv::default()
    };
    BlockContext::new(SpecId::OSAKA, chain_id, env)
}

/// What happens in a block beside its transactions: EIP-4788 and EIP-2935 before, withdrawals and `after` after.
pub(super) fn plan(header: &Header, body: &BlockBody<TxEnvelope>, chain_id: u64, after: &[Address]) -> BlockPlan {
    let beacon_root = header.parent_beacon_block_root.unwrap_or_default();
    let withdrawals = body.withdrawals.iter().flat_map(|withdrawals| withdrawals.iter());
    BlockPlan {
        context: context(header, chain_id),
        before: vec![
            SystemCall { target: BEACON_ROOTS_ADDRESS, input: beacon_root.to_vec().into() },
            SystemCall { target: HISTORY_STORAGE_ADDRESS, input: header.parent_hash.to_vec().into() },
        ],
        credits: withdrawals
            .map(|withdrawal| (withdrawal.address, U256::from(withdrawal.amount) * U256::from(WEI_PER_GWEI)))
            .collect(),
        after: after.iter().map(|target| SystemCall { target: *target, input: Default::default() }).collect(),
    }
}
