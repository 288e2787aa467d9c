//! Messages of the benchmark as commands, events as its reports: everything but pointers.

use crate::abi::{CANCEL_ACK, CANCEL_REJECT, CancelC, MODIFY_ACK, MODIFY_REJECT, ModifyC, NewOrderC, ORDER_ACK, ReportC, TRADE};
use crate::limits::{DENSE_IDS_MAX, ORDERS_MAX, SPILL_LEVELS_MAX, WINDOW_BITS};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::limits::AMOUNT_MAX;
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};
use std::collections::BTreeMap;

/// Who takes reports.
pub trait Reports {
    /// Takes one.
    fn push(&mut self, report: &ReportC);
}

impl Reports for Vec<ReportC> {
    fn push(&mut self, report: &ReportC) {
        self.push(*report);
    }
}

/// The engine, and what the driver calls its orders.
#[derive(Debug)]
pub struct Adapter {
    engine: Engine,
    seq: u64,
    orders: Orders,
}

/// An order as it came.
#[derive(Clone, Copy, Debug)]
struct Came {
    id: u64,
    price_ticks: i64,
    side: u8,
}

/// Which number each id has, and what each number came as.
#[derive(Debug)]
struct Orders {
    /// By number, from 1.
    came: Vec<Came>,
    /// The number of each id below [`DENSE_IDS_MAX`]; 0 if it never came.
    dense: Vec<u32>,
    sparse: BTreeMap<u64, u32>,
}

impl Orders {
    fn new() -> Self {
        let mut came = Vec::with_capacity(ORDERS_MAX as usize);
        came.push(Came { id: 0, price_ticks: 0, side: 0 });
        Self { came, dense: vec![0; ORDERS_MAX as usize], sparse: BTreeMap::new() }
    }

    /// Gives an order the next number.
    fn enter(&mut self, came: Came) -> u64 {
        let number = self.came.len() as u32;
        self.came.push(came);
        if came.id < DENSE_IDS_MAX {
            let at = came.id as usize;
            if at >= self.dense.len() {
                self.dense.resize((at + 1).next_power_of_two(), 0);
            }
            self.dense[at] = number;
        } else {
            self.sparse.insert(came.id, number);
        }
        number.into()
    }

    /// The number that the id has; `None` if it never came.
    fn number(&self, id: u64) -> Option<u64> {
        let number = if id < DENSE_IDS_MAX {
            self.dense.get(id as usize).copied().unwrap_or(0)
        } else {
            self.sparse.get(&id).copied().unwrap_or(0)
        };
        (number != 0).then_some(number.into())
    }

    fn came(&self, number: u64) -> Came {
        self.came[number as usize]
    }
}

/// What a message asks, while its events become reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    New,
    Cancel,
    /// The cancel that a modify begins with: it says nothing but whether the order was there.
    Leave,
    /// The new order that it ends with.
    Return,
}

struct Reporting<'a, R> {
    reports: &'a mut R,
    orders: &'a Orders,
    asked: Asked,
    seq: u64,
    came: Came,
    quantity: u32,
    /// Whether the order that is to go was there.
    was_there: bool,
}

impl<R: Reports> EventSink for Reporting<'_, R> {
    #[inline]
    fn emit(&mut self, event: Event) {
        let Came { id, price_ticks, side } = self.came;
        let own =
            ReportC { sequence_number: self.seq, order_id: id, price_ticks, side, quantity: self.quantity, ..ReportC::default() };
        // Of a cancel that was refused the caller reports; nothing else that the engine says concerns the driver.
        if let Event::Traded { maker, price, qty, .. } = event {
            self.reports.push(&ReportC {
                kind: TRADE,
                sequence_number: self.seq,
                price_ticks: price.ticks(),
                quantity: qty.lots() as u32,
                maker_order_id: self.orders.came(maker.index()).id,
                taker_order_id: id,
                ..ReportC::default()
            });
        } else if let Event::Accepted { .. } = event {
            if self.asked == Asked::New {
                self.reports.push(&ReportC { kind: ORDER_ACK, ..own });
            }
        } else if let Event::Cancelled { lots, .. } = event {
            self.was_there = true;
            if self.asked != Asked::Leave {
                self.reports.push(&ReportC { kind: CANCEL_ACK, quantity: lots.get() as u32, ..own });
            }
        }
    }
}

const SESSION: SessionId = SessionId::new(1);
const INSTRUMENT: InstrumentId = InstrumentId::new(0);

impl Default for Adapter {
    fn default() -> Self {
        Self::new()
    }
}

impl Adapter {
    /// An empty book.
    ///
    /// # Panics
    ///
    /// Never: the zone's own set-up is not refused.
    #[must_use]
    pub fn new() -> Self {
        let capacity = Capacity {
            orders_max: ORDERS_MAX,
            accounts_max: 1,
            assets_max: 2,
            sessions_max: 2,
            instruments_max: 1,
            mandates_max: 1,
            levels_max: 1 << WINDOW_BITS,
            spill_levels_max: SPILL_LEVELS_MAX,
        };
        let mut adapter = Self { engine: Engine::new(capacity, ()), seq: 0, orders: Orders::new() };
        adapter.set_up();
        adapter
    }

