//! Where the zone stands with settlement, as its journal says: a function of the records, so a restart finds it again.

use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{Height, ProducerEpoch, Seq};
use plinth_types::message::{BlockStatus, Note};
use std::collections::VecDeque;

/// Heights that the journal says were reached, and counts for the status.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// Last zone block that is available.
    pub(super) available: Height,
    /// Last zone block that is settled.
    pub(super) settled: Height,
    /// Settlement block behind which nothing was told to the zone yet, at the least.
    pub(super) settlement: Height,
    /// First epoch of this producer; 0 for the one that the genesis names.
    pub(super) epoch: ProducerEpoch,
    /// Orders accepted.
    pub(super) orders: u64,
    /// Trades made.
    pub(super) trades: u64,
    /// Trades of settled blocks.
    pub(super) trades_settled: u64,
    /// Withdrawals, and requests for one, that were done.
    pub(super) withdrawals: u64,
    /// Messages consumed and refused.
    pub(super) inbox_refused: u64,
    /// Highest heights submitted and not necessarily durable: available, settled.
    submitted: (Height, Height),
    /// Trades by record that no settled block covers yet, ascending.
    unsettled: VecDeque<(Seq, u64)>,
}

impl Cursor {
    /// Takes a durable record.
    pub(super) fn observe(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        let trades = events.iter().filter(|event| matches!(event, Event::Traded { .. })).count() as u64;
        self.orders += events.iter().filter(|event| matches!(event, Event::Accepted { .. })).count() as u64;
        self.withdrawals += events.iter().filter(|event| matches!(event, Event::Withdrawn { .. })).count() as u64;
        self.inbox_refused += events.iter().filter(|event| matches!(event, Event::InboxRefused { .. })).count() as u64;
        self.trades += trades;
        if trades > 0 {
            self.unsettled.push_back((command.seq, trades));
        }
        if command.body != Body::Note {
            return;
        }
        if let Ok(Note::TookOver { epoch }) = Note::decode(tail) {
            self.epoch = epoch;
        }
        if let Ok(note @ Note::BlockStatus { height, last_seq, status, settlement_height, .. }) = Note::decode(tail) {
            self.submitted(&note);
            self.settlement = self.settlement.max(settlement_height);
            match status {
                BlockStatus::Available => self.available = self.available.max(height),
                BlockStatus::Settled => {
                    self.settled = self.settled.max(height);
                    while let Some((_, trades)) = self.unsettled.pop_front_if(|(seq, _)| *seq <= last_seq) {
                        self.trades_settled += trades;
                    }
                }
            }
        }
    }

    /// Whether the note says something that no submitted one said.
    pub(super) fn is_news(&self, note: &Note) -> bool {
        match note {
            Note::BlockStatus { height, status: BlockStatus::Available, .. } => *height > self.submitted.0,
            Note::BlockStatus { height, status: BlockStatus::Settled, .. } => *height > self.submitted.1,
            Note::ReserveOutbound { .. } | Note::ResetSession { .. } | Note::Lost | Note::TookOver { .. } => true,
        }
    }

    /// Remembers that the note was sequenced.
    pub(super) fn submitted(&mut self, note: &Note) {
        match note {
            Note::BlockStatus { height, status: BlockStatus::Available, .. } => self.submitted.0 = self.submitted.0.max(*height),
            Note::BlockStatus { height, status: BlockStatus::Settled, .. } => self.submitted.1 = self.submitted.1.max(*height),
            Note::ReserveOutbound { .. } | Note::ResetSession { .. } | Note::Lost | Note::TookOver { .. } => {}
        }
    }
}
