//! Signs every k-th final block with the group's share and puts the others' parts together: [`crate::checkpoint`].
//!
//! ```text
//! message   version u8 │ subject u8 │ height u64 │ partial 50          60 bytes, of the channel of its own
//! ```
//!
//! * A part is kept until this validator has applied the block itself: what it should be of, only its own ledger says. The window is
//!   [`HEIGHTS_MAX`] heights and one part of each validator, so a peer cannot fill it.
//! * Whose part it is must be whose connection it came on. Parts are checked together when there are enough; whoever sent a wrong one is
//!   blocked, and the others wait for one more.
//! * **A group hands over to the next one** that the configuration names, from a height on: its members sign the next one's key with
//!   every checkpoint up to there. A light client that holds the first key needs no other.
//! * The last [`KEPT_MAX`] checkpoints are kept in memory; a validator that restarts has the next one, and the handovers
//!   that are still to come.
//!
//! Known limitations: groups, shares and k are each validator's configuration and must agree; they are not yet rules of the genesis.

mod desk;
mod part;

pub use part::{CheckpointPart, Subject};

use super::Runtime;
use super::chain::Chain;
use crate::checkpoint::{Checkpoint, Handover, Polynomial, Share};
use commonware_cryptography::ed25519;
use commonware_macros::select;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use commonware_runtime::{Handle, IoBuf};
use commonware_utils::sync::Mutex;
use desk::Desk;
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tracing::{debug, warn};

/// Heights of which parts are kept.
pub const HEIGHTS_MAX: usize = 64;
/// Checkpoints kept for those who ask.
pub const KEPT_MAX: usize = 64;

/// What a validator needs to sign checkpoints.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The groups, by the height from which they sign, ascending; the first from genesis on.
    pub groups: Vec<Group>,
    /// k: every so many blocks.
    pub every: NonZeroU64,
}

/// Validators that sign checkpoints together.
#[derive(Clone, Debug)]
pub struct Group {
    /// The first height whose checkpoint it signs.
    pub first: Height,
    /// Its public side.
    pub polynomial: Polynomial,
    /// Its validators, in the order of their shares.
    pub members: Vec<ed25519::PublicKey>,
    /// This validator's share, if it is a member.
    pub share: Option<Share>,
}

/// The last checkpoints, and every handover. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    checkpoints: VecDeque<Checkpoint>,
    handovers: Vec<Handover>,
}

impl Checkpoints {
    /// The newest.
    #[must_use]
    pub fn latest(&self) -> Option<Checkpoint> {
        self.0.lock().checkpoints.back().copied()
    }

    /// The one of a height.
    #[must_use]
    pub fn at(&self, height: Height) -> Option<Checkpoint> {
        self.0.lock().checkpoints.iter().find(|kept| kept.statement.height == height).copied()
    }

    /// From group to group, in order.
    #[must_use]
    pub fn handovers(&self) -> Vec<Handover> {
        self.0.lock().handovers.clone()
    }

    fn keep(&self, checkpoint: Checkpoint) {
        let kept = &mut self.0.lock().checkpoints;
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(checkpoint);
    }

    fn keep_handover(&self, handover: Handover) {
        let kept = &mut self.0.lock().handovers;
        kept.push(handover);
        kept.sort_by_key(|handover| handover.first);
    }
}

/// Signs, listens and puts together, until the channel ends.
pub fn start<E, S, R, B>(
    context: E,
    chain: &Chain,
    signer: Signer,
    (mut sender, mut receiver): (S, R),
    mut blocker: B,
) -> (Checkpoints, Handle<()>)
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey>,
{
    let checkpoints = Checkpoints::default();
    let mut desk = Desk::new(signer, chain.finalized().chain(), checkpoints.clone());
    let mut finalized = chain.statements();
    let task = context.spawn(move |_| async move {
        loop {
            select! {
                statement = finalized.recv() => match statement {
                    Ok(statement) => {
                        for part in desk.sign(statement) {
                            let _told = sender.send(Recipients::All, IoBuf::from(part.to_bytes()), false);
                            desk.complete(part.subject, part.height, &mut blocker);
                        }
                    }
                    Err(RecvError::Lagged(missed)) => debug!(missed, "blocks without a part of this validator"),
                    Err(RecvError::Closed) => break,
                },
                message = receiver.recv() => {
                    let Ok((peer, message)) = message else { break };
                    match desk.take(&peer, &Vec::from(message)) {
                        Ok(Some((subject, height))) => desk.complete(subject, height, &mut blocker),
                        Ok(None) => {}
                        Err(lie) => {
                            warn!(%peer, %lie, "blocking a validator");
                            let _feedback = blocker.block(peer);
                        }
                    }
                },
            }
        }
    });
    (checkpoints, task)
}
