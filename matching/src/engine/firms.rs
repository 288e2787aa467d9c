//! Firms: limits and kill switches of several accounts together.
//!
//! An account names its firm in what guards it; its mandates say in a bit that there is one, and its open orders carry a mark by which the
//! firm counts them. An order is checked against its account and then against its firm, at one place. What an account without a firm pays is
//! nothing.

use crate::engine::Engine;
use crate::engine::pool::{Mark, Node};
use crate::engine::protection::{Guarded, check_limits};
use crate::engine::region;
use crate::limits::FIRMS_MAX;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::{AccountId, FirmId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reject::Reject;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    /// A firm, in the slot of its number; zero where none is.
    pub(crate) struct FirmRecord in region::FIRMS, 32 bytes {
        /// Most that a limit order may be worth; zero is no bound.
        pub(crate) notional_max: Amount,
        /// Most open orders; 0 is no bound.
        pub(crate) orders_max: u32,
        /// Open orders.
        pub(crate) orders: u32,
        /// 1 if there is this firm.
        pub(crate) known: u8,
        /// 1 if it is suspended.
        pub(crate) suspended: u8,
    }
}

impl FirmRecord {
    /// As [`Guarded::check`], for the whole firm.
    pub(crate) fn check(&self, limit: Option<Price>, qty: Qty, resting: bool) -> Result<(), Reject> {
        check_limits(self.notional_max, (self.orders_max, self.orders), limit, qty, resting)
    }
}

/// Forgets an order that its firm counts.
#[cold]
pub(crate) fn discount<T: Touch>(firms: &mut Table<FirmRecord>, guarded: &Table<Guarded>, touch: &mut T, account: AccountId) {
    let firm = guarded.get(touch, account.get() as usize).firm;
    firms.get_mut(touch, usize::from(firm)).orders -= 1;
}

impl<T: Touch> Engine<T> {
    /// Makes a firm, or changes its limits.
    pub(crate) fn set_firm(&mut self, limits: &FirmLimits) -> Result<(), Reject> {
        let slot = self.firm_slot(limits.firm)?;
        let record = self.firms.get_mut(&mut self.touch, slot);
        record.known = 1;
        record.orders_max = limits.orders_max.unwrap_or(0);
        record.notional_max = limits.notional_max.unwrap_or(Amount::ZERO);
        Ok(())
    }

    fn firm_slot(&self, firm: FirmId) -> Result<usize, Reject> {
        match usize::from(firm.get()) {
            0 => Err(Reject::Contradiction),
            slot if slot < FIRMS_MAX => Ok(slot),
            _ => Err(Reject::CapacityReached),
        }
    }

    /// Puts an account under a firm, or under none.
    pub(crate) fn assign_firm(&mut self, assigned: &FirmAccount) -> Result<(), Reject> {
        self.custody.known_account(&mut self.touch, assigned.account)?;
        if assigned.firm.get() != 0 {
            self.known_firm(assigned.firm)?;
        }
        let (account, firm) = (assigned.account.get(), assigned.firm.get());
        let counted = self.mark_of_firm(account, firm != 0);
        let record = self.guarded.get_mut(&mut self.touch, account as usize);
        let before = core::mem::replace(&mut record.firm, firm);
        if before != 0 {
            self.firms.get_mut(&mut self.touch, usize::from(before)).orders -= counted;
        }
        if firm != 0 {
            self.firms.get_mut(&mut self.touch, usize::from(firm)).orders += counted;
        }
        self.guard_mandates(|_, mandate| mandate.account == account);
        Ok(())
    }

    /// A firm's limits, and whether it is suspended; `None` if there is no such firm.
    #[must_use]
    pub fn firm(&self, firm: FirmId) -> Option<(FirmLimits, bool)> {
        let record = self.firms.records().get(usize::from(firm.get())).filter(|record| record.known != 0)?;
        let orders_max = (record.orders_max != 0).then_some(record.orders_max);
        let notional_max = (record.notional_max != Amount::ZERO).then_some(record.notional_max);
        Some((FirmLimits { firm, orders_max, notional_max }, record.suspended != 0))
    }

    /// The firm of an account, 0 without one; `None` beyond the accounts that there can be.
    #[must_use]
    pub fn firm_of(&self, account: AccountId) -> Option<FirmId> {
        self.guarded.records().get(account.get() as usize).map(|record| FirmId::new(record.firm))
    }

    pub(crate) fn known_firm(&mut self, firm: FirmId) -> Result<usize, Reject> {
        let slot = self.firm_slot(firm)?;
        let known = self.firms.get(&mut self.touch, slot).known != 0;
        if known { Ok(slot) } else { Err(Reject::UnknownFirm { firm }) }
    }

    /// Marks an account's open orders as counted by a firm or not, and says how many there are.
    fn mark_of_firm(&mut self, account: u32, counted: bool) -> u32 {
        let mut orders = 0;
        for slot in 1..=self.counters.get(&mut self.touch).nodes_used {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            if node.order != 0 && node.account == account {
                let marks = if counted { node.marks | Mark::OF_FIRM } else { node.marks & !Mark::OF_FIRM };
                *self.nodes.get_mut(&mut self.touch, slot as usize) = Node { marks, ..node };
                orders += 1;
            }
        }
        orders
    }
}
