//! Random command flow for a small zone: few prices on the edges of windows, small sizes, poor accounts, and every way to be refused.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod firms;
mod instruments;
mod quotes;
mod ties;

use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::instructions::{Contingency, Instructions, Lifetime, Link, Peg, PegReference, Trigger};
use plinth_types::limits::AMOUNT_MAX;
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::owner::Request;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{
    Account, Asset, Configuration, Expiry, Instrument, Mandate, Name, Phase, PhaseChange, Protection, Scope, SelfMatch,
    SelfMatchMode, SignedMandate, Suspension, Trader,
};
use plinth_types::transfer::{Address, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};
use std::collections::VecDeque;

/// SplitMix64: a seed in a log is a reproduction.
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// A command with its tail.
pub(crate) type Sequenced = (Command, Vec<u8>);

pub(crate) const QTY_MAX: u64 = 40;
const WINDOW_BITS: u8 = 6;
const WINDOW_LOW: i64 = 32;
const SESSIONS: u64 = 3;
/// The asset that only takes part in deposits too large.
const JUNK: u16 = 3;

/// A flow of commands; the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) rng: Rng,
    pub(crate) capacity: Capacity,
    seq: u64,
    accounts: u64,
    instruments: u64,
    mandates: u64,
    /// The middle of the prices of each instrument.
    middles: Vec<i64>,
    /// Index of each session's last order.
    last: [u64; SESSIONS as usize + 1],
    /// Orders sent, with the mandates they were sent under and their first prices.
    recent: VecDeque<(OrderId, u32, Price)>,
    /// Orders that others may be paired with.
    open: VecDeque<ties::Open>,
    /// Orders of brackets still to come.
    legs: VecDeque<ties::Leg>,
    inbox: u64,
    queue: VecDeque<(Body, Vec<u8>)>,
    /// Whether the last phase set was not continuous.
    paused: bool,
    /// Who is suspended and will be free again.
    suspended: Vec<Trader>,
    /// Orders of a crowd still to come, all with one lifetime.
    crowd: u64,
    crowd_lifetime: Lifetime,
    /// Each account's last withdrawal.
    withdrawals: [u64; 7],
}

