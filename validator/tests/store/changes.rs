//! A chain whose store changes its format, twice: what binds the roots, what a crash leaves, and a program that does not know the format.

use crate::chain::{CHAIN, Fixture, governor};
use crate::ledger::torn;
use commonware_runtime::Runner as _;
use commonware_runtime::deterministic::{Config, Context, Runner};
use plinth_settlement::block::{Action, Block, GovernedTransaction, Transaction};
use plinth_settlement::consensus::{Chain, ChainError, fork, open_store};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::ledger::{State, StoreFormat};
use plinth_settlement::store::{Proven, StoreError, StoreParameters};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::sync::Arc;

const EPOCH_BLOCKS: u64 = 4;
const LENGTH: u64 = 20;
/// The last blocks of two formats: decided in epochs 0 and 2.
const LAST: [u64; 2] = [2 * EPOCH_BLOCKS - 1, 4 * EPOCH_BLOCKS - 1];

fn genesis() -> Arc<Genesis> {
    Fixture::changing(4, 4, EPOCH_BLOCKS as u32).genesis
}

async fn open(context: &Context, partition: &str) -> Result<Chain, ChainError> {
    let genesis = genesis();
    let store = open_store(context, partition, &genesis).await?;
    Chain::open(genesis, store).await
}

/// The next block: the same in every run.
fn block(state: &State, first: StoreParameters) -> Block {
    let height = state.height().next().get();
    let decide = |parameters| {
        let action = Action::SetStoreFormat { parameters };
        let number = state.decisions() + 1;
        Transaction::Governed(Box::new(GovernedTransaction::sign(number, action, CHAIN, [&governor()])))
    };
    let transaction = match height {
        2 => decide(first),
        9 => decide(StoreParameters::CURRENT),
        _ => Transaction::Deposit(Fixture::changing(4, 4, EPOCH_BLOCKS as u32).deposit(nonce(height), u128::from(height))),
    };
    state.propose(TimestampNs::new(1_000 + height), vec![transaction])
}

/// Every block but those with decisions has a deposit.
fn nonce(height: u64) -> u64 {
    height - [2, 9].into_iter().filter(|&decided| decided < height).count() as u64
}

async fn straight(context: &Context) -> Vec<Block> {
    let chain = open(context, "straight").await.unwrap();
    let mut blocks = Vec::new();
    for _ in 0..LENGTH {
        let next = block(&chain.finalized(), StoreParameters::COMPACT);
        chain.validate(&next).await.unwrap();
        blocks.push(next);
    }
    blocks
}

/// The root behind the second of two blocks on top of the live state, in its format.
async fn root_behind(chain: &Chain, parent: &State, blocks: [&Block; 2]) -> Digest {
    let store = chain.store();
    let (live, mut behind) = store.live().await.unwrap();
    assert_eq!(live.position.height, parent.height());
    let mut state = parent.clone();
    for block in blocks {
        let checked = state.check_unsigned(block).unwrap().finalized();
        let (checked, next) = fork(&*store, &behind, checked).await.unwrap();
        (state, behind) = (checked.state().clone(), next);
    }
    behind.root()
}

#[test]
fn one_certified_block_binds_both_roots_and_the_facts_are_the_same() {
    Runner::default().start(|context| async move {
        let chain = open(&context, "changing").await.unwrap();
        let (mut states, mut blocks, mut before) = (vec![chain.finalized()], Vec::new(), Vec::new());
        for height in 1..=LENGTH {
            let next = block(&chain.finalized(), StoreParameters::COMPACT);
            if LAST.contains(&height) {
                let parents = [blocks.last().unwrap(), &next];
                before.push(root_behind(&chain, &states[height as usize - 2], parents).await);
            }
            chain.validate(&next).await.unwrap();
            let (live, _) = chain.store().live().await.unwrap();
            assert_eq!((live.position.height.get(), live.root), (height - 1, next.pre_state()), "what is shown is certified");
            for (key, fact) in states.last().unwrap().facts() {
                let (_, proof) = chain.store().prove(&key.to_bytes()).await.unwrap();
                let proven = proof.verify(&key.to_bytes(), next.pre_state()).unwrap();
                assert_eq!(proven, Proven::Present(fact.to_bytes().into()), "behind {}: {key:?}", height - 1);
            }
            states.push(chain.finalized());
            blocks.push(next);
        }
        let formats = [StoreParameters::COMPACT, StoreParameters::CURRENT];
        for ((last, parameters), root_before) in LAST.into_iter().zip(formats).zip(before) {
            let format = *states[last as usize].store_format();
            assert_eq!((format.parameters, format.since, format.root_before), (parameters, Height::new(last), root_before));
            // The next block is on top of the new root, which covers the old one.
            assert_ne!(blocks[last as usize].pre_state(), root_before);
            assert_eq!(states[last as usize].fact(&FactKey::Format), Some(Fact::Format(format)));
        }
        assert_eq!(chain.store().format().await.unwrap(), StoreParameters::CURRENT);
        assert_ne!(*chain.finalized().store_format(), StoreFormat::GENESIS);
    });
}

