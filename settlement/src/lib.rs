//! The base layer: which zone blocks are ordered, who has what outside the zones, and what goes into a zone and out of it.
//!
//! ```text
//!  deposits ─┐                                        ┌─► Outcome: available, settled, inbox messages
//!  headers  ─┼─► mempool ─► block ═══ consensus ═══► ledger
//!  receipts ─┘      ▲                                 └─► State: balances, zones, turnstiles
//!     ▲             └──────────── state ──────────────────┘
//!     └── shards of bodies (dispersal): kept, rebuilt, repaired
//! ```
//!
//! * [`keys`], [`digest`], [`committee`], [`limits`]: the ground.
//! * [`genesis`]: what all validators agree on before the first block.
//! * [`block`], [`receipt`], [`verdict`], [`body`]: what is sent, its canonical bytes, and what can be said of it without a ledger.
//! * [`checkpoint`]: what a light client needs: one signature of constant size over a finalized block and its ledger.
//! * [`dispersal`]: bodies enciphered to their readers, in shards; who keeps, rebuilds and convicts.
//! * [`ledger`]: the state machine. Pure: no I/O, no clock, ordered maps only.
//! * [`store`]: every fact under one root, with proofs of presence and absence, forks, state sync.
//! * [`mempool`]: what waits to be ordered. Bounded, and pure too.
//! * [`transport`]: QUIC between validators and from clients. [`consensus`]: simplex around the ledger, generic
//!   over runtime and network. [`wire`]: what clients and validators say. [`link`]: the zone's end. [`light`]: facts from certificates. [`stages`]: how long each step takes.
//!
//! The program that makes consensus concrete (tokio, QUIC) is `plinth-validator`; this crate generates no engine, so it builds fast.

#![deny(clippy::float_arithmetic)]

/// Whether a known bug is planted: `false` in the product. See `planted.rs`.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is_planted($crate::planted::Bug::$bug)
    };
}

pub mod block;
pub mod body;
pub mod checkpoint;
pub mod committee;
pub mod consensus;
pub mod digest;
pub mod dispersal;
pub mod genesis;
pub mod keys;
pub mod ledger;
pub mod light;
pub mod limits;
pub mod link;
pub mod mempool;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod receipt;
pub mod stages;
pub mod store;
pub mod transport;
pub mod verdict;
pub mod wire;
