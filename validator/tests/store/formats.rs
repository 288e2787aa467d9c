//! Stores of two formats: the same facts under other roots, and what an interrupted rebuild leaves. A chain that changes: [`crate::changes`].

use crate::ledger::torn;
use crate::script::*;
use crate::syncing::Wire;
use bytes::Bytes;
use commonware_runtime::deterministic::Runner;
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use plinth_settlement::store::{
    Fact, FactProof, Live, Proven, Qmdb, StoreConfig, StoreError, StoreParameters, VerifiableState as _, rebuild, synchronize,
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
fn the_root_is_a_function_of_facts_position_and_format() {
    Runner::default().start(|context| async move {
        let (before, mut facts) = old(&context).await;
        let new = rebuild(context.child("new"), &compact("new"), before.position, facts.clone()).await.unwrap();
        let after = new.live().await.unwrap().0;
        assert_eq!((after.position, after.root == before.root), (before.position, false));
        assert_eq!(new.facts().await.unwrap(), facts);
        // The order in which the facts come does not matter; a fact more, or another format, does.
        facts.reverse();
        let again = rebuild(context.child("again"), &compact("again"), before.position, facts.clone()).await.unwrap();
        assert_eq!(again.live().await.unwrap().0, after);
        let same = rebuild(context.child("same"), &config("same"), before.position, facts.clone()).await.unwrap();
        assert_ne!(same.live().await.unwrap().0.root, after.root);
        facts.push(Fact { key: Bytes::from_static(b"one more"), value: Bytes::new() });
        let other = rebuild(context.child("other"), &compact("other"), before.position, facts).await.unwrap();
        assert_ne!(other.live().await.unwrap().0.root, after.root);
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
fn a_store_is_of_the_format_that_it_names_and_no_program_makes_one_that_it_does_not_know() {
    Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        drop(rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap());
        for (partition, asked, format) in
            [("old", compact("old"), StoreParameters::CURRENT), ("new", config("new"), StoreParameters::COMPACT)]
        {
            let opened = Qmdb::open(context.child(partition), &asked, position(0, 0), &[]).await.unwrap();
            assert_eq!(opened.format().await.unwrap(), format);
        }
        let unknown = StoreParameters { layout: 9, ..StoreParameters::CURRENT };
        let asked = StoreConfig { parameters: unknown, ..config("unknown") };
        let opened = Qmdb::open(context.child("unknown"), &asked, position(0, 0), &[]).await;
        assert!(matches!(opened, Err(StoreError::UnknownFormat { parameters }) if parameters == unknown));
        assert_eq!(open(&context, "old").await.live().await.unwrap().0, before);
    });
}

#[test]
fn a_newcomer_fetches_the_new_format() {
    Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        let server = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
        let live = advance(&server, HEIGHT + 10).await;
        let server = Arc::new(server);
        let target = server.target().await.unwrap();
        // Whatever it would have made itself.
        for (partition, asked) in [("joined", compact("joined")), ("other", config("other"))] {
            let wire = Wire::new(&server, None);
            let joined = synchronize(context.child(partition), &asked, &target, live.root, wire).await.unwrap();
            assert_eq!((joined.live().await.unwrap().0, joined.format().await.unwrap()), (live, StoreParameters::COMPACT));
            if partition == "other" {
                assert_eq!(advance(&joined, HEIGHT + 20).await, advance(&server, HEIGHT + 20).await);
            }
        }
    });
}

#[test]
fn what_is_discarded_is_gone() {
    Runner::default().start(|context| async move {
        let store = open(&context, "gone").await;
        advance(&store, HEIGHT).await;
        store.discard().await.unwrap();
        assert!(matches!(store.live().await.map(|_| ()), Err(StoreError::Closed)));
        drop(store);
        let anew = Qmdb::open(context.child("anew"), &config("gone"), position(0, 0), &[]).await.unwrap();
        assert_eq!((anew.live().await.unwrap().0.position, anew.facts().await.unwrap().len()), (position(0, 0), 0));
    });
}

#[test]
fn a_rebuild_that_was_cut_off_leaves_the_old_state_and_is_done_again() {
    let straight = Runner::default().start(|context| async move {
        let (before, facts) = old(&context).await;
        let new = rebuild(context.child("new"), &compact("new"), before.position, facts).await.unwrap();
        (before, new.live().await.unwrap().0)
    });
    for seed in 0..16 {
        let config = deterministic::Config::new().with_seed(seed).with_storage_fault_config(torn());
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
