//! The vocabulary shared by every crate of the appliance: quantities, identifiers, the commands a zone is asked, the events it
//! says, why it refuses, and the blocks and messages that cross between zones.
//!
//! * `no_std`, no dependency, no I/O, no clock: the zkVM guest, the matching core and a validator at home read the same words.
//! * **No bare integer crosses a public function.** Digits become one of these types at a wire edge and digits again at a wire edge.
//! * Everything that is stored or sent has one canonical little-endian encoding ([`codec`]), a version byte where it starts a
//!   format, and a golden fixture in `tests/golden.rs`. Changing bytes is a protocol change.
//! * Every bound has a name in [`limits`].

#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod block;
pub mod calendar;
pub mod codec;
pub mod command;
pub mod digest;
pub mod event;
pub mod exit;
pub mod few;
pub mod firm;
pub mod id;
pub mod instructions;
pub mod limits;
pub mod message;
pub mod owner;
pub mod page;
pub mod quantity;
pub mod quote;
pub mod reference;
pub mod reject;
mod shape;
pub mod table;
pub mod terms;
pub mod transfer;
pub mod withdrawal;
pub mod words;
