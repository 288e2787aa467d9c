//! One pass from bytes to fields.

use super::{SOH, Tag, tag};
use crate::limits::{BEGIN_STRING_SIZE_MAX, DIGITS_MAX, FIELDS_MAX, MESSAGE_SIZE_MAX, TAG_DIGITS_MAX};
use plinth_types::id::MsgSeqNum;

/// Where a field's value lies in its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub tag: Tag,
    /// Offset of the value's first byte.
    pub start: u16,
    /// Offset of the SOH behind it.
    pub end: u16,
}

/// The fields of one message, in a table that is used again for the next.
#[derive(Clone, Debug)]
pub struct Fields {
    table: [Field; FIELDS_MAX],
    count: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { table: [Field::default(); FIELDS_MAX], count: 0 }
    }
}

/// What the first bytes of a receive buffer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The start of a message, or nothing: more bytes decide.
    Incomplete,
    /// `size` bytes that are no message. Skip them.
    Garbled {
        /// How many.
        size: usize,
        /// What is wrong with them.
        why: Garbled,
    },
    /// A message of `size` bytes, whose fields are now in the table.
    Message {
        /// How many.
        size: usize,
    },
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbled {
    /// They do not start with `8=FIX`.
    NoBeginString,
    /// `BodyLength` is not the second field, or no number.
    NoBodyLength,
    /// The claimed length is over the limit, or no trailer follows within it.
    TooLong,
    /// There is no `CheckSum` where the body should end.
    BodyLengthWrong,
    /// The sum of the bytes is another one.
    CheckSumWrong,
    /// A field without a number or an equals sign, or a data field that does not end where its length says.
    FieldMalformed,
    /// More fields than are allowed.
    TooManyFields,
    /// The third field is not a `MsgType` with a value.
    NoMsgType,
}

/// Says what the first bytes of `bytes` are, and fills `fields` if they are a message.
pub fn next(bytes: &[u8], fields: &mut Fields) -> Frame {
    if !bytes.starts_with(START) {
        return if START.starts_with(bytes) { Frame::Incomplete } else { garbage(bytes, 0, Garbled::NoBeginString) };
    }
    let Some(version_end) = memchr::memchr(SOH, &bytes[..bytes.len().min(BEGIN_STRING_SIZE_MAX + 3)]) else {
        let undecided = bytes.len() < BEGIN_STRING_SIZE_MAX + 3;
        return if undecided { Frame::Incomplete } else { garbage(bytes, START.len(), Garbled::NoBeginString) };
    };
    let length_at = version_end + 1;
    let rest = &bytes[length_at..];
    if !rest.starts_with(b"9=") {
        return if b"9=".starts_with(rest) { Frame::Incomplete } else { garbage(bytes, length_at, Garbled::NoBodyLength) };
    }
    let digits = &rest[2..];
    let mut body_length = 0;
    let mut digit_count = 0;
    loop {
        match digits.get(digit_count) {
            None => return Frame::Incomplete,
            Some(&SOH) if digit_count > 0 => break,
            Some(&digit) if digit.is_ascii_digit() && digit_count < DIGITS_MAX => {
                body_length = body_length * 10 + usize::from(digit - b'0');
                digit_count += 1;
            }
            Some(_) => return garbage(bytes, length_at, Garbled::NoBodyLength),
        }
    }
    let body_at = length_at + 2 + digit_count + 1;
    if body_length > MESSAGE_SIZE_MAX || body_at + body_length + TRAILER_SIZE > MESSAGE_SIZE_MAX {
        return garbage(bytes, length_at, Garbled::TooLong);
    }
    let trailer_at = body_at + body_length;
    let size = trailer_at + TRAILER_SIZE;
    if bytes.len() < size {
        // A body that claims too much would wait for ever if the peer falls silent; the heartbeat then ends the session.
        return if trailer_fits(bytes, trailer_at) { Frame::Incomplete } else { wrong_length(bytes, trailer_at) };
    }
    if !trailer_fits(bytes, trailer_at) || bytes[size - 1] != SOH {
        return wrong_length(bytes, trailer_at);
    }
    let why = match scan(&bytes[..size], trailer_at, fields) {
        Ok(()) => return Frame::Message { size },
        Err(why) => why,
    };
    Frame::Garbled { size, why }
}

/// Parses up to [`DIGITS_MAX`] digits.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

/// A message in a receive buffer, with its fields.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
}

