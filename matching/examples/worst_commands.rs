//! How long the commands take whose work grows with what rests: each is timed once, on a zone full of orders.
//!
//! `cargo run --release -p plinth-matching --example worst_commands -- [ORDERS]`
//!
//! Wall time of one thread, so a quiet machine is needed; the order count is 200,000 unless said otherwise. All of it is one instrument's
//! book: sixty-four prices a side, one account, one session.

use plinth_matching::engine::Engine;
use plinth_matching::limits::{ALLOCATED_MAX, Capacity};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::{
    AccountId, AssetId, FirmId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs,
    ZoneId,
};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Phase, PhaseChange, Scope, SignedMandate};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms};
use plinth_types::transfer::{Address, Party};
use std::time::Instant;

const INSTRUMENT: InstrumentId = InstrumentId::new(0);
const SESSION: SessionId = SessionId::new(1);
const LOW: i64 = 1_000;

struct Zone {
    engine: Engine,
    seq: u64,
    orders: u64,
    events: Vec<Event>,
}

impl Zone {
    fn new(orders: u32) -> Self {
        let capacity = Capacity { orders_max: orders.max(2 * ALLOCATED_MAX as u32), ..Capacity::default() };
        let engine = Engine::new(capacity, ());
        let mut zone = Self { engine, seq: 0, orders: 0, events: Vec::with_capacity(3 * orders as usize) };
        let name = |text: &str| Name::new(text).expect("a name");
        for id in 0..2 {
            zone.configure(Configuration::AddAsset(Asset {
                id: AssetId::new(id),
                name: name(["BASE", "QUOTE"][usize::from(id)]),
                decimals: 0,
            }));
        }
        let (account, owner) = (AccountId::new(0), PublicKey([1; 32]));
        zone.configure(Configuration::OpenAccount(Account { id: account, name: name("ACCOUNT"), owner }));
        let expires_at = TimestampNs::new(u64::MAX);
        let mandate = Mandate { id: MandateId::new(0), session: SESSION, account, scope: Scope::Trade, expires_at };
        zone.configure(Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }));
        zone.configure(Configuration::ListInstrument(Instrument {
            id: INSTRUMENT,
            symbol: name("BASE/QUOTE"),
            base: AssetId::new(0),
            quote: AssetId::new(1),
            price_decimals: 0,
            qty_decimals: 0,
            qty_max: Qty::from_lots(1 << 20).expect("a quantity"),
            window_low: Price::from_ticks(LOW).expect("a price"),
            window_bits: 10,
        }));
        for asset in 0..2 {
            let index = InboxIndex::new(u64::from(asset) + 1);
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index,
                id: Digest::ZERO,
                asset: AssetId::new(asset),
                amount: Amount::new(1 << 60).expect("an amount"),
                from: Party::owner(owner),
                channel_seq: index.get(),
                kind: InboxKind::Transfer,
                account: Address::of_account(account),
            };
            zone.send(SessionId::APPLIANCE, Body::Inbox, &message.to_bytes());
        }
        zone
    }

    fn send(&mut self, session: SessionId, body: Body, tail: &[u8]) {
        self.seq += 1;
        let (seq, time) = (Seq::new(self.seq), TimestampNs::new(self.seq));
        let command = Command { seq, time, session, mandate: MandateId::new(0), body, tail_size: tail.len() as u16 };
        self.events.clear();
        self.engine.apply(&command, tail, &mut self.events);
    }

    fn configure(&mut self, configuration: Configuration) {
        self.send(SessionId::APPLIANCE, Body::Configure, &configuration.to_bytes());
        assert_eq!(self.events.first(), Some(&Event::Configured), "{configuration:?}");
    }

    fn order(&mut self, side: Side, ticks: i64, lots: u64, time_in_force: TimeInForce) {
        self.orders += 1;
        let new = NewOrder {
            order: OrderId::new(SESSION, self.orders).expect("an order id"),
            instrument: INSTRUMENT,
            side,
            price: OrderPrice::Limit(Price::from_ticks(ticks).expect("a price")),
            qty: Qty::from_lots(lots).expect("a quantity"),
            time_in_force,
            post_only: false,
            instructed: false,
        };
        self.send(SESSION, Body::New(new), &[]);
        assert!(matches!(self.events[0], Event::Accepted { .. }), "{:?}", self.events);
    }

    /// Half bids, half offers; crossed, they all meet each other.
    fn fill(&mut self, orders: u32, crossed: bool) {
        for at in 0..i64::from(orders / 2) {
            let behind = at % 64;
            let (bid, offer) =
                if crossed { (LOW + 300 + behind, LOW + 200 - behind) } else { (LOW + 200 - behind, LOW + 300 + behind) };
            self.order(Side::Buy, bid, 1, TimeInForce::GoodTillCancel);
            self.order(Side::Sell, offer, 1, TimeInForce::GoodTillCancel);
        }
    }

    fn phase(&mut self, phase: Phase) {
        self.configure(Configuration::SetPhase(PhaseChange { instrument: INSTRUMENT, phase }));
    }

    fn timed(&mut self, what: &str, command: impl FnOnce(&mut Self)) {
        let began = Instant::now();
        command(self);
        let took = began.elapsed();
        println!("{:>10.1} us, {:>7} events: {what}", took.as_secs_f64() * 1e6, self.events.len());
    }
}

