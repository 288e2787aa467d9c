//! The `fused` zone: everything but the journal's disk on the caller's thread.

use super::gate::Gate;
use super::limits::{HELD_RECORDS_MAX, HELD_RECORDS_RESERVED, RESERVED_CELLS};
use super::sequencer::Sequencer;
use crate::engine::Engine;
use crate::journal::{End, Journal, JournalConfig, JournalError, JournalStatus};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, MandateId, Seq, SessionId, TimestampNs};
use plinth_types::limits::COMMAND_TAIL_SIZE_MAX;
use plinth_types::reference::{Configuration, Expiry};
use std::sync::Arc;

/// Why a command was not taken. Nothing has happened; the client is told that it is throttled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The journal is behind: the queue in front of it has no room, or none but the reserved.
    #[error("the journal is behind")]
    Queue,
    /// The disk has no space for the journal's next segment. Cancels pass while the current one has room.
    #[error("the journal's disk is full")]
    Disk,
    /// The journal has failed for good; the process must exit.
    #[error("the journal has failed")]
    Failed,
}

/// Sequencer, engine and gate on one thread, before a journal on its own.
#[derive(Debug)]
pub struct Fused {
    engine: Engine<()>,
    sequencer: Sequencer,
    journal: Journal,
    status: Arc<JournalStatus>,
    gate: Gate,
}

impl Fused {
    /// Starts the journal's thread behind the last record that `engine` has executed.
    ///
    /// [`JournalConfig::on_publish`] is how a thread that sleeps in an io_uring or on a condition learns that something can be released.
    ///
    /// # Errors
    ///
    /// When the journal cannot be opened.
    ///
    /// # Panics
    ///
    /// If the ring has too few cells for what is reserved.
    pub fn start(engine: Engine<()>, config: &JournalConfig, end: End, last_time: TimestampNs) -> Result<Self, JournalError> {
        assert!(config.ring_cells > 2 * RESERVED_CELLS, "a ring of {} cells, {RESERVED_CELLS} of them reserved", config.ring_cells);
        let sequencer = Sequencer::after(end.last_seq(), last_time);
        let journal = Journal::start(config, end)?;
        let status = Arc::clone(journal.status());
        Ok(Self { engine, sequencer, journal, status, gate: Gate::default() })
    }

    /// Stamps a command, hands it to the journal, executes it, and holds its events. Constant cost but for the trades.
    ///
    /// # Errors
    ///
    /// [`Full`]; new orders, replaces and withdrawals are refused while cancels and the appliance's own records still pass.
    ///
    /// # Panics
    ///
    /// If the tail is longer than [`COMMAND_TAIL_SIZE_MAX`]: the gateway never makes one.
    pub fn submit(
        &mut self,
        now: TimestampNs,
        session: SessionId,
        mandate: MandateId,
        body: Body,
        tail: &[u8],
    ) -> Result<Seq, Full> {
        assert!(tail.len() <= COMMAND_TAIL_SIZE_MAX, "a tail of {} bytes", tail.len());
        self.expire(now)?;
        self.admit(&body, tail.len())?;
        Ok(self.take(now, session, mandate, body, tail))
    }

    /// Takes off the orders whose time has come, by as many records of its own as that needs, so that no client's command is refused for
    /// it. Whoever has nothing to submit calls this when [`Engine::next_due`] comes. Whether there were any.
    ///
    /// # Errors
    ///
    /// [`Full`], with some of them perhaps taken off.
    pub fn expire(&mut self, now: TimestampNs) -> Result<bool, Full> {
        let time = self.sequencer.time(now);
        let due = self.engine.is_due(time);
        while self.engine.is_due(time) {
            // Every command takes off what is due, whatever the instrument; this one does nothing else.
            let expiry = Configuration::Expire(Expiry { instrument: InstrumentId::new(0), ends_day: false }).to_bytes();
            self.admit(&Body::Configure, expiry.len())?;
            self.take(time, SessionId::APPLIANCE, MandateId::new(0), Body::Configure, &expiry);
        }
        Ok(due)
    }

    /// Journals and executes what was admitted.
    fn take(&mut self, now: TimestampNs, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Seq {
        let (seq, time) = self.sequencer.stamp(now);
        let command = Command { seq, time, session, mandate, body, tail_size: tail.len() as u16 };
        self.journal.append(&command, tail).expect("room was checked, and only this thread takes it");
        let Self { engine, gate, .. } = self;
        gate.hold(command, tail, |events| engine.apply(&command, tail, events));
        seq
    }

    /// Calls `give` for each record whose effects may now leave the process, in order; how many there were.
    pub fn release(&mut self, give: impl FnMut(&Command, &[u8], &[Event])) -> usize {
        self.gate.release(self.status.acknowledgeable(), give)
    }

    /// The last record that survives a power failure.
    #[must_use]
    pub fn durable_seq(&self) -> Seq {
        self.status.durable()
    }

    /// The last record submitted.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.sequencer.last_seq()
    }

    /// Records submitted and not yet released.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.gate.len()
    }

    /// Whether something can be released now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let held = self.gate.len() as u64;
        held > 0 && self.status.acknowledgeable().get() > self.last_seq().get() - held
    }

    /// The engine. It is ahead of what is durable by what is pending.
    #[must_use]
    pub const fn engine(&self) -> &Engine<()> {
        &self.engine
    }

    /// How far the journal is; may be kept and read by any thread (the producer's, say).
    #[must_use]
    pub const fn journal(&self) -> &Arc<JournalStatus> {
        &self.status
    }

    /// The error that stopped the journal for good. The process must exit: what is pending will never be released.
    #[must_use]
    pub fn failed(&self) -> Option<&JournalError> {
        self.status.failure()
    }

    /// Lets the journal write and sync what was submitted, waits for its thread, and releases the rest.
    ///
    /// # Errors
    ///
    /// The error that stopped the journal.
    pub fn shutdown(mut self, give: impl FnMut(&Command, &[u8], &[Event])) -> Result<Engine<()>, JournalError> {
        let Self { journal, status, .. } = self;
        let ended = journal.shutdown();
        self.gate.release(status.acknowledgeable(), give);
        ended.map(|()| self.engine)
    }

    fn admit(&mut self, body: &Body, tail_size: usize) -> Result<(), Full> {
        if self.status.failure().is_some() {
            return Err(Full::Failed);
        }
        let (cells, records) = match body {
            // Nothing but quotes that go.
            Body::MassQuote(quotes) if quotes.entries == 0 => (0, 0),
            Body::New(_) | Body::Replace { .. } | Body::MassQuote(_) | Body::Withdraw if self.status.is_space_low() => {
                return Err(Full::Disk);
            }
            Body::New(_) | Body::Replace { .. } | Body::MassQuote(_) | Body::Withdraw => (RESERVED_CELLS, HELD_RECORDS_RESERVED),
            Body::Cancel { .. } | Body::MassCancel(_) | Body::Configure | Body::Inbox | Body::Note => (0, 0),
        };
        let has_room = self.gate.len() + records < HELD_RECORDS_MAX && self.journal.has_room(tail_size, cells);
        if has_room { Ok(()) } else { Err(Full::Queue) }
    }
}
