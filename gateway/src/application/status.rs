//! Phases of the market: `SecurityStatus` (f) of an instrument, `TradingSessionStatus` (h) of all together, asked for once (263=0) or from
//! now on (263=1, ended by 263=2 or with the connection).
//!
//! | phase | 326 of f | 625 of f | 340 of h |
//! | --- | --- | --- | --- |
//! | continuous | 17 ready to trade | 3 | 2 open |
//! | pre-open | 21 pre-open | 1 | 4 pre-open |
//! | opening, volatility auction | 22; with a price 12 balanced, 7 more bids, 8 more offers | 2, 6 | 4, 1 |
//! | closing auction | 22; with a price 13 balanced, 9 more bids, 10 more offers | 4 | 5 pre-close |
//! | halt | 2 halted | none | 1 halted |
//!
//! In an auction `HighPx` and `LowPx` are the price that it would trade at, `BuyVolume` and `SellVolume` what would be bought and sold there
//! with what would be left: their difference is the imbalance. `LastPx` is the last trade's. Where instruments are in different phases h says
//! 2 if one of them trades, else 1; its text names those that are halted. It comes again whenever the phase of one changes.
//!
//! Subscriptions belong to a connection and are kept by nobody: what was said of them is not said again after a crash.

use super::Desk;
use super::dialect::push;
use super::intake::{Fault, required};
use super::outcome::BusinessReject;
use super::reports::NO_RECORD;
use super::request::{Inquiry, Subscribe};
use crate::acceptor::Sessions;
use crate::codec::tag;
use crate::limits::STATUS_SUBSCRIPTIONS_MAX;
use crate::session::{BodyWriter, Outbound};
use plinth_types::command::{Command, Side};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, SessionId, TimestampNs};
use plinth_types::quantity::{Lots, Price};
use plinth_types::reference::Phase;

/// How each instrument's market is, and who wants to hear of it.
#[derive(Debug, Default)]
pub(super) struct Markets {
    /// By number of the instrument.
    markets: Vec<Market>,
    subscriptions: Vec<Subscription>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Market {
    /// `None`: continuous, as a market begins.
    phase: Option<Phase>,
    indicative: Option<Indicative>,
    last: Option<Price>,
}

/// What an uncrossing would come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indicative {
    pub(super) price: Price,
    pub(super) lots: Lots,
    pub(super) surplus: Lots,
    pub(super) surplus_side: Side,
}

#[derive(Clone, Debug)]
struct Subscription {
    session: SessionId,
    /// `None`: of all together.
    instrument: Option<InstrumentId>,
    request_id: Box<[u8]>,
}

impl Market {
    fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Continuous)
    }

    /// `SecurityTradingStatus`, tag 326.
    fn trading_status(&self) -> u64 {
        let imbalance = self.indicative.map(|found| (found.surplus == Lots::ZERO, found.surplus_side));
        match (self.phase(), imbalance) {
            (Phase::Continuous, _) => 17,
            (Phase::PreOpen, _) => 21,
            (Phase::Halt, _) => 2,
            (Phase::OpeningAuction | Phase::VolatilityAuction | Phase::ClosingAuction, None) => 22,
            (Phase::ClosingAuction, Some((true, _))) => 13,
            (Phase::ClosingAuction, Some((false, Side::Buy))) => 9,
            (Phase::ClosingAuction, Some((false, Side::Sell))) => 10,
            (Phase::OpeningAuction | Phase::VolatilityAuction, Some((true, _))) => 12,
            (Phase::OpeningAuction | Phase::VolatilityAuction, Some((false, Side::Buy))) => 7,
            (Phase::OpeningAuction | Phase::VolatilityAuction, Some((false, Side::Sell))) => 8,
        }
    }

    /// `TradSesStatus`, tag 340.
    fn session_status(&self) -> u64 {
        match self.phase() {
            Phase::Continuous => 2,
            Phase::PreOpen | Phase::OpeningAuction => 4,
            Phase::VolatilityAuction | Phase::Halt => 1,
            Phase::ClosingAuction => 5,
        }
    }
}

