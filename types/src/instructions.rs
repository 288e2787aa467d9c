//! What few orders say beyond their head: the first part of the tail of an instructed order.
//!
//! ```text
//! which u8 (bit 0 display, 1 minimum, 2 stop price, 3 trail, 4 lifetime, 5 peg, 6 link)
//!   │ for each bit, ascending: quantity u64, u64, price i64, ticks u32, lifetime (tag u8, of 2 also time u64),
//!     peg (reference u8, offset i32), link (contingency u8, order u64)
//! ```

use crate::codec::{Codec, DecodeError, Reader};
use crate::id::{OrderId, TimestampNs};
use crate::quantity::{Price, Qty};
use alloc::vec::Vec;

/// Instructions of an order; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// How much of it rests in the open at a time (an iceberg; `MaxFloor`, FIX tag 111). When that has traded, as much again comes to the
    /// end of the queue. It trades with all of its quantity when it comes in.
    pub display: Option<Qty>,
    /// Trade at once at least so much or nothing (`MinQty`, FIX tag 110).
    pub minimum: Option<Qty>,
    /// Wait for a trade. What the order's head says holds from then on: a limit order is then a limit order, a market order a market order.
    pub trigger: Option<Trigger>,
    /// How long an order that rests does so at most, or which auction it is for. Its head says good-till-cancel.
    pub lifetime: Option<Lifetime>,
    /// Follow a price of the book; the head's price is the limit of that.
    pub peg: Option<Peg>,
    /// Live and die with another order.
    pub link: Option<Link>,
}

/// How long an order rests at most (`TimeInForce`, FIX tag 59).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until its instrument's trading day ends (59=0).
    Day,
    /// Until this time: from then on it does not trade (59=6 with `ExpireTime`, tag 126; of `ExpireDate`, tag 432, the end of that day).
    Until(TimestampNs),
    /// It is for the next opening auction only (59=2).
    Opening,
    /// It is for the day's closing auction only (59=7).
    Closing,
}

/// What a pegged order follows (`OrdType` P).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peg {
    /// Which price.
    pub to: PegReference,
    /// How many ticks are added to it (`PegOffsetValue`, FIX tag 211).
    pub offset_ticks: i32,
}

/// A price of the book, of orders that are not pegged (`ExecInst`, FIX tag 18, or `PegPriceType`, tag 1094).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PegReference {
    /// The best price of its own side (18=R, 1094=5).
    Primary,
    /// The middle between both (18=M, 1094=2).
    Mid,
    /// The best price of the other side (18=P, 1094=4).
    Market,
}

/// A tie to an order of the same session, account and instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the tie does.
    pub contingency: Contingency,
    /// The other order; of one that is held the number that its entry will have.
    pub order: OrderId,
}

/// What one order's fate does to another's (`ContingencyType`, FIX tag 1385). The first and the third are of a limit order
/// and a stop of one side; the later one names the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contingency {
    /// A trade of the limit order, also of a part, ends the stop; a stop that is triggered, and whatever else ends one, ends the other (1385=1).
    OneCancelsOther,
    /// One of them lets the other in when it is done, with as much as it traded (1385=2). The one that is held comes first and names the number
    /// that the other will have; the other names it. One more may be held with it, by a tie of the other kinds: a bracket.
    OneTriggersOther,
    /// As the first, but a trade of the limit order takes as much off the stop (1385=3).
    OneUpdatesOther,
}

impl Instructions {
    /// None at all: where others are added to. An order that has none is not instructed.
    pub const NONE: Self = Self { display: None, minimum: None, trigger: None, lifetime: None, peg: None, link: None };
}

crate::choice!(Lifetime, "lifetime" { 1 => Day, 2 => Until(time), 3 => Opening, 4 => Closing });
crate::record!(Peg { to, offset_ticks });
crate::choice!(PegReference, "peg reference" { 1 => Primary, 2 => Mid, 3 => Market });
crate::record!(Link { contingency, order });
crate::choice!(Contingency, "contingency" { 1 => OneCancelsOther, 2 => OneTriggersOther, 3 => OneUpdatesOther });

/// Which trade an order waits for: a buy for one at its trigger or above, a sell for one at its trigger or below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The trigger stays where it is (`StopPx`, FIX tag 99).
    At(Price),
    /// The trigger is so many ticks behind the last trade, at least 1, and follows it, but never away from it (`PegOffsetValue`, FIX tag 211,
    /// of an order of type P).
    Trailing {
        /// How far behind.
        ticks: u32,
    },
}

