//! Reports as each version has them.
//!
//! Reports are written once, as 4.4 has them. For a session of another version the fields are then read again and put into its words, by the
//! tables of its dictionary: a field that its message does not have is left out, a code that its field does not know becomes the general
//! one, and what only the old versions ask for is added. A message that the version does not have at all is not sent. Sessions of 4.4 pay
//! one compare.
//!
//! * Up to 4.2: `ExecTransType` (20) is 0, 1 for a trade that is taken back, or 3 for a status. `ExecType` (150) of a fill is 1 or 2, of a status or
//!   a bust what `OrdStatus` says.
//! * Up to 4.1: `LastShares` (32) and `LastPx` (31) are always there, 0 without a fill; so is `OrderQty` (38). A decrement by self-match
//!   prevention reads as a replacement in 4.1, since it knows no `ExecType` D.
//! * Before 4.4 there is no `PeggedPrice`: the price that a pegged order has now is its `Price`. Before 4.3 a limit order with `TimeInForce` 7 has
//!   `OrdType` B.
//! * Up to 4.1 quantities are whole numbers, and so they are written. A part of a lot that another order took is written as it is, with decimals:
//!   there is no right way to say it.
//! * From 5.0 SP1 on an `OrderMassCancelReport` has a `MassActionReportID` (1369): its `OrderID` again.
//! * Before 4.3 there is no `TradeCaptureReport`: such a session hears of fills, and not how far they are settled.

use crate::codec::frame::number;
use crate::codec::{SOH, Tag, Version, tag};
use crate::dictionary::Dictionary;
use crate::session::{BodyWriter, Keep, Outbound};
use plinth_types::id::{Seq, TimestampNs};

/// Says something in the session's version.
pub(super) fn push(out: &mut Outbound, record: Seq, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
    say(out, Keep::For { record }, msg_type, time, body);
}

/// Says something that is never said again.
pub(super) fn push_once(out: &mut Outbound, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
    say(out, Keep::Not, msg_type, time, body);
}

fn say(out: &mut Outbound, keep: Keep, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
    let version = out.version();
    if version == Version::Fix44 {
        return out.say(keep, msg_type, time, body);
    }
    let dictionary = Dictionary::of(version);
    if dictionary.has(msg_type) {
        out.say(keep, msg_type, time, |writer| {
            let mut text = Vec::with_capacity(512);
            body(&mut BodyWriter::new(&mut text, version));
            let report = Report { version, dictionary, msg_type, text: &text };
            report.write(writer);
        });
    }
}

/// One report in the words of 4.4, and whose words it is put into.
struct Report<'a> {
    version: Version,
    dictionary: &'static Dictionary,
    msg_type: &'a [u8],
    text: &'a [u8],
}

impl<'a> Report<'a> {
    fn write(&self, writer: &mut BodyWriter<'_>) {
        let is_old = !self.version.is_at_least(Version::Fix43);
        if is_old && self.msg_type == b"8" {
            let code: &[u8] = match self.get(tag::EXEC_TYPE) {
                Some(b"I") => b"3",
                Some(b"H") => b"1",
                Some(_) | None => b"0",
            };
            writer.bytes(tag::EXEC_TRANS_TYPE, code);
        }
        let pegged = self.get(tag::PEGGED_PRICE).filter(|price| !self.dictionary.takes(self.msg_type, tag::PEGGED_PRICE, price));
        if let Some(price) = pegged {
            writer.bytes(tag::PRICE, price);
        }
        for (tag, value) in self.fields().filter(|&(tag, _)| tag != tag::PRICE || pegged.is_none()) {
            let value = self.translated(tag, value);
            if tag == tag::EXEC_ID && self.version == Version::Fix40 {
                write_number(value, writer);
            } else if is_own(tag) || is_quote_fill(self.msg_type, tag) || self.dictionary.takes(self.msg_type, tag, value) {
                writer.bytes(tag, value);
            } else if let Some(general) = general(tag).filter(|general| self.dictionary.takes(self.msg_type, tag, general)) {
                writer.bytes(tag, general);
            }
        }
        if is_old && self.msg_type == b"8" && !self.version.is_at_least(Version::Fix42) {
            for tag in [tag::LAST_QTY, tag::LAST_PX, tag::ORDER_QTY] {
                if self.get(tag).is_none() {
                    writer.bytes(tag, b"0");
                }
            }
        }
        if self.msg_type == b"r"
            && let Some(id) = self.get(tag::ORDER_ID)
            && self.dictionary.takes(b"r", tag::MASS_ACTION_REPORT_ID, id)
        {
            writer.bytes(tag::MASS_ACTION_REPORT_ID, id);
        }
        if self.msg_type == b"AE" && self.version == Version::Fix43 {
            writer.bytes(tag::EXEC_TYPE, b"F");
        }
    }

