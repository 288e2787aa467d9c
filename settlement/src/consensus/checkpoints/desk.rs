//! The signatures under way. No I/O, no clock.

use super::{CheckpointPart, Checkpoints, Group, HEIGHTS_MAX, Signer, Strange, Subject};
use crate::checkpoint::{Handover, Partial, RecoverError, Statement};
use commonware_cryptography::ed25519;
use commonware_p2p::Blocker;
use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::id::{ChainId, Height};
use std::collections::BTreeMap;
use tracing::{debug, info, warn};

/// What no honest validator sends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lie {
    #[error("{size} bytes, a part has {}", CheckpointPart::SIZE)]
    Size { size: usize },
    #[error("{0}")]
    Malformed(DecodeError),
    #[error("a part of member {signer}, who is another")]
    NotItsOwn { signer: usize },
}

/// The heights under way, and the handovers.
pub(super) struct Desk {
    signer: Signer,
    chain: ChainId,
    kept: Checkpoints,
    open: BTreeMap<Height, Open>,
    /// By the height from which the next group signs; no parts are kept once it is whole.
    handovers: BTreeMap<Height, Transfer>,
    /// The last height that has its checkpoint.
    done: Height,
}

#[derive(Default)]
struct Transfer {
    parts: BTreeMap<usize, Partial>,
    whole: bool,
}

#[derive(Default)]
struct Open {
    statement: Option<Statement>,
    parts: BTreeMap<usize, Partial>,
}

impl Desk {
    pub(super) fn new(signer: Signer, chain: ChainId, kept: Checkpoints) -> Self {
        let handovers = signer.groups.iter().skip(1).map(|group| (group.first, Transfer::default())).collect();
        Self { signer, chain, kept, open: BTreeMap::new(), handovers, done: Height::new(0) }
    }

