//! The fused zone on the real disk: what leaves, when, in which order; and what a kill at any moment leaves behind.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::{Market, submit, wait_durable, zone_config};
use plinth_matching::journal::Durability;
use plinth_matching::limits::EXPIRED_MAX;
use plinth_matching::pipeline::limits::RESERVED_CELLS;
use plinth_matching::pipeline::{Full, Fused};
use plinth_matching::replica::{ZoneConfig, recover};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, MandateId, OrderId, SessionId, TimestampNs};
use plinth_types::instructions::{Instructions, Lifetime};
use plinth_types::quantity::{Price, Qty};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Released = Vec<(Command, Vec<u8>, Vec<Event>)>;

fn start(config: &ZoneConfig) -> (Fused, Released) {
    let mut replayed = Released::new();
    let observe = |command: &Command, tail: &[u8], events: &[Event]| replayed.push((*command, tail.to_vec(), events.to_vec()));
    let recovered = recover(config, TimestampNs::new(1), observe).unwrap();
    let (fused, _) = recovered.start(&config.journal).unwrap();
    (fused, replayed)
}

#[test]
fn what_was_released_is_replayed_with_the_same_events() {
    for durability in [Durability::Sync, Durability::Async] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = zone_config(dir.path());
        config.journal.durability = durability;
        let mut released = Released::new();
        let mut asks = Market::new(5);
        for round in 0..3 {
            let (mut fused, replayed) = start(&config);
            assert_eq!(replayed, released, "{durability:?} round {round}");
            for (now, ask) in asks.by_ref().take(8_000).enumerate() {
                let durable_before = fused.journal().acknowledgeable();
                let take =
                    |command: &Command, tail: &[u8], events: &[Event]| released.push((*command, tail.to_vec(), events.to_vec()));
                submit(&mut fused, now as u64, &ask, take);
                assert!(fused.durable_seq() <= fused.last_seq() && durable_before <= fused.journal().acknowledgeable());
            }
            let engine = fused.shutdown(|command, tail, events| released.push((*command, tail.to_vec(), events.to_vec()))).unwrap();
            engine.check_conservation().unwrap();
        }
        assert_eq!(released.len(), 24_000);
        assert!(released.windows(2).all(|pair| pair[0].0.seq.next() == pair[1].0.seq && pair[0].0.time <= pair[1].0.time));
        let trades = released.iter().flat_map(|(_, _, events)| events).filter(|event| matches!(event, Event::Traded { .. }));
        assert!(trades.count() > 3_000);
    }
}

#[test]
fn nothing_leaves_before_it_is_durable_and_the_owner_is_woken_when_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    let wakes = Arc::new(AtomicU64::new(0));
    let owner = std::thread::current();
    config.journal.on_publish = Some(Arc::new({
        let wakes = Arc::clone(&wakes);
        move || {
            wakes.fetch_add(1, Ordering::Release);
            owner.unpark();
        }
    }));
    let (mut fused, _) = start(&config);
    for ask in Market::new(6).take(300) {
        let seq = submit(&mut fused, 1, &ask, |_, _, _| panic!("there is room"));
        assert_eq!(fused.pending(), 1);
        while !fused.is_ready() {
            std::thread::park_timeout(std::time::Duration::from_secs(10));
        }
        let mut seen = 0;
        let durable = fused.durable_seq();
        fused.release(|command, _, _| {
            assert!(command.seq == seq && seq <= durable);
            seen += 1;
        });
        assert_eq!((seen, fused.pending()), (1, 0));
    }
    assert!(wakes.load(Ordering::Acquire) >= 300, "at least one wake-up for each batch of one");
    fused.shutdown(|_, _, _| ()).unwrap();
}

