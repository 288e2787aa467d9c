//! After it is made, the engine allocates nothing: counted by the global allocator, per thread, over a long random run.

mod counting;
mod flow;

use counting::CALLS;
use flow::Flow;
use plinth_matching::engine::Engine;
use plinth_matching::state::Dirty;
use plinth_types::event::{Event, EventSink};
use plinth_types::page::Touch;

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
