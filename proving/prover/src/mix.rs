//! Blocks of the common order-book workload: what proving is measured on.
//!
//! The operations are those of `latency-tests` (60 % adds near the touch, 30 % cancels, 10 % immediate-or-cancel orders that eat about three
//! resting ones), here of 1,024 accounts, each with a mandate of its own, in a zone of the appliance's usual capacity. How many sessions
//! they trade by decides how far apart the orders of a block lie in the zone's index: a firm's session stands for several accounts.

use crate::workload::{BookSide, Op, Recipe, Record, generate};
use plinth_matching::journal::Identity;
use plinth_matching::limits::Capacity;
use plinth_matching::replica::{BlockConfig, Replica, SealedBlock};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, ChainId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs,
    ZoneId,
};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};

/// Accounts that trade.
pub const ACCOUNTS: u64 = 1_024;
/// Sessions that they trade by, where nobody says otherwise.
pub const SESSIONS: u16 = 64;
const BASE: AssetId = AssetId::new(0);
const QUOTE: AssetId = AssetId::new(1);
/// Of each asset, to each account: no order lacks funds.
const FUNDS: u128 = 1 << 80;
const WINDOW_LOW_TICKS: i64 = 8_500;
const WINDOW_BITS: u8 = 12;
/// Live orders of a side when the first measured block begins.
const DEPTH: u64 = 1_000;

/// A zone and the workload that goes on in it.
#[derive(Debug)]
pub struct Mix {
    replica: Replica,
    capacity: Capacity,
    seq: Seq,
    records: std::vec::IntoIter<Record>,
    sessions: u64,
}

impl Mix {
    /// A zone before its first command, and so many operations of the workload to come, by so many sessions; `guest_image` is what headers
    /// name.
    ///
    /// # Panics
    ///
    /// Unless there is a session at least, and each stands for as many accounts.
    #[must_use]
    pub fn new(operations: u64, sessions: u16, guest_image: Digest) -> Self {
        let sessions = u64::from(sessions);
        assert!(sessions > 0 && ACCOUNTS.is_multiple_of(sessions), "sessions stand for as many accounts each");
        let capacity = Capacity::default();
        let identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };
        let config = BlockConfig { guest_image, ..BlockConfig::new(identity) };
        let recipe = Recipe { op_count: 2 * DEPTH + operations, depth: DEPTH, ..Recipe::default() };
        let records = generate(recipe).records.into_iter();
        Self { replica: Replica::new(capacity, config), capacity, seq: Seq::default(), records, sessions }
    }

    /// Bounds of the zone.
    #[must_use]
    pub const fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The blocks that make zone and accounts and fill the book.
    pub fn opening(&mut self) -> Vec<SealedBlock> {
        for (id, name) in [(BASE, "BASE"), (QUOTE, "QUOTE")] {
            self.configure(&Configuration::AddAsset(Asset { id, name: name_of(name), decimals: 0 }));
        }
        for account in 0..ACCOUNTS as u32 {
            self.open_account(AccountId::new(account));
        }
        self.configure(&Configuration::ListInstrument(Instrument {
            id: InstrumentId::new(0),
            symbol: name_of("S0"),
            base: BASE,
            quote: QUOTE,
            price_decimals: 0,
            qty_decimals: 0,
            qty_max: Qty::from_lots(u64::from(u32::MAX)).expect("in range"),
            window_low: Price::from_ticks(WINDOW_LOW_TICKS).expect("in range"),
            window_bits: WINDOW_BITS,
        }));
        vec![self.replica.seal(), self.block(2 * DEPTH as usize)]
    }

    /// The next block, of so many operations, or as many as are left.
    ///
    /// # Panics
    ///
    /// If none is left.
    pub fn block(&mut self, operations: usize) -> SealedBlock {
        for _ in 0..operations {
            let Some(record) = self.records.next() else { break };
            let (session, order) = self.order_id(record.order);
            let mandate = MandateId::new((record.order % ACCOUNTS) as u32);
            let command = self.stamp(session, mandate, body_of(order, &record), 0);
            self.replica.apply(&command, &[]);
        }
        self.replica.seal()
    }

    fn open_account(&mut self, id: AccountId) {
        let owner = PublicKey::default();
        self.configure(&Configuration::OpenAccount(Account { id, name: name_of(&format!("A{id}")), owner }));
        let (session, _) = self.order_id(id.get().into());
        let mandate = Mandate {
            id: MandateId::new(id.get()),
            session,
            account: id,
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        self.configure(&Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }));
        for asset in [BASE, QUOTE] {
            let index = InboxIndex::new(self.replica.engine().inbox_index().get() + 1);
            let amount = Amount::new(FUNDS).expect("in range");
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index,
                id: Digest::ZERO,
                from: Party::owner(owner),
                channel_seq: index.get(),
                kind: InboxKind::Transfer,
                asset,
                amount,
                account: Address::of_account(id),
            };
            self.apply(Body::Inbox, &message.to_bytes());
        }
    }

    /// The workload numbers orders over all sessions, the engine over each.
    fn order_id(&self, order: u64) -> (SessionId, OrderId) {
        let session = SessionId::new((order % self.sessions) as u16 + 1);
        (session, OrderId::new(session, order.div_ceil(self.sessions).max(1)).expect("orders count from 1"))
    }

    fn configure(&mut self, change: &Configuration) {
        self.apply(Body::Configure, &change.to_bytes());
    }

    fn apply(&mut self, body: Body, tail: &[u8]) {
        let command = self.stamp(SessionId::APPLIANCE, MandateId::new(0), body, tail.len() as u16);
        self.replica.apply(&command, tail);
    }

    fn stamp(&mut self, session: SessionId, mandate: MandateId, body: Body, tail_size: u16) -> Command {
        self.seq = self.seq.next();
        Command { seq: self.seq, time: TimestampNs::new(self.seq.get()), session, mandate, body, tail_size }
    }
}

fn body_of(order: OrderId, record: &Record) -> Body {
    match record.op {
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
    }
}

fn name_of(text: &str) -> Name {
    Name::new(text).expect("a short printable name")
}
