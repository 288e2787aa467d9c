//! The durable pipeline: sequencer, engine and gate on one thread, the journal on its own (`fused`).
//!
//! ```text
//! submit ─► sequencer: number, time ─┬─► ring ─► journal thread ─► disk
//!                                    └─► engine ─► events held        │ durable_seq, wake-up
//! release ◄───────────────────── gate ◄───────────────────────────────┘
//! ```
//!
//! A command is executed while it is being written; its events leave when it is durable, so latency behind the sequencer is the
//! longer of the two, not their sum.
//!
//! # Invariants
//!
//! * [`Fused::release`] gives out the events of a record only when the journal has published it, in order, once.
//! * What was submitted has been executed and handed to the journal: both or neither.
//! * Times never fall, whatever the caller's clock does, over restarts too.
//! * The queue in front is bounded. When it is full new orders and replaces are refused first; cancels and the appliance's own
//!   records have room reserved.
//! * The steady path allocates nothing: buffers grow to what is outstanding and are kept.
//!
//! # Known limitations
//!
//! Only the `fused` topology; `split` puts the engine behind the ring's second cursor. After a failure of the journal the engine
//! is ahead of what is durable, so nothing can be served from it any more: the process must exit.

mod fused;
mod gate;
pub mod limits;
mod sequencer;

pub use fused::{Full, Fused};
pub use sequencer::Sequencer;
