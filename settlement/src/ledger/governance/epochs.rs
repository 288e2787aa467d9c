//! Who validates when.
//!
//! ```text
//! epoch      │ e               │ e + 1           │ e + 2           │
//! committee  │ at work         │ frozen: joiners │ planned: decisions made in e change it
//!            │                 │ connect         │ frozen behind the last block of e
//! ```
//!
//! * The epoch of a block is its height divided by the genesis constant `epoch_blocks`, so genesis and its successors are epoch 0.
//! * Behind any block the committees of its epoch and of the next one are known, and behind the last block of an epoch those of three.
//! * From one committee to the next at most f validators leave and at most f join, f being what the earlier one tolerates: less than
//!   a third, so a quorum of the old and one of the new share honest validators.

use crate::committee::Committee;
use crate::keys;
use crate::limits::{VALIDATORS_MAX, VALIDATORS_MIN};
use plinth_types::codec::{Codec, encode_count};
use plinth_types::id::{Epoch, Height, PublicKey};
use std::collections::BTreeMap;

/// The committees that are known, and the plan for the one that is not yet frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Epochs {
    epoch_blocks: u32,
    /// Of the epoch at work, of the next one, and behind an epoch's last block of the one after that.
    frozen: BTreeMap<Epoch, Committee>,
    /// What the next one to be frozen will be.
    planned: Committee,
}

/// Why a list of validators cannot follow the committee before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// Fewer than four tolerate no fault.
    #[error("{count} validators: {VALIDATORS_MIN} to {VALIDATORS_MAX} are allowed")]
    Count {
        /// How many.
        count: usize,
    },
    /// One list, one encoding.
    #[error("validator {index} is not in ascending order")]
    NotAscending {
        /// The first that is not.
        index: usize,
    },
    /// Thirty-two bytes that are no public key.
    #[error("validator {index}: {key} is no ed25519 public key")]
    Key {
        /// Its place.
        index: usize,
        /// The bytes.
        key: PublicKey,
    },
    /// Too many at a time.
    #[error("{left} validators leave and {joined} join, at most {replaced_max} may with the committee before")]
    Replaced {
        /// In the committee before and not in this one.
        left: usize,
        /// In this one and not in the committee before.
        joined: usize,
        /// What the committee before tolerates.
        replaced_max: usize,
    },
}

impl Epochs {
    /// Genesis: one committee for the first two epochs, and so on until something is decided.
    pub(in crate::ledger) fn genesis(epoch_blocks: u32, committee: &Committee) -> Self {
        let frozen = [0, 1].map(|epoch| (Epoch::new(epoch), committee.clone())).into();
        let mut epochs = Self { epoch_blocks, frozen, planned: committee.clone() };
        epochs.reach(Height::new(0));
        epochs
    }

    /// What was stored; `None` if a committee that must be known at this height is not there, or one more is.
    pub(in crate::ledger) fn restore(
        epoch_blocks: u32,
        height: Height,
        frozen: BTreeMap<Epoch, Committee>,
        planned: Committee,
    ) -> Option<Self> {
        let first = epoch_of(height, epoch_blocks).get();
        let last = first + if is_last(height, epoch_blocks) { 2 } else { 1 };
        let expected = (first..=last).map(Epoch::new);
        frozen.keys().copied().eq(expected).then_some(Self { epoch_blocks, frozen, planned })
    }

    pub(in crate::ledger) fn epoch(&self, height: Height) -> Epoch {
        epoch_of(height, self.epoch_blocks)
    }

    pub(in crate::ledger) fn last_block(&self, epoch: Epoch) -> Height {
        let next = epoch.next().get().saturating_mul(u64::from(self.epoch_blocks));
        Height::new(next.saturating_sub(1))
    }

    pub(in crate::ledger) fn committee_of(&self, epoch: Epoch) -> Option<&Committee> {
        self.frozen.get(&epoch)
    }

    pub(in crate::ledger) const fn planned(&self) -> &Committee {
        &self.planned
    }

    /// The epochs whose committee is known, ascending.
    pub(in crate::ledger) fn frozen(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.frozen.keys().copied()
    }

    /// Whether these validators may follow the last frozen committee.
    pub(in crate::ledger) fn check_plan(&self, validators: &[PublicKey]) -> Result<Committee, CommitteeError> {
        if let Some(index) = (1..validators.len()).find(|&index| validators[index - 1] >= validators[index]) {
            return Err(CommitteeError::NotAscending { index });
        }
        if let Some(index) = validators.iter().position(|key| keys::to_consensus(key).is_err()) {
            return Err(CommitteeError::Key { index, key: validators[index] });
        }
        let committee = Committee::new(validators.to_vec()).ok_or(CommitteeError::Count { count: validators.len() })?;
        let before = self.frozen.values().next_back().unwrap_or(&self.planned);
        let left = before.keys().iter().filter(|key| !committee.contains(key)).count();
        let joined = committee.keys().iter().filter(|key| !before.contains(key)).count();
        let replaced_max = usize::from(before.count().faults_max());
        if left > replaced_max || joined > replaced_max {
            return Err(CommitteeError::Replaced { left, joined, replaced_max });
        }
        Ok(committee)
    }

    /// Takes what [`Epochs::check_plan`] made.
    pub(in crate::ledger) fn plan(&mut self, committee: Committee) {
        self.planned = committee;
    }

    /// Goes behind the block at `height`; says which epochs' committees were forgotten or frozen by it.
    pub(in crate::ledger) fn reach(&mut self, height: Height) -> Vec<Epoch> {
        let epoch = self.epoch(height);
        let mut changed: Vec<Epoch> = self.frozen().filter(|&known| known < epoch).collect();
        changed.iter().for_each(|past| _ = self.frozen.remove(past));
        let after_next = epoch.next().next();
        if is_last(height, self.epoch_blocks) && !self.frozen.contains_key(&after_next) {
            self.frozen.insert(after_next, self.planned.clone());
            changed.push(after_next);
        }
        changed
    }
}

impl Epochs {
    /// Appends the canonical bytes that the state's digest covers.
    pub(in crate::ledger) fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.frozen.len(), out);
        for (epoch, committee) in &self.frozen {
            epoch.encode(out);
            committee.encode(out);
        }
        self.planned.encode(out);
    }
}

const fn epoch_of(height: Height, epoch_blocks: u32) -> Epoch {
    Epoch::new(height.get() / epoch_blocks as u64)
}

const fn is_last(height: Height, epoch_blocks: u32) -> bool {
    height.get() % epoch_blocks as u64 == epoch_blocks as u64 - 1
}
