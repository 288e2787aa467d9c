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
//! * **A handover is on the disk before anyone is shown it**, and is never dropped: 161 bytes for each group. A validator that
//!   starts with groups that contradict what was signed does not start. Whoever was not there asks the others.
//! * **Behind every checkpoint it proves** who validates, from the state that the checkpoint names ([`Anchor`]): so one group key leads to
//!   certificates of votes, and by them to any fact.
//! * The last [`KEPT_MAX`] checkpoints are kept in memory; a validator that restarts has the next one.
//!
//! Known limitations: groups, shares and k are each validator's configuration and must agree; they are not yet rules of the genesis.

mod desk;
mod gather;
mod part;
mod record;

pub use part::{CheckpointPart, Subject};
pub use record::{RecordError, Strange};

use super::chain::Chain;
use super::{Donor, Runtime, epoch_of};
use crate::checkpoint::{Checkpoint, Handover, Polynomial, Share};
use crate::ledger::facts::FactKey;
use crate::light::Anchor;
use crate::store::{FactProof, StoreError};
use crate::wire::limits::HANDOVERS_MAX;
use commonware_cryptography::ed25519;
use commonware_macros::select;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use commonware_runtime::{Handle, IoBuf};
use commonware_utils::sync::Mutex;
use desk::Desk;
use gather::gather;
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use record::HandoverRecord;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tracing::{debug, error, warn};

/// Heights of which parts are kept.
pub const HEIGHTS_MAX: usize = 64;
/// Checkpoints kept for those who ask.
pub const KEPT_MAX: usize = 64;
/// States behind checkpoints of which proofs are kept: the newest whose checkpoint is whole is shown.
pub const PROVEN_MAX: usize = 4;
/// Pause before others are asked again for a handover that is missing.
pub const GATHER_INTERVAL: Duration = Duration::from_secs(5);

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
    proven: VecDeque<Proven>,
    handovers: Vec<Handover>,
}

/// Of the state behind a block: its head, and the committees of the block's epoch and the next.
#[derive(Debug)]
struct Proven {
    behind: Height,
    head: FactProof,
    committee: FactProof,
    next: FactProof,
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

    /// The newest with proofs of its state.
    #[must_use]
    pub fn anchor(&self) -> Option<Anchor> {
        let kept = self.0.lock();
        kept.proven.iter().rev().find_map(|Proven { behind, head, committee, next }| {
            let checkpoint = *kept.checkpoints.iter().find(|checkpoint| checkpoint.statement.height == *behind)?;
            Some(Anchor { checkpoint, head: head.clone(), committee: committee.clone(), next: next.clone() })
        })
    }

