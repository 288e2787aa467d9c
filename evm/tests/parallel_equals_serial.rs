//! Random blocks, executed in order on plain revm and in parallel: the results must be equal bit for bit.
//!
//! Each seed makes a state of accounts and contracts (made of random snippets: storage, calls, creations, destructions, reverts, logs,
//! precompiles, reads of the beneficiary) and a block of transactions, many of them wrong. `PLINTH_SEEDS` says how many; a failure names its seed.

use plinth_evm::ethereum::{AccessList, AccessListItem, Address, Authorization, B256, Bytes, HashMap, TxKind, U256};
use plinth_evm::execution::parallel::{Pool, execute, execute_interleaved};
use plinth_evm::execution::{BlockContext, BlockPlan, BlockResult, Ending, SystemCall, serial};
use plinth_evm::machine::{BlockEnv, Bytecode, Either, RecoveredAuthority, RecoveredAuthorization, SpecId, TxEnv, opcode};
use plinth_evm::schedule::Release;
use plinth_evm::state::{AccountState, WorldAccount, WorldState};
use plinth_evm::trie::StateTrie;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}

/// Of these, a block has few or many senders: with few, nonces decide who is stale; with many, slots do.
const PEOPLE: u64 = 80;
const SENDERS: [u64; 3] = [4, 12, PEOPLE];
const CONTRACTS: u64 = 8;
const TRANSACTIONS: u64 = 70;
const CHAIN: u64 = 1;

fn person(index: u64) -> Address {
    Address::left_padding_from(&(0xA000_0000 + index).to_be_bytes())
}

fn contract(index: u64) -> Address {
    Address::left_padding_from(&(0xC000_0000 + index).to_be_bytes())
}

/// Somebody: people, contracts, a precompile, nobody yet, the beneficiary.
fn anybody(random: &mut Random, beneficiary: Address) -> Address {
    match random.below(10) {
        0..=3 => person(random.below(PEOPLE)),
        4..=6 => contract(random.below(CONTRACTS)),
        7 => Address::left_padding_from(&[random.below(12) as u8]),
        8 => Address::left_padding_from(&(0xE000_0000 + random.below(5)).to_be_bytes()),
        _ => beneficiary,
    }
}

fn push(code: &mut Vec<u8>, bytes: &[u8]) {
    code.push(opcode::PUSH0 + bytes.len() as u8);
    code.extend_from_slice(bytes);
}

fn push_small(code: &mut Vec<u8>, value: u64) {
    push(code, &(value as u16).to_be_bytes());
}

fn push_address(code: &mut Vec<u8>, address: Address) {
    push(code, address.as_slice());
}

/// A slot: a constant one, the caller's, or one named by calldata.
fn push_slot(code: &mut Vec<u8>, random: &mut Random) {
    match random.below(3) {
        0 => push_small(code, random.below(3)),
        1 => code.push(opcode::CALLER),
        _ => {
            push_small(code, 0);
            code.push(opcode::CALLDATALOAD);
        }
    }
}