impl Flow {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let instruments = 1 + rng.below(3);
        let accounts = 2 + rng.below(4);
        let capacity = Capacity {
            orders_max: [25, 80, 600][rng.below(3) as usize],
            accounts_max: 6,
            assets_max: 4,
            sessions_max: 5,
            instruments_max: 3,
            mandates_max: 64,
            levels_max: 64 * 3,
            spill_levels_max: 1 + rng.below(9) as u16,
        };
        // Below the window, on its edges, inside, above.
        let middles = (0..instruments).map(|_| [10, WINDOW_LOW, 64, 70, WINDOW_LOW + 64, 120][rng.below(6) as usize]).collect();
        let mut flow = Self {
            rng,
            capacity,
            seq: 0,
            accounts,
            instruments,
            mandates: 0,
            middles,
            last: [0; SESSIONS as usize + 1],
            recent: VecDeque::new(),
            open: VecDeque::new(),
            legs: VecDeque::new(),
            inbox: 0,
            queue: VecDeque::new(),
            suspended: Vec::new(),
            paused: false,
            crowd: 0,
            crowd_lifetime: Lifetime::Day,
            withdrawals: [0; 7],
        };
        flow.configure();
        flow
    }

    fn configure(&mut self) {
        for id in 0..4 {
            self.queue_configuration(Configuration::AddAsset(asset(id)));
        }
        for id in 0..self.accounts {
            self.queue_configuration(Configuration::OpenAccount(account(id as u32)));
        }
        for id in 0..self.instruments {
            self.queue_configuration(Configuration::ListInstrument(instrument(id as u32)));
        }
        for session in 1..=SESSIONS {
            for account in 0..self.accounts {
                self.queue_mandate(session, account, Scope::Trade, u64::MAX);
            }
            self.queue_mandate(session, 0, Scope::CancelOnly, u64::MAX);
            self.queue_mandate(session, 0, Scope::Trade, 500);
        }
        for group in 1..=2 * SESSIONS {
            let configuration = self.quote_group(group);
            self.queue_configuration(configuration);
        }
        for account in 0..self.accounts {
            for asset in 0..3 {
                self.queue_deposit(account as u32, asset, 2_000 / (u128::from(asset) * 20 + 1));
            }
        }
    }

    fn queue_configuration(&mut self, configuration: Configuration) {
        self.queue.push_back((Body::Configure, configuration.to_bytes()));
    }

    fn queue_mandate(&mut self, session: u64, account: u64, scope: Scope, expires_at: u64) {
        let mandate = mandate(self.mandates as u32, session as u16, account as u32, scope, expires_at);
        self.mandates += 1;
        self.queue_configuration(Configuration::GrantMandate(mandate));
    }

    fn queue_deposit(&mut self, account: u32, asset: u16, units: u128) {
        self.inbox += 1;
        self.queue.push_back((Body::Inbox, deposit(self.inbox, account, asset, units).to_bytes()));
    }

    /// The next command.
    pub(crate) fn next_command(&mut self) -> Sequenced {
        if let Some((body, tail)) = self.queue.pop_front() {
            return self.sequenced(SessionId::APPLIANCE, 0, body, tail);
        }
        if !self.suspended.is_empty() && self.rng.one_in(12) {
            let at = self.rng.below(self.suspended.len() as u64) as usize;
            let trader = self.suspended.swap_remove(at);
            return self.appliance(Configuration::Suspend(Suspension { trader, suspended: false }));
        }
        if self.crowd > 0 {
            self.crowd -= 1;
            if self.crowd == 0 && self.crowd_lifetime == Lifetime::Day {
                // The day ends, and the next one is to begin before all of the crowd has gone.
                for phase in [Phase::Continuous, Phase::PreOpen, Phase::Continuous] {
                    let instrument = InstrumentId::new(0);
                    self.queue_configuration(Configuration::SetPhase(PhaseChange { instrument, phase }));
                }
            }
            return self.one_of_a_crowd();
        }
        if self.capacity.orders_max > 500 && self.rng.one_in(350) {
            let soon = TimestampNs::new(self.seq + 330);
            self.crowd_lifetime = if self.rng.one_in(2) { Lifetime::Day } else { Lifetime::Until(soon) };
            self.crowd = 300;
        }
        if let Some(leg) = self.next_leg() {
            return leg;
        }
        let often = if self.paused { 15 } else { 120 };
        if self.rng.one_in(often) {
            return self.change_phase();
        }
        match self.rng.below(250) {
            0..3 => return self.protect(),
            3 => return self.mass_cancel(),
            4..8 => return self.withdraw(),
            8..12 => return self.request(),
            12..15 => return self.date(),
            15..28 => return self.mass_quote(),
            29 => {
                let configuration = self.firm();
                return self.appliance(configuration);
            }
            28 => {
                let group = 1 + self.rng.below(2 * SESSIONS);
                let configuration = self.quote_group(group);
                return self.appliance(configuration);
            }
            30..32 => return self.expire(),
            _ => {}
        }
        match self.rng.below(100) {
            0..6 => self.tied_order(),
            6..58 => self.new_order(),
            58..70 => self.cancel(),
            70..91 => self.replace(),
            91..96 => self.deposit(),
            96..97 => self.sequenced(SessionId::APPLIANCE, 0, Body::Note, Vec::new()),
            _ => self.reconfigure(),
        }
    }

    /// What sets the zone up, as far as it has not been said.
    pub(crate) fn configuration(&mut self) -> Vec<Sequenced> {
        self.commands(self.queue.len())
    }

    pub(crate) fn commands(&mut self, count: usize) -> Vec<Sequenced> {
        (0..count).map(|_| self.next_command()).collect()
    }

    pub(crate) fn sequenced(&mut self, session: SessionId, mandate: u32, body: Body, tail: Vec<u8>) -> Sequenced {
        // Gaps are as legal as neighbours.
        self.seq += 1 + u64::from(self.rng.one_in(50));
        let command = Command {
            seq: Seq::new(self.seq),
            time: TimestampNs::new(self.seq),
            session,
            mandate: MandateId::new(mandate),
            body,
            tail_size: tail.len() as u16,
        };
        (command, tail)
    }

    fn session(&mut self) -> u64 {
        1 + self.rng.below(SESSIONS)
    }

    /// Mostly one of the session's trading mandates.
    fn mandate_of(&mut self, session: u64) -> u32 {
        if self.rng.one_in(15) {
            return self.rng.below(self.mandates + 2) as u32;
        }
        ((session - 1) * (self.accounts + 2) + self.rng.below(self.accounts)) as u32
    }

    fn price(&mut self, instrument: u64) -> Price {
        let middle = self.middles[(instrument % self.instruments) as usize];
        let away = if self.rng.one_in(12) { self.rng.below(60) as i64 - 30 } else { self.rng.below(9) as i64 - 4 };
        let ticks = if self.rng.one_in(80) { -(self.rng.below(3) as i64) } else { (middle + away).max(1) };
        Price::from_ticks(ticks).unwrap()
    }

    fn qty(&mut self) -> Qty {
        let lots = if self.rng.one_in(60) { QTY_MAX - 2 + self.rng.below(5) } else { 1 + self.rng.below(6) };
        Qty::from_lots(lots).unwrap()
    }

    fn new_order(&mut self) -> Sequenced {
        let session = self.session();
        let mandate = self.mandate_of(session);
        let instrument = self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(40)));
        let time_in_force = match self.rng.below(10) {
            0..8 => TimeInForce::GoodTillCancel,
            8..9 => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::FillOrKill,
        };
        let market = if time_in_force == TimeInForce::GoodTillCancel { self.rng.one_in(60) } else { self.rng.one_in(3) };
        let price = self.price(instrument);
        let wanted = match self.rng.below(60) {
            0 => self.last[session as usize],
            1 => self.last[session as usize] + 2,
            _ => self.last[session as usize] + 1,
        };
        let claimed = if self.rng.one_in(100) { self.session() } else { session };
        let order = OrderId::new(SessionId::new(claimed as u16), wanted.max(1)).unwrap();
        let acting = if self.rng.one_in(150) { 4 + self.rng.below(2) } else { session };
        if claimed == session && acting == session && wanted == self.last[session as usize] + 1 {
            self.last[session as usize] = wanted;
            self.recent.push_back((order, mandate, price));
            if self.recent.len() > 60 {
                self.recent.pop_front();
            }
        }
        let new = NewOrder {
            order,
            instrument: InstrumentId::new(instrument as u32),
            side: if self.rng.one_in(2) { Side::Buy } else { Side::Sell },
            price: if market { OrderPrice::Market } else { OrderPrice::Limit(price) },
            qty: self.qty(),
            time_in_force,
            post_only: self.rng.one_in(8),
            instructed: self.rng.one_in(4),
        };
        if new.instructed && self.rng.one_in(4) {
            return self.pegged_order(acting, mandate, new);
        }
        let mut tail = if new.instructed { self.instructions(&new).to_bytes() } else { Vec::new() };
        if new.instructed && self.rng.one_in(40) {
            tail.truncate(8);
        }
        tail.extend_from_slice(&[0; 3]);
        if claimed == session && acting == session && wanted == self.last[session as usize] {
            self.note_open(mandate, &new, &tail, price);
        }
        self.sequenced(SessionId::new(acting as u16), mandate, Body::New(new), tail)
    }

    /// The same order, pegged.
    fn pegged_order(&mut self, acting: u64, mandate: u32, new: NewOrder) -> Sequenced {
        let new = NewOrder {
            price: if self.rng.one_in(2) { OrderPrice::Market } else { new.price },
            time_in_force: if self.rng.one_in(20) { new.time_in_force } else { TimeInForce::GoodTillCancel },
            post_only: new.post_only && self.rng.one_in(4),
            ..new
        };
        let to = [PegReference::Primary, PegReference::Mid, PegReference::Market][self.rng.below(3) as usize];
        let offset_ticks = if self.rng.one_in(3) { 0 } else { self.rng.below(9) as i32 - 4 };
        let lifetime = self.rng.one_in(4).then(|| self.lifetime());
        let tail = Instructions { peg: Some(Peg { to, offset_ticks }), lifetime, ..Instructions::NONE }.to_bytes();
        self.sequenced(SessionId::new(acting as u16), mandate, Body::New(new), tail)
    }

    /// An order that rests far from the market, for one unit.
    fn one_of_a_crowd(&mut self) -> Sequenced {
        let session = 1 + self.crowd % SESSIONS;
        let account = self.crowd % self.accounts;
        let index = self.last[session as usize] + 1;
        self.last[session as usize] = index;
        let new = NewOrder {
            order: OrderId::new(SessionId::new(session as u16), index).unwrap(),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            price: OrderPrice::Limit(Price::from_ticks(1).unwrap()),
            qty: Qty::from_lots(1).unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed: true,
        };
        let mandate = ((session - 1) * (self.accounts + 2) + account) as u32;
        let tail = Instructions { lifetime: Some(self.crowd_lifetime), ..Instructions::NONE }.to_bytes();
        self.sequenced(SessionId::new(session as u16), mandate, Body::New(new), tail)
    }

    fn lifetime(&mut self) -> Lifetime {
        match self.rng.below(8) {
            0..3 => Lifetime::Day,
            3..6 => Lifetime::Until(TimestampNs::new(self.seq + self.rng.below(60) * (1 + self.rng.below(6)))),
            6 => Lifetime::Opening,
            _ => Lifetime::Closing,
        }
    }

    fn expire(&mut self) -> Sequenced {
        let instrument = InstrumentId::new(self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(10))) as u32);
        let ends_day = self.rng.one_in(3);
        self.appliance(Configuration::Expire(Expiry { instrument, ends_day }))
    }

    /// Mostly such as the order can follow.
    fn instructions(&mut self, new: &NewOrder) -> Instructions {
        let lifetime = self.rng.one_in(3).then(|| self.lifetime());
        if lifetime.is_some() && self.rng.one_in(2) {
            return Instructions { lifetime, ..Instructions::NONE };
        }
        if self.rng.one_in(60) {
            let order = new.order;
            return Instructions { link: Some(Link { contingency: Contingency::OneCancelsOther, order }), ..Instructions::NONE };
        }
        let lifetime = lifetime.filter(|lifetime| matches!(lifetime, Lifetime::Day | Lifetime::Until(_)) || self.rng.one_in(6));
        let most = new.qty.lots() + u64::from(self.rng.one_in(20));
        let part = Qty::from_lots(1 + self.rng.below(most));
        let both = self.rng.one_in(30);
        let shows = (new.time_in_force == TimeInForce::GoodTillCancel) != self.rng.one_in(20);
        if self.rng.one_in(2) {
            let trigger = if self.rng.one_in(3) {
                Trigger::Trailing { ticks: 1 + self.rng.below(6) as u32 }
            } else {
                Trigger::At(self.price(new.instrument.get().into()))
            };
            return Instructions { display: part.filter(|_| both), trigger: Some(trigger), lifetime, ..Instructions::NONE };
        }
        let (display, minimum) = (part.filter(|_| shows || both), part.filter(|_| !shows || both));
        Instructions { display, minimum, lifetime, ..Instructions::NONE }
    }

    /// A recent order, its session most of the time, and one of the session's mandates.
    fn own_order(&mut self) -> (SessionId, u32, OrderId, Price) {
        let (order, mandate, price) = match self.recent.len() as u64 {
            0 => (OrderId::new(SessionId::new(1), 1).unwrap(), 0, Price::from_ticks(1).unwrap()),
            count => self.recent[self.rng.below(count) as usize],
        };
        let session = if self.rng.one_in(40) { self.session() } else { u64::from(order.session().get()) };
        let mandate = if self.rng.one_in(20) { self.mandate_of(session) } else { mandate };
        (SessionId::new(session as u16), mandate, order, price)
    }

    fn cancel(&mut self) -> Sequenced {
        let (session, mandate, order, _) = self.own_order();
        self.sequenced(session, mandate, Body::Cancel { order }, Vec::new())
    }

    fn replace(&mut self) -> Sequenced {
        let (session, mandate, order, price) = self.own_order();
        let instrument = self.rng.next();
        let price = if self.rng.one_in(2) { price } else { self.price(instrument) };
        let qty = self.qty();
        self.sequenced(session, mandate, Body::Replace { order, price, qty }, Vec::new())
    }

    fn deposit(&mut self) -> Sequenced {
        let (account, asset) = (self.rng.below(self.accounts) as u32, self.rng.below(3) as u16);
        let (units, roll) = (u128::from(self.rng.below(300) / (u64::from(asset) * 20 + 1)), self.rng.below(20));
        let next = self.inbox + 1;
        let mut message = deposit(next, account, asset, units);
        match roll {
            0 => message.zone = ZoneId::new(2),
            1 => message.index = InboxIndex::new(next + 1),
            2 => message.index = InboxIndex::new(self.inbox),
            3 => message.account = Address::of_account(AccountId::new(6)),
            4 => message.asset = AssetId::new(9),
            5 => (message.asset, message.amount) = (AssetId::new(JUNK), Amount::new(AMOUNT_MAX).unwrap()),
            18..20 => message.kind = InboxKind::Bounce,
            _ => {}
        }
        let mut tail = message.to_bytes();
        let mut session = SessionId::APPLIANCE;
        match roll {
            6 => tail.truncate(50),
            7 => session = SessionId::new(1),
            0..3 => {}
            _ => self.inbox = next,
        }
        self.sequenced(session, 0, Body::Inbox, tail)
    }

    /// To an owner, mostly, or to a zone that value can or cannot go to.
    fn destination(&mut self) -> Party {
        let zone = if self.rng.one_in(2) { 0 } else { [1, 2, 63, 64][self.rng.below(4) as usize] };
        Party { zone: ZoneId::new(zone), address: Address([9; 32]) }
    }

    fn withdraw(&mut self) -> Sequenced {
        let (account, roll) = (self.some_account(), self.rng.below(20));
        let last = &mut self.withdrawals[account.get() as usize];
        let nonce = *last + 1;
        let is_counted = u64::from(account.get()) < self.accounts && roll >= 4;
        *last += u64::from(is_counted);
        let mut withdrawal = Withdrawal {
            zone: ZoneId::TRADING,
            account,
            nonce,
            asset: AssetId::new(self.rng.below(3) as u16),
            amount: Amount::new(u128::from(self.rng.below(12))).unwrap(),
            to: self.destination(),
            expires_at: TimestampNs::new(u64::MAX),
        };
        let mut session = SessionId::APPLIANCE;
        match roll {
            0 => withdrawal.zone = ZoneId::new(2),
            1 => withdrawal.nonce = nonce - 1,
            2 => session = SessionId::new(1),
            4 => withdrawal.expires_at = TimestampNs::new(5),
            5 => withdrawal.asset = AssetId::new(9),
            6 => withdrawal.amount = Amount::new(100_000).unwrap(),
            _ => {}
        }
        let mut tail = SignedWithdrawal { withdrawal, signature: Signature([7; 64]) }.to_bytes();
        if roll == 3 {
            tail.pop();
        }
        self.sequenced(session, 0, Body::Withdraw, tail)
    }

    fn request(&mut self) -> Sequenced {
        self.inbox += 1;
        let owner = self.rng.below(self.accounts) as u8;
        let mut message = deposit(self.inbox, 0, 0, 0);
        message.from = Party::owner(PublicKey([owner; 32]));
        let own = AccountId::new(if self.rng.one_in(3) { self.some_account().get() } else { owner.into() });
        message.kind = InboxKind::Request(if self.rng.one_in(2) {
            Request::Cancel { order: self.own_order().2 }
        } else {
            Request::Withdraw {
                account: if self.rng.one_in(10) { Address([1; 32]) } else { Address::of_account(own) },
                to: self.destination(),
                asset: AssetId::new(self.rng.below(4) as u16),
                amount: Amount::new(u128::from(self.rng.below(9))).unwrap(),
            }
        });
        self.sequenced(SessionId::APPLIANCE, 0, Body::Inbox, message.to_bytes())
    }

    fn appliance(&mut self, configuration: Configuration) -> Sequenced {
        self.sequenced(SessionId::APPLIANCE, 0, Body::Configure, configuration.to_bytes())
    }

    /// An account to protect or suspend, rarely one that there is not.
    fn some_account(&mut self) -> AccountId {
        AccountId::new(if self.rng.one_in(15) { 6 } else { self.rng.below(self.accounts) as u32 })
    }

    /// Away from the continuous phase, or half of the time back to it.
    fn change_phase(&mut self) -> Sequenced {
        let phase = if self.paused && self.rng.one_in(2) { 0 } else { self.rng.below(6) as u8 };
        let phase = Phase::from_code(phase).unwrap();
        let instrument = InstrumentId::new(self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(20))) as u32);
        self.paused = phase != Phase::Continuous;
        self.appliance(Configuration::SetPhase(PhaseChange { instrument, phase }))
    }

    fn protect(&mut self) -> Sequenced {
        let configuration = match self.rng.below(8) {
            0 => {
                let trader = match self.rng.below(8) {
                    0..2 => Trader::Session(SessionId::new(self.session() as u16)),
                    2 => Trader::Firm(self.some_firm()),
                    3 => Trader::Session(SessionId::new([0, 5][self.rng.below(2) as usize])),
                    _ => Trader::Account(self.some_account()),
                };
                self.suspended.push(trader);
                Configuration::Suspend(Suspension { trader, suspended: true })
            }
            1..6 => {
                let mode = SelfMatchMode::from_code(1 + self.rng.below(4) as u8).unwrap();
                let self_match = SelfMatch { group: 1 + self.rng.below(2) as u32, mode };
                Configuration::Protect(Protection {
                    account: self.some_account(),
                    self_match: self.rng.one_in(3).then_some(self_match),
                    orders_max: self.rng.one_in(3).then_some(1 + self.rng.below(12) as u32),
                    notional_max: self.rng.one_in(3).then(|| Amount::new(u128::from(100 + self.rng.below(500))).unwrap()),
                })
            }
            _ => {
                let instrument = if self.rng.one_in(10) { 3 } else { self.rng.below(self.instruments) as u32 };
                Configuration::SetBands(self.bands(InstrumentId::new(instrument)))
            }
        };
        self.appliance(configuration)
    }

    fn mass_cancel(&mut self) -> Sequenced {
        let acting = self.rng.below(SESSIONS + 1) as u16;
        let named = if self.rng.one_in(5) { self.rng.below(SESSIONS + 1) as u16 } else { acting };
        let mass = MassCancel {
            session: (named != 0).then_some(SessionId::new(named)),
            account: self.rng.one_in(2).then(|| self.some_account()),
            instrument: self.rng.one_in(3).then(|| InstrumentId::new(self.rng.below(self.instruments + 1) as u32)),
            side: self.rng.one_in(3).then_some(if self.rng.one_in(2) { Side::Buy } else { Side::Sell }),
            cause: if self.rng.one_in(2) { MassCancelCause::Request } else { MassCancelCause::Disconnect },
        };
        self.sequenced(SessionId::new(acting), 0, Body::MassCancel(mass), Vec::new())
    }

    /// A change of reference data, mostly one to be refused.
    fn reconfigure(&mut self) -> Sequenced {
        let session = if self.rng.one_in(10) { SessionId::new(1) } else { SessionId::APPLIANCE };
        let next = self.mandates as u32;
        let mut listed = instrument(self.instruments as u32);
        let configuration = match self.rng.below(12) {
            0 => Configuration::AddAsset(asset(4)),
            1 => Configuration::AddAsset(asset(1)),
            2 => Configuration::OpenAccount(account(77)),
            3 => Configuration::GrantMandate(mandate(next + 1, 1, 0, Scope::Trade, 1)),
            4 => Configuration::GrantMandate(mandate(next, 1, 99, Scope::Trade, 1)),
            5 => Configuration::GrantMandate(mandate(next, 0, 0, Scope::Trade, 1)),
            6 => Configuration::GrantMandate(mandate(next, 5, 0, Scope::Trade, 1)),
            7 => {
                listed.base = AssetId::new(17);
                Configuration::ListInstrument(listed)
            }
            8 => {
                listed.quote = listed.base;
                Configuration::ListInstrument(listed)
            }
            9 => {
                listed.window_bits = 30;
                Configuration::ListInstrument(listed)
            }
            10 => {
                listed.window_bits = 12;
                Configuration::ListInstrument(listed)
            }
            _ => return self.sequenced(session, 0, Body::Configure, vec![9, 9]),
        };
        self.sequenced(session, 0, Body::Configure, configuration.to_bytes())
    }
}