fn main() {
    let orders: u32 = std::env::args().nth(1).map_or(200_000, |count| count.parse().expect("a number of orders"));
    let all = MassCancel { session: Some(SESSION), account: None, instrument: None, side: None, cause: MassCancelCause::Request };

    let mut zone = Zone::new(orders);
    zone.fill(orders, false);
    let firm = FirmId::new(1);
    zone.configure(Configuration::SetFirm(FirmLimits { firm, orders_max: None, notional_max: None }));
    let assigned = FirmAccount { account: AccountId::new(0), firm };
    zone.timed("an account joins a firm", |zone| zone.configure(Configuration::AssignFirm(assigned)));
    zone.timed("a mass cancel of all orders, each counted by a firm", |zone| zone.send(SESSION, Body::MassCancel(all), &[]));
    assert_eq!(zone.engine.order_count(), 0);

    let mut zone = Zone::new(orders);
    zone.fill(orders, false);
    zone.timed("a mass cancel of all orders", |zone| zone.send(SESSION, Body::MassCancel(all), &[]));
    zone.phase(Phase::OpeningAuction);
    zone.fill(orders, true);
    zone.timed("an indicative price, where all orders cross", |zone| zone.phase(Phase::OpeningAuction));
    zone.timed("an uncrossing in which all orders trade", |zone| zone.phase(Phase::Continuous));
    assert_eq!(zone.engine.order_count(), 0);
    zone.fill(orders, false);
    zone.timed("an order that takes one side whole", |zone| {
        zone.order(Side::Buy, LOW + 400, u64::from(orders / 2), TimeInForce::ImmediateOrCancel);
    });

    let mut zone = Zone::new(orders);
    let one = Qty::from_lots(1).expect("a quantity");
    let matching = Matching::Size(ProRata { top_max: Lots::ZERO, time_percent: 0, minimum: one });
    let terms = Change::Terms(Terms { matching, ..Terms::none(INSTRUMENT) });
    zone.configure(Configuration::Date(Dated { at: TimestampNs::new(0), change: terms }));
    for _ in 0..ALLOCATED_MAX {
        zone.order(Side::Sell, LOW + 300, 1_000, TimeInForce::GoodTillCancel);
    }
    zone.timed("an order that is divided by size among as many as take part", |zone| {
        zone.order(Side::Buy, LOW + 300, 999 * ALLOCATED_MAX as u64, TimeInForce::ImmediateOrCancel);
    });
}
