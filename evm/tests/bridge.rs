//! The bridge: deposits and withdrawals in blocks, their zone blocks, replay by another process, recovery.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world may panic")]

mod support;

use plinth_evm::bridge::contracts::{BRIDGE, token};
use plinth_evm::bridge::{Asset, BridgeConfig, BridgeError, inbox, outbox};
use plinth_evm::chain::{Chain, ChainError};
use plinth_evm::ethereum::{Address, Genesis, TxKind, U256};
use plinth_evm::execution::{BlockPlan, SystemCall, serial};
use plinth_evm::wallet::{Wallet, dev_genesis};
use plinth_evm::zone::{self, Terms};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, ZoneId};
use plinth_types::message::InboxKind;
use plinth_types::owner::Request;
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address as ZoneAddress, Party};
use std::collections::BTreeMap;
use support::{ASSETS, FEES, Random, balance, call, chain, config, deposit, genesis, supply, transfer, withdraw};

const ALICE: u64 = 0;
const BOB: u64 = 1;

fn account(number: u64) -> Address {
    Wallet::numbered(number).address()
}

fn messages_of(chain: &Chain, height: u64) -> Vec<plinth_types::transfer::OutboxMessage> {
    zone::block(chain, Height::new(height), Terms::default()).unwrap().outbox.0
}

#[test]
fn a_deposit_is_credited_moves_as_erc20_and_leaves_again() {
    let mut chain = chain(None, 2);
    chain.build_consuming(&[deposit(1, 0, 500, account(ALICE))], &[], 1, FEES).unwrap();
    assert_eq!(balance(&chain, 0, account(ALICE)), U256::from(500));
    let sent = [transfer(ALICE, 0, 0, account(BOB), 120), withdraw(BOB, 0, 0, 100, ZoneId::BASE, 9)];
    let built = chain.build(&sent, 2, FEES).unwrap();
    assert!(built.block.record.receipts.iter().all(|receipt| receipt.status()), "{:?}", built.rejected);
    assert_eq!(balance(&chain, 0, account(ALICE)), U256::from(380));
    assert_eq!(balance(&chain, 0, account(BOB)), U256::from(20));
    assert_eq!(supply(&chain, 0), U256::from(400));

    let first = zone::block(&chain, Height::new(1), Terms::default()).unwrap().header;
    assert_eq!((first.inbox_index, first.inbox_refused.len(), first.outbox_totals.len()), (InboxIndex::new(1), 0, 0));
    assert_ne!(first.inbox_root, Digest::ZERO);
    let second = zone::block(&chain, Height::new(2), Terms::default()).unwrap();
    let [message] = &second.outbox.0[..] else { panic!("{:?}", second.outbox) };
    assert_eq!((message.channel_seq, message.amount.units(), message.to.zone), (1, 100, ZoneId::BASE));
    assert_eq!((message.to.address, message.expires_at.get()), (ZoneAddress([9; 32]), u64::MAX));
    assert_eq!(message.sender, inbox::address(account(BOB)));
    assert_eq!(second.header.outbox_totals, outbox::totals(&second.outbox.0).unwrap());
    assert_eq!(second.header.pre_root, first.post_root);
    assert_eq!(second.header.inbox_root, Digest::ZERO);
    assert_eq!(second.header.inbox_index, InboxIndex::new(1));
    assert_eq!(zone::hash(&second.body.0), second.header.body_hash);
}

