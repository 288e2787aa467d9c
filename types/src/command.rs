//! What a zone is asked: the records of its journal, in sequence.
//!
//! A record is a head of 64 bytes and a tail of 0 to 1,024. The head holds all that matching needs; the tail holds what only others
//! need (a client's own ids) or what does not fit (reference data, inbox messages).
//!
//! ```text
//! 0        8        16   17    18      20      24       32       40     48         52       54       64
//! │ seq u64│time u64│kind│flags│session│mandate│order u64│price i64│qty u64│instrument│tail u16│ zero ×10 │ tail …
//! ```
//!
//! Unused fields and flag bits are zero and are refused otherwise: no field is ever reused with another meaning. A mass cancel has the
//! session it is about in `order`, the account in `price`, and its cause in `qty`; a mass quote its group in `price` and its entries in `qty`.
//! Records of kind `Note` are the host's own (outbound FIX numbers, settlement states). They are journaled and sequenced like the
//! rest, so that a restart knows them, but the core does not execute them and a block body does not contain them.

use crate::codec::{Codec, DecodeError, Reader};
use crate::id::{AccountId, InstrumentId, MandateId, MsgSeqNum, OrderId, Seq, SessionId, TimestampNs};
use crate::instructions::Instructions;
use crate::limits::{CLIENT_ORDER_ID_SIZE_MAX, COMMAND_HEAD_SIZE, COMMAND_TAIL_SIZE_MAX};
use crate::quantity::{Price, Qty};
use crate::quote::{MassQuote, QuoteTail};
use crate::words::copied;
use alloc::vec::Vec;

/// A sequenced command, less its tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Position in the journal.
    pub seq: Seq,
    /// When the sequencer took it.
    pub time: TimestampNs,
    /// Who asks.
    pub session: SessionId,
    /// Under which leave; meaningless (0) for the appliance's own commands.
    pub mandate: MandateId,
    /// What is asked.
    pub body: Body,
    /// Bytes of the tail.
    pub tail_size: u16,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A new order. Tail: [`Instructions`] if it is instructed, then [`ClientTail`].
    New(NewOrder),
    /// Take an order off the book. Tail: [`ClientTail`].
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Change price or quantity of a resting order; priority is kept only when the size shrinks at the same price.
    /// Of an order that waits for a trade and has no limit, the price is its trigger. Tail: [`ClientTail`].
    Replace {
        /// Which.
        order: OrderId,
        /// New limit.
        price: Price,
        /// New total quantity, what has traded included (`OrderQty`, FIX tag 38).
        qty: Qty,
    },
    /// Take all orders off the books that fit. Tail: [`ClientTail`] if a client asked, else nothing.
    MassCancel(MassCancel),
    /// Change reference data. Tail: [`crate::reference::Configuration`].
    Configure,
    /// Consume the next message of the zone's inbox. Tail: [`crate::message::InboxMessage`].
    Inbox,
    /// A record of the host. Tail: [`crate::message::Note`].
    Note,
    /// What a market maker quotes from now on. Tail: [`QuoteTail`], of which the core reads the entries.
    MassQuote(MassQuote),
    /// Take value out of the zone. Tail: [`crate::withdrawal::SignedWithdrawal`].
    Withdraw,
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its number: the session's last one plus 1, else it is refused as out of sequence.
    pub order: OrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which side.
    pub side: Side,
    /// At what price.
    pub price: OrderPrice,
    /// How much.
    pub qty: Qty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Refuse rather than take.
    pub post_only: bool,
    /// The tail begins with [`Instructions`].
    pub instructed: bool,
}

/// Which orders are to go: those that fit every condition given. A session may name itself only; the appliance any session, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassCancel {
    /// Whose; `None` means every session's. Never the appliance, which has no orders.
    pub session: Option<SessionId>,
    /// With whose money.
    pub account: Option<AccountId>,
    /// Of which instrument.
    pub instrument: Option<InstrumentId>,
    /// On which side.
    pub side: Option<Side>,
    /// Why.
    pub cause: MassCancelCause,
}

/// Why orders are cancelled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MassCancelCause {
    /// Somebody asked.
    Request,
    /// The session's connection was lost, and it had asked for that.
    Disconnect,
}

