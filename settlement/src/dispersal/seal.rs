//! Bodies are enciphered to the zone's readers before anyone else sees them.
//!
//! ```text
//! reader key ── HMAC-SHA-256 (chain, zone, epoch, height, body hash) ──► body key ── ChaCha20-Poly1305, nonce = height ──► ciphertext
//!                                                                           └── SHA-256 ──► commitment in the header
//! ```
//!
//! * **A key for each body.** What it is derived from includes the body's hash, so two bodies of one height never share a key and
//!   nonce, and showing one key shows one body.
//! * **Rotation by epoch.** A new producer epoch derives other keys from the same reader key; a zone that wants to shut a reader out
//!   hands the others a new reader key and begins an epoch with it. What a reader could read before, it can read for ever.
//! * **The header commits to the key**, so a producer cannot later show another one; that the ciphertext opens to the body hash, only
//!   a reader sees. A reader who finds that it does not shows the key ([`Opening`]): then everybody sees it.
//!
//! Known limitation: the header's body hash is public, so whoever guesses a whole body, every time stamp included, can confirm it.

use super::limits::TAG_SIZE;
use crate::digest::sha256;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use core::fmt;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::record;

/// What a zone's readers share. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReaderKey([u8; 32]);

/// The key of one body. `Debug` shows its commitment only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BodyKey([u8; 32]);

/// What a header says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyCommitment {
    /// The zone's height, which is the cipher's nonce.
    pub height: Height,
    /// SHA-256 of the body.
    pub hash: Digest,
    /// Bytes of the body.
    pub size: u32,
    /// Commitment to the body's key.
    pub key: Digest,
    /// Commitment to the shards of the ciphertext.
    pub shard_root: Digest,
}

/// Why a ciphertext is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not the key that the header commits to. Says nothing of the body.
    #[error("a key of commitment {commitment}, the header says {commitment_claimed}")]
    OtherKey {
        /// Of the key.
        commitment: Digest,
        /// In the header.
        commitment_claimed: Digest,
    },
    /// No body of the header's size was enciphered.
    #[error("a ciphertext of {size} bytes for a body of {body_size}")]
    Size {
        /// Bytes of the ciphertext.
        size: usize,
        /// Bytes of the body, as the header says.
        body_size: u32,
    },
    /// What the key opens was never closed with it.
    #[error("the ciphertext is not one of the header's key")]
    Tag,
    /// Another body than the header's.
    #[error("the body's hash is {hash}, the header says {hash_claimed}")]
    Hash {
        /// Of the opened body.
        hash: Digest,
        /// In the header.
        hash_claimed: Digest,
    },
}

impl ReaderKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of a header's body. Chain, zone, epoch, height and body hash must be set; nothing else matters.
    #[must_use]
    pub fn body_key(&self, header: &ZoneHeader) -> BodyKey {
        let mut context = BODY_KEY_DOMAIN.to_vec();
        header.chain.encode(&mut context);
        header.zone.encode(&mut context);
        header.epoch.encode(&mut context);
        header.height.encode(&mut context);
        header.body_hash.encode(&mut context);
        BodyKey(hmac(&self.0, &context))
    }
}

impl BodyKey {
    /// What the header says of it.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        sha256(&[COMMITMENT_DOMAIN, &self.0])
    }

    /// Enciphers a body of this height.
    #[must_use]
    pub fn close(&self, height: Height, body: &[u8]) -> Vec<u8> {
        self.cipher().encrypt(&nonce(height), body).expect("a body is far below the cipher's bound of 256 GiB")
    }

    /// Opens a ciphertext, and checks that it is the body of the header.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; all but [`OpenError::OtherKey`] are the producer's fault.
    pub fn open(&self, commitment: &BodyCommitment, ciphertext: &[u8]) -> Result<Vec<u8>, OpenError> {
        if self.commitment() != commitment.key {
            return Err(OpenError::OtherKey { commitment: self.commitment(), commitment_claimed: commitment.key });
        }
        if ciphertext.len() != commitment.size as usize + TAG_SIZE {
            return Err(OpenError::Size { size: ciphertext.len(), body_size: commitment.size });
        }
        let body = self.cipher().decrypt(&nonce(commitment.height), ciphertext).map_err(|_| OpenError::Tag)?;
        let hash = sha256(&[&body]);
        if hash != commitment.hash {
            return Err(OpenError::Hash { hash, hash_claimed: commitment.hash });
        }
        Ok(body)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl BodyCommitment {
    /// What this header says.
    #[must_use]
    pub const fn of(header: &ZoneHeader) -> Self {
        Self {
            height: header.height,
            hash: header.body_hash,
            size: header.body_size,
            key: header.body_key,
            shard_root: header.shard_root,
        }
    }
}

/// A reader's word that a body does not open to its header's hash, with the key that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Id of the header.
    pub header: Digest,
    /// The body's key.
    pub key: BodyKey,
}