    /// This validator's parts behind a final block, if the block's turn it is: of its checkpoint, and of each handover that is to come. The
    /// latter are said again each time, because whoever joins does so late.
    pub(super) fn sign(&mut self, statement: Statement) -> Vec<CheckpointPart> {
        let height = statement.height;
        if height.get() % self.signer.every != 0 {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let open = self.open.entry(height).or_default();
        open.statement = Some(statement);
        if let Some(share) = group_of(&self.signer.groups, height).and_then(|group| group.share.as_ref()) {
            let partial = statement.sign(share);
            open.parts.insert(partial.signer(), partial.clone());
            parts.push(CheckpointPart { subject: Subject::Checkpoint, height, partial });
        }
        for (&first, transfer) in self.handovers.range_mut(height.next()..) {
            let pair = self.signer.groups.windows(2).find(|pair| pair[1].first == first);
            if let Some([Group { share: Some(share), .. }, next]) = pair {
                let partial = Handover::sign(self.chain, first, &next.polynomial.key(), share);
                if !transfer.whole {
                    transfer.parts.insert(partial.signer(), partial.clone());
                }
                parts.push(CheckpointPart { subject: Subject::Handover, height: first, partial });
            }
        }
        while self.open.len() > HEIGHTS_MAX {
            self.open.pop_first();
        }
        parts
    }

    /// What a part that was taken is of. The length is checked before the point is.
    pub(super) fn take(&mut self, peer: &ed25519::PublicKey, bytes: &[u8]) -> Result<Option<(Subject, Height)>, Lie> {
        if bytes.len() != CheckpointPart::SIZE {
            return Err(Lie::Size { size: bytes.len() });
        }
        let CheckpointPart { subject, height, partial } = CheckpointPart::decode(bytes).map_err(Lie::Malformed)?;
        let signer = partial.signer();
        let group = match subject {
            Subject::Checkpoint => group_of(&self.signer.groups, height),
            // The group before the one that is to sign from there on.
            Subject::Handover => height.get().checked_sub(1).and_then(|last| group_of(&self.signer.groups, Height::new(last))),
        };
        if group.is_none_or(|group| group.members.get(signer) != Some(peer)) {
            return Err(Lie::NotItsOwn { signer });
        }
        let taken = match subject {
            Subject::Checkpoint if self.is_in_window(height) => {
                self.open.entry(height).or_default().parts.insert(signer, partial);
                Some((subject, height))
            }
            Subject::Handover => self.handovers.get_mut(&height).filter(|transfer| !transfer.whole).map(|transfer| {
                transfer.parts.insert(signer, partial);
                (subject, height)
            }),
            Subject::Checkpoint => None,
        };
        Ok(taken)
    }

    fn is_in_window(&self, height: Height) -> bool {
        let every = self.signer.every.get();
        let distance_max = every.saturating_mul(HEIGHTS_MAX as u64 / 2 - 1);
        let newest = self.open.iter().rev().find(|(_, open)| open.statement.is_some()).map_or(self.done, |(height, _)| *height);
        height > self.done && height.get().is_multiple_of(every) && height.get().abs_diff(newest.get()) <= distance_max
    }

    /// Makes the signature if there are parts enough, and blocks those who sent wrong ones. A handover is for the caller to keep, on disk
    /// first.
    pub(super) fn complete(
        &mut self,
        subject: Subject,
        height: Height,
        blocker: &mut impl Blocker<PublicKey = ed25519::PublicKey>,
    ) -> Option<Handover> {
        let completed = match subject {
            Subject::Checkpoint => self.complete_checkpoint(height).map(|()| None),
            Subject::Handover => self.complete_handover(height),
        };
        completed.unwrap_or_else(|wrong| {
            for peer in wrong {
                warn!(%peer, %height, ?subject, "blocking a validator: its part is wrong");
                let _feedback = blocker.block(peer);
            }
            None
        })
    }

    /// Says whose parts were wrong; they are dropped.
    fn complete_checkpoint(&mut self, height: Height) -> Result<(), Vec<ed25519::PublicKey>> {
        let (Some(open), Some(group)) = (self.open.get_mut(&height), group_of(&self.signer.groups, height)) else {
            return Ok(());
        };
        let Some(statement) = open.statement else { return Ok(()) };
        if let Some(checkpoint) = recover(group, &mut open.parts, |parts| statement.recover(&group.polynomial, parts))? {
            debug!(%height, "checkpoint");
            self.kept.keep(checkpoint);
            self.done = height;
            self.open = self.open.split_off(&height.next());
        }
        Ok(())
    }

    fn complete_handover(&mut self, first: Height) -> Result<Option<Handover>, Vec<ed25519::PublicKey>> {
        let pair = self.signer.groups.windows(2).find(|pair| pair[1].first == first);
        let (Some(transfer), Some([old, next])) = (self.handovers.get_mut(&first), pair) else { return Ok(None) };
        if transfer.whole {
            return Ok(None);
        }
        let next = next.polynomial.key();
        let handover =
            recover(old, &mut transfer.parts, |parts| Handover::recover(self.chain, first, next, &old.polynomial, parts))?;
        if handover.is_some() {
            info!(%first, "the group of checkpoints hands over");
            (transfer.whole, transfer.parts) = (true, BTreeMap::new());
        }
        Ok(handover)
    }

    /// Takes a whole handover, of this validator's own disk or somebody else's, if it is between two of the configured groups. Says whether
    /// it was missing.
    pub(super) fn restore(&mut self, handover: &Handover) -> Result<bool, Strange> {
        let first = handover.first;
        if handover.chain != self.chain {
            return Err(Strange::Chain);
        }
        let pair = self.signer.groups.windows(2).find(|pair| pair[1].first == first);
        let (Some(transfer), Some([old, next])) = (self.handovers.get_mut(&first), pair) else { return Err(Strange::First) };
        if handover.next != next.polynomial.key() {
            return Err(Strange::Next);
        }
        handover.verify(&old.polynomial.key()).map_err(|_| Strange::Signature)?;
        transfer.parts = BTreeMap::new();
        Ok(!std::mem::replace(&mut transfer.whole, true))
    }
}

/// The group whose checkpoint of this height counts.
fn group_of(groups: &[Group], height: Height) -> Option<&Group> {
    groups.iter().rev().find(|group| group.first <= height)
}

/// The whole signature, `None` if parts are missing; or whose parts were wrong, which are dropped.
fn recover<T>(
    group: &Group,
    parts: &mut BTreeMap<usize, Partial>,
    recover: impl FnOnce(&[Partial]) -> Result<T, RecoverError>,
) -> Result<Option<T>, Vec<ed25519::PublicKey>> {
    if parts.len() < group.polynomial.required() {
        return Ok(None);
    }
    match recover(&parts.values().cloned().collect::<Vec<_>>()) {
        Ok(whole) => Ok(Some(whole)),
        Err(RecoverError::TooFew { .. }) => Ok(None),
        Err(RecoverError::Invalid { signers }) => {
            parts.retain(|place, _| !signers.contains(place));
            Err(signers.iter().filter_map(|signer| group.members.get(*signer)).cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests;
