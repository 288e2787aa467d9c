//! Verifies what a logon shows: argon2 takes tens of milliseconds on purpose, and the driver's thread has none to spare.

use crate::acceptor::{LinkId, Proof, Verification};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Argon2, password_hash};
use ed25519_dalek::{Signature, VerifyingKey};

/// A password that cannot be hashed, or a hash that is none.
#[derive(Debug, thiserror::Error)]
#[error("argon2: {0}")]
pub struct PasswordError(password_hash::Error);

impl From<password_hash::Error> for PasswordError {
    fn from(error: password_hash::Error) -> Self {
        Self(error)
    }
}

/// Hashes a password for `Credential::Password`: argon2id with the crate's default cost. `salt` is 8 to 48 random bytes.
///
/// # Errors
///
/// When the salt or the password has a length that argon2 refuses.
pub fn hash_password(password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let salt = SaltString::encode_b64(salt)?;
    Ok(Argon2::default().hash_password(password, &salt)?.to_string())
}

/// Whether a proof is right.
pub(super) fn verify(question: Verification) -> (LinkId, bool) {
    (question.link, is_right(&question))
}

fn is_right(question: &Verification) -> bool {
    match &question.proof {
        Proof::Password { password, hash } => {
            PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
        }
        Proof::Signature { key, text, signature } => {
            VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(text, &Signature::from_bytes(signature)).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let hash: std::sync::Arc<str> = hash_password(b"secret", b"0123456789abcdef").unwrap().into();
        let link = LinkId { index: 0, generation: 1 };
        for (password, expected) in [(&b"secret"[..], true), (b"Secret", false), (b"", false)] {
            let question = Verification { link, proof: Proof::Password { password: password.into(), hash: hash.clone() } };
            assert_eq!(is_right(&question), expected);
            assert!(!format!("{question:?}").contains("ecret"), "a password is never shown");
        }
        let question = Verification { link, proof: Proof::Password { password: (*b"x").into(), hash: "no hash".into() } };
        assert!(!is_right(&question));
    }

    #[test]
    fn only_the_right_key_over_the_right_text_is_right() {
        use ed25519_dalek::{Signer, SigningKey};
        let (own, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let link = LinkId { index: 0, generation: 1 };
        let question = |key: &SigningKey, text: &[u8], signature: [u8; 64]| Verification {
            link,
            proof: Proof::Signature { key: key.verifying_key().to_bytes(), text: text.into(), signature },
        };
        let signature = own.sign(b"text").to_bytes();
        assert!(is_right(&question(&own, b"text", signature)));
        assert!(!is_right(&question(&own, b"texts", signature)) && !is_right(&question(&other, b"text", signature)));
        // A key of small order signs everything, unless it is refused.
        let weak = Verification { link, proof: Proof::Signature { key: [0; 32], text: (*b"text").into(), signature: [0; 64] } };
        assert!(!is_right(&weak));
    }
}
