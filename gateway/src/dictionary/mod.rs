//! What a FIX 4.4 message may say.
//!
//! ```text
//! fix44.rs   the tables: tags, data types, enumerations, messages, groups
//! tables.rs  the same, indexed by tag
//! check.rs   one message against the tables
//! reason.rs  what is answered when it does not fit
//! ```
//!
//! Checks run in the order of the QuickFIX engines, whose acceptance tests are our conformance anchor, so the first fault found is the
//! one that their tests expect: order of header, body and trailer; message type; required fields; then each field in turn: given once,
//! with a value, of the right data type, one of the enumerated values, a tag that exists, a tag of this message, a group's count.
//!
//! Limits: the entries of a nested group are checked as members of the outer one and its count is not compared; messages that are only
//! known by name (everything but sessions and single orders) are checked in their header only.

mod check;
mod fix44;
mod reason;
mod tables;

pub use check::MsgType;
pub use reason::{SessionRejectReason, Violation};
pub use tables::Dictionary;
