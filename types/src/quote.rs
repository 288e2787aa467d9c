//! Quotes of market makers: two-sided prices of many instruments in one command, and what protects those who make them.
//!
//! A side of a quote is an order like any other while it rests, under a number of its own. What makes it a quote is its group: there is at most
//! one order of a group for each side of an instrument, and a mass quote says what it is from now on. The group's bounds hold for the fills
//! of its resting orders within a window of the journal's time; when one is reached all its orders are cancelled, and no quote of it is taken
//! until its session says so.

use crate::command::{ClientOrderId, ClientTail, Fields, KIND_MASS_QUOTE};
use crate::few::Few;
use crate::id::{AccountId, InstrumentId, OrderId, QuoteGroupId, SessionId};
use crate::limits::{CLIENT_ORDER_ID_SIZE_MAX, COMMAND_TAIL_SIZE_MAX, QUOTE_ENTRIES_MAX};
use crate::quantity::{Lots, Price, Qty};
use crate::{choice, record};

/// What a group quotes from now on (`MassQuote`, FIX 35=i; to withdraw, 35=Z). Its tail begins with [`QuoteEntries`], a client's is a [`QuoteTail`].
///
/// Each entry takes two order numbers, the bid's and then the offer's, whether an order comes of them or not; all of them are used up if the
/// first is the session's next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassQuote {
    /// The bid of the first entry: the session's last number plus 1.
    pub first: OrderId,
    /// Whose quotes.
    pub group: QuoteGroupId,
    /// How many entries the tail has.
    pub entries: u8,
    /// First, the group may quote again, and nothing counts against it.
    pub reset: bool,
    /// First, all that the group quotes is withdrawn.
    pub clear: bool,
}

/// The entries of a mass quote.
pub type QuoteEntries = Few<QuoteEntry, QUOTE_ENTRIES_MAX>;

/// What a group quotes of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteEntry {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// What it bids.
    pub bid: QuoteSide,
    /// What it offers.
    pub offer: QuoteSide,
}

/// What a client called its entries, in their order.
pub type QuoteEntryIds = Few<ClientOrderId, QUOTE_ENTRIES_MAX>;

/// The tail of a mass quote that a client sent. Long ids leave room for fewer entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteTail {
    /// What is quoted.
    pub entries: QuoteEntries,
    /// `QuoteID`, FIX tag 117, as the client's id.
    pub client: ClientTail,
    /// `QuoteEntryID`, FIX tag 299, of each; none of a quote cancel.
    pub ids: QuoteEntryIds,
}

impl QuoteTail {
    /// Whether the client sent a quote cancel.
    #[must_use]
    pub fn is_cancel(&self, quotes: &MassQuote) -> bool {
        quotes.clear || (self.ids.count() == 0 && self.entries.count() != 0)
    }

    /// What the client called what it quotes of an instrument.
    #[must_use]
    pub fn entry_id(&self, instrument: InstrumentId) -> Option<ClientOrderId> {
        let named = self.entries.iter().zip(self.ids.iter());
        named.filter(|(entry, _)| entry.instrument == instrument).map(|(_, id)| id).last()
    }
}

/// One side of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteSide {
    /// As it is.
    Keep,
    /// Nothing.
    Withdraw,
    /// So much at this price. An order that rests at the price with as much or more keeps its place and its number; any other is
    /// cancelled, and a new one comes under the new number.
    Set {
        /// Its limit.
        price: Price,
        /// What is open from now on, whatever has traded.
        qty: Qty,
    },
}

/// A group of quotes, who may quote in it, and what protects it. Replaces what was said before; who may quote stays who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteGroup {
    /// Its number, from 1.
    pub group: QuoteGroupId,
    /// Who may quote.
    pub session: SessionId,
    /// On what account.
    pub account: AccountId,
    /// The length of a window, in nanoseconds. One begins with the first fill after the last one has ended.
    pub window_ns: u64,
    /// Fills within a window after which no more quotes stand; `None`: any number.
    pub fills_max: Option<u32>,
    /// Lots within a window, as well.
    pub lots_max: Option<Qty>,
}

const FLAG_RESET: u8 = 1;
const FLAG_CLEAR: u8 = 1 << 1;

impl MassQuote {
    /// The numbers of each entry's bid and offer. Numbers that a session cannot have are left out: such a quote is refused.
    pub fn numbers(&self) -> impl Iterator<Item = [OrderId; 2]> {
        let (session, first) = (self.first.session(), self.first.index());
        let number = move |at: u64| OrderId::new(session, first + at);
        (0..u64::from(self.entries)).map_while(move |entry| Some([number(2 * entry)?, number(2 * entry + 1)?]))
    }

    pub(crate) fn fill(&self, fields: &mut Fields) {
        fields.kind = KIND_MASS_QUOTE;
        fields.order = self.first.bits();
        fields.price = self.group.get().into();
        fields.qty = self.entries.into();
        fields.flags = if self.reset { FLAG_RESET } else { 0 } | if self.clear { FLAG_CLEAR } else { 0 };
    }

    /// As `MassCancel::from_fields`.
    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, (usize, &'static str)> {
        let group = u16::try_from(fields.price).ok().filter(|&group| group != 0).ok_or((40, "quote group"))?;
        let entries = u8::try_from(fields.qty).ok().filter(|&entries| usize::from(entries) <= QUOTE_ENTRIES_MAX);
        Ok(Self {
            first: OrderId::from_bits(fields.order).ok_or((32, "order id"))?,
            group: QuoteGroupId::new(group),
            entries: entries.ok_or((48, "quotes"))?,
            reset: fields.flags & FLAG_RESET != 0,
            clear: fields.flags & FLAG_CLEAR != 0,
        })
    }
}

record!(QuoteEntry { instrument, bid, offer });
record!(QuoteTail { entries, client, ids });
choice!(QuoteSide, "side of a quote" { 0 => Keep, 1 => Withdraw, 2 => Set { price, qty } });

// Absent bounds are the number that would mean nothing as a bound.
impl crate::codec::Codec for QuoteGroup {
    fn encode(&self, out: &mut crate::codec::Buffer) {
        self.group.encode(out);
        self.session.encode(out);
        self.account.encode(out);
        self.window_ns.encode(out);
        self.fills_max.unwrap_or(0).encode(out);
        self.lots_max.map_or(Lots::ZERO, Lots::from).encode(out);
    }

    fn read(reader: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::DecodeError> {
        let (group, session, account) = (QuoteGroupId::read(reader)?, SessionId::read(reader)?, AccountId::read(reader)?);
        let (window_ns, fills_max, lots_max) = (u64::read(reader)?, u32::read(reader)?, Lots::read(reader)?);
        let lots_max = match lots_max {
            Lots::ZERO => None,
            lots => Some(Qty::from_lots(lots.get()).ok_or_else(|| reader.invalid("most lots"))?),
        };
        Ok(Self { group, session, account, window_ns, fills_max: (fills_max != 0).then_some(fills_max), lots_max })
    }
}

const ENTRY_SIZE_MAX: usize = 4 + 2 * (1 + 8 + 8);
const CLIENT_TAIL_SIZE_MAX: usize = 8 + 2 * (1 + CLIENT_ORDER_ID_SIZE_MAX);
const _: () = assert!(
    4 + QUOTE_ENTRIES_MAX * ENTRY_SIZE_MAX + CLIENT_TAIL_SIZE_MAX <= COMMAND_TAIL_SIZE_MAX,
    "a mass quote with the client's ids is one tail"
);
