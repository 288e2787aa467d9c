//! Why the core refused, as a value that crosses a ring: `Copy`, without allocation, with the numbers that decided it where they
//! fit. Text is made at the edge. The wire codes are pinned by a test: changing one is a protocol change.

use crate::id::{AccountId, AssetId, FirmId, InstrumentId, QuoteGroupId, ZoneId};
use crate::quantity::{Price, Qty};
use core::fmt;

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// No instrument has this number.
    UnknownInstrument {
        /// The number asked for.
        instrument: InstrumentId,
    },
    /// The order is not on the book: filled, cancelled, or never accepted.
    UnknownOrder,
    /// The order's number is not the session's next: a command came twice, or not at all.
    OutOfSequence {
        /// The index that the core expects next.
        expected: u64,
    },
    /// The session has no such mandate, or it does not allow this, or it has expired.
    NotMandated,
    /// More than the instrument's largest order.
    TooLarge {
        /// The largest.
        qty_max: Qty,
    },
    /// A spot instrument's price must be above zero.
    PriceNotPositive,
    /// The account cannot pay.
    InsufficientFunds {
        /// What it lacks.
        asset: AssetId,
        /// How much of it in smallest units, `u64::MAX` standing for more.
        shortfall: u64,
    },
    /// Post-only, and it would have traded.
    WouldTake,
    /// Post-only with a time in force, or a market order that would rest: a contradiction.
    Contradiction,
    /// Replaced to a quantity that has already traded.
    AlreadyFilled,
    /// A pool of the core is full; nothing else of the zone is affected.
    CapacityReached,
    /// The balance would exceed the largest amount.
    AmountTooLarge,
    /// No account has this number.
    UnknownAccount {
        /// The number asked for.
        account: AccountId,
    },
    /// No asset has this number.
    UnknownAsset {
        /// The number asked for.
        asset: AssetId,
    },
    /// The tail is not what its command needs, or is meant for another zone.
    Malformed,
    /// The session or the account is suspended: it may cancel only.
    Suspended,
    /// The account may not have more open orders.
    TooManyOrders {
        /// How many it may have.
        orders_max: u32,
    },
    /// Price times quantity is more than an order of the account may be worth.
    NotionalTooLarge {
        /// The most in smallest units, `u64::MAX` standing for more.
        notional_max: u64,
    },
    /// The price is outside the instrument's bands.
    OutsideBands {
        /// The band that it is beyond.
        band: Price,
    },
    /// It came later than its owner allowed.
    Expired,
    /// Value cannot be sent to this zone.
    UnknownZone {
        /// The number asked for.
        zone: ZoneId,
    },
    /// There was no trade yet that a trailing stop could follow.
    NoLastTrade,
    /// The instrument's phase does not take this.
    NotInPhase,
    /// The price is no multiple of the instrument's tick there.
    OffTick {
        /// The distance of prices there.
        ticks: u32,
    },
    /// The quantity is no multiple of the instrument's lot.
    OffLot {
        /// The lot.
        lot: Qty,
    },
    /// Less than the instrument's smallest order.
    TooSmall {
        /// The smallest.
        qty_min: Qty,
    },
    /// No group of quotes has this number.
    UnknownQuoteGroup {
        /// The number asked for.
        group: QuoteGroupId,
    },
    /// So much of the group's quotes has traded that it does not quote until its session resets it.
    QuotesStopped,
    /// No firm has this number.
    UnknownFirm {
        /// The number asked for.
        firm: FirmId,
    },
    /// Orders are due to go, more than go with one command; nothing trades before they have. It may be sent again at once.
    Expiring,
    /// A pegged order without a limit, and no price that it could follow.
    NoReference,
    /// The core knows no such instruction yet, or not together with the others.
    NotSupported,
}