#[test]
fn a_chain_that_crashes_around_a_change_comes_to_the_same_roots() {
    let blocks = Runner::default().start(|context| async move { straight(&context).await });
    for seed in 0..12 {
        let mut runner = Runner::new(Config::new().with_seed(seed).with_storage_fault_config(torn()));
        let mut acknowledged = 0;
        while acknowledged < LENGTH {
            let blocks = blocks.clone();
            let (height, checkpoint) = runner.start_and_recover(move |context| async move {
                let chain = open(&context, "crashed").await.unwrap();
                let opened = chain.finalized().height().get();
                assert!(opened + 1 >= acknowledged, "behind {acknowledged} the store may lag one block, and opened at {opened}");
                let until = (acknowledged + 1 + seed % 3).min(LENGTH);
                for block in &blocks[opened as usize..until as usize] {
                    chain.validate(block).await.unwrap();
                }
                until
            });
            acknowledged = height;
            runner = Runner::from(checkpoint);
        }
        let (height, root) = runner.start(|context| async move {
            let chain = open(&context, "crashed").await.unwrap();
            (chain.finalized().height().get(), chain.store().live().await.unwrap().0.root)
        });
        assert_eq!((height, root), (LENGTH - 1, blocks.last().unwrap().pre_state()), "seed {seed}");
    }
}

/// Power is lost in the midst of the block behind which all is written anew, and of the one that adopts it.
#[test]
fn a_change_that_was_cut_off_anywhere_is_done_again() {
    let blocks = Runner::default().start(|context| async move { straight(&context).await });
    let last = LAST[0] as usize;
    let mut has_adopted = false;
    for polls in 0..48 {
        let (given, config) = (blocks.clone(), Config::new().with_seed(polls).with_storage_fault_config(torn()));
        let (_, checkpoint) = Runner::new(config).start_and_recover(move |context| async move {
            let chain = open(&context, "cut").await.unwrap();
            for block in &given[..last - 1] {
                chain.validate(block).await.unwrap();
            }
            let both = async {
                chain.validate(&given[last - 1]).await.unwrap();
                chain.validate(&given[last]).await.unwrap();
            };
            futures::pin_mut!(both);
            for _ in 0..polls {
                if futures::poll!(&mut both).is_ready() {
                    break;
                }
                commonware_runtime::reschedule().await;
            }
        });
        let given = blocks.clone();
        let (opened, root) = Runner::from(checkpoint).start(move |context| async move {
            let chain = open(&context, "cut").await.unwrap();
            let opened = chain.finalized().height().get() as usize;
            assert!((last - 2..=last).contains(&opened), "opened at {opened}");
            for block in &given[opened..] {
                chain.validate(block).await.unwrap();
            }
            (opened, chain.store().live().await.unwrap().0.root)
        });
        assert_eq!(root, blocks.last().unwrap().pre_state(), "after {polls} steps");
        has_adopted |= opened == last;
    }
    assert!(has_adopted, "too few steps to reach the end of it");
}

#[test]
fn a_program_that_does_not_know_the_format_stops_before_it_and_keeps_what_it_has() {
    Runner::default().start(|context| async move {
        let unknown = StoreParameters { layout: 9, ..StoreParameters::CURRENT };
        let chain = open(&context, "stopped").await.unwrap();
        for _ in 1..LAST[0] {
            chain.validate(&block(&chain.finalized(), unknown)).await.unwrap();
        }
        let refused = chain.validate(&block(&chain.finalized(), unknown)).await.unwrap_err();
        let ChainError::Store(StoreError::UnknownFormat { parameters }) = refused else { panic!("{refused}") };
        assert_eq!(parameters, unknown);
        drop(chain);
        let height = open(&context, "stopped").await.unwrap().finalized().height().get();
        assert!(height + 2 >= LAST[0] && height < LAST[0], "opened at {height}");
    });
}
