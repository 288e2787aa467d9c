//! The messages of ITCH 5.0 that concern books and trades, byte for byte.

use crate::update::Reference;
use plinth_types::command::Side;
use plinth_types::id::TradeId;
use thiserror::Error;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of which stock; 0 for the venue.
    pub locate: u16,
    /// Count of the stock's messages, modulo 2^16.
    pub tracking: u16,
    /// Nanoseconds since midnight; 48 bits on the wire.
    pub time_ns: u64,
    /// What it says.
    pub body: Body,
}

/// Eight characters, padded with spaces.
pub type Stock = [u8; 8];

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `S`: `O` start of messages, `S` start of system hours, `Q` start of market hours, `M` end of market hours, `E` end of system hours, `C` end of messages.
    SystemEvent {
        /// Which.
        event: u8,
    },
    /// `R`: a stock that the session is about.
    StockDirectory {
        /// Which.
        stock: Stock,
        /// Shares of a round lot.
        round_lot_size: u32,
    },
    /// `H`: `T` trading, `H` halted, `P` paused, `Q` quotation only.
    TradingAction {
        /// Which stock.
        stock: Stock,
        /// Its state.
        state: u8,
        /// Why.
        reason: [u8; 4],
    },
    /// `A`: an order is shown.
    AddOrder {
        /// Its place.
        reference: Reference,
        /// Which side.
        side: Side,
        /// How much.
        shares: u32,
        /// Which stock.
        stock: Stock,
        /// In ten-thousandths.
        price: u32,
    },
    /// `E`: a shown order traded at its price.
    Executed {
        /// Its place.
        reference: Reference,
        /// How much.
        shares: u32,
        /// In which trade.
        trade: TradeId,
    },
    /// `C`: a shown order traded at another price.
    ExecutedAt {
        /// Its place.
        reference: Reference,
        /// How much.
        shares: u32,
        /// In which trade.
        trade: TradeId,
        /// Whether it counts as volume.
        printable: bool,
        /// In ten-thousandths.
        price: u32,
    },
    /// `X`: a shown order is smaller.
    Cancelled {
        /// Its place.
        reference: Reference,
        /// By how much.
        shares: u32,
    },
    /// `D`: a shown order is gone.
    Deleted {
        /// Its place.
        reference: Reference,
    },
    /// `U`: a shown order has a new place.
    Replaced {
        /// The place that it had.
        old: Reference,
        /// The place that it has.
        new: Reference,
        /// How much of it there is.
        shares: u32,
        /// In ten-thousandths.
        price: u32,
    },
    /// `P`: a trade with an order that was not shown.
    Trade {
        /// The side of that order.
        side: Side,
        /// How much.
        shares: u32,
        /// Which stock.
        stock: Stock,
        /// In ten-thousandths.
        price: u32,
        /// Which trade.
        trade: TradeId,
    },
    /// `Q`: an auction's trades together.
    CrossTrade {
        /// How much.
        shares: u64,
        /// Which stock.
        stock: Stock,
        /// In ten-thousandths.
        price: u32,
        /// The first of the trades.
        trade: TradeId,
        /// `O` opening, `C` closing, `H` after a halt.
        cross: u8,
    },
    /// `B`: a trade never was.
    Broken {
        /// Which.
        trade: TradeId,
    },
    /// `I`: what an auction would trade now.
    Imbalance {
        /// Shares that would trade.
        paired: u64,
        /// Shares that would be left at that price.
        imbalance: u64,
        /// `B`, `S`, `N` none, `O` too few orders.
        direction: u8,
        /// Which stock.
        stock: Stock,
        /// Far, near and reference price, in ten-thousandths.
        prices: [u32; 3],
        /// As in [`Body::CrossTrade`].
        cross: u8,
        /// How far the near price is from the reference price, as the standard's table has it.
        variation: u8,
    },
}

/// Why bytes are no message that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// No byte at all.
    #[error("an empty message")]
    Empty,
    /// A type of message that is not about books and trades.
    #[error("a message of type {kind:#04x}")]
    UnknownType {
        /// Its first byte.
        kind: u8,
    },
    /// Not as long as its type is.
    #[error("a message of type {kind:#04x} with {found} bytes, not {expected}")]
    Size {
        /// Its first byte.
        kind: u8,
        /// Bytes of the type.
        expected: usize,
        /// Bytes that came.
        found: usize,
    },
    /// A field that cannot be so.
    #[error("a message of type {kind:#04x} with the wrong {field}")]
    Field {
        /// Its first byte.
        kind: u8,
        /// Which.
        field: &'static str,
    },
}

