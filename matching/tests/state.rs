//! The zone's root and pages: incremental and full roots agree, a restored engine goes on as the first one, hostile pages are refused,
//! and the bytes of a small state are pinned.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;

use flow::{Flow, Rng, Sequenced};
use plinth_golden::Fixtures;
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state::{self, Dirty, LAYOUT_VERSION, Page, PageNumber, RestoreError, StateTree, pages, restore, root_of};
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, OrderId, Seq, SessionId};
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};
use plinth_types::quantity::{Price, Qty};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn run<T: Touch>(engine: &mut Engine<T>, commands: &[Sequenced]) -> Vec<Event> {
    let mut events = Vec::new();
    commands.iter().for_each(|(command, tail)| engine.apply(command, tail, &mut events));
    events
}

#[test]
fn the_root_of_dirty_pages_is_the_root_of_all_pages() {
    for seed in 0..30 {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, Dirty::new(&flow.capacity));
        let mut tree = StateTree::new(&engine);
        let mut rng = Rng(seed);
        for block in 0..40 {
            let commands = flow.commands(rng.below(120) as usize);
            run(&mut engine, &commands);
            assert_eq!(tree.update(&mut engine), root_of(&engine), "seed {seed}, block {block}");
            assert_eq!(engine.touch().count(), 0, "an update empties the set");
            assert_eq!(tree.update(&mut engine), tree.root(), "nothing has changed since");
        }
    }
}

#[test]
fn an_engine_without_a_set_of_dirty_pages_has_the_same_root() {
    let mut flow = Flow::new(5);
    let commands = flow.commands(3_000);
    let (mut plain, mut dirty) = (Engine::new(flow.capacity, ()), Engine::new(flow.capacity, Dirty::new(&flow.capacity)));
    assert_eq!(run(&mut plain, &commands), run(&mut dirty, &commands));
    assert_eq!(root_of(&plain), root_of(&dirty));
}

