//! The verifiable store on the deterministic runtime: roots, proofs, crashes, faulty disks, state sync.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

#[path = "../../../settlement/tests/chain/certify.rs"]
mod certify;
#[path = "../../../settlement/tests/chain/mod.rs"]
mod chain;
mod crashes;
mod history;
mod joining;
mod ledger;
mod roots;
mod script;
mod steps;
mod syncing;
