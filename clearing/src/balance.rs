//! What one account has of one asset.

use crate::region;
use plinth_types::quantity::Amount;
use plinth_types::table_record;

table_record! {
    /// What one account has of one asset, in the asset's smallest unit.
    #[repr(align(64))]
    pub struct Balance in region::BALANCES, 64 bytes {
        /// Owned, what is reserved included.
        pub settled: Amount,
        /// The part of `settled` that is promised to open orders.
        pub reserved: Amount,
        /// Bought and not yet received; zero while every fill settles at once.
        pub due_in: Amount,
        /// Sold and not yet delivered; zero while every fill settles at once.
        pub due_out: Amount,
    }
}

const _: () = assert!(size_of::<Balance>() == 64, "a balance is one cache line");

impl Balance {
    /// What a new order may reserve.
    ///
    /// # Panics
    ///
    /// If more is reserved than owned: custody is broken.
    #[must_use]
    #[inline(always)]
    pub const fn available(&self) -> Amount {
        self.settled.checked_sub(self.reserved).expect("more is reserved than owned")
    }

    /// Promises `amount`; `false` and unchanged if that much is not available.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, amount: Amount) -> bool {
        let Some(left) = self.available().checked_sub(amount) else { return false };
        self.reserved = self.settled.checked_sub(left).expect("what is available is a part of what is owned");
        true
    }

    #[inline(always)]
    pub(crate) fn release(&mut self, amount: Amount) {
        self.reserved = self.reserved.checked_sub(amount).expect("released more than is reserved");
    }

    /// Takes `amount` away, and `reserved` off what was promised.
    #[inline(always)]
    pub(crate) fn debit(&mut self, amount: Amount, reserved: Amount) {
        self.release(reserved);
        self.settled = self.settled.checked_sub(amount).expect("debited more than is owned");
        assert!(self.reserved <= self.settled, "debited what is promised to another order");
    }

    /// Cannot overflow: all balances of an asset are part of its total, which fits.
    #[inline(always)]
    pub(crate) fn credit(&mut self, amount: Amount) {
        self.settled = self.settled.checked_add(amount).expect("a balance is part of its asset's total");
    }
}
