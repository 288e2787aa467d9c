//! The bridge: what settlement has finalized, as records for the zone.

use super::control::{ApplianceRecord, CoreHandle};
use super::desk::Refusals;
use super::intake::Backlog;
use super::producer::{Rejections, ZoneHead};
use crossbeam_channel::Receiver;
use plinth_settlement::link::{Finalized, LinkEvent};
use plinth_types::id::{Height, ProducerEpoch, PublicKey, Seq};
use plinth_types::message::{BlockStatus, Note};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, warn};

/// Why this process may not go on with the zone: it must not acknowledge what settlement will never order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum NoProducer {
    #[error("another producer has taken this zone over; only 'plinth recover' takes it back")]
    Fenced,
    #[error(
        "settlement has block {ordered} of this zone, the files here end at block {last}: they are old or lost, and 'plinth recover' makes them anew"
    )]
    FilesBehind { ordered: Height, last: Height },
}

/// What this process is to the zone.
pub(super) struct Own {
    pub(super) producer: PublicKey,
    /// Its first epoch: before, the zone was somebody else's.
    pub(super) epoch: ProducerEpoch,
    /// The last block of its files.
    pub(super) head: Arc<Mutex<ZoneHead>>,
}

impl Own {
    fn check(&self, block: &Finalized) -> Result<(), NoProducer> {
        if block.epoch >= self.epoch && block.producer != self.producer {
            return Err(NoProducer::Fenced);
        }
        let Some(ordered) = block.ordered.iter().map(|ordered| ordered.block.height).max() else { return Ok(()) };
        // A block is in the log, and the head, before it is handed out.
        let last = self.head.lock().unwrap_or_else(PoisonError::into_inner).height;
        if ordered > last { Err(NoProducer::FilesBehind { ordered, last }) } else { Ok(()) }
    }
}

/// Hands finalized blocks to the core stage until the link ends or the core stage is gone.
///
/// Settlement says each block once, in order; the core stage drops what its journal already has, so that a restart may hear it again.
/// `failed` hears why the process must stop, if this is no producer of the zone any more.
pub(super) fn run(
    events: &Receiver<LinkEvent>,
    core: &CoreHandle,
    (rejections, refusals, backlog): (&Rejections, &Refusals, &Backlog),
    own: &Own,
    failed: &UnboundedSender<String>,
) {
    for event in events {
        if let LinkEvent::Finalized(block) = &event
            && let Err(error) = own.check(block)
        {
            error!(settlement_height = %block.height, %error, "the zone stops");
            // Nobody listens only when the appliance is stopping already.
            let _ = failed.send(error.to_string());
            return;
        }
        if let LinkEvent::Finalized(block) = &event {
            backlog.finalized(block);
        }
        if let LinkEvent::Finalized(block) = &event
            && let Some(first) = block.rejected.iter().map(|rejected| rejected.height).min()
        {
            rejections.note(first, block.rejected.len());
        }
        let is_taken = match event {
            LinkEvent::Finalized(block) => records(&block).into_iter().all(|record| core.sequence(record)),
            LinkEvent::TransactionRefused { id, reason } => {
                warn!(transaction = %id, reason, "a transaction was refused");
                refusals.note(id, reason);
                true
            }
            LinkEvent::BlockRefused { height, reason } => {
                error!(%height, reason, "a zone block was refused");
                true
            }
        };
        if !is_taken {
            return;
        }
    }
}

/// What a finalized block means for the zone: block states first, since they are of the past, then what it is to consume.
fn records(block: &Finalized) -> Vec<ApplianceRecord> {
    for ordered in block.ordered.iter().filter(|ordered| ordered.conflicts) {
        error!(height = %ordered.block.height, "settlement ordered another block of this height than this producer's");
    }
    for rejected in &block.rejected {
        error!(height = %rejected.height, "settlement rejected a block of this zone; it is executed again and sealed on the last good root");
    }
    if block.frozen {
        error!(settlement_height = %block.height, "settlement froze the zone");
    }
    let note = |height: Height, last_seq: Seq, status| {
        ApplianceRecord::Note(Note::BlockStatus {
            height,
            last_seq,
            status,
            settlement_height: block.height,
            settlement_time: block.time,
        })
    };
    let available = block.available.iter().map(|available| note(available.height, available.last_seq, BlockStatus::Available));
    let settled = block.settled.iter().map(|settled| note(settled.height, settled.last_seq, BlockStatus::Settled));
    available.chain(settled).chain(block.inbox.iter().map(|message| ApplianceRecord::Inbox(*message))).collect()
}
