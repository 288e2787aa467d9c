//! Mass quotes: `MassQuote` (i) and `QuoteCancel` (Z), handed to the zone as one command each.
//!
//! * A mass quote is of one group of quotes: `QuoteSetID` is the group's number, or anything where the session has one group (on the `Account`, if
//!   that is named). `QuoteID` and `QuoteEntryID` are the client's own, of at most 36 characters.
//! * An entry says what is quoted of its `Symbol` from now on. A side without price and size stays as it is, a size or price of zero withdraws it;
//!   `DefBidSize` and `DefOfferSize` stand for sizes that are left out.
//! * Whatever `QuoteResponseLevel` asks for, every mass quote is acknowledged (b), with what became of entries that were refused: `quote_reports.rs`.
//!   A price or size that is no number of the instrument is a `Reject` of the whole message.
//! * The same `QuoteID` as the last one, or `PossResend`, is refused as a duplicate (300=6): what was quoted long ago is not quoted again.
//! * A `QuoteCancel` withdraws what a group quotes of some symbols (298=1), or everything (298=4), which also frees a group that its protection has
//!   stopped. From 4.3 on it is answered with a `QuoteStatusReport` (AI), before with a `QuoteAcknowledgement`.
//!
//! Known limitations: `QuoteStatusRequest` and single quotes are not served; indicative quotes and times of validity are refused.

use super::Desk;
use super::intake::{Fault, client_order_id, required};
use super::outcome::BusinessReject;
use super::quote_reports::QuoteRefusal;
use super::request::{Inquiry, Request};
use super::terms::{incorrect, lots, price};
use crate::codec::{Tag, tag};
use crate::session::Outbound;
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail};
use plinth_types::id::{InstrumentId, OrderId, SessionId};
use plinth_types::limits::COMMAND_TAIL_SIZE_MAX;
use plinth_types::quantity::{Price, Qty};
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteEntryIds, QuoteGroup, QuoteSide, QuoteTail};
use plinth_types::reference::Instrument;

/// An instrument that the zone does not have: it refuses the entry, and only that.
const UNLISTED: InstrumentId = InstrumentId::new(u32::MAX);

