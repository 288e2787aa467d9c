//! Market data of the trading zone: what anybody may see of its books, said in a gap-free sequence.
//!
//! ```text
//!  journal ─► publisher: engine, mirror of what is shown ─► updates ─┬─► book (L3) ─► depth (L2), top (L1) ─► conflation
//!  durable records                                                   └─► itch::feed ─► blocks ─┬─► file of the day
//!                                                                                              ├─► mold::downstream ─► UDP
//!                                                                                              └─► snapshot ─► TCP
//!  consumer:  UDP ─► mold::receiver (order, gaps, requests) ─► itch::view: books            request server ◄─ UDP
//! ```
//!
//! * **A pure function of the journal.** The publisher is one more engine that replays durable records; it reads no clock and tells no event
//!   that is not durable. A restart, or another host with the same journal, says the same messages with the same numbers.
//! * **Anonymous.** An order is known by a number for its place in the queue, counted by the publisher; neither its session nor
//!   what an iceberg hides can be read from it. A place that is lost ends the number.
//! * **Complete at every sequence number.** What a consumer has built from a snapshot and the increments behind it is what the engine
//!   shows at that number. A consumer that skips, repeats or loses an increment is told so by its book.
//! * Slow consumers of depth are conflated: they see fewer states, each of them a true one, and end in the same book.
//!
//! # Known limitations
//!
//! * The publisher replays from the first record at each start, like the zone's own recovery.
//! * ITCH says quantities in 32 bits and prices in four decimals: see [`itch`] for what does not fit.
//! * Depth and conflation are for consumers within the process: no wire carries them yet.
//! * Trades are never broken and no order is attributed, since the zone says neither.

pub mod book;
pub mod conflate;
pub mod depth;
pub mod itch;
pub mod limits;
pub mod mold;
pub mod net;
mod numbers;
pub mod publisher;
pub mod update;

pub use book::{Book, BookError};
pub use publisher::Publisher;
pub use update::{Change, Reference, Update, UpdateSeq};
