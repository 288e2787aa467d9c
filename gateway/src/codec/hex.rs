//! Bytes as hexadecimal digits.

/// `N` bytes from twice as many digits, of either case.
#[must_use]
pub fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

/// Appends two digits for each byte.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else() {
        let bytes: [u8; 256] = core::array::from_fn(|byte| byte as u8);
        let mut digits = Vec::new();
        encode(&bytes, &mut digits);
        assert_eq!(decode(&digits), Some(bytes));
        digits.make_ascii_uppercase();
        assert_eq!(decode(&digits), Some(bytes));
        for wrong in [&b""[..], b"0", b"00", b"000", b"0g", b"+1", b"0x"] {
            assert_eq!(decode::<1>(wrong).is_some(), wrong == b"00");
        }
    }
}
