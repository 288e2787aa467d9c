//! The chain: building, importing, recovery from a journal cut or damaged anywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world may panic")]

use plinth_evm::chain::{Chain, ChainError, Pool as Mempool, PoolError};
use plinth_evm::ethereum::{Address, Block, Bytes, Encodable, Genesis, TxEip1559, TxEnvelope, TxKind, U256};
use plinth_evm::execution::parallel::Pool;
use plinth_evm::transaction::Transaction;
use plinth_evm::wallet::Wallet;
use std::path::Path;
use std::sync::Arc;

const FEES: Address = Address::repeat_byte(0xFE);
const COUNTER: Address = Address::repeat_byte(0xC0);

fn genesis() -> Genesis {
    let mut alloc = serde_json::Map::new();
    for number in 0..8 {
        alloc.insert(Wallet::numbered(number).address().to_string(), serde_json::json!({ "balance": "0xde0b6b3a7640000" }));
    }
    // slot 0 += 1, log it, and keep the caller's balance in its slot.
    let code = "0x5f54600101805f555f5260205fa03331335500";
    alloc.insert(COUNTER.to_string(), serde_json::json!({ "balance": "0x0", "code": code, "storage": {} }));
    let config = serde_json::json!({ "chainId": 77, "osakaTime": 0, "terminalTotalDifficulty": 0 });
    let genesis = serde_json::json!({
        "config": config, "nonce": "0x0", "timestamp": "0x0", "extraData": "0x", "gasLimit": "0x1c9c380", "difficulty": "0x0",
        "mixHash": format!("0x{}", "0".repeat(64)), "coinbase": Address::ZERO.to_string(), "alloc": alloc,
    });
    serde_json::from_value(genesis).unwrap()
}

fn chain(journal: Option<&Path>, workers: usize) -> Result<Chain, ChainError> {
    Chain::open(&genesis(), journal, Arc::new(Pool::new(workers).unwrap()))
}

fn call(from: u64, nonce: u64, to: TxKind, value: u64, input: &[u8]) -> Transaction {
    let transaction = TxEip1559 {
        chain_id: 77,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000 + u128::from(from),
        to,
        value: U256::from(value),
        input: Bytes::copy_from_slice(input),
        ..TxEip1559::default()
    };
    Wallet::numbered(from).sign(transaction).unwrap()
}

/// Transfers, calls of the counter, and a creation, for block `number`.
fn traffic(number: u64) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    for from in 0..8 {
        let nonce = (number - 1) * 3;
        transactions.push(call(from, nonce, TxKind::Call(COUNTER), 0, &[]));
        transactions.push(call(from, nonce + 1, TxKind::Call(Wallet::numbered((from + 1) % 9).address()), 5 + number, &[]));
        // Init code that returns one byte of memory: a contract of one STOP.
        transactions.push(call(from, nonce + 2, TxKind::Create, 1, &[0x60, 0x01, 0x5f, 0xf3]));
    }
    transactions
}

fn grow(chain: &mut Chain, blocks: std::ops::RangeInclusive<u64>) {
    for number in blocks {
        let built = chain.build(&traffic(number), 10 * number, FEES).unwrap();
        assert!(built.rejected.is_empty(), "{:?}", built.rejected);
        assert!(built.block.record.receipts.iter().all(|receipt| receipt.status()), "block {number}");
    }
}

fn rlp(block: &Block<TxEnvelope>) -> Vec<u8> {
    let mut rlp = Vec::new();
    block.encode(&mut rlp);
    rlp
}

#[test]
fn blocks_built_with_any_number_of_workers_are_equal_and_import_elsewhere() {
    let mut builders: Vec<Chain> = [1, 2, 4].into_iter().map(|workers| chain(None, workers).unwrap()).collect();
    let mut importer = chain(None, 2).unwrap();
    for number in 1..=4 {
        for builder in &mut builders {
            grow(builder, number..=number);
        }
        let block = &builders[0].head().record.block;
        assert_eq!(block.body.transactions.len(), 24);
        assert!(builders.iter().all(|builder| builder.head().hash == builders[0].head().hash), "block {number}");
        importer.import(&rlp(block)).unwrap();
        assert_eq!(importer.head().hash, builders[0].head().hash);
        assert_eq!(importer.head().record.receipts, builders[2].head().record.receipts);
    }
    let slot = importer.world().get(&COUNTER).unwrap().storage[&U256::ZERO];
    assert_eq!(slot, U256::from(32), "the counter was called by eight in each of four blocks");
}

#[test]
fn a_block_that_lies_is_refused_and_leaves_nothing_behind() {
    let mut honest = chain(None, 1).unwrap();
    grow(&mut honest, 1..=1);
    let block = honest.head().record.block.clone();
    let mut importer = chain(None, 2).unwrap();
    type Lie = fn(&mut Block<TxEnvelope>);
    let lies: [(&str, Lie); 6] = [
        ("stateRoot", |block| block.header.state_root.0[0] ^= 1),
        ("receiptsRoot", |block| block.header.receipts_root.0[0] ^= 1),
        ("gasUsed", |block| block.header.gas_used += 1),
        ("timestamp", |block| block.header.timestamp = 0),
        ("baseFeePerGas", |block| block.header.base_fee_per_gas = Some(1)),
        ("transactionsRoot", |block| drop(block.body.transactions.pop())),
    ];
    for (field, lie) in lies {
        let mut lying = block.clone();
        lie(&mut lying);
        let error = importer.import(&rlp(&lying)).unwrap_err().to_string();
        assert!(error.contains(field), "{field}: {error}");
    }
    assert!(importer.import(&rlp(&block)[1..]).is_err());
    importer.import(&rlp(&block)).unwrap();
    assert_eq!(importer.head().hash, honest.head().hash);
}

