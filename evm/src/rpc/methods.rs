//! The methods, by name.

use super::answer::{self, hex};
use super::error::{self, Answer, limit, unknown_block};
use super::logs::{Filter, logs};
use super::params::{Arguments, BlockName};
use super::{call, fees, params, pool, raw, simulate, trace};
use crate::chain::{Chain, HistoricState, Location, Sealed};
use crate::ethereum::{Address, B256, Bytes, U256, keccak256};
use crate::limits::{PROOF_SLOTS_MAX, TRACES_AT_ONCE_MAX};
use crate::node::Node;
use crate::state::StateView;
use crate::transaction::Transaction;
use jsonrpsee::RpcModule;
use jsonrpsee::server::RegisterMethodError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const CLIENT: &str = concat!("plinth-evm/", env!("CARGO_PKG_VERSION"));
/// How long `eth_sendRawTransactionSync` waits for the receipt.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);

type Method = fn(&Node, Arguments) -> Answer;

const METHODS: &[(&str, Method)] = &[
    ("web3_clientVersion", |_, _| Ok(json!(CLIENT))),
    ("web3_sha3", |_, mut arguments| Ok(json!(keccak256(arguments.next::<Bytes>()?)))),
    ("net_version", |node, _| Ok(json!(node.chain().chain_id().to_string()))),
    ("net_listening", |_, _| Ok(json!(true))),
    ("net_peerCount", |_, _| Ok(json!("0x0"))),
    ("eth_chainId", |node, _| Ok(hex(node.chain().chain_id()))),
    ("eth_syncing", |_, _| Ok(json!(false))),
    ("eth_accounts", |_, _| Ok(json!([]))),
    ("eth_coinbase", |node, _| Ok(json!(node.fees_to()))),
    ("eth_blockNumber", |node, _| Ok(hex(node.chain().header().number))),
    ("eth_gasPrice", |node, _| Ok(hex(fees::gas_price(&node.chain())))),
    ("eth_baseFee", |node, _| Ok(hex(fees::next_base_fee(&node.chain())))),
    ("eth_maxPriorityFeePerGas", |node, _| Ok(hex(fees::priority_fee(&node.chain())))),
    ("eth_blobBaseFee", |_, _| Ok(json!("0x1"))),
    ("eth_feeHistory", |node, arguments| fees::history(&node.chain(), arguments)),
    ("eth_getBalance", |node, arguments| {
        account(node, arguments, |state, address| json!(state.account(&address).unwrap_or_default().balance))
    }),
    ("eth_getCode", |node, arguments| account(node, arguments, code)),
    ("eth_getTransactionCount", transaction_count),
    ("eth_getStorageAt", storage_at),
    ("eth_getProof", proof),
    ("eth_call", call::call),
    ("eth_estimateGas", call::estimate_gas),
    ("eth_createAccessList", call::access_list),
    ("eth_sendRawTransaction", |node, mut arguments| send(node, &arguments.next::<Bytes>()?).map(|hash| json!(hash))),
    ("eth_getTransactionByHash", transaction_by_hash),
    ("eth_getTransactionReceipt", |node, mut arguments| Ok(receipt(&node.chain(), &arguments.next()?))),
    ("eth_getBlockReceipts", |node, arguments| {
        with_block(node, arguments, |block, _| {
            let number = block.record.block.header.number;
            let places = (0..block.record.receipts.len()).map(|index| Location { number, index });
            Ok(Value::Array(places.map(|place| answer::receipt(block, place)).collect()))
        })
    }),
    ("eth_getBlockByNumber", block_by_name),
    ("eth_getBlockByHash", block_by_name),
    ("eth_getBlockTransactionCountByNumber", transactions_in_block),
    ("eth_getBlockTransactionCountByHash", transactions_in_block),
    ("eth_getTransactionByBlockNumberAndIndex", transaction_in_block),
    ("eth_getTransactionByBlockHashAndIndex", transaction_in_block),
    ("eth_getLogs", |node, mut arguments| logs(&node.chain(), &arguments.next::<Filter>()?)),
    ("txpool_status", pool::status),
    ("txpool_content", pool::content),
    ("txpool_contentFrom", pool::content_from),
    ("txpool_inspect", pool::inspect),
    ("debug_getRawBlock", raw::block),
    ("debug_getRawHeader", raw::header),
    ("debug_getRawReceipts", raw::receipts),
    ("debug_getRawTransaction", raw::transaction),
];

/// Those that take long and much memory: [`TRACES_AT_ONCE_MAX`] at a time, the others wait.
const HEAVY: &[(&str, Method)] = &[
    ("eth_simulateV1", simulate::simulate),
    ("debug_traceTransaction", trace::transaction),
    ("debug_traceCall", trace::call),
    ("debug_traceBlockByNumber", trace::block),
    ("debug_traceBlockByHash", trace::block),
];

