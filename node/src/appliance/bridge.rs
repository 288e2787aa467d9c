//! The bridge: what settlement has finalized, as records for the zone.

use super::core::{ApplianceRecord, CoreHandle};
use super::desk::Refusals;
use super::producer::Rejections;
use crossbeam_channel::Receiver;
use plinth_settlement::link::{Finalized, LinkEvent};
use plinth_types::id::{Height, Seq};
use plinth_types::message::{BlockStatus, Note};
use tracing::{error, warn};

/// Hands finalized blocks to the core stage until the link ends or the core stage is gone.
///
/// Settlement says each block once, in order; the core stage drops what its journal already has, so that a restart may hear it again.
pub(super) fn run(events: &Receiver<LinkEvent>, core: &CoreHandle, rejections: &Rejections, refusals: &Refusals) {
    for event in events {
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
        error!(height = %rejected.height, "settlement rejected a block of this zone; it is sealed again on the last good root");
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
