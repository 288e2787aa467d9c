//! A header on its way to many validators, its zeros left out: most of a header's roots are zero in most blocks, and the leader sends it
//! to everybody.
//!
//! `size u16 │ (literal count u8 │ literals │ zero count u8)*`; every string has one packed form, and no other is read.

use plinth_types::codec::{Codec, DecodeError, Reader};

/// Fewer zeros than this are not worth a new pair of counts.
const ZEROS_MIN: usize = 3;

/// Appends the packed form of `bytes`, of which there are fewer than 64 KiB.
pub(super) fn encode_packed(bytes: &[u8], out: &mut Vec<u8>) {
    let mut packed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let literals = literal_count(rest);
        let zeros = zero_count(&rest[literals..]);
        packed.push(literals as u8);
        packed.extend_from_slice(&rest[..literals]);
        packed.push(zeros as u8);
        rest = &rest[literals + zeros..];
    }
    let size = u16::try_from(packed.len()).expect("a header has a bound");
    size.encode(out);
    out.extend_from_slice(&packed);
}

/// Reads what [`encode_packed`] wrote, of at most `size_max` bytes. Says how many bytes it took.
pub(super) fn read_packed(reader: &mut Reader<'_>, size_max: usize) -> Result<(Vec<u8>, usize), DecodeError> {
    let size = u16::read(reader)?;
    let packed = reader.bytes(usize::from(size))?;
    let (mut parts, mut bytes) = (Reader::new(packed), Vec::new());
    while parts.finish().is_err() {
        let literals = u8::read(&mut parts)?;
        bytes.extend_from_slice(parts.bytes(usize::from(literals))?);
        let zeros = u8::read(&mut parts)?;
        bytes.resize(bytes.len() + usize::from(zeros), 0);
        if bytes.len() > size_max {
            return Err(reader.invalid("packed bytes"));
        }
    }
    let mut again = Vec::with_capacity(2 + packed.len());
    encode_packed(&bytes, &mut again);
    if again[2..] != *packed {
        return Err(reader.invalid("packed form"));
    }
    Ok((bytes, again.len()))
}

/// Bytes up to the next run of zeros that is long enough.
fn literal_count(bytes: &[u8]) -> usize {
    let end = bytes.windows(ZEROS_MIN).position(|window| window.iter().all(|byte| *byte == 0)).unwrap_or(bytes.len());
    end.min(usize::from(u8::MAX))
}

/// Zeros here, if they are worth it.
fn zero_count(bytes: &[u8]) -> usize {
    let count = bytes.iter().take(usize::from(u8::MAX)).take_while(|byte| **byte == 0).count();
    if count >= ZEROS_MIN { count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_packed(bytes, &mut out);
        out
    }

    #[test]
    fn what_is_packed_unpacks_to_itself() {
        let strings = [
            vec![],
            vec![0; 1],
            vec![0; 2],
            vec![0; 3],
            vec![0; 700],
            vec![7; 700],
            [vec![1; 40], vec![0; 32], vec![2], vec![0, 0], vec![3], vec![0; 9]].concat(),
            (0..1_000).map(|at| if at % 7 < 4 { 0 } else { at as u8 }).collect(),
        ];
        for bytes in strings {
            let form = packed(&bytes);
            let mut reader = Reader::new(&form);
            assert_eq!(read_packed(&mut reader, 1_000), Ok((bytes.clone(), form.len())));
            assert!(reader.finish().is_ok());
            assert!(bytes.is_empty() || read_packed(&mut Reader::new(&form), bytes.len() - 1).is_err(), "the bound holds");
            assert!((0..form.len()).all(|size| read_packed(&mut Reader::new(&form[..size]), 1_000).is_err()));
        }
        assert_eq!(packed(&[5, 0, 0, 0, 0]), [3, 0, 1, 5, 4]);
    }

    #[test]
    fn a_string_has_one_packed_form() {
        // Zeros as literals, a pair of nothing, two pairs where one does.
        for form in [vec![5, 0, 3, 0, 0, 0, 0], vec![2, 0, 0, 0], vec![6, 0, 1, 5, 0, 1, 6, 0]] {
            assert!(read_packed(&mut Reader::new(&form), 1_000).is_err(), "{form:?}");
        }
    }
}