pub(super) fn module(node: Arc<Node>) -> Result<RpcModule<Arc<Node>>, RegisterMethodError> {
    let mut module = RpcModule::new(node);
    for (name, method) in METHODS {
        // Off the network's threads: a call may take a while, and the chain's lock is held by whoever builds.
        module.register_blocking_method(name, move |params, node, _| method(&node, Arguments::of(&params)?))?;
    }
    let turns = Arc::new(Semaphore::new(TRACES_AT_ONCE_MAX));
    for (name, method) in HEAVY {
        let turns = Arc::clone(&turns);
        module.register_async_method(name, move |params, node, _| {
            let turns = Arc::clone(&turns);
            async move {
                let arguments = Arguments::of(&params)?;
                let turn = turns.acquire_owned().await;
                let traced = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    method(&node, arguments)
                });
                traced.await.map_err(|error| error::server(error.to_string()))?
            }
        })?;
    }
    module.register_async_method("eth_sendRawTransactionSync", |params, node, _| async move {
        let mut arguments = Arguments::of(&params)?;
        let bytes: Bytes = arguments.next()?;
        let timeout = arguments.optional::<u64>()?.map_or(SYNC_TIMEOUT, |ms| Duration::from_millis(ms).min(SYNC_TIMEOUT));
        let mut heads = node.watch_head();
        let submitting = Arc::clone(&node);
        let hash = tokio::task::spawn_blocking(move || send(&submitting, &bytes))
            .await
            .map_err(|error| error::server(error.to_string()))??;
        let found = async {
            loop {
                let receipt = receipt(&node.chain(), &hash);
                if !receipt.is_null() || heads.changed().await.is_err() {
                    return receipt;
                }
            }
        };
        match tokio::time::timeout(timeout, found).await {
            Ok(receipt) => Answer::Ok(receipt),
            Err(_) => Err(error::server(format!("transaction {hash} was added to the pool but not processed within {timeout:?}"))),
        }
    })?;
    Ok(module)
}

fn send(node: &Node, bytes: &Bytes) -> Result<B256, jsonrpsee::types::ErrorObjectOwned> {
    let transaction = Transaction::decode(bytes).map_err(|error| error::transaction(&error))?;
    node.submit(transaction).map_err(|error| error::pool(&error))
}

fn account(node: &Node, mut arguments: Arguments, look: impl Fn(&HistoricState<'_>, Address) -> Value) -> Answer {
    let address = arguments.next()?;
    let block: BlockName = arguments.optional()?.unwrap_or_default();
    let chain = node.chain();
    Ok(look(&block.state(&chain)?, address))
}

fn code(state: &HistoricState<'_>, address: Address) -> Value {
    let account = state.account(&address).unwrap_or_default();
    if account.has_code() { json!(state.code(&account.code_hash).original_bytes()) } else { json!("0x") }
}

fn transaction_count(node: &Node, mut arguments: Arguments) -> Answer {
    let address: Address = arguments.next()?;
    let block: BlockName = arguments.optional()?.unwrap_or_default();
    let chain = node.chain();
    let named = block.find(&chain)?.ok_or_else(|| unknown_block("header not found"))?;
    let nonce = block.state(&chain)?.account(&address).map_or(0, |account| account.nonce);
    Ok(hex(if named.pending { node.pool().next_nonce(&address, nonce) } else { nonce }))
}

fn storage_at(node: &Node, mut arguments: Arguments) -> Answer {
    let (address, slot): (Address, U256) = (arguments.next()?, arguments.next()?);
    let block: BlockName = arguments.optional()?.unwrap_or_default();
    let chain = node.chain();
    Ok(json!(B256::from(block.state(&chain)?.storage(&address, &slot))))
}

fn proof(node: &Node, mut arguments: Arguments) -> Answer {
    let (address, slots): (Address, Vec<U256>) = (arguments.next()?, arguments.next()?);
    let block: BlockName = arguments.optional()?.unwrap_or_default();
    if slots.len() > PROOF_SLOTS_MAX {
        return Err(limit(format!("{} slots exceed {PROOF_SLOTS_MAX}", slots.len())));
    }
    let mut chain = node.chain_mut();
    let state = block.state(&chain)?;
    if !state.is_latest() {
        return Err(error::pruned(state.number()));
    }
    let account = state.account(&address).unwrap_or_default();
    let values: Vec<U256> = slots.iter().map(|slot| state.storage(&address, slot)).collect();
    drop(state);
    let proof = chain.proof(&address, &slots);
    let storage =
        proof.storage.iter().zip(values).map(|(proof, value)| json!({ "key": proof.slot, "value": value, "proof": proof.nodes }));
    Ok(json!({
        "address": address,
        "accountProof": proof.nodes,
        "balance": account.balance,
        "nonce": hex(account.nonce),
        "codeHash": account.code_hash,
        "storageHash": proof.storage_root,
        "storageProof": storage.collect::<Vec<_>>(),
    }))
}

fn transaction_by_hash(node: &Node, mut arguments: Arguments) -> Answer {
    let hash: B256 = arguments.next()?;
    let chain = node.chain();
    if let Some(place) = chain.blocks().locate(&hash) {
        return Ok(chain.blocks().by_number(place.number).map_or(Value::Null, |block| answer::transaction_in(block, place.index)));
    }
    let pool = node.pool();
    Ok(pool.get(&hash).map_or(Value::Null, answer::waiting))
}

fn receipt(chain: &Chain, hash: &B256) -> Value {
    let place = chain.blocks().locate(hash);
    place.and_then(|place| Some(answer::receipt(chain.blocks().by_number(place.number)?, place))).unwrap_or_default()
}

/// Null if there is no such block.
fn with_block(node: &Node, mut arguments: Arguments, look: impl Fn(&Sealed, &mut Arguments) -> Answer) -> Answer {
    let name: params::BlockName = arguments.next()?;
    let chain = node.chain();
    let block = name.find(&chain)?.and_then(|named| chain.blocks().by_number(named.number));
    block.map_or(Ok(Value::Null), |block| look(block, &mut arguments))
}

fn block_by_name(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block, arguments| Ok(answer::block(block, arguments.optional()?.unwrap_or(false))))
}

fn transactions_in_block(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block, _| Ok(hex(block.record.block.body.transactions.len() as u64)))
}

fn transaction_in_block(node: &Node, arguments: Arguments) -> Answer {
    with_block(node, arguments, |block, arguments| {
        let index: U256 = arguments.next()?;
        Ok(usize::try_from(index).map_or(Value::Null, |index| answer::transaction_in(block, index)))
    })
}
