//! `plinth replay`: recorded order flow, played through the FIX gateway as eight firms, and its trades compared with the tape's.
//!
//! ```text
//! tape      what the files say: order rows in file order, trades
//!  └ plan       what a firm would send: orders and cancels, each with its firm and its place in the tape
//!     └ schedule    which of them may be under way together, so that every run gives the same trades
//!        └ player       eight FIX sessions, one thread
//!           └ expect, report   trades against the tape, percentiles, the appliance's own word on its ledger
//! ```
//!
//! # What the capture needs
//!
//! * Rows count in **file order**; the two stamps of a row are not ascending.
//! * A `deleted` row is a cancel of what is left (nothing is sent when nothing is). A `changed` row is the venue's own report of a fill
//!   and is not sent.
//! * Price 0 is a market order, and so is a bid at 999,999,999 (the venue's way to write a market buy).
//! * Orders of the opening snapshot that only the synthetic end deletes, although the tape traded through their price, were not on
//!   the book any more: stale, left out.
//! * An order that the tape never names as aggressor is sent post-only: on the venue it never took. Two thirds of all orders are then
//!   refused; they are market makers who probe the touch.
//! * An order without a quantity cannot be sent: the venue's instant buys are sized in money.

pub mod child;
mod expect;
mod plan;
mod player;
mod report;
mod reports;
mod run;
mod schedule;
pub mod sockets;
mod stages;
mod tape;

#[cfg(test)]
mod model;

pub use player::{PlayError, Speed};
pub use report::{ReplayReport, ReportHeights, ReportStages};
pub use reports::ReportError;
pub use run::{ReplayArgs, ReplayError, Via, main, run};
pub use stages::Percentiles;
pub use tape::TapeError;
