//! Blocks to measure with. The contracts are written in machine code here: a token and a pool, with the storage layout of Solidity.

use crate::ethereum::{Address, Bytes, TxEip1559, TxEnvelope, TxKind, U256, keccak256};
use crate::execution::{BlockContext, BlockPlan};
use crate::machine::{BlockEnv, Bytecode, SpecId, TxEnv};
use crate::state::{AccountState, WorldAccount, WorldState};
use crate::wallet::Wallet;

const CHAIN: u64 = 1;
const BASE_FEE: u64 = 7;
const FUNDS: u128 = 10u128.pow(24);
/// Accounts of a hot workload that a tenth of its transactions go to: one.
const HOT_ONE_IN: usize = 10;
const POOLS: usize = 1_000;

#[derive(Debug)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) state: WorldState,
    pub(super) plan: BlockPlan,
    pub(super) transactions: Vec<TxEnv>,
}

/// A token. `transfer(to, amount)`: `balances[caller] -= amount; balances[to] += amount`, with a check and an event; the mapping at position 0.
fn token() -> Vec<u8> {
    let mut code = Assembler::default();
    code.caller_slot().op(0x80).op(0x54).push(0x24).op(0x35); // slot, balance, amount
    code.op(0x80).op(0x82).op(0x10); // balance < amount
    code.revert_if();
    code.op(0x80).op(0x91).op(0x03); // slot, amount, balance - amount
    code.op(0x91).op(0x55); // stores; amount is left
    code.push(0x04).op(0x35).mapping_slot().op(0x80).op(0x54).op(0x82).op(0x01).op(0x90).op(0x55); // amount
    code.push(0).op(0x52).push(0x04).op(0x35).op(0x33).push32(keccak256("Transfer(address,address,uint256)").into());
    code.push(0x20).push(0).op(0xa3).push(1).push(0).op(0x52).push(0x20).push(0).op(0xf3);
    code.0
}

/// A pool: reserves at 0 and 1, `x * y = k` in storage, shares by caller at mapping 0; takes an amount of x, gives y.
fn pool() -> Vec<u8> {
    let mut code = Assembler::default();
    code.push(0x04).op(0x35); // in
    code.push(0).op(0x54).push(1).op(0x54); // in, x, y
    code.op(0x81).op(0x83).op(0x01); // in, x, y, x + in
    code.op(0x80).op(0x82).op(0x84).op(0x02).op(0x04); // in, x, y, x + in, (y * x) / (x + in)
    code.op(0x90).push(0).op(0x55); // stores x + in at 0; in, x, y, y'
    code.op(0x80).push(1).op(0x55); // stores y' at 1
    code.op(0x90).op(0x03); // in, x, y - y'
    code.caller_slot().op(0x80).op(0x54).op(0x82).op(0x01).op(0x90).op(0x55); // balance of the caller grows by it
    code.push(0).op(0x52).op(0x33).push32(keccak256("Swap(address,uint256)").into()).push(0x20).push(0).op(0xa2);
    code.push(1).push(0).op(0x52).push(0x20).push(0).op(0xf3);
    code.0
}

#[derive(Default)]
struct Assembler(Vec<u8>);

impl Assembler {
    fn op(&mut self, opcode: u8) -> &mut Self {
        self.0.push(opcode);
        self
    }

    fn push(&mut self, byte: u8) -> &mut Self {
        self.0.extend([0x60, byte]);
        self
    }

    fn push32(&mut self, word: U256) -> &mut Self {
        self.0.push(0x7f);
        self.0.extend(word.to_be_bytes::<32>());
        self
    }

    /// Key on the stack becomes the slot of its value in the mapping at position 0.
    fn mapping_slot(&mut self) -> &mut Self {
        self.push(0).op(0x52).push(0).push(0x20).op(0x52).push(0x40).push(0).op(0x20)
    }

    fn caller_slot(&mut self) -> &mut Self {
        self.op(0x33).mapping_slot()
    }

    /// Reverts if the stack's top is not zero.
    fn revert_if(&mut self) -> &mut Self {
        self.op(0x15);
        let after = self.0.len() as u8 + 2 + 1 + 2 + 2 + 1;
        self.push(after).op(0x57).push(0).push(0).op(0xfd).op(0x5b)
    }
}

pub(super) fn person(index: usize) -> Address {
    Address::left_padding_from(&keccak256(index.to_be_bytes())[..20])
}

fn contract(index: usize) -> Address {
    Address::left_padding_from(&(0xC0_0000_0000 + index as u64).to_be_bytes())
}

