//! State sync: an empty directory comes to a certified root, and lying sources are found out.

use crate::script::*;
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use plinth_settlement::store::{
    StatePart, StateRequest, StateSource, StateTarget, StoreError, SyncError, VerifiableState as _, synchronize,
};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A store behind a wire; changes one bit of the answer of this number.
pub(crate) struct Wire {
    store: Arc<Store>,
    answers: AtomicU64,
    lie_at: Option<u64>,
}

impl Wire {
    pub(crate) fn new(store: &Arc<Store>, lie_at: Option<u64>) -> Self {
        Self { store: Arc::clone(store), answers: AtomicU64::new(0), lie_at }
    }
}

impl StateSource for Wire {
    type Error = StoreError;

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, StoreError>> {
        async move {
            let number = self.answers.fetch_add(1, Ordering::Relaxed);
            let request = StateRequest::decode(&request.to_bytes())?;
            let mut bytes = self.store.part(request).await?.to_bytes();
            if self.lie_at == Some(number) {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            Ok(StatePart::decode(&bytes)?)
        }
        .boxed()
    }
}

#[test]
fn a_new_store_joins_at_a_certified_root_and_goes_on_with_the_same_roots() {
    deterministic::Runner::default().start(|context| async move {
        let straight = straight_roots(&context, 90).await;
        for (partition, pruned) in [("whole", false), ("pruned", true)] {
            let server = Arc::new(open(&context, partition).await);
            advance(&server, 70).await;
            if pruned {
                server.prune().await.unwrap();
            }
            let live = advance(&server, 80).await;
            let target = StateTarget::decode(&server.target().await.unwrap().to_bytes()).unwrap();
            // Blocks and pruning go on while the state is fetched.
            advance(&server, 85).await;
            server.prune().await.unwrap();
            let name = format!("joined-{partition}");
            let joined =
                synchronize(context.child("joined"), &config(&name), &target, live.root, Wire::new(&server, None)).await.unwrap();
            assert_eq!(joined.live().await.unwrap().0, live);
            assert_eq!(joined.facts().await.unwrap().len(), model(80).len());
            for height in 81..=90 {
                assert_eq!(advance(&joined, height).await.root, straight[usize::try_from(height).unwrap()]);
            }
            drop(joined);
            assert_eq!(open(&context, &name).await.live().await.unwrap().0.root, straight[90]);
        }
    });
}

#[test]
fn a_lying_source_is_found_out() {
    deterministic::Runner::default().start(|context| async move {
        let server = Arc::new(open(&context, "server").await);
        let live = advance(&server, 60).await;
        let target = server.target().await.unwrap();
        let sync = |number: u64, root: Digest, lie_at: Option<u64>| {
            let (context, config) = (context.child("liar"), config(&format!("liar-{number}")));
            let (target, wire) = (target.clone(), Wire::new(&server, lie_at));
            async move { synchronize(context, &config, &target, root, wire).await }
        };
        assert!(matches!(sync(0, Digest([7; 32]), None).await, Err(SyncError::Target { .. })));
        for lie in 0..2 {
            assert!(matches!(sync(1 + lie, live.root, Some(lie)).await, Err(SyncError::Source(_))), "answer {lie}");
        }
        let bytes = target.to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // The claimed position is not part of the proof: the root covers the one that is fetched.
            let position = 1..50;
            let Ok(target) = StateTarget::decode(&changed) else { continue };
            let range = bytes.len() - 16..bytes.len();
            assert!(position.contains(&at) || range.contains(&at) || !target.belongs_to(live.root), "byte {at}");
        }
        assert!(sync(9, live.root, None).await.is_ok());
    });
}

/// Keeps the requests that are made of it.
struct Heard(Wire, Arc<Mutex<Vec<Vec<u8>>>>);

impl StateSource for Heard {
    type Error = StoreError;

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, StoreError>> {
        self.1.lock().unwrap().push(request.to_bytes());
        self.0.part(request)
    }
}

#[test]
fn whatever_part_a_peer_asks_for_the_store_goes_on() {
    deterministic::Runner::default().start(|context| async move {
        let server = Arc::new(open(&context, "server").await);
        advance(&server, 40).await;
        server.prune().await.unwrap();
        let live = advance(&server, 60).await;
        let (target, heard) = (server.target().await.unwrap(), Arc::new(Mutex::new(Vec::new())));
        let source = Heard(Wire::new(&server, None), Arc::clone(&heard));
        synchronize(context.child("hearing"), &config("hearing"), &target, live.root, source).await.unwrap();
        let requests = heard.lock().unwrap().clone();
        let (mut asked, mut refused) = (0, 0);
        for request in &requests {
            for (at, bit) in (0..request.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut changed = request.clone();
                changed[at] ^= 1 << bit;
                let Ok(changed) = StateRequest::decode(&changed) else { continue };
                asked += 1;
                refused += u32::from(server.part(changed).await.is_err());
            }
        }
        assert!(requests.len() >= 2 && asked > 30 && refused > 0, "{} {asked} {refused}", requests.len());
        assert_eq!(server.live().await.unwrap().0, live);
    });
}