impl<'a> Message<'a> {
    /// The message that [`next`] found at the start of `bytes`.
    ///
    /// # Panics
    ///
    /// If `fields` were filled by another message.
    #[must_use]
    pub fn new(bytes: &'a [u8], fields: &'a Fields) -> Self {
        let fields = &fields.table[..fields.count];
        assert!(fields.last().is_some_and(|last| usize::from(last.end) < bytes.len()), "fields of another message");
        Self { bytes, fields }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its fields in order, standard header and trailer included.
    pub fn fields(&self) -> impl Iterator<Item = (Tag, &'a [u8])> + Clone + use<'a> {
        let bytes = self.bytes;
        self.fields.iter().map(move |field| (field.tag, &bytes[usize::from(field.start)..usize::from(field.end)]))
    }

    /// Value of the first field with this number.
    #[must_use]
    #[inline]
    pub fn get(&self, tag: Tag) -> Option<&'a [u8]> {
        let field = self.fields.iter().find(|field| field.tag == tag)?;
        Some(&self.bytes[usize::from(field.start)..usize::from(field.end)])
    }

    /// `BeginString`, tag 8.
    #[must_use]
    pub fn begin_string(&self) -> &'a [u8] {
        self.value(0)
    }

    /// `MsgType`, tag 35.
    #[must_use]
    pub fn msg_type(&self) -> &'a [u8] {
        self.value(2)
    }

    /// `MsgSeqNum`, tag 34; `None` if it is missing or no number.
    #[must_use]
    pub fn msg_seq_num(&self) -> Option<MsgSeqNum> {
        number(self.get(tag::MSG_SEQ_NUM)?).map(MsgSeqNum::new)
    }

    /// Whether a boolean field is there and says yes.
    #[must_use]
    pub fn is_set(&self, tag: Tag) -> bool {
        self.get(tag) == Some(b"Y")
    }

    fn value(&self, index: usize) -> &'a [u8] {
        let field = self.fields[index];
        &self.bytes[usize::from(field.start)..usize::from(field.end)]
    }
}

impl core::fmt::Display for Message<'_> {
    /// `|` for SOH; secrets are blanked.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (tag, value) in self.fields() {
            if tag.is_secret() {
                write!(f, "{tag}=***|")?;
            } else {
                write!(f, "{tag}={}|", String::from_utf8_lossy(value))?;
            }
        }
        Ok(())
    }
}

fn scan(message: &[u8], trailer_at: usize, fields: &mut Fields) -> Result<(), Garbled> {
    let claimed = &message[trailer_at + 3..trailer_at + 6];
    let sum = message[..trailer_at].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    if claimed != [b'0' + sum / 100, b'0' + sum / 10 % 10, b'0' + sum % 10] {
        return Err(Garbled::CheckSumWrong);
    }
    let mut count = 0;
    let mut start = 0;
    // The SOH of a data field's end; those before it belong to the data.
    let mut data_end = 0;
    for (block_index, block) in message.chunks(BLOCK_SIZE).enumerate() {
        let mut delimiters = match block.first_chunk::<BLOCK_SIZE>() {
            Some(block) => delimiters(block),
            None => {
                let mut padded = [0; BLOCK_SIZE];
                padded[..block.len()].copy_from_slice(block);
                self::delimiters(&padded)
            }
        };
        while delimiters != 0 {
            let end = block_index * BLOCK_SIZE + delimiters.trailing_zeros() as usize;
            delimiters &= delimiters - 1;
            if end < data_end {
                continue;
            }
            let (tag, tag_size) = split_tag(&message[start..end]).ok_or(Garbled::FieldMalformed)?;
            let slot = fields.table.get_mut(count).ok_or(Garbled::TooManyFields)?;
            *slot = Field { tag: Tag::new(tag), start: (start + tag_size) as u16, end: end as u16 };
            if let Some(data_tag) = data_tag(tag) {
                data_end = end_of_data(message, start + tag_size, end, data_tag)?;
            }
            count += 1;
            start = end + 1;
        }
    }
    fields.count = count;
    let type_is_third = count > 3 && fields.table[2].tag == tag::MSG_TYPE && fields.table[2].start < fields.table[2].end;
    // A data field may claim bytes into the trailer; then the last field is not the checksum.
    if !type_is_third || fields.table[count - 1].tag != tag::CHECK_SUM || start != message.len() {
        return Err(if type_is_third { Garbled::FieldMalformed } else { Garbled::NoMsgType });
    }
    Ok(())
}

/// Number of the field and bytes up to and including its equals sign.
#[inline]
fn split_tag(field: &[u8]) -> Option<(i32, usize)> {
    let digit = |byte: u8| i32::from(byte.wrapping_sub(b'0'));
    // Nearly every tag has one to three digits.
    match *field {
        [a, b'=', ..] if a.is_ascii_digit() => Some((digit(a), 2)),
        [a, b, b'=', ..] if a.is_ascii_digit() && b.is_ascii_digit() => Some((digit(a) * 10 + digit(b), 3)),
        [a, b, c, b'=', ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
            Some((digit(a) * 100 + digit(b) * 10 + digit(c), 4))
        }
        _ => split_long_tag(field),
    }
}

