//! The driver: sockets to bytes and back, through TLS or not, proofs to verdicts. It knows nothing of FIX.
//!
//! ```text
//! ring.rs      accept, recv, send on one restricted io_uring
//! buffers.rs   the memory that it receives into; these two hold the only unsafe code of the crate
//! poll.rs      the same over epoll
//! io.rs        one surface over both
//! slots.rs     what both keep: listener, wake event, connections
//! server.rs    the turn of the loop
//! channel.rs   what lies between a socket and its session: nothing, or TLS
//! answers.rs   a thread that answers what takes too long on the driver's own
//! handshakes.rs, verifier.rs   what those threads do
//! waker.rs     wakes the driver's thread from another one
//! gateway.rs   the server of the trading application: orders, notes
//! ```
//!
//! One turn: what arrived is scanned, its session steps, commands go to the zone; what was delivered is rendered straight into the wire of
//! its session and handed to the kernel. A turn looks at the connections that something happened to, not at all of them. A connection has
//! one receive buffer while bytes wait in it, one wire being filled and one being sent; nothing else is allocated for it, and its socket is
//! read no further than its session keeps up.
//!
//! Known limitations: no kernel-side busy polling (`SO_BUSY_POLL`, NAPI): `busy_poll` spins on the completion queue. Sends are one operation
//! each, not zero-copy, which pays only beyond the sizes of FIX.

mod answers;
mod buffers;
mod channel;
mod gateway;
mod handshakes;
mod io;
mod poll;
mod ring;
mod server;
mod slots;
mod verifier;
mod waker;

pub use gateway::{Gateway, GatewayConfig, GatewayError, GatewayStatus, SessionStatus};
pub use io::Backend;
pub use server::{DriverConfig, Listen, Server};
pub use verifier::{PasswordError, hash_password};
pub use waker::Waker;

#[cfg(test)]
mod tests {
    use super::*;

    /// A gateway may be bound on one thread and run on another.
    #[test]
    fn a_gateway_and_its_waker_may_move_between_threads() {
        const fn moves<T: Send>() {}
        moves::<Gateway>();
        moves::<Waker>();
    }
}
