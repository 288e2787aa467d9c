//! One message against the tables.

use super::fix44;
use super::reason::SessionRejectReason as Reason;
use super::reason::Violation;
use super::tables::{Dictionary, Place, TAGS, TagSet};
use crate::codec::{Message, Tag, frame, timestamp};

/// The types of messages that we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsgType {
    /// `0`
    Heartbeat,
    /// `1`
    TestRequest,
    /// `2`
    ResendRequest,
    /// `3`
    Reject,
    /// `4`
    SequenceReset,
    /// `5`
    Logout,
    /// `A`
    Logon,
    /// `D`
    NewOrderSingle,
    /// `F`
    OrderCancelRequest,
    /// `G`
    OrderCancelReplaceRequest,
    /// `H`
    OrderStatusRequest,
    /// Known to FIX 4.4 and not read here.
    Other,
}

impl MsgType {
    /// `None` if FIX 4.4 has no such type.
    #[must_use]
    #[inline]
    pub fn of(msg_type: &[u8]) -> Option<Self> {
        Some(match msg_type {
            b"0" => Self::Heartbeat,
            b"1" => Self::TestRequest,
            b"2" => Self::ResendRequest,
            b"3" => Self::Reject,
            b"4" => Self::SequenceReset,
            b"5" => Self::Logout,
            b"A" => Self::Logon,
            b"D" => Self::NewOrderSingle,
            b"F" => Self::OrderCancelRequest,
            b"G" => Self::OrderCancelReplaceRequest,
            b"H" => Self::OrderStatusRequest,
            _ => return fix44::OTHER_TYPES.split(' ').any(|other| other.as_bytes() == msg_type).then_some(Self::Other),
        })
    }

    /// Whether the message belongs to the session and not to the application.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        match self {
            Self::Heartbeat
            | Self::TestRequest
            | Self::ResendRequest
            | Self::Reject
            | Self::SequenceReset
            | Self::Logout
            | Self::Logon => true,
            Self::NewOrderSingle
            | Self::OrderCancelRequest
            | Self::OrderCancelReplaceRequest
            | Self::OrderStatusRequest
            | Self::Other => false,
        }
    }

    /// Row of the message tables.
    const fn table(self) -> Option<usize> {
        Some(match self {
            Self::Heartbeat => 0,
            Self::TestRequest => 1,
            Self::ResendRequest => 2,
            Self::Reject => 3,
            Self::SequenceReset => 4,
            Self::Logout => 5,
            Self::Logon => 6,
            Self::NewOrderSingle => 7,
            Self::OrderCancelRequest => 8,
            Self::OrderCancelReplaceRequest => 9,
            Self::OrderStatusRequest => 10,
            Self::Other => return None,
        })
    }
}

impl Dictionary {
    /// Checks one message.
    ///
    /// # Errors
    ///
    /// The first [`Violation`] found; it is answered with a session-level reject.
    pub fn check(&self, message: &Message<'_>) -> Result<MsgType, Violation> {
        let mut seen = TagSet::default();
        let mut place = Place::Header;
        for (tag, _) in message.fields() {
            let Some(index) = tag.index().filter(|&index| index < TAGS) else { continue };
            let tag_place = self.tag(tag).map_or(Place::Body, |entry| entry.place);
            if tag_place < place {
                return Err(Violation::of(Reason::TagOutOfOrder, tag));
            }
            place = tag_place;
            seen.insert(index);
        }
        let msg_type = MsgType::of(message.msg_type()).ok_or(Violation::whole(Reason::InvalidMsgType))?;
        let table = msg_type.table().map(|row| self.message(row));
        let body_required = table.map_or(&[][..], |table| table.required);
        if let Some(&missing) =
            fix44::HEADER_REQUIRED.iter().chain(body_required).find(|&&required| !seen.contains(usize::from(required)))
        {
            return Err(Violation::of(Reason::RequiredTagMissing, Tag::new(i32::from(missing))));
        }
        let defined = table.map(|table| &table.defined);
        self.check_fields(message, defined)?;
        Ok(msg_type)
    }

