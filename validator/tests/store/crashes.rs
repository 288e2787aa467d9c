//! Crashes and faulty disks: whatever survives is a state that was once live, and from it the same roots follow.

use crate::script::*;
use commonware_runtime::deterministic::{FaultConfig, PartialWriteMode, ResizeConfig, Runner, WriteConfig};
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use commonware_utils::Probability;
use plinth_settlement::store::{Qmdb, VerifiableState as _};
use std::time::Duration;

const HEIGHT: u64 = 30;

fn percent(percent: u64) -> Probability {
    Probability::new(percent, 100).unwrap()
}

/// Bytes that were not synced survive in part, in any order.
fn torn_writes() -> FaultConfig {
    FaultConfig {
        write_rate: Some(WriteConfig { failure_rate: percent(0), retention_rate: percent(50), mode: PartialWriteMode::Subset }),
        resize_rate: Some(ResizeConfig { failure_rate: percent(0), partial_rate: percent(50) }),
        ..FaultConfig::default()
    }
}

#[test]
fn after_a_crash_the_store_has_every_block_that_it_acknowledged() {
    let straight = Runner::default().start(|context| async move { straight_roots(&context, HEIGHT).await });
    for seed in 0..24 {
        let config = deterministic::Config::new().with_seed(seed).with_storage_fault_config(torn_writes());
        let mut runner = Runner::new(config);
        let mut acknowledged = 0;
        let mut crashes = 0;
        while acknowledged < HEIGHT {
            let straight = straight.clone();
            let (height, checkpoint) = runner.start_and_recover(move |context| async move {
                let store = open(&context, "crashed").await;
                let (live, mut tip) = store.live().await.unwrap();
                let mut height = live.position.height.get();
                assert!(height >= acknowledged, "seed {seed}: block {acknowledged} was acknowledged, {height} is there");
                assert_eq!(live.root, straight[usize::try_from(height).unwrap()], "seed {seed} height {height}");
                // A few blocks, then one whose forks are made and whose writes are under way when the lights go out.
                for _ in 0..=seed % 3 {
                    if height == HEIGHT {
                        return height;
                    }
                    tip = fork(&store, &tip, height + 1, 0).await;
                    let applied = store.apply(tip.clone()).await.unwrap();
                    height += 1;
                    assert_eq!(applied.root, straight[usize::try_from(height).unwrap()]);
                }
                if height < HEIGHT {
                    let next = fork(&store, &tip, height + 1, 0).await;
                    let mut applying = store.apply(next);
                    // Polled a few times, never to its end.
                    for _ in 0..seed % 5 {
                        if futures::poll!(&mut applying).is_ready() {
                            return height + 1;
                        }
                        context.sleep(Duration::from_millis(1)).await;
                    }
                }
                height
            });
            acknowledged = height;
            crashes += 1;
            runner = Runner::from(checkpoint);
        }
        assert!(crashes > 5, "seed {seed}");
    }
}

#[test]
fn a_failing_disk_closes_the_store_and_a_good_one_opens_it() {
    let straight = Runner::default().start(|context| async move { straight_roots(&context, HEIGHT).await });
    let mut failures = 0;
    for seed in 0..24 {
        let faults = FaultConfig {
            write_rate: Some(WriteConfig { failure_rate: percent(2), retention_rate: percent(50), mode: PartialWriteMode::Subset }),
            sync_rate: Some(percent(5)),
            ..FaultConfig::default()
        };
        let runner = Runner::new(deterministic::Config::new().with_seed(seed).with_storage_fault_config(faults));
        let (acknowledged, checkpoint) = runner.start_and_recover(|context| async move {
            let opened = Qmdb::open(context.child("store"), &config("failing"), position(0, 0), &writes(0, 0)).await;
            let Ok(store) = opened else { return None };
            let (_, mut tip) = store.live().await.unwrap();
            for height in 1..=HEIGHT {
                let Ok(next) = store.fork(&tip, &writes(height, 0), position(height, 0)).await else { return Some(height - 1) };
                if store.apply(next.clone()).await.is_err() {
                    return Some(height - 1);
                }
                tip = next;
            }
            Some(HEIGHT)
        });
        failures += u32::from(acknowledged != Some(HEIGHT));
        let (found, root) = Runner::from(checkpoint).start(|context| async move {
            *context.storage_fault_config().write() = FaultConfig::default();
            let store = open(&context, "failing").await;
            let live = store.live().await.unwrap().0;
            assert!(live.position.height.get() >= acknowledged.unwrap_or(0), "seed {seed}");
            (live, advance(&store, HEIGHT).await.root)
        });
        assert_eq!(found.root, straight[usize::try_from(found.position.height.get()).unwrap()], "seed {seed}");
        assert_eq!(root, straight[usize::try_from(HEIGHT).unwrap()], "seed {seed}");
    }
    assert!(failures >= 12, "the disks fail: {failures} of 24");
}

#[test]
fn a_run_is_the_same_twice() {
    let run = || {
        Runner::seeded(7).start(|context| async move {
            advance(&open(&context, "twice").await, HEIGHT).await;
            context.auditor().state()
        })
    };
    assert_eq!(run(), run());
}
