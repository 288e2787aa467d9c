//! What can be traded: `SecurityListRequest` (x) and `SecurityList` (y), `SecurityDefinitionRequest` (c) and `SecurityDefinition` (d).
//!
//! Each instrument is told with what its orders must be like (`trading_rules.rs`). A definition request asks for the instrument of `Symbol`
//! (`SecurityRequestType` 0 or 1, and 4 from 5.0 SP1 on) or for all (3, and 8 from 5.0 SP1 on), which come as a definition each.
//!
//! Known limitations: no subscriptions to either. Definitions of 4.2 and later only.

use super::Desk;
use super::dialect::push;
use super::intake::{Fault, required};
use super::reports::{ECHO_SIZE_MAX, NO_RECORD};
use super::request::{Inquiry, Subscribe};
use super::terms::incorrect;
use super::trading_rules::{NO_RULES, TradingRules};
use crate::codec::{Version, tag};
use crate::session::{BodyWriter, Outbound};
use plinth_types::reference::Instrument;

/// Instruments in one `SecurityList`.
const SYMBOLS_PER_MESSAGE: usize = 100;
/// `SecurityResponseType`, tag 323.
const ACCEPTED: &[u8] = b"1";
const REFUSED: &[u8] = b"5";
/// `MarketID`, tag 1301, by ISO 10383: none that is listed there.
const NO_MARKET: &[u8] = b"XXXX";

impl Desk {
    /// `SecurityListRequest`: every instrument, or the one of `Symbol`.
    pub(super) fn security_list(&self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let Inquiry { origin, message, request } = inquiry;
        let request_id = inquiry.id(tag::SECURITY_REQ_ID)?;
        let symbol = match message.get(tag::SECURITY_LIST_REQUEST_TYPE) {
            Some(b"4") => None,
            Some(b"0") => Some(required(request.symbol, tag::SYMBOL)?),
            Some(_) | None => return Err(incorrect(tag::SECURITY_LIST_REQUEST_TYPE)),
        };
        let is_wanted = |instrument: &&Instrument| symbol.is_none_or(|symbol| symbol == instrument.symbol.as_str().as_bytes());
        let wanted: Vec<&Instrument> = self.listing.instruments().filter(is_wanted).collect();
        let parts = wanted.chunks(SYMBOLS_PER_MESSAGE).len().max(1);
        for part in 0..parts {
            let here = wanted.chunks(SYMBOLS_PER_MESSAGE).nth(part).unwrap_or_default();
            push(reply, NO_RECORD, b"y", origin.now.utc, |body| {
                body.bytes(tag::SECURITY_REQ_ID, request_id);
                body.text(tag::SECURITY_RESPONSE_ID, format_args!("{}-{part}", origin.msg_seq_num));
                body.number(tag::SECURITY_REQUEST_RESULT, if wanted.is_empty() { 2 } else { 0 });
                body.number(tag::TOT_NO_RELATED_SYM, wanted.len() as u64);
                body.bytes(tag::LAST_FRAGMENT, if part + 1 == parts { b"Y" } else { b"N" });
                if !here.is_empty() {
                    body.number(tag::NO_RELATED_SYM, here.len() as u64);
                }
                for instrument in here {
                    self.write_identity(instrument, body);
                    self.write_rules(instrument, body);
                }
            });
        }
        Ok(())
    }

    /// `SecurityDefinitionRequest`: every instrument, or the one of `Symbol`, in a message of its own.
    pub(super) fn security_definition(&self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let Inquiry { origin, message, request } = inquiry;
        let request_id = inquiry.id(tag::SECURITY_REQ_ID)?;
        if inquiry.subscribe()? != Subscribe::Once {
            return Err(incorrect(tag::SUBSCRIPTION_REQUEST_TYPE));
        }
        let wanted: Vec<&Instrument> = match message.get(tag::SECURITY_REQUEST_TYPE) {
            Some(b"3" | b"8") => self.listing.instruments().collect(),
            Some(b"0" | b"1" | b"4") => self.listing.by_symbol(required(request.symbol, tag::SYMBOL)?).into_iter().collect(),
            Some(_) | None => return Err(incorrect(tag::SECURITY_REQUEST_TYPE)),
        };
        let write_head = |number: usize, response: &[u8], body: &mut BodyWriter<'_>| {
            body.bytes(tag::SECURITY_REQ_ID, request_id);
            body.text(tag::SECURITY_RESPONSE_ID, format_args!("{}-{number}", origin.msg_seq_num));
            body.bytes(tag::SECURITY_RESPONSE_TYPE, response);
            if body.version() == Version::Fix42 {
                body.number(tag::TOT_NO_RELATED_SYM, wanted.len() as u64);
            }
        };
        for (number, instrument) in wanted.iter().enumerate() {
            push(reply, NO_RECORD, b"d", origin.now.utc, |body| {
                write_head(number, ACCEPTED, body);
                self.write_identity(instrument, body);
                if body.version().is_at_least(Version::Fix50Sp1) {
                    body.number(tag::NO_MARKET_SEGMENTS, 1);
                    body.bytes(tag::MARKET_ID, NO_MARKET);
                }
                self.write_rules(instrument, body);
            });
        }
        if wanted.is_empty() {
            push(reply, NO_RECORD, b"d", origin.now.utc, |body| {
                write_head(0, REFUSED, body);
                if let Some(symbol) = request.symbol.filter(|symbol| symbol.len() <= ECHO_SIZE_MAX) {
                    body.bytes(tag::SYMBOL, symbol);
                }
                body.bytes(tag::TEXT, b"unknown symbol");
            });
        }
        Ok(())
    }

    fn write_identity(&self, instrument: &Instrument, body: &mut BodyWriter<'_>) {
        body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
        self.rules_of(instrument).write_increment(instrument, body);
        if let Some(asset) = self.listing.asset(instrument.quote) {
            body.bytes(tag::CURRENCY, asset.name.as_str().as_bytes());
        }
    }

    fn write_rules(&self, instrument: &Instrument, body: &mut BodyWriter<'_>) {
        self.rules_of(instrument).write(instrument, body);
    }

    fn rules_of(&self, instrument: &Instrument) -> &TradingRules {
        self.listing.rules(instrument.id).unwrap_or(&NO_RULES)
    }
}
