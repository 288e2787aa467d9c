//! What few orders say beyond their head: the first part of the tail of an instructed order.
//!
//! ```text
//! which u8 (bit 0 display, bit 1 minimum) │ for each bit, ascending: quantity u64
//! ```

use crate::codec::{Codec, DecodeError, Reader};
use crate::quantity::Qty;
use alloc::vec::Vec;

/// Instructions of an order; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// How much of it rests in the open at a time (an iceberg; `MaxFloor`, FIX tag 111). When that has traded, as much again comes to the
    /// end of the queue. It trades with all of its quantity when it comes in.
    pub display: Option<Qty>,
    /// Trade at once at least so much or nothing (`MinQty`, FIX tag 110).
    pub minimum: Option<Qty>,
}

const DISPLAY: u8 = 1;
const MINIMUM: u8 = 1 << 1;

impl Codec for Instructions {
    fn encode(&self, out: &mut Vec<u8>) {
        let which = self.display.map_or(0, |_| DISPLAY) | self.minimum.map_or(0, |_| MINIMUM);
        which.encode(out);
        [self.display, self.minimum].into_iter().flatten().for_each(|qty| qty.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let which = u8::read(reader)?;
        if which == 0 || which > (DISPLAY | MINIMUM) {
            return Err(reader.invalid("instructions"));
        }
        let display = if which & DISPLAY == 0 { None } else { Some(Codec::read(reader)?) };
        let minimum = if which & MINIMUM == 0 { None } else { Some(Codec::read(reader)?) };
        Ok(Self { display, minimum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_survive_their_encoding_and_none_at_all_are_refused() {
        let qty = Qty::from_lots(7);
        for (display, minimum) in [(qty, None), (None, qty), (qty, qty)] {
            let instructions = Instructions { display, minimum };
            assert_eq!(Instructions::decode(&instructions.to_bytes()), Ok(instructions));
        }
        assert!(Instructions::decode(&[0]).is_err());
        assert!(Instructions::decode(&[4]).is_err());
        assert!(Instructions::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "no lots");
    }
}
