//! Ethereum's vocabulary, pinned: every name of alloy this crate uses enters here.

pub use alloy_consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS};
pub use alloy_consensus::proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root};
pub use alloy_consensus::transaction::{SignerRecoverable, Transaction as TransactionFields};
pub use alloy_consensus::{
    Block, BlockBody, Eip658Value, Header, Receipt, ReceiptEnvelope, SignableTransaction, Signed, TxEip1559, TxEip2930,
    TxEip4844Variant, TxEnvelope, TxLegacy, TxReceipt, TxType, Typed2718,
};
pub use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
pub use alloy_eips::eip2718::{Decodable2718, Encodable2718};
pub use alloy_eips::eip2930::{AccessList, AccessListItem};
pub use alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
pub use alloy_eips::eip4788::BEACON_ROOTS_ADDRESS;
pub use alloy_eips::eip4895::{Withdrawal, Withdrawals};
pub use alloy_eips::eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS;
pub use alloy_eips::eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE};
pub use alloy_eips::eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE};
pub use alloy_eips::eip7702::Authorization;
pub use alloy_eips::eip7840::BlobParams;
pub use alloy_genesis::{Genesis, GenesisAccount};
pub use alloy_primitives::map::{AddressMap, B256Map, HashMap};
pub use alloy_primitives::{
    Address, B64, B256, Bloom, BloomInput, Bytes, KECCAK256_EMPTY, Log, LogData, Signature, TxKind, U64, U256, address, b256, hex,
    keccak256,
};
pub use alloy_rlp::{Decodable, Encodable, Error as RlpError, Header as RlpHeader};
pub use alloy_rpc_types_eth::BlockOverrides;
pub use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
pub use alloy_rpc_types_trace::geth::{DefaultFrame, GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace};
pub use alloy_trie::nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode};
pub use alloy_trie::proof::verify_proof;
pub use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount, TrieMask};