#[test]
fn what_is_no_account_or_no_asset_or_a_request_is_refused_and_a_bounce_is_not() {
    let mut chain = chain(None, 1);
    let mut odd = deposit(1, 0, 7, account(ALICE));
    odd.account.0[3] = 1;
    let unknown = deposit(2, 999, 7, account(ALICE));
    let mut request = deposit(3, 0, 0, account(ALICE));
    let to = Party { zone: ZoneId::BASE, address: ZoneAddress([1; 32]) };
    let act = Request::Withdraw { account: request.account, to, asset: AssetId::new(0), amount: Amount::new(5).unwrap() };
    request.kind = InboxKind::Request(act);
    let mut bounce = deposit(4, 0, 11, account(BOB));
    bounce.kind = InboxKind::Bounce;
    let zero = deposit(5, 0, 7, Address::ZERO);
    chain.build_consuming(&[odd, unknown, request, bounce, zero], &[], 1, FEES).unwrap();
    let header = zone::block(&chain, Height::new(1), Terms::default()).unwrap().header;
    assert_eq!(header.inbox_refused, [1, 2, 3, 5].map(InboxIndex::new));
    assert_eq!(header.inbox_index, InboxIndex::new(5));
    assert_eq!(supply(&chain, 0), U256::from(11));
    assert_eq!(balance(&chain, 0, account(BOB)), U256::from(11));

    let head = chain.head().hash;
    let mut foreign = deposit(6, 0, 1, account(BOB));
    (foreign.kind, foreign.account) = (InboxKind::Bounce, ZoneAddress([5; 32]));
    for wrong in [foreign, deposit(5, 0, 1, account(BOB)), deposit(7, 0, 1, account(BOB))] {
        assert!(chain.build_consuming(&[wrong], &[], 2, FEES).is_err());
    }
    let mut elsewhere = deposit(6, 0, 1, account(BOB));
    elsewhere.zone = ZoneId::new(9);
    assert!(chain.build_consuming(&[elsewhere], &[], 2, FEES).is_err());
    assert_eq!((chain.head().hash, chain.inbox_consumed()), (head, InboxIndex::new(5)));
}

#[test]
fn nobody_but_the_system_mints_and_nobody_but_the_bridge_burns() {
    let mut chain = chain(None, 1);
    chain.build_consuming(&[deposit(1, 0, 50, account(ALICE))], &[], 1, FEES).unwrap();
    let delivery = inbox::delivery(
        &[deposit(2, 0, 1_000, account(BOB))],
        &inbox::decisions(chain.world(), &[deposit(2, 0, 1_000, account(BOB))]).unwrap(),
    );
    let mint = support::encoded("mint(address,uint256)", &[account(BOB).into_word().into(), U256::from(5)]);
    let burn = support::encoded("burn(address,uint256)", &[account(ALICE).into_word().into(), U256::from(5)]);
    let attempts = [
        call(BOB, 0, TxKind::Call(BRIDGE), &delivery.unwrap().input),
        call(BOB, 1, TxKind::Call(token(AssetId::new(0))), &mint),
        call(BOB, 2, TxKind::Call(token(AssetId::new(0))), &burn),
        withdraw(BOB, 3, 0, 1, ZoneId::BASE, 1),
        withdraw(ALICE, 0, 0, 51, ZoneId::BASE, 1),
        withdraw(ALICE, 1, 999, 1, ZoneId::BASE, 1),
        withdraw(ALICE, 2, 0, 0, ZoneId::BASE, 1),
        withdraw(ALICE, 3, 0, 1, support::ZONE, 1),
    ];
    let built = chain.build(&attempts, 2, FEES).unwrap();
    assert_eq!(built.block.record.receipts.len(), attempts.len());
    assert!(built.block.record.receipts.iter().all(|receipt| !receipt.status()), "each of them reverts");
    assert!(messages_of(&chain, 2).is_empty());
    assert_eq!(supply(&chain, 0), U256::from(50));
    assert_eq!(chain.inbox_consumed(), InboxIndex::new(1));
}

#[test]
fn a_withdrawal_that_is_undone_sends_nothing() {
    // Forwards its calldata to the bridge; then reverts if the first storage slot is set, as it is for the second contract.
    let (keeps, undoes) = (Address::repeat_byte(0xD1), Address::repeat_byte(0xD2));
    let mut genesis = genesis();
    let mut code = plinth_evm::ethereum::hex::decode("365f5f375f5f365f5f73").unwrap();
    code.extend_from_slice(BRIDGE.as_slice());
    code.extend(plinth_evm::ethereum::hex::decode("5af1505f54602757005b5f5ffd").unwrap());
    for (address, slot) in [(keeps, 0u64), (undoes, 1)] {
        let account = serde_json::json!({ "balance": "0x0", "code": plinth_evm::ethereum::hex::encode_prefixed(&code),
            "storage": { format!("{:#066x}", 0): format!("{slot:#066x}") } });
        genesis.alloc.insert(address, serde_json::from_value(account).unwrap());
    }
    let mut chain = support::chain_of(&genesis, None, 2);
    chain.build_consuming(&[deposit(1, 0, 50, keeps), deposit(2, 0, 50, undoes)], &[], 1, FEES).unwrap();
    let input = support::withdrawal(0, 20, ZoneId::BASE, 4);
    let built =
        chain.build(&[call(ALICE, 0, TxKind::Call(keeps), &input), call(BOB, 0, TxKind::Call(undoes), &input)], 2, FEES).unwrap();
    let statuses: Vec<bool> = built.block.record.receipts.iter().map(|receipt| receipt.status()).collect();
    assert_eq!(statuses.iter().filter(|status| **status).count(), 1, "{statuses:?}");
    let sent = messages_of(&chain, 2);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].sender, inbox::address(keeps));
    assert_eq!((balance(&chain, 0, keeps), balance(&chain, 0, undoes)), (U256::from(30), U256::from(50)));
}

