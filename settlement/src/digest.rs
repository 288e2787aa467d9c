//! SHA-256 into the digest type of the shared vocabulary, and that type in the words of the consensus library.

use commonware_cryptography::{Hasher, Sha256, sha256};
use plinth_types::digest::Digest;

/// SHA-256 of the parts, one behind the other. Callers put a domain in front.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    from_consensus(Sha256::hash(parts))
}

/// The same 32 bytes, as the consensus library calls them.
#[must_use]
pub const fn to_consensus(digest: Digest) -> sha256::Digest {
    sha256::Digest(digest.0)
}

/// The same 32 bytes, as the shared vocabulary calls them.
#[must_use]
pub const fn from_consensus(digest: sha256::Digest) -> Digest {
    Digest(digest.0)
}