/// One entry as it is written.
#[derive(Clone, Copy, Debug, Default)]
struct Written<'a> {
    id: &'a [u8],
    symbol: Option<&'a [u8]>,
    bid: [Option<&'a [u8]>; 2],
    offer: [Option<&'a [u8]>; 2],
}

/// A mass quote as it is written.
#[derive(Debug, Default)]
struct Quoted<'a> {
    /// Sizes of entries that say none.
    sizes: [Option<&'a [u8]>; 2],
    sets: Vec<&'a [u8]>,
    entries: Vec<Written<'a>>,
    unsupported: Option<Tag>,
}

impl<'a> Quoted<'a> {
    fn read(inquiry: &Inquiry<'_, 'a>) -> Self {
        let mut own = Self::default();
        for (tag, value) in inquiry.message.fields() {
            match (tag, own.entries.last_mut()) {
                (tag::DEF_BID_SIZE, _) => own.sizes[0] = Some(value),
                (tag::DEF_OFFER_SIZE, _) => own.sizes[1] = Some(value),
                (tag::QUOTE_SET_ID, _) => own.sets.push(value),
                (tag::QUOTE_ENTRY_ID, _) => own.entries.push(Written { id: value, ..Written::default() }),
                (tag::SYMBOL, Some(entry)) => entry.symbol = Some(value),
                (tag::BID_PX, Some(entry)) => entry.bid[0] = Some(value),
                (tag::BID_SIZE, Some(entry)) => entry.bid[1] = Some(value),
                (tag::OFFER_PX, Some(entry)) => entry.offer[0] = Some(value),
                (tag::OFFER_SIZE, Some(entry)) => entry.offer[1] = Some(value),
                (tag::QUOTE_TYPE, _) if value == b"1" => {}
                (tag::QUOTE_TYPE | tag::VALID_UNTIL_TIME | tag::QUOTE_SET_VALID_UNTIL_TIME, _) => {
                    own.unsupported.get_or_insert(tag);
                }
                _ => {}
            }
        }
        own
    }
}

/// What is handed to the zone.
struct Quoting {
    id: ClientOrderId,
    group: QuoteGroup,
    entries: Vec<QuoteEntry>,
    ids: Vec<ClientOrderId>,
    /// It withdraws everything, and frees the group.
    clear: bool,
}

impl Desk {
    /// `MassQuote`.
    pub(super) fn mass_quote<Z: Zone>(&mut self, inquiry: &Inquiry<'_, '_>, zone: &mut Z, out: &mut Outbound) -> Result<(), Fault> {
        let id = client_order_id(inquiry.message.get(tag::QUOTE_ID), tag::QUOTE_ID)?;
        let quoted = Quoted::read(inquiry);
        if let Some(tag) = quoted.unsupported {
            return Err(incorrect(tag));
        }
        let entry = |written: &Written<'_>| self.entry(written, &quoted);
        let entries = quoted.entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let ids = quoted.entries.iter().map(|written| client_order_id(Some(written.id), tag::QUOTE_ENTRY_ID));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let is_again = inquiry.request.poss_resend
            || self.sessions.get(inquiry.origin.session).is_some_and(|orders| orders.last_quote.as_ref() == Some(&id));
        let quoting = match self.quote_group(inquiry.origin.session, inquiry.request, &quoted.sets) {
            _ if is_again => Err(QuoteRefusal::Duplicate),
            None => Err(QuoteRefusal::NoGroup),
            Some(group) => Ok(Quoting { id, group, entries, ids, clear: false }),
        };
        let refused = quoting.and_then(|quoting| self.submit_quotes(inquiry, quoting, zone)).err();
        if let Some(refusal) = refused {
            Self::acknowledge_refused(id, refusal, inquiry.origin.now.utc, out);
        }
        Ok(())
    }

    /// `QuoteCancel`.
    pub(super) fn quote_cancel<Z: Zone>(
        &mut self,
        inquiry: &Inquiry<'_, '_>,
        zone: &mut Z,
        out: &mut Outbound,
    ) -> Result<(), Fault> {
        let id = client_order_id(inquiry.message.get(tag::QUOTE_ID), tag::QUOTE_ID)?;
        let withdrawn = |value| {
            let instrument = self.listing.by_symbol(value).map_or(UNLISTED, |instrument| instrument.id);
            QuoteEntry { instrument, bid: QuoteSide::Withdraw, offer: QuoteSide::Withdraw }
        };
        let (entries, clear) = match inquiry.message.get(tag::QUOTE_CANCEL_TYPE) {
            Some(b"4") => (Vec::new(), true),
            Some(b"1") => {
                let symbols = inquiry.message.fields().filter(|(tag, _)| *tag == tag::SYMBOL);
                (symbols.map(|(_, value)| withdrawn(value)).collect(), false)
            }
            Some(_) | None => return Err(incorrect(tag::QUOTE_CANCEL_TYPE)),
        };
        if entries.is_empty() && !clear {
            return Err(Fault::Business(BusinessReject::missing(tag::SYMBOL)));
        }
        let refused = match self.quote_group(inquiry.origin.session, inquiry.request, &[]) {
            None => Some(QuoteRefusal::NoGroup),
            Some(group) => self.submit_quotes(inquiry, Quoting { id, group, entries, ids: Vec::new(), clear }, zone).err(),
        };
        if let Some(refusal) = refused {
            Self::cancel_refused(id, refusal, inquiry.origin.now.utc, out);
        }
        Ok(())
    }

    /// The group that a message is about.
    fn quote_group(&self, session: SessionId, request: &Request<'_>, sets: &[&[u8]]) -> Option<QuoteGroup> {
        let groups = || {
            let own = self.listing.quote_groups().filter(move |group| group.session == session);
            own.filter(|group| request.account.is_none_or(|name| self.listing.account_is(group.account, name)))
        };
        let named = sets.first().and_then(|first| {
            let found = groups().find(|group| group.group.to_string().as_bytes() == *first);
            found.filter(|_| sets.iter().all(|set| set == first))
        });
        let only = || groups().next().filter(|_| groups().count() == 1);
        named.or_else(only).copied()
    }

    fn entry(&self, written: &Written<'_>, quoted: &Quoted<'_>) -> Result<QuoteEntry, Fault> {
        let symbol = required(written.symbol, tag::SYMBOL)?;
        let Some(instrument) = self.listing.by_symbol(symbol) else {
            // Refused by the zone, like all that is wrong with one entry only.
            let Some(one) = Price::from_ticks(1).zip(Qty::from_lots(1)).map(|(price, qty)| QuoteSide::Set { price, qty }) else {
                return Err(incorrect(tag::SYMBOL));
            };
            return Ok(QuoteEntry { instrument: UNLISTED, bid: one, offer: QuoteSide::Keep });
        };
        let bid = side(written.bid, quoted.sizes[0], [tag::BID_PX, tag::BID_SIZE], instrument)?;
        let offer = side(written.offer, quoted.sizes[1], [tag::OFFER_PX, tag::OFFER_SIZE], instrument)?;
        Ok(QuoteEntry { instrument: instrument.id, bid, offer })
    }

    fn submit_quotes<Z: Zone>(&mut self, inquiry: &Inquiry<'_, '_>, quoting: Quoting, zone: &mut Z) -> Result<(), QuoteRefusal> {
        let Quoting { id, group, entries, ids, clear } = quoting;
        let origin = inquiry.origin;
        let few = QuoteEntries::new(&entries).zip(QuoteEntryIds::new(&ids));
        let (entries, ids) = few.ok_or(QuoteRefusal::TooMany)?;
        let client = ClientTail { msg_seq_num: origin.msg_seq_num, client_order_id: id, orig_client_order_id: None };
        let tail = QuoteTail { entries, client, ids };
        self.tail.clear();
        tail.encode(&mut self.tail);
        if self.tail.len() > COMMAND_TAIL_SIZE_MAX {
            return Err(QuoteRefusal::TooMany);
        }
        let mandate = self.listing.mandate_on(origin.session, group.account).ok_or(QuoteRefusal::NoGroup)?;
        let orders = self.sessions.of(origin.session);
        let first = OrderId::new(origin.session, orders.next_index()).filter(|_| orders.has_room());
        let first = first.ok_or(QuoteRefusal::TooMany)?;
        let entries = u8::try_from(entries.count()).map_err(|_| QuoteRefusal::TooMany)?;
        let quotes = MassQuote { first, group: group.group, entries, reset: clear, clear };
        zone.submit(origin.session, mandate, Body::MassQuote(quotes), &self.tail).map_err(|full| {
            self.throttled_count += 1;
            QuoteRefusal::Full(full)
        })?;
        self.sessions.of(origin.session).set_quotes(&quotes, &tail, mandate);
        Ok(())
    }
}

/// One side: its price and size.
fn side(
    [px, size]: [Option<&[u8]>; 2],
    default_size: Option<&[u8]>,
    [px_tag, size_tag]: [Tag; 2],
    instrument: &Instrument,
) -> Result<QuoteSide, Fault> {
    if px.is_none() && size.is_none() {
        return Ok(QuoteSide::Keep);
    }
    let px = px.map(|px| price(px, instrument.price_decimals, px_tag)).transpose()?;
    if px.is_some_and(|price| price.ticks() == 0) {
        return Ok(QuoteSide::Withdraw);
    }
    let size = lots(required(size.or(default_size), size_tag)?, instrument.qty_decimals, size_tag)?;
    let Some(qty) = Qty::from_lots(size) else {
        return if size == 0 { Ok(QuoteSide::Withdraw) } else { Err(incorrect(size_tag)) };
    };
    let price = px.ok_or(Fault::Business(BusinessReject::missing(px_tag)))?;
    Ok(QuoteSide::Set { price, qty })
}