#[test]
fn a_block_sends_at_most_256_messages_and_counts_its_channels_for_ever() {
    let mut chain = chain(None, 2);
    chain.build_consuming(&[deposit(1, 0, 10_000, account(ALICE))], &[], 1, FEES).unwrap();
    let many: Vec<_> = (0..260).map(|nonce| withdraw(ALICE, nonce, 0, 1, ZoneId::new((nonce % 2) as u16 * 5), 1)).collect();
    let built = chain.build(&many, 2, FEES).unwrap();
    assert_eq!(built.block.record.receipts.iter().filter(|receipt| receipt.status()).count(), 256);
    chain.build(&[withdraw(ALICE, 260, 0, 1, ZoneId::new(5), 1)], 3, FEES).unwrap();
    let mut channels: BTreeMap<ZoneId, u64> = BTreeMap::new();
    for message in messages_of(&chain, 2).into_iter().chain(messages_of(&chain, 3)) {
        let last = channels.entry(message.to.zone).or_default();
        *last += 1;
        assert_eq!(message.channel_seq, *last);
    }
    assert_eq!(channels.values().copied().collect::<Vec<_>>(), [128, 129]);
}

/// Deposits, bounces, refusals, transfers and withdrawals, at random.
fn random_block(random: &mut Random, chain: &mut Chain, nonces: &mut [u64; 6], time: u64) -> (u128, u128) {
    let first = chain.inbox_consumed().get() + 1;
    let messages: Vec<_> = (0..random.below(6))
        .map(|at| {
            let mut message = deposit(
                first + at,
                ASSETS[random.below(3) as usize],
                u128::from(1 + random.below(1_000)),
                account(random.below(6)),
            );
            if random.below(4) == 0 {
                message.kind = InboxKind::Bounce;
            } else if random.below(4) == 0 {
                message.account.0[0] = 1;
            }
            message
        })
        .collect();
    let transactions: Vec<_> = (0..random.below(40))
        .map(|_| {
            let who = random.below(6);
            let nonce = nonces[who as usize];
            nonces[who as usize] += 1;
            let (asset, amount) = (ASSETS[random.below(3) as usize], random.below(300));
            if random.below(2) == 0 {
                transfer(who, nonce, asset, account(random.below(6)), amount)
            } else {
                withdraw(who, nonce, asset, amount, ZoneId::new(random.below(3) as u16), 3)
            }
        })
        .collect();
    let built = chain.build_consuming(&messages, &transactions, time, FEES).unwrap();
    assert!(built.rejected.is_empty(), "{:?}", built.rejected);
    let decided = inbox::decisions(chain.world(), &messages).unwrap();
    let credited = decided.iter().map(|decision| match decision {
        inbox::Decision::Credit(credit) => credit.amount.units(),
        inbox::Decision::Refuse => 0,
    });
    let sent = outbox::messages(&built.block.record.receipts).unwrap();
    (credited.sum(), sent.iter().map(|message| message.amount.units()).sum())
}

#[test]
fn random_runs_keep_supply_and_replay_from_bodies_on_any_number_of_workers() {
    let mut sent_ever = 0;
    for seed in 0..6 {
        let mut producer = chain(None, [1, 2, 4][seed as usize % 3]);
        let (mut random, mut nonces) = (Random(seed), [0; 6]);
        let mut expected = U256::ZERO;
        for time in 1..=8 {
            let (credited, sent) = random_block(&mut random, &mut producer, &mut nonces, time);
            expected = expected + U256::from(credited) - U256::from(sent);
            sent_ever += sent;
            assert_eq!(ASSETS.iter().map(|asset| supply(&producer, *asset)).sum::<U256>(), expected, "seed {seed}");
            assert_eq!(support::held(&producer), expected, "seed {seed}");
        }
        for workers in [1, 2, 4, 8] {
            let mut auditor = chain(None, workers);
            for height in (1..=8).map(Height::new) {
                let block = zone::block(&producer, height, Terms::default()).unwrap();
                let messages = &producer.blocks().by_number(height.get()).unwrap().record.inbox;
                let replayed = zone::replay(&mut auditor, &block.body.0, messages, Terms::default()).unwrap();
                assert_eq!(replayed, block, "seed {seed}, {workers} workers");
            }
            assert_eq!(auditor.head().record, producer.head().record);
        }
    }
    assert!(sent_ever > 0);
}

