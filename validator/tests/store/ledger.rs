//! The chain on its store: validation, restarts after crashes, what a light client is shown.

use crate::chain::Fixture;
use commonware_runtime::Runner as _;
use commonware_runtime::deterministic::{Config, Context, FaultConfig, PartialWriteMode, Runner, WriteConfig};
use commonware_utils::Probability;
use plinth_settlement::block::{Block, Transaction};
use plinth_settlement::consensus::{Chain, ChainError, open_store};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::store::Proven;
use plinth_types::codec::Codec as _;
use plinth_types::id::{AssetId, Height, PublicKey, TimestampNs};
use std::sync::Arc;

pub(crate) fn genesis() -> Arc<Genesis> {
    Fixture::new(4).genesis
}

pub(crate) async fn open(context: &Context, partition: &str) -> Chain {
    let genesis = genesis();
    let store = open_store(context, partition, &genesis).await.unwrap();
    Chain::open(genesis, store).await.unwrap()
}

/// The next block: the same in every run.
pub(crate) fn block(chain: &Chain) -> Block {
    let height = chain.finalized().height().next().get();
    let deposit = Transaction::Deposit(Fixture::new(4).deposit(height, u128::from(height)));
    chain.finalized().propose(TimestampNs::new(1_000 + height), vec![deposit])
}

/// Blocks 1 to `count` of a chain that never stopped.
async fn blocks(context: &Context, count: u64) -> Vec<Block> {
    let chain = open(context, "straight").await;
    let mut blocks = Vec::new();
    for _ in 0..count {
        let next = block(&chain);
        chain.validate(&next).await.unwrap();
        blocks.push(next);
    }
    blocks
}

#[test]
fn a_block_with_another_root_is_refused_and_changes_nothing() {
    Runner::default().start(|context| async move {
        let straight = blocks(&context, 4).await;
        let chain = open(&context, "refused").await;
        for expected in &straight {
            let state = chain.finalized();
            let other = Block::new(expected.height(), expected.parent(), expected.time(), state.digest(), vec![]);
            assert!(matches!(chain.validate(&other).await, Err(ChainError::Block(_))));
            assert_eq!(block(&chain), *expected, "the same root behind the same blocks");
            chain.validate(expected).await.unwrap();
        }
    });
}

/// Unsynced bytes survive in part.
pub(crate) fn torn() -> FaultConfig {
    let rate = |percent| Probability::new(percent, 100).unwrap();
    let write_rate = Some(WriteConfig { failure_rate: rate(0), retention_rate: rate(50), mode: PartialWriteMode::Subset });
    FaultConfig { write_rate, ..FaultConfig::default() }
}

#[test]
fn a_crashed_chain_opens_from_its_facts_and_the_blocks_behind_them() {
    let straight = Runner::default().start(|context| async move { blocks(&context, 24).await });
    for seed in 0..12 {
        let mut runner = Runner::new(Config::new().with_seed(seed).with_storage_fault_config(torn()));
        let mut acknowledged = 0;
        while acknowledged < 24 {
            let straight = straight.clone();
            let (height, checkpoint) = runner.start_and_recover(move |context| async move {
                let chain = open(&context, "crashed").await;
                let opened = chain.finalized().height().get();
                assert!(opened + 1 >= acknowledged, "behind {acknowledged} the store may lag one block, and opened at {opened}");
                // The archive hands out what follows; then come a few new ones, and the crash.
                let until = (acknowledged + 1 + seed % 4).min(24);
                for block in &straight[usize::try_from(opened).unwrap()..usize::try_from(until).unwrap()] {
                    chain.validate(block).await.unwrap();
                }
                until
            });
            acknowledged = height;
            runner = Runner::from(checkpoint);
        }
        let (state, root) = runner.start(|context| async move {
            let chain = open(&context, "crashed").await;
            (chain.finalized(), chain.store().live().await.unwrap().0.root)
        });
        assert_eq!(state.height(), Height::new(23), "the store lags one block");
        assert_eq!((state.root(), root), (straight[23].pre_state(), straight[23].pre_state()));
    }
}

#[test]
fn every_fact_of_the_ledger_is_proven_against_the_root_in_the_last_block() {
    Runner::default().start(|context| async move {
        let straight = blocks(&context, 9).await;
        let chain = open(&context, "facts").await;
        for block in &straight {
            chain.validate(block).await.unwrap();
        }
        let before = open(&context, "straight").await.finalized();
        let certified = straight[8].pre_state();
        let mut count = 0;
        for (key, fact) in before.facts() {
            let (live, proof) = chain.store().prove(&key.to_bytes()).await.unwrap();
            assert_eq!((live.root, live.position.height), (certified, Height::new(8)));
            let Proven::Present(value) = proof.verify(&key.to_bytes(), certified).unwrap() else { panic!("{key:?}") };
            assert_eq!(Fact::decode(&value).unwrap(), fact);
            count += 1;
        }
        assert!(count > 10, "{count} facts");
        let nobody = FactKey::Balance(PublicKey([9; 32]), AssetId::new(0)).to_bytes();
        let (_, proof) = chain.store().prove(&nobody).await.unwrap();
        assert_eq!(proof.verify(&nobody, certified).unwrap(), Proven::Absent);
    });
}