#[cold]
fn split_long_tag(field: &[u8]) -> Option<(i32, usize)> {
    let equals = field.iter().take(TAG_DIGITS_MAX + 2).position(|&byte| byte == b'=')?;
    // The dictionary answers a negative tag, and must be able to name it.
    let (negative, digits) = match &field[..equals] {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let value = number(digits).filter(|_| digits.len() <= TAG_DIGITS_MAX)? as i32;
    Some((if negative { -value } else { value }, equals + 1))
}

/// Where the data field behind a length field ends, if it follows.
#[cold]
fn end_of_data(message: &[u8], length_at: usize, length_end: usize, data_tag: i32) -> Result<usize, Garbled> {
    let data_at = length_end + 1;
    match split_tag(&message[data_at..]) {
        Some((tag, tag_size)) if tag == data_tag => {
            let length = number(&message[length_at..length_end]).and_then(|length| usize::try_from(length).ok());
            let end = length.and_then(|length| length.checked_add(data_at + tag_size));
            end.filter(|&end| message.get(end) == Some(&SOH)).ok_or(Garbled::FieldMalformed)
        }
        Some(_) | None => Ok(0),
    }
}

fn trailer_fits(bytes: &[u8], trailer_at: usize) -> bool {
    let at_end = &bytes[bytes.len().min(trailer_at - 1)..bytes.len().min(trailer_at + 3)];
    b"\x0110=".starts_with(at_end)
}

/// The body is not as long as it says: the message ends with the first trailer behind its claimed end.
#[cold]
fn wrong_length(bytes: &[u8], trailer_at: usize) -> Frame {
    let window = &bytes[..bytes.len().min(MESSAGE_SIZE_MAX)];
    let why = Garbled::BodyLengthWrong;
    let trailer = memchr::memmem::find(&window[trailer_at - 1..], b"\x0110=").map(|at| trailer_at - 1 + at);
    let end = trailer.and_then(|at| memchr::memchr(SOH, &window[at + 1..]).map(|end| at + 1 + end + 1));
    match end {
        Some(size) => Frame::Garbled { size, why },
        None if bytes.len() < MESSAGE_SIZE_MAX => Frame::Incomplete,
        None => garbage(bytes, START.len(), why),
    }
}

/// Skips to the next possible start of a message at or behind `from`.
#[cold]
fn garbage(bytes: &[u8], from: usize, why: Garbled) -> Frame {
    let size = match memchr::memmem::find(&bytes[from..], START) {
        Some(at) => from + at,
        // The start may have come in part.
        None => (0..START.len())
            .rev()
            .find(|&part| bytes[from..].ends_with(&START[..part]))
            .map_or(bytes.len(), |part| bytes.len() - part),
    };
    Frame::Garbled { size, why }
}

/// One bit for each SOH, eight bytes at a time.
#[inline]
fn delimiters(block: &[u8; BLOCK_SIZE]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().rev().fold(0, |mask, word| {
        let others = u64::from_le_bytes(*word) ^ (LOW_BITS * SOH as u64);
        // A byte of `others` is zero where an SOH is: its high bit is then the only one that stays clear.
        let found = !(((others & !HIGH_BITS).wrapping_add(!HIGH_BITS)) | others) & HIGH_BITS;
        (mask << 8) | ((found >> 7).wrapping_mul(GATHER) >> 56)
    })
}

/// The data field whose size a length field gives.
#[inline]
fn data_tag(length_tag: i32) -> Option<i32> {
    let index = usize::try_from(length_tag).ok()?;
    if index < DATA_TAGS.len() && DATA_TAGS[index] != 0 { Some(i32::from(DATA_TAGS[index])) } else { None }
}

/// Whether a length field says where a data field ends.
#[cfg(test)]
pub(crate) fn is_measured(tag: u16) -> bool {
    DATA_PAIRS.iter().any(|&(_, data)| data == tag)
}

const DATA_TAGS: [u16; DATA_TAGS_SIZE] = {
    let mut tags = [0; DATA_TAGS_SIZE];
    let mut index = 0;
    while index < DATA_PAIRS.len() {
        tags[DATA_PAIRS[index].0] = DATA_PAIRS[index].1;
        index += 1;
    }
    tags
};

/// Length fields and the data fields that they measure, of all versions.
const DATA_PAIRS: [(usize, u16); 24] = [
    (90, 91),
    (93, 89),
    (95, 96),
    (212, 213),
    (348, 349),
    (350, 351),
    (352, 353),
    (354, 355),
    (356, 357),
    (358, 359),
    (360, 361),
    (362, 363),
    (364, 365),
    (445, 446),
    (618, 619),
    (621, 622),
    (1_184, 1_185),
    (1_277, 1_278),
    (1_280, 1_281),
    (1_282, 1_283),
    (1_397, 1_398),
    (1_401, 1_402),
    (1_403, 1_404),
    (1_468, 1_469),
];
const DATA_TAGS_SIZE: usize = 1_469;

const START: &[u8] = b"8=FIX";
/// `10=nnn` and SOH.
const TRAILER_SIZE: usize = 7;
const BLOCK_SIZE: usize = 64;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
/// Moves bit 8 × i to bit 56 + i.
const GATHER: u64 = 0x0102_0408_1020_4080;