    fn set_up(&mut self) {
        let name = |text: &str| Name::new(text).expect("it is a name");
        let asset = |id| Asset { id: AssetId::new(id), name: name(if id == 0 { "cash" } else { "share" }), decimals: 0 };
        let account = Account { id: AccountId::new(0), name: name("driver"), owner: PublicKey([1; 32]) };
        let instrument = Instrument {
            id: INSTRUMENT,
            symbol: name("book"),
            base: AssetId::new(1),
            quote: AssetId::new(0),
            price_decimals: 0,
            qty_decimals: 0,
            qty_max: Qty::from_lots(u32::MAX.into()).expect("it is a quantity"),
            window_low: Price::from_ticks(1).expect("it is a price"),
            window_bits: WINDOW_BITS,
        };
        let mandate = Mandate {
            id: MandateId::new(0),
            session: SESSION,
            account: AccountId::new(0),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        for configuration in [
            Configuration::AddAsset(asset(0)),
            Configuration::AddAsset(asset(1)),
            Configuration::OpenAccount(account),
            Configuration::ListInstrument(instrument),
            Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }),
        ] {
            self.prepare(Body::Configure, &configuration.to_bytes());
        }
        for id in 0..2_u16 {
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index: InboxIndex::new(u64::from(id) + 1),
                id: Digest([0; 32]),
                asset: AssetId::new(id),
                amount: Amount::new(AMOUNT_MAX / 2).expect("it is an amount"),
                from: Party::owner(PublicKey([1; 32])),
                channel_seq: u64::from(id) + 1,
                kind: InboxKind::Transfer,
                account: Address::of_account(AccountId::new(0)),
            };
            self.prepare(Body::Inbox, &message.to_bytes());
        }
    }

    fn prepare(&mut self, body: Body, tail: &[u8]) {
        let mut events = Vec::new();
        let command = self.command(SessionId::APPLIANCE, body, tail.len() as u16);
        self.engine.apply(&command, tail, &mut events);
        assert!(matches!(events[..], [Event::Configured | Event::Credited { .. }]), "the zone is set up: {events:?}");
    }

    fn command(&mut self, session: SessionId, body: Body, tail_size: u16) -> Command {
        self.seq += 1;
        Command { seq: Seq::new(self.seq), time: TimestampNs::new(self.seq), session, mandate: MandateId::new(0), body, tail_size }
    }

    /// Executes a body for the order `number`. Whether an order that it names was there.
    #[inline]
    fn apply<R: Reports>(&mut self, body: Body, asked: Asked, seq: u64, came: Came, quantity: u32, reports: &mut R) -> bool {
        let command = self.command(SESSION, body, 0);
        let mut reporting = Reporting { reports, orders: &self.orders, asked, seq, came, quantity, was_there: false };
        self.engine.apply(&command, &[], &mut reporting);
        reporting.was_there
    }

    #[inline]
    fn enter<R: Reports>(&mut self, asked: Asked, order: &NewOrderC, reports: &mut R) {
        let (Some(price), Some(qty)) = (Price::from_ticks(order.price_ticks), Qty::from_lots(order.quantity.into())) else {
            return;
        };
        let came = Came { id: order.order_id, price_ticks: order.price_ticks, side: order.side };
        let number = self.orders.enter(came);
        let body = Body::New(NewOrder {
            order: OrderId::new(SESSION, number).expect("the numbers of a session are more than messages"),
            instrument: INSTRUMENT,
            side: side_of(order.side),
            price: OrderPrice::Limit(price),
            qty,
            time_in_force: if order.ioc == 0 { TimeInForce::GoodTillCancel } else { TimeInForce::ImmediateOrCancel },
            post_only: false,
            instructed: false,
        });
        self.apply(body, asked, order.sequence_number, came, order.quantity, reports);
    }

    /// Takes the order of this id off the book. What it came as; `None` if it is not there.
    #[inline]
    fn leave<R: Reports>(&mut self, asked: Asked, id: u64, seq: u64, reports: &mut R) -> Option<Came> {
        let number = self.orders.number(id)?;
        let came = self.orders.came(number);
        let order = OrderId::new(SESSION, number).expect("it was given");
        self.apply(Body::Cancel { order }, asked, seq, came, 0, reports).then_some(came)
    }

    /// A new order.
    pub fn new_order<R: Reports>(&mut self, order: &NewOrderC, reports: &mut R) {
        self.enter(Asked::New, order, reports);
    }

    /// A cancel.
    pub fn cancel<R: Reports>(&mut self, cancel: &CancelC, reports: &mut R) {
        let CancelC { order_id, sequence_number } = *cancel;
        if self.leave(Asked::Cancel, order_id, sequence_number, reports).is_none() {
            reports.push(&ReportC { kind: CANCEL_REJECT, sequence_number, order_id, ..ReportC::default() });
        }
    }

    /// A modify.
    pub fn modify<R: Reports>(&mut self, modify: &ModifyC, reports: &mut R) {
        let ModifyC { order_id, sequence_number, new_price_ticks: price_ticks, new_quantity: quantity, side, .. } = *modify;
        let own = ReportC { sequence_number, order_id, ..ReportC::default() };
        if self.leave(Asked::Leave, order_id, sequence_number, reports).is_none() {
            return reports.push(&ReportC { kind: MODIFY_REJECT, ..own });
        }
        let order = NewOrderC { order_id, sequence_number, price_ticks, quantity, side, ..NewOrderC::default() };
        self.enter(Asked::Return, &order, reports);
        reports.push(&ReportC { kind: MODIFY_ACK, price_ticks, quantity, side, ..own });
    }

    /// The best price of a side, in ticks.
    #[must_use]
    pub fn best(&self, side: u8) -> Option<i64> {
        self.engine.best(INSTRUMENT, side_of(side)).map(|level| level.price.ticks())
    }

    /// What rests at a price.
    #[must_use]
    pub fn depth_at(&self, price_ticks: i64, side: u8) -> u64 {
        let level = self.engine.depth(INSTRUMENT, side_of(side)).find(|level| level.price.ticks() == price_ticks);
        level.map_or(0, |level| level.lots.get())
    }
}

const fn side_of(side: u8) -> Side {
    if side == 0 { Side::Buy } else { Side::Sell }
}