/// `TradingSessionSubID`, tag 625, and how the phase is called.
const fn phase_words(phase: Phase) -> (Option<&'static [u8]>, &'static [u8]) {
    match phase {
        Phase::Continuous => (Some(b"3"), b"continuous"),
        Phase::PreOpen => (Some(b"1"), b"pre-open"),
        Phase::OpeningAuction => (Some(b"2"), b"opening auction"),
        Phase::VolatilityAuction => (Some(b"6"), b"volatility auction"),
        Phase::ClosingAuction => (Some(b"4"), b"closing auction"),
        Phase::Halt => (None, b"halt"),
    }
}

impl Markets {
    fn market(&mut self, instrument: InstrumentId) -> &mut Market {
        let index = instrument.get() as usize;
        if self.markets.len() <= index {
            self.markets.resize_with(index + 1, Market::default);
        }
        &mut self.markets[index]
    }

    /// `None` if it is not listed: the zone names no others.
    fn of(&self, instrument: InstrumentId) -> Market {
        self.markets.get(instrument.get() as usize).copied().unwrap_or_default()
    }

    pub(super) fn phase_changed(&mut self, instrument: InstrumentId, phase: Phase) {
        let market = self.market(instrument);
        market.phase = Some(phase);
        market.indicative = None;
    }

    /// What an uncrossing would come to, if anything would trade.
    pub(super) fn indicated(&mut self, instrument: InstrumentId, indicative: Option<Indicative>) {
        self.market(instrument).indicative = indicative;
    }

    pub(super) fn traded(&mut self, instrument: InstrumentId, price: Price) {
        self.market(instrument).last = Some(price);
    }

    /// Takes the last subscription of a session to a subject away.
    fn end(&mut self, session: SessionId, instrument: Option<InstrumentId>) {
        self.subscriptions.retain(|own| own.session != session || own.instrument != instrument);
    }

    /// `false` if the session has too many.
    fn begin(&mut self, session: SessionId, instrument: Option<InstrumentId>, request_id: &[u8]) -> bool {
        self.end(session, instrument);
        if self.subscriptions.iter().filter(|own| own.session == session).count() >= STATUS_SUBSCRIPTIONS_MAX {
            return false;
        }
        self.subscriptions.push(Subscription { session, instrument, request_id: request_id.into() });
        true
    }

    pub(super) fn disconnected(&mut self, session: SessionId) {
        self.subscriptions.retain(|own| own.session != session);
    }
}

