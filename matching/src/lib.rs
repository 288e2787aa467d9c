//! The trading zone: book, engine and state, and the pipeline around them.
//!
//! [`engine`] is a pure function of sequenced commands; [`state`] is its memory as pages and a root; [`tally`] is what a block's header says
//! of its commands. All three are `no_std`: no clock, no socket, no file, no random source, no hash map, no lock, no float. The rest needs
//! the feature `std` (on by default).

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod engine;
#[cfg(all(feature = "std", not(loom)))]
pub mod journal;
pub mod limits;
#[cfg(all(feature = "std", not(loom)))]
pub mod pipeline;
#[cfg(all(feature = "std", not(loom)))]
pub mod replica;
#[cfg(feature = "std")]
pub mod ring;
pub mod state;
pub mod tally;