    fn check_fields(&self, message: &Message<'_>, defined: Option<&TagSet>) -> Result<(), Violation> {
        let mut seen = TagSet::default();
        let mut group: Option<OpenGroup<'_>> = None;
        for (tag, value) in message.fields() {
            let Some((index, entry)) = self.tag(tag).and_then(|entry| Some((tag.index()?, entry))) else {
                let reason = if value.is_empty() { Reason::TagWithoutValue } else { Reason::InvalidTagNumber };
                return Err(Violation::of(reason, tag));
            };
            if let Some(open) = &mut group {
                if open.members.contains(index) {
                    open.found += u64::from(index == usize::from(open.first));
                } else {
                    open.close()?;
                    group = None;
                }
            }
            // Members of a group may come again in its next entry.
            if group.is_none() && !seen.insert(index) {
                return Err(Violation::of(Reason::TagRepeated, tag));
            }
            if value.is_empty() {
                return Err(Violation::of(Reason::TagWithoutValue, tag));
            }
            if !has_format(entry.data_type, value) {
                return Err(Violation::of(Reason::DataFormatIncorrect, tag));
            }
            if entry.enumeration != 0 {
                let allowed = if entry.data_type == b'V' {
                    value.split(|&byte| byte == b' ').all(|value| Self::allows(entry, value))
                } else {
                    Self::allows(entry, value)
                };
                if !allowed {
                    return Err(Violation::of(Reason::ValueIncorrect, tag));
                }
            }
            if entry.place == Place::Body && defined.is_some_and(|defined| !defined.contains(index)) {
                return Err(Violation::of(Reason::TagNotDefined, tag));
            }
            if entry.group != 0 && group.is_none() {
                let (members, first) = self.group(entry.group);
                group = Some(OpenGroup { count_tag: tag, claimed: frame::number(value).unwrap_or(0), members, first, found: 0 });
            }
        }
        group.map_or(Ok(()), |open| open.close())
    }
}

/// A group whose entries are being read.
struct OpenGroup<'a> {
    count_tag: Tag,
    claimed: u64,
    members: &'a TagSet,
    first: u16,
    found: u64,
}

impl OpenGroup<'_> {
    fn close(&self) -> Result<(), Violation> {
        if self.found == self.claimed {
            return Ok(());
        }
        Err(Violation::of(Reason::GroupCountIncorrect, self.count_tag))
    }
}

/// Whether a value is of a data type, by its letter in the tables.
fn has_format(data_type: u8, value: &[u8]) -> bool {
    match data_type {
        b'C' => value.len() == 1,
        b'B' => matches!(value, b"Y" | b"N"),
        b'I' => frame::number(value.strip_prefix(b"-").unwrap_or(value)).is_some(),
        b'L' | b'Q' | b'N' => frame::number(value).is_some(),
        b'F' => is_decimal(value),
        b'T' => timestamp::parse(value).is_some(),
        b'O' => is_time(value),
        b'D' => timestamp::parse_date(value).is_some(),
        b'M' => is_month(value),
        _ => true,
    }
}

