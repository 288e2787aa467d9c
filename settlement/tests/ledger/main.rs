//! The base layer from outside: genesis, blocks, bodies, pool and ledger, driven as consensus drives them.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

mod authority;
mod availability;
mod bodies;
mod epochs;
mod facts;
mod forks;
mod formats;
mod genesis;
mod interleavings;
#[path = "../chain/liar.rs"]
mod liar;
mod listings;
mod messages;
mod model;
mod owners;
mod pool;
mod refusals;
mod routes;
mod store_format;
mod traffic;
mod world;
