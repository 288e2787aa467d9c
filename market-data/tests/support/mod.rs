//! What tests of the feed share: a tape, the comparison with the engine, and a zone with large orders.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_market_data::itch::SessionName;
use plinth_market_data::itch::feed::{BlockSink, Feed};
use plinth_market_data::itch::file::messages;
use plinth_market_data::itch::view::View;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::limits::QTY_LOTS_MAX;
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Phase, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};

/// Everything that a feed says.
#[derive(Default)]
pub(crate) struct Tape {
    pub(crate) sessions: Vec<SessionName>,
    pub(crate) ends: usize,
    bytes: Vec<Vec<u8>>,
    /// Sessions and bytes that [`Tape::take_into_view`] has taken.
    taken: (usize, usize),
    pub(crate) view: View,
}

impl BlockSink for Tape {
    fn begin(&mut self, session: SessionName) {
        assert_eq!(self.ends, self.sessions.len(), "one session ends before another begins");
        self.sessions.push(session);
        self.bytes.push(Vec::new());
    }

    fn blocks(&mut self, count: u64, blocks: &[u8]) {
        assert_eq!(messages(blocks).filter(Result::is_ok).count() as u64, count);
        self.bytes.last_mut().unwrap().extend_from_slice(blocks);
    }

    fn end(&mut self) {
        self.ends += 1;
    }
}

impl Tape {
    /// Shows what the view has not taken yet, with the number of its session.
    pub(crate) fn read(&self, mut show: impl FnMut(usize, &[u8])) {
        let (session, at) = self.taken;
        for (number, bytes) in self.bytes.iter().enumerate().skip(session) {
            let from = if number == session { at } else { 0 };
            messages(&bytes[from..]).for_each(|message| show(number, message.unwrap()));
        }
    }

    pub(crate) fn take_into_view(&mut self, context: &str) {
        let mut view = std::mem::take(&mut self.view);
        let mut open = self.taken.0;
        self.read(|session, message| {
            if session != open {
                view = View::default();
                open = session;
            }
            view.apply(message).unwrap_or_else(|error| panic!("{context}: {error}"));
        });
        self.view = view;
        self.taken = (self.bytes.len() - 1, self.last_session().len());
    }

    /// Messages of the last session.
    pub(crate) fn message_count(&self) -> u64 {
        messages(self.last_session()).count() as u64
    }

    pub(crate) fn read_all(&self, show: impl FnMut(&[u8])) {
        messages(self.last_session()).map(|message| message.unwrap()).for_each(show);
    }

    pub(crate) fn last_session(&self) -> &[u8] {
        self.bytes.last().unwrap()
    }
}

/// Every stock's queues are those of the engine, orders in pieces put together again.
pub(crate) fn assert_view_is_engine(view: &View, feed: &Feed, context: &str) {
    let publisher = feed.publisher();
    assert_eq!(view.stocks().count(), publisher.instruments().count(), "{context}");
    for instrument in publisher.instruments() {
        let stock = view.stock(instrument.id.get() as u16 + 1).unwrap();
        assert_eq!(stock.symbol(), instrument.symbol.as_str());
        let state = match publisher.engine().phase(instrument.id) {
            None | Some(Phase::Continuous) => b'T',
            Some(Phase::PreOpen | Phase::OpeningAuction | Phase::ClosingAuction) => b'Q',
            Some(Phase::VolatilityAuction) => b'P',
            Some(Phase::Halt) => b'H',
        };
        assert_eq!(stock.state, state, "{context}");
        let per_tick = 10_i64.pow(4 - u32::from(instrument.price_decimals));
        let shown = stock.book.snapshot();
        let mut said = shown.orders.iter();
        for side in [Side::Buy, Side::Sell] {
            for order in publisher.engine().queue(instrument.id, side) {
                let mut left = order.shown.lots();
                while left > 0 {
                    let piece = said.next().unwrap_or_else(|| panic!("{context}: {order:?} is missing"));
                    assert_eq!((piece.side, piece.price.ticks()), (side, order.price.ticks() * per_tick), "{context}");
                    left = left.checked_sub(piece.lots.get()).unwrap_or_else(|| panic!("{context}: {piece:?} of {order:?}"));
                }
            }
        }
        assert_eq!(said.next(), None, "{context}");
    }
}

/// A zone of one instrument with two decimals of price and orders of any size, and a feed of it.
pub(crate) struct Large {
    pub(crate) feed: Feed,
    pub(crate) tape: Tape,
    seq: u64,
    day: u64,
    orders: u64,
    resting: Vec<OrderId>,
}

const SESSION: SessionId = SessionId::new(1);

