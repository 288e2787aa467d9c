//! Blocks made against the schedule: every one has the result that its order says, on any number of workers, in any interleaving.
//!
//! `parallel_equals_serial.rs` looks for what nobody thought of; here stand the cases that somebody did, each with the outcome that it must have.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_evm::ethereum::{AccessList, AccessListItem, Address, Authorization, B256, Bytes, TxKind, U256, hex, keccak256};
use plinth_evm::execution::parallel::{Pool, execute, execute_interleaved};
use plinth_evm::execution::{BlockContext, BlockPlan, serial};
use plinth_evm::machine::{BlockEnv, Bytecode, Either, RecoveredAuthority, RecoveredAuthorization, SpecId, TxEnv};
use plinth_evm::schedule::Release;
use plinth_evm::state::{AccountState, StateView, WorldAccount, WorldState};

const COUNT: u64 = 64;
const PRICE: u128 = 7;
/// What a plain payment costs.
const FEE: u64 = 21_000 * PRICE as u64;
const HOT: Address = Address::repeat_byte(0xC0);
/// Slot 0 counts its calls.
const COUNTER: [u8; 7] = hex!("5f546001015f55");
/// Makes a child by CREATE2, always at one address, that destroys itself at once in the factory's favour; slot 0 counts the successes.
const FACTORY: [u8; 19] = hex!("6133ff5f525f6002601e34f515155f54015f55");
/// The init code of that child.
const CHILD: [u8; 2] = hex!("33ff");

fn person(index: u64) -> Address {
    Address::left_padding_from(&(0xA000_0000 + index).to_be_bytes())
}

/// People with this balance each, and code at [`HOT`].
fn world(balance: u64, code: &[u8]) -> WorldState {
    let mut world = WorldState::default();
    for index in 0..COUNT {
        let account = AccountState { balance: U256::from(balance), ..AccountState::default() };
        world.insert(person(index), WorldAccount { account, ..WorldAccount::default() });
    }
    let code_hash = world.insert_code(Bytecode::new_raw(Bytes::copy_from_slice(code)));
    if !code.is_empty() {
        let account = AccountState { nonce: 1, code_hash, ..AccountState::default() };
        world.insert(HOT, WorldAccount { account, ..WorldAccount::default() });
    }
    world
}

fn call(from: Address, nonce: u64, to: Address, value: u64, gas_limit: u64) -> TxEnv {
    TxEnv {
        caller: from,
        nonce,
        kind: TxKind::Call(to),
        value: U256::from(value),
        gas_limit,
        gas_price: PRICE,
        chain_id: Some(1),
        ..TxEnv::default()
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }
}

/// Executes the block in every way, and gives the one state that they all must lead to. All its transactions must stand.
fn outcome(world: &WorldState, transactions: &[TxEnv]) -> WorldState {
    let env = BlockEnv {
        number: U256::from(7),
        beneficiary: Address::repeat_byte(0xFE),
        gas_limit: 200_000_000,
        basefee: PRICE as u64,
        ..BlockEnv::default()
    };
    let plan = BlockPlan::plain(BlockContext::new(SpecId::OSAKA, 1, env));
    let transactions: Vec<&TxEnv> = transactions.iter().collect();
    let mut oracle = serial::execute(world, &plan, &transactions);
    oracle.changes.normalise(world);
    for (index, result) in oracle.transactions.iter().enumerate() {
        assert!(result.as_ref().is_ok_and(|result| result.is_success()), "transaction {index}: {result:?}");
    }
    let count = transactions.len() as u64;
    let mut random = Random(count);
    for kind in 0..40 {
        let mut runs: Vec<u32> = (0..count as u32).collect();
        match kind {
            0 => runs.reverse(),
            _ => (1..runs.len()).rev().for_each(|at| runs.swap(at, random.below(at as u64 + 1) as usize)),
        }
        let every = if kind < 10 { usize::MAX } else { 1 + random.below(9) as usize };
        let (mut result, _) = execute_interleaved(world, &plan, &transactions, &runs, |step| step % every == every - 1);
        result.changes.normalise(world);
        assert_eq!(result, oracle, "interleaving {kind}");
    }
    for workers in [1, 2, 4, 8] {
        let pool = Pool::new(workers).unwrap();
        for kind in 0..10 {
            let releases: Vec<Release> = match kind {
                0 => Vec::new(),
                1 => (0..count as u32).map(|after| Release { after }).collect(),
                _ => (0..count).map(|_| Release { after: random.below(2 * count) as u32 }).collect(),
            };
            let (mut result, _) = execute(world, &plan, &transactions, &releases, &pool);
            result.changes.normalise(world);
            assert_eq!(result, oracle, "{workers} workers, releases {kind}");
        }
    }
    let mut after = world.clone();
    after.apply(&oracle.changes);
    after
}

fn balance(world: &WorldState, of: Address) -> U256 {
    world.account(&of).unwrap_or_default().balance
}

