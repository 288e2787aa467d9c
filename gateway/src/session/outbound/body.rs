//! What a message says, field by field.

use crate::codec::builder::{write_field, write_number, write_tag};
use crate::codec::{SOH, Tag, Version, decimal, timestamp};
use plinth_types::id::TimestampNs;

/// Writes the body of one message.
#[derive(Debug)]
pub struct BodyWriter<'a>(&'a mut Vec<u8>, Version);

impl<'a> BodyWriter<'a> {
    /// Writes to the end of `out`.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>, version: Version) -> Self {
        Self(out, version)
    }

    /// The version that is written.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.1
    }

    /// Adds a field. The value holds no SOH.
    pub fn bytes(&mut self, tag: Tag, value: &[u8]) {
        write_field(tag, value, self.0);
    }

    /// Adds a number.
    pub fn number(&mut self, tag: Tag, value: u64) {
        write_number(tag, value, self.0);
    }

    /// Adds a decimal number.
    pub fn decimal(&mut self, tag: Tag, value: i64, decimals: u8) {
        write_tag(tag, self.0);
        decimal::write(value, decimals, self.0);
        self.0.push(SOH);
    }

    /// Adds a decimal number.
    pub fn unsigned(&mut self, tag: Tag, value: u128, decimals: u8) {
        write_tag(tag, self.0);
        decimal::write_unsigned(value, decimals, self.0);
        self.0.push(SOH);
    }

    /// Adds numbers with a dash between them, as one value.
    pub fn numbers(&mut self, tag: Tag, values: &[u64]) {
        write_tag(tag, self.0);
        for (index, &value) in values.iter().enumerate() {
            if index > 0 {
                self.0.push(b'-');
            }
            decimal::write_integer(value, self.0);
        }
        self.0.push(SOH);
    }

    /// Adds a timestamp.
    pub fn time(&mut self, tag: Tag, value: TimestampNs) {
        self.bytes(tag, timestamp::text(value, self.1).as_bytes());
    }

    /// Adds what `write` appends as one value, which holds no SOH.
    pub fn text(&mut self, tag: Tag, value: core::fmt::Arguments<'_>) {
        use std::io::Write;
        write_tag(tag, self.0);
        self.0.write_fmt(value).expect("a vector takes all");
        self.0.push(SOH);
    }
}