impl Large {
    pub(crate) fn new() -> Self {
        let capacity = Capacity { orders_max: 64, levels_max: 256, spill_levels_max: 64, ..Capacity::default() };
        let feed = Feed::new(ZoneId::TRADING, capacity);
        let mut zone = Self { feed, tape: Tape::default(), seq: 0, day: 20_000, orders: 0, resting: Vec::new() };
        let name = |text: &str| Name::new(text).unwrap();
        for id in 0..2 {
            let asset = Asset { id: AssetId::new(id), name: name(&format!("A{id}")), decimals: 0 };
            zone.configure(Configuration::AddAsset(asset));
        }
        let account = Account { id: AccountId::new(0), name: name("firm"), owner: PublicKey([1; 32]) };
        zone.configure(Configuration::OpenAccount(account));
        let mandate = Mandate {
            id: MandateId::new(0),
            session: SESSION,
            account: AccountId::new(0),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        zone.configure(Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }));
        zone.list(0, 2);
        for asset in 0..2 {
            let index = InboxIndex::new(u64::from(asset) + 1);
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index,
                id: Digest::ZERO,
                asset: AssetId::new(asset),
                amount: Amount::new(1 << 110).unwrap(),
                from: Party::owner(PublicKey([1; 32])),
                channel_seq: index.get(),
                kind: InboxKind::Transfer,
                account: Address::of_account(AccountId::new(0)),
            };
            zone.submit(SessionId::APPLIANCE, Body::Inbox, &message.to_bytes());
        }
        zone
    }

    fn list(&mut self, id: u32, price_decimals: u8) {
        self.configure(Configuration::ListInstrument(Instrument {
            id: InstrumentId::new(id),
            symbol: Name::new(&format!("SYMBOL{id}")).unwrap(),
            base: AssetId::new(1),
            quote: AssetId::new(0),
            price_decimals,
            qty_decimals: 0,
            qty_max: Qty::from_lots(QTY_LOTS_MAX).unwrap(),
            window_low: Price::from_ticks(64).unwrap(),
            window_bits: 6,
        }));
    }

    pub(crate) fn list_with_five_decimals(&mut self) {
        self.list(1, 5);
    }

    fn configure(&mut self, configuration: Configuration) {
        self.submit(SessionId::APPLIANCE, Body::Configure, &configuration.to_bytes());
    }

    pub(crate) fn submit(&mut self, session: SessionId, body: Body, tail: &[u8]) {
        self.seq += 1;
        let time = TimestampNs::new(self.day * 86_400_000_000_000 + self.seq);
        let tail_size = tail.len() as u16;
        let command = Command { seq: Seq::new(self.seq), time, session, mandate: MandateId::new(0), body, tail_size };
        self.feed.apply(&command, tail, &mut self.tape);
        self.tape.take_into_view(&format!("{command:?}"));
    }

    fn order(&mut self, side: Side, ticks: i64, lots: u64, time_in_force: TimeInForce) -> OrderId {
        self.orders += 1;
        let order = OrderId::new(SESSION, self.orders).unwrap();
        let new = NewOrder {
            order,
            instrument: InstrumentId::new(0),
            side,
            price: OrderPrice::Limit(Price::from_ticks(ticks).unwrap()),
            qty: Qty::from_lots(lots).unwrap(),
            time_in_force,
            post_only: false,
            instructed: false,
        };
        self.submit(SESSION, Body::New(new), &[]);
        order
    }

    pub(crate) fn rest(&mut self, side: Side, ticks: i64, lots: u64) {
        let order = self.order(side, ticks, lots, TimeInForce::GoodTillCancel);
        assert!(self.feed.publisher().engine().order(order).is_some());
        self.resting.push(order);
    }

    pub(crate) fn take(&mut self, side: Side, ticks: i64, lots: u64) {
        let trades = self.feed.publisher().engine().last_trade();
        self.order(side, ticks, lots, TimeInForce::ImmediateOrCancel);
        assert!(self.feed.publisher().engine().last_trade() > trades);
    }

    fn replace(&mut self, order: OrderId, ticks: i64, left: impl FnOnce(u64) -> u64) {
        let resting = self.feed.publisher().engine().order(order).unwrap();
        let filled = resting.qty.lots() - resting.left.lots();
        let qty = Qty::from_lots(filled + left(resting.left.lots())).unwrap();
        self.submit(SESSION, Body::Replace { order, price: Price::from_ticks(ticks).unwrap(), qty }, &[]);
        assert_eq!(self.feed.publisher().engine().order(order).map(|order| order.qty), Some(qty));
    }

    pub(crate) fn reduce_first(&mut self, lots: u64) {
        let order = self.resting[0];
        let price = self.feed.publisher().engine().order(order).unwrap().price;
        self.replace(order, price.ticks(), |left| left - lots);
    }

    pub(crate) fn replace_first(&mut self, ticks: i64, lots: u64) {
        self.replace(self.resting[0], ticks, |_| lots);
    }

    pub(crate) fn replace_second(&mut self, ticks: i64, lots: u64) {
        self.replace(self.resting[1], ticks, |_| lots);
    }

    pub(crate) fn cancel_first(&mut self) {
        let order = self.resting.remove(0);
        self.submit(SESSION, Body::Cancel { order }, &[]);
    }

    pub(crate) fn next_day(&mut self) {
        self.day += 1;
        self.cancel_first();
    }

    pub(crate) fn check(&self) {
        let context = format!("record {}", self.seq);
        assert_view_is_engine(&self.tape.view, &self.feed, &context);
        let (_, blocks) = self.feed.snapshot();
        assert_view_is_engine(&View::from_snapshot(&blocks).unwrap(), &self.feed, &context);
    }

    pub(crate) fn check_stock_orders(&self, count: usize) {
        assert_eq!(self.tape.view.stock(1).unwrap().book.order_count(), count);
    }
}
