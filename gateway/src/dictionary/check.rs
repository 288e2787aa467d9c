//! One message against the tables.

use super::reason::SessionRejectReason as Reason;
use super::reason::Violation;
use super::tables::{Dictionary, Group, MessageTable, Place, TAGS, TagEntry, TagSet};
use crate::codec::{Message, Tag, frame, timestamp};

/// The types of messages that sessions tell apart.
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
    /// Any other: the application's.
    Application,
}

impl MsgType {
    /// By tag 35.
    #[must_use]
    #[inline]
    pub const fn of(msg_type: &[u8]) -> Self {
        match msg_type {
            b"0" => Self::Heartbeat,
            b"1" => Self::TestRequest,
            b"2" => Self::ResendRequest,
            b"3" => Self::Reject,
            b"4" => Self::SequenceReset,
            b"5" => Self::Logout,
            b"A" => Self::Logon,
            _ => Self::Application,
        }
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
        let table = self.message(message.msg_type()).ok_or(Violation::whole(Reason::InvalidMsgType))?;
        if let Some(&missing) =
            self.header_required.iter().chain(&table.required).find(|&&required| !seen.contains(usize::from(required)))
        {
            return Err(Violation::of(Reason::RequiredTagMissing, Tag::new(i32::from(missing))));
        }
        seen.clear();
        self.check_fields(message, table, &mut seen)?;
        Ok(MsgType::of(message.msg_type()))
    }

    fn check_fields(&self, message: &Message<'_>, table: &MessageTable, seen: &mut TagSet) -> Result<(), Violation> {
        let mut open = OpenGroups::default();
        // A fault inside a group is only told when the group's count is right, as the QuickFIX engines do.
        let mut inside: Result<(), Violation> = Ok(());
        for (tag, value) in message.fields() {
            let known = self.tag(tag).filter(|entry| entry.is_transport || !table.is_transport);
            let Some((index, entry)) = known.and_then(|entry| Some((tag.index()?, entry))) else {
                let reason = if value.is_empty() { Reason::TagWithoutValue } else { Reason::InvalidTagNumber };
                return Err(Violation::of(reason, tag));
            };
            let is_member = open.take(index)?;
            if !is_member {
                inside?;
                if !seen.insert(index) {
                    return Err(Violation::of(Reason::TagRepeated, tag));
                }
            }
            match self.check_value(entry, value) {
                Ok(()) => {}
                Err(reason) if is_member => inside = inside.and(Err(Violation::of(reason, tag))),
                Err(reason) => return Err(Violation::of(reason, tag)),
            }
            if entry.place == Place::Body && !is_member && !table.defined.contains(index) {
                return Err(Violation::of(Reason::TagNotDefined, tag));
            }
            if entry.counts_group
                && let Some(group) = self.group(table, index)
            {
                let claimed = frame::number(value).unwrap_or(0);
                open.push(OpenGroup { count_tag: tag, claimed, group, found: 0, seen: TagSet::default() })?;
            }
        }
        open.close_all()?;
        inside
    }

    #[inline]
    fn check_value(&self, entry: &TagEntry, value: &[u8]) -> Result<(), Reason> {
        if value.is_empty() {
            return Err(Reason::TagWithoutValue);
        }
        if !has_format(entry.data_type, value) {
            return Err(Reason::DataFormatIncorrect);
        }
        let is_allowed = entry.enumeration == 0
            || if entry.data_type == b'V' {
                value.split(|&byte| byte == b' ').all(|value| self.allows(entry, value))
            } else {
                self.allows(entry, value)
            };
        if is_allowed { Ok(()) } else { Err(Reason::ValueIncorrect) }
    }
}

/// The groups whose entries are being read, the outermost first.
#[derive(Default)]
struct OpenGroups<'a> {
    stack: [Option<OpenGroup<'a>>; GROUP_DEPTH_MAX],
    depth: usize,
}

impl<'a> OpenGroups<'a> {
    fn push(&mut self, group: OpenGroup<'a>) -> Result<(), Violation> {
        let count_tag = group.count_tag;
        let place = self.stack.get_mut(self.depth).ok_or(Violation::of(Reason::GroupCountIncorrect, count_tag))?;
        *place = Some(group);
        self.depth += 1;
        Ok(())
    }

    /// Whether a field belongs to an open group. Those that it does not belong to end before it.
    #[inline]
    fn take(&mut self, tag: usize) -> Result<bool, Violation> {
        while self.depth > 0 {
            let Some(top) = &mut self.stack[self.depth - 1] else { break };
            if top.takes(tag) {
                return Ok(true);
            }
            top.close()?;
            self.depth -= 1;
        }
        Ok(false)
    }

    fn close_all(&self) -> Result<(), Violation> {
        self.stack[..self.depth].iter().rev().flatten().try_for_each(OpenGroup::close)
    }
}

struct OpenGroup<'a> {
    count_tag: Tag,
    claimed: u64,
    group: &'a Group,
    found: u64,
    /// Members of the entry that is being read.
    seen: TagSet,
}

impl OpenGroup<'_> {
    /// Whether a field is part of this group: the first of an entry, or a member that the entry does not have yet.
    fn takes(&mut self, tag: usize) -> bool {
        if tag == usize::from(self.group.first) {
            self.found += 1;
            self.seen.clear();
        }
        self.found > 0 && self.group.members.contains(tag) && self.seen.insert(tag)
    }

    fn close(&self) -> Result<(), Violation> {
        if self.found == self.claimed {
            return Ok(());
        }
        Err(Violation::of(Reason::GroupCountIncorrect, self.count_tag))
    }
}

/// Groups inside groups. The specifications have four.
const GROUP_DEPTH_MAX: usize = 6;

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
    use crate::codec::{Builder, Fields, Frame, Version};

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
        let checked = Dictionary::of(Version::Fix44).check(&Message::new(bytes, &fields));
        checked.map_err(|violation| (violation.reason.code(), violation.tag.map(Tag::get)))
    }

    const ORDER: &str = "11=ID|54=1|55=INTC|60=20260225-19:41:57|";

    #[test]
    fn what_the_tables_allow_passes() {
        assert_eq!(check("0|"), Ok(MsgType::Heartbeat));
        assert_eq!(check(&format!("D|{ORDER}40=1|38=002000.00|21=1|167=CS|18=6 G|")), Ok(MsgType::Application));
        assert_eq!(check(&format!("D|{ORDER}40=1|386=2|336=A|336=B|58=x|")), Ok(MsgType::Application));
        assert_eq!(check(&format!("D|{ORDER}40=1|453=0|")), Ok(MsgType::Application));
        // Parties with a group of sub-identifiers inside, and a second party behind it.
        let parties = "453=2|448=A|447=D|452=1|802=2|523=X|803=1|523=Y|803=2|448=B|447=D|452=3|";
        assert_eq!(check(&format!("D|{ORDER}{parties}40=1|")), Ok(MsgType::Application));
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
            (format!("D|{ORDER}40=1|453=1|448=A|447=D|452=1|802=2|523=X|803=1|58=x|"), 16, Some(802)),
            (format!("D|{ORDER}40=1|453=1|448=A|447=??|452=1|58=x|"), 6, Some(447)),
            (format!("D|{ORDER}40=1|448=A|"), 2, Some(448)),
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
}