const DISPLAY: u8 = 1;
const MINIMUM: u8 = 1 << 1;
const STOP: u8 = 1 << 2;
const TRAIL: u8 = 1 << 3;
const LIFETIME: u8 = 1 << 4;
const PEG: u8 = 1 << 5;
const LINK: u8 = 1 << 6;
const ALL: u8 = DISPLAY | MINIMUM | STOP | TRAIL | LIFETIME | PEG | LINK;

impl Codec for Instructions {
    fn encode(&self, out: &mut Vec<u8>) {
        let trigger = match self.trigger {
            None => 0,
            Some(Trigger::At(_)) => STOP,
            Some(Trigger::Trailing { .. }) => TRAIL,
        };
        let which = self.display.map_or(0, |_| DISPLAY)
            | self.minimum.map_or(0, |_| MINIMUM)
            | trigger
            | self.lifetime.map_or(0, |_| LIFETIME)
            | self.peg.map_or(0, |_| PEG)
            | self.link.map_or(0, |_| LINK);
        which.encode(out);
        [self.display, self.minimum].into_iter().flatten().for_each(|qty| qty.encode(out));
        match self.trigger {
            None => {}
            Some(Trigger::At(price)) => price.encode(out),
            Some(Trigger::Trailing { ticks }) => ticks.encode(out),
        }
        self.lifetime.iter().for_each(|lifetime| lifetime.encode(out));
        self.peg.iter().for_each(|peg| peg.encode(out));
        self.link.iter().for_each(|link| link.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let which = u8::read(reader)?;
        if which == 0 || which & !ALL != 0 {
            return Err(reader.invalid("instructions"));
        }
        let display = part(which & DISPLAY, reader)?;
        let minimum = part(which & MINIMUM, reader)?;
        let trigger = match which & (STOP | TRAIL) {
            0 => None,
            STOP => Some(Trigger::At(Codec::read(reader)?)),
            TRAIL => match u32::read(reader)? {
                0 => return Err(reader.invalid("trail")),
                ticks => Some(Trigger::Trailing { ticks }),
            },
            _ => return Err(reader.invalid("trigger")),
        };
        let lifetime = part(which & LIFETIME, reader)?;
        let peg = part(which & PEG, reader)?;
        let link = part(which & LINK, reader)?;
        Ok(Self { display, minimum, trigger, lifetime, peg, link })
    }
}

/// A part that is there if its bit is.
fn part<P: Codec>(bit: u8, reader: &mut Reader<'_>) -> Result<Option<P>, DecodeError> {
    if bit == 0 { Ok(None) } else { P::read(reader).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_survive_their_encoding_and_none_at_all_are_refused() {
        let qty = Qty::from_lots(7);
        let none = Instructions::NONE;
        let order = OrderId::from_bits(1 << 48 | 5).unwrap();
        let link = |contingency| Instructions { link: Some(Link { contingency, order }), ..none };
        let peg = |to, offset_ticks| Instructions { peg: Some(Peg { to, offset_ticks }), ..none };
        for instructions in [
            Instructions { display: qty, ..none },
            Instructions { display: qty, minimum: qty, ..none },
            Instructions { trigger: Price::from_ticks(-3).map(Trigger::At), ..none },
            Instructions { display: qty, trigger: Some(Trigger::Trailing { ticks: 1 }), lifetime: Some(Lifetime::Day), ..none },
            Instructions { lifetime: Some(Lifetime::Until(TimestampNs::new(u64::MAX))), ..none },
            Instructions { minimum: qty, lifetime: Some(Lifetime::Opening), ..none },
            Instructions { lifetime: Some(Lifetime::Closing), ..peg(PegReference::Mid, i32::MIN) },
            peg(PegReference::Primary, 0),
            peg(PegReference::Market, -1),
            link(Contingency::OneCancelsOther),
            link(Contingency::OneTriggersOther),
            link(Contingency::OneUpdatesOther),
        ] {
            assert_eq!(Instructions::decode(&instructions.to_bytes()), Ok(instructions));
        }
        let refused: &[&[u8]] = &[&[0], &[128], &[16, 0], &[16, 5], &[32, 4, 0, 0, 0, 0], &[64, 1, 0, 0, 0, 0, 0, 0, 0, 0]];
        for bytes in refused {
            assert!(Instructions::decode(bytes).is_err(), "{bytes:?}");
        }
        assert!(Instructions::decode(&[8, 0, 0, 0, 0]).is_err(), "trails by nothing");
        assert!(Instructions::decode(&[12, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).is_err(), "two triggers");
        assert!(Instructions::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "no lots");
    }
}
