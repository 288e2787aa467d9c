//! Several blocks at one height: each is valid on its own, one of them counts.

use super::world::*;
use plinth_settlement::block::{Block, Transaction};
use plinth_settlement::ledger::{BlockError, Checked, OneByOne, State};
use plinth_types::id::TimestampNs;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn checked(state: &State, block: &Block) -> Checked {
    state.check(block, &mut OneByOne::default()).expect("a valid block")
}

/// The same deposit number into two zones, by two proposers: a double spend if both counted.
#[test]
fn of_two_conflicting_proposals_at_one_height_one_takes_effect() {
    let state = state();
    let [a, b] = [TRADING, PRIVACY].map(|zone| {
        let transactions = vec![Transaction::Deposit(deposit(0, 1, zone, BTC, 500))];
        state.propose(TimestampNs::new(2_000), transactions)
    });
    assert_ne!(a.id(), b.id());
    let (checked_a, checked_b) = (checked(&state, &a), checked(&state, &b));
    assert_ne!(checked_a.state().digest(), checked_b.state().digest());
    let mut finalized = state.clone();
    finalized.apply(checked_a);
    assert!(matches!(finalized.check(&b, &mut OneByOne::default()), Err(BlockError::Height { .. })));
    let spent_twice = catch_unwind(AssertUnwindSafe(|| finalized.clone().apply(checked_b)));
    assert!(spent_twice.is_err(), "what was checked on another parent cannot be applied");
    assert_eq!(finalized.zone(PRIVACY).unwrap().inbox().pending().len(), 0);
    assert_eq!(state.digest(), super::world::state().digest(), "a speculative child leaves its parent alone");
}

/// Four replicas see a tree of proposals in different orders, keep speculative children, and finalize one branch.
#[test]
fn replicas_that_saw_different_forks_agree_on_the_finalized_branch() {
    for seed in seeds(20) {
        let mut random = Random::new(seed);
        let mut tree: Vec<(usize, Block)> = Vec::new();
        let mut states = vec![state()];
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for _ in 0..24 {
            let parent = random.below(states.len() as u64) as usize;
            let on = &states[parent];
            let index = random.below(2) as u8;
            let nonce = on.deposit_nonce(&owner(index).public_key()) + 1;
            let zone = random.pick(&[TRADING, PRIVACY]);
            let transactions = vec![Transaction::Deposit(deposit(index, nonce, zone, BTC, u128::from(1 + random.below(9))))];
            let block = on.propose(TimestampNs::new(on.time().get() + 1 + random.below(3)), transactions);
            let next = checked(on, &block).state().clone();
            children.entry(parent).or_default().push(states.len());
            states.push(next);
            tree.push((parent, block));
        }
        // The branch: from genesis always down some child.
        let mut branch = Vec::new();
        let mut at = 0;
        while let Some(next) = children.get(&at) {
            at = random.pick(next);
            branch.push(at);
        }
        let replicas = (0..4).map(|_| {
            // Each replica holds some of the tree's blocks as checked children of whatever parent it knows, in tree order.
            let mut known: BTreeMap<usize, State> = BTreeMap::from([(0, state())]);
            for (index, (parent, block)) in tree.iter().enumerate() {
                let (Some(on), false) = (known.get(parent), random.one_in(4)) else { continue };
                let next = checked(on, block).state().clone();
                known.insert(index + 1, next);
            }
            let mut finalized = state();
            for &node in &branch {
                let checked = checked(&finalized, &tree[node - 1].1);
                if let Some(speculative) = known.get(&node) {
                    assert_eq!(speculative.digest(), checked.state().digest(), "seed {seed}");
                }
                finalized.apply(checked);
            }
            finalized.digest()
        });
        let digests: Vec<_> = replicas.collect();
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "seed {seed}");
        assert_eq!(digests[0], states[at].digest(), "seed {seed}");
    }
}
