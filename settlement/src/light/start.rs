//! Where a light client begins: what it was given, and what leads from there to who validates.

use super::{Anchor, AnchorError, Asking, LightClient};
use crate::checkpoint::{Handover, Keys, WalkError};
use crate::consensus::Donor as _;
use crate::genesis::{Genesis, encode_list, read_list};
use crate::limits::HANDOVERS_KEPT_MAX;
use crate::wire::limits::HANDOVERS_MAX;
use crate::wire::{AnchorAnswer, AskError};
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use std::sync::Arc;
use thiserror::Error;

/// What a light client trusts without being shown anything.
#[derive(Clone, Debug)]
pub enum Root {
    /// The validators of a genesis, 2f+1 of them together.
    Genesis(Arc<Genesis>),
    /// The key of a group that signs checkpoints, and so its dealer.
    Group(Keys),
}

/// What leads from a root to a committee.
///
/// ```text
/// 1 │ digest of the genesis 32          or          2 │ handovers u32: handover 161 … │ anchor
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Of a genesis, nothing: it names its validators.
    Genesis(Digest),
    /// Of a group, from key to key to the one that signed a checkpoint.
    Group(Vec<Handover>, Box<Anchor>),
}

/// Why a client cannot begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The validator gives no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It has no checkpoint.
    #[error("it has no checkpoint to begin with: no group signs, or it started a moment ago")]
    NoCheckpoint,
    /// More keys than any chain has had.
    #[error("more than {HANDOVERS_KEPT_MAX} handovers")]
    Handovers,
    /// A handover leads nowhere.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The checkpoint holds nothing.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// It is of another chain, or begins at a group's key and not at a genesis, or the other way round.
    #[error("it begins at {found}, not at {expected}")]
    OtherRoot {
        /// Where it begins.
        found: String,
        /// What is trusted.
        expected: String,
    },
}

impl Start {
    /// Asks a validator for it.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn fetch(root: &Root, asking: &Asking) -> Result<Self, StartError> {
        let mut keys = match root {
            Root::Genesis(genesis) => return Ok(Self::Genesis(genesis.digest())),
            Root::Group(keys) => keys.clone(),
        };
        let mut handovers = Vec::new();
        loop {
            let next = asking.handovers(keys.last()).await?;
            next.iter().try_for_each(|handover| keys.take(handover))?;
            let is_last = next.len() < HANDOVERS_MAX;
            handovers.extend(next);
            if handovers.len() > HANDOVERS_KEPT_MAX {
                return Err(StartError::Handovers);
            }
            if is_last {
                break;
            }
        }
        let AnchorAnswer(Some(anchor)) = asking.anchor().await? else { return Err(StartError::NoCheckpoint) };
        Ok(Self::Group(handovers, Box::new(anchor)))
    }

    /// Checks it, and begins.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn client(&self, root: &Root) -> Result<LightClient, StartError> {
        match (self, root) {
            (Self::Genesis(digest), Root::Genesis(genesis)) if *digest == genesis.digest() => Ok(LightClient::of_genesis(genesis)),
            (Self::Group(handovers, anchor), Root::Group(keys)) => {
                let mut keys = keys.clone();
                handovers.iter().try_for_each(|handover| keys.take(handover))?;
                Ok(LightClient::anchored(&keys, anchor.as_ref().clone())?)
            }
            (start, root) => Err(StartError::OtherRoot { found: start.to_string(), expected: root.to_string() }),
        }
    }
}

impl core::fmt::Display for Start {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Genesis(digest) => write!(f, "genesis {digest}"),
            Self::Group(_, anchor) => write!(f, "a group's key of chain {}", anchor.checkpoint.statement.chain),
        }
    }
}

impl core::fmt::Display for Root {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Genesis(genesis) => write!(f, "genesis {}", genesis.digest()),
            Self::Group(keys) => write!(f, "a group's key of chain {}", keys.chain()),
        }
    }
}

impl Codec for Start {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Genesis(digest) => {
                1_u8.encode(out);
                digest.encode(out);
            }
            Self::Group(handovers, anchor) => {
                2_u8.encode(out);
                encode_list(handovers, out);
                anchor.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => Codec::read(reader).map(Self::Genesis),
            2 => Ok(Self::Group(read_list(reader, "handovers", HANDOVERS_KEPT_MAX)?, Box::new(Codec::read(reader)?))),
            _ => Err(reader.invalid("start of a light client")),
        }
    }
}
