//! Keys of a wallet: one seed, hardened accounts, and keys that see without spending.
//!
//! ```text
//! seed ── account (hardened) ─┬─ ask, nk ── ak = H(ask) ── owner = H(ak, nk)
//!                             ├─ from (ak, nk): incoming key (X25519), outgoing key, audit key
//!                             └─ deposit key (Ed25519)
//! ```
//!
//! | key | sees | spends |
//! | --- | --- | --- |
//! | [`SpendingKey`] | everything | yes |
//! | [`FullViewingKey`] (`ak`, `nk`) | received, sent, and which notes are spent | no |
//! | [`IncomingViewingKey`] | received | no |
//! | [`OutgoingViewingKey`] | sent | no |
//! | [`AuditKey`] | sent, proven | no |
//! | [`DepositKey`] | nothing | shields what was deposited for it |
//!
//! * All derivation is hardened: BLAKE2b with a personal string for each step, over the parent's secret. No child and no viewing key
//!   leads to a parent or a sibling.
//! * An address names the owner word and the X25519 key to encrypt to. One account has one address; a firm that must not be linked
//!   across counterparties uses an account for each.

use crate::circuit::witness::{SpendSecrets, owner_of};
use crate::field::{Owner, Word};
use crate::registry::AuditKey;
use ed25519_dalek::{Signer as _, SigningKey};
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::id::{PublicKey, Signature};
use plinth_types::record;
use std::fmt;
use x25519_dalek::{PublicKey as EncryptionKey, StaticSecret};
use zeroize::Zeroizing;

/// What everything else is derived from. Kept in the encrypted key file, and nowhere else.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// Wraps 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The account with this number.
    #[must_use]
    pub fn account(&self, number: u32) -> SpendingKey {
        let secret = derive(b"plinth/pv/accnt", &[self.0.as_slice(), &number.to_le_bytes()]);
        let word = |use_: u8| Word::from_uniform(&derive(b"plinth/pv/spend", &[secret.as_slice(), &[use_]]));
        SpendingKey { secrets: SpendSecrets { spend_key: word(1), nullifier_key: word(2) } }
    }

    /// The key that shields what is deposited for the account with this number.
    #[must_use]
    pub fn deposit_key(&self, number: u32) -> DepositKey {
        let secret = derive(b"plinth/pv/depos", &[self.0.as_slice(), &number.to_le_bytes()]);
        DepositKey(SigningKey::from_bytes(&first_half(&secret)))
    }
}

/// Signs for credits of the base layer: deposits name it, and it shields them. It is no custody key of the base layer.
#[derive(Clone)]
pub struct DepositKey(SigningKey);

impl DepositKey {
    /// What a deposit names.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs what shields a credit.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
}

/// Spends one account's notes.
#[derive(Clone)]
pub struct SpendingKey {
    secrets: SpendSecrets,
}

impl SpendingKey {
    /// Sees all that the account does.
    #[must_use]
    pub fn full_viewing_key(&self) -> FullViewingKey {
        FullViewingKey { authority: Word(self.secrets.authority()), nullifier_key: self.secrets.nullifier_key }
    }

    /// For the prover.
    #[must_use]
    pub const fn secrets(&self) -> &SpendSecrets {
        &self.secrets
    }
}

/// Sees all that an account does; cannot spend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FullViewingKey {
    authority: Word,
    nullifier_key: Word,
}

impl FullViewingKey {
    /// Whose notes it sees.
    #[must_use]
    pub fn owner(&self) -> Owner {
        owner_of(self.authority.0, self.nullifier_key.0)
    }

    /// Sees what the account receives.
    #[must_use]
    pub fn incoming(&self) -> IncomingViewingKey {
        let secret = self.derive(b"plinth/pv/incom");
        IncomingViewingKey { owner: self.owner(), secret: StaticSecret::from(first_half(&secret)) }
    }

    /// Sees what the account sends.
    #[must_use]
    pub fn outgoing(&self) -> OutgoingViewingKey {
        OutgoingViewingKey(Zeroizing::new(first_half(&self.derive(b"plinth/pv/outgo"))))
    }

    /// Where the account is paid.
    #[must_use]
    pub fn address(&self) -> Address {
        self.incoming().address()
    }

    /// Reads what the account pays, and nothing else: for the registrar and the auditor.
    #[must_use]
    pub fn audit_key(&self) -> AuditKey {
        AuditKey::new(Word::from_uniform(&self.derive(b"plinth/pv/audit")))
    }

    pub(crate) const fn nullifier_key(&self) -> Word {
        self.nullifier_key
    }

    fn derive(&self, step: &[u8]) -> Zeroizing<[u8; 64]> {
        derive(step, &[&self.authority.canonical(), &self.nullifier_key.canonical()])
    }
}

record!(FullViewingKey { authority, nullifier_key });

/// Sees what an account receives.
#[derive(Clone)]
pub struct IncomingViewingKey {
    owner: Owner,
    secret: StaticSecret,
}

impl IncomingViewingKey {
    /// Whose notes it sees.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Where the account is paid.
    #[must_use]
    pub fn address(&self) -> Address {
        Address { owner: self.owner, encryption: *EncryptionKey::from(&self.secret).as_bytes() }
    }

    pub(crate) const fn secret(&self) -> &StaticSecret {
        &self.secret
    }
}

/// Sees what an account sends.
#[derive(Clone)]
pub struct OutgoingViewingKey(Zeroizing<[u8; 32]>);

impl OutgoingViewingKey {
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

macro_rules! secret_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
secret_debug!(Seed, DepositKey, SpendingKey, FullViewingKey, IncomingViewingKey, OutgoingViewingKey);

/// Where an account is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The owner of notes paid to it.
    pub owner: Owner,
    /// The X25519 key to encrypt to.
    pub encryption: [u8; 32],
}

impl Codec for Address {
    fn encode(&self, out: &mut Vec<u8>) {
        self.owner.encode(out);
        out.extend_from_slice(&self.encryption);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { owner: Codec::read(reader)?, encryption: reader.array()? })
    }
}

fn derive(step: &[u8], inputs: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut hash = blake2b_simd::Params::new().hash_length(64).personal(step).to_state();
    inputs.iter().for_each(|input| {
        hash.update(input);
    });
    Zeroizing::new(*hash.finalize().as_array())
}

fn first_half(bytes: &[u8; 64]) -> [u8; 32] {
    std::array::from_fn(|index| bytes[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_apart_and_viewing_keys_agree_with_the_spender() {
        let seed = Seed::new([7; 32]);
        let (first, second) = (seed.account(0), seed.account(1));
        assert_ne!(first.full_viewing_key().owner(), second.full_viewing_key().owner());
        assert_eq!(first.secrets().owner(), first.full_viewing_key().owner());
        assert_eq!(first.full_viewing_key().address(), first.full_viewing_key().incoming().address());
        let viewing = FullViewingKey::decode(&first.full_viewing_key().to_bytes()).expect("canonical");
        assert_eq!(viewing, first.full_viewing_key());
    }

    #[test]
    fn secrets_do_not_print() {
        let key = Seed::new([7; 32]).account(0);
        assert_eq!(format!("{key:?} {:?}", key.full_viewing_key()), "SpendingKey(…) FullViewingKey(…)");
        assert_eq!(format!("{:?}", key.secrets()), "SpendSecrets(…)");
    }
}
