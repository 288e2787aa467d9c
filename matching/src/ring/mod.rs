//! Lock-free rings between pinned stages, and how a stage waits when its ring is empty.
//!
//! ```text
//!             cells of 64 bytes; a record takes 1 to 17 neighbouring ones
//!         ┌────────┬────────┬────────┬────────┬────────┬────────┬────────┐
//!   …     │ head 7 │ tail 7 │ head 8 │ head 9 │ tail 9 │ tail 9 │        │   …
//!         └────────┴────────┴────────┴────────┴────────┴────────┴────────┘
//!           ▲ slowest consumer's cursor                           ▲ producer's cursor
//! ```
//!
//! * [`spsc`] is the ring: one producer, and a number of consumers fixed at compile time that each see every item (one for `fused`;
//!   journal and core for `split`). It is one of the two places of the crate with `unsafe`.
//! * [`record`] carries journal records through it: a 64-byte head and up to 1,024 bytes of tail.
//! * [`wait`] parks an idle stage and wakes it: spin, then yield, then park.
//!
//! # Invariants
//!
//! * A slot is never written while a consumer may read it, and never read before it was written: checked by loom for one and for two
//!   consumers (`RUSTFLAGS="--cfg loom" cargo test --release -p plinth-matching --lib ring`).
//! * A record is published whole: a consumer never sees a head without its tail.
//! * No operation of a ring waits, allocates or makes a system call. Waking a parked consumer makes one.
//!
//! # Known limitations
//!
//! The number of consumers is fixed when the ring is made; a consumer that dies stops the producer for good, which is right for a
//! process that exits as a whole and wrong for anything else.

pub mod record;
pub mod spsc;
mod sync;
pub mod wait;

pub use record::{RecordConsumer, RecordProducer, RingFull, record_ring};
pub use wait::{Signal, WaitStrategy};
