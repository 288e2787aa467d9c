//! Ed25519 keys and signatures of owners, producers and validators.
//!
//! What is signed is always a type's `signed_bytes`, which starts with that type's own domain and the chain. The library puts
//! [`NAMESPACE`], preceded by its length, in front. So the signature covers `0x06 ‖ "plinth" ‖ signed_bytes`, and none is at once a
//! vote: consensus signs under other namespaces, though a validator uses one key for both.
//!
//! Known limitation: keys live in the process; the separate signer comes with the key-management issue.

use commonware_codec::{Copying, DecodeExt, EncodeFixed};
use commonware_cryptography::{Signer, Verifier as _, ed25519};
use plinth_types::id::{ChainId, PublicKey, Signature};
use plinth_types::reference::SignedMandate;
use plinth_types::withdrawal::SignedWithdrawal;

/// Stands in front of every byte string that is signed here.
pub const NAMESPACE: &[u8] = b"plinth";

/// A secret key. Its memory is zeroed when it is dropped, and `Debug` shows only the public half.
#[derive(Clone)]
pub struct SecretKey(ed25519::PrivateKey);

/// Why text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key is 32 bytes: 64 hexadecimal digits.
    #[error("a key has 64 hexadecimal digits, not {characters} characters")]
    Length {
        /// Characters received.
        characters: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("character {index} of the key is no hexadecimal digit")]
    Digit {
        /// Its place, from 0.
        index: usize,
    },
    /// Thirty-two bytes that are no point of the curve.
    #[error("these 32 bytes are no ed25519 public key")]
    NotAPoint,
}

/// A signature does not fit key and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of key {key} is invalid")]
pub struct SignatureError {
    /// Whose signature it should be.
    pub key: PublicKey,
}

impl SecretKey {
    /// The key of a 32-byte seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519::PrivateKey::decode(Copying(&seed)).expect("any 32 bytes are a seed"))
    }

    /// Reads a seed of 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`], [`KeyError::Digit`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        parse_hex(text).map(Self::from_seed)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        from_consensus(&self.0.public_key())
    }

    /// Signs the `signed_bytes` of a type.
    #[must_use]
    pub fn sign(&self, signed_bytes: &[u8]) -> Signature {
        Signature(self.0.sign(NAMESPACE, signed_bytes).encode_fixed())
    }

    /// The seed, for a key file. The caller guards it.
    #[must_use]
    pub fn expose_seed(&self) -> [u8; 32] {
        self.0.encode_fixed()
    }

    /// The key as the consensus library takes it.
    #[must_use]
    pub fn to_consensus(&self) -> ed25519::PrivateKey {
        self.0.clone()
    }
}

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}

/// Reads a public key of 64 hexadecimal digits.
///
/// # Errors
///
/// [`KeyError`].
pub fn parse_public_key(text: &str) -> Result<PublicKey, KeyError> {
    let key = PublicKey(parse_hex(text)?);
    to_consensus(&key).map(|_| key)
}

/// The key as the consensus library takes it.
///
/// # Errors
///
/// [`KeyError::NotAPoint`].
pub fn to_consensus(key: &PublicKey) -> Result<ed25519::PublicKey, KeyError> {
    ed25519::PublicKey::decode(Copying(&key.0)).map_err(|_| KeyError::NotAPoint)
}

/// The key as the shared vocabulary has it.
#[must_use]
pub fn from_consensus(key: &ed25519::PublicKey) -> PublicKey {
    PublicKey(key.encode_fixed())
}

/// Checks a signature over the `signed_bytes` of a type, by the rules of ZIP 215: all validators decide alike.
///
/// # Errors
///
/// [`SignatureError`], also when `key` is no point of the curve.
pub fn verify(key: &PublicKey, signed_bytes: &[u8], signature: &Signature) -> Result<(), SignatureError> {
    let refused = SignatureError { key: *key };
    let verifier = to_consensus(key).map_err(|_| refused)?;
    let signature = ed25519::Signature::decode(Copying(&signature.0)).map_err(|_| refused)?;
    if verifier.verify(NAMESPACE, signed_bytes, &signature) { Ok(()) } else { Err(refused) }
}

