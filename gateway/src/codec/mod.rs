//! FIX tag=value: bytes to fields and back.
//!
//! ```text
//! frame.rs      where one message ends; what is garbage; the fields of a message, found in one pass without a copy
//! tag.rs        the tags we know by name
//! decimal.rs    prices and quantities: digits to ticks and lots, exactly, and back
//! timestamp.rs  UTCTimestamp
//! hex.rs        bytes as hexadecimal digits
//! version.rs    the versions that we speak
//! builder.rs    messages written in place, body length and checksum included
//! ```
//!
//! [`frame::next`] is handed whatever has arrived and says what the first bytes are. A message is returned only when `BeginString`,
//! `BodyLength`, `MsgType` come first, `CheckSum` last, all are right and every field has a number and an equals sign. Anything
//! else is garbled: skipped without a trace in the session, as FIX demands. A wrong body length takes the bytes up to the first
//! trailer behind the claimed end with it (as the QuickFIX engines do, so that a client sees one behaviour); a claim over the limit
//! takes nothing: the search goes on at the next `8=FIX`. Values may be empty and tags may be unknown here: that is the
//! dictionary's concern, since the session answers it.
//!
//! Nothing here allocates, apart from the builder's buffer, which is reused.

pub mod builder;
pub mod decimal;
pub mod frame;
pub mod hex;
pub mod tag;
pub mod timestamp;
mod version;

pub use builder::Builder;
pub use frame::{Field, Fields, Frame, Message};
pub use tag::Tag;
pub use version::Version;

/// Field delimiter, 0x01.
pub const SOH: u8 = 1;
