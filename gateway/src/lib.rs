//! The FIX 4.4 acceptor of the trading zone.

#![deny(clippy::float_arithmetic)]

pub mod client;
pub mod codec;
pub mod limits;