#[test]
fn a_restored_engine_goes_on_as_the_first_one() {
    for seed in 0..60 {
        let mut flow = Flow::new(seed);
        let mut first = Engine::new(flow.capacity, ());
        run(&mut first, &flow.commands(Rng(seed).below(3_000) as usize));
        let mut second = restore(flow.capacity, pages(&first), Dirty::new(&flow.capacity)).unwrap();
        assert_eq!(root_of(&first), root_of(&second), "seed {seed}");
        let mut tree = StateTree::new(&second);
        let commands = flow.commands(1_500);
        assert_eq!(run(&mut first, &commands), run(&mut second, &commands), "seed {seed}");
        assert_eq!(root_of(&first), tree.update(&mut second), "seed {seed}");
        assert_eq!(pages(&first).collect::<Vec<_>>(), pages(&second).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// One changed byte gives pages that are refused, or another state with another root, which still cannot panic the engine.
#[test]
fn changed_pages_are_refused_or_have_another_root() {
    let (mut refused, mut other) = (0, 0);
    for seed in 0..25 {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        run(&mut engine, &flow.commands(1_200));
        let (good, root) = (pages(&engine).collect::<Vec<_>>(), root_of(&engine));
        let commands = flow.commands(300);
        let mut rng = Rng(seed);
        for _ in 0..120 {
            let mut bad = good.clone();
            let at = rng.below(bad.len() as u64) as usize;
            let page = &mut bad[at];
            // Mostly a byte that is in use.
            let used: Vec<usize> = (0..PAGE_SIZE).filter(|&at| page.bytes[at] != 0).collect();
            let at = if rng.one_in(3) { rng.below(512) as usize } else { used[rng.below(used.len() as u64) as usize] };
            page.bytes[at] ^= 1 << rng.below(8);
            match restore(flow.capacity, bad, ()) {
                Err(_) => refused += 1,
                Ok(mut changed) => {
                    assert_ne!(root_of(&changed), root, "seed {seed}");
                    let behind = changed.last_seq().get();
                    let later = |(command, tail): &Sequenced| {
                        let seq = Seq::new(behind + command.seq.get());
                        (Command { seq, ..*command }, tail.clone())
                    };
                    run(&mut changed, &commands.iter().map(later).collect::<Vec<_>>());
                    state::check(&changed).unwrap();
                    other += 1;
                }
            }
        }
    }
    println!("{refused} refused, {other} another state");
    assert!(refused > 1_000 && other > 50, "{refused} refused, {other} another state");
}

#[test]
fn pages_out_of_place_are_refused() {
    let mut flow = Flow::new(3);
    let mut engine = Engine::new(flow.capacity, ());
    run(&mut engine, &flow.commands(500));
    let good: Vec<Page> = pages(&engine).collect();
    let try_restore = |pages: Vec<Page>| restore(flow.capacity, pages, ()).map(|_| ());
    let (region, page) = (good[0].region, good[0].number);
    let twice = [&good[..1], &good[..]].concat();
    assert_eq!(try_restore(twice), Err(RestoreError::OutOfOrder { region, page }));
    let mut beyond = good.clone();
    beyond[0].number = PageNumber::new(1);
    assert_eq!(try_restore(beyond), Err(RestoreError::UnknownPage { region, page: PageNumber::new(1) }));
    let mut unknown = good.clone();
    let (region, page) = (RegionId::new(99), PageNumber::new(0));
    unknown.push(Page { region, number: page, bytes: [1; PAGE_SIZE] });
    assert_eq!(try_restore(unknown), Err(RestoreError::UnknownPage { region, page }));
    assert!(matches!(try_restore(good[1..].to_vec()), Err(RestoreError::Inconsistent(_))), "a page is missing");
    assert_eq!(try_restore(Vec::new()), Ok(()), "no page is the empty zone");
    let none = Capacity { orders_max: 0, ..flow.capacity };
    assert!(matches!(restore(none, good, ()), Err(RestoreError::Capacity(_))));
}

#[test]
fn the_root_commits_to_the_capacity() {
    let capacity = Flow::new(1).capacity;
    // One account more or less leaves the number of pages as it is.
    let other = Capacity { mandates_max: capacity.mandates_max - 1, ..capacity };
    assert_ne!(root_of(&Engine::new(capacity, ())), root_of(&Engine::new(other, ())));
}

/// A small state with something in every region: resting orders in and outside the window, a gap in the pool, a trade.
fn small_state() -> Engine {
    let mut flow = Flow::new(2);
    let mut engine = Engine::new(flow.capacity, ());
    run(&mut engine, &flow.configuration());
    let session = SessionId::new(1);
    let mut index = 0;
    let mut order = |side, ticks, lots| {
        index += 1;
        let new = NewOrder {
            order: OrderId::new(session, index).unwrap(),
            instrument: InstrumentId::new(0),
            side,
            price: OrderPrice::Limit(Price::from_ticks(ticks).unwrap()),
            qty: Qty::from_lots(lots).unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed: false,
        };
        flow.sequenced(session, 0, Body::New(new), Vec::new())
    };
    let orders = [
        order(Side::Buy, 50, 3),
        order(Side::Buy, 20, 1),
        order(Side::Sell, 60, 2),
        order(Side::Sell, 200, 4),
        order(Side::Sell, 50, 1),
    ];
    let events = run(&mut engine, &orders);
    assert_eq!(events.len(), 6, "{events:?}");
    let cancel = flow.sequenced(session, 0, Body::Cancel { order: OrderId::new(session, 3).unwrap() }, Vec::new());
    assert!(matches!(run(&mut engine, &[cancel])[..], [Event::Cancelled { .. }]));
    engine
}

#[test]
fn the_bytes_of_a_small_state_are_pinned() {
    let engine = small_state();
    let mut text = format!("layout {LAYOUT_VERSION}\ncapacity {}\n", hex(&engine.capacity().to_bytes()));
    for page in pages(&engine) {
        writeln!(text, "page {} {}", page.region.get(), page.number).unwrap();
        for (at, bytes) in page.bytes.chunks_exact(32).enumerate().filter(|(_, bytes)| bytes.iter().any(|&byte| byte != 0)) {
            writeln!(text, "{:03x} {}", at * 32, hex(bytes)).unwrap();
        }
    }
    writeln!(text, "root {}", root_of(&engine)).unwrap();
    // A difference means another layout: raise LAYOUT_VERSION with it.
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).text("state.txt", &text);
}

/// The root once more, from the module's documentation and the pages alone.
#[test]
fn the_root_is_what_the_documentation_says() {
    let engine = small_state();
    let capacity = *engine.capacity();
    let mut present: BTreeMap<(u16, u32), Page> = BTreeMap::new();
    for page in pages(&engine) {
        present.insert((page.region.get(), page.number.get()), page);
    }
    let (accounts, assets) = (u64::from(capacity.accounts_max), u64::from(capacity.assets_max));
    let spills = u64::from(capacity.instruments_max) * 4 * u64::from(capacity.spill_levels_max);
    let regions = [
        (1_u16, 16_u16, 1),
        (2, 64, assets),
        (3, 64, accounts),
        (4, 64, accounts * assets),
        (5, 128, 1),
        (6, 16, capacity.mandates_max.into()),
        (7, 16, capacity.sessions_max.into()),
        (8, 256, capacity.instruments_max.into()),
        (9, 16, 1 + 2 * u64::from(capacity.levels_max) + spills),
        (10, 8, u64::from(capacity.levels_max) / 64 * 6),
        (11, 16, spills),
        (12, 64, 1 + u64::from(capacity.orders_max)),
        (13, 8, (u64::from(capacity.orders_max) * 2).next_power_of_two().max(512)),
        (14, 32, accounts),
        (15, 16, 1 + u64::from(capacity.orders_max)),
        (16, 8, 64),
        (17, 32, 1 + u64::from(capacity.orders_max)),
        (18, 512, capacity.instruments_max.into()),
        (19, 512, 64),
        (20, 512, capacity.instruments_max.into()),
        (21, 64, 256),
        (22, 32, 256 * 64),
        (23, 32, 1_024),
        (24, 16, 1 + u64::from(capacity.orders_max)),
        (25, 64, capacity.instruments_max.into()),
        (26, 16, 1 + u64::from(capacity.orders_max)),
        (27, 32, 64 * u64::from(capacity.instruments_max)),
        (28, 64, capacity.instruments_max.into()),
        (29, 64, 1 + 16_384),
    ];
    let mut root = Sha256::new();
    root.update(b"plinth/state/1");
    root.update(LAYOUT_VERSION.to_le_bytes());
    root.update(capacity.to_bytes());
    for (region, record_size, records) in regions {
        let page_count = (records * u64::from(record_size)).div_ceil(512) as u32;
        let mut tier: Vec<[u8; 32]> = (0..page_count)
            .map(|page| {
                present.get(&(region, page)).map_or([0; 32], |found| {
                    let parts = [&found.bytes[..], b"plinth/page/1", &region.to_le_bytes(), &page.to_le_bytes()].concat();
                    Sha256::digest(parts).into()
                })
            })
            .collect();
        let mut height = 0_u8;
        while tier.len() > 1 {
            height += 1;
            tier = tier
                .chunks(16)
                .zip(0_u32..)
                .map(|(children, number)| {
                    if children.iter().all(|child| *child == [0; 32]) {
                        return [0; 32];
                    }
                    let mut parts = children.concat();
                    parts.resize(16 * 32, 0);
                    parts.extend_from_slice(b"plinth/node/1");
                    parts.extend_from_slice(&[&region.to_le_bytes()[..], &[height], &number.to_le_bytes()].concat());
                    Sha256::digest(parts).into()
                })
                .collect();
        }
        root.update(region.to_le_bytes());
        root.update(record_size.to_le_bytes());
        root.update(records.to_le_bytes());
        root.update(tier[0]);
    }
    assert_eq!(root_of(&engine), Digest(root.finalize().into()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
