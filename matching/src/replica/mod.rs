//! The replica: the same engine replaying the journal. Recovery, snapshots and block production are one piece (a standby will be, too).
//!
//! ```text
//! journal ─► reader ─► replica: engine with dirty pages ─► state tree ─► block: header, body ─► settlement
//!   ▲ up to durable_seq           │ at block boundaries                      │ header durable first
//!   └── recover ◄── snapshots ◄───┘                          block log ◄─────┘
//! ```
//!
//! * [`recover`] rebuilds the zone from the first record and shows every record with its events to an observer, so that the gateway
//!   rebuilds its own books. [`recover_from_snapshot`] starts from the newest snapshot that is right. Both check the whole journal, and
//!   that every recorded block executed again gives the recorded roots.
//! * [`execute_again`] tells whether blocks that settlement rejected still give what was recorded; [`recover_rejected`] seals anew those that do not.
//! * [`state_behind`] is the zone behind an old block, and [`ExitTree`] what its owners could take out of it: a header's `exit_root`.
//! * [`Rebuild`] makes the files of a zone whose host is lost, from the bodies that settlement ordered and what is left of its journal.
//! * [`Producer`] follows the journal on a thread of its own and cuts blocks: by size, by count, or by time since the first command that
//!   is not in a block yet. Where it cuts is written to the block log before the block is handed out, so a restart cuts alike.
//!
//! # Invariants
//!
//! * A block holds only durable records, in every durability mode, and at least one that is not a note.
//! * A height is never cut twice in two ways, unless settlement has rejected it (and the last entry of the log may rot: see `log.rs`).
//! * Header and body of any block are handed out again from block log and journal, bit for bit.
//!
//! # Known limitations
//!
//! `parent`, `body_key` and `shard_root` of a header are zero: they are settlement's to fill, since the id of the block before contains its shard
//! root. A snapshot is written on the producer's thread, which cuts no block meanwhile. Roots are computed for each block, so blocks
//! cost at least a path of hashes for each page written.

mod again;
mod error;
mod exits;
pub mod limits;
mod log;
mod past;
mod producer;
mod rebuild;
mod recover;
mod recut;
mod replay;
pub mod snapshot;

pub use again::execute_again;
pub use error::ReplicaError;
pub use exits::{ExitPath, ExitTree};
pub use log::BlockLog;
pub use past::state_behind;
pub use producer::Producer;
pub use rebuild::{Kept, Rebuild, RebuildError};
pub use recover::{Origin, Recovered, ZoneConfig, recover, recover_from_snapshot, recover_rejected};
pub use replay::{Replica, SealedBlock};

use crate::journal::Identity;
use limits::{BLOCK_COMMANDS_DEFAULT, BLOCK_INTERVAL_DEFAULT, BLOCK_SIZE_DEFAULT};
use plinth_types::digest::Digest;
use plinth_types::id::ProducerEpoch;
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX, COMMAND_HEAD_SIZE, COMMAND_TAIL_SIZE_MAX};
use std::time::Duration;

/// What a producer puts into headers, and when it ends a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockConfig {
    /// The zone.
    pub identity: Identity,
    /// Fencing token of the producer.
    pub epoch: ProducerEpoch,
    /// The guest image whose code executes the zone; zero while it is attested.
    pub guest_image: Digest,
    /// Hash of the settlement policies in force.
    pub policy: Digest,
    /// How long a block waits for more commands.
    pub interval: Duration,
    /// Most bytes of a body.
    pub size_max: usize,
    /// Most commands of a block.
    pub commands_max: usize,
}

impl BlockConfig {
    /// The usual bounds, an attested zone, the first epoch.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            epoch: ProducerEpoch::new(1),
            guest_image: Digest::ZERO,
            policy: Digest::ZERO,
            interval: BLOCK_INTERVAL_DEFAULT,
            size_max: BLOCK_SIZE_DEFAULT,
            commands_max: BLOCK_COMMANDS_DEFAULT,
        }
    }

    fn check(&self) {
        let size_min = COMMAND_HEAD_SIZE + COMMAND_TAIL_SIZE_MAX;
        assert!((size_min..=BODY_SIZE_MAX).contains(&self.size_max), "bodies of at most {} bytes", self.size_max);
        assert!((1..=BODY_COMMANDS_MAX).contains(&self.commands_max), "blocks of at most {} commands", self.commands_max);
    }
}