fn name(kind: char, id: u32) -> Name {
    Name::new(&format!("{kind}{id}")).unwrap()
}

pub(crate) fn asset(id: u16) -> Asset {
    Asset { id: AssetId::new(id), name: name('a', id.into()), decimals: 2 }
}

pub(crate) fn account(id: u32) -> Account {
    Account { id: AccountId::new(id), name: name('f', id), owner: PublicKey([id as u8; 32]) }
}

/// Base asset 1 or 2, quote asset 0.
pub(crate) fn instrument(id: u32) -> Instrument {
    Instrument {
        id: InstrumentId::new(id),
        symbol: name('i', id),
        base: AssetId::new(1 + (id % 2) as u16),
        quote: AssetId::new(0),
        price_decimals: 2,
        qty_decimals: 0,
        qty_max: Qty::from_lots(QTY_MAX).unwrap(),
        window_low: Price::from_ticks(WINDOW_LOW).unwrap(),
        window_bits: WINDOW_BITS,
    }
}

pub(crate) fn mandate(id: u32, session: u16, account: u32, scope: Scope, expires_at: u64) -> SignedMandate {
    let mandate = Mandate {
        id: MandateId::new(id),
        session: SessionId::new(session),
        account: AccountId::new(account),
        scope,
        expires_at: TimestampNs::new(expires_at),
    };
    SignedMandate { mandate, signature: Signature([7; 64]) }
}

pub(crate) fn deposit(index: u64, account: u32, asset: u16, units: u128) -> InboxMessage {
    InboxMessage {
        zone: ZoneId::TRADING,
        index: InboxIndex::new(index),
        id: Digest([3; 32]),
        asset: AssetId::new(asset),
        amount: Amount::new(units).unwrap(),
        from: Party::owner(PublicKey([1; 32])),
        channel_seq: index,
        kind: InboxKind::Transfer,
        account: Address::of_account(AccountId::new(account)),
    }
}
