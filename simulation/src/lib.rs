//! Settlement, simulated: the production consensus stack on a deterministic runtime, a network and disks that fail by a plan, and
//! oracles that see only what is public. One seed is one run, on every machine, every time.
//!
//! ```text
//!  seed ─► plan ─► world: 4 or 7 validators, the real stack ══ simulated network ══ observer ─► oracles
//!                   ▲ kill, power loss, torn writes, cuts, flaps          │ blocks, certificates     ▲
//!                   └ Byzantine validators with real keys                 ▼                          │
//!                     owners, producers of three zones (honest and not) ◄─ followers ────────────────┘
//! ```
//!
//! * [`plan`] says what happens; [`producer`] and [`byzantine`] who lies and how; [`oracle`] what must hold; [`coverage`] which states
//!   were visited: an unvisited state is an untested one. [`run`] runs a seed and says what came of it.
//! * **Covered**: consensus, archives and their recovery, ledger, pool, intake, gossip, evidence, and the client that follows. Kills
//!   keep what was written; a power loss drops unsynced writes, or keeps any bytes of them; a disk that refuses to sync stops its
//!   validator. Every division of four validators, every one-way cut, every order of coming back, at every moment of a block.
//! * **Not covered**: QUIC, TLS and tokio (real processes and sockets are tested in `plinth-validator`); power loss of real disks;
//!   clocks that differ between validators; corruption of synced data; a link of clients that is cut together with the validators'.
//! * The oracles share wire formats and the signature check with the product, and no rule.
//! * The engine is generated in `engine` alone, for this runtime: about a minute of one processor. That is why the program is one of
//!   its own, `plinth-sim`, and why `plinth sim` only runs it: the appliance's build does not pay for it.

pub mod byzantine;
pub mod chain;
mod clients;
pub mod coverage;
mod engine;
mod evidence;
pub mod limits;
pub mod oracle;
mod outside;
mod panics;
pub mod plan;
pub mod producer;
mod random;
pub mod regions;
pub mod run;
mod wire;
mod world;
