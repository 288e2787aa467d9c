//! The ITCH feed: read by our own consumer at every record, by somebody else's decoder, across days, restarts and large orders.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../matching/tests/flow/mod.rs"]
mod flow;
mod support;

use flow::Flow;
use plinth_market_data::itch::feed::Feed;
use plinth_market_data::itch::file::{DayFiles, FileError, messages};
use plinth_market_data::itch::message::MessageError;
use plinth_market_data::itch::view::{View, ViewError};
use plinth_market_data::itch::{Body, Message};
use plinth_market_data::limits::{ITCH_PIECES_MAX, ITCH_SHARES_MAX};
use plinth_market_data::update::Reference;
use plinth_types::command::Side;
use plinth_types::id::{TimestampNs, TradeId, ZoneId};
use std::collections::{BTreeMap, BTreeSet};
use support::{Large, Tape, assert_view_is_engine};

/// So that a run has some days.
const RECORD_EVERY_NS: u64 = 300_000_000_000;

fn timed_flow(seed: u64) -> (Flow, Feed) {
    let flow = Flow::new(seed);
    let feed = Feed::new(ZoneId::TRADING, flow.capacity);
    (flow, feed)
}

fn next(flow: &mut Flow) -> flow::Sequenced {
    let (mut command, tail) = flow.next_command();
    command.time = TimestampNs::new(command.seq.get() * RECORD_EVERY_NS);
    (command, tail)
}

#[test]
fn a_consumer_has_the_engines_books_at_every_record_of_every_day() {
    let (mut sessions, mut ends) = (0, 0);
    for seed in 0..60 {
        let (mut flow, mut feed) = timed_flow(seed);
        let mut tape = Tape::default();
        let mut late: Option<View> = None;
        for at in 0..1_200 {
            let (command, tail) = next(&mut flow);
            let before = tape.sessions.len();
            feed.apply(&command, &tail, &mut tape);
            let new_session = tape.sessions.len() != before;
            tape.read(|session, message| {
                if session + 1 == tape.sessions.len()
                    && let Some(late) = late.as_mut().filter(|_| !new_session)
                {
                    late.apply(message).unwrap();
                }
            });
            if new_session {
                late = None;
            }
            let context = format!("seed {seed}, command {at}: {command:?}");
            tape.take_into_view(&context);
            assert_view_is_engine(&tape.view, &feed, &context);
            if let Some(late) = &late {
                assert_view_is_engine(late, &feed, &context);
            }
            if at % 50 == 0 {
                let (count, blocks) = feed.snapshot();
                assert_eq!(messages(&blocks).count() as u64, count);
                late = Some(View::from_snapshot(&blocks).unwrap());
            }
        }
        sessions += tape.sessions.len();
        ends += tape.ends;
        assert_eq!(tape.ends + 1, tape.sessions.len());
        assert!(tape.sessions.is_sorted());
        assert_eq!(feed.left(), Default::default(), "everything of this flow fits");
    }
    println!("{sessions} sessions, {ends} ended");
    assert!(ends >= 60);
}

/// `itchy` knows nothing of us. The book made of its words must be the engine's.
#[test]
fn somebody_elses_decoder_rebuilds_the_book() {
    let mut kinds = BTreeSet::new();
    for seed in 100..120 {
        let (mut flow, mut feed) = timed_flow(seed);
        let mut tape = Tape::default();
        for _ in 0..1_500 {
            let (command, tail) = next(&mut flow);
            feed.apply(&command, &tail, &mut tape);
        }
        let mut foreign = Foreign::default();
        for message in itchy::MessageStream::from_reader(tape.last_session()) {
            let message = message.unwrap();
            kinds.insert(char::from(message.tag));
            foreign.take(&message);
        }
        for instrument in feed.publisher().instruments() {
            for side in [Side::Buy, Side::Sell] {
                let queue = feed.publisher().engine().queue(instrument.id, side);
                let per_tick = 10_i64.pow(4 - u32::from(instrument.price_decimals));
                let ours: Vec<_> = queue.map(|order| (order.price.ticks() * per_tick, order.shown.lots())).collect();
                assert_eq!(foreign.queue(instrument.id.get() as u16 + 1, side), ours, "seed {seed}");
            }
        }
    }
    assert_eq!(kinds.iter().collect::<String>(), "ACDEHIPRSUX");
}