impl Message {
    /// Appends the message with its size in front.
    pub fn write_block(&self, out: &mut Vec<u8>) {
        let (kind, size) = self.body.kind_and_size();
        out.extend_from_slice(&(size as u16).to_be_bytes());
        let start = out.len();
        out.push(kind);
        out.extend_from_slice(&self.locate.to_be_bytes());
        out.extend_from_slice(&self.tracking.to_be_bytes());
        out.extend_from_slice(&self.time_ns.to_be_bytes()[2..]);
        self.body.write(out);
        debug_assert_eq!(out.len() - start, size, "{self:?}");
    }

    /// Reads a message, its size left out.
    ///
    /// # Errors
    ///
    /// [`MessageError`]; [`MessageError::UnknownType`] also for messages of the standard that say nothing of books.
    pub fn read(bytes: &[u8]) -> Result<Self, MessageError> {
        let &kind = bytes.first().ok_or(MessageError::Empty)?;
        let expected = size_of_kind(kind).ok_or(MessageError::UnknownType { kind })?;
        if bytes.len() != expected {
            return Err(MessageError::Size { kind, expected, found: bytes.len() });
        }
        let mut fields = Fields { kind, bytes: &bytes[1..] };
        let (locate, tracking) = (fields.u16(), fields.u16());
        let time_ns = u64::from(fields.u16()) << 32 | u64::from(fields.u32());
        Ok(Self { locate, tracking, time_ns, body: Body::read(&mut fields)? })
    }
}