/// Which side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Takes offers, rests as a bid.
    Buy,
    /// Takes bids, rests as an offer.
    Sell,
}

/// Limit or market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderPrice {
    /// At this price or better.
    Limit(Price),
    /// At any price that the account can pay; what is left is cancelled.
    Market,
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTillCancel,
    /// What does not trade at once is cancelled.
    ImmediateOrCancel,
    /// It trades whole at once or not at all.
    FillOrKill,
}

const KIND_NEW: u8 = 1;
const KIND_CANCEL: u8 = 2;
const KIND_REPLACE: u8 = 3;
const KIND_CONFIGURE: u8 = 4;
const KIND_INBOX: u8 = 5;
const KIND_NOTE: u8 = 6;
const KIND_MASS_CANCEL: u8 = 7;
const KIND_NEW_INSTRUCTED: u8 = 8;
const KIND_WITHDRAW: u8 = 9;
pub(crate) const KIND_MASS_QUOTE: u8 = 16;

const FLAG_SELL: u8 = 1;
const FLAG_MARKET: u8 = 1 << 1;
const FLAG_POST_ONLY: u8 = 1 << 2;
const FLAG_IOC: u8 = 1 << 3;
const FLAG_FOK: u8 = 1 << 4;
const FLAG_BY_ACCOUNT: u8 = 1 << 5;
const FLAG_BY_INSTRUMENT: u8 = 1 << 6;
const FLAG_BY_SIDE: u8 = 1 << 7;

const CAUSE_REQUEST: u64 = 1;
const CAUSE_DISCONNECT: u64 = 2;

impl Command {
    /// The 64 bytes of the head.
    #[must_use]
    pub fn head(&self) -> [u8; COMMAND_HEAD_SIZE] {
        let fields = self.fields();
        let mut head = [0; COMMAND_HEAD_SIZE];
        head[0..8].copy_from_slice(&self.seq.get().to_le_bytes());
        head[8..16].copy_from_slice(&self.time.get().to_le_bytes());
        head[16] = fields.kind;
        head[17] = fields.flags;
        head[18..20].copy_from_slice(&self.session.get().to_le_bytes());
        head[20..24].copy_from_slice(&self.mandate.get().to_le_bytes());
        head[24..32].copy_from_slice(&fields.order.to_le_bytes());
        head[32..40].copy_from_slice(&fields.price.to_le_bytes());
        head[40..48].copy_from_slice(&fields.qty.to_le_bytes());
        head[48..52].copy_from_slice(&fields.instrument.to_le_bytes());
        head[52..54].copy_from_slice(&self.tail_size.to_le_bytes());
        head
    }

    fn fields(&self) -> Fields {
        let mut fields = Fields { kind: 0, flags: 0, order: 0, price: 0, qty: 0, instrument: 0 };
        match self.body {
            Body::New(new) => {
                fields.kind = if new.instructed { KIND_NEW_INSTRUCTED } else { KIND_NEW };
                fields.order = new.order.bits();
                fields.instrument = new.instrument.get();
                fields.qty = new.qty.lots();
                fields.flags = match new.side {
                    Side::Buy => 0,
                    Side::Sell => FLAG_SELL,
                } | match new.time_in_force {
                    TimeInForce::GoodTillCancel => 0,
                    TimeInForce::ImmediateOrCancel => FLAG_IOC,
                    TimeInForce::FillOrKill => FLAG_FOK,
                } | if new.post_only { FLAG_POST_ONLY } else { 0 };
                match new.price {
                    OrderPrice::Limit(price) => fields.price = price.ticks(),
                    OrderPrice::Market => fields.flags |= FLAG_MARKET,
                }
            }
            Body::Cancel { order } => {
                fields.kind = KIND_CANCEL;
                fields.order = order.bits();
            }
            Body::Replace { order, price, qty } => {
                fields.kind = KIND_REPLACE;
                fields.order = order.bits();
                fields.price = price.ticks();
                fields.qty = qty.lots();
            }
            Body::MassCancel(mass) => mass.fill(&mut fields),
            Body::MassQuote(quotes) => quotes.fill(&mut fields),
            Body::Configure => fields.kind = KIND_CONFIGURE,
            Body::Inbox => fields.kind = KIND_INBOX,
            Body::Note => fields.kind = KIND_NOTE,
            Body::Withdraw => fields.kind = KIND_WITHDRAW,
        }
        fields
    }

