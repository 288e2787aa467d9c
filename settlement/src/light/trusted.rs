//! What a light client trusts and has seen: all that it keeps between two runs.

use crate::committee::Committee;
use crate::genesis::Genesis;
use crate::keys;
use crate::limits::VALIDATORS_MAX;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Epoch, Height, PublicKey, TimestampNs};
use plinth_types::record;
use std::collections::VecDeque;

/// Epochs whose committees are kept: the last one that is known and those before it, for validators that are behind.
pub const EPOCHS_KEPT: usize = 3;

/// A chain, the committees of a few epochs that follow each other, and the newest state that was seen.
///
/// ```text
/// version u8 │ chain u64 │ genesis 32 │ first epoch u64 │ committees u8: count u32, keys 32 … │ 0, or 1: height u64 │ block 32 │ time u64 │ root 32
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The chain.
    pub chain: ChainId,
    /// Digest of its genesis: what votes are signed under.
    pub genesis: Digest,
    /// The epoch of the first committee.
    pub first: Epoch,
    /// One for each epoch from there on; at least one, at most [`EPOCHS_KEPT`].
    pub committees: VecDeque<Committee>,
    /// The newest state that was seen.
    pub newest: Option<Seen>,
}

/// A state of which a certificate was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The block that it is behind: the certified heads follow it.
    pub height: Height,
    /// The block's id.
    pub block: Digest,
    /// Time of the first block that follows it; of a checkpoint, of the block itself.
    pub time: TimestampNs,
    /// The state's root.
    pub root: Digest,
}

impl Trusted {
    /// Version of the encoding.
    pub const VERSION: u8 = 2;

    /// The validators of a genesis, which validate in its first two epochs.
    #[must_use]
    pub fn of_genesis(genesis: &Genesis) -> Self {
        let committee = genesis.committee();
        Self {
            chain: genesis.chain(),
            genesis: genesis.digest(),
            first: Epoch::new(0),
            committees: [committee.clone(), committee.clone()].into(),
            newest: None,
        }
    }

    /// The last epoch whose committee is known.
    #[must_use]
    pub fn last(&self) -> Epoch {
        Epoch::new(self.first.get() + self.committees.len() as u64 - 1)
    }

    /// The committee of an epoch, while it is known.
    #[must_use]
    pub fn committee_of(&self, epoch: Epoch) -> Option<&Committee> {
        self.committees.get(usize::try_from(epoch.get().checked_sub(self.first.get())?).ok()?)
    }

    /// Goes on to the next epoch.
    pub(crate) fn extend(&mut self, committee: Committee) {
        self.committees.push_back(committee);
        while self.committees.len() > EPOCHS_KEPT {
            self.committees.pop_front();
            self.first = self.first.next();
        }
    }
}

record!(Seen { height, block, time, root });

impl Codec for Trusted {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.chain.encode(out);
        self.genesis.encode(out);
        self.first.encode(out);
        (self.committees.len() as u8).encode(out);
        self.committees.iter().for_each(|committee| committee.encode(out));
        match &self.newest {
            None => 0_u8.encode(out),
            Some(seen) => {
                1_u8.encode(out);
                seen.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("light client's version"));
        }
        let (chain, genesis, first) = (Codec::read(reader)?, Codec::read(reader)?, Epoch::read(reader)?);
        let count = usize::from(u8::read(reader)?);
        if !(1..=EPOCHS_KEPT).contains(&count) || first.get().checked_add(count as u64).is_none() {
            return Err(reader.invalid("count of committees"));
        }
        let committees = (0..count).map(|_| Committee::read(reader)).collect::<Result<VecDeque<_>, _>>()?;
        if committees.iter().flat_map(Committee::keys).any(|key| keys::to_consensus(key).is_err()) {
            return Err(reader.invalid("key of a validator"));
        }
        let newest = match u8::read(reader)? {
            0 => None,
            1 => Some(Codec::read(reader)?),
            _ => return Err(reader.invalid("newest state")),
        };
        Ok(Self { chain, genesis, first, committees, newest })
    }
}

/// Bytes that no light client's memory has more of.
pub const TRUSTED_SIZE_MAX: usize = 256 + EPOCHS_KEPT * (4 + VALIDATORS_MAX * size_of::<PublicKey>());