#[test]
fn a_journal_cut_at_any_byte_of_its_last_record_recovers_to_the_block_before_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let mut chain_of_two = chain(Some(&path), 2).unwrap();
    grow(&mut chain_of_two, 1..=1);
    let before_last = std::fs::metadata(&path).unwrap().len() as usize;
    let one = chain_of_two.head().hash;
    grow(&mut chain_of_two, 2..=2);
    let two = chain_of_two.head().hash;
    drop(chain_of_two);
    let whole = std::fs::read(&path).unwrap();
    let cut_at = directory.path().join("cut");
    // Every byte of the head, then a prime step through the payload, and the last bytes.
    let cuts =
        (before_last..before_last + 40).chain((before_last + 40..whole.len()).step_by(97)).chain(whole.len() - 3..whole.len());
    for cut in cuts {
        std::fs::write(&cut_at, &whole[..cut]).unwrap();
        let mut recovered = chain(Some(&cut_at), 1).unwrap();
        assert_eq!(recovered.head().hash, one, "cut at {cut}");
        if cut % 5 == 0 {
            grow(&mut recovered, 2..=2);
            assert_eq!(recovered.head().hash, two, "cut at {cut}");
            drop(recovered);
            assert_eq!(chain(Some(&cut_at), 1).unwrap().head().hash, two);
        }
    }
    // Zeros after the record: the file grew before its bytes arrived.
    let mut longer = whole.clone();
    longer.extend([0; 100]);
    std::fs::write(&cut_at, &longer).unwrap();
    assert_eq!(chain(Some(&cut_at), 1).unwrap().head().hash, two);
    assert_eq!(chain(Some(&path), 1).unwrap().head().record.receipts.len(), 24, "no receipt is lost");
}

#[test]
fn a_changed_byte_before_the_last_record_is_damage_and_not_a_torn_tail() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    grow(&mut chain(Some(&path), 1).unwrap(), 1..=2);
    let whole = std::fs::read(&path).unwrap();
    for at in (0..60).chain((60..whole.len() / 3).step_by(211)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        std::fs::write(&path, &damaged).unwrap();
        let error = chain(Some(&path), 1).expect_err("damage is refused");
        assert!(matches!(error, ChainError::Journal(_)), "byte {at}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged, "a damaged journal is left as it is");
    }
}

#[test]
fn the_past_can_be_asked_for() {
    let mut chain = chain(None, 1).unwrap();
    grow(&mut chain, 1..=5);
    use plinth_evm::state::StateView;
    for number in 0..=5u64 {
        let state = chain.state_at(number).unwrap();
        assert_eq!(state.storage(&COUNTER, &U256::ZERO), U256::from(number * 8));
        assert_eq!(state.account(&Wallet::numbered(3).address()).unwrap().nonce, number * 3);
    }
    assert!(chain.state_at(6).is_none());
}

#[test]
fn the_pool_refuses_in_the_words_that_clients_know() {
    let chain = chain(None, 1).unwrap();
    let context = chain.context(&chain.next_header(1, FEES));
    let mut pool = Mempool::default();
    let first = call(0, 0, TxKind::Call(COUNTER), 0, &[]);
    let mut add = |transaction: Transaction| pool.add(transaction, chain.world(), &context);
    add(first.clone()).unwrap();
    assert_eq!(add(first.clone()).unwrap_err().to_string(), "already known");
    assert_eq!(add(call(0, 0, TxKind::Call(COUNTER), 1, &[])), Err(PoolError::Underpriced));
    let refusal = add(call(20, 0, TxKind::Call(COUNTER), 0, &[])).unwrap_err().to_string();
    assert!(refusal.starts_with("insufficient funds for gas * price + value"), "{refusal}");
    let cheap = TxEip1559 { chain_id: 77, gas_limit: 20_999, max_fee_per_gas: 2_000_000_000, ..TxEip1559::default() };
    let refusal = add(Wallet::numbered(1).sign(cheap).unwrap()).unwrap_err().to_string();
    assert!(refusal.starts_with("intrinsic gas too low"), "{refusal}");
    let elsewhere = TxEip1559 { chain_id: 78, gas_limit: 90_000, max_fee_per_gas: 2_000_000_000, ..TxEip1559::default() };
    assert_eq!(add(Wallet::numbered(1).sign(elsewhere).unwrap()).unwrap_err().to_string(), "invalid chain id for signer");
    // A gap: nothing of it goes until it is filled, then all of it, in order.
    add(call(2, 2, TxKind::Call(COUNTER), 0, &[])).unwrap();
    add(call(2, 1, TxKind::Call(COUNTER), 0, &[])).unwrap();
    let nonces = |pool: &Mempool| {
        pool.candidates(chain.world(), &context).iter().map(|transaction| transaction.env().nonce).collect::<Vec<_>>()
    };
    assert_eq!(nonces(&pool), [0]);
    pool.add(call(2, 0, TxKind::Call(COUNTER), 0, &[]), chain.world(), &context).unwrap();
    assert_eq!(nonces(&pool), [0, 0, 1, 2]);
}

#[test]
fn the_journal_has_the_bytes_of_version_1() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    grow(&mut chain(Some(&path), 2).unwrap(), 1..=1);
    let written = std::fs::read(&path).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1.bin");
    if std::env::var_os("PLINTH_REGENERATE").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &written).unwrap();
    }
    assert!(written == std::fs::read(&golden).unwrap(), "the format changed: raise its version, or take the change back");
    let opened = chain(Some(&path), 1).unwrap();
    assert_eq!(opened.header().number, 1);
}
