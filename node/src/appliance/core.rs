//! The core stage of topology `fused`: FIX, sequencer, engine and gate on one thread that runs to completion.
//!
//! One turn: take what the sockets have, sequence and execute it; take what settlement and the operator want; say what has become
//! durable. A turn that did nothing spins for as long as the configuration says, then sleeps in the kernel until a socket, the
//! journal or another thread wakes it.

use super::control::{ApplianceRecord, Control, CoreStatus, CustodyTotal, WithdrawalAnswer};
use super::cursor::Cursor;
use super::intake::Intake;
use super::markets::{MarketState, Operator};
use super::timetable::{Market, Timetable};
use crate::told::Said;
use crossbeam_channel::{Receiver, Sender};
use plinth_gateway::bust::Bust;
use plinth_gateway::clock::Now;
use plinth_gateway::market::MarketView;
use plinth_gateway::{Full, Gateway, GatewayError, Holding, Holdings, Zone};
use plinth_matching::engine::Engine;
use plinth_matching::journal::JournalError;
use plinth_matching::pipeline::{self, Fused};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{AccountId, MandateId, Seq, SessionId, TimestampNs};
use plinth_types::message::{BlockStatus, Note};
use plinth_types::reference::{Configuration, Phase};
use plinth_types::withdrawal::SignedWithdrawal;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use thiserror::Error;
use tracing::error;

/// Longest sleep of an idle turn: timers of the sessions are looked at this often.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// Records of the appliance that one turn submits at the most, so that clients are not kept waiting behind a long inbox.
const APPLIANCE_RECORDS_PER_TURN_MAX: usize = 64;

/// Books shown in one turn at the most, for the same reason.
const VIEWS_PER_TURN_MAX: usize = 16;

/// Why the core stage ended before it was asked to.
#[derive(Debug, Error)]
pub enum CoreError {
    /// A command could not be made durable. Nothing was acknowledged since.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The FIX acceptor failed.
    #[error("gateway: {0}")]
    Gateway(#[from] GatewayError),
}

/// The core stage.
pub(super) struct Core {
    pub(super) zone: Fused,
    pub(super) intake: Intake,
    pub(super) gateway: Gateway,
    pub(super) control: Receiver<Control>,
    pub(super) records: Receiver<ApplianceRecord>,
    /// What is shown of the books, from the market data stage.
    pub(super) views: Receiver<MarketView>,
    /// The record that the ring had no room for.
    pub(super) waiting: Option<ApplianceRecord>,
    pub(super) cursor: Cursor,
    /// Who waits for a withdrawal's end, by its record.
    pub(super) withdrawals: BTreeMap<Seq, Sender<WithdrawalAnswer>>,
    /// What operators want of markets.
    pub(super) operator: Operator,
    /// Changes phases by the calendar.
    pub(super) timetable: Timetable,
    /// Trades that clients were told of and that the journal does not make, to be taken back before anyone logs on.
    pub(super) busts: VecDeque<Bust>,
    /// What was said of trades, to the producer stage, which keeps it. It has no bound of its own: it is no longer than what waits to be settled.
    pub(super) said: Sender<Said>,
    pub(super) idle_spin: Duration,
}

impl Core {
    /// Runs until it is asked to stop or cannot go on.
    pub(super) fn run(mut self) -> Result<(), CoreError> {
        let mut idle_since: Option<Instant> = None;
        self.gateway.start(&mut ZonePort { zone: &mut self.zone, intake: &mut self.intake, now: Now::read() });
        self.take_back()?;
        loop {
            let now = Now::read();
            let port = &mut ZonePort { zone: &mut self.zone, intake: &mut self.intake, now };
            let mut worked = self.gateway.poll(now, port)?;
            while let Ok(control) = self.control.try_recv() {
                worked = true;
                match control {
                    // An asker that is gone needs no answer.
                    Control::Ask(asker) => drop(asker.send(self.status())),
                    Control::NextWithdrawal(account, asker) => {
                        // An asker that is gone needs no answer.
                        let _ = asker.send(self.zone.engine().custody().next_withdrawal(account));
                    }
                    Control::Withdraw(signed, asker) => self.withdraw(now, &signed, asker),
                    Control::Market(order, asker) => {
                        let Self { zone, intake, operator, timetable, .. } = &mut self;
                        let port = &mut ZonePort { zone, intake, now };
                        operator.order(now.utc, order, asker, (port, timetable), |port, mark, item| {
                            port.submit(SessionId::APPLIANCE, mark, Body::Configure, &item.to_bytes())
                        });
                    }
                    Control::Stop => return self.stop(),
                }
            }
            worked |= self.sequence_records(now.utc);
            // What finds no room waits for the next turn, before which nothing else trades.
            worked |= self.zone.expire(now.utc).unwrap_or(false);
            let port = &mut ZonePort { zone: &mut self.zone, intake: &mut self.intake, now };
            worked |= self.timetable.turn(now.utc, port);
            worked |= self.release(now)?;
            worked |= self.show(now)?;
            if let Some(error) = self.zone.failed() {
                return Err(error.clone().into());
            }
            if worked {
                idle_since = None;
                continue;
            }
            let since = *idle_since.get_or_insert_with(Instant::now);
            if since.elapsed() < self.idle_spin {
                std::hint::spin_loop();
            } else {
                self.gateway.wait(SLEEP_MAX)?;
                idle_since = None;
            }
        }
    }

