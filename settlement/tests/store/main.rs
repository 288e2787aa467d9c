//! The verifiable store on the deterministic runtime: roots, proofs, crashes, faulty disks, state sync.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

#[path = "../chain/mod.rs"]
mod chain;
mod crashes;
mod ledger;
mod roots;
mod script;
mod syncing;