/// A list of orders in the order of their coming, as the standard describes it.
#[derive(Default)]
struct Foreign {
    orders: BTreeMap<u64, (u16, Side, i64, u64, u64)>,
    arrivals: u64,
}

impl Foreign {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the decoder knows many messages that say nothing of books")]
    fn take(&mut self, message: &itchy::Message) {
        self.arrivals += 1;
        match &message.body {
            itchy::Body::AddOrder(add) => {
                let side = if add.side == itchy::Side::Buy { Side::Buy } else { Side::Sell };
                let order = (message.stock_locate, side, i64::from(add.price.raw()), u64::from(add.shares), self.arrivals);
                assert!(self.orders.insert(add.reference, order).is_none());
            }
            itchy::Body::OrderExecuted { reference, executed, .. } => self.less(*reference, *executed),
            itchy::Body::OrderExecutedWithPrice { reference, executed, .. } => self.less(*reference, *executed),
            itchy::Body::OrderCancelled { reference, cancelled } => self.less(*reference, *cancelled),
            itchy::Body::DeleteOrder { reference } => assert!(self.orders.remove(reference).is_some()),
            itchy::Body::ReplaceOrder(replace) => {
                let (locate, side, ..) = self.orders.remove(&replace.old_reference).unwrap();
                let order = (locate, side, i64::from(replace.price.raw()), u64::from(replace.shares), self.arrivals);
                assert!(self.orders.insert(replace.new_reference, order).is_none());
            }
            _ => {}
        }
    }

    fn less(&mut self, reference: u64, shares: u32) {
        let order = self.orders.get_mut(&reference).unwrap();
        order.3 = order.3.checked_sub(shares.into()).unwrap();
        if order.3 == 0 {
            self.orders.remove(&reference);
        }
    }

    fn queue(&self, locate: u16, side: Side) -> Vec<(i64, u64)> {
        let mut orders: Vec<_> = self.orders.values().filter(|order| order.0 == locate && order.1 == side).collect();
        orders.sort_by_key(|order| (if side == Side::Buy { -order.2 } else { order.2 }, order.4));
        orders.iter().map(|order| (order.2, order.3)).collect()
    }
}

#[test]
fn an_order_of_more_shares_than_a_field_holds_is_said_in_pieces() {
    let mut zone = Large::new();
    let most = u64::from(ITCH_SHARES_MAX);
    // Ten and a half pieces, traded from the front, reduced from the back, replaced, and large takers.
    for lots in [10 * most + most / 2, 7, most, most + 1] {
        zone.rest(Side::Sell, 100, lots);
    }
    zone.check();
    for lots in [3, most, 2 * most + 9, most - 1] {
        zone.take(Side::Buy, 100, lots);
        zone.check();
    }
    zone.reduce_first(5 * most);
    zone.check();
    zone.reduce_first(most / 3);
    zone.check();
    zone.replace_first(101, 4 * most);
    zone.check();
    zone.replace_first(100, 3);
    zone.check();
    zone.cancel_first();
    zone.check();
    assert_eq!(zone.feed.left(), Default::default());
    zone.next_day();
    zone.check();
}

