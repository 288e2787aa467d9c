//! One root on every runtime: threads hash under tokio, nobody but the executor under simulation.

use crate::script::*;
use commonware_runtime::{Runner as _, deterministic, tokio};
use plinth_settlement::digest::sha256;
use plinth_settlement::store::{StoreRuntime, VerifiableState as _, Write};
use plinth_types::digest::Digest;

/// So many that a batch is cut up among threads wherever there are any.
const WRITES: u64 = 4_000;
/// Keys that the wide blocks share, so that most are written again and some are removed.
const KEYS: u64 = 6_000;
const WIDE_BLOCKS: u64 = 8;
const SCRIPT_HEIGHT: u64 = 40;

fn wide(height: u64) -> Vec<Write> {
    let write = |index: u64| {
        let seed = sha256(&[b"wide", &height.to_le_bytes(), &index.to_le_bytes()]).0;
        let removed = seed[8].is_multiple_of(16);
        let wide = u64::from_le_bytes(seed[..8].try_into().unwrap()) % KEYS;
        Write { key: key(FACTS + wide), value: (!removed).then(|| seed.to_vec().into()) }
    };
    (0..WRITES).map(write).collect()
}

/// The root behind every block: those of the script, and wide ones after them.
async fn roots<E: StoreRuntime>(context: &E) -> Vec<Digest> {
    let store = open(context, "runtimes").await;
    let mut roots = Vec::new();
    for height in 0..=SCRIPT_HEIGHT {
        roots.push(advance(&store, height).await.root);
    }
    for height in SCRIPT_HEIGHT + 1..=SCRIPT_HEIGHT + WIDE_BLOCKS {
        let (_, tip) = store.live().await.unwrap();
        let fork = store.fork(&tip, &wide(height), position(height, 0)).await.unwrap();
        roots.push(store.apply(fork).await.unwrap().root);
    }
    roots
}

#[test]
fn threads_and_the_executor_alone_come_to_the_same_roots() {
    let alone = deterministic::Runner::default().start(async |context| roots(&context).await);
    let folder = tempfile::tempdir().unwrap();
    let config = tokio::Config::new().with_worker_threads(2).with_storage_directory(folder.path().to_path_buf());
    let threads = tokio::Runner::new(config).start(async |context| roots(&context).await);
    assert_eq!(threads, alone);
    assert_eq!(alone.len() as u64, 1 + SCRIPT_HEIGHT + WIDE_BLOCKS);
}

#[test]
fn wide_blocks_under_simulation_are_the_same_twice() {
    let run = || {
        deterministic::Runner::seeded(3).start(async |context| {
            roots(&context).await;
            context.auditor().state()
        })
    };
    assert_eq!(run(), run());
}
