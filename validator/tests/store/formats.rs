//! A change of format: what binds the old root to the new one, what an interrupted change leaves, and who is refused.

use crate::script::*;
use crate::syncing::Wire;
use bytes::Bytes;
use commonware_runtime::deterministic::{FaultConfig, PartialWriteMode, Runner, WriteConfig};
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use commonware_utils::Probability;
use plinth_settlement::store::{
    Fact, FactProof, Live, Migration, Proven, Qmdb, StoreConfig, StoreError, StoreParameters, SyncError, VerifiableState as _,
    rebuild, synchronize,
};
use plinth_types::codec::Codec as _;
use std::sync::Arc;
use std::time::Duration;

/// The height behind which the format changes.
const HEIGHT: u64 = 30;

/// The new format.
fn compact(partition: &str) -> StoreConfig {
    StoreConfig { parameters: StoreParameters::COMPACT, ..config(partition) }
}

/// The old store's last state and its facts.
async fn old(context: &deterministic::Context) -> (Live, Vec<Fact>) {
    let store = open(context, "old").await;
    let live = advance(&store, HEIGHT).await;
    (live, store.facts().await.unwrap())
}

#[test]
fn a_migration_binds_both_roots() {
    Runner::default().start(|context| async move {
        let (before, mut facts) = old(&context).await;
        let new = rebuild(context.child("new"), &compact("new"), before.position, facts.clone()).await.unwrap();
        let after = new.live().await.unwrap().0;
        let (old_root, new_root) = (before.root, after.root);
        assert_ne!(old_root, new_root);
        let migration = Migration { position: before.position, old_root, parameters: StoreParameters::COMPACT, new_root };
        let migration = Migration::decode(&migration.to_bytes()).unwrap();
        migration.check(before, after).unwrap();
        assert_eq!(new.facts().await.unwrap(), facts);
        // The order in which the facts come does not matter; a fact more, or another format, does.
        facts.reverse();
        let again = rebuild(context.child("again"), &compact("again"), before.position, facts.clone()).await.unwrap();
        assert_eq!(again.live().await.unwrap().0, after);
        let same = rebuild(context.child("same"), &config("same"), before.position, facts.clone()).await.unwrap();
        assert!(migration.check(before, same.live().await.unwrap().0).is_err());
        facts.push(Fact { key: Bytes::from_static(b"one more"), value: Bytes::new() });
        let other = rebuild(context.child("other"), &compact("other"), before.position, facts).await.unwrap();
        assert!(migration.check(before, other.live().await.unwrap().0).is_err());
        assert!(migration.check(advance(&open(&context, "old").await, HEIGHT + 1).await, after).is_err());
    });
}

#[test]
fn the_blocks_after_it_write_the_same_facts_under_other_roots() {
    Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        let store = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
        let old = open(&context, "old").await;
        for height in [HEIGHT + 1, HEIGHT + 20] {
            let (new, old) = (advance(&store, height).await, advance(&old, height).await);
            assert_eq!(new.position, old.position);
            assert_ne!(new.root, old.root);
            let model = model(height);
            assert_eq!(store.facts().await.unwrap().len(), model.len());
            for fact in 0..FACTS {
                let (live, proof) = store.prove(&key(fact)).await.unwrap();
                let proven = FactProof::decode(&proof.to_bytes()).unwrap().verify(&key(fact), live.root).unwrap();
                assert_eq!(proven, model.get(&key(fact)).map_or(Proven::Absent, |value| Proven::Present(value.clone())));
            }
        }
        // Whoever opens it again goes on from there, in the format that it is of.
        drop(store);
        let store = Qmdb::open(context.child("again"), &compact("new"), position(0, 0), &[]).await.unwrap();
        assert_eq!(store.live().await.unwrap().0.position, position(HEIGHT + 20, 0));
    });
}

#[test]
fn a_store_of_another_format_is_not_opened() {
    Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        drop(rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap());
        let refused = |opened: Result<_, StoreError>| match opened.map(|_store: Qmdb<_>| ()) {
            Err(StoreError::OtherFormat { found, expected }) => (found, expected),
            other => panic!("{other:?}"),
        };
        let (first, second) = (StoreParameters::CURRENT, StoreParameters::COMPACT);
        let opened = Qmdb::open(context.child("old_as_new"), &compact("old"), position(0, 0), &[]).await;
        assert_eq!(refused(opened), (first, second));
        let opened = Qmdb::open(context.child("new_as_old"), &config("new"), position(0, 0), &[]).await;
        assert_eq!(refused(opened), (second, first));
        let unknown = StoreConfig { parameters: StoreParameters { layout: 9, ..first }, ..config("unknown") };
        let opened = Qmdb::open(context.child("unknown"), &unknown, position(0, 0), &[]).await;
        assert!(matches!(opened, Err(StoreError::UnknownFormat { .. })));
        // Both are as they were.
        assert_eq!(open(&context, "old").await.live().await.unwrap().0, before);
    });
}

#[test]
fn a_newcomer_fetches_the_new_format_and_no_other() {
    Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        let server = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
        let live = advance(&server, HEIGHT + 10).await;
        let server = Arc::new(server);
        let target = server.target().await.unwrap();
        let wire = || Wire::new(&server, None);
        let joined = synchronize(context.child("joined"), &compact("joined"), &target, live.root, wire()).await.unwrap();
        assert_eq!(joined.live().await.unwrap().0, live);
        assert_eq!(advance(&joined, HEIGHT + 20).await, advance(&server, HEIGHT + 20).await);
        let left = synchronize(context.child("left"), &config("left"), &target, live.root, wire()).await;
        let left = left.map(|_store| ()).unwrap_err();
        assert!(matches!(left, SyncError::Store(StoreError::OtherFormat { .. })), "{left}");
    });
}

/// Unsynced bytes survive in part.
fn torn_writes() -> FaultConfig {
    let half = Probability::new(50, 100).unwrap();
    let never = Probability::new(0, 100).unwrap();
    FaultConfig {
        write_rate: Some(WriteConfig { failure_rate: never, retention_rate: half, mode: PartialWriteMode::Subset }),
        ..FaultConfig::default()
    }
}

#[test]
fn a_change_that_was_cut_off_leaves_the_old_state_and_is_done_again() {
    let straight = Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        let new = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
        (before, new.live().await.unwrap().0)
    });
    for seed in 0..16 {
        let config = deterministic::Config::new().with_seed(seed).with_storage_fault_config(torn_writes());
        let (_, checkpoint) = Runner::new(config).start_and_recover(|context| async move {
            let (before, facts) = old(&context).await;
            let config = compact("new");
            let rebuilt = rebuild(context.child("new"), &config, before.position, facts);
            futures::pin_mut!(rebuilt);
            // Polled a few times; the longest reaches the end.
            for _ in 0..seed {
                if futures::poll!(&mut rebuilt).is_ready() {
                    return;
                }
                context.sleep(Duration::from_millis(1)).await;
            }
        });
        let found = Runner::from(checkpoint).start(|context| async move {
            let (before, facts) = old(&context).await;
            let new = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
            (before, new.live().await.unwrap().0)
        });
        assert_eq!(found, straight, "seed {seed}");
    }
}
