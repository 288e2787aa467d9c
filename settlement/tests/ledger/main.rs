//! The base layer from outside: genesis, blocks, bodies, pool and ledger, driven as consensus drives them.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

mod bodies;
mod epochs;
mod facts;
mod forks;
mod formats;
mod genesis;
mod interleavings;
mod model;
mod pool;
mod refusals;
mod traffic;
mod world;
