//! The privacy zone as a process beside `plinth-zone`: the shielded pool of `plinth-privacy` with a journal, a socket for wallets, and the zone's end of
//! the host's socket. The program is `plinth-privacy`; wallets, registrar, controller and auditor are commands of it.
//!
//! ```text
//!  wallet ── Request ──► server: a thread each, bounded ──┐                         ┌── link: news ◄── host
//!                                                          ▼                         │
//!                                            writer: pool, journal, what waits ◄─────┘
//!  wallet ◄── Blocks ──── archive: blocks by height ◄──────┴── link: heights ──► hands over ──► host
//! ```
//!
//! * **One thread owns the state** ([`writer`], over [`zone`]). Nobody else can change it, and it waits for nobody but the disk.
//! * **Durable first.** A block is in the [`journal`], with the messages that it consumed and the settlement height that it has processed, before a
//!   wallet or the host hears of it. `kill -9` loses transactions that wait, which nobody was told are in a block.
//! * **A message of the inbox has its effect once**, known by its index; a credit is shielded once, whole, by its owner.
//! * A block is made at once when something waits, then at the interval; none is made of nothing, nor of what is refused.
//! * The body of a zone block is the pool's block with its witness ([`block`]) and so its own proof ([`proof`]): validators check it without any
//!   state, by the program `plinth-privacy-verify`.
//! * Every size, count and pause has a name in [`limits`].
//!
//! Known limitations: a zone is restarted by executing its whole journal again, proofs left out.
//! No forced exit: the pool does not know whose a note is. Wallets speak plain TCP: what they send is public or hidden already, but who sends it
//! shows; put a tunnel in front.

pub mod block;
pub mod client;
pub mod config;
pub mod journal;
pub mod limits;
pub mod link;
pub mod process;
pub mod proof;
pub mod published;
pub mod server;
pub mod settled;
pub mod standing;
pub mod wire;
pub mod writer;
pub mod zone;

/// A line for the operator; a process goes on when nobody reads what it says.
fn log(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _nobody_reads = writeln!(std::io::stderr(), "{line}").is_err();
}
