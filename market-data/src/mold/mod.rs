//! MoldUDP64: messages in numbered datagrams, heartbeats, the end of a session, and requests for what was lost. No socket, no clock:
//! [`crate::net`] has both.
//!
//! ```text
//! datagram   session [u8; 10] │ first message u64 │ count u16 │ count × (size u16 │ message)      big-endian
//!            count 0: heartbeat, "first message" is the next one; count 65,535: the session has ended before it
//! request    session [u8; 10] │ first message u64 │ count u16                                    exactly 20 bytes
//! ```
//!
//! * Messages of a session are numbered from 1. The feed is a function of the journal, so a restarted server goes on with the same numbers, and a
//!   consumer that lived through the restart asks for what it missed.
//! * The server keeps the session's last datagrams ([`crate::limits::RETRANSMIT_STORE_SIZE`]). A request is answered by one datagram at the most,
//!   with as many of the messages as fit; one for messages that are not kept, not there yet, or of another session by silence.
//! * Addresses can be forged, and an answer is larger than its request. So only addresses that the operator names are answered, each within
//!   [`crate::limits::RETRANSMIT_BYTES_PER_S_MAX`], all within [`crate::limits::RETRANSMIT_TOTAL_BYTES_PER_S_MAX`]; whatever is beyond is dropped and counted.
//!
//! # Known limitations
//!
//! The last datagrams of a session can be asked for only until the next session begins; the day's file has them. What is in a datagram is
//! authenticated by nobody: a receiver takes it from its server's address only, which the network must keep honest.

mod downstream;
mod packet;
mod receiver;
mod requests;

pub use downstream::{Downstream, Unknown};
pub use packet::{Count, Header, PacketError, Request};
pub use receiver::{Heard, Receiver};
pub use requests::Requests;
