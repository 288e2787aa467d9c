//! What a message may say, by version.
//!
//! ```text
//! ../../build.rs  the specifications to text, when the crate is built
//! tables.rs       that text, indexed by tag and message type
//! check.rs        one message against the tables
//! reason.rs       what is answered when it does not fit
//! ```
//!
//! The specifications come from `hotfix-dictionary` at build time; 5.0 and its service packs are joined with FIXT.1.1 there.
//!
//! Checks run in the order of the QuickFIX engines, whose acceptance tests are our conformance anchor, so the first fault found is the
//! one that their tests expect: order of header, body and trailer; message type; required fields; then each field in turn: given once,
//! with a value, of the right data type, one of the enumerated values, a tag that exists, a tag of this message, a group's count. Groups
//! nest; a field twice in one entry is a field outside of it.
//!
//! Known limitations: required members of a group are not demanded; members may come in any order behind the first; an `ApplVerID` (1128)
//! on a single message does not change its dictionary; tags from 5000 on are refused unless a table has them.

mod check;
mod reason;
mod tables;

pub use check::MsgType;
pub use reason::{SessionRejectReason, Violation};
pub use tables::Dictionary;
