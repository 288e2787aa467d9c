//! What protects traders and the market: kill switches, self-match prevention, limits of accounts, bands of instruments.
//!
//! What an account is protected from lies in a table of its own. The mandate, which every command names, says in [`Guard`] bits whether
//! any of it concerns the command, so that an order without protection pays for one compare.
//!
//! * A **suspension** holds for a session, an account, or a firm. Its mandates then allow cancels only, and its orders go at once.
//! * **Self-match prevention** is decided by the incoming order's account; a resting order matters by its account's group alone.
//! * **Open orders** are counted for accounts that have a bound, and only their nodes are marked as counted.
//! * **Bands** bound the prices of new orders and replaces. A market order's reach is counted from the best price that it meets.
//!
//! Known limitations: a market order's worth is not bounded, only its reach. A suspension and a new bound look at every order of the
//! zone once.

use crate::engine::Engine;
use crate::engine::firms::FirmRecord;
use crate::engine::mandates::MandateRecord;
use crate::engine::mass_cancel::Sweep;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::region;
use plinth_types::command::{MassCancel, MassCancelCause};
use plinth_types::event::{CancelReason, EventSink};
use plinth_types::id::{AccountId, SessionId};
use plinth_types::limits::PRICE_TICKS_MAX;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Bands, Protection, SelfMatch, SelfMatchMode, Suspension, Trader};
use plinth_types::reject::Reject;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    /// What an account is protected from; zero for one that is not.
    pub(crate) struct Guarded in region::GUARDED, 32 bytes {
        /// Most that a limit order may be worth; zero is no bound.
        pub(crate) notional_max: Amount,
        /// Most open orders; 0 is no bound, and then none is counted.
        pub(crate) orders_max: u32,
        /// Open orders.
        pub(crate) orders: u32,
        /// Whose orders do not trade with it; 0 is nobody.
        pub(crate) group: u32,
        /// The code of a [`SelfMatchMode`]; 0 without a group.
        pub(crate) mode: u8,
        /// 1 if it is suspended.
        pub(crate) suspended: u8,
        /// Its firm; 0 without one.
        pub(crate) firm: u16,
    }
}

/// Bits of a mandate: what must be looked at before its session trades on its account.
pub(crate) struct Guard;

impl Guard {
    pub(crate) const SESSION_SUSPENDED: u8 = 1;
    pub(crate) const ACCOUNT_SUSPENDED: u8 = 1 << 1;
    pub(crate) const SELF_MATCH: u8 = 1 << 2;
    pub(crate) const NOTIONAL: u8 = 1 << 3;
    pub(crate) const COUNTED: u8 = 1 << 4;
    pub(crate) const OF_FIRM: u8 = 1 << 5;
    pub(crate) const FIRM_SUSPENDED: u8 = 1 << 6;
    pub(crate) const SUSPENDED: u8 = Self::SESSION_SUSPENDED | Self::ACCOUNT_SUSPENDED | Self::FIRM_SUSPENDED;
    /// Its open orders are counted, by account or firm.
    pub(crate) const ALL_COUNTED: u8 = Self::COUNTED | Self::OF_FIRM;
}

impl Guarded {
    /// The bits that mandates on this account have.
    pub(crate) const fn guard(&self) -> u8 {
        let mut guard = 0;
        if self.suspended != 0 {
            guard |= Guard::ACCOUNT_SUSPENDED;
        }
        if self.group != 0 {
            guard |= Guard::SELF_MATCH;
        }
        if self.notional_max.units() != 0 {
            guard |= Guard::NOTIONAL;
        }
        if self.orders_max != 0 {
            guard |= Guard::COUNTED;
        }
        if self.firm != 0 {
            guard |= Guard::OF_FIRM;
        }
        guard
    }

    /// Its self-match prevention; `None` without, or for a mode that there is not.
    pub(crate) const fn self_match(&self) -> Option<SelfMatch> {
        match SelfMatchMode::from_code(self.mode) {
            Some(mode) if self.group != 0 => Some(SelfMatch { group: self.group, mode }),
            Some(_) | None => None,
        }
    }

    /// Refuses an order that the account may not have: `resting` if it could rest.
    pub(crate) fn check(&self, limit: Option<Price>, qty: Qty, resting: bool) -> Result<(), Reject> {
        check_limits(self.notional_max, (self.orders_max, self.orders), limit, qty, resting)
    }
}