impl Reject {
    /// The stable code, one byte.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::UnknownInstrument { .. } => 1,
            Self::UnknownOrder => 2,
            Self::OutOfSequence { .. } => 3,
            Self::NotMandated => 4,
            Self::TooLarge { .. } => 5,
            Self::PriceNotPositive => 6,
            Self::InsufficientFunds { .. } => 7,
            Self::WouldTake => 8,
            Self::Contradiction => 9,
            Self::AlreadyFilled => 10,
            Self::CapacityReached => 11,
            Self::AmountTooLarge => 12,
            Self::UnknownAccount { .. } => 13,
            Self::UnknownAsset { .. } => 14,
            Self::Malformed => 15,
            Self::Suspended => 16,
            Self::TooManyOrders { .. } => 17,
            Self::NotionalTooLarge { .. } => 18,
            Self::OutsideBands { .. } => 19,
            Self::Expired => 20,
            Self::UnknownZone { .. } => 21,
            Self::NoLastTrade => 22,
            Self::NotInPhase => 23,
            Self::OffTick { .. } => 28,
            Self::OffLot { .. } => 29,
            Self::TooSmall { .. } => 30,
            Self::UnknownQuoteGroup { .. } => 31,
            Self::QuotesStopped => 32,
            Self::UnknownFirm { .. } => 33,
            Self::Expiring => 24,
            Self::NotSupported => 25,
            Self::NoReference => 26,
        }
    }

    /// `OrdRejReason`, FIX tag 103.
    #[must_use]
    pub const fn ord_rej_reason(self) -> u16 {
        match self {
            Self::UnknownInstrument { .. } => 1,
            Self::NotInPhase => 2,
            Self::TooLarge { .. }
            | Self::InsufficientFunds { .. }
            | Self::AmountTooLarge
            | Self::TooManyOrders { .. }
            | Self::NotionalTooLarge { .. } => 3,
            Self::UnknownOrder => 5,
            Self::OutOfSequence { .. } => 6,
            Self::Contradiction | Self::NotSupported => 11,
            Self::OffLot { .. } | Self::TooSmall { .. } => 13,
            Self::UnknownAccount { .. } => 15,
            Self::OutsideBands { .. } => 16,
            Self::OffTick { .. } => 18,
            Self::UnknownQuoteGroup { .. }
            | Self::QuotesStopped
            | Self::UnknownFirm { .. }
            | Self::NotMandated
            | Self::Suspended
            | Self::PriceNotPositive
            | Self::WouldTake
            | Self::AlreadyFilled
            | Self::CapacityReached
            | Self::UnknownAsset { .. }
            | Self::Expired
            | Self::UnknownZone { .. }
            | Self::Malformed
            | Self::Expiring
            | Self::NoReference
            | Self::NoLastTrade => 99,
        }
    }

    /// `CxlRejReason`, FIX tag 102, when a cancel or replace was refused.
    #[must_use]
    pub const fn cxl_rej_reason(self) -> u16 {
        match self {
            Self::UnknownOrder => 1,
            Self::AlreadyFilled => 0,
            Self::OutOfSequence { .. } => 6,
            Self::OffTick { .. } => 18,
            Self::UnknownInstrument { .. }
            | Self::OffLot { .. }
            | Self::TooSmall { .. }
            | Self::UnknownQuoteGroup { .. }
            | Self::QuotesStopped
            | Self::UnknownFirm { .. }
            | Self::NotMandated
            | Self::TooLarge { .. }
            | Self::PriceNotPositive
            | Self::InsufficientFunds { .. }
            | Self::WouldTake
            | Self::Contradiction
            | Self::CapacityReached
            | Self::AmountTooLarge
            | Self::UnknownAccount { .. }
            | Self::UnknownAsset { .. }
            | Self::Suspended
            | Self::TooManyOrders { .. }
            | Self::NotionalTooLarge { .. }
            | Self::OutsideBands { .. }
            | Self::Expired
            | Self::UnknownZone { .. }
            | Self::Malformed
            | Self::NotInPhase
            | Self::Expiring
            | Self::NotSupported
            | Self::NoReference
            | Self::NoLastTrade => 99,
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownInstrument { instrument } => write!(f, "unknown instrument {instrument}"),
            Self::UnknownOrder => f.write_str("unknown order"),
            Self::OutOfSequence { expected } => write!(f, "order out of sequence, expected number {expected}"),
            Self::NotMandated => f.write_str("no valid mandate for this account"),
            Self::TooLarge { qty_max } => write!(f, "quantity above the largest order of {qty_max} lots"),
            Self::PriceNotPositive => f.write_str("price must be above zero"),
            Self::InsufficientFunds { asset, shortfall } => {
                write!(f, "insufficient funds, {shortfall} units of asset {asset} short")
            }
            Self::WouldTake => f.write_str("post-only order would take"),
            Self::Contradiction => f.write_str("order terms contradict each other"),
            Self::AlreadyFilled => f.write_str("quantity has already traded"),
            Self::CapacityReached => f.write_str("capacity reached"),
            Self::AmountTooLarge => f.write_str("amount too large"),
            Self::UnknownAccount { account } => write!(f, "unknown account {account}"),
            Self::UnknownAsset { asset } => write!(f, "unknown asset {asset}"),
            Self::Malformed => f.write_str("malformed or misdirected tail"),
            Self::Suspended => f.write_str("session or account suspended"),
            Self::TooManyOrders { orders_max } => write!(f, "account already has {orders_max} open orders"),
            Self::NotionalTooLarge { notional_max } => write!(f, "order worth more than {notional_max} units"),
            Self::OutsideBands { band } => write!(f, "price beyond the band of {band} ticks"),
            Self::Expired => f.write_str("later than its owner allowed"),
            Self::UnknownZone { zone } => write!(f, "nothing can be sent to zone {zone}"),
            Self::NoLastTrade => f.write_str("no trade yet to trail"),
            Self::NotInPhase => f.write_str("not in this phase of the market"),
            Self::OffTick { ticks } => write!(f, "price is not a multiple of {ticks} ticks"),
            Self::OffLot { lot } => write!(f, "quantity is not a multiple of {lot} lots"),
            Self::UnknownQuoteGroup { group } => write!(f, "unknown quote group {group}"),
            Self::UnknownFirm { firm } => write!(f, "unknown firm {firm}"),
            Self::QuotesStopped => f.write_str("quotes stopped until they are reset"),
            Self::TooSmall { qty_min } => write!(f, "quantity below the smallest order of {qty_min} lots"),
            Self::Expiring => f.write_str("expired orders are being taken off; try again"),
            Self::NoReference => f.write_str("no price to follow, and no limit"),
            Self::NotSupported => f.write_str("these instructions are not supported"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_codes_are_pinned() {
        let instrument = InstrumentId::new(4);
        let qty_max = Qty::from_lots(10).unwrap();
        let asset = AssetId::new(1);
        let pinned = [
            (Reject::UnknownInstrument { instrument }, 1, 1, 99),
            (Reject::UnknownOrder, 2, 5, 1),
            (Reject::OutOfSequence { expected: 3 }, 3, 6, 6),
            (Reject::NotMandated, 4, 99, 99),
            (Reject::TooLarge { qty_max }, 5, 3, 99),
            (Reject::PriceNotPositive, 6, 99, 99),
            (Reject::InsufficientFunds { asset, shortfall: 8 }, 7, 3, 99),
            (Reject::WouldTake, 8, 99, 99),
            (Reject::Contradiction, 9, 11, 99),
            (Reject::AlreadyFilled, 10, 99, 0),
            (Reject::CapacityReached, 11, 99, 99),
            (Reject::AmountTooLarge, 12, 3, 99),
            (Reject::UnknownAccount { account: AccountId::new(5) }, 13, 15, 99),
            (Reject::UnknownAsset { asset }, 14, 99, 99),
            (Reject::Malformed, 15, 99, 99),
            (Reject::Suspended, 16, 99, 99),
            (Reject::TooManyOrders { orders_max: 2 }, 17, 3, 99),
            (Reject::NotionalTooLarge { notional_max: 3 }, 18, 3, 99),
            (Reject::OutsideBands { band: Price::from_ticks(9).unwrap() }, 19, 16, 99),
            (Reject::Expired, 20, 99, 99),
            (Reject::UnknownZone { zone: ZoneId::new(7) }, 21, 99, 99),
            (Reject::NoLastTrade, 22, 99, 99),
            (Reject::NotInPhase, 23, 2, 99),
            (Reject::OffTick { ticks: 5 }, 28, 18, 18),
            (Reject::OffLot { lot: qty_max }, 29, 13, 99),
            (Reject::TooSmall { qty_min: qty_max }, 30, 13, 99),
            (Reject::UnknownQuoteGroup { group: QuoteGroupId::new(3) }, 31, 99, 99),
            (Reject::QuotesStopped, 32, 99, 99),
            (Reject::UnknownFirm { firm: FirmId::new(3) }, 33, 99, 99),
            (Reject::Expiring, 24, 99, 99),
            (Reject::NotSupported, 25, 11, 99),
            (Reject::NoReference, 26, 99, 99),
        ];
        for (reject, code, ord, cxl) in pinned {
            assert_eq!((reject.code(), reject.ord_rej_reason(), reject.cxl_rej_reason()), (code, ord, cxl), "{reject:?}");
        }
    }
}