    /// Reads a head.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Invalid`] naming the field, for anything [`Command::head`] would not have written.
    pub fn from_head(head: &[u8; COMMAND_HEAD_SIZE]) -> Result<Self, DecodeError> {
        Self::from_head_words(&copied(head))
    }

    /// As [`Command::from_head`], of a head at the address of a word.
    pub(crate) fn from_head_words(words: &[u32; COMMAND_HEAD_SIZE / 4]) -> Result<Self, DecodeError> {
        let u32_at = |at: usize| u32::from_le(words[at / 4]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let [kind, flags, session @ ..] = u32_at(16).to_le_bytes();
        let [tail_size, reserved] = [u32_at(52) as u16, (u32_at(52) >> 16) as u16];
        let invalid = |at: usize, field: &'static str| DecodeError::Invalid { at, field };
        let fields = Fields { kind, flags, order: u64_at(24), price: u64_at(32) as i64, qty: u64_at(40), instrument: u32_at(48) };
        let order = || OrderId::from_bits(fields.order).ok_or(invalid(32, "order id"));
        let price = || Price::from_ticks(fields.price).ok_or(invalid(40, "price"));
        let qty = || Qty::from_lots(fields.qty).ok_or(invalid(48, "quantity"));
        let body = match fields.kind {
            KIND_NEW | KIND_NEW_INSTRUCTED => Body::New(NewOrder {
                order: order()?,
                instrument: InstrumentId::new(fields.instrument),
                side: if fields.flags & FLAG_SELL == 0 { Side::Buy } else { Side::Sell },
                price: if fields.flags & FLAG_MARKET == 0 { OrderPrice::Limit(price()?) } else { OrderPrice::Market },
                qty: qty()?,
                time_in_force: match fields.flags & (FLAG_IOC | FLAG_FOK) {
                    0 => TimeInForce::GoodTillCancel,
                    FLAG_IOC => TimeInForce::ImmediateOrCancel,
                    FLAG_FOK => TimeInForce::FillOrKill,
                    _ => return Err(invalid(18, "flags")),
                },
                post_only: fields.flags & FLAG_POST_ONLY != 0,
                instructed: fields.kind == KIND_NEW_INSTRUCTED,
            }),
            KIND_CANCEL => Body::Cancel { order: order()? },
            KIND_REPLACE => Body::Replace { order: order()?, price: price()?, qty: qty()? },
            KIND_MASS_CANCEL => Body::MassCancel(MassCancel::from_fields(&fields).map_err(|(at, field)| invalid(at, field))?),
            KIND_MASS_QUOTE => Body::MassQuote(MassQuote::from_fields(&fields).map_err(|(at, field)| invalid(at, field))?),
            KIND_CONFIGURE => Body::Configure,
            KIND_INBOX => Body::Inbox,
            KIND_NOTE => Body::Note,
            KIND_WITHDRAW => Body::Withdraw,
            _ => return Err(invalid(17, "kind")),
        };
        if usize::from(tail_size) > COMMAND_TAIL_SIZE_MAX {
            return Err(DecodeError::TooMany {
                at: 54,
                field: "tail bytes",
                count: usize::from(tail_size),
                count_max: COMMAND_TAIL_SIZE_MAX,
            });
        }
        let command = Self {
            seq: Seq::new(u64_at(0)),
            time: TimestampNs::new(u64_at(8)),
            session: SessionId::new(u16::from_le_bytes(session)),
            mandate: MandateId::new(u32_at(20)),
            body,
            tail_size,
        };
        // What the encoder would not have written: a stray flag or field, a used reserved byte.
        if command.fields() != fields || reserved != 0 || u64_at(56) != 0 {
            return Err(invalid(COMMAND_HEAD_SIZE, "unused field"));
        }
        Ok(command)
    }

    /// Bytes of head and tail together.
    #[must_use]
    pub const fn size(&self) -> usize {
        COMMAND_HEAD_SIZE + self.tail_size as usize
    }
}

/// The body's part of a head, as bare fields.
#[derive(PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) order: u64,
    pub(crate) price: i64,
    pub(crate) qty: u64,
    pub(crate) instrument: u32,
}