#[test]
fn what_does_not_fit_is_left_out_and_counted() {
    let mut zone = Large::new();
    let most = u64::from(ITCH_SHARES_MAX);
    zone.rest(Side::Sell, 100, 50);
    zone.check();
    let shown = zone.tape.view.clone();
    // One piece too many, and a price of which ten-thousandths exceed 32 bits.
    zone.rest(Side::Sell, 99, most * ITCH_PIECES_MAX + 1);
    zone.rest(Side::Sell, i64::from(u32::MAX) / 100 + 1, 5);
    assert_eq!(zone.feed.left().orders, 2);
    zone.take(Side::Buy, 99, 10);
    assert_eq!(zone.feed.left().trades, 1);
    assert_eq!(zone.tape.view.stock(1).unwrap().book.snapshot().orders, shown.stock(1).unwrap().book.snapshot().orders);
    // With its next place it is carried, if it fits now.
    zone.replace_second(98, 5);
    zone.check_stock_orders(2);
    let (_, blocks) = zone.feed.snapshot();
    let late = View::from_snapshot(&blocks).unwrap();
    assert_eq!(late.stock(1).unwrap().book.snapshot().orders, zone.tape.view.stock(1).unwrap().book.snapshot().orders);
    // Instruments beyond the format: prices with five decimals.
    assert_eq!(zone.feed.left().instruments, 0);
    zone.list_with_five_decimals();
    assert_eq!(zone.feed.left().instruments, 1);
    assert_eq!(zone.tape.view.stocks().count(), 1);
}

#[test]
fn a_days_file_is_completed_after_a_restart_and_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |count: usize, cut: Option<u64>| -> Result<BTreeMap<String, Vec<u8>>, FileError> {
        let (mut flow, mut feed) = timed_flow(4);
        let mut files = DayFiles::new(folder.path())?;
        for _ in 0..count {
            let (command, tail) = next(&mut flow);
            feed.apply(&command, &tail, &mut files);
        }
        files.flush()?;
        drop(files);
        if let Some(less) = cut {
            let last = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
            let file = std::fs::OpenOptions::new().write(true).open(&last).unwrap();
            file.set_len(file.metadata().unwrap().len() - less).unwrap();
        }
        let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        Ok(entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect())
    };
    let whole = run(1_400, None).unwrap();
    assert!(whole.len() >= 4, "{:?}", whole.keys());
    assert!(whole.keys().all(|name| name.starts_with("1970010") && name.ends_with("01.itch")));
    for bytes in whole.values() {
        assert!(messages(bytes).all(|message| Message::read(message.unwrap()).is_ok()));
    }
    assert_eq!(run(1_400, None).unwrap(), whole, "a restart changes nothing");
    std::fs::remove_dir_all(folder.path()).unwrap();
    // A crash leaves any prefix of the last file.
    for (count, cut) in [(700, 1), (900, 2), (1_000, 17), (1_100, 60)] {
        run(count, Some(cut)).unwrap();
    }
    assert_eq!(run(1_400, None).unwrap(), whole);
    let (first, mut bytes) = whole.first_key_value().map(|(name, bytes)| (name.clone(), bytes.clone())).unwrap();
    bytes[40] ^= 1;
    std::fs::write(folder.path().join(&first), &bytes).unwrap();
    assert!(matches!(run(1_400, None), Err(FileError::Differs { .. })));
    assert_eq!(std::fs::read(folder.path().join(&first)).unwrap(), bytes, "what differs is left as it is");
}

