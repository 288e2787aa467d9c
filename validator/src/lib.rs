//! A validator: transport, consensus and the service for clients, on threads of its own.
//!
//! * [`ValidatorConfig`] is the whole configuration; [`config`] reads its TOML form. Unknown keys are errors with line and column.
//! * [`Validator::start`] returns when the validator votes; [`ValidatorHandle`] says how it is and stops it. Several run in one process.
//! * [`plinth_settlement::wire`] is what clients speak. A client is a key on the list: the zones' producers, of the
//!   genesis and as they are replaced, the governors, and those configured.
//!
//! * Proofs of zone blocks are verified by a program that it asks ([`Verifier`]); only for those is a verdict signed.
//!
//! Nothing here knows a zone's virtual machine, its matching or a prover.

mod assemble;
pub mod config;
mod donor;
mod facts;
mod http;
pub mod limits;
mod proofs;
mod run;
mod service;
mod status;

pub use config::{CheckpointConfig, CheckpointGroup, ConfigError, ValidatorConfig};
pub use plinth_settlement::transport::Peer;
pub use proofs::{Verifier, VerifierError, Verifiers};
pub use run::{StartError, StopError, Validator, ValidatorHandle};
pub use status::{ValidatorStatus, ZoneView};
