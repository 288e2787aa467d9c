//! Witnesses: an engine on the pages that a block uses does what the whole engine does, ends at its root, and uses no page that it lacks.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;

use flow::{Flow, Rng, Sequenced};
use plinth_matching::engine::Engine;
use plinth_matching::state::{Accessed, Dirty, Missing, StateTree, WitnessError, open, pages, restore, root_of, witness};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::page::{RegionId, Touch};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tells the test which page is missing.
#[derive(Debug)]
enum Panic {}

impl Missing for Panic {
    fn missing(region: RegionId, _: usize) -> ! {
        std::panic::panic_any(region)
    }
}

fn run<T: Touch>(engine: &mut Engine<T>, commands: &[Sequenced]) -> Vec<Event> {
    let mut events = Vec::new();
    commands.iter().for_each(|(command, tail)| engine.apply(command, tail, &mut events));
    events
}

/// A zone in motion and its next commands, with what they do and where it ends.
struct Block {
    engine: Engine<Dirty>,
    tree: StateTree,
    pre_root: Digest,
    commands: Vec<Sequenced>,
    witness: Vec<u8>,
}

impl Block {
    /// Behind `before` commands of the flow, with a witness for `within` more.
    fn new(seed: u64, before: usize, within: usize) -> Self {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, Dirty::new(&flow.capacity));
        run(&mut engine, &flow.commands(before));
        let mut tree = StateTree::new(&engine);
        let pre_root = tree.update(&mut engine);
        let mut block = Self { engine, tree, pre_root, commands: flow.commands(within), witness: Vec::new() };
        block.witness = block.witness_of(&block.commands);
        block
    }

    fn witness_of(&self, commands: &[Sequenced]) -> Vec<u8> {
        let capacity = *self.engine.capacity();
        let mut probe = restore(capacity, pages(&self.engine), Accessed::new(&capacity)).unwrap();
        run(&mut probe, commands);
        witness(&self.engine, &self.tree, probe.touch())
    }
}

#[test]
fn an_engine_on_a_witness_goes_where_the_whole_engine_goes() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let mut block = Block::new(seed, rng.below(600) as usize, 1 + rng.below(120) as usize);
        let capacity = *block.engine.capacity();
        let (mut partial, opened, pre_root) = open::<Panic>(capacity, &mut block.witness).unwrap();
        assert_eq!(pre_root, block.pre_root, "seed {seed}");
        assert_eq!(run(&mut partial, &block.commands), run(&mut block.engine, &block.commands), "seed {seed}");
        assert_eq!(opened.close(&partial), root_of(&block.engine), "seed {seed}");
    }
}

#[test]
fn a_witness_of_other_commands_ends_the_execution() {
    let mut ended = 0;
    for seed in 0..40 {
        let mut block = Block::new(seed, 400, 60);
        let capacity = *block.engine.capacity();
        let mut short = block.witness_of(&block.commands[..1]);
        let (mut partial, _, pre_root) = open::<Panic>(capacity, &mut short).unwrap();
        assert_eq!(pre_root, block.pre_root, "a smaller witness is of the same root");
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut partial, &block.commands)));
        match result {
            Err(cause) => {
                assert!(cause.is::<RegionId>(), "what ends it is the missing page, nothing else");
                ended += 1;
            }
            Ok(events) => assert_eq!(events, run(&mut block.engine, &block.commands), "nothing was missing"),
        }
    }
    assert!(ended > 30, "{ended} of 40");
}

#[test]
fn no_changed_byte_keeps_the_root() {
    for seed in 0..6 {
        let block = Block::new(seed, 300, 20);
        let capacity = *block.engine.capacity();
        let mut rng = Rng(seed);
        let mut opened = block.witness.clone();
        open::<Panic>(capacity, &mut opened).unwrap();
        for _ in 0..400 {
            let at = rng.below(block.witness.len() as u64) as usize;
            let mut forged = block.witness.clone();
            forged[at] ^= 1 << rng.below(8);
            let root = open::<Panic>(capacity, &mut forged).map(|(_, _, root)| root);
            // Digests in the place of used children are not looked at: opening computes them.
            let computed = forged[at] == opened[at];
            assert!(computed || root != Ok(block.pre_root), "seed {seed}, byte {at}");
        }
    }
}

#[test]
fn bytes_that_are_no_witness_are_refused() {
    let block = Block::new(3, 300, 20);
    let capacity = *block.engine.capacity();
    let refused = |mut bytes: Vec<u8>| open::<Panic>(capacity, &mut bytes).unwrap_err();
    for size in (1..block.witness.len()).step_by(7) {
        let expected = if size % 4 == 0 { WitnessError::Truncated } else { WitnessError::Address };
        assert_eq!(refused(block.witness[..size].to_vec()), expected, "{size} bytes");
    }
    assert_eq!(refused([&block.witness[..], &[0; 4]].concat()), WitnessError::Trailing);
    assert_eq!(refused([&block.witness[..], &[0]].concat()), WitnessError::Address);
    // The census is one page, so a second one is more than there are.
    let mut many = block.witness.clone();
    many[0] = 2;
    assert!(matches!(refused(many), WitnessError::Truncated | WitnessError::Number { .. }));
    let mut beyond = block.witness;
    beyond[4] = 1;
    assert!(matches!(refused(beyond), WitnessError::Number { .. }));
}