#[test]
fn one_hot_account_is_paid_by_all_and_pays_in_between() {
    let world = world(10 * FEE, &[]);
    // Every eighth payment is the hot account's own; it could not pay the later ones without what it was paid before.
    let mut nonce = 0;
    let transactions: Vec<TxEnv> = (1..COUNT)
        .map(|index| {
            if index % 8 != 0 {
                return call(person(index), 0, person(0), 3 * FEE, 21_000);
            }
            nonce += 1;
            call(person(0), nonce - 1, person(index), 20 * FEE, 21_000)
        })
        .collect();
    let after = outcome(&world, &transactions);
    let paid_out = nonce;
    assert_eq!(balance(&after, person(0)), U256::from(FEE * (10 + 3 * (COUNT - 1 - paid_out) - 21 * paid_out)));
}

#[test]
fn one_hot_pool_counts_every_call_with_wrong_access_lists_too() {
    let world = world(1_000_000_000, &COUNTER);
    let right: Vec<TxEnv> = (0..COUNT).map(|index| call(person(index), 0, HOT, 0, 100_000)).collect();
    let wrong = |index: u64, tx: &TxEnv| {
        let storage_keys = vec![B256::with_last_byte(1 + index as u8)];
        let listed = AccessListItem { address: if index.is_multiple_of(2) { HOT } else { person(index) }, storage_keys };
        TxEnv { tx_type: 1, access_list: AccessList(vec![listed]), ..tx.clone() }
    };
    let lying: Vec<TxEnv> = (0..COUNT).zip(&right).map(|(index, tx)| wrong(index, tx)).collect();
    for transactions in [right, lying] {
        assert_eq!(outcome(&world, &transactions).storage(&HOT, &U256::ZERO), U256::from(COUNT));
    }
}

#[test]
fn a_chain_in_which_each_can_only_pay_on_what_it_was_paid_goes_through() {
    let value = 1_000_000;
    let mut world = world(FEE, &[]);
    let rich = AccountState { balance: U256::from(FEE + value), ..AccountState::default() };
    world.insert(person(0), WorldAccount { account: rich, ..WorldAccount::default() });
    let transactions: Vec<TxEnv> = (0..COUNT - 1).map(|index| call(person(index), 0, person(index + 1), value, 21_000)).collect();
    let after = outcome(&world, &transactions);
    assert_eq!(balance(&after, person(COUNT - 1)), U256::from(FEE + value));
    assert!((0..COUNT - 1).all(|index| balance(&after, person(index)).is_zero()));
}

#[test]
fn a_contract_made_and_destroyed_at_one_address_again_and_again_takes_what_was_paid_there() {
    let world = world(1_000_000_000, &FACTORY);
    let child = HOT.create2(B256::ZERO, keccak256(CHILD));
    // Two make it, with a value; one pays to where it stood.
    let transactions: Vec<TxEnv> = (0..COUNT)
        .map(
            |index| if index % 3 == 2 { call(person(index), 0, child, 5, 21_000) } else { call(person(index), 0, HOT, 2, 200_000) },
        )
        .collect();
    let payments = (0..COUNT).filter(|index| index % 3 == 2).count() as u64;
    let after = outcome(&world, &transactions);
    assert_eq!(after.storage(&HOT, &U256::ZERO), U256::from(COUNT - payments));
    // The last transaction makes it once more, so nothing is left there.
    assert_eq!(after.account(&child), None);
    assert_eq!(balance(&after, HOT), U256::from(2 * (COUNT - payments) + 5 * payments));
}

#[test]
fn an_account_runs_code_only_between_its_delegation_and_its_end() {
    let world = world(1_000_000_000, &COUNTER);
    let authority = person(COUNT - 1);
    let delegation = |from: u64, nonce: u64, to: Address| {
        let authorization = Authorization { chain_id: U256::from(1), address: to, nonce };
        let recovered = RecoveredAuthorization::new_unchecked(authorization, RecoveredAuthority::Valid(authority));
        TxEnv {
            tx_type: 4,
            gas_priority_fee: Some(0),
            authorization_list: vec![Either::Right(recovered)],
            ..call(person(from), 0, person(from), 0, 100_000)
        }
    };
    let (begin, end) = (11, 43);
    let transactions: Vec<TxEnv> = (0..COUNT - 1)
        .map(|index| match index {
            _ if index == begin => delegation(index, 0, HOT),
            _ if index == end => delegation(index, 1, Address::ZERO),
            _ => call(person(index), 0, authority, 1, 100_000),
        })
        .collect();
    let after = outcome(&world, &transactions);
    assert_eq!(after.storage(&authority, &U256::ZERO), U256::from(end - begin - 1));
    assert_eq!(after.account(&authority).unwrap().nonce, 2);
    assert!(!after.account(&authority).unwrap().has_code());
}
