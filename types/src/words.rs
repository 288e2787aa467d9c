#![allow(unsafe_code)]
//! Words seen as bytes, and bytes that lie at the address of a word seen as words: nothing is copied.
//!
//! Who proves an execution pays for each instruction. A number whose bytes may lie anywhere is loaded byte by byte and put together, which is ten
//! instructions for one.

/// The bytes of words, in memory's order.
#[must_use]
#[inline(always)]
pub fn bytes_of(words: &[u32]) -> &[u8] {
    // SAFETY: any bytes of a word are bytes; a byte lies anywhere, so the middle is all.
    unsafe { words.align_to::<u8>().1 }
}

/// As [`bytes_of`], to be changed.
#[must_use]
#[inline(always)]
pub fn bytes_of_mut(words: &mut [u32]) -> &mut [u8] {
    // SAFETY: as in `bytes_of`, and any four bytes are a word.
    unsafe { words.align_to_mut::<u8>().1 }
}

/// Bytes as words; `None` unless they are whole words that begin at a word's address.
#[must_use]
#[inline(always)]
pub fn words_of(bytes: &[u8]) -> Option<&[u32]> {
    // SAFETY: any four bytes are a word.
    let (before, words, behind) = unsafe { bytes.align_to::<u32>() };
    (before.is_empty() && behind.is_empty()).then_some(words)
}

/// As [`words_of`], to be changed.
#[must_use]
#[inline(always)]
pub fn words_of_mut(bytes: &mut [u8]) -> Option<&mut [u32]> {
    // SAFETY: any four bytes are a word, and any word is four bytes.
    let (before, words, behind) = unsafe { bytes.align_to_mut::<u32>() };
    (before.is_empty() && behind.is_empty()).then_some(words)
}

/// The words that have these bytes, wherever they lie: a copy. Bytes that are missing at the end are zero.
#[must_use]
#[inline(always)]
pub fn copied<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    bytes_of_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_are_one_another() {
        let mut words = [u32::from_ne_bytes([1, 2, 3, 4]), u32::from_ne_bytes([5, 6, 7, 8])];
        assert_eq!(bytes_of(&words), [1, 2, 3, 4, 5, 6, 7, 8]);
        bytes_of_mut(&mut words)[5] = 9;
        assert_eq!(words[1].to_ne_bytes(), [5, 9, 7, 8]);
        let copy = words;
        assert_eq!(words_of(bytes_of(&words)), Some(&copy[..]));
        assert_eq!(copied::<2>(bytes_of(&words)), copy);
        for bytes in [&bytes_of(&words)[1..5], &bytes_of(&words)[..3], &bytes_of(&words)[2..]] {
            assert_eq!(words_of(bytes), None);
        }
        let bytes = bytes_of_mut(&mut words);
        words_of_mut(bytes).unwrap()[0] = 0;
        assert!(words_of_mut(&mut bytes[1..]).is_none());
        assert_eq!(words, [0, copy[1]]);
    }
}