impl Desk {
    /// `SecurityStatusRequest`.
    pub(super) fn security_status(&mut self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::SECURITY_STATUS_REQ_ID)?;
        let symbol = required(inquiry.request.symbol, tag::SYMBOL)?;
        let instrument = self.listing.by_symbol(symbol).map(|instrument| instrument.id);
        let instrument = instrument.ok_or(Fault::Business(BusinessReject::UNKNOWN_SECURITY))?;
        self.status_asked(inquiry, Some(instrument), request_id)?;
        if inquiry.subscribe()? != Subscribe::End {
            self.report_security_status(instrument, request_id, false, inquiry.origin.now.utc, reply);
        }
        Ok(())
    }

    /// `TradingSessionStatusRequest`.
    pub(super) fn session_status(&mut self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::TRAD_SES_REQ_ID)?;
        self.status_asked(inquiry, None, request_id)?;
        if inquiry.subscribe()? != Subscribe::End {
            self.report_session_status(request_id, false, inquiry.origin.now.utc, reply);
        }
        Ok(())
    }

    fn status_asked(&mut self, inquiry: Inquiry<'_, '_>, instrument: Option<InstrumentId>, request_id: &[u8]) -> Result<(), Fault> {
        let session = inquiry.origin.session;
        match inquiry.subscribe()? {
            Subscribe::Once => {}
            Subscribe::End => self.markets.end(session, instrument),
            Subscribe::Begin => {
                if !self.markets.begin(session, instrument, request_id) {
                    return Err(Fault::Business(BusinessReject::TOO_MANY_SUBSCRIPTIONS));
                }
            }
        }
        Ok(())
    }

    /// Says what a command's events have made of the markets: phases change by an operator's word, and by orders that would go too far.
    pub(super) fn tell_status(&self, command: &Command, events: &[Event], sessions: &mut Sessions<'_>) {
        if self.markets.subscriptions.is_empty() {
            return;
        }
        let changed: Vec<InstrumentId> = events.iter().filter_map(changed_market).collect();
        if changed.is_empty() {
            return;
        }
        for own in &self.markets.subscriptions {
            let Some(out) = sessions.outbound(own.session) else { continue };
            match own.instrument {
                None => self.report_session_status(&own.request_id, true, command.time, out),
                Some(instrument) if changed.contains(&instrument) => {
                    self.report_security_status(instrument, &own.request_id, true, command.time, out);
                }
                Some(_) => {}
            }
        }
    }

    fn report_security_status(&self, id: InstrumentId, request_id: &[u8], unasked: bool, now: TimestampNs, out: &mut Outbound) {
        let Some(instrument) = self.listing.instrument(id) else { return };
        let market = self.markets.of(id);
        let (sub_id, name) = phase_words(market.phase());
        push(out, NO_RECORD, b"f", now, |body| {
            body.bytes(tag::SECURITY_STATUS_REQ_ID, request_id);
            body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
            body.bytes(tag::TRADING_SESSION_ID, DAY);
            if let Some(sub_id) = sub_id {
                body.bytes(tag::TRADING_SESSION_SUB_ID, sub_id);
            }
            write_unasked(unasked, body);
            body.number(tag::SECURITY_TRADING_STATUS, market.trading_status());
            if let Some(Indicative { price, lots, surplus, surplus_side }) = market.indicative {
                let (bought, sold) = match surplus_side {
                    Side::Buy => (lots.get() + surplus.get(), lots.get()),
                    Side::Sell => (lots.get(), lots.get() + surplus.get()),
                };
                body.unsigned(tag::BUY_VOLUME, bought.into(), instrument.qty_decimals);
                body.unsigned(tag::SELL_VOLUME, sold.into(), instrument.qty_decimals);
                body.decimal(tag::HIGH_PX, price.ticks(), instrument.price_decimals);
                body.decimal(tag::LOW_PX, price.ticks(), instrument.price_decimals);
            }
            if let Some(last) = market.last {
                body.decimal(tag::LAST_PX, last.ticks(), instrument.price_decimals);
            }
            body.time(tag::TRANSACT_TIME, now);
            body.bytes(tag::TEXT, name);
        });
    }

    fn report_session_status(&self, request_id: &[u8], unasked: bool, now: TimestampNs, out: &mut Outbound) {
        let mut statuses = self.listing.instruments().map(|instrument| self.markets.of(instrument.id).session_status());
        let first = statuses.next().unwrap_or(HALTED);
        let status = statuses.fold(first, |all, own| match (all, own) {
            (OPEN, _) | (_, OPEN) => OPEN,
            (all, own) if all == own => all,
            _ => HALTED,
        });
        push(out, NO_RECORD, b"h", now, |body| {
            body.bytes(tag::TRAD_SES_REQ_ID, request_id);
            body.bytes(tag::TRADING_SESSION_ID, DAY);
            write_unasked(unasked, body);
            body.number(tag::TRAD_SES_STATUS, status);
            self.write_halted(body);
        });
    }

    /// Which markets are halted, if some are.
    fn write_halted(&self, body: &mut BodyWriter<'_>) {
        let halted = || self.listing.instruments().filter(|instrument| self.markets.of(instrument.id).phase() == Phase::Halt);
        let names: Vec<&str> = halted().take(HALTED_NAMED).map(|instrument| instrument.symbol.as_str()).collect();
        match halted().count() - names.len() {
            _ if names.is_empty() => {}
            0 => body.text(tag::TEXT, format_args!("halted: {}", names.join(", "))),
            more => body.text(tag::TEXT, format_args!("halted: {}, and {more} more", names.join(", "))),
        }
    }
}

fn changed_market(event: &Event) -> Option<InstrumentId> {
    if let Event::PhaseChanged { instrument, .. } | Event::Indicative { instrument, .. } = *event { Some(instrument) } else { None }
}

fn write_unasked(unasked: bool, body: &mut BodyWriter<'_>) {
    body.bytes(tag::UNSOLICITED_INDICATOR, if unasked { b"Y" } else { b"N" });
}

/// `TradingSessionID`, tag 336: there is one.
const DAY: &[u8] = b"1";
/// Halted markets that one message names.
const HALTED_NAMED: usize = 16;
const OPEN: u64 = 2;
const HALTED: u64 = 1;