/// The bytes of every message, written by hand from the standard's tables.
#[test]
fn messages_are_pinned() {
    let head = |kind: char| format!("{:02x}00030004{:012x}", kind as u32, 0x0102_0304_0506_u64);
    let (reference, new, trade) = (Reference::new(0x11), Reference::new(0x12), TradeId::new(0x13));
    let (stock, shares, price) = (*b"BTC/USD ", 0x21, 0x31);
    let (r, n, t, s, p) = ("0000000000000011", "0000000000000012", "0000000000000013", "00000021", "00000031");
    let name = "4254432f55534420";
    let pinned = [
        (Body::SystemEvent { event: b'O' }, 'S', "4f".to_owned()),
        (Body::StockDirectory { stock, round_lot_size: 1 }, 'R', format!("{name}2020000000014e4f5a20504e4e204e000000004e")),
        (Body::TradingAction { stock, state: b'T', reason: *b"    " }, 'H', format!("{name}542020202020")),
        (Body::AddOrder { reference, side: Side::Buy, shares, stock, price }, 'A', format!("{r}42{s}{name}{p}")),
        (Body::Executed { reference, shares, trade }, 'E', format!("{r}{s}{t}")),
        (Body::ExecutedAt { reference, shares, trade, printable: false, price }, 'C', format!("{r}{s}{t}4e{p}")),
        (Body::Cancelled { reference, shares }, 'X', format!("{r}{s}")),
        (Body::Deleted { reference }, 'D', r.to_owned()),
        (Body::Replaced { old: reference, new, shares, price }, 'U', format!("{r}{n}{s}{p}")),
        (Body::Trade { side: Side::Sell, shares, stock, price, trade }, 'P', format!("000000000000000053{s}{name}{p}{t}")),
        (Body::CrossTrade { shares: 0x21, stock, price, trade, cross: b'O' }, 'Q', format!("00000000{s}{name}{p}{t}4f")),
        (Body::Broken { trade }, 'B', t.to_owned()),
        (
            Body::Imbalance {
                paired: 0x21,
                imbalance: 0x11,
                direction: b'B',
                stock,
                prices: [price; 3],
                cross: b'C',
                variation: b' ',
            },
            'I',
            format!("00000000{s}{r}42{name}{p}{p}{p}4320"),
        ),
    ];
    for (body, kind, fields) in pinned {
        let message = Message { locate: 3, tracking: 4, time_ns: 0x0102_0304_0506, body };
        let mut block = Vec::new();
        message.write_block(&mut block);
        let hex: String = block[2..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, head(kind) + &fields, "{body:?}");
        assert_eq!(usize::from(u16::from_be_bytes([block[0], block[1]])), block.len() - 2);
        assert_eq!(Message::read(&block[2..]), Ok(message));
        let foreign = itchy::MessageStream::from_reader(&block[..]).next().unwrap().unwrap();
        assert_eq!((foreign.tag, foreign.stock_locate, foreign.timestamp), (kind as u8, 3, 0x0102_0304_0506));
        for size in 0..block.len() - 2 {
            assert!(Message::read(&block[2..2 + size]).is_err(), "{kind} cut to {size}");
        }
    }
    assert_eq!(Message::read(b"Z"), Err(MessageError::UnknownType { kind: b'Z' }));
}

/// Bytes that a liar could send: none panics, none is taken twice.
#[test]
fn a_hostile_feed_is_refused() {
    let (mut flow, mut feed) = timed_flow(9);
    let mut tape = Tape::default();
    for _ in 0..600 {
        let (command, tail) = next(&mut flow);
        feed.apply(&command, &tail, &mut tape);
    }
    let bytes = tape.last_session().to_vec();
    let whole: Vec<&[u8]> = messages(&bytes).map(Result::unwrap).collect();
    let mut rng = flow::Rng(5);
    let mut refused = 0;
    for _ in 0..4_000 {
        let mut view = View::default();
        let at = rng.below(whole.len() as u64) as usize;
        let mut changed = whole[at].to_vec();
        let bit = rng.below(changed.len() as u64 * 8) as usize;
        changed[bit / 8] ^= 1 << (bit % 8);
        let before = &whole[at.saturating_sub(60)..at];
        before.iter().for_each(|message| {
            let _ = view.apply(message);
        });
        refused += usize::from(view.apply(&changed).is_err());
    }
    assert!(refused > 400, "{refused}");
    let mut view = View::default();
    whole.iter().for_each(|message| view.apply(message).unwrap());
    let last = whole.iter().rev().find(|message| message[0] != b'S').unwrap();
    assert!(matches!(view.apply(last), Err(ViewError::Gap { .. })));
    let torn: Vec<_> = messages(&bytes[..bytes.len() - 1]).collect();
    assert!(torn.last().unwrap().is_err() && torn.len() == whole.len());
}
