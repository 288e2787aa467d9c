//! What few orders say beyond their head: the first part of the tail of an instructed order.
//!
//! ```text
//! which u8 (bit 0 display, 1 minimum, 2 stop price, 3 trail) │ for each bit, ascending: quantity u64, u64, price i64, ticks u32
//! ```

use crate::codec::{Codec, DecodeError, Reader};
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
}

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

impl Codec for Instructions {
    fn encode(&self, out: &mut Vec<u8>) {
        let trigger = match self.trigger {
            None => 0,
            Some(Trigger::At(_)) => STOP,
            Some(Trigger::Trailing { .. }) => TRAIL,
        };
        let which = self.display.map_or(0, |_| DISPLAY) | self.minimum.map_or(0, |_| MINIMUM) | trigger;
        which.encode(out);
        [self.display, self.minimum].into_iter().flatten().for_each(|qty| qty.encode(out));
        match self.trigger {
            None => {}
            Some(Trigger::At(price)) => price.encode(out),
            Some(Trigger::Trailing { ticks }) => ticks.encode(out),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let which = u8::read(reader)?;
        if which == 0 || which > (DISPLAY | MINIMUM | STOP | TRAIL) {
            return Err(reader.invalid("instructions"));
        }
        let display = if which & DISPLAY == 0 { None } else { Some(Codec::read(reader)?) };
        let minimum = if which & MINIMUM == 0 { None } else { Some(Codec::read(reader)?) };
        let trigger = match which & (STOP | TRAIL) {
            0 => None,
            STOP => Some(Trigger::At(Codec::read(reader)?)),
            TRAIL => match u32::read(reader)? {
                0 => return Err(reader.invalid("trail")),
                ticks => Some(Trigger::Trailing { ticks }),
            },
            _ => return Err(reader.invalid("trigger")),
        };
        Ok(Self { display, minimum, trigger })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_survive_their_encoding_and_none_at_all_are_refused() {
        let qty = Qty::from_lots(7);
        let stop = Price::from_ticks(-3).map(Trigger::At);
        let trail = Some(Trigger::Trailing { ticks: 1 });
        for (display, minimum, trigger) in
            [(qty, None, None), (None, qty, None), (qty, qty, None), (None, None, stop), (qty, None, trail)]
        {
            let instructions = Instructions { display, minimum, trigger };
            assert_eq!(Instructions::decode(&instructions.to_bytes()), Ok(instructions));
        }
        assert!(Instructions::decode(&[0]).is_err());
        assert!(Instructions::decode(&[16]).is_err());
        assert!(Instructions::decode(&[8, 0, 0, 0, 0]).is_err(), "trails by nothing");
        assert!(Instructions::decode(&[12, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).is_err(), "two triggers");
        assert!(Instructions::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "no lots");
    }
}
