//! The verifiable store on the deterministic runtime: roots, proofs, crashes, faulty disks, state sync; and that the runtime of the product
//! comes to the same roots.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

#[path = "../../../settlement/tests/chain/certify.rs"]
mod certify;
#[path = "../../../settlement/tests/chain/mod.rs"]
mod chain;
mod changes;
mod crashes;
mod formats;
mod history;
mod joining;
mod ledger;
mod receipts;
mod roots;
mod runtimes;
mod script;
mod steps;
mod syncing;