impl MassCancel {
    fn fill(&self, fields: &mut Fields) {
        fields.kind = KIND_MASS_CANCEL;
        fields.order = self.session.map_or(0, SessionId::get).into();
        if let Some(account) = self.account {
            fields.flags |= FLAG_BY_ACCOUNT;
            fields.price = account.get().into();
        }
        if let Some(instrument) = self.instrument {
            fields.flags |= FLAG_BY_INSTRUMENT;
            fields.instrument = instrument.get();
        }
        fields.flags |= match self.side {
            None => 0,
            Some(Side::Buy) => FLAG_BY_SIDE,
            Some(Side::Sell) => FLAG_BY_SIDE | FLAG_SELL,
        };
        fields.qty = match self.cause {
            MassCancelCause::Request => CAUSE_REQUEST,
            MassCancelCause::Disconnect => CAUSE_DISCONNECT,
        };
    }

    /// What stands in the fields that a condition has; stray ones are the caller's to refuse. Else where and what is wrong.
    fn from_fields(fields: &Fields) -> Result<Self, (usize, &'static str)> {
        let given = |flag: u8| fields.flags & flag != 0;
        let session = u16::try_from(fields.order).map_err(|_| (32, "session"))?;
        let account = u32::try_from(fields.price).map_err(|_| (40, "account"))?;
        Ok(Self {
            session: (session != 0).then_some(SessionId::new(session)),
            account: given(FLAG_BY_ACCOUNT).then_some(AccountId::new(account)),
            instrument: given(FLAG_BY_INSTRUMENT).then_some(InstrumentId::new(fields.instrument)),
            side: given(FLAG_BY_SIDE).then_some(if given(FLAG_SELL) { Side::Sell } else { Side::Buy }),
            cause: match fields.qty {
                CAUSE_REQUEST => MassCancelCause::Request,
                CAUSE_DISCONNECT => MassCancelCause::Disconnect,
                _ => return Err((48, "cause")),
            },
        })
    }
}

const _: () = assert!(size_of::<Command>() == 64, "a command in memory is one cache line");

/// A client's own id of an order or request: `ClOrdID`, FIX tag 11. 1 to [`CLIENT_ORDER_ID_SIZE_MAX`] bytes without SOH.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    size: u8,
    bytes: [u8; CLIENT_ORDER_ID_SIZE_MAX],
}

impl ClientOrderId {
    /// `None` if empty, too long, or holding a control character.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > CLIENT_ORDER_ID_SIZE_MAX || bytes.iter().any(u8::is_ascii_control) {
            return None;
        }
        let mut id = Self { size: bytes.len() as u8, bytes: [0; CLIENT_ORDER_ID_SIZE_MAX] };
        id.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(id)
    }

    /// The client's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.size)]
    }
}

impl core::fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", alloc::string::String::from_utf8_lossy(self.as_bytes()))
    }
}

impl Codec for ClientOrderId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.size.encode(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let size = u8::read(reader)?;
        let bytes = reader.bytes(usize::from(size))?;
        Self::new(bytes).ok_or_else(|| reader.invalid("client order id"))
    }
}

/// The tail of an order command: what the client called it, and where it stood in the client's own sequence. The core ignores it; a
/// restart rebuilds the gateway's books from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTail {
    /// The number of the client's message.
    pub msg_seq_num: MsgSeqNum,
    /// `ClOrdID` of this request.
    pub client_order_id: ClientOrderId,
    /// `OrigClOrdID`, FIX tag 41, of a cancel or replace.
    pub orig_client_order_id: Option<ClientOrderId>,
}

impl ClientTail {
    /// Reads the tail of an order command, behind its instructions if it has some.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], also for bytes behind it.
    pub fn of(body: &Body, tail: &[u8]) -> Result<Self, DecodeError> {
        if matches!(body, Body::MassQuote(_)) {
            return QuoteTail::decode(tail).map(|tail| tail.client);
        }
        let mut reader = Reader::new(tail);
        if matches!(body, Body::New(new) if new.instructed) {
            Instructions::read(&mut reader)?;
        }
        let client = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(client)
    }
}

