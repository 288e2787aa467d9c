//! Trades that clients were told of and that are no more: settlement rejected their block, and executed again it makes others; or the
//! records that made them are lost.
//!
//! A [`Bust`] is the tail of a note that the host sequences. It is derived into reports as every record is, so both sides hear of it once the
//! note is durable, under a new number, and a replay says the same.

use plinth_types::command::Side;
use plinth_types::event::Event;
use plinth_types::id::{OrderId, Seq, TimestampNs, TradeId};
use plinth_types::quantity::{Price, Qty};
use plinth_types::record;

/// A trade as its sides were told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The record that made it.
    pub record: Seq,
    /// Which of the record's events.
    pub event: u64,
    /// Its number.
    pub trade: TradeId,
    /// When.
    pub time: TimestampNs,
    /// At what price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// The resting order.
    pub maker: OrderId,
    /// The incoming order.
    pub taker: OrderId,
    /// Whether the resting order sold.
    pub maker_sells: bool,
}

record!(Told { record, event, trade, time, price, qty, maker, taker, maker_sells });

impl Told {
    /// Both orders, with the side that each took.
    #[must_use]
    pub const fn sides(&self) -> [(OrderId, Side); 2] {
        let (maker, taker) = if self.maker_sells { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        [(self.maker, maker), (self.taker, taker)]
    }

    /// Whether an event is this trade.
    #[must_use]
    pub fn is(&self, event: &Event) -> bool {
        let Self { trade, price, qty, maker, taker, .. } = *self;
        *event == Event::Traded { trade, maker, taker, price, qty }
    }
}

/// Takes back a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bust {
    /// Which, as it was told.
    pub told: Told,
    /// Whether it was reported as available, too.
    pub was_available: bool,
}

impl Bust {
    /// Version of the encoding. It is the first byte of the note's tail, and no tag of a [`Note`](plinth_types::message::Note).
    pub const VERSION: u8 = 0x81;
}

record!(Bust { told, was_available }, version "bust version");

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::codec::Codec;
    use plinth_types::id::SessionId;
    use plinth_types::message::Note;

    #[test]
    fn the_bytes_of_a_bust_are_pinned_and_are_no_other_note() {
        let order = |session, index| OrderId::new(SessionId::new(session), index).unwrap();
        let told = Told {
            record: Seq::new(1),
            event: 2,
            trade: TradeId::new(3),
            time: TimestampNs::new(4),
            price: Price::from_ticks(5).unwrap(),
            qty: Qty::from_lots(6).unwrap(),
            maker: order(1, 7),
            taker: order(2, 8),
            maker_sells: true,
        };
        let bytes = Bust { told, was_available: true }.to_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
        assert_eq!(Bust::decode(&bytes), Ok(Bust { told, was_available: true }));
        assert!(Note::decode(&bytes).is_err());
        assert_eq!(told.sides(), [(order(1, 7), Side::Sell), (order(2, 8), Side::Buy)]);
    }

    const GOLDEN: &str = "81010000000000000002000000000000000300000000000000040000000000000005000000000000000600000000000000070000000000010008000000000002000101";
}