#[test]
fn credits_and_withdrawals_equal_plain_revm() {
    // The plan of a block with a delivery, on the oracle: system calls, then transactions.
    let mut chain = chain(None, 4);
    chain.build_consuming(&[deposit(1, 0, 900, account(ALICE))], &[], 1, FEES).unwrap();
    let before = chain.world().clone();
    let messages = [deposit(2, 0, 33, account(BOB)), deposit(3, 1, 44, account(ALICE))];
    let transactions: Vec<_> = (0..30).map(|nonce| withdraw(ALICE, nonce, 0, 2, ZoneId::BASE, 3)).collect();
    let built = chain.build_consuming(&messages, &transactions, 2, FEES).unwrap();
    let header = &built.block.record.block.header;
    let decisions = inbox::decisions(&before, &messages).unwrap();
    let word = |hash: plinth_evm::ethereum::B256| hash.to_vec().into();
    let mut plan = BlockPlan::plain(chain.context(header));
    plan.before = vec![
        SystemCall { target: plinth_evm::ethereum::BEACON_ROOTS_ADDRESS, input: word(header.parent_beacon_block_root.unwrap()) },
        SystemCall { target: plinth_evm::ethereum::HISTORY_STORAGE_ADDRESS, input: word(header.parent_hash) },
    ];
    plan.before.extend(inbox::delivery(&messages, &decisions));
    let environments: Vec<_> = transactions.iter().map(|transaction| transaction.env()).collect();
    let oracle = serial::execute(&before, &plan, &environments);
    assert!(oracle.opening_outputs.iter().all(Result::is_ok));
    let mut after = before.clone();
    after.apply(&oracle.changes);
    for address in [BRIDGE, token(AssetId::new(0)), token(AssetId::new(1)), account(ALICE), FEES] {
        assert_eq!(after.get(&address), chain.world().get(&address), "{address}");
    }
}

#[test]
fn a_replay_refuses_other_messages_and_other_bodies() {
    let mut producer = chain(None, 1);
    let messages = [deposit(1, 0, 5, account(ALICE)), deposit(2, 0, 6, account(BOB))];
    producer.build_consuming(&messages, &[], 1, FEES).unwrap();
    let block = zone::block(&producer, Height::new(1), Terms::default()).unwrap();
    let mut auditor = chain(None, 1);
    let mut replay = |body: &[u8], messages: &[_]| zone::replay(&mut auditor, body, messages, Terms::default());
    let mut more = messages;
    more[1].amount = Amount::new(7).unwrap();
    assert!(replay(&block.body.0, &more).unwrap_err().to_string().contains("parentBeaconBlockRoot"));
    assert!(replay(&block.body.0, &messages[..1]).is_err());
    assert!(replay(&block.body.0[1..], &messages).is_err());
    let mut later = block.body.0.clone();
    later[1] = 1;
    assert!(replay(&later, &messages).is_err());
    for at in 0..block.body.0.len().min(200) {
        let mut damaged = block.body.0.clone();
        damaged[at] ^= 0x40;
        // Any verdict, no panic; a body that still replays is another block.
        if let Ok(other) = zone::replay(&mut chain(None, 1), &damaged, &messages, Terms::default()) {
            assert_ne!(other.header.post_root, block.header.post_root);
        }
    }
    let mut auditor = chain(None, 1);
    assert_eq!(zone::replay(&mut auditor, &block.body.0, &messages, Terms::default()).unwrap(), block);
}