    /// Sequences a note for each trade that is no more; it is reported like any record. What a crash leaves out the next start finds again.
    fn take_back(&mut self) -> Result<(), CoreError> {
        while let Some(bust) = self.busts.front() {
            let now = Now::read();
            let tail = bust.to_bytes();
            if self.zone.submit(now.utc, SessionId::APPLIANCE, MandateId::new(0), Body::Note, &tail).is_ok() {
                error!(trade = %bust.told.trade, record = %bust.told.record, "a trade that clients were told of is busted");
                self.busts.pop_front();
            } else if let Some(error) = self.zone.failed() {
                return Err(error.clone().into());
            }
            self.release(now)?;
        }
        Ok(())
    }

    /// Says what has become durable.
    fn release(&mut self, now: Now) -> Result<bool, CoreError> {
        let Self { zone, gateway, cursor, withdrawals, operator, said, .. } = self;
        let released = zone.release(|command, tail, events| {
            cursor.observe(command, tail, events);
            gateway.deliver(command, tail, events);
            tell(said, gateway, (command, tail, events));
            operator.durable(command, events);
            if let Some(asker) = withdrawals.remove(&command.seq) {
                // An asker that is gone finds out from the account's next number.
                drop(asker.send(answer_of(command, events)));
            }
        });
        if released > 0 {
            gateway.flush(now)?;
        }
        Ok(released > 0)
    }

    /// Says what the books have become.
    fn show(&mut self, now: Now) -> Result<bool, CoreError> {
        let mut shown = false;
        for view in self.views.try_iter().take(VIEWS_PER_TURN_MAX) {
            self.gateway.show(now, view);
            shown = true;
        }
        if shown {
            self.gateway.flush(now)?;
        }
        Ok(shown)
    }

    fn withdraw(&mut self, now: Now, signed: &SignedWithdrawal, asker: Sender<WithdrawalAnswer>) {
        let port = &mut ZonePort { zone: &mut self.zone, intake: &mut self.intake, now };
        match port.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Withdraw, &signed.to_bytes()) {
            Ok(seq) => drop(self.withdrawals.insert(seq, asker)),
            Err(Full::Queue | Full::Disk | Full::Window | Full::Unproven | Full::Frozen) => {
                drop(asker.send(WithdrawalAnswer::Busy))
            }
        }
    }

    fn sequence_records(&mut self, now: TimestampNs) -> bool {
        let mut worked = false;
        for _ in 0..APPLIANCE_RECORDS_PER_TURN_MAX {
            let Some(record) = self.waiting.take().or_else(|| self.records.try_recv().ok()) else { break };
            // Settlement tells again what it told before a restart; what is journaled already is not journaled twice.
            let news = match &record {
                ApplianceRecord::Configure(_) => true,
                ApplianceRecord::Inbox(message) => message.index > self.zone.engine().inbox_index(),
                ApplianceRecord::Note(note) => self.cursor.is_news(note),
            };
            if news && sequence(&mut self.zone, now, &record).is_err() {
                self.waiting = Some(record);
                break;
            }
            if let (true, ApplianceRecord::Note(note)) = (news, &record) {
                self.cursor.submitted(note);
            }
            worked = true;
        }
        worked
    }

