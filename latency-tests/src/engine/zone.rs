//! The zone in which a workload trades: one instrument for each symbol, and for each of the workload's accounts a funded account, a
//! session and a mandate.
//!
//! The workload numbers orders over all accounts, the engine over each session. Order `n` belongs to account `n mod 50`, so the
//! session's own count follows by division, and back by multiplication.

use crate::workload::{BookSide, Op, Record, Workload};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::limits::ORDERS_PER_SESSION_MAX;
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};

const ACCOUNTS: u64 = 50;
const BASE: AssetId = AssetId::new(0);
const QUOTE: AssetId = AssetId::new(1);
/// Of each asset, to each account: no order of a workload lacks funds.
const FUNDS: u128 = 1 << 80;
/// A workload's book stays near its prefill; this many times as much has room.
const ORDERS_PER_PREFILL: u64 = 16;
/// Ticks on both sides of a workload's prices: takers reach 20 through the touch.
const WINDOW_MARGIN_TICKS: u32 = 64;

/// Makes sequenced commands of records.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    seq: Seq,
    /// The book of each order made so far, by the workload's number less 1.
    symbols: Vec<u32>,
}

/// An engine in which every order of the workload can be placed.
pub(super) fn open(workload: &Workload) -> (Engine, Commands) {
    let (engine, _, commands) = open_with_commands(workload);
    (engine, commands)
}

/// As [`open`], with the commands that made the zone.
pub(crate) fn open_with_commands(workload: &Workload) -> (Engine, Vec<(Command, Vec<u8>)>, Commands) {
    let symbols = workload.records.iter().map(|record| record.symbol).max().unwrap_or(0) + 1;
    let low = workload.header.price_min.saturating_sub(WINDOW_MARGIN_TICKS);
    let width = workload.header.price_max.saturating_sub(low) + WINDOW_MARGIN_TICKS;
    let window_bits = width.next_power_of_two().ilog2().clamp(6, 20) as u8;
    // Room for many times the orders that rest, as an operator would choose it: memory that is never used still costs address translation.
    let orders_max = (ORDERS_PER_PREFILL * workload.header.prefill_count).clamp(1 << 16, 1 << 24) as u32;
    let capacity = Capacity { orders_max, instruments_max: symbols, levels_max: symbols << window_bits, ..Capacity::default() };
    let mut zone = Opening {
        engine: Engine::new(capacity, ()),
        commands: Commands::default(),
        inbox: InboxIndex::default(),
        said: Vec::new(),
    };
    for (id, name) in [(BASE, "BASE"), (QUOTE, "QUOTE")] {
        zone.configure(&Configuration::AddAsset(Asset { id, name: name_of(name), decimals: 0 }));
    }
    for account in 0..ACCOUNTS as u32 {
        zone.open_account(AccountId::new(account));
    }
    for symbol in 0..symbols {
        zone.configure(&Configuration::ListInstrument(Instrument {
            id: InstrumentId::new(symbol),
            symbol: name_of(&format!("S{symbol}")),
            base: BASE,
            quote: QUOTE,
            price_decimals: 0,
            qty_decimals: 0,
            qty_max: Qty::from_lots(u64::from(u32::MAX)).expect("in range"),
            window_low: Price::from_ticks(i64::from(low)).expect("in range"),
            window_bits,
        }));
    }
    (zone.engine, zone.said, zone.commands)
}

/// The workload's number of an order of the engine.
pub(super) fn number(order_bits: u64) -> u64 {
    let order = OrderId::from_bits(order_bits).expect("an order of the engine");
    let account = u64::from(order.session().get()) - 1;
    if account == 0 { order.index() * ACCOUNTS } else { (order.index() - 1) * ACCOUNTS + account }
}

impl Commands {
    /// The command of a record.
    pub(crate) fn command(&mut self, record: &Record) -> Command {
        let account = record.order % ACCOUNTS;
        if record.op != Op::Cancel {
            self.symbols.push(record.symbol);
        }
        let session = SessionId::new(account as u16 + 1);
        let index = if account == 0 { record.order / ACCOUNTS } else { record.order / ACCOUNTS + 1 };
        let order = OrderId::new(session, index).expect("orders count from 1");
        let body = match record.op {
            // A workload's cancel names a book too; the order of another one must stay, and a command names the order alone.
            Op::Cancel if self.symbols[record.order as usize - 1] != record.symbol => Body::Cancel { order: never(session) },
            Op::Cancel => Body::Cancel { order },
            Op::Add | Op::Take => Body::New(NewOrder {
                order,
                instrument: InstrumentId::new(record.symbol),
                side: match record.side {
                    BookSide::Buy => Side::Buy,
                    BookSide::Sell => Side::Sell,
                },
                price: OrderPrice::Limit(Price::from_ticks(i64::from(record.price)).expect("in range")),
                qty: Qty::from_lots(u64::from(record.qty)).expect("an order has a quantity"),
                time_in_force: if record.op == Op::Take { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTillCancel },
                post_only: false,
                instructed: false,
            }),
        };
        self.stamp(session, MandateId::new(account as u32), body, 0)
    }

    fn stamp(&mut self, session: SessionId, mandate: MandateId, body: Body, tail_size: u16) -> Command {
        self.seq = self.seq.next();
        Command { seq: self.seq, time: TimestampNs::new(self.seq.get()), session, mandate, body, tail_size }
    }
}

/// An order that no workload makes.
fn never(session: SessionId) -> OrderId {
    OrderId::new(session, ORDERS_PER_SESSION_MAX - 1).expect("the last number of a session")
}

struct Opening {
    engine: Engine,
    commands: Commands,
    inbox: InboxIndex,
    said: Vec<(Command, Vec<u8>)>,
}

impl Opening {
    fn open_account(&mut self, id: AccountId) {
        let owner = PublicKey::default();
        self.configure(&Configuration::OpenAccount(Account { id, name: name_of(&format!("A{id}")), owner }));
        let mandate = Mandate {
            id: MandateId::new(id.get()),
            session: SessionId::new(id.get() as u16 + 1),
            account: id,
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        self.configure(&Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }));
        for asset in [BASE, QUOTE] {
            self.inbox = self.inbox.next();
            let amount = Amount::new(FUNDS).expect("in range");
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index: self.inbox,
                id: Digest::ZERO,
                from: Party::owner(owner),
                channel_seq: self.inbox.get(),
                kind: InboxKind::Transfer,
                asset,
                amount,
                account: Address::of_account(id),
            };
            self.apply(Body::Inbox, &message.to_bytes());
        }
    }

    fn configure(&mut self, change: &Configuration) {
        self.apply(Body::Configure, &change.to_bytes());
    }

    fn apply(&mut self, body: Body, tail: &[u8]) {
        let command = self.commands.stamp(SessionId::APPLIANCE, MandateId::new(0), body, tail.len() as u16);
        self.said.push((command, tail.to_vec()));
        let mut events: Vec<Event> = Vec::new();
        self.engine.apply(&command, tail, &mut events);
        let done = matches!(events[..], [Event::Configured | Event::Credited { .. }]);
        assert!(done, "a zone for the workload could not be made: {events:?}");
    }
}

fn name_of(text: &str) -> Name {
    Name::new(text).expect("a short printable name")
}