/// Refuses what is worth more than `notional_max`, and what could rest where so many orders are open already; zero is no bound.
pub(crate) fn check_limits(
    notional_max: Amount,
    (orders_max, orders): (u32, u32),
    limit: Option<Price>,
    qty: Qty,
    resting: bool,
) -> Result<(), Reject> {
    let worth = limit.and_then(|limit| limit.notional(qty)).unwrap_or_default();
    if notional_max != Amount::ZERO && worth > notional_max {
        return Err(Reject::NotionalTooLarge { notional_max: u64::try_from(notional_max.units()).unwrap_or(u64::MAX) });
    }
    if resting && orders_max != 0 && orders >= orders_max {
        return Err(Reject::TooManyOrders { orders_max });
    }
    Ok(())
}

/// Refuses what a guarded mandate does not allow now.
#[cold]
#[expect(clippy::too_many_arguments, reason = "what an order is, and whom it concerns")]
pub(crate) fn check<T: Touch>(
    guarded: &Table<Guarded>,
    firms: &Table<FirmRecord>,
    touch: &mut T,
    guard: u8,
    account: AccountId,
    limit: Option<Price>,
    qty: Qty,
    resting: bool,
) -> Result<(), Reject> {
    if guard & Guard::SUSPENDED != 0 {
        return Err(Reject::Suspended);
    }
    let record = guarded.get(touch, account.get() as usize);
    record.check(limit, qty, resting)?;
    if guard & Guard::OF_FIRM == 0 { Ok(()) } else { firms.get(touch, usize::from(record.firm)).check(limit, qty, resting) }
}

/// Forgets a counted order that is gone.
#[cold]
pub(crate) fn discount<T: Touch>(guarded: &mut Table<Guarded>, touch: &mut T, account: AccountId) {
    guarded.get_mut(touch, account.get() as usize).orders -= 1;
}

impl<T: Touch> Engine<T> {
    /// Counts the order that has come to rest in `slot`.
    #[cold]
    pub(crate) fn count(&mut self, slot: Slot, account: AccountId) {
        let Self { touch, nodes, guarded, firms, .. } = self;
        let record = guarded.get_mut(touch, account.get() as usize);
        let node = nodes.get_mut(touch, slot as usize);
        if record.orders_max != 0 {
            record.orders += 1;
            node.marks |= Mark::COUNTED;
        }
        if record.firm != 0 {
            firms.get_mut(touch, usize::from(record.firm)).orders += 1;
            node.marks |= Mark::OF_FIRM;
        }
    }

    /// The bits of a mandate of this session on this account.
    pub(crate) fn guard(&mut self, session: SessionId, account: AccountId) -> u8 {
        let record = *self.guarded.get(&mut self.touch, account.get() as usize);
        let firm_suspended = self.firms.get(&mut self.touch, usize::from(record.firm)).suspended != 0;
        let of_account = record.guard() | if firm_suspended { Guard::FIRM_SUSPENDED } else { 0 };
        let suspended = self.sessions.get(&mut self.touch, usize::from(session.get())).suspended != 0;
        of_account | if suspended { Guard::SESSION_SUSPENDED } else { 0 }
    }

    /// Stops a trader, or lets it trade again. Its orders are [`Engine::clear_suspended`]'s to take off.
    pub(crate) fn suspend(&mut self, suspension: &Suspension) -> Result<(), Reject> {
        let touch = &mut self.touch;
        let suspended = u8::from(suspension.suspended);
        match suspension.trader {
            Trader::Session(SessionId::APPLIANCE) => return Err(Reject::Contradiction),
            Trader::Session(session) if session.get() >= self.capacity.sessions_max => return Err(Reject::CapacityReached),
            Trader::Session(session) => self.sessions.get_mut(touch, usize::from(session.get())).suspended = suspended,
            Trader::Account(account) => {
                self.custody.known_account(touch, account)?;
                self.guarded.get_mut(touch, account.get() as usize).suspended = suspended;
            }
            Trader::Firm(firm) => {
                let slot = self.known_firm(firm)?;
                self.firms.get_mut(&mut self.touch, slot).suspended = suspended;
            }
        }
        self.guard_mandates(|record, mandate| match suspension.trader {
            Trader::Session(session) => mandate.session == session.get(),
            Trader::Account(account) => mandate.account == account.get(),
            Trader::Firm(firm) => record.firm == firm.get(),
        });
        Ok(())
    }