fn balance_slot(owner: Address) -> U256 {
    let mut hashed = [0u8; 64];
    hashed[12..32].copy_from_slice(owner.as_slice());
    keccak256(hashed).into()
}

fn call(from: usize, to: Address, gas_limit: u64, value: u64, input: Bytes) -> TxEnv {
    TxEnv {
        tx_type: 2,
        caller: person(from),
        kind: TxKind::Call(to),
        value: U256::from(value),
        data: input,
        gas_limit,
        gas_price: 30,
        gas_priority_fee: Some(2),
        chain_id: Some(CHAIN),
        ..TxEnv::default()
    }
}

fn calldata(selector: u32, words: &[U256]) -> Bytes {
    let mut data = selector.to_be_bytes().to_vec();
    words.iter().for_each(|word| data.extend(word.to_be_bytes::<32>()));
    data.into()
}

fn plan(transactions: usize) -> BlockPlan {
    let env = BlockEnv {
        number: U256::from(1),
        beneficiary: Address::repeat_byte(0xFE),
        gas_limit: 200_000 * transactions.max(1) as u64,
        basefee: BASE_FEE,
        ..BlockEnv::default()
    };
    BlockPlan::plain(BlockContext::new(SpecId::OSAKA, CHAIN, env))
}

fn people(count: usize) -> WorldState {
    let mut state = WorldState::default();
    for index in 0..count {
        let account = AccountState { balance: U256::from(FUNDS), ..AccountState::default() };
        state.insert(person(index), WorldAccount { account, ..WorldAccount::default() });
    }
    state
}

fn insert_contract(state: &mut WorldState, index: usize, code: Vec<u8>, storage: impl IntoIterator<Item = (U256, U256)>) {
    let code_hash = state.insert_code(Bytecode::new_legacy(code.into()));
    let account = AccountState { nonce: 1, code_hash, ..AccountState::default() };
    state.insert(contract(index), WorldAccount { account, storage: storage.into_iter().collect() });
}

/// Every sender sends once; recipients exist.
pub(super) fn all(count: usize) -> Vec<Workload> {
    let transfers = |hot: bool| {
        let to = move |from: usize| if hot && from.is_multiple_of(HOT_ONE_IN) { person(2 * count) } else { person(count + from) };
        let transactions = (0..count).map(|from| call(from, to(from), 21_000, 1, Bytes::new())).collect();
        Workload {
            name: if hot { "transfers_tenth_to_one" } else { "transfers" },
            state: people(2 * count),
            plan: plan(count),
            transactions,
        }
    };
    let erc20 = |hot: bool| {
        let mut state = people(count);
        let balances = (0..2 * count).map(|owner| (balance_slot(person(owner)), U256::from(FUNDS)));
        insert_contract(&mut state, 0, token(), balances);
        let to =
            move |from: usize| if hot && from.is_multiple_of(HOT_ONE_IN) { person(2 * count - 1) } else { person(count + from) };
        let input = |from| calldata(0xa905_9cbb, &[U256::from_be_slice(to(from).as_slice()), U256::from(1_000 + from)]);
        let transactions = (0..count).map(|from| call(from, contract(0), 100_000, 0, input(from))).collect();
        Workload { name: if hot { "erc20_tenth_to_one" } else { "erc20" }, state, plan: plan(count), transactions }
    };
    let swaps = |pools: usize| {
        let mut state = people(count);
        for index in 0..pools {
            let reserves = [(U256::ZERO, U256::from(FUNDS)), (U256::from(1), U256::from(FUNDS))];
            insert_contract(&mut state, index, pool(), reserves);
        }
        let input = |from| calldata(0x1234_5678, &[U256::from(1_000 + from)]);
        let transactions = (0..count).map(|from| call(from, contract(from % pools), 150_000, 0, input(from))).collect();
        Workload { name: if pools == 1 { "swaps_one_pool" } else { "swaps_many_pools" }, state, plan: plan(count), transactions }
    };
    vec![transfers(false), transfers(true), erc20(false), erc20(true), swaps(POOLS), swaps(1)]
}

/// Signed transfers, as they come from the network.
pub(super) fn signed(count: usize) -> Vec<TxEnvelope> {
    let wallet = Wallet::numbered(0);
    (0..count as u64)
        .filter_map(|nonce| {
            wallet.sign(TxEip1559 {
                chain_id: CHAIN,
                nonce,
                gas_limit: 21_000,
                to: TxKind::Call(contract(0)),
                ..TxEip1559::default()
            })
        })
        .map(|transaction| transaction.envelope().clone())
        .collect()
}
