//! A validator: transport, consensus and the service for clients, on threads of its own.
//!
//! * [`ValidatorConfig`] is the whole configuration; [`config`] reads its TOML form. Unknown keys are errors with line and column.
//! * [`Validator::start`] returns when the validator votes; [`ValidatorHandle`] says how it is and stops it. Several run in one process.
//! * [`wire`] is what clients speak. A client is a key on the list: the zones' producers of the genesis, and those configured.
//!
//! Nothing here knows a zone's virtual machine, its matching or a prover.

pub mod config;
pub mod limits;
pub mod wire;

// Whatever names them makes the compiler generate the whole engine, for minutes. No unit test does; those of `tests/` do.
#[cfg(not(test))]
mod run;
#[cfg(not(test))]
mod service;
#[cfg(not(test))]
mod status;

pub use config::{ConfigError, Peer, ValidatorConfig};
#[cfg(not(test))]
pub use run::{StartError, StopError, Validator, ValidatorHandle};
#[cfg(not(test))]
pub use status::{ValidatorStatus, ZoneView};
