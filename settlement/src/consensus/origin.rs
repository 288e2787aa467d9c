//! Where this validator's history starts, as one small record: genesis, or a certificate that it began from.
//!
//! ```text
//!  nothing ─► genesis                                         every block is applied
//!     └─────► fetching ─► certified, with the certificate     the state was fetched; blocks follow from the certified one
//! ```
//!
//! The record is durable before what it announces is begun: whoever finds `fetching` knows that the store is in pieces, and fetches again.

use super::{Finalization, Runtime};
use crate::wire::limits::CERTIFICATE_SIZE_MAX;
use crate::wire::read_certificate;
use commonware_codec::{Encode as _, RangeCfg};
use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sequence::U64;
use thiserror::Error;

/// Why the record cannot be read or written.
#[derive(Debug, Error)]
pub enum OriginError {
    /// The disk refused.
    #[error("record of the start: {0}")]
    Storage(#[from] metadata::Error),
    /// It is none of ours, or damaged.
    #[error("the record of the start cannot be read")]
    Malformed,
}

/// Where the history starts.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// At genesis.
    Genesis,
    /// Not decided: a state was being fetched.
    Fetching,
    /// At the block of this certificate: the store is behind its parent, or later.
    Certified(Box<Finalization>),
}

const VERSION: u8 = 1;
const RECORD: u64 = 0;

/// The record on disk.
pub(super) struct OriginRecord<E: Runtime>(Metadata<E, U64, Vec<u8>>);

impl<E: Runtime> OriginRecord<E> {
    pub(super) async fn open(context: &E, partition: &str) -> Result<Self, OriginError> {
        let config = metadata::Config {
            partition: format!("{partition}-origin"),
            codec_config: (RangeCfg::from(..=2 + CERTIFICATE_SIZE_MAX), ()),
        };
        Ok(Self(Metadata::init(context.child("origin"), config).await?))
    }

    /// What is recorded; `None` in an empty folder.
    pub(super) fn get(&self) -> Result<Option<Origin>, OriginError> {
        let Some(record) = self.0.get(&U64::new(RECORD)) else { return Ok(None) };
        match record.as_slice() {
            [VERSION, 1] => Ok(Some(Origin::Genesis)),
            [VERSION, 2] => Ok(Some(Origin::Fetching)),
            [VERSION, 3, certificate @ ..] => {
                let certificate = read_certificate(certificate).ok_or(OriginError::Malformed)?;
                Ok(Some(Origin::Certified(Box::new(certificate))))
            }
            _ => Err(OriginError::Malformed),
        }
    }

    /// Records it; durable when this returns.
    pub(super) async fn put(self, origin: &Origin) -> Result<Self, OriginError> {
        let record = match origin {
            Origin::Genesis => vec![VERSION, 1],
            Origin::Fetching => vec![VERSION, 2],
            Origin::Certified(certificate) => [&[VERSION, 3], certificate.encode().as_ref()].concat(),
        };
        Ok(Self(self.0.put_sync(U64::new(RECORD), record).await?))
    }
}