#[test]
fn a_journal_cut_anywhere_neither_loses_nor_repeats_a_credit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let mut whole = chain(Some(&path), 2);
    let (mut random, mut nonces) = (Random(77), [0; 6]);
    let mut ends = vec![std::fs::metadata(&path).unwrap().len() as usize];
    for time in 1..=6 {
        random_block(&mut random, &mut whole, &mut nonces, time);
        ends.push(std::fs::metadata(&path).unwrap().len() as usize);
    }
    let bytes = std::fs::read(&path).unwrap();
    for (height, window) in ends.windows(2).enumerate() {
        for cut in [window[0], window[0] + 5, (window[0] + window[1]) / 2, window[1] - 1] {
            let torn = directory.path().join("torn");
            std::fs::write(&torn, &bytes[..cut]).unwrap();
            let mut recovered = chain(Some(&torn), 1);
            assert_eq!(zone::height(&recovered), Height::new(height as u64));
            let sealed = whole.blocks().by_number(height as u64 + 1).unwrap();
            assert_eq!(recovered.inbox_consumed(), whole.blocks().by_number(height as u64).unwrap().inbox_consumed);
            // The news are told again: the block that was torn is made again, the same.
            let body = zone::block(&whole, Height::new(height as u64 + 1), Terms::default()).unwrap();
            let again = zone::replay(&mut recovered, &body.body.0, &sealed.record.inbox, Terms::default()).unwrap();
            assert_eq!(again, body);
        }
    }
    let recovered = chain(Some(&path), 4);
    for height in (1..=6).map(Height::new) {
        let of = |chain: &Chain| zone::block(chain, height, Terms::default()).unwrap();
        assert_eq!(of(&recovered), of(&whole), "handed over again byte for byte");
    }
}

#[test]
fn a_genesis_takes_the_bridge_once_and_a_chain_without_one_is_no_zone() {
    let mut genesis = genesis();
    assert_eq!(config().install(&mut genesis), Err(BridgeError::Taken(BRIDGE)));
    let asset = |id: u16, name: &str| Asset { id, name: name.into(), symbol: "X".into(), decimals: 0 };
    let refused = |assets: Vec<Asset>| BridgeConfig { chain: 1, zone: 3, assets }.install(&mut Genesis::default()).unwrap_err();
    assert_eq!(refused(vec![]), BridgeError::Assets(0));
    assert_eq!(refused(vec![asset(1, "a"), asset(1, "b")]), BridgeError::Twice(1));
    assert!(matches!(refused(vec![asset(1, "a name of seventeen")]), BridgeError::Name { .. }));
    let mut plain = support::chain_of(&dev_genesis(), None, 1);
    assert!(matches!(plain.build_consuming(&[deposit(1, 0, 1, account(ALICE))], &[], 1, FEES), Err(ChainError::Block(_))));
    assert!(zone::block(&plain, Height::new(1), Terms::default()).is_err());
}

#[test]
fn storage_is_where_the_compiler_says() {
    let artifact = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["storage"].clone();
    let bridge = artifact(include_str!("../contracts/artifacts/PlinthBridge.json"));
    let token = artifact(include_str!("../contracts/artifacts/PlinthToken.json"));
    use plinth_evm::bridge::contracts::slots;
    let at =
        |layout: &serde_json::Value, name: &str| (layout[name]["slot"].as_u64().unwrap(), layout[name]["offset"].as_u64().unwrap());
    assert_eq!(at(&bridge, "chain"), (slots::PLACE, 0));
    assert_eq!(at(&bridge, "zone"), (slots::PLACE, 8));
    assert_eq!(at(&bridge, "consumed"), (slots::CONSUMED, 0));
    assert_eq!(at(&token, "name"), (slots::NAME, 0));
    assert_eq!(at(&token, "symbol"), (slots::SYMBOL, 0));
    assert_eq!(at(&token, "decimals"), (slots::DECIMALS, 0));
}

#[test]
fn the_body_has_the_bytes_of_version_1() {
    let mut chain = chain(None, 1);
    chain.build_consuming(&[deposit(1, 0, 500, account(ALICE))], &[], 1, FEES).unwrap();
    chain.build(&[withdraw(ALICE, 0, 0, 100, ZoneId::BASE, 9)], 2, FEES).unwrap();
    let mut text = String::new();
    for height in 1..=2 {
        let block = zone::block(&chain, Height::new(height), Terms::default()).unwrap();
        let hex = plinth_evm::ethereum::hex::encode;
        text += &format!("body {}\nheader {}\n", hex(&block.body.0), hex(&block.header.to_bytes()));
    }
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/zone-blocks.txt");
    if std::env::var_os("PLINTH_REGENERATE").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    assert!(text == std::fs::read_to_string(&golden).unwrap(), "a body or header of the zone changed");
}
