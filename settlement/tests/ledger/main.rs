//! The base layer from outside: genesis, blocks, bodies, pool and ledger, driven as consensus drives them.

mod bodies;
mod forks;
mod formats;
mod genesis;
mod interleavings;
mod model;
mod pool;
mod refusals;
mod traffic;
mod world;
