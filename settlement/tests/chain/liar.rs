//! What a lying producer disperses: shards that each lie under the root, and that are of no codeword.

use bytes::Bytes;
use commonware_codec::Encode as _;
use commonware_coding::{Config, ReedSolomon, Scheme as _};
use commonware_cryptography::Sha256;
use commonware_parallel::Sequential;
use std::num::NonZeroU16;

/// Root and shards, in the format of the wire, of a ciphertext of one segment. They are coded so that k+1 shards rebuild it, where
/// everybody takes k to be enough.
#[allow(unreachable_pub, reason = "a module of tests and of unit tests")]
pub fn not_a_codeword(ciphertext: &[u8], n: u16, k: u16) -> ([u8; 32], Vec<Bytes>) {
    let part = |count| NonZeroU16::new(count).unwrap();
    let config = Config { minimum_shards: part(k + 1), extra_shards: part(n - k - 1) };
    let (root, parts) = ReedSolomon::<Sha256>::encode(&config, ciphertext, &Sequential).unwrap();
    let frame = |(index, part): (u16, Vec<u8>)| {
        let mut out = vec![1];
        out.extend_from_slice(&index.to_le_bytes());
        out.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
        out.extend_from_slice(&part);
        Bytes::from(out)
    };
    let parts = (0..n).zip(parts.iter().map(|part| part.encode().to_vec()));
    (root.0, parts.map(frame).collect())
}
