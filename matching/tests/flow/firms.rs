//! Firms and their accounts.

use super::Flow;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::FirmId;
use plinth_types::quantity::Amount;
use plinth_types::reference::Configuration;

impl Flow {
    /// Limits of a firm, or another firm for an account.
    pub(super) fn firm(&mut self) -> Configuration {
        let firm = self.some_firm();
        if self.rng.one_in(2) {
            return Configuration::AssignFirm(FirmAccount { account: self.some_account(), firm });
        }
        Configuration::SetFirm(FirmLimits {
            firm,
            orders_max: self.rng.one_in(3).then_some(1 + self.rng.below(20) as u32),
            notional_max: self.rng.one_in(3).then(|| Amount::new(u128::from(100 + self.rng.below(500))).unwrap()),
        })
    }

    /// One of few firms, rarely one that there is not.
    pub(super) fn some_firm(&mut self) -> FirmId {
        FirmId::new([1, 2, 1, 2, 0, 3, 1_024][self.rng.below(if self.rng.clone().one_in(4) { 7 } else { 5 }) as usize])
    }
}
