//! Simplex around the ledger: blocks are proposed, verified, certified, kept, and applied in order.
//!
//! ```text
//!               votes, certificates, resolver             blocks            backfill                 gossip
//!                          │                                │                  │                       │
//!                     simplex::Engine ── propose, verify ── marshal (Inline) ──┴─ archives             │
//!                          │ activity                       │ finalized blocks, in order              │
//!                      Observer                        Application                               gossip actor
//!                          └───────────────► Chain ◄────────┴──────────────────────────────────────────┘
//!                                       ledger, children, pool
//! ```
//!
//! * **One code, two runtimes.** Everything here is generic over [`Runtime`] and the p2p traits: production runs it on tokio and
//!   [`crate::transport`], the tests on the deterministic runtime and the simulated network.
//! * **Votes are durable before they are sent** (simplex's journal), blocks before they are certified (marshal's cache), finalized
//!   blocks and their certificates before they are applied (marshal's archives). The ledger is opened from the facts of the verifiable
//!   store, which are durable behind the last block but one, and the archived blocks after that: a start costs the state, not the history.
//! * **A new validator fetches the state** that the others certify, if they are far ahead, and consensus goes on from that certificate: [`join()`].
//! * **Time is consensus data.** The proposer stamps, later than the parent; who verifies waits until its own clock is within
//!   [`limits::CLOCK_TOLERANCE`], so a proposer with a fast clock loses its turn and no block lies in the future.
//! * **Idle is cheap.** A proposer waits for content up to the idle interval, and proposes at once when there is some.
//! * **Equivocation leaves evidence** that names the key ([`Evidence`]), and blocks the peer.
//!
//! * **One engine per epoch** ([`epochs`]), each with its own committee, journal and share of the channels. The archive spans them all.
//!
//! Known limitation: a block costs each validator about 16 file syncs (the engine's journal has a file for each view, the archives a pair
//! of files each), so finality on a disk is mostly the disk's: validators of one machine should not share one.

mod answer;
mod application;
mod archives;
mod chain;
pub mod checkpoints;
mod epochs;
mod formats;
mod gossip;
mod intake;
mod join;
pub mod limits;
mod lineage;
mod observer;
mod origin;
mod schemes;
mod stack;

pub use answer::{OpeningAnswer, ProofAnswer, Refusal, SubmitAnswer, TransactionAnswer};
pub use application::Application;
pub use chain::{Chain, ChainError, Finalized, Store, fork};
pub use formats::{Formats, OpenStore, open_store};
pub use gossip::{Gossip, GossipSender};
pub use intake::{Intake, Unkept};
pub use join::{Donor, JoinError, Joined, join};
pub use lineage::{Lineage, LineageError};
pub use observer::{Evidence, Fault};
pub use origin::OriginError;
pub use stack::{Consensus, ConsensusConfig, ConsensusError, Ends, Network, start};

use crate::committee::Committee;
use crate::genesis::Genesis;
use crate::keys;
use crate::store::StoreRuntime;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::simplex;
use commonware_cryptography::{ed25519, sha256};
use commonware_utils::ordered::Set;
use plinth_types::digest::Digest;
use plinth_types::id::{Epoch, Height, TimestampNs};
use rand::CryptoRng;
use std::time::{SystemTime, UNIX_EPOCH};

/// Signatures of votes: ed25519, so that a certificate names who signed it.
pub type Scheme = simplex::scheme::ed25519::Scheme;
/// A certificate that a block is final.
pub type Finalization = simplex::types::Finalization<Scheme, sha256::Digest>;
/// What simplex tells of itself.
pub type Activity = simplex::types::Activity<Scheme, sha256::Digest>;
/// Where a block is proposed.
pub type Context = simplex::types::Context<sha256::Digest, ed25519::PublicKey>;
/// Asks the archives of finalized blocks.
pub type Marshal = Mailbox<Scheme, Standard<crate::block::Block>>;

/// What the consensus stack needs of a runtime.
pub trait Runtime: StoreRuntime + CryptoRng {}

impl<E: StoreRuntime + CryptoRng> Runtime for E {}

/// What votes of a chain are signed under: no vote counts on another chain, or on one of another genesis.
#[must_use]
pub fn namespace(genesis: &Genesis) -> Vec<u8> {
    namespace_under(genesis.digest())
}

fn namespace_under(genesis: Digest) -> Vec<u8> {
    [b"plinth/consensus/1".as_slice(), &genesis.0].concat()
}

/// The first validators' keys as the consensus library takes them, ascending.
#[must_use]
pub fn participants(genesis: &Genesis) -> Set<ed25519::PublicKey> {
    keys_of(genesis.committee())
}

/// A committee's keys as the consensus library takes them, ascending.
///
/// # Panics
///
/// If a key is no point of the curve, which genesis and ledger refuse.
#[must_use]
pub fn keys_of(committee: &Committee) -> Set<ed25519::PublicKey> {
    let keys = committee.keys().iter();
    Set::from_iter_dedup(keys.map(|key| keys::to_consensus(key).expect("a committee holds points of the curve")))
}

/// Verifies certificates of the first validators, signs nothing.
#[must_use]
pub fn verifier(genesis: &Genesis) -> Scheme {
    verifier_of(genesis, genesis.committee())
}

/// Verifies a committee's certificates, signs nothing.
#[must_use]
pub fn verifier_of(genesis: &Genesis, committee: &Committee) -> Scheme {
    verifier_under(genesis.digest(), committee)
}

/// The same, for who has no more of a genesis than its digest.
#[must_use]
pub fn verifier_under(genesis: Digest, committee: &Committee) -> Scheme {
    Scheme::verifier(&namespace_under(genesis), keys_of(committee))
}

/// The epoch of the block at this height.
#[must_use]
pub fn epoch_of(genesis: &Genesis, height: Height) -> Epoch {
    Epoch::new(height.get() / u64::from(genesis.limits().epoch_blocks))
}

/// A clock's reading as the ledger has it.
#[must_use]
pub fn timestamp(time: SystemTime) -> TimestampNs {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs::new(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
