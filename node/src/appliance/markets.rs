//! The operator's word on one market: a halt, and its end.
//!
//! * Both are changes of phase, journaled and in force at once like any other; their records have a [mark](MARK_HELD) of their own, so a restart, a
//!   replay and a zone made anew know who has halted what, and no file beside the journal does.
//! * **A market that an operator has halted waits for an operator.** Steps of its calendar pass it by, a restart too; days that end meanwhile take
//!   their orders with them ([`Timetable`]).
//! * It goes on where its calendar has it by then, or is continuous without one. What crosses then trades at one price. `auction` collects orders first,
//!   for as long as a volatility auction of the instrument takes.
//!
//! On the admin socket, answered when it is durable:
//!
//! ```text
//! halt SYMBOL               {"seq":90,"phase":"halt"}, {"refused":"…"} or {"error":"…"}
//! resume SYMBOL [auction]   the same, with the phase that it is in
//! ```
//!
//! Known limitation: no reason is kept with a halt.

use super::control::{Control, CoreHandle};
use super::timetable::{Market, Timetable};
use crate::config::Resolved;
use crossbeam_channel::{Sender, bounded};
use plinth_gateway::Full;
use plinth_matching::engine::Engine;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, MandateId, Seq, SessionId, TimestampNs};
use plinth_types::reference::{Configuration, Name, Phase, PhaseChange};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// In the place of a mandate, which the appliance's own commands do not have: an operator halts.
const MARK_HELD: MandateId = MandateId::new(1);
/// An operator lets the market go on.
const MARK_RELEASED: MandateId = MandateId::new(2);

/// Longest wait until a change is durable.
const MARKET_TIMEOUT: Duration = Duration::from_secs(10);

/// What an operator wants of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MarketOrder {
    pub(super) instrument: InstrumentId,
    pub(super) wish: Wish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// From now on only cancels are taken.
    Halt,
    /// It goes on, by way of an auction or not.
    Resume { auction: bool },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MarketAnswer {
    /// It is in this phase, durably.
    Done { seq: Seq, phase: Phase },
    /// It is not done.
    Refused(String),
    /// The zone takes nothing at the moment; to be asked again.
    Busy,
}

/// One market, for the status.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarketState {
    pub(super) symbol: Name,
    pub(super) phase: Phase,
    /// Whether an operator has halted it.
    pub(super) is_held: bool,
}

/// What operators have asked for and wait for.
#[derive(Debug, Default)]
pub(super) struct Operator {
    waiting: BTreeMap<Seq, Sender<MarketAnswer>>,
}

impl Operator {
    /// Has a change sequenced that an operator wants, or says at once why not. `submit` journals it under a mark.
    pub(super) fn order<M: Market>(
        &mut self,
        now: TimestampNs,
        order: MarketOrder,
        asker: Sender<MarketAnswer>,
        (market, timetable): (&mut M, &mut Timetable),
        submit: impl FnOnce(&mut M, MandateId, &Configuration) -> Result<Seq, Full>,
    ) {
        let MarketOrder { instrument, wish } = order;
        let wanted = match wish {
            Wish::Halt => Ok((MARK_HELD, Phase::Halt)),
            Wish::Resume { auction } => resumed(market.engine(), timetable, instrument, auction, now).map(|to| (MARK_RELEASED, to)),
        };
        let (mark, phase) = match wanted {
            Ok(wanted) => wanted,
            // An asker that is gone needs no answer, here and below.
            Err(reason) => return drop(asker.send(MarketAnswer::Refused(reason))),
        };
        match submit(market, mark, &Configuration::SetPhase(PhaseChange { instrument, phase })) {
            Ok(seq) => {
                // The zone may refuse to trade what crosses: then it stays halted.
                let is_taken = phase == Phase::Halt || market.engine().phase(instrument) != Some(Phase::Halt);
                match wish {
                    Wish::Halt => timetable.hold(instrument),
                    Wish::Resume { .. } if is_taken => timetable.release(instrument),
                    Wish::Resume { .. } => {}
                }
                self.waiting.insert(seq, asker);
            }
            Err(Full::Queue | Full::Disk | Full::Window | Full::Unproven | Full::Frozen) => drop(asker.send(MarketAnswer::Busy)),
        }
    }

    /// A record is durable: whoever waits for it hears what became of it.
    pub(super) fn durable(&mut self, command: &Command, events: &[Event]) {
        if let Some(asker) = self.waiting.remove(&command.seq) {
            // An asker that is gone sees it in the status.
            drop(asker.send(answer_of(command.seq, events)));
        }
    }
}

