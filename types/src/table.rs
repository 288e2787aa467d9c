//! Tables of fixed-size records: how state lies in memory and how it becomes pages.
//!
//! A [`Table`] is one region of a zone's state. Every use of a record goes through [`Table::get`] or [`Table::get_mut`], which tell a
//! [`Touch`] first; so nothing that a transition depends on escapes the pages. A record's fields lie behind one another, little-endian,
//! without padding; the rest of its fixed size is zero. A record that was never written is all zeros, and all zeros are a valid record.
//!
//! [`table_record!`](crate::table_record) declares a record and its encoding.

use crate::limits::PAGE_SIZE;
use crate::page::{RegionId, Touch};
use crate::quantity::Amount;
use crate::words::{bytes_of, bytes_of_mut};
use alloc::boxed::Box;

mod zero;

/// The bytes of one page.
pub type PageBytes = [u8; PAGE_SIZE];
/// The same, at the address of a word: who proves an execution pays for each load, and for four where the address may be a byte's.
pub type PageWords = [u32; PAGE_SIZE / 4];

/// A record of a table. Made by [`table_record!`](crate::table_record).
pub trait Record: Copy {
    /// The region that holds records of this kind.
    const REGION: RegionId;
    /// Bytes of a record; it divides [`PAGE_SIZE`].
    const SIZE: usize;
    /// What a record is before it is first written: all zero bytes.
    const ZERO: Self;

    /// Writes the [`Record::SIZE`] bytes of the record.
    fn write(&self, bytes: &mut [u8]);

    /// Reads [`Record::SIZE`] bytes; `None` for bytes that [`Record::write`] never makes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// Records of one kind, in slots from 0. Its size never changes.
#[derive(Clone, Debug)]
pub struct Table<R> {
    records: Box<[R]>,
}

impl<R: Record> Table<R> {
    /// `count` zero records.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { records: zero::records(count) }
    }

    /// Reads a record.
    ///
    /// # Panics
    ///
    /// If there is no such slot: links and ids are checked where they enter, so that would be a bug of the core.
    #[inline(always)]
    pub fn get<T: Touch>(&self, touch: &mut T, slot: usize) -> &R {
        touch.touch_read(R::REGION, slot);
        &self.records[slot]
    }

    /// Changes a record.
    ///
    /// # Panics
    ///
    /// As [`Table::get`].
    #[inline(always)]
    pub fn get_mut<T: Touch>(&mut self, touch: &mut T, slot: usize) -> &mut R {
        touch.touch(R::REGION, slot);
        &mut self.records[slot]
    }

    /// All records, for those who stand outside the transition: status, checks, snapshots.
    #[must_use]
    pub fn records(&self) -> &[R] {
        &self.records
    }
}

/// A region of one record, kept in place.
#[derive(Clone, Debug)]
pub struct Single<R> {
    record: R,
}

impl<R: Record> Single<R> {
    /// A zero record.
    #[must_use]
    pub const fn new() -> Self {
        Self { record: R::ZERO }
    }

    /// Reads the record.
    #[inline(always)]
    pub fn get<T: Touch>(&self, touch: &mut T) -> &R {
        touch.touch_read(R::REGION, 0);
        &self.record
    }

    /// Changes the record.
    #[inline(always)]
    pub fn get_mut<T: Touch>(&mut self, touch: &mut T) -> &mut R {
        touch.touch(R::REGION, 0);
        &mut self.record
    }

    /// The record, for those who stand outside the transition.
    #[must_use]
    pub const fn record(&self) -> &R {
        &self.record
    }
}

impl<R: Record> Default for Single<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// A table as pages, whatever its records are.
pub trait Region {
    /// Which region.
    fn id(&self) -> RegionId;
    /// Bytes of one record.
    fn record_size(&self) -> usize;
    /// Records in the table.
    fn record_count(&self) -> usize;

    /// Pages of the table; the last one may end in zeros behind the last record.
    fn page_count(&self) -> usize {
        self.record_count().div_ceil(PAGE_SIZE / self.record_size())
    }

    /// Writes page `page`.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    fn write_page(&self, page: usize, words: &mut PageWords);

    /// Fills page `page`; `false`, with an unspecified part of the page changed, if no [`Region::write_page`] makes
    /// these words.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    fn read_page(&mut self, page: usize, words: &PageWords) -> bool;
}

impl<R: Record> Region for Table<R> {
    fn id(&self) -> RegionId {
        R::REGION
    }

    fn record_size(&self) -> usize {
        R::SIZE
    }

    fn record_count(&self) -> usize {
        self.records.len()
    }

    fn write_page(&self, page: usize, words: &mut PageWords) {
        write_records(&self.records[page * (PAGE_SIZE / R::SIZE)..], words);
    }

    fn read_page(&mut self, page: usize, words: &PageWords) -> bool {
        read_records(&mut self.records[page * (PAGE_SIZE / R::SIZE)..], words)
    }
}

impl<R: Record> Region for Single<R> {
    fn id(&self) -> RegionId {
        R::REGION
    }

    fn record_size(&self) -> usize {
        R::SIZE
    }

    fn record_count(&self) -> usize {
        1
    }

    fn write_page(&self, page: usize, words: &mut PageWords) {
        assert!(page == 0, "one record is one page");
        write_records(core::slice::from_ref(&self.record), words);
    }

    fn read_page(&mut self, page: usize, words: &PageWords) -> bool {
        assert!(page == 0, "one record is one page");
        read_records(core::slice::from_mut(&mut self.record), words)
    }
}

