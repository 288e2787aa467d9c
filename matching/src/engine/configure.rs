//! Reference data and inbox messages: what the appliance itself asks.
//!
//! A change of reference data must carry the next number of its kind. An inbox message that stands next in this zone's inbox is
//! consumed: credited, done, or refused; one that does not (another zone's, out of turn, unreadable) leaves the cursor where it is, so
//! that the right one can still come.

use crate::engine::Engine;
use crate::engine::bitmap::Span;
use crate::engine::book::{Book, LADDERS};
use crate::engine::mandates::MandateRecord;
use crate::engine::protection::{HIGHEST_BAND, LOWEST_BAND};
use crate::limits::{WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use plinth_types::codec::Codec;
use plinth_types::command::Command;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{AccountId, AssetId, InboxIndex, SessionId, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::page::Touch;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Configuration, Instrument, Mandate};
use plinth_types::reject::Reject;
use plinth_types::transfer::Address;

impl<T: Touch> Engine<T> {
    pub(crate) fn configure<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        match self.try_configure(command, tail) {
            Ok(configuration) => {
                sink.emit(Event::Configured);
                if let Configuration::Suspend(suspension) = &configuration {
                    self.clear_suspended(suspension, sink);
                }
                if let Configuration::SetPhase(change) = &configuration {
                    self.change_phase(change, sink);
                }
                if let Configuration::Date(_) = &configuration {
                    self.take_effect(command.time, sink);
                }
                if let Configuration::Expire(expiry) = &configuration {
                    self.expire_due(expiry, sink);
                }
            }
            Err(reject) => sink.emit(Event::ConfigurationRefused { reject }),
        }
    }

    fn try_configure(&mut self, command: &Command, tail: &[u8]) -> Result<Configuration, Reject> {
        if command.session != SessionId::APPLIANCE {
            return Err(Reject::NotMandated);
        }
        let configuration = Configuration::decode(tail).map_err(|_| Reject::Malformed)?;
        match &configuration {
            Configuration::AddAsset(asset) => self.custody.add_asset(&mut self.touch, asset),
            Configuration::OpenAccount(account) => self.custody.open_account(&mut self.touch, account),
            Configuration::ListInstrument(instrument) => self.list(instrument),
            Configuration::GrantMandate(signed) => self.grant(&signed.mandate),
            Configuration::Suspend(suspension) => self.suspend(suspension),
            Configuration::Protect(protection) => self.protect(protection),
            Configuration::SetBands(bands) => self.set_bands(bands),
            Configuration::SetFirm(limits) => self.set_firm(limits),
            Configuration::AssignFirm(assigned) => self.assign_firm(assigned),
            Configuration::SetQuoteGroup(group) => self.set_quote_group(group),
            Configuration::SetPhase(change) => self.check_phase_change(change, command.time),
            Configuration::Date(dated) => self.keep(command.seq, dated, tail),
            Configuration::Expire(expiry) => self.check_expiry(expiry),
        }?;
        Ok(configuration)
    }

    fn list(&mut self, instrument: &Instrument) -> Result<(), Reject> {
        let touch = &mut self.touch;
        let counters = *self.counters.get(touch);
        if instrument.id.get() != counters.instruments {
            return Err(Reject::OutOfSequence { expected: counters.instruments.into() });
        }
        self.custody.known_asset(touch, instrument.base)?;
        self.custody.known_asset(touch, instrument.quote)?;
        if instrument.base == instrument.quote || !(WINDOW_BITS_MIN..=WINDOW_BITS_MAX).contains(&instrument.window_bits) {
            return Err(Reject::Contradiction);
        }
        let width = 1 << instrument.window_bits;
        if counters.instruments == self.capacity.instruments_max || width > self.capacity.levels_max - counters.levels_used {
            return Err(Reject::CapacityReached);
        }
        let words = Span::word_count(instrument.window_bits) as u32;
        let book = Book {
            best_price: [0; 2],
            best_level: [0; 2],
            window_low: instrument.window_low.ticks(),
            level_base: [1, 1 + width].map(|first| first + counters.level_slots_used),
            word_base: [0, words].map(|first| first + counters.words_used),
            spill_base: self.levels.spill_base(counters.instruments),
            spill_count: [0; LADDERS],
            qty_max: instrument.qty_max.lots(),
            assets: [instrument.base.get(), instrument.quote.get()],
            window_bits: instrument.window_bits,
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
            symbol: *instrument.symbol.bytes(),
            band_low: LOWEST_BAND,
            band_high: HIGHEST_BAND,
            market_reach: u32::MAX,
            phase: 0,
            special: 0,
            last_price: 0,
            top: [0; 2],
            auction_price: 0,
            last_reach: 0,
            auction_reach: 0,
            waiting: 0,
            trailing: 0,
            trailing_head: 0,
            trailing_tail: 0,
        };
        self.levels.furnish(touch, &book);
        *self.books.get_mut(touch, counters.instruments as usize) = book;
        let counters = self.counters.get_mut(touch);
        counters.instruments += 1;
        counters.levels_used += width;
        counters.level_slots_used += self.levels.level_slots(instrument.window_bits);
        counters.words_used += 2 * words;
        Ok(())
    }

    fn grant(&mut self, mandate: &Mandate) -> Result<(), Reject> {
        let touch = &mut self.touch;
        let expected = self.counters.get(touch).mandates;
        if mandate.id.get() != expected {
            return Err(Reject::OutOfSequence { expected: expected.into() });
        }
        self.custody.known_account(touch, mandate.account)?;
        if mandate.session == SessionId::APPLIANCE {
            return Err(Reject::Contradiction);
        }
        if expected == self.capacity.mandates_max || mandate.session.get() >= self.capacity.sessions_max {
            return Err(Reject::CapacityReached);
        }
        let guard = self.guard(mandate.session, mandate.account);
        let touch = &mut self.touch;
        *self.mandates.get_mut(touch, expected as usize) = MandateRecord::new(mandate, guard);
        self.counters.get_mut(touch).mandates += 1;
        Ok(())
    }

    pub(crate) fn inbox<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        let expected = InboxIndex::new(self.counters.get(&mut self.touch).inbox).next();
        let message = match next_message(command, tail, expected) {
            Ok(message) => message,
            Err((index, reject)) => return sink.emit(Event::InboxIgnored { index, reject }),
        };
        let InboxMessage { index, account, asset, amount, kind, from, .. } = message;
        let answered = match kind {
            InboxKind::Transfer | InboxKind::Bounce => self.credit(account, asset, amount).map(|account| {
                sink.emit(Event::Credited { index, account, asset });
            }),
            InboxKind::Request(request) => self.answer(from, &request, sink),
        };
        match answered {
            Ok(()) => {}
            // What comes back has left this zone before, so this cannot be; if it were, the value must stay where it is counted.
            Err(reject) if kind == InboxKind::Bounce => return sink.emit(Event::InboxIgnored { index, reject }),
            Err(reject) => sink.emit(Event::InboxRefused { index, reject }),
        }
        self.counters.get_mut(&mut self.touch).inbox = index.get();
    }

    fn credit(&mut self, account: Address, asset: AssetId, amount: Amount) -> Result<AccountId, Reject> {
        let account = account.account().ok_or(Reject::Malformed)?;
        self.custody.credit(&mut self.touch, account, asset, amount)?;
        Ok(account)
    }
}

/// The message that stands next in the zone's inbox; else where it claims to stand (`expected` if it cannot be read) and the refusal.
fn next_message(command: &Command, tail: &[u8], expected: InboxIndex) -> Result<InboxMessage, (InboxIndex, Reject)> {
    if command.session != SessionId::APPLIANCE {
        return Err((expected, Reject::NotMandated));
    }
    let message = InboxMessage::decode(tail).map_err(|_| (expected, Reject::Malformed))?;
    if message.zone != ZoneId::TRADING {
        return Err((message.index, Reject::Malformed));
    }
    if message.index != expected {
        return Err((message.index, Reject::OutOfSequence { expected: expected.get() }));
    }
    Ok(message)
}
