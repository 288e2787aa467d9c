//! A feed that any decoder of Nasdaq TotalView-ITCH 5.0 reads: messages, the feed made of updates, the file, and the consumer's books.
//!
//! ```text
//! message   type u8 │ stock locate u16 │ tracking u16 │ nanoseconds since midnight u48 │ fields, big-endian
//! block     size u16 │ message                        the form of files, of MoldUDP64 and of snapshots
//! ```
//!
//! What the fields of the standard mean here:
//! * **Day.** A session is a day of UTC, by the stamps of the records. It begins with `O`, `S`, for each instrument `R` and `H`, then `A` for each order that
//!   rests, in the order of the queues, then `Q`; it ends with `M`, `E`, `C`, which come before the first record of another day: a venue at which
//!   nothing happens has no end of day.
//! * **Stock locate** is the instrument's number plus 1. **Stock** is the symbol; if that is longer than eight characters or taken, `#` and the locate.
//! * **Tracking number** counts the messages of an instrument in the session, modulo 2^16, from 1: a consumer of one instrument sees a gap
//!   without the transport. System events count apart, as locate 0.
//! * **Shares** are lots. **Price (4)** is the price in ten-thousandths.
//! * **Order reference** is a place in the queue ([`crate::Reference`]); **match number** is the zone's number of the trade.
//! * `E` a shown order traded at its price; `C` at another; `P` a trade with an order that was not shown (reference 0); `X`, `D`, `U` as in the
//!   standard. `H` is `T` while trading is continuous, `Q` while orders are collected, `P` in a volatility auction, `H` in a halt; `I` is what an
//!   uncrossing would come to, its price in all three places. Of an auction's trade each side says its part, one of them as not printable, so
//!   `Q` is not sent; nor are `F`, `B` and the regulatory messages. [`Message`] reads and writes those of them that concern trades.
//!
//! What does not fit is left out and counted ([`feed::Left`]), never rounded:
//! * an instrument with more than four decimals of price, or beyond the 65,535th;
//! * an order whose price in ten-thousandths, or whose size in [`Pieces`], exceeds what the fields hold. It is in the other books of this
//!   crate, not in this feed; a trade with it is left out too. With another place or on another day it is tried again.

mod day;
pub mod feed;
pub mod file;
pub mod message;
mod pieces;
pub mod view;

pub use day::{SessionName, TradingDay};
pub use message::{Body, Message};
pub use pieces::{Piece, Pieces};
