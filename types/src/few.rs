//! Short lists of bounded length, kept in place: what holds one can be copied, and reading one allocates nothing.

use crate::codec::{Codec, DecodeError, Reader, encode_count};
use alloc::vec::Vec;

/// Up to `N` items, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Few<T, const N: usize>([Option<T>; N]);

impl<T: Copy, const N: usize> Few<T, N> {
    /// Nothing.
    pub const EMPTY: Self = Self([None; N]);

    /// These items; `None` if there are more than `N`.
    #[must_use]
    pub fn new(items: &[T]) -> Option<Self> {
        let mut few = Self::EMPTY;
        few.0.get_mut(..items.len())?.iter_mut().zip(items).for_each(|(place, item)| *place = Some(*item));
        Some(few)
    }

    /// The items, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.0.iter().filter_map(|item| *item)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Whether `precedes` holds between each item and the next.
    pub(crate) fn is_sorted(&self, precedes: impl Fn(T, T) -> bool) -> bool {
        self.iter().zip(self.iter().skip(1)).all(|(item, next)| precedes(item, next))
    }
}

// A count of four bytes, then the items.
impl<T: Codec + Copy, const N: usize> Codec for Few<T, N> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.count(), out);
        self.iter().for_each(|item| item.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("items", N)?;
        let mut few = Self::EMPTY;
        for place in &mut few.0[..count] {
            *place = Some(T::read(reader)?);
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_its_items_and_has_a_bound() {
        let few = Few::<u16, 3>::new(&[7, 8]).unwrap();
        assert_eq!(Few::<u16, 3>::decode(&few.to_bytes()), Ok(few));
        assert_eq!(few.iter().collect::<Vec<_>>(), [7, 8]);
        assert_eq!(Few::<u16, 3>::new(&[1; 4]), None);
        let four = Few::<u16, 4>::new(&[1; 4]).unwrap().to_bytes();
        assert!(matches!(Few::<u16, 3>::decode(&four), Err(DecodeError::TooMany { .. })));
    }
}