#[test]
fn a_full_queue_refuses_orders_while_cancels_and_notes_still_pass() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    config.journal.ring_cells = 1 << 12;
    // The journal's thread stands still until the test lets it go.
    let gate = Arc::new(std::sync::Barrier::new(2));
    let entered = Arc::new(AtomicU64::new(0));
    config.journal.on_publish = Some(Arc::new({
        let (gate, entered) = (Arc::clone(&gate), Arc::clone(&entered));
        move || {
            if entered.fetch_add(1, Ordering::AcqRel) == 0 {
                gate.wait();
            }
        }
    }));
    let (mut fused, _) = start(&config);
    let mut asks = Market::new(7);
    let now = TimestampNs::new(1);
    let first = asks.next().unwrap();
    fused.submit(now, first.session, first.mandate, first.body, &first.tail).unwrap();
    while entered.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    let mut taken = 1;
    let refused = loop {
        let ask = asks.next().unwrap();
        match fused.submit(now, ask.session, ask.mandate, ask.body, &ask.tail) {
            Ok(_) => taken += 1,
            Err(full) => break (full, ask),
        }
    };
    let (full, order) = refused;
    assert!(full == Full::Queue && matches!(order.body, Body::New(_) | Body::Replace { .. }), "{full:?} {:?}", order.body);
    let cancel = Body::Cancel { order: OrderId::new(SessionId::new(1), 1).unwrap() };
    for body in [cancel, Body::Note] {
        for _ in 0..RESERVED_CELLS / 4 {
            fused.submit(now, SessionId::new(1), MandateId::new(0), body, &[]).unwrap();
            taken += 1;
        }
        assert_eq!(fused.submit(now, order.session, order.mandate, order.body, &order.tail), Err(Full::Queue));
    }
    gate.wait();
    let last = fused.last_seq();
    assert_eq!(last.get(), taken);
    wait_durable(fused.journal(), last);
    let mut released = 0;
    fused.release(|_, _, _| released += 1);
    assert_eq!(released, taken);
    fused.submit(now, order.session, order.mandate, order.body, &order.tail).unwrap();
    fused.shutdown(|_, _, _| ()).unwrap();
}

/// However many orders' time comes at once: the sequencer drains them before it stamps an order, which is then taken.
#[test]
fn no_client_is_refused_because_others_orders_expire() {
    let dir = tempfile::tempdir().unwrap();
    let (mut fused, _) = start(&zone_config(dir.path()));
    let opening: Vec<_> = Market::new(8).take_while(|ask| ask.session == SessionId::APPLIANCE).collect();
    for ask in &opening {
        submit(&mut fused, 1, ask, |_, _, _| ());
    }
    let (session, mandate) = (SessionId::new(1), MandateId::new(0));
    let order = |index, instructed| {
        Body::New(NewOrder {
            order: OrderId::new(session, index).unwrap(),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            price: OrderPrice::Limit(Price::from_ticks(90).unwrap()),
            qty: Qty::from_lots(1).unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed,
        })
    };
    let crowd = u64::from(3 * EXPIRED_MAX);
    let until = Instructions { lifetime: Some(Lifetime::Until(TimestampNs::new(500))), ..Instructions::NONE }.to_bytes();
    for index in 1..=crowd {
        fused.submit(TimestampNs::new(2), session, mandate, order(index, true), &until).unwrap();
    }
    let before = fused.last_seq();
    let last = fused.submit(TimestampNs::new(500), session, mandate, order(crowd + 1, false), &[]).unwrap();
    assert_eq!(last.get(), before.get() + 4, "three records that drain, and the order");
    assert_eq!(fused.engine().order_count(), 1);
    wait_durable(fused.journal(), last);
    let (mut expired, mut accepted) = (0, false);
    fused.release(|command, _, events| {
        if command.seq > before {
            expired +=
                events.iter().filter(|event| matches!(event, Event::Cancelled { reason: CancelReason::Expired, .. })).count();
            accepted = matches!(events, [Event::Accepted { .. }]);
        }
    });
    assert_eq!((expired as u64, accepted), (crowd, true));
    fused.shutdown(|_, _, _| ()).unwrap();
}
