//! The FIX acceptor of the trading zone: 4.0 to 4.4, and FIXT.1.1 with 5.0 to 5.0 SP2.
//!
//! ```text
//! codec/        bytes to fields and back, prices and times exactly
//! dictionary/   what a message may say
//! session/      FIX sessions, sans-IO: sequence, recovery, outbound numbers. Its doc is the specification of the hard part
//! acceptor/      connections bound to sessions, sans-IO
//! application/  orders: requests to commands, durable records to reports. Its doc holds the rules of engagement
//! driver/       io_uring or epoll, TLS, passwords, the turn of the loop: [`Gateway`]
//! tls/          certificates: what we show, whom we believe, whose is whose
//! rate.rs       how often something may happen
//! echo.rs       the application of the conformance tests
//! client/       a small initiator for harnesses
//! bust.rs       trades that are taken back
//! zone.rs       [`Zone`], the only way into the zone
//! market.rs     what is shown of the books, as we are told it
//! clock.rs      time as an argument
//! ```
//!
//! Arrows point down to `plinth-types` only: no matching, no settlement. A [`Gateway`] hands commands to a [`Zone`] and is handed back every
//! durable record with what came of it; what it says to clients is a function of these records, so nothing leaves before its cause is
//! durable, and a restart that replays the journal says the same again.
//!
//! Invariants: no outbound number ever carries two messages; one (session, `ClOrdID`) makes at most one order; no message of a peer makes
//! anything panic or memory grow beyond [`limits`]; `unsafe` stands in `driver/ring.rs` and `driver/buffers.rs` alone.

#![deny(clippy::float_arithmetic)]

pub mod acceptor;
pub mod application;
pub mod bust;
pub mod client;
pub mod clock;
pub mod codec;
pub mod dictionary;
pub mod driver;
pub mod echo;
pub mod limits;
pub mod market;
pub mod rate;
pub mod session;
pub mod tls;
pub mod zone;

pub use driver::{Gateway, GatewayConfig, GatewayError, GatewayStatus, SessionStatus, Waker};
pub use zone::{Full, Holding, Holdings, Zone};