    /// Takes off what a trader, suspended now, has on the books.
    pub(crate) fn clear_suspended<S: EventSink>(&mut self, suspension: &Suspension, sink: &mut S) {
        if suspension.suspended {
            let all = MassCancel { session: None, account: None, instrument: None, side: None, cause: MassCancelCause::Request };
            let (mass, firm) = match suspension.trader {
                Trader::Session(session) => (MassCancel { session: Some(session), ..all }, None),
                Trader::Account(account) => (MassCancel { account: Some(account), ..all }, None),
                Trader::Firm(firm) => (all, Some(firm)),
            };
            self.take_off_all(&Sweep { mass, firm }, CancelReason::Suspended, sink);
        }
    }

    /// Protects an account, its open orders included.
    pub(crate) fn protect(&mut self, protection: &Protection) -> Result<(), Reject> {
        let touch = &mut self.touch;
        self.custody.known_account(touch, protection.account)?;
        let orders_max = protection.orders_max.unwrap_or(0);
        let orders = self.count_orders(protection.account, orders_max != 0);
        let record = self.guarded.get_mut(&mut self.touch, protection.account.get() as usize);
        *record = Guarded {
            notional_max: protection.notional_max.unwrap_or(Amount::ZERO),
            orders_max,
            orders,
            group: protection.self_match.map_or(0, |found| found.group),
            mode: protection.self_match.map_or(0, |found| found.mode.code()),
            suspended: record.suspended,
            firm: record.firm,
        };
        self.guard_mandates(|_, mandate| mandate.account == protection.account.get());
        Ok(())
    }

    /// Sets an instrument's bands.
    pub(crate) fn set_bands(&mut self, bands: &Bands) -> Result<(), Reject> {
        let touch = &mut self.touch;
        if bands.instrument.get() >= self.counters.get(touch).instruments {
            return Err(Reject::UnknownInstrument { instrument: bands.instrument });
        }
        if !are_sound(bands) {
            return Err(Reject::Contradiction);
        }
        let book = self.books.get_mut(touch, bands.instrument.get() as usize);
        (book.band_low, book.band_high) = (bands.low.ticks(), bands.high.ticks());
        book.market_reach = bands.market_reach.unwrap_or(u32::MAX);
        Ok(())
    }

    /// Marks the account's open orders as counted or not, and says how many are counted now.
    fn count_orders(&mut self, account: AccountId, counted: bool) -> u32 {
        let mut orders = 0;
        for slot in 1..=self.counters.get(&mut self.touch).nodes_used {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            if node.order != 0 && node.account == account.get() {
                self.mark(slot, node, counted);
                orders += u32::from(counted);
            }
        }
        orders
    }

    fn mark(&mut self, slot: Slot, node: Node, counted: bool) {
        let marks = if counted { node.marks | Mark::COUNTED } else { node.marks & !Mark::COUNTED };
        *self.nodes.get_mut(&mut self.touch, slot as usize) = Node { marks, ..node };
    }

    /// Writes the bits of the mandates that `concerned` picks.
    pub(crate) fn guard_mandates(&mut self, concerned: impl Fn(&Guarded, &MandateRecord) -> bool) {
        for slot in 0..self.counters.get(&mut self.touch).mandates as usize {
            let mandate = *self.mandates.get(&mut self.touch, slot);
            let record = *self.guarded.get(&mut self.touch, mandate.account as usize);
            if concerned(&record, &mandate) {
                let guard = self.guard(SessionId::new(mandate.session), AccountId::new(mandate.account));
                *self.mandates.get_mut(&mut self.touch, slot) = MandateRecord { guard, ..mandate };
            }
        }
    }
}

/// Whether a price can be between them.
pub(crate) fn are_sound(bands: &Bands) -> bool {
    bands.low.ticks() >= LOWEST_BAND && bands.low <= bands.high
}

/// The lowest lower band, and that of an instrument without bands.
pub(crate) const LOWEST_BAND: i64 = 1;
/// The upper band of an instrument without bands.
pub(crate) const HIGHEST_BAND: i64 = PRICE_TICKS_MAX;
