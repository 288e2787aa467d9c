//! What clients were told of trades that are not settled, kept beside the journal.
//!
//! The journal says what was asked, not what came of it. Should the same records give another result one day, because settlement rejected their
//! blocks and the program that executes them again is another one, or should records be lost, this file is what the trades are compared with.
//!
//! ```text
//! 0          8         9     12     14    16      24    28
//! │"PLNTTOLD"│ version │ zero │ zone │ zero │ chain │ crc │ entries …
//!
//! entry:  │ size u32 │ crc u32 │ Entry: `size` bytes │
//! ```
//!
//! Entries are written when the trades have been told, and are in the system's hands then, so they survive the process. They are durable only
//! behind [`ToldLog::reject`] and a rewrite: what a power failure takes is executed again by the next start and kept again. Only a start that is both
//! behind a power failure and of a program with other results cannot tell. An entry that is not whole ends the file.
//!
//! The file is rewritten without what is settled when it is opened, and whenever it has grown [enough](limits::REWRITE_SIZE_MIN).

pub mod limits;
mod log;
mod trades;

pub(crate) use log::Said;
pub use log::{Entry, TOLD_FILE, ToldError, ToldLog};
pub(crate) use trades::Trades;
