//! The root of a block's exits is that of a plain tree over all balances, and every owner's way out leads to it.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::{Market, capacity, submit, wait_durable, zone_config};
use plinth_matching::engine::Engine;
use plinth_matching::replica::{ExitPath, ExitTree, ReplicaError, SealedBlock, ZoneConfig, recover, state_behind};
use plinth_types::digest::Digest;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{AccountId, AssetId, ChainId, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use sha2::{Digest as _, Sha256};

const COMMANDS: usize = 4_000;

/// Blocks of a market's flow, cut as it goes.
fn blocks_of_a_market(config: &ZoneConfig) -> Vec<SealedBlock> {
    let recovered = recover(config, TimestampNs::new(1), |_, _, _| ()).unwrap();
    let (mut fused, mut producer) = recovered.start(&config.journal).unwrap();
    let mut blocks = Vec::new();
    for (now, ask) in Market::new(11).take(COMMANDS).enumerate() {
        let now = now as u64 * 50_000;
        submit(&mut fused, now, &ask, |_, _, _| ());
        blocks.extend(producer.poll(fused.durable_seq(), TimestampNs::new(now)).unwrap());
    }
    wait_durable(fused.journal(), fused.last_seq());
    while let Some(block) = producer.poll(fused.last_seq(), TimestampNs::new(0)).unwrap() {
        blocks.push(block);
    }
    blocks.extend(producer.flush().unwrap());
    blocks
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::digest([ExitLeaf::NODE_DOMAIN, &left.0, &right.0].concat()).into())
}

fn leaf_digest(leaf: &ExitLeaf, config: &ZoneConfig) -> Digest {
    Digest(Sha256::digest(leaf.hashed_bytes(config.block.identity.chain, config.block.identity.zone)).into())
}

/// Every place of the tree, whether anybody owns anything there or not.
fn plain_root(engine: &Engine<()>, config: &ZoneConfig) -> Digest {
    let (accounts, assets) = (capacity().accounts_max, capacity().assets_max);
    let mut level = vec![Digest::ZERO; (accounts as usize * usize::from(assets)).next_power_of_two()];
    for account in engine.custody().accounts() {
        for asset in engine.custody().assets() {
            let amount = engine.custody().balance(account.id, asset.id).unwrap().settled;
            if amount > Amount::ZERO {
                let index = u64::from(asset.id.get()) * u64::from(accounts) + u64::from(account.id.get());
                let leaf = ExitLeaf { index, owner: account.owner, asset: asset.id, amount };
                level[index as usize] = leaf_digest(&leaf, config);
            }
        }
    }
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
    }
    level[0]
}

fn root_by(path: &ExitPath, config: &ZoneConfig) -> Digest {
    path.siblings.iter().enumerate().fold(leaf_digest(&path.leaf, config), |digest, (level, sibling)| {
        if path.leaf.index >> level & 1 == 0 { node(&digest, sibling) } else { node(sibling, &digest) }
    })
}

#[test]
fn every_block_lets_out_what_its_state_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = zone_config(folder.path());
    config.block.commands_max = 100;
    let blocks = blocks_of_a_market(&config);
    let mut roots: Vec<Digest> = Vec::new();
    let mut checked = 0;
    for block in blocks.iter().step_by(3).chain(blocks.last()) {
        let (header, engine) = state_behind(&config, block.header.height).unwrap();
        assert_eq!(header, block.header);
        assert_eq!(header.exit_root, plain_root(&engine, &config), "block {}", header.height);
        roots.push(header.exit_root);
        let tree = ExitTree::new(&engine, config.block.identity.chain, config.block.identity.zone);
        assert_eq!(tree.root(), header.exit_root);
        for (account, asset) in
            engine.custody().accounts().flat_map(|account| engine.custody().assets().map(move |asset| (account, asset)))
        {
            let balance = engine.custody().balance(account.id, asset.id).unwrap();
            let path = tree.path(&engine, account.id, asset.id);
            assert_eq!(path.as_ref().map(|path| path.leaf.amount), Some(balance.settled).filter(|amount| *amount > Amount::ZERO));
            if let Some(path) = path {
                assert_eq!((root_by(&path, &config), path.leaf.owner), (header.exit_root, account.owner));
                checked += 1;
            }
        }
    }
    roots.dedup();
    assert!(roots.len() > 5 && checked > 50, "{} roots, {checked} ways out: the test says little", roots.len());
    let none = blocks.last().unwrap().header.height.next();
    assert!(matches!(state_behind(&config, none), Err(ReplicaError::NoBlock { .. })));
}

#[test]
fn who_owns_nothing_has_no_way_out_and_an_empty_zone_has_no_root() {
    let engine = Engine::new(capacity(), ());
    let tree = ExitTree::new(&engine, ChainId::new(1), ZoneId::TRADING);
    assert_eq!(tree.root(), Digest::ZERO);
    assert_eq!(tree.path(&engine, AccountId::new(0), AssetId::new(0)), None);
}
