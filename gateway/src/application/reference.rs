//! What can be traded: `SecurityListRequest` (x), `SecurityList` (y).

use super::Desk;
use super::dialect::push;
use super::intake::{Fault, required};
use super::reports::NO_RECORD;
use super::request::Inquiry;
use super::terms::incorrect;
use crate::codec::tag;
use crate::session::Outbound;
use plinth_types::reference::Instrument;

/// Instruments in one `SecurityList`.
const SYMBOLS_PER_MESSAGE: usize = 100;

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
                    body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
                }
            });
        }
        Ok(())
    }
}