impl Body {
    const fn kind_and_size(&self) -> (u8, usize) {
        match self {
            Self::SystemEvent { .. } => (b'S', 12),
            Self::StockDirectory { .. } => (b'R', 39),
            Self::TradingAction { .. } => (b'H', 25),
            Self::AddOrder { .. } => (b'A', 36),
            Self::Executed { .. } => (b'E', 31),
            Self::ExecutedAt { .. } => (b'C', 36),
            Self::Cancelled { .. } => (b'X', 23),
            Self::Deleted { .. } => (b'D', 19),
            Self::Replaced { .. } => (b'U', 35),
            Self::Trade { .. } => (b'P', 44),
            Self::CrossTrade { .. } => (b'Q', 40),
            Self::Broken { .. } => (b'B', 19),
            Self::Imbalance { .. } => (b'I', 50),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::SystemEvent { event } => out.push(event),
            Self::StockDirectory { stock, round_lot_size } => {
                out.extend_from_slice(&stock);
                // No market category of Nasdaq's, no financial status.
                out.extend_from_slice(b"  ");
                out.extend_from_slice(&round_lot_size.to_be_bytes());
                // Odd lots trade; class "other", subtype not available; live production; no short sale rule, no IPO, no price bands tier, no ETP.
                out.extend_from_slice(b"NOZ PNN N");
                out.extend_from_slice(&0_u32.to_be_bytes());
                out.push(b'N');
            }
            Self::TradingAction { stock, state, reason } => {
                out.extend_from_slice(&stock);
                out.extend_from_slice(&[state, b' ']);
                out.extend_from_slice(&reason);
            }
            Self::AddOrder { reference, side, shares, stock, price } => {
                out.extend_from_slice(&reference.get().to_be_bytes());
                out.push(side_code(side));
                out.extend_from_slice(&shares.to_be_bytes());
                out.extend_from_slice(&stock);
                out.extend_from_slice(&price.to_be_bytes());
            }
            Self::Executed { reference, shares, trade } => {
                out.extend_from_slice(&reference.get().to_be_bytes());
                out.extend_from_slice(&shares.to_be_bytes());
                out.extend_from_slice(&trade.get().to_be_bytes());
            }
            Self::ExecutedAt { reference, shares, trade, printable, price } => {
                Self::Executed { reference, shares, trade }.write(out);
                out.push(if printable { b'Y' } else { b'N' });
                out.extend_from_slice(&price.to_be_bytes());
            }
            Self::Cancelled { reference, shares } => {
                out.extend_from_slice(&reference.get().to_be_bytes());
                out.extend_from_slice(&shares.to_be_bytes());
            }
            Self::Deleted { reference } => out.extend_from_slice(&reference.get().to_be_bytes()),
            Self::Replaced { old, new, shares, price } => {
                out.extend_from_slice(&old.get().to_be_bytes());
                out.extend_from_slice(&new.get().to_be_bytes());
                out.extend_from_slice(&shares.to_be_bytes());
                out.extend_from_slice(&price.to_be_bytes());
            }
            Self::Trade { side, shares, stock, price, trade } => {
                Self::AddOrder { reference: Reference::new(0), side, shares, stock, price }.write(out);
                out.extend_from_slice(&trade.get().to_be_bytes());
            }
            Self::CrossTrade { shares, stock, price, trade, cross } => {
                out.extend_from_slice(&shares.to_be_bytes());
                out.extend_from_slice(&stock);
                out.extend_from_slice(&price.to_be_bytes());
                out.extend_from_slice(&trade.get().to_be_bytes());
                out.push(cross);
            }
            Self::Broken { trade } => out.extend_from_slice(&trade.get().to_be_bytes()),
            Self::Imbalance { paired, imbalance, direction, stock, prices, cross, variation } => {
                out.extend_from_slice(&paired.to_be_bytes());
                out.extend_from_slice(&imbalance.to_be_bytes());
                out.push(direction);
                out.extend_from_slice(&stock);
                prices.iter().for_each(|price| out.extend_from_slice(&price.to_be_bytes()));
                out.extend_from_slice(&[cross, variation]);
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, MessageError> {
        Ok(match fields.kind {
            b'S' => Self::SystemEvent { event: fields.u8() },
            b'R' => {
                let stock = fields.stock();
                fields.skip(2);
                let round_lot_size = fields.u32();
                Self::StockDirectory { stock, round_lot_size }
            }
            b'H' => {
                let (stock, state) = (fields.stock(), fields.u8());
                fields.skip(1);
                Self::TradingAction { stock, state, reason: fields.array() }
            }
            // `F` says who, which we have no use for.
            b'A' | b'F' => Self::AddOrder {
                reference: fields.reference(),
                side: fields.side()?,
                shares: fields.u32(),
                stock: fields.stock(),
                price: fields.u32(),
            },
            b'E' => Self::Executed { reference: fields.reference(), shares: fields.u32(), trade: fields.trade() },
            b'C' => Self::ExecutedAt {
                reference: fields.reference(),
                shares: fields.u32(),
                trade: fields.trade(),
                printable: match fields.u8() {
                    b'Y' => true,
                    b'N' => false,
                    _ => return Err(MessageError::Field { kind: fields.kind, field: "printable flag" }),
                },
                price: fields.u32(),
            },
            b'X' => Self::Cancelled { reference: fields.reference(), shares: fields.u32() },
            b'D' => Self::Deleted { reference: fields.reference() },
            b'U' => Self::Replaced { old: fields.reference(), new: fields.reference(), shares: fields.u32(), price: fields.u32() },
            b'P' => {
                fields.skip(8);
                let (side, shares, stock) = (fields.side()?, fields.u32(), fields.stock());
                Self::Trade { side, shares, stock, price: fields.u32(), trade: fields.trade() }
            }
            b'Q' => Self::CrossTrade {
                shares: fields.u64(),
                stock: fields.stock(),
                price: fields.u32(),
                trade: fields.trade(),
                cross: fields.u8(),
            },
            b'B' => Self::Broken { trade: fields.trade() },
            b'I' => Self::Imbalance {
                paired: fields.u64(),
                imbalance: fields.u64(),
                direction: fields.u8(),
                stock: fields.stock(),
                prices: [fields.u32(), fields.u32(), fields.u32()],
                cross: fields.u8(),
                variation: fields.u8(),
            },
            kind => return Err(MessageError::UnknownType { kind }),
        })
    }
}

const fn size_of_kind(kind: u8) -> Option<usize> {
    Some(match kind {
        b'S' => 12,
        b'R' => 39,
        b'H' => 25,
        b'A' | b'C' => 36,
        b'F' | b'Q' => 40,
        b'E' => 31,
        b'X' => 23,
        b'D' | b'B' => 19,
        b'U' => 35,
        b'P' => 44,
        b'I' => 50,
        _ => return None,
    })
}

const fn side_code(side: Side) -> u8 {
    match side {
        Side::Buy => b'B',
        Side::Sell => b'S',
    }
}

/// The rest of a message whose size is right.
struct Fields<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.bytes.split_first_chunk().expect("the size of the message was checked");
        self.bytes = rest;
        *field
    }

    fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    fn stock(&mut self) -> Stock {
        self.array()
    }

    fn reference(&mut self) -> Reference {
        Reference::new(self.u64())
    }

    fn trade(&mut self) -> TradeId {
        TradeId::new(self.u64())
    }

    fn side(&mut self) -> Result<Side, MessageError> {
        match self.u8() {
            b'B' => Ok(Side::Buy),
            b'S' => Ok(Side::Sell),
            _ => Err(MessageError::Field { kind: self.kind, field: "side" }),
        }
    }

    fn skip(&mut self, count: usize) {
        self.bytes = &self.bytes[count..];
    }
}
