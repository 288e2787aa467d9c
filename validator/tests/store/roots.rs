//! Roots and proofs.

use crate::script::*;
use bytes::Bytes;
use commonware_runtime::{Runner as _, deterministic};
use plinth_settlement::store::{Fact, FactProof, Proven, StoreError, StoreParameters, VerifiableState as _};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;

/// The root behind block 40 of the script, for [`StoreParameters::CURRENT`]. When a dependency, a parameter or the layout changes it, no
/// validator of a running chain may take the change without a migration.
const GOLDEN_ROOT: &str = "3e4d92728ee3e02277a650776ff9fd29442de587c4b957aac2eab34a8ab6f28e";

#[test]
fn the_root_of_the_script_is_golden() {
    deterministic::Runner::default().start(|context| async move {
        let root = advance(&open(&context, "golden").await, 40).await.root;
        assert_eq!(root.to_string(), GOLDEN_ROOT, "the store's root has changed: a consensus change");
        let parameters: String = StoreParameters::CURRENT.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(parameters, "0172170300200001");
    });
}

#[test]
fn facts_are_what_the_blocks_wrote_and_every_one_is_proven() {
    deterministic::Runner::default().start(|context| async move {
        let store = open(&context, "proofs").await;
        for height in [0, 1, 17, 60] {
            let root = advance(&store, height).await.root;
            let model = model(height);
            let mut facts: Vec<(Bytes, Bytes)> =
                store.facts().await.unwrap().into_iter().map(|fact| (fact.key, fact.value)).collect();
            facts.sort();
            assert_eq!(facts, model.clone().into_iter().collect::<Vec<_>>());
            for fact in 0..FACTS + 5 {
                let key = key(fact);
                assert_eq!(store.get(&key).await.unwrap(), model.get(&key).cloned());
                let (live, proof) = store.prove(&key).await.unwrap();
                assert_eq!(live.root, root);
                let proof = FactProof::decode(&proof.to_bytes()).unwrap();
                let expected = model.get(&key).map_or(Proven::Absent, |value| Proven::Present(value.clone()));
                assert_eq!(proof.clone().verify(&key, root).unwrap(), expected);
                assert!(proof.clone().verify(&key, Digest([1; 32])).is_err(), "another root");
                assert!(proof.verify(b"fact/elsewhere", root).is_err() || expected == Proven::Absent, "another key");
            }
        }
    });
}

#[test]
fn an_empty_store_proves_absence() {
    deterministic::Runner::default().start(|context| async move {
        let store = plinth_settlement::store::Qmdb::open(context, &config("empty"), position(0, 0), &[]).await.unwrap();
        let (live, proof) = store.prove(b"anything").await.unwrap();
        assert_eq!(proof.verify(b"anything", live.root).unwrap(), Proven::Absent);
    });
}

#[test]
fn no_single_byte_of_a_proof_can_be_changed() {
    deterministic::Runner::default().start(|context| async move {
        let store = open(&context, "tampered").await;
        advance(&store, 30).await;
        let model = model(30);
        let present = model.keys().next().unwrap().clone();
        let absent = (0..FACTS).map(key).find(|key| !model.contains_key(key)).unwrap();
        for key in [present, absent] {
            let (live, proof) = store.prove(&key).await.unwrap();
            let bytes = proof.to_bytes();
            for at in 0..bytes.len() {
                for bit in [0x01, 0x80] {
                    let mut changed = bytes.clone();
                    changed[at] ^= bit;
                    let holds = FactProof::decode(&changed).is_ok_and(|proof| proof.verify(&key, live.root).is_ok());
                    assert!(!holds, "byte {at} of {} does not matter", bytes.len());
                }
            }
            for size in 0..bytes.len() {
                assert!(FactProof::decode(&bytes[..size]).is_err());
            }
        }
    });
}

#[test]
fn forks_have_the_roots_that_they_will_have() {
    deterministic::Runner::default().start(|context| async move {
        let straight = straight_roots(&context, 24).await;
        let store = open(&context, "forks").await;
        for height in (1..=22).step_by(3) {
            let (_, tip) = store.live().await.unwrap();
            // Three generations before the first is applied, and a sibling of each.
            let child = fork(&store, &tip, height, 0).await;
            let sibling = fork(&store, &tip, height, 1).await;
            let grandchild = fork(&store, &child, height + 1, 0).await;
            let cousin = fork(&store, &sibling, height + 1, 0).await;
            let last = fork(&store, &grandchild, height + 2, 0).await;
            let at = usize::try_from(height).unwrap();
            assert_eq!([child.root(), grandchild.root(), last.root()], straight[at..at + 3]);
            assert_ne!(sibling.root(), child.root());
            assert_ne!(cousin.root(), grandchild.root());
            store.apply(child).await.unwrap();
            // Forked from a state that will never be live.
            let stale = store.fork(&sibling, &writes(height + 1, 1), position(height + 1, 1)).await;
            assert!(matches!(stale, Err(StoreError::Storage(_))), "{stale:?}");
            // The grandchild is applied together with its descendant.
            assert_eq!(store.apply(last).await.unwrap().root, straight[at + 2]);
        }
    });
}

#[test]
fn a_stale_fork_closes_the_store_and_harms_nothing() {
    deterministic::Runner::default().start(|context| async move {
        let store = open(&context, "stale").await;
        let (_, tip) = store.live().await.unwrap();
        let (one, other) = (fork(&store, &tip, 1, 0).await, fork(&store, &tip, 1, 1).await);
        let live = store.apply(one).await.unwrap();
        assert!(store.apply(other).await.is_err());
        assert!(matches!(store.get(b"x").await, Err(StoreError::Closed)));
        assert_eq!(open(&context, "stale").await.live().await.unwrap().0, live);
    });
}

#[test]
fn pruning_changes_no_root_and_loses_no_fact() {
    deterministic::Runner::default().start(|context| async move {
        let straight = straight_roots(&context, 120).await;
        let store = open(&context, "pruned").await;
        for height in 1..=120 {
            let root = advance(&store, height).await.root;
            assert_eq!(root, straight[usize::try_from(height).unwrap()]);
            if height % 10 == 0 {
                store.prune().await.unwrap();
            }
        }
        drop(store);
        let store = open(&context, "pruned").await;
        let (live, _) = store.live().await.unwrap();
        assert_eq!(live.root, straight[120]);
        let facts: Vec<Fact> = store.facts().await.unwrap();
        assert_eq!(facts.len(), model(120).len());
        for fact in facts {
            let (live, proof) = store.prove(&fact.key).await.unwrap();
            assert_eq!(proof.verify(&fact.key, live.root).unwrap(), Proven::Present(fact.value));
        }
    });
}