    fn status(&self) -> CoreStatus {
        let engine = self.zone.engine();
        let totals = engine.assets().filter_map(|asset| {
            let (held, withdrawn) = (engine.total(asset.id)?, engine.withdrawn(asset.id)?);
            Some(CustodyTotal { asset: asset.id, held, withdrawn })
        });
        let markets = engine.instruments().map(|instrument| MarketState {
            symbol: instrument.symbol,
            phase: engine.phase(instrument.id).unwrap_or(Phase::Continuous),
            is_held: self.timetable.is_held(instrument.id),
        });
        CoreStatus {
            seq: self.zone.last_seq(),
            durable_seq: self.zone.durable_seq(),
            orders_live: u64::from(engine.order_count()),
            inbox_index: engine.inbox_index(),
            totals: totals.collect(),
            balanced: engine.check_conservation().is_ok(),
            markets: markets.collect(),
            cursor: self.cursor.clone(),
            gateway: self.gateway.status(),
        }
    }

    /// Logs the sessions out, says what is durable, and leaves the journal whole.
    fn stop(mut self) -> Result<(), CoreError> {
        self.gateway.shut_down(Now::read());
        while self.gateway.status().connections > 0 {
            let now = Now::read();
            self.gateway.poll(now, &mut ZonePort { zone: &mut self.zone, intake: &mut self.intake, now })?;
            self.release(now)?;
            if let Some(error) = self.zone.failed() {
                return Err(error.clone().into());
            }
            self.gateway.wait(SLEEP_MAX)?;
        }
        let Self { zone, mut gateway, mut cursor, said, .. } = self;
        zone.shutdown(|command, tail, events| {
            cursor.observe(command, tail, events);
            gateway.deliver(command, tail, events);
            tell(&said, &gateway, (command, tail, events));
        })?;
        Ok(())
    }
}

/// Hands on what was just said of trades. A producer stage that is gone has failed, and the process with it.
fn tell(said: &Sender<Said>, gateway: &Gateway, (command, tail, events): (&Command, &[u8], &[Event])) {
    for told in gateway.told(command, events) {
        let _ = said.send(Said::Trade(told));
    }
    if command.body == Body::Note
        && let Ok(Note::BlockStatus { height, last_seq, status: BlockStatus::Settled, .. }) = Note::decode(tail)
    {
        let _ = said.send(Said::Settled { height, last_seq });
    }
}

fn answer_of(command: &Command, events: &[Event]) -> WithdrawalAnswer {
    match events.first() {
        Some(&Event::Withdrawn { channel_seq, .. }) => WithdrawalAnswer::Sent { seq: command.seq, channel_seq },
        Some(&Event::WithdrawalRefused { reject }) => WithdrawalAnswer::Refused(reject),
        said => unreachable!("a withdrawal is done or refused, not {said:?}"),
    }
}

/// Sequences a record of the appliance.
pub(super) fn sequence(zone: &mut Fused, now: TimestampNs, record: &ApplianceRecord) -> Result<Seq, Full> {
    let (body, tail) = match record {
        ApplianceRecord::Configure(change) => (Body::Configure, change.to_bytes()),
        ApplianceRecord::Inbox(message) => (Body::Inbox, message.to_bytes()),
        ApplianceRecord::Note(note) => (Body::Note, note.to_bytes()),
    };
    zone.submit(now, SessionId::APPLIANCE, MandateId::new(0), body, &tail).map_err(full)
}

const fn full(full: pipeline::Full) -> Full {
    match full {
        pipeline::Full::Disk => Full::Disk,
        // A zone that has failed says nothing more; the core stage finds it in the same turn.
        pipeline::Full::Queue | pipeline::Full::Failed => Full::Queue,
    }
}

/// The zone as the gateway sees it, at one moment.
struct ZonePort<'a> {
    zone: &'a mut Fused,
    intake: &'a mut Intake,
    now: Now,
}

impl Market for ZonePort<'_> {
    fn engine(&self) -> &Engine<()> {
        self.zone.engine()
    }

    fn configure(&mut self, item: &Configuration) -> Result<(), Full> {
        self.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Configure, &item.to_bytes()).map(drop)
    }
}

impl Zone for ZonePort<'_> {
    fn submit(&mut self, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Result<Seq, Full> {
        self.intake.admit(&body, self.now.mono)?;
        self.zone.submit(self.now.utc, session, mandate, body, tail).map_err(full)
    }

    fn holdings(&self, account: AccountId) -> Option<Holdings> {
        let engine = self.zone.engine();
        let held = engine.assets().map(|asset| {
            let balance = engine.balance(account, asset.id)?;
            Some(Holding { asset: asset.id, settled: balance.settled, reserved: balance.reserved })
        });
        Some(Holdings { behind: self.zone.last_seq(), held: held.collect::<Option<_>>()? })
    }
}