    /// What a code of 4.4 is called.
    fn translated(&self, tag: Tag, value: &'a [u8]) -> &'a [u8] {
        if self.version.is_at_least(Version::Fix43) {
            return value;
        }
        if (tag, value) == (tag::ORD_TYPE, b"2") && self.get(tag::TIME_IN_FORCE) == Some(b"7") {
            return b"B";
        }
        if tag != tag::EXEC_TYPE {
            return if self.dictionary.is_whole(tag) { whole(value) } else { value };
        }
        match value {
            b"F" | b"H" | b"I" => self.get(tag::ORD_STATUS).unwrap_or(value),
            b"D" if self.version == Version::Fix41 => b"5",
            _ => value,
        }
    }

    fn get(&self, tag: Tag) -> Option<&'a [u8]> {
        self.fields().find(|(own, _)| *own == tag).map(|(_, value)| value)
    }

    /// None of our values holds an SOH.
    fn fields(&self) -> impl Iterator<Item = (Tag, &'a [u8])> + use<'a> {
        self.text.split(|&byte| byte == SOH).filter_map(|field| {
            let equals = field.iter().position(|&byte| byte == b'=')?;
            let tag = number(&field[..equals]).and_then(|tag| i32::try_from(tag).ok())?;
            Some((Tag::new(tag), &field[equals + 1..]))
        })
    }
}

/// An `ExecID` as 4.0 has it, a number: of `RECORD-EVENT-SIDE` the digits, seven of the event; of a rejection by the gateway, which is known
/// by its time, a 9 and the last digits of that.
fn write_number(value: &[u8], writer: &mut BodyWriter<'_>) {
    let mut parts = value.split(|&byte| byte == b'-');
    let (first, second, third) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut digits = Vec::with_capacity(32);
    if first.starts_with(b"R") {
        digits.push(b'9');
        digits.extend_from_slice(&second[second.len().saturating_sub(TIME_DIGITS)..]);
    } else {
        digits.extend_from_slice(first);
        if !second.is_empty() {
            digits.resize(digits.len() + EVENT_DIGITS.saturating_sub(second.len()), b'0');
        }
        digits.extend_from_slice(second);
        digits.extend_from_slice(third);
    }
    writer.bytes(tag::EXEC_ID, &digits);
}

/// A decimal number without its decimals, if they say nothing.
fn whole(value: &[u8]) -> &[u8] {
    match value.iter().position(|&byte| byte == b'.') {
        Some(point) if value[point + 1..].iter().all(|&digit| digit == b'0') => &value[..point],
        Some(_) | None => value,
    }
}

/// Fields that we have made ourselves mean the same in every version.
const fn is_own(tag: Tag) -> bool {
    matches!(tag, tag::SELF_MATCH_GROUP | tag::ZONE_STATE | tag::ATTESTATION | tag::SETTLEMENT_HEIGHT | tag::ZONE_HEIGHT)
}

/// No version has these in an `ExecutionReport`; those who quote expect them there.
const fn is_quote_fill(msg_type: &[u8], tag: Tag) -> bool {
    matches!((msg_type, tag), (b"8", tag::QUOTE_ID | tag::QUOTE_ENTRY_ID))
}

/// The code that says least, for a reason that a version does not know.
const fn general(tag: Tag) -> Option<&'static [u8]> {
    match tag {
        tag::ORD_REJ_REASON | tag::BUSINESS_REJECT_REASON | tag::MASS_CANCEL_REJECT_REASON => Some(b"0"),
        tag::CXL_REJ_REASON => Some(b"2"),
        tag::SECURITY_TRADING_STATUS => Some(b"18"),
        _ => None,
    }
}

const EVENT_DIGITS: usize = 7;
/// Of nanoseconds: eleven days.
const TIME_DIGITS: usize = 15;
