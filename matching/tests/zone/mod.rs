//! What the fixtures of scenarios share: a sequenced command, applied and then checked over the whole state; and a small zone.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use crate::flow::{account, asset, deposit, instrument, mandate};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::Event;
use plinth_types::id::{AccountId, AssetId, InstrumentId, MandateId, OrderId, Seq, SessionId, TimestampNs};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::{Configuration, Scope};

/// An engine and the number of its last command, which is also its time.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) seq: u64,
}

impl Stage {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, seq: 0 }
    }

    pub(crate) fn send(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        let events = self.send_unchecked(session, mandate, body, tail);
        self.engine.check_conservation().unwrap();
        state::check(&self.engine).unwrap();
        events
    }

    pub(crate) fn send_unchecked(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.seq += 1;
        let command = Command {
            seq: Seq::new(self.seq),
            time: TimestampNs::new(self.seq),
            session: SessionId::new(session),
            mandate: MandateId::new(mandate),
            body,
            tail_size: tail.len() as u16,
        };
        let mut events = Vec::new();
        self.engine.apply(&command, tail, &mut events);
        events
    }
}

/// One instrument; sessions 1 and 2 trade for accounts 0 and 1, which have as much of either asset.
pub(crate) struct Pair {
    pub(crate) stage: Stage,
    last: [u64; 3],
}

impl Pair {
    pub(crate) fn new(orders_max: u32, units: u128) -> Self {
        let capacity = Capacity {
            orders_max,
            accounts_max: 2,
            assets_max: 2,
            sessions_max: 3,
            instruments_max: 1,
            mandates_max: 2,
            levels_max: 64,
            spill_levels_max: 4,
        };
        let mut pair = Self { stage: Stage::new(Engine::new(capacity, ())), last: [0; 3] };
        for id in 0..2_u16 {
            pair.configure(Configuration::AddAsset(asset(id)));
            pair.configure(Configuration::OpenAccount(account(id.into())));
            pair.configure(Configuration::GrantMandate(mandate(id.into(), id + 1, id.into(), Scope::Trade, u64::MAX)));
        }
        pair.configure(Configuration::ListInstrument(instrument(0)));
        for at in 0..4_u64 {
            pair.stage.send(0, 0, Body::Inbox, &deposit(at + 1, at as u32 / 2, at as u16 % 2, units).to_bytes());
        }
        pair
    }

    pub(crate) fn try_configure(&mut self, configuration: Configuration) -> Vec<Event> {
        self.stage.send(0, 0, Body::Configure, &configuration.to_bytes())
    }

    pub(crate) fn configure(&mut self, configuration: Configuration) {
        assert_eq!(self.try_configure(configuration), [Event::Configured]);
    }

    /// The next order of the session that trades for `account`.
    pub(crate) fn order(
        &mut self,
        account: u32,
        side: Side,
        price: Option<i64>,
        lots: u64,
        time_in_force: TimeInForce,
        with: Option<Instructions>,
    ) -> Vec<Event> {
        let new = self.next(account, side, price, lots, time_in_force);
        let new = NewOrder { instructed: with.is_some(), ..new };
        self.send(account, Body::New(new), &with.map_or_else(Vec::new, |with| with.to_bytes()))
    }

    /// Its terms, with the number that comes next, which is taken.
    pub(crate) fn next(&mut self, account: u32, side: Side, price: Option<i64>, lots: u64, time_in_force: TimeInForce) -> NewOrder {
        self.last[account as usize + 1] += 1;
        NewOrder {
            order: self.last_of(account as u16 + 1),
            instrument: InstrumentId::new(0),
            side,
            price: price.map_or(OrderPrice::Market, |ticks| OrderPrice::Limit(self::price(ticks))),
            qty: qty(lots),
            time_in_force,
            post_only: false,
            instructed: false,
        }
    }

    /// What the session asks that trades for `account`.
    pub(crate) fn send(&mut self, account: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.stage.send(account as u16 + 1, account, body, tail)
    }

    pub(crate) fn last_of(&self, session: u16) -> OrderId {
        OrderId::new(SessionId::new(session), self.last[usize::from(session)]).unwrap()
    }

    pub(crate) fn reserved(&self, account: u32, asset: u16) -> u128 {
        self.stage.engine.balance(AccountId::new(account), AssetId::new(asset)).unwrap().reserved.units()
    }
}

pub(crate) fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks).unwrap()
}

pub(crate) fn qty(lots: u64) -> Qty {
    Qty::from_lots(lots).unwrap()
}

/// The trades among events: which resting order, how much.
pub(crate) fn trades(events: &[Event]) -> Vec<(OrderId, u64)> {
    let made = |event: &Event| {
        let Event::Traded { maker, qty, .. } = *event else { return None };
        Some((maker, qty.lots()))
    };
    events.iter().filter_map(made).collect()
}
