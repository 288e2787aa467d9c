//! Firms: accounts that are answered for together.

use crate::codec::{Buffer, Codec, DecodeError, Reader};
use crate::id::{AccountId, FirmId};
use crate::quantity::Amount;
use crate::record;

/// What a firm's accounts may do together, beside what each may. Replaces what was said before; the first one makes the firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmLimits {
    /// Which firm, from 1.
    pub firm: FirmId,
    /// Most open orders of all its accounts, at least 1; `None` for no bound but the zone's.
    pub orders_max: Option<u32>,
    /// Most that a limit order of any of them may be worth, price times quantity in the quote asset, above zero.
    pub notional_max: Option<Amount>,
}

/// An account is of this firm from now on, its open orders included, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmAccount {
    /// Which account.
    pub account: AccountId,
    /// Of which firm; 0 of none.
    pub firm: FirmId,
}

record!(FirmAccount { account, firm });

// Absent bounds are the number that would mean nothing as a bound.
impl Codec for FirmLimits {
    fn encode(&self, out: &mut Buffer) {
        self.firm.encode(out);
        self.orders_max.unwrap_or(0).encode(out);
        self.notional_max.unwrap_or(Amount::ZERO).encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (firm, orders_max, notional_max) = (FirmId::read(reader)?, u32::read(reader)?, Amount::read(reader)?);
        let notional_max = (notional_max != Amount::ZERO).then_some(notional_max);
        Ok(Self { firm, orders_max: (orders_max != 0).then_some(orders_max), notional_max })
    }
}