/// The phase that a halted market goes on in.
fn resumed(
    engine: &Engine<()>,
    timetable: &Timetable,
    instrument: InstrumentId,
    auction: bool,
    now: TimestampNs,
) -> Result<Phase, String> {
    let planned = engine.calendar(instrument).and_then(|calendar| calendar.last_transition(now)).map(|last| last.phase);
    let is_halted = engine.phase(instrument) == Some(Phase::Halt) && planned != Some(Phase::Halt);
    if !timetable.is_held(instrument) && !is_halted {
        return Err("no operator has halted it".to_owned());
    }
    Ok(match planned {
        None | Some(Phase::Continuous) if auction => Phase::VolatilityAuction,
        planned => planned.unwrap_or(Phase::Continuous),
    })
}

/// Takes a record of the journal: what operators have `held` before a restart is held after it.
pub(super) fn observe(held: &mut BTreeSet<InstrumentId>, command: &Command, tail: &[u8], events: &[Event]) {
    if (command.session, command.body) != (SessionId::APPLIANCE, Body::Configure) || command.mandate == MandateId::new(0) {
        return;
    }
    let is_done = events.iter().any(|event| matches!(event, Event::PhaseChanged { .. }));
    let Some(Configuration::SetPhase(PhaseChange { instrument, .. })) = Configuration::decode(tail).ok().filter(|_| is_done) else {
        return;
    };
    match command.mandate {
        MARK_HELD => drop(held.insert(instrument)),
        MARK_RELEASED => drop(held.remove(&instrument)),
        _ => {}
    }
}

fn answer_of(seq: Seq, events: &[Event]) -> MarketAnswer {
    // An order may be triggered that starts an auction, so the last one counts.
    let mut phases =
        events.iter().filter_map(|event| if let Event::PhaseChanged { phase, .. } = event { Some(*phase) } else { None });
    let refused =
        events.iter().find_map(|event| if let Event::ConfigurationRefused { reject } = event { Some(reject) } else { None });
    match (phases.next_back(), refused) {
        (Some(phase), _) => MarketAnswer::Done { seq, phase },
        (None, Some(reject)) => MarketAnswer::Refused(reject.to_string()),
        (None, None) => MarketAnswer::Refused("the zone says nothing of it".to_owned()),
    }
}

/// How a phase is called, as in the configuration.
pub(super) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Continuous => "continuous",
        Phase::PreOpen => "pre-open",
        Phase::OpeningAuction => "opening-auction",
        Phase::VolatilityAuction => "volatility-auction",
        Phase::ClosingAuction => "closing-auction",
        Phase::Halt => "halt",
    }
}

/// Markets by their symbols, for the admin socket.
#[derive(Debug)]
pub(super) struct MarketDesk {
    symbols: BTreeMap<String, InstrumentId>,
    core: CoreHandle,
}

impl MarketDesk {
    pub(super) fn new(resolved: &Resolved, core: CoreHandle) -> Self {
        let symbols = resolved.reference.iter().filter_map(|item| {
            let Configuration::ListInstrument(instrument) = item else { return None };
            Some((instrument.symbol.as_str().to_owned(), instrument.id))
        });
        Self { symbols: symbols.collect(), core }
    }

    /// `halt` and `resume`.
    pub(super) fn answer(&self, name: &str, argument: &str) -> Result<Value, String> {
        let (symbol, wish) = match (name, argument.split_once(' ')) {
            ("halt", None) => (argument, Wish::Halt),
            ("resume", None) => (argument, Wish::Resume { auction: false }),
            ("resume", Some((symbol, "auction"))) => (symbol, Wish::Resume { auction: true }),
            (_, _) => {
                return Err(format!("{name} {argument:?}: a symbol is named, and of a market that is to go on perhaps an auction"));
            }
        };
        let instrument = *self.symbols.get(symbol).ok_or_else(|| format!("there is no instrument {symbol:?}"))?;
        let (sender, receiver) = bounded(1);
        self.core.send(Control::Market(MarketOrder { instrument, wish }, sender));
        match receiver.recv_timeout(MARKET_TIMEOUT) {
            Ok(MarketAnswer::Done { seq, phase }) => Ok(json!({ "seq": seq.get(), "phase": phase_name(phase) })),
            Ok(MarketAnswer::Refused(reason)) => Ok(json!({ "refused": format!("{symbol}: {reason}") })),
            Ok(MarketAnswer::Busy) => Err("the zone takes nothing at the moment; ask again".to_owned()),
            Err(_) => Err("not durable in time; whether it is done, the status says".to_owned()),
        }
    }
}
