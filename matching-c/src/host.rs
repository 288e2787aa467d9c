//! The engine with its waiting events: everything that the C functions do, without a pointer.

use crate::abi::{CapacityC, CommandBytes, EventC, InstrumentC, Status};
use crate::limits::EVENTS_WAITING_MAX;
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, Side};
use plinth_types::digest::Digest;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{AccountId, AssetId, InstrumentId, MandateId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};
use std::collections::VecDeque;

/// An engine and the events that wait to be polled.
#[derive(Debug)]
pub struct Host {
    engine: Engine,
    waiting: VecDeque<EventC>,
    /// An earlier call has panicked.
    pub(crate) is_poisoned: bool,
}

/// Events of one command, on their way to the waiting ones.
struct Waiting<'a> {
    seq: Seq,
    events: &'a mut VecDeque<EventC>,
}

impl EventSink for Waiting<'_> {
    #[inline]
    fn emit(&mut self, event: Event) {
        self.events.push_back(EventC::of(self.seq, &event));
    }
}

impl Host {
    /// An empty zone.
    ///
    /// # Errors
    ///
    /// [`Status::Capacity`].
    pub fn new(capacity: CapacityC) -> Result<Self, Status> {
        let reserved = capacity.reserved;
        let capacity = Capacity::from(capacity);
        if reserved != 0 || capacity.check().is_err() {
            return Err(Status::Capacity);
        }
        let waiting = VecDeque::with_capacity(EVENTS_WAITING_MAX);
        Ok(Self { engine: Engine::new(capacity, ()), waiting, is_poisoned: false })
    }

    /// Executes commands in order; the tails of those that have one lie behind one another in `tails`. Says how many were executed and how many
    /// bytes of tails they had, and why it stopped before the end, if it did.
    pub fn submit(&mut self, commands: &[CommandBytes], tails: &[u8]) -> (usize, usize, Status) {
        let mut tails_used = 0;
        for (done, bytes) in commands.iter().enumerate() {
            let stopped = |status| (done, tails_used, status);
            if self.waiting.len() >= EVENTS_WAITING_MAX {
                return stopped(Status::Full);
            }
            let Ok(command) = Command::from_head(bytes) else { return stopped(Status::Command) };
            let Some(tail) = tails[tails_used..].get(..usize::from(command.tail_size)) else { return stopped(Status::Tail) };
            if command.body != Body::Note && command.seq <= self.engine.last_seq() {
                return stopped(Status::Sequence);
            }
            self.engine.apply(&command, tail, &mut Waiting { seq: command.seq, events: &mut self.waiting });
            tails_used += tail.len();
        }
        (commands.len(), tails_used, Status::Ok)
    }

    /// Takes waiting events, oldest first.
    pub fn poll(&mut self, room: usize) -> impl Iterator<Item = EventC> + '_ {
        let count = room.min(self.waiting.len());
        self.waiting.drain(..count)
    }

    /// How many events wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The best price of a side and what is shown at it.
    #[must_use]
    pub fn best(&self, instrument: u32, side: Side) -> Option<(i64, u64)> {
        let best = self.engine.best(InstrumentId::new(instrument), side)?;
        Some((best.price.ticks(), best.lots.get()))
    }

    /// Adds an asset: the next number.
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Refused`].
    pub fn add_asset(&mut self, id: u16, name: &[u8; 16], decimals: u8) -> Result<(), Status> {
        self.configure(&Configuration::AddAsset(Asset { id: AssetId::new(id), name: name_of(name)?, decimals }))
    }

    /// Opens an account: the next number. Its owner is nobody.
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Refused`].
    pub fn open_account(&mut self, id: u32, name: &[u8; 16]) -> Result<(), Status> {
        let owner = PublicKey::default();
        self.configure(&Configuration::OpenAccount(Account { id: AccountId::new(id), name: name_of(name)?, owner }))
    }

    /// Lists an instrument: the next number.
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Refused`].
    pub fn list_instrument(&mut self, instrument: &InstrumentC) -> Result<(), Status> {
        if instrument.reserved != [0; 5] {
            return Err(Status::Argument);
        }
        self.configure(&Configuration::ListInstrument(Instrument {
            id: InstrumentId::new(instrument.id),
            symbol: name_of(&instrument.symbol)?,
            base: AssetId::new(instrument.base),
            quote: AssetId::new(instrument.quote),
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
            qty_max: Qty::from_lots(instrument.qty_max).ok_or(Status::Argument)?,
            window_low: Price::from_ticks(instrument.window_low).ok_or(Status::Argument)?,
            window_bits: instrument.window_bits,
        }))
    }

    /// Lets a session trade on an account, for good: the next mandate's number.
    ///
    /// # Errors
    ///
    /// [`Status::Refused`].
    pub fn grant(&mut self, mandate: u32, session: u16, account: u32) -> Result<(), Status> {
        let mandate = Mandate {
            id: MandateId::new(mandate),
            session: SessionId::new(session),
            account: AccountId::new(account),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        self.configure(&Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }))
    }

    /// Credits an account, in the asset's smallest unit.
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Refused`].
    pub fn credit(&mut self, account: u32, asset: u16, units: u128) -> Result<(), Status> {
        let index = self.engine.inbox_index().next();
        let message = InboxMessage {
            zone: ZoneId::TRADING,
            index,
            id: Digest::ZERO,
            from: Party::owner(PublicKey::default()),
            channel_seq: index.get(),
            kind: InboxKind::Transfer,
            asset: AssetId::new(asset),
            amount: Amount::new(units).ok_or(Status::Argument)?,
            account: Address::of_account(AccountId::new(account)),
        };
        self.own(Body::Inbox, &message.to_bytes())
    }

    fn configure(&mut self, change: &Configuration) -> Result<(), Status> {
        self.own(Body::Configure, &change.to_bytes())
    }

    /// A command of the appliance itself, behind the last one. Its events are not polled: the answer is all there is to know.
    fn own(&mut self, body: Body, tail: &[u8]) -> Result<(), Status> {
        let seq = self.engine.last_seq().next();
        let command = Command {
            seq,
            time: TimestampNs::new(seq.get()),
            session: SessionId::APPLIANCE,
            mandate: MandateId::new(0),
            body,
            tail_size: tail.len() as u16,
        };
        let mut events: Vec<Event> = Vec::new();
        self.engine.apply(&command, tail, &mut events);
        match events[..] {
            [.., Event::Configured | Event::Credited { .. }] => Ok(()),
            _ => Err(Status::Refused),
        }
    }
}

fn name_of(bytes: &[u8; 16]) -> Result<Name, Status> {
    let text = str::from_utf8(bytes).map_err(|_| Status::Argument)?;
    Name::new(text.trim_end_matches('\0')).ok_or(Status::Argument)
}
