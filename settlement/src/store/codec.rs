//! The library's codec inside ours: a value of the library is its size in four bytes, and its bytes.

use bytes::{Buf as _, Bytes};
use commonware_codec::{Encode, Read};
use plinth_types::codec::{DecodeError, Reader, encode_count};

/// Appends a value of the library.
pub(super) fn encode_sized(value: &impl Encode, out: &mut Vec<u8>) {
    let bytes = value.encode();
    encode_count(bytes.len(), out);
    out.extend_from_slice(&bytes);
}

/// Reads a value of the library that fills its bytes.
pub(super) fn read_sized<T: Read>(
    reader: &mut Reader<'_>,
    size_max: usize,
    config: &T::Cfg,
    field: &'static str,
) -> Result<T, DecodeError> {
    let size = reader.count(field, size_max)?;
    let mut bytes = Bytes::copy_from_slice(reader.bytes(size)?);
    let value = T::read_cfg(&mut bytes, config).map_err(|_| reader.invalid(field))?;
    if bytes.remaining() == 0 { Ok(value) } else { Err(reader.invalid(field)) }
}
