//! Firms: limits of several accounts together.

use crate::{Model, Order};
use plinth_matching::limits::FIRMS_MAX;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::FirmId;
use plinth_types::quantity::Amount;
use plinth_types::reject::Reject;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Firm {
    orders_max: Option<u32>,
    notional_max: Option<u128>,
    pub(crate) suspended: bool,
}

impl Model {
    pub(crate) fn set_firm(&mut self, limits: FirmLimits) -> Result<(), Reject> {
        check_number(limits.firm)?;
        let firm = self.firms.entry(limits.firm).or_default();
        firm.orders_max = limits.orders_max;
        firm.notional_max = limits.notional_max.map(Amount::units);
        Ok(())
    }

    pub(crate) fn assign_firm(&mut self, assigned: FirmAccount) -> Result<(), Reject> {
        self.known_account(assigned.account)?;
        let account = assigned.account.get() as usize;
        if assigned.firm.get() == 0 {
            self.firm_of.remove(&account);
            return Ok(());
        }
        self.known_firm(assigned.firm)?;
        self.firm_of.insert(account, assigned.firm);
        Ok(())
    }

    pub(crate) fn known_firm(&mut self, firm: FirmId) -> Result<&mut Firm, Reject> {
        check_number(firm)?;
        self.firms.get_mut(&firm).ok_or(Reject::UnknownFirm { firm })
    }

    pub(crate) fn is_firm_suspended(&self, account: usize) -> bool {
        self.firm_of.get(&account).is_some_and(|firm| self.firms[firm].suspended)
    }

    /// What the firm of an order's account allows.
    pub(crate) fn check_firm(&mut self, order: &Order, rests: bool) -> Result<(), Reject> {
        let Some(id) = self.firm_of.get(&order.account) else { return Ok(()) };
        let firm = self.firms[id];
        if let (Some(limit), Some(max)) = (order.limit, firm.notional_max)
            && limit as u128 * u128::from(order.left) > max
        {
            *self.fired.entry("firm's worth of an order").or_default() += 1;
            return Err(Reject::NotionalTooLarge { notional_max: max as u64 });
        }
        let all = self.open();
        let open = all.filter(|other| self.firm_of.get(&other.account) == Some(id)).count();
        match firm.orders_max {
            Some(orders_max) if rests && open >= orders_max as usize => {
                *self.fired.entry("firm's open orders").or_default() += 1;
                Err(Reject::TooManyOrders { orders_max })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn check_number(firm: FirmId) -> Result<(), Reject> {
    match usize::from(firm.get()) {
        0 => Err(Reject::Contradiction),
        number if number >= FIRMS_MAX => Err(Reject::CapacityReached),
        _ => Ok(()),
    }
}