/// Checks that the owner of an account signed this withdrawal for this chain.
///
/// # Errors
///
/// [`SignatureError`].
pub fn verify_withdrawal(chain: ChainId, signed: &SignedWithdrawal, owner: &PublicKey) -> Result<(), SignatureError> {
    verify(owner, &signed.withdrawal.signed_bytes(chain), &signed.signature)
}

/// Checks that the owner of an account signed this mandate for this chain.
///
/// # Errors
///
/// [`SignatureError`].
pub fn verify_mandate(chain: ChainId, signed: &SignedMandate, owner: &PublicKey) -> Result<(), SignatureError> {
    verify(owner, &signed.mandate.signed_bytes(chain), &signed.signature)
}

pub(crate) fn parse_hex(text: &str) -> Result<[u8; 32], KeyError> {
    let characters = text.chars().count();
    if characters != 64 {
        return Err(KeyError::Length { characters });
    }
    let mut bytes = [0; 32];
    for (index, character) in text.chars().enumerate() {
        let digit = character.to_digit(16).ok_or(KeyError::Digit { index })?;
        bytes[index / 2] = bytes[index / 2] << 4 | digit as u8;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::id::{AccountId, MandateId, SessionId, TimestampNs};
    use plinth_types::reference::{Mandate, Scope};

    #[test]
    fn a_signature_holds_for_one_key_and_one_byte_string() {
        let (alice, bob) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
        let signature = alice.sign(b"ten");
        assert_eq!(verify(&alice.public_key(), b"ten", &signature), Ok(()));
        assert!(verify(&alice.public_key(), b"tem", &signature).is_err());
        assert_eq!(verify(&bob.public_key(), b"ten", &signature), Err(SignatureError { key: bob.public_key() }));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&alice.public_key(), b"ten", &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_secret() {
        let key = SecretKey::from_seed([0xa5; 32]);
        assert!(!format!("{key:?}").contains("a5a5a5"));
        assert_eq!(SecretKey::from_seed(key.expose_seed()).public_key(), key.public_key());
    }

    #[test]
    fn a_mistyped_key_is_refused_with_the_place() {
        let text = SecretKey::from_seed([1; 32]).public_key().to_string();
        assert_eq!(parse_public_key(&text).unwrap().to_string(), text);
        assert_eq!(parse_public_key(&text[1..]), Err(KeyError::Length { characters: 63 }));
        assert_eq!(parse_public_key(&text.replacen(|c: char| c.is_ascii_hexdigit(), "g", 1)), Err(KeyError::Digit { index: 0 }));
        // y = 2 is on no point of the curve.
        assert_eq!(parse_public_key(&format!("02{}", "00".repeat(31))), Err(KeyError::NotAPoint));
        assert_eq!(SecretKey::from_hex("é").unwrap_err(), KeyError::Length { characters: 1 });
    }

    #[test]
    fn a_mandate_holds_on_its_own_chain_only() {
        let owner = SecretKey::from_seed([3; 32]);
        let mandate = Mandate {
            id: MandateId::new(1),
            session: SessionId::new(2),
            account: AccountId::new(3),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(4),
        };
        let chain = ChainId::new(7);
        let signed = SignedMandate { mandate, signature: owner.sign(&mandate.signed_bytes(chain)) };
        assert_eq!(verify_mandate(chain, &signed, &owner.public_key()), Ok(()));
        assert!(verify_mandate(ChainId::new(8), &signed, &owner.public_key()).is_err());
        let widened = SignedMandate { mandate: Mandate { account: AccountId::new(4), ..mandate }, ..signed };
        assert!(verify_mandate(chain, &widened, &owner.public_key()).is_err());
    }
}