impl Codec for ClientTail {
    fn encode(&self, out: &mut Vec<u8>) {
        self.msg_seq_num.encode(out);
        self.client_order_id.encode(out);
        match &self.orig_client_order_id {
            None => 0_u8.encode(out),
            Some(id) => id.encode(out),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let msg_seq_num = Codec::read(reader)?;
        let client_order_id = Codec::read(reader)?;
        let size = u8::read(reader)?;
        let orig_client_order_id = if size == 0 {
            None
        } else {
            let bytes = reader.bytes(usize::from(size))?;
            Some(ClientOrderId::new(bytes).ok_or_else(|| reader.invalid("original client order id"))?)
        };
        Ok(Self { msg_seq_num, client_order_id, orig_client_order_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command {
            seq: Seq::new(7),
            time: TimestampNs::new(11),
            session: SessionId::new(3),
            mandate: MandateId::new(5),
            body: Body::New(NewOrder {
                order: OrderId::new(SessionId::new(3), 9).unwrap(),
                instrument: InstrumentId::new(2),
                side: Side::Sell,
                price: OrderPrice::Limit(Price::from_ticks(-4).unwrap()),
                qty: Qty::from_lots(6).unwrap(),
                time_in_force: TimeInForce::FillOrKill,
                post_only: false,
                instructed: false,
            }),
            tail_size: 0,
        }
    }

    #[test]
    fn every_body_survives_its_encoding() {
        let order = OrderId::new(SessionId::new(3), 9).unwrap();
        let (price, qty) = (Price::from_ticks(1).unwrap(), Qty::from_lots(1).unwrap());
        let Body::New(new) = command().body else { unreachable!() };
        let market = NewOrder { price: OrderPrice::Market, time_in_force: TimeInForce::ImmediateOrCancel, ..new };
        let bodies = [
            Body::New(new),
            Body::New(market),
            Body::New(NewOrder { post_only: true, side: Side::Buy, ..new }),
            Body::New(NewOrder { instructed: true, ..new }),
            Body::Cancel { order },
            Body::Replace { order, price, qty },
            Body::MassCancel(MassCancel {
                session: Some(SessionId::new(3)),
                account: Some(AccountId::new(u32::MAX)),
                instrument: Some(InstrumentId::new(0)),
                side: Some(Side::Sell),
                cause: MassCancelCause::Disconnect,
            }),
            Body::MassCancel(MassCancel {
                session: None,
                account: None,
                instrument: None,
                side: Some(Side::Buy),
                cause: MassCancelCause::Request,
            }),
            Body::MassQuote(MassQuote {
                first: order,
                group: crate::id::QuoteGroupId::new(u16::MAX),
                entries: 20,
                reset: true,
                clear: false,
            }),
            Body::Configure,
            Body::Inbox,
            Body::Note,
            Body::Withdraw,
        ];
        for body in bodies {
            let command = Command { body, ..command() };
            assert_eq!(Command::from_head(&command.head()), Ok(command));
        }
    }

    /// 64 × 8 flips: each is either refused or is another command with exactly those bytes; none is silently the same one.
    #[test]
    fn a_flipped_bit_is_refused_or_is_another_command() {
        let head = command().head();
        for bit in 0..COMMAND_HEAD_SIZE * 8 {
            let mut flipped = head;
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Command::from_head(&flipped) {
                assert_eq!(other.head(), flipped, "bit {bit}");
                assert_ne!(other, command(), "bit {bit}");
            }
            if bit / 8 >= 54 {
                assert!(Command::from_head(&flipped).is_err(), "reserved bit {bit}");
            }
        }
    }

    #[test]
    fn a_client_order_id_holds_no_control_character() {
        for refused in [&b""[..], b"a\x01b", b"a\nb", &[b'x'; CLIENT_ORDER_ID_SIZE_MAX + 1]] {
            assert_eq!(ClientOrderId::new(refused), None);
        }
        assert_eq!(ClientOrderId::new(b"c-1").unwrap().as_bytes(), b"c-1");
    }
}
