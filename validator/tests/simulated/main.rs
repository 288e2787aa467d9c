//! Validators on the deterministic runtime and a simulated network: dispersal of bodies, and steps from epoch to epoch.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../../settlement/tests/chain/mod.rs"]
mod chain;
mod dispersal;
#[path = "../../../settlement/tests/chain/liar.rs"]
mod liar;
mod lineage;
mod network;
