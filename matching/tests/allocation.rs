//! After it is made, the engine allocates nothing: counted by the global allocator, per thread, over a long random run.

#![allow(unsafe_code)]

mod flow;

use flow::Flow;
use plinth_matching::engine::Engine;
use plinth_matching::state::Dirty;
use plinth_types::event::{Event, EventSink};
use plinth_types::page::Touch;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and no test runs on it.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise is the one that `System` asks for.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one that `System` asks for.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counter(u64);

impl EventSink for Counter {
    fn emit(&mut self, _: Event) {
        self.0 += 1;
    }
}

fn calls_of_a_run<T: Touch>(mut engine: Engine<T>, flow: &mut Flow) -> u64 {
    let commands = flow.commands(40_000);
    let mut events = Counter(0);
    let before = CALLS.get();
    for (command, tail) in &commands {
        engine.apply(command, tail, &mut events);
    }
    let calls = CALLS.get() - before;
    assert!(events.0 > 40_000, "the run is a real one: {} events", events.0);
    calls
}

#[test]
fn the_engine_allocates_nothing_after_it_is_made() {
    let before = CALLS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(CALLS.get() - before, 2, "the allocator counts");
    for seed in 0..8 {
        let mut flow = Flow::new(seed);
        let capacity = flow.capacity;
        assert_eq!(calls_of_a_run(Engine::new(capacity, ()), &mut flow), 0, "seed {seed}");
        let mut flow = Flow::new(seed);
        assert_eq!(calls_of_a_run(Engine::new(capacity, Dirty::new(&capacity)), &mut flow), 0, "seed {seed}, with dirty pages");
    }
}