fn snippet(code: &mut Vec<u8>, random: &mut Random, beneficiary: Address, depth: u32) {
    match random.below(21) {
        // slot += value
        0..=3 => {
            push_slot(code, random);
            code.extend([opcode::DUP1, opcode::SLOAD]);
            push_small(code, random.below(4));
            code.extend([opcode::ADD, opcode::SWAP1, opcode::SSTORE]);
        }
        // slot = 0
        4 => {
            push_small(code, 0);
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        // slot = balance of somebody
        5 | 6 => {
            push_address(code, anybody(random, beneficiary));
            code.push(opcode::BALANCE);
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        // call somebody, sometimes with value, sometimes with little gas
        7..=9 => {
            let input = if random.one_in(2) { 32 } else { 0 };
            push_small(code, 32);
            push_small(code, 0);
            push_small(code, input);
            push_small(code, 0);
            push_small(code, random.below(3));
            push_address(code, anybody(random, beneficiary));
            push_small(code, if random.one_in(4) { 3_000 } else { 60_000 });
            code.extend([opcode::CALL, opcode::POP]);
        }
        10 => {
            for value in [32, 0, 0, 0] {
                push_small(code, value);
            }
            push_address(code, contract(random.below(CONTRACTS)));
            push_small(code, 60_000);
            code.extend([random.pick(&[opcode::DELEGATECALL, opcode::STATICCALL]), opcode::POP]);
        }
        // log what a slot says
        11 => {
            push_small(code, 0);
            code.push(opcode::SLOAD);
            push_small(code, 0);
            code.push(opcode::MSTORE);
            push_small(code, random.below(9));
            push_small(code, 32);
            push_small(code, 0);
            code.push(opcode::LOG1);
        }
        // revert if a slot is odd
        12 => {
            push_small(code, 1);
            push_small(code, 0);
            code.extend([opcode::SLOAD, opcode::AND, opcode::ISZERO]);
            let after = code.len() + 3 + 1 + 3 + 3 + 1;
            push_small(code, after as u64);
            code.push(opcode::JUMPI);
            push_small(code, 0);
            push_small(code, 0);
            code.push(opcode::REVERT);
            code.push(opcode::JUMPDEST);
        }
        13 if random.one_in(2) => {
            push_address(code, anybody(random, beneficiary));
            code.push(opcode::SELFDESTRUCT);
        }
        // create a child made of snippets, with CREATE or with CREATE2 and few salts
        14..=16 if depth < 2 => {
            let mut child = Vec::new();
            for _ in 0..random.below(3) {
                snippet(&mut child, random, beneficiary, depth + 1);
            }
            if random.one_in(2) {
                // Leaves code behind: what lies in memory.
                push_small(&mut child, random.below(8));
                push_small(&mut child, 0);
                child.push(opcode::RETURN);
            }
            for (index, word) in child.chunks(32).enumerate() {
                let mut padded = [0u8; 32];
                padded[..word.len()].copy_from_slice(word);
                push(code, &padded);
                push_small(code, index as u64 * 32);
                code.push(opcode::MSTORE);
            }
            let two = random.one_in(2);
            if two {
                push_small(code, random.below(2));
            }
            push_small(code, child.len() as u64);
            push_small(code, 0);
            push_small(code, random.below(2));
            code.push(if two { opcode::CREATE2 } else { opcode::CREATE });
            // Call the child, so that it may destroy itself in the transaction that made it.
            for _ in 0..5 {
                push_small(code, 0);
            }
            code.extend([opcode::DUP1 + 5, opcode::GAS, opcode::CALL, opcode::POP, opcode::POP]);
        }
        17 => {
            push_small(code, random.below(9));
            push_small(code, 1);
            code.push(opcode::TSTORE);
            push_small(code, 1);
            code.push(opcode::TLOAD);
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        18 => {
            code.push(random.pick(&[
                opcode::NUMBER,
                opcode::SELFBALANCE,
                opcode::GASPRICE,
                opcode::GAS,
                opcode::COINBASE,
                opcode::ORIGIN,
            ]));
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        19 => {
            push_address(code, anybody(random, beneficiary));
            code.push(random.pick(&[opcode::EXTCODEHASH, opcode::EXTCODESIZE]));
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        20 => {
            push_small(code, 6);
            code.push(opcode::BLOCKHASH);
            push_slot(code, random);
            code.push(opcode::SSTORE);
        }
        _ => {}
    }
}

fn program(random: &mut Random, beneficiary: Address) -> Vec<u8> {
    if random.one_in(12) {
        // Burns all gas.
        return vec![opcode::JUMPDEST, opcode::PUSH0, opcode::JUMP];
    }
    let mut code = Vec::new();
    for _ in 0..=random.below(5) {
        snippet(&mut code, random, beneficiary, 0);
    }
    code
}

fn state(random: &mut Random, beneficiary: Address) -> WorldState {
    let mut world = WorldState::default();
    for index in 0..PEOPLE {
        let balance =
            if random.one_in(6) { U256::from(random.below(3_000_000)) } else { U256::from(10u64.pow(15) + random.below(1_000)) };
        let account = AccountState { balance, nonce: random.below(3), ..AccountState::default() };
        world.insert(person(index), WorldAccount { account, ..WorldAccount::default() });
    }
    for index in 0..CONTRACTS {
        let code_hash = world.insert_code(Bytecode::new_legacy(program(random, beneficiary).into()));
        let mut storage = HashMap::default();
        for slot in 0..random.below(3) {
            storage.insert(U256::from(slot), U256::from(1 + random.below(5)));
        }
        let account = AccountState { balance: U256::from(random.below(20)), nonce: 1, code_hash };
        world.insert(contract(index), WorldAccount { account, storage });
    }
    world.insert_block_hash(6, B256::repeat_byte(0x66));
    world
}

/// Every transaction is tried as it is made, so that the next one of its sender knows its nonce.
fn block(random: &mut Random, world: &WorldState, plan: &BlockPlan) -> Vec<TxEnv> {
    let beneficiary = plan.context.env.beneficiary;
    let mut now = world.clone();
    let senders = random.pick(&SENDERS);
    // Some blocks have one hot payer, some one hot recipient, some one hot contract.
    let hot_sender = random.one_in(8).then(|| person(random.below(PEOPLE)));
    let hot_target = random.one_in(3).then(|| anybody(random, beneficiary));
    (0..TRANSACTIONS)
        .map(|_| {
            let caller = hot_sender.unwrap_or_else(|| person(random.below(senders)));
            let nonce_of = |address: &Address| now.get(address).map_or(0, |account| account.account.nonce);
            let nonce = if random.one_in(15) { random.below(5) } else { nonce_of(&caller) };
            let creates = random.one_in(12);
            let plain = random.one_in(2);
            let target = hot_target.filter(|_| random.one_in(2)).unwrap_or_else(|| anybody(random, beneficiary));
            let data: Vec<u8> = match (creates, plain) {
                (true, _) => program(random, beneficiary),
                (false, true) => Vec::new(),
                (false, false) => U256::from(random.below(4)).to_be_bytes::<32>().to_vec(),
            };
            let mut tx = TxEnv {
                caller,
                nonce,
                kind: if creates { TxKind::Create } else { TxKind::Call(target) },
                value: U256::from(if random.one_in(9) { 10u64.pow(15) } else { random.below(4) / 2 }),
                data: Bytes::from(data),
                gas_limit: random.pick(&[21_000, 21_000, 21_000, 45_000, 90_000, 300_000, 300_000, 700_000, 16_000_000]),
                gas_price: random.pick(&[5, 7, 7, 7, 7, 7, 8, 9, 9, 30]),
                chain_id: random
                    .pick(&[Some(CHAIN), Some(CHAIN), Some(CHAIN), None, Some(2)])
                    .filter(|_| random.one_in(4))
                    .or(Some(CHAIN)),
                ..TxEnv::default()
            };
            match random.below(6) {
                0 | 1 => {
                    tx.tx_type = 2;
                    tx.gas_priority_fee = Some(random.pick(&[0, 1, 2, 2, 5, 40]));
                }
                2 => {
                    tx.tx_type = 1;
                    if random.one_in(2) {
                        let storage_keys = vec![B256::with_last_byte(random.below(3) as u8)];
                        tx.access_list = AccessList(vec![AccessListItem { address: anybody(random, beneficiary), storage_keys }]);
                    }
                }
                3 if !creates => {
                    tx.tx_type = 4;
                    tx.gas_priority_fee = Some(1);
                    let authority = person(random.below(PEOPLE));
                    let authorization = Authorization {
                        chain_id: U256::from(random.pick(&[CHAIN, 0, 3])),
                        address: random.pick(&[contract(0), contract(1), Address::ZERO]),
                        nonce: if authority == caller { nonce + 1 } else { nonce_of(&authority) },
                    };
                    let recovered = RecoveredAuthorization::new_unchecked(authorization, RecoveredAuthority::Valid(authority));
                    tx.authorization_list = vec![Either::Right(recovered)];
                    tx.gas_limit = tx.gas_limit.max(90_000);
                }
                _ => tx.tx_type = 0,
            }
            now.apply(&serial::execute(&now, &BlockPlan::plain(plan.context.clone()), &[&tx]).changes);
            tx
        })
        .collect()
}

fn plan(random: &mut Random, beneficiary: Address) -> BlockPlan {
    let env = BlockEnv {
        number: U256::from(7),
        beneficiary,
        gas_limit: random.pick(&[3_000_000, 30_000_000, 200_000_000]),
        basefee: 7,
        timestamp: U256::from(1_000),
        ..BlockEnv::default()
    };
    let call = |index| SystemCall { target: contract(index), input: Bytes::from(U256::from(index).to_be_bytes::<32>()) };
    BlockPlan {
        before: vec![call(0)],
        credits: vec![(person(0), U256::from(5)), (person(40), U256::from(1))],
        after: vec![call(1)],
        ..BlockPlan::plain(BlockContext::new(SpecId::OSAKA, CHAIN, env))
    }
}

#[derive(Default, Debug)]
struct Seen {
    successes: u64,
    reverts: u64,
    halts: u64,
    refusals: u64,
    created: u64,
    repeats: u64,
    transfers: u64,
}

impl Seen {
    fn add(&mut self, result: &BlockResult) {
        for transaction in &result.transactions {
            match transaction {
                Ok(result) => {
                    match result.ending {
                        Ending::Success => self.successes += 1,
                        Ending::Revert => self.reverts += 1,
                        Ending::Halt(_) => self.halts += 1,
                    }
                    self.created += u64::from(result.created.is_some());
                }
                Err(_) => self.refusals += 1,
            }
        }
    }
}

#[test]
fn every_random_block_is_executed_as_in_order() {
    let seeds: u64 = std::env::var("PLINTH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(150);
    let first: u64 = std::env::var("PLINTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let pools: Vec<Pool> = [1, 2, 4].into_iter().map(|workers| Pool::new(workers).unwrap()).collect();
    let mut seen = Seen::default();
    for seed in first..first + seeds {
        let mut random = Random(seed);
        let beneficiary = match random.below(6) {
            0 => person(0),
            1 => contract(0),
            2 => person(99),
            _ => Address::left_padding_from(&[0xBE, 0xEF, 0, 0, 0, 0, 0]),
        };
        let world = state(&mut random, beneficiary);
        let plan = plan(&mut random, beneficiary);
        let transactions = block(&mut random, &world, &plan);
        let transactions: Vec<&TxEnv> = transactions.iter().collect();
        let mut oracle = serial::execute(&world, &plan, &transactions);
        oracle.changes.normalise(&world);
        seen.add(&oracle);
        let mut after = world.clone();
        after.apply(&oracle.changes);
        let root = StateTrie::of(&after, &pools[0]).root(&pools[0], 0);
        let chance: Vec<Release> = (0..TRANSACTIONS).map(|_| Release { after: random.below(2 * TRANSACTIONS) as u32 }).collect();
        let in_order: Vec<Release> = (0..TRANSACTIONS as u32).map(|after| Release { after }).collect();
        // All before any commit, backwards, shuffled: a machine with many idle cores could do any of it.
        for kind in 0..6u64 {
            let mut runs: Vec<u32> = (0..TRANSACTIONS as u32).collect();
            match kind {
                0 => {}
                1 => runs.reverse(),
                _ => (1..runs.len()).rev().for_each(|at| runs.swap(at, random.below(at as u64 + 1) as usize)),
            }
            let every = if kind < 3 { usize::MAX } else { 1 + random.below(9) as usize };
            let (mut result, stats) = execute_interleaved(&world, &plan, &transactions, &runs, |step| step % every == every - 1);
            seen.repeats += stats.repeated.len() as u64;
            result.changes.normalise(&world);
            assert_eq!(result, oracle, "seed {seed}, interleaving {kind}");
        }
        for pool in &pools {
            for release in [&[][..], &chance, &in_order] {
                let (mut result, stats) = execute(&world, &plan, &transactions, release, pool);
                seen.repeats += stats.repeated.len() as u64;
                seen.transfers += stats.transfers;
                result.changes.normalise(&world);
                for (index, (ours, theirs)) in result.transactions.iter().zip(&oracle.transactions).enumerate() {
                    assert_eq!(
                        ours,
                        theirs,
                        "seed {seed}, {} workers, transaction {index}: {:?}",
                        pool.workers(),
                        transactions[index]
                    );
                }
                assert_eq!(result, oracle, "seed {seed}, {} workers", pool.workers());
                let mut trie = StateTrie::of(&world, pool);
                trie.apply(&result.changes, pool);
                assert_eq!(trie.root(pool, 0), root, "seed {seed}: state root");
            }
        }
    }
    println!("{seen:?}");
    // The generator reaches what it is meant to reach.
    let counts = [seen.successes, seen.reverts, seen.halts, seen.refusals, seen.created, seen.repeats, seen.transfers];
    assert!(seeds < 100 || counts.iter().all(|count| *count > seeds / 10), "{seen:?}");
}
