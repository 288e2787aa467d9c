//! The consumer's side: books of all stocks from the messages of a session.
//!
//! Messages come in order (a file, a snapshot, [`crate::mold::receiver`]); each stock's own count is checked beside. An error means that what
//! is here is of no use until a snapshot or another session begins it anew; nothing panics on what a feed can say.

use super::file::TornBlock;
use super::message::{Body, Message, MessageError, Stock};
use crate::book::{Book, BookError};
use plinth_types::command::Side;
use plinth_types::id::InstrumentId;
use plinth_types::quantity::{Price, Qty};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why messages do not make books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ViewError {
    /// Bytes that are no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A block is cut off.
    #[error(transparent)]
    Torn(#[from] TornBlock),
    /// A stock's messages are missing or came twice.
    #[error("message {found} of stock {locate} came, {expected} is next (modulo 2^16)")]
    Gap {
        /// Which stock.
        locate: u16,
        /// What is next.
        expected: u16,
        /// What came.
        found: u16,
    },
    /// A message of a stock that the directory does not have.
    #[error("stock {locate} is not in the directory")]
    UnknownStock {
        /// Which.
        locate: u16,
    },
    /// The message does not fit the stock's book.
    #[error("stock {locate}: {error}")]
    Book {
        /// Which stock.
        locate: u16,
        /// Why.
        error: BookError,
    },
    /// An order of no shares.
    #[error("an order of stock {locate} has no shares")]
    NoShares {
        /// Which stock.
        locate: u16,
    },
}

/// The books of a session.
#[derive(Clone, Debug, Default)]
pub struct View {
    stocks: BTreeMap<u16, StockView>,
    events: Vec<u8>,
    trades: u64,
}

/// One stock.
#[derive(Clone, Debug)]
pub struct StockView {
    /// As the directory calls it.
    pub stock: Stock,
    /// `T` trading, `H` halted, `P` paused, `Q` quotation only; a space if nothing was said.
    pub state: u8,
    /// Its book; prices are ten-thousandths.
    pub book: Book,
    /// The last trade: price and shares.
    pub last_trade: Option<(Price, u64)>,
    /// Shares traded since this view began, trades that do not count left out.
    pub volume: u64,
    tracking: u16,
}

impl StockView {
    /// The symbol without its padding.
    #[must_use]
    pub fn symbol(&self) -> String {
        String::from_utf8_lossy(&self.stock).trim_end().to_owned()
    }

    fn traded(&mut self, price: Price, shares: u64) {
        self.last_trade = Some((price, shares));
        self.volume = self.volume.saturating_add(shares);
    }
}

impl View {
    /// The books of a snapshot's messages, which do not count.
    ///
    /// # Errors
    ///
    /// [`ViewError`].
    pub fn from_snapshot(blocks: &[u8]) -> Result<Self, ViewError> {
        let mut view = Self::default();
        for block in super::file::messages(blocks) {
            view.take(&Message::read(block?)?)?;
        }
        Ok(view)
    }

    /// Takes the session's next message.
    ///
    /// # Errors
    ///
    /// [`ViewError`]; also for a type of message that our feed does not have.
    pub fn apply(&mut self, bytes: &[u8]) -> Result<(), ViewError> {
        let message = Message::read(bytes)?;
        let known = self.stocks.get(&message.locate).map_or(0, |stock| stock.tracking);
        let expected = known.wrapping_add(1);
        if message.locate != 0 && message.tracking != expected {
            return Err(ViewError::Gap { locate: message.locate, expected, found: message.tracking });
        }
        self.take(&message)
    }

    fn take(&mut self, message: &Message) -> Result<(), ViewError> {
        let locate = message.locate;
        match message.body {
            Body::SystemEvent { event } => {
                self.events.push(event);
                return Ok(());
            }
            Body::StockDirectory { stock, .. } => {
                let book = Book::new(InstrumentId::new(u32::from(locate.saturating_sub(1))));
                let tracking = message.tracking;
                let view = StockView { stock, state: b' ', book, last_trade: None, volume: 0, tracking };
                self.stocks.insert(locate, view);
                return Ok(());
            }
            Body::TradingAction { .. }
            | Body::AddOrder { .. }
            | Body::Executed { .. }
            | Body::ExecutedAt { .. }
            | Body::Cancelled { .. }
            | Body::Deleted { .. }
            | Body::Replaced { .. }
            | Body::Trade { .. }
            | Body::CrossTrade { .. }
            | Body::Broken { .. }
            | Body::Imbalance { .. } => {}
        }
        let view = self.stocks.get_mut(&locate).ok_or(ViewError::UnknownStock { locate })?;
        view.tracking = message.tracking;
        let taken = view.take(&message.body, &mut self.trades);
        taken.map_err(|error| match error {
            Wrong::Book(error) => ViewError::Book { locate, error },
            Wrong::NoShares => ViewError::NoShares { locate },
        })
    }

    /// All stocks, by locate.
    pub fn stocks(&self) -> impl Iterator<Item = (u16, &StockView)> {
        self.stocks.iter().map(|(&locate, view)| (locate, view))
    }

    /// One stock.
    #[must_use]
    pub fn stock(&self, locate: u16) -> Option<&StockView> {
        self.stocks.get(&locate)
    }

    /// The system events of the session, in order.
    #[must_use]
    pub fn events(&self) -> &[u8] {
        &self.events
    }

    /// Messages of trades.
    #[must_use]
    pub const fn trades(&self) -> u64 {
        self.trades
    }
}

/// Why a message does not fit a stock.
enum Wrong {
    Book(BookError),
    NoShares,
}

impl From<BookError> for Wrong {
    fn from(error: BookError) -> Self {
        Self::Book(error)
    }
}

impl StockView {
    fn take(&mut self, body: &Body, trades: &mut u64) -> Result<(), Wrong> {
        let qty = |shares: u32| Qty::from_lots(shares.into()).ok_or(Wrong::NoShares);
        match *body {
            Body::AddOrder { reference, side, shares, price, .. } => {
                self.book.add(reference, side, price_of(price), qty(shares)?)?;
            }
            Body::Executed { reference, shares, .. } => {
                let (_, price) = self.book.take(reference, qty(shares)?)?.levels().next().unwrap_or((Side::Buy, price_of(0)));
                self.traded(price, shares.into());
                *trades += 1;
            }
            Body::ExecutedAt { reference, shares, printable, price, .. } => {
                self.book.take(reference, qty(shares)?)?;
                if printable {
                    self.traded(price_of(price), shares.into());
                    *trades += 1;
                }
            }
            Body::Cancelled { reference, shares } => {
                self.book.take(reference, qty(shares)?)?;
            }
            Body::Deleted { reference } => {
                self.book.delete(reference)?;
            }
            Body::Replaced { old, new, shares, price } => {
                self.book.replace(old, new, price_of(price), qty(shares)?)?;
            }
            Body::Trade { shares, price, .. } => {
                self.traded(price_of(price), shares.into());
                *trades += 1;
            }
            Body::CrossTrade { shares, price, .. } => self.traded(price_of(price), shares),
            Body::TradingAction { state, .. } => self.state = state,
            Body::SystemEvent { .. } | Body::StockDirectory { .. } | Body::Broken { .. } | Body::Imbalance { .. } => {}
        }
        Ok(())
    }
}

fn price_of(price: u32) -> Price {
    Price::from_ticks(price.into()).expect("32 bits are within the largest price")
}
