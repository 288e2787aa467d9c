//! The io_uring driver: sockets to bytes and back, passwords to verdicts. It knows nothing of FIX.
//!
//! ```text
//! ring.rs      accept, recv, send on one ring; the only unsafe code of the crate
//! verifier.rs  argon2 on a thread of its own
//! waker.rs     wakes the driver's thread from another one
//! gateway.rs   the turn of the loop: ring, acceptor, orders, notes
//! ```
//!
//! One turn: what arrived is scanned, its session steps, commands go to the zone; what was delivered is rendered straight into the wire of
//! its session and handed to the kernel. A connection has one receive buffer, one wire being filled and one being sent; nothing else
//! is allocated for it, and its socket is read no further than its session keeps up.
//!
//! Operations are plain (one accept, one recv and one send each time). Multishot, provided buffers and ring restrictions come with the
//! gateway's own issue, and so does the fallback to classic sockets.

mod gateway;
mod ring;
mod verifier;
mod waker;

pub use gateway::{Gateway, GatewayConfig, GatewayError, GatewayStatus, SessionStatus};
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