impl Opening {
    /// Whether the key shows that the producer enciphered something else than its header says. `ciphertext` is what the shards rebuild.
    #[must_use]
    pub fn shows_fault(&self, commitment: &BodyCommitment, ciphertext: &[u8]) -> bool {
        match self.key.open(commitment, ciphertext) {
            Ok(_) | Err(OpenError::OtherKey { .. }) => false,
            Err(OpenError::Size { .. } | OpenError::Tag | OpenError::Hash { .. }) => true,
        }
    }
}

record!(BodyCommitment { height, hash, size, key, shard_root });

impl Codec for BodyKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(Self)
    }
}

impl fmt::Debug for ReaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReaderKey")
    }
}

impl fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyKey(of commitment {})", self.commitment())
    }
}

fn nonce(height: Height) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&height.get().to_le_bytes());
    bytes.into()
}

/// HMAC-SHA-256 (RFC 2104) under a key of 32 bytes.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| -> [u8; 64] { core::array::from_fn(|at| key.get(at).copied().unwrap_or(0) ^ with) };
    let inner = sha256(&[&pad(0x36), message]);
    sha256(&[&pad(0x5c), &inner.0]).0
}

const BODY_KEY_DOMAIN: &[u8] = b"plinth/body-key/1";
const COMMITMENT_DOMAIN: &[u8] = b"plinth/body-key-commitment/1";

#[cfg(test)]
mod tests {
    use super::*;

    fn commitment(key: &BodyKey, body: &[u8]) -> BodyCommitment {
        BodyCommitment {
            height: Height::new(3),
            hash: sha256(&[body]),
            size: body.len() as u32,
            key: key.commitment(),
            shard_root: Digest::ZERO,
        }
    }

    /// Python: `hmac.new(bytes(range(32)), b"what do ya want for nothing?", "sha256").hexdigest()`.
    #[test]
    fn hmac_is_that_of_others() {
        let key = core::array::from_fn(|at| at as u8);
        let mac = Digest(hmac(&key, b"what do ya want for nothing?"));
        assert_eq!(mac.to_string(), HMAC_EXPECTED);
    }

    #[test]
    fn a_body_opens_under_its_own_key_only() {
        let (key, other) = (BodyKey([1; 32]), BodyKey([2; 32]));
        let body = b"ten thousand orders".repeat(10);
        let mut ciphertext = key.close(Height::new(3), &body);
        let commitment = commitment(&key, &body);
        assert_eq!(key.open(&commitment, &ciphertext), Ok(body.clone()));
        assert!(matches!(other.open(&commitment, &ciphertext), Err(OpenError::OtherKey { .. })));
        assert!(!format!("{key:?}").contains("0101"));
        for honest in [key, other] {
            assert!(!Opening { header: Digest::ZERO, key: honest }.shows_fault(&commitment, &ciphertext), "{honest:?}");
        }
        ciphertext[7] ^= 1;
        assert_eq!(key.open(&commitment, &ciphertext), Err(OpenError::Tag));
        ciphertext.pop();
        assert!(matches!(key.open(&commitment, &ciphertext), Err(OpenError::Size { .. })));
    }

    #[test]
    fn a_producer_that_enciphers_another_body_is_shown() {
        let key = BodyKey([1; 32]);
        let commitment = commitment(&key, b"what was proven");
        let ciphertext = key.close(Height::new(3), b"what was hidden");
        assert!(matches!(key.open(&commitment, &ciphertext), Err(OpenError::Hash { .. })));
        assert!(Opening { header: Digest::ZERO, key }.shows_fault(&commitment, &ciphertext));
        let shown_with_another_key = Opening { header: Digest::ZERO, key: BodyKey([2; 32]) };
        assert!(!shown_with_another_key.shows_fault(&commitment, &ciphertext), "says nothing of the body");
    }

    const HMAC_EXPECTED: &str = "099805f4ac310786968565c098db515cc50862b420ae31e20238312344bed36a";
}
