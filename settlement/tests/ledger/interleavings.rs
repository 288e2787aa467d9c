//! Every order in which three deposits into two zones can come, each with one of them twice, with a crash in between (F17, I5).

use super::world::*;
use plinth_settlement::block::{Block, SignedDeposit, Transaction};
use plinth_settlement::ledger::{OneByOne, State};
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use std::collections::BTreeMap;

/// Offers each deposit as a block of its own, in turn; what is refused is gone. Keeps the blocks that were accepted.
fn offer(state: &mut State, order: &[SignedDeposit], chain: &mut Vec<Block>) {
    for &signed in order {
        let block = state.propose(TimestampNs::new(state.time().get() + 1), vec![Transaction::Deposit(signed)]);
        if let Ok(checked) = state.check(&block, &mut OneByOne::default()) {
            state.apply(checked);
            chain.push(block);
        }
    }
}

fn permutations(items: &[SignedDeposit]) -> Vec<Vec<SignedDeposit>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..items.len() {
        let mut rest = items.to_vec();
        let item = rest.remove(first);
        for mut tail in permutations(&rest) {
            tail.insert(0, item);
            all.push(tail);
        }
    }
    all
}

/// How often each id is in an inbox, over both zones.
fn effects(state: &State) -> BTreeMap<Digest, usize> {
    let mut effects = BTreeMap::new();
    for message in state.zones().flat_map(|zone| zone.inbox().pending().copied().collect::<Vec<_>>()) {
        *effects.entry(message.id).or_default() += 1;
    }
    effects
}

#[test]
fn three_deposits_into_two_zones_take_effect_once_in_every_order() {
    let mut cases = 0;
    for zones in 0..8_u8 {
        let zone = |index: u8| if zones >> index & 1 == 0 { TRADING } else { PRIVACY };
        // The third is of all that is left, so it cannot be covered if any of the others counted twice, and nothing is left over.
        let units = [100, 150, 250];
        let deposits: Vec<_> =
            (0..3).map(|index| deposit(0, u64::from(index) + 1, zone(index), BTC, units[usize::from(index)])).collect();
        for twice in &deposits {
            let mut items = deposits.clone();
            items.push(*twice);
            for order in permutations(&items) {
                for crash_at in 0..=order.len() {
                    let (mut state, mut chain) = (state(), Vec::new());
                    offer(&mut state, &order[..crash_at], &mut chain);
                    // The crash: nothing is left but genesis and the finalized blocks, and they are replayed.
                    let mut recovered = super::world::state();
                    for block in &chain {
                        let checked = recovered.check_unsigned(block).unwrap().finalized();
                        recovered.apply(checked);
                    }
                    assert_eq!(recovered.digest(), state.digest());
                    offer(&mut recovered, &order[crash_at..], &mut chain);
                    assert!(effects(&recovered).values().all(|&count| count == 1), "{order:?}");
                    let left = recovered.balance(&owner(0).public_key(), BTC).units();
                    let moved: u128 = recovered.zones().map(|zone| zone.turnstile(BTC).in_flight.units()).sum();
                    assert_eq!(left + moved, 500, "{order:?}");
                    // Whoever sends again until it is ordered gets each of them in, once.
                    (0..3).for_each(|_| offer(&mut recovered, &order, &mut chain));
                    assert_eq!(effects(&recovered).len(), 3, "{order:?}");
                    assert_eq!(recovered.balance(&owner(0).public_key(), BTC).units(), 0);
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 8 * 3 * 24 * 5);
}
