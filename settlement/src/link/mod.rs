//! A zone's end of the road to settlement.
//!
//! ```text
//!  node ── submit, bring ────► window ──► one courier per validator ══ QUIC ══► validators
//!  node ◄── Finalized ── tracker ◄── follower ◄═══════ QUIC ═════════════════════┘ (one at a time)
//! ```
//!
//! * **Nothing is believed.** The [`Tracker`] rebuilds the ledger from genesis: each block must follow the last one, and a certificate
//!   of 2f+1 validators must stand on it or on a later one. Whoever sends anything else is left, and another one is asked.
//! * **In order, exactly once.** Each settlement block from the configured height on is reported once, in order, whatever the
//!   connections did; of those before it only the ones that rejected blocks of the zone. A restarted node starts again behind the last one it kept.
//! * **The link seals.** It enciphers the body to the zone's readers and codes it once, fills in the guest that the zone's mode names, the parent (the
//!   ordered block before, or the one submitted before), the key's commitment and the shard root, and signs. Each validator is sent the header and its own shard, in
//!   order of height, and again until they are ordered; so are transactions, among them the messages of each block once it is ordered. What is ordered already is not sent at all: from then on the
//!   validators have enough shards to rebuild it, and [`recover()`] gets it back.
//! * **A rejection is answered**, and so is any other epoch's beginning. What stands on a rejected block is sealed again, under the epoch that the rejection began; the rejected
//!   blocks themselves the node hands over again ([`Finalized::rejected`]).
//! * **A producer that was replaced is told** ([`Finalized::producer`]): validators let it in and refuse what it signs.
//! * **A refusal counts at its height.** A validator says which ledger it judged by. One that is behind the link is asked again; what one says that
//!   is further on counts when the link is there and still means the same: at a change of the committee both happen.
//! * The link runs on one thread of its own.
//!
//! Known limitations: the ledger is rebuilt over the network at each start; it reads every block since genesis, but checks only
//! the certificates it needs. A rejected block is sealed again as its node hands it over: to execute it again, and to take back what comes out otherwise, is
//! the node's.

mod carrier;
mod courier;
mod delivery;
mod follower;
pub mod limits;
mod recover;
mod refusals;
mod run;
mod tracker;
mod window;

pub use carrier::{Carried, CarrierError, ProofCarrier};
pub use delivery::{Delivered, ProofDelivery, unproven};
pub use recover::{BodyLost, RecoverConfig, RecoverError, RecoveredBlock, recover, recover_each};
pub use run::{LinkConfig, LinkError, LinkStatus, ZoneLink};
pub use tracker::{Lie, Tracker};

use bytes::Bytes;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, PublicKey, TimestampNs};
use plinth_types::message::InboxMessage;
use plinth_types::transfer::OutboxMessage;

/// A zone block as its producer hands it over: parent, key commitment and shard root are the link's to fill in.
#[derive(Clone, Debug)]
pub struct SealedBlock {
    /// The header.
    pub header: ZoneHeader,
    /// The body.
    pub body: Bytes,
    /// What it sends: the messages of the header's outbox root.
    pub outbox: Vec<OutboxMessage>,
}

/// What the link tells its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The next settlement block is final.
    Finalized(Finalized),
    /// More validators than can be Byzantine refuse a transaction; it is no longer sent.
    TransactionRefused {
        /// SHA-256 of its bytes.
        id: Digest,
        /// What one of them said.
        reason: String,
    },
    /// More validators than can be Byzantine refuse a zone block. It is still sent, in case they were behind.
    BlockRefused {
        /// Its height.
        height: Height,
        /// What one of them said.
        reason: String,
    },
}

/// A finalized settlement block, as far as it concerns the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: TimestampNs,
    /// Its id.
    pub digest: Digest,
    /// Blocks of the zone that it ordered.
    pub ordered: Vec<Ordered>,
    /// Blocks of the zone that it made available: f+1 validators have rebuilt their bodies.
    pub available: Vec<crate::ledger::ZoneBlock>,
    /// Blocks of the zone that it rejected: by a verdict, or because a body cannot be rebuilt or does not open; and what stood on them.
    pub rejected: Vec<crate::ledger::ZoneBlock>,
    /// Blocks of the zone that it settled: attested 1/1, producer only.
    pub settled: Vec<crate::ledger::ZoneBlock>,
    /// Messages that it appended to the zone's inbox.
    pub inbox: Vec<InboxMessage>,
    /// Whether it froze the zone.
    pub frozen: bool,
    /// Whether the zone takes deposits and headers behind it, or behind a later final block.
    pub is_open: bool,
    /// How much of what may be unproven is, behind the same block; `None` for a zone whose blocks need no proof.
    pub proof_window: Option<ProofWindow>,
    /// Whose the zone is behind it, or behind a later final block.
    pub producer: PublicKey,
    /// In which epoch: what was signed in an earlier one is refused for good.
    pub epoch: ProducerEpoch,
}

/// The window W of a zone in mode `proven`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofWindow {
    /// Most blocks that are ordered and not proven.
    pub blocks: u32,
    /// How much of it is used, in percent; 100 also when a block waits for its proof beyond the deadline.
    pub used_percent: u8,
}

/// A zone block that was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The block.
    pub block: crate::ledger::ZoneBlock,
    /// Its header, as its producer signed it.
    pub header: ZoneHeader,
    /// Whether this link has submitted another one of that height. Then the ordered one counts.
    pub conflicts: bool,
}
