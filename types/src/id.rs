//! Identifiers. Each is a number of its own kind: none converts into another, none is made from a bare integer by `From`.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name($int);

        impl $name {
            /// Wraps a number read at a wire edge or counted by its owner.
            #[must_use]
            #[inline]
            pub const fn new(value: $int) -> Self {
                Self(value)
            }

            /// The number, for a wire edge or an array index.
            #[must_use]
            #[inline]
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! counted {
    ($name:ident) => {
        impl $name {
            /// The one after this one.
            ///
            /// # Panics
            ///
            /// After the last number of the type, which no run of the appliance reaches.
            #[must_use]
            pub const fn next(self) -> Self {
                match self.0.checked_add(1) {
                    Some(value) => Self(value),
                    None => panic!("identifier space exhausted"),
                }
            }
        }
    };
}

id! {
    /// Position of a record in a zone's command journal; the first record is 1, and 0 means "before the first".
    Seq(u64)
}
counted!(Seq);
id! {
    /// Height of a zone block or of a settlement block; genesis is 0.
    Height(u64)
}
counted!(Height);
id! {
    /// A run of settlement blocks under one committee; the first is 0. How many blocks an epoch has is in the genesis.
    Epoch(u64)
}
counted!(Epoch);
id! {
    /// Number of a trade within its zone; the first is 1.
    TradeId(u64)
}
counted!(TradeId);
id! {
    /// Nanoseconds since 1970-01-01 UTC, stamped by a sequencer or by consensus; nothing behind them reads a clock.
    TimestampNs(u64)
}
id! {
    /// A custody account of the trading zone; dense, the index of its record.
    AccountId(u32)
}
id! {
    /// An asset known to the base layer; dense, the index of its record.
    AssetId(u16)
}
id! {
    /// Accounts that are answered for together; from 1, and 0 is none.
    FirmId(u16)
}
id! {
    /// A group of quotes of one market maker; dense from 1.
    QuoteGroupId(u16)
}
id! {
    /// An instrument of the trading zone; dense, the index of its record.
    InstrumentId(u32)
}
id! {
    /// A FIX session; 0 is the appliance itself (configuration, inbox).
    SessionId(u16)
}
id! {
    /// An owner's signed leave for a session to act on an account; dense, the index of its record.
    MandateId(u32)
}
id! {
    /// A zone; 0 is the base layer.
    ZoneId(u16)
}
id! {
    /// The chain that all signatures name, so that none is valid on another one.
    ChainId(u64)
}
id! {
    /// Fencing token of a zone's producer: a header of a lower epoch is refused.
    ProducerEpoch(u32)
}
counted!(ProducerEpoch);
id! {
    /// Position of a message in a zone's inbox; the first is 1.
    InboxIndex(u64)
}
counted!(InboxIndex);

id! {
    /// `MsgSeqNum`, FIX tag 34: position of a message in one direction of a FIX session; the first is 1.
    MsgSeqNum(u64)
}
counted!(MsgSeqNum);

impl ZoneId {
    /// The base layer.
    pub const BASE: Self = Self(0);
    /// The trading zone.
    pub const TRADING: Self = Self(1);
}

impl SessionId {
    /// The appliance itself: configuration, inbox, notes.
    pub const APPLIANCE: Self = Self(0);
}

/// An order of a session: the session in the high 16 bits, the session's own count of orders (from 1) in the low 48.
///
/// The gateway numbers a session's orders densely, so the core knows a repeated one by a compare, keeps no order that is gone, and
/// a report can name the order before the core has seen it. Shown to clients as `OrderID`, FIX tag 37. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct OrderId(u64);

impl OrderId {
    const INDEX_BITS: u32 = 48;

    /// The `index`-th order (from 1) of `session`; `None` if the index is 0 or needs more than 48 bits.
    #[must_use]
    #[inline]
    pub const fn new(session: SessionId, index: u64) -> Option<Self> {
        if index == 0 || index >= crate::limits::ORDERS_PER_SESSION_MAX {
            return None;
        }
        Some(Self(((session.0 as u64) << Self::INDEX_BITS) | index))
    }

    /// Reads the 64-bit form; `None` if its index is 0.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits & (crate::limits::ORDERS_PER_SESSION_MAX - 1) == 0 { None } else { Some(Self(bits)) }
    }

    /// The 64-bit form.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whose order it is.
    #[must_use]
    #[inline]
    pub const fn session(self) -> SessionId {
        SessionId((self.0 >> Self::INDEX_BITS) as u16)
    }

    /// The session's own count, from 1.
    #[must_use]
    #[inline]
    pub const fn index(self) -> u64 {
        self.0 & (crate::limits::ORDERS_PER_SESSION_MAX - 1)
    }
}

impl fmt::Display for OrderId {
    /// `SESSION-INDEX`, as clients see it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session(), self.index())
    }
}

/// An ed25519 public key: owner of accounts and deposits, producer of a zone, validator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}{:02x}{:02x}…)", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_keeps_session_and_index_apart() {
        let session = SessionId::new(u16::MAX);
        let last = crate::limits::ORDERS_PER_SESSION_MAX - 1;
        let id = OrderId::new(session, last).unwrap();
        assert_eq!((id.session(), id.index()), (session, last));
        assert_eq!(OrderId::from_bits(id.bits()), Some(id));
        assert_eq!(OrderId::new(session, 0), None);
        assert_eq!(OrderId::new(session, last + 1), None);
        assert_eq!(OrderId::from_bits(u64::from(u16::MAX) << 48), None);
    }
}