/// Writes as many records as a page holds, and zeros behind the last one. By index, so that the compiler sees that records begin at words.
fn write_records<R: Record>(records: &[R], words: &mut PageWords) {
    let bytes = bytes_of_mut(words);
    let count = records.len().min(PAGE_SIZE / R::SIZE);
    for (at, record) in records[..count].iter().enumerate() {
        record.write(&mut bytes[at * R::SIZE..][..R::SIZE]);
    }
    bytes[count * R::SIZE..].fill(0);
}

fn read_records<R: Record>(records: &mut [R], words: &PageWords) -> bool {
    let bytes = bytes_of(words);
    let count = records.len().min(PAGE_SIZE / R::SIZE);
    for (at, record) in records[..count].iter_mut().enumerate() {
        match R::read(&bytes[at * R::SIZE..][..R::SIZE]) {
            Some(value) => *record = value,
            None => return false,
        }
    }
    bytes[count * R::SIZE..].iter().all(|&byte| byte == 0)
}

/// A field of a record.
pub trait Field: Sized + Copy {
    /// Its bytes.
    const SIZE: usize;
    /// The value whose bytes are zero.
    const ZERO: Self;
    /// Writes the value to exactly [`Field::SIZE`] bytes.
    fn write(&self, bytes: &mut [u8]);
    /// Reads exactly [`Field::SIZE`] bytes; `None` if no value has them.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Field for $int {
            const SIZE: usize = size_of::<Self>();
            const ZERO: Self = 0;
            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i64);

impl<F: Field, const N: usize> Field for [F; N] {
    const SIZE: usize = F::SIZE * N;
    const ZERO: Self = [F::ZERO; N];

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        self.iter().zip(bytes.chunks_exact_mut(F::SIZE)).for_each(|(field, bytes)| field.write(bytes));
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Self::ZERO;
        for (field, bytes) in fields.iter_mut().zip(bytes.chunks_exact(F::SIZE)) {
            *field = F::read(bytes)?;
        }
        Some(fields)
    }
}

impl Field for Amount {
    const SIZE: usize = 16;
    const ZERO: Self = Self::ZERO;

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.units().to_le_bytes());
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::new(u128::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// Declares a [`Record`]: a struct with the region that holds it and its size in bytes.
///
/// ```
/// use plinth_types::{page::RegionId, table::Record, table_record};
///
/// table_record! {
///     /// A price level.
///     pub struct Level in RegionId::new(9), 16 bytes {
///         /// First order.
///         pub head: u32,
///         /// Last order.
///         pub tail: u32,
///         /// Lots of all its orders.
///         pub lots: u64,
///     }
/// }
///
/// let mut bytes = [0; 16];
/// Level { head: 1, tail: 2, lots: 3 }.write(&mut bytes);
/// assert_eq!(bytes, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(Level::read(&bytes), Some(Level { head: 1, tail: 2, lots: 3 }));
/// ```
#[macro_export]
macro_rules! table_record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $region:expr, $size:literal bytes {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        impl $crate::table::Record for $name {
            const REGION: $crate::page::RegionId = $region;
            const SIZE: usize = $size;
            const ZERO: Self = Self { $($field: <$type as $crate::table::Field>::ZERO),* };

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                let rest = bytes;
                $(
                    let (field, rest) = rest.split_at_mut(<$type as $crate::table::Field>::SIZE);
                    $crate::table::Field::write(&self.$field, field);
                )*
                rest.fill(0);
            }

            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                let rest = bytes;
                $(
                    let (field, rest) = rest.split_at_checked(<$type as $crate::table::Field>::SIZE)?;
                    let $field = <$type as $crate::table::Field>::read(field)?;
                )*
                rest.iter().all(|&byte| byte == 0).then_some(Self { $($field),* })
            }
        }

        const _: () = {
            assert!(0 $(+ <$type as $crate::table::Field>::SIZE)* <= $size, "the fields fit the record");
            assert!($crate::limits::PAGE_SIZE % $size == 0, "records divide a page");
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    table_record! {
        struct Pair in RegionId::new(3), 32 bytes {
            first: [u16; 2],
            second: Amount,
        }
    }

    #[test]
    fn a_page_survives_its_bytes_and_a_short_last_page_ends_in_zeros() {
        let mut table = Table::<Pair>::new(17);
        table.get_mut(&mut (), 16).first = [7, 8];
        table.get_mut(&mut (), 3).second = Amount::new(9).unwrap();
        assert_eq!(table.page_count(), 2);
        let mut copy = Table::<Pair>::new(17);
        for page in 0..2 {
            let mut words = [0xeeee_eeee; PAGE_SIZE / 4];
            table.write_page(page, &mut words);
            assert!(copy.read_page(page, &words));
            if page == 1 {
                let bytes = bytes_of_mut(&mut words);
                assert_eq!(bytes[..4], [7, 0, 8, 0]);
                assert!(bytes[4..].iter().all(|&byte| byte == 0));
                bytes[32] = 1;
                assert!(!copy.read_page(page, &words), "bytes behind the last record");
            }
        }
        assert_eq!(table.records(), copy.records());
    }

    #[test]
    fn bytes_that_no_record_has_are_refused() {
        let mut bytes = [0; 32];
        bytes[20] = 1;
        assert_eq!(Pair::read(&bytes), None, "padding");
        bytes = [0; 32];
        bytes[19] = 0xff;
        assert_eq!(Pair::read(&bytes), None, "amount above the largest");
    }
}