fn is_decimal(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let points = digits.iter().filter(|&&byte| byte == b'.').count();
    points <= 1 && digits.len() > points && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn is_time(value: &[u8]) -> bool {
    let mut text = *b"19700101-00:00:00.000000000";
    let size = timestamp::DATE_SIZE + 1 + value.len();
    let Some(place) = text.get_mut(timestamp::DATE_SIZE + 1..size) else { return false };
    place.copy_from_slice(value);
    timestamp::parse(&text[..size]).is_some()
}

fn is_month(value: &[u8]) -> bool {
    let first_day = |month: &[u8]| {
        let mut date = *b"00000001";
        date[..6].copy_from_slice(month);
        timestamp::parse_date(&date).is_some()
    };
    match value {
        [month @ .., b'w', b'1'..=b'5'] if month.len() == 6 => first_day(month),
        date if date.len() == timestamp::DATE_SIZE => timestamp::parse_date(date).is_some(),
        month if month.len() == 6 => first_day(month),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Builder, Fields, Frame};

    /// `body` is in readable form; header, length and checksum are added unless it brings its own header.
    fn check(body: &str) -> Result<MsgType, (u64, Option<i32>)> {
        let mut builder = Builder::default();
        let (msg_type, fields) = body.split_once('|').unwrap();
        builder.start(msg_type.as_bytes());
        if !fields.contains("34=") {
            builder.raw(b"34=2\x0149=ME\x0152=20260225-19:41:57\x0156=YOU\x01");
        }
        builder.raw(fields.replace('|', "\x01").as_bytes());
        let bytes = builder.finish();
        let mut fields = Fields::default();
        assert_eq!(frame::next(bytes, &mut fields), Frame::Message { size: bytes.len() }, "{body}");
        let checked = Dictionary::fix44().check(&Message::new(bytes, &fields));
        checked.map_err(|violation| (violation.reason.code(), violation.tag.map(Tag::get)))
    }

    const ORDER: &str = "11=ID|54=1|55=INTC|60=20260225-19:41:57|";

    #[test]
    fn what_the_tables_allow_passes() {
        assert_eq!(check("0|"), Ok(MsgType::Heartbeat));
        assert_eq!(check(&format!("D|{ORDER}40=1|38=002000.00|21=1|167=CS|18=6 G|")), Ok(MsgType::NewOrderSingle));
        assert_eq!(check(&format!("D|{ORDER}40=1|386=2|336=A|336=B|58=x|")), Ok(MsgType::NewOrderSingle));
        assert_eq!(check(&format!("D|{ORDER}40=1|453=0|")), Ok(MsgType::NewOrderSingle));
        assert_eq!(check("8|37=id|39=0|"), Ok(MsgType::Other));
        assert_eq!(check("AE|571=1|"), Ok(MsgType::Other));
    }

    #[test]
    fn each_fault_has_its_reason_and_its_tag() {
        let rows = [
            ("0|999=HI|".to_owned(), 0, Some(999)),
            ("0|0=HI|".to_owned(), 0, Some(0)),
            ("0|-1=HI|".to_owned(), 0, Some(-1)),
            ("0|5000=HI|".to_owned(), 0, Some(5000)),
            ("0|20=HI|".to_owned(), 0, Some(20)),
            ("0|34=2|49=TW|52=20260225-19:41:57|".to_owned(), 1, Some(56)),
            ("D|54=1|60=20260225-19:41:57|40=1|".to_owned(), 1, Some(11)),
            ("1|".to_owned(), 1, Some(112)),
            ("0|55=MSFT|".to_owned(), 2, Some(55)),
            ("0|112=|".to_owned(), 4, Some(112)),
            (format!("D|{ORDER}40=1|21=4|"), 5, Some(21)),
            (format!("D|{ORDER}40=1|18=6 ?|"), 5, Some(18)),
            (format!("D|{ORDER}40=1|38=+200|"), 6, Some(38)),
            (format!("D|{ORDER}40=1|126=20040415|"), 6, Some(126)),
            (format!("D|{ORDER}40=w|"), 5, Some(40)),
            (format!("D|{ORDER}40=12|"), 6, Some(40)),
            ("*|".to_owned(), 11, None),
            (format!("D|{ORDER}40=1|40=2|"), 13, Some(40)),
            ("D|11=id|21=3|34=2|49=TW|52=20260225-19:41:57|56=X|".to_owned(), 14, Some(34)),
            (format!("D|{ORDER}40=1|386=3|336=A|336=B|"), 16, Some(386)),
            (format!("D|{ORDER}40=1|386=1|58=x|"), 16, Some(386)),
        ];
        for (body, code, tag) in rows {
            assert_eq!(check(&body), Err((code, tag)), "{body}");
        }
    }

    #[test]
    fn reject_codes_and_texts_are_pinned() {
        let pinned = [
            (Reason::InvalidTagNumber, 0, "Invalid tag number"),
            (Reason::RequiredTagMissing, 1, "Required tag missing"),
            (Reason::TagNotDefined, 2, "Tag not defined for this message type"),
            (Reason::TagWithoutValue, 4, "Tag specified without a value"),
            (Reason::ValueIncorrect, 5, "Value is incorrect (out of range) for this tag"),
            (Reason::DataFormatIncorrect, 6, "Incorrect data format for value"),
            (Reason::CompIdProblem, 9, "CompID problem"),
            (Reason::SendingTimeAccuracy, 10, "SendingTime accuracy problem"),
            (Reason::InvalidMsgType, 11, "Invalid MsgType"),
            (Reason::TagRepeated, 13, "Tag appears more than once"),
            (Reason::TagOutOfOrder, 14, "Tag specified out of required order"),
            (Reason::GroupCountIncorrect, 16, "Incorrect NumInGroup count for repeating group"),
        ];
        for (reason, code, text) in pinned {
            assert_eq!((reason.code(), reason.text()), (code, text));
        }
    }

    /// A row's place is its number in `MsgType::table`.
    #[test]
    fn the_tables_are_in_the_order_of_the_types() {
        for (row, message) in fix44::MESSAGES.iter().enumerate() {
            assert_eq!(MsgType::of(message.msg_type).unwrap().table(), Some(row));
        }
    }
}
