//! The FIX 4.4 acceptor of the trading zone.

#![deny(clippy::float_arithmetic)]

pub mod acceptor;
pub mod application;
pub mod client;
pub mod clock;
pub mod codec;
pub mod dictionary;
pub mod driver;
pub mod limits;
pub mod session;
pub mod zone;

pub use driver::{Gateway, GatewayConfig, GatewayError, GatewayStatus, SessionStatus, Waker};
pub use zone::{Full, Zone};
