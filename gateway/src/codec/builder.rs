//! Messages written in place.

use super::{SOH, Tag, Version, decimal, timestamp};
use plinth_types::id::{MsgSeqNum, TimestampNs};

/// Writes one message after another into one buffer.
///
/// Room is left in front for `BeginString` and `BodyLength`, which are written when the length is known: no byte is moved.
///
/// ```
/// use plinth_gateway::codec::{Builder, tag};
/// let mut builder = Builder::default();
/// builder.start(b"0");
/// builder.bytes(tag::SENDER_COMP_ID, b"ME");
/// assert_eq!(builder.finish(), b"8=FIX.4.4\x019=11\x0135=0\x0149=ME\x0110=013\x01");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    version: Version,
}

impl Builder {
    /// A builder of messages of this version; that of `default` is 4.4.
    #[must_use]
    pub const fn of(version: Version) -> Self {
        Self { bytes: Vec::new(), version }
    }

    /// Starts a message of this type, forgetting the one before.
    pub fn start(&mut self, msg_type: &[u8]) {
        self.bytes.clear();
        self.bytes.resize(PREFIX_SIZE_MAX, 0);
        self.bytes(super::tag::MSG_TYPE, msg_type);
    }

    /// Adds a field. A value with an SOH is the caller's fault unless the field is a data field.
    pub fn bytes(&mut self, tag: Tag, value: &[u8]) {
        write_field(tag, value, &mut self.bytes);
    }

    /// Adds a number.
    pub fn number(&mut self, tag: Tag, value: u64) {
        write_number(tag, value, &mut self.bytes);
    }

    /// Adds a sequence number.
    pub fn seq_num(&mut self, tag: Tag, value: MsgSeqNum) {
        self.number(tag, value.get());
    }

    /// Adds a timestamp.
    pub fn time(&mut self, tag: Tag, value: TimestampNs) {
        self.bytes(tag, timestamp::text(value, self.version).as_bytes());
    }

    /// Adds a decimal number.
    pub fn decimal(&mut self, tag: Tag, value: i64, decimals: u8) {
        write_tag(tag, &mut self.bytes);
        decimal::write(value, decimals, &mut self.bytes);
        self.bytes.push(SOH);
    }

    /// Adds fields that are already written, each with its SOH.
    pub fn raw(&mut self, fields: &[u8]) {
        self.bytes.extend_from_slice(fields);
    }

    /// Adds length and checksum, and returns the message.
    pub fn finish(&mut self) -> &[u8] {
        let body_size = self.bytes.len() - PREFIX_SIZE_MAX;
        let mut prefix = Vec::with_capacity(PREFIX_SIZE_MAX);
        write_prefix(self.version, body_size, &mut prefix);
        let start = PREFIX_SIZE_MAX - prefix.len();
        self.bytes[start..PREFIX_SIZE_MAX].copy_from_slice(&prefix);
        write_check_sum(start, &mut self.bytes);
        &self.bytes[start..]
    }
}

/// Writes `tag=`.
pub(crate) fn write_tag(tag: Tag, out: &mut Vec<u8>) {
    decimal::write_integer(u64::from(tag.get().unsigned_abs()), out);
    out.push(b'=');
}

/// Writes one field.
pub(crate) fn write_field(tag: Tag, value: &[u8], out: &mut Vec<u8>) {
    write_tag(tag, out);
    out.extend_from_slice(value);
    out.push(SOH);
}

/// Writes one field with a number.
pub(crate) fn write_number(tag: Tag, value: u64, out: &mut Vec<u8>) {
    write_tag(tag, out);
    decimal::write_integer(value, out);
    out.push(SOH);
}

/// Writes `BeginString` and `BodyLength`.
pub(crate) fn write_prefix(version: Version, body_size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"8=");
    out.extend_from_slice(version.begin_string());
    out.extend_from_slice(b"\x019=");
    decimal::write_integer(body_size as u64, out);
    out.push(SOH);
}

/// Writes the checksum of what lies in `out` from `start`.
pub(crate) fn write_check_sum(start: usize, out: &mut Vec<u8>) {
    let sum = out[start..].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    out.extend_from_slice(&[b'1', b'0', b'=', b'0' + sum / 100, b'0' + sum / 10 % 10, b'0' + sum % 10, SOH]);
}

/// `8=FIXT.1.1`, `9=` and 20 digits, with their SOH.
const PREFIX_SIZE_MAX: usize = 2 + Version::Fix50.begin_string().len() + 1 + 2 + 20 + 1;
