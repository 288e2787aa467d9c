//! The handovers on disk.
//!
//! Under the height from which the next group signs: the handover, in its own encoding with its own version. One is on the disk before
//! anyone is shown it.

use crate::checkpoint::Handover;
use crate::consensus::Runtime;
use commonware_codec::RangeCfg;
use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sequence::U64;
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use thiserror::Error;

/// Why the handovers cannot be read or written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The disk refused.
    #[error("handovers: {0}")]
    Storage(#[from] metadata::Error),
    /// None of ours, or damaged.
    #[error("the stored handover at height {0} cannot be read")]
    Malformed(Height),
    /// It is signed, and the configuration names another group.
    #[error("the handover at height {first} was signed, and the configured groups are others: {why}")]
    Contradicted {
        /// Where.
        first: Height,
        /// How they differ.
        why: Strange,
    },
}

/// A handover that is not between two groups of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Strange {
    /// Of another chain.
    #[error("it is of another chain")]
    Chain,
    /// No group begins there.
    #[error("no group signs from there on")]
    First,
    /// Another group's key.
    #[error("it names another key")]
    Next,
    /// Not of the group before.
    #[error("it is not signed by the group before")]
    Signature,
}

/// What is on the disk.
pub(super) struct HandoverRecord<E: Runtime>(Metadata<E, U64, Vec<u8>>);

impl<E: Runtime> HandoverRecord<E> {
    pub(super) async fn open(context: &E, partition: &str) -> Result<Self, RecordError> {
        let config =
            metadata::Config { partition: format!("{partition}-handovers"), codec_config: (RangeCfg::from(..=Handover::SIZE), ()) };
        Ok(Self(Metadata::init(context.child("handovers"), config).await?))
    }

    /// All of them, ascending.
    pub(super) fn all(&self) -> Result<Vec<Handover>, RecordError> {
        let read = |key: &U64| {
            let malformed = || RecordError::Malformed(Height::new(u64::from(key)));
            let handover = Handover::decode(self.0.get(key).ok_or_else(malformed)?).map_err(|_| malformed())?;
            if handover.first.get() == u64::from(key) { Ok(handover) } else { Err(malformed()) }
        };
        let mut handovers = self.0.keys().map(read).collect::<Result<Vec<_>, _>>()?;
        handovers.sort_by_key(|handover| handover.first);
        Ok(handovers)
    }

    /// Keeps one more; durable when this returns.
    pub(super) async fn put(self, handover: &Handover) -> Result<Self, RecordError> {
        Ok(Self(self.0.put_sync(U64::new(handover.first.get()), handover.to_bytes()).await?))
    }
}
