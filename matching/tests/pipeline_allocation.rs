//! Once its buffers have grown, the pipeline allocates nothing: neither on the thread that submits and releases nor on the journal's.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod counting;
mod market;

use counting::CALLS;
use market::{Market, submit, wait_durable, zone_config};
use plinth_matching::journal::limits::SEGMENT_SIZE_DEFAULT;
use plinth_matching::replica::recover;
use plinth_types::id::TimestampNs;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn submitting_writing_and_releasing_allocate_nothing() {
    const BURST: usize = 4_000;
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    config.journal.segment_size = SEGMENT_SIZE_DEFAULT;
    // What the journal's thread has allocated when it publishes.
    let journal_calls = Arc::new(AtomicU64::new(0));
    config.journal.on_publish = Some(Arc::new({
        let journal_calls = Arc::clone(&journal_calls);
        move || journal_calls.store(CALLS.with(Cell::get), Ordering::Release)
    }));
    let recovered = recover(&config, TimestampNs::new(1), |_, _, _| ()).unwrap();
    let (mut fused, _) = recovered.start(&config.journal).unwrap();
    let asks = Market::new(11).take(10 * BURST).collect::<Vec<_>>();
    let mut calls = (0, 0);
    let mut event_count = 0;
    for (round, burst) in asks.chunks(BURST).enumerate() {
        // The first two grow the buffers.
        if round == 2 {
            calls = (CALLS.with(Cell::get), journal_calls.load(Ordering::Acquire));
        }
        for ask in burst {
            submit(&mut fused, 1, ask, |_, _, _| ());
        }
        let last = fused.last_seq();
        wait_durable(fused.journal(), last);
        fused.release(|_, _, events| event_count += events.len());
    }
    assert_eq!((CALLS.with(Cell::get), journal_calls.load(Ordering::Acquire)), calls, "this thread's, the journal's");
    assert!(event_count > 10_000 && fused.pending() == 0);
    fused.shutdown(|_, _, _| ()).unwrap();
}