    /// The handovers above a height, ascending, as many as an answer holds.
    #[must_use]
    pub fn handovers_behind(&self, behind: Height) -> Vec<Handover> {
        let kept = self.0.lock();
        kept.handovers.iter().filter(|handover| handover.first > behind).take(HANDOVERS_MAX).copied().collect()
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

    fn keep_proven(&self, proven: Proven) {
        let kept = &mut self.0.lock().proven;
        if kept.len() == PROVEN_MAX {
            kept.pop_front();
        }
        kept.push_back(proven);
    }

    fn keep_handover(&self, handover: Handover) {
        let kept = &mut self.0.lock().handovers;
        kept.push(handover);
        kept.sort_by_key(|handover| handover.first);
    }
}

/// Opens the handovers; then signs, listens and puts together, until the channel ends. `donors` are asked for handovers that are missing.
///
/// # Errors
///
/// [`RecordError`].
pub async fn start<E, S, R, B>(
    context: E,
    partition: &str,
    chain: &Chain,
    signer: Signer,
    donors: Vec<Arc<dyn Donor>>,
    channel: (S, R),
    blocker: B,
) -> Result<(Checkpoints, Handle<()>), RecordError>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey>,
{
    let (kept, chain) = (Checkpoints::default(), chain.clone());
    let (every, firsts) = (signer.every, signer.groups.iter().skip(1).map(|group| group.first).collect());
    let record = HandoverRecord::open(&context, partition).await?;
    let mut desk = Desk::new(signer, chain.finalized().chain(), kept.clone());
    for handover in record.all()? {
        let first = handover.first;
        desk.restore(&handover).map_err(|why| RecordError::Contradicted { first, why })?;
        kept.keep_handover(handover);
    }
    let (told, gathered) = mpsc::channel(HANDOVERS_MAX);
    if !donors.is_empty() {
        let (chain, kept, told) = (chain.clone(), kept.clone(), told.clone());
        context.child("handovers").spawn(move |context| gather(context, chain, firsts, kept, donors, told));
    }
    let signing = Signing { chain, every, desk, record: Some(record), kept: kept.clone(), channel, blocker, gathered, _told: told };
    let task = context.spawn(move |_| async move {
        if let Err(error) = signing.run().await {
            error!(%error, "a handover cannot be kept");
        }
    });
    Ok((kept, task))
}

/// The task that signs.
struct Signing<E: Runtime, S, R, B> {
    chain: Chain,
    every: NonZeroU64,
    desk: Desk,
    /// Taken while it is written.
    record: Option<HandoverRecord<E>>,
    kept: Checkpoints,
    channel: (S, R),
    blocker: B,
    gathered: mpsc::Receiver<Handover>,
    /// Holds the way to `gathered` open when nobody is asked.
    _told: mpsc::Sender<Handover>,
}

impl<E, S, R, B> Signing<E, S, R, B>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey>,
{
    async fn run(mut self) -> Result<(), RecordError> {
        let mut finalized = self.chain.statements();
        loop {
            select! {
                statement = finalized.recv() => match statement {
                    Ok(statement) => {
                        if let Some(proven) = prove_before(&self.chain, self.every, statement.height).await {
                            self.kept.keep_proven(proven);
                        }
                        for part in self.desk.sign(statement) {
                            let _told = self.channel.0.send(Recipients::All, IoBuf::from(part.to_bytes()), false);
                            self.complete(part.subject, part.height).await?;
                        }
                    }
                    Err(RecvError::Lagged(missed)) => debug!(missed, "blocks without a part of this validator"),
                    Err(RecvError::Closed) => return Ok(()),
                },
                message = self.channel.1.recv() => {
                    let Ok((peer, message)) = message else { return Ok(()) };
                    match self.desk.take(&peer, &Vec::from(message)) {
                        Ok(Some((subject, height))) => self.complete(subject, height).await?,
                        Ok(None) => {}
                        Err(lie) => {
                            warn!(%peer, %lie, "blocking a validator");
                            let _feedback = self.blocker.block(peer);
                        }
                    }
                },
                handover = self.gathered.recv() => {
                    let Some(handover) = handover else { return Ok(()) };
                    match self.desk.restore(&handover) {
                        Ok(true) => self.keep(handover).await?,
                        Ok(false) => {}
                        Err(why) => debug!(first = %handover.first, %why, "a validator gives a handover that is none"),
                    }
                },
            }
        }
    }

    async fn complete(&mut self, subject: Subject, height: Height) -> Result<(), RecordError> {
        match self.desk.complete(subject, height, &mut self.blocker) {
            Some(handover) => self.keep(handover).await,
            None => Ok(()),
        }
    }

    async fn keep(&mut self, handover: Handover) -> Result<(), RecordError> {
        if let Some(record) = self.record.take() {
            self.record = Some(record.put(&handover).await?);
        }
        self.kept.keep_handover(handover);
        Ok(())
    }
}

/// Proves of the state behind the block before `height` what an anchor holds, if that is a checkpoint's. The store is there now, and soon
/// further on: then the next one is proven.
async fn prove_before(chain: &Chain, every: NonZeroU64, height: Height) -> Option<Proven> {
    let before = height.get().checked_sub(1).filter(|before| *before > 0 && before.is_multiple_of(every.get()))?;
    let proven = prove(chain, Height::new(before)).await;
    proven.unwrap_or_else(|error| {
        warn!(before, %error, "nothing is proven behind this checkpoint");
        None
    })
}

async fn prove(chain: &Chain, behind: Height) -> Result<Option<Proven>, StoreError> {
    let epoch = epoch_of(chain.finalized().rules(), behind);
    let mut proofs = Vec::new();
    for key in [FactKey::Head, FactKey::Committee(epoch), FactKey::Committee(epoch.next())] {
        let (live, proof) = chain.store().prove(&key.to_bytes()).await?;
        if live.position.height != behind {
            return Ok(None);
        }
        proofs.push(proof);
    }
    let [head, committee, next] = <[FactProof; 3]>::try_from(proofs).expect("three facts");
    Ok(Some(Proven { behind, head, committee, next }))
}
