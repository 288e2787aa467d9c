//! Joins a zone process to settlement: [`plinth_zone_protocol`] on one side, a [`ZoneLink`](plinth_settlement::link::ZoneLink) on the other. The program is
//! `plinth-zone`.
//!
//! * **It executes nothing and keeps nothing.** Blocks come again from the zone, the ledger from the validators. A kill at any moment is a restart,
//!   so there is no other way to stop it, and no handler of signals.
//! * **It believes neither side**: the chain is verified against certificates, and a zone's block against what settlement demands of a header
//!   (`check`), since a block that no validator takes would stop the zone behind it.
//! * **Bodies that are proofs** (`bodies_are_proofs`, of a zone in mode `proven`) it brings to the validators when their block is available, and
//!   makes a verdict of the words of 2f+1.
//! * **One producer.** Its directory is locked against a second host. When governors give the zone to another key, the zone process is told
//!   and the host ends with an error.
//!
//! Known limitations: a new link verifies the chain from genesis, also when a zone names a settlement block of long ago. While no zone process is
//! connected the ledger it shows stands still after `link::limits::EVENTS_WAITING_MAX` blocks. Whoever reads the producer's key can sign for the
//! zone.

mod check;
mod config;
mod host;
pub mod limits;
mod proofs;
mod road;
mod session;
mod welcome;

pub use config::{ConfigError, HostConfig, read_secret};
pub use host::{Host, HostError};
