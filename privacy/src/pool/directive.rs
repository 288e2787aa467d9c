//! What the registrar and the controller tell the pool, numbered and signed.
//!
//! Known limitations: one key each. Until governance exists the keys are part of the pool's genesis and are shown with its state.

use super::state::{AssetState, Gate, PoolState};
use crate::field::RegistryRoot;
use crate::limits::ASSETS_MAX;
use crate::note::{Eligibility, PoolAsset, Value};
use crate::transaction::PoolId;
use plinth_types::choice;
use plinth_types::codec::Codec;
use plinth_types::id::{AssetId, PublicKey, Signature};
use plinth_types::record;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// By the registrar: the registry has this root now.
    Registry(RegistryRoot),
    /// By the controller: the pool takes this asset under these terms. Terms of an asset that the pool has do not change.
    List(AssetId, Eligibility),
    /// By the controller: the asset neither enters nor leaves, or does again.
    Freeze(AssetId, bool),
    /// By the controller: how far the pool is open. A retired pool stays retired.
    Gate(Gate),
}

/// A directive as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedDirective {
    /// Its number, from 1; each is given once and in order.
    pub number: u64,
    /// What is told.
    pub directive: Directive,
    /// By who may tell it.
    pub signature: Signature,
}

impl SignedDirective {
    /// What is signed.
    #[must_use]
    pub fn signed_bytes(pool: PoolId, number: u64, directive: Directive) -> Vec<u8> {
        let mut bytes = b"plinth/privacy-directive/1".to_vec();
        pool.encode(&mut bytes);
        number.encode(&mut bytes);
        directive.encode(&mut bytes);
        bytes
    }

    /// Whether who may tell it to this pool has signed it.
    #[must_use]
    pub fn is_signed(&self, state: &PoolState) -> bool {
        let signer = match self.directive {
            Directive::Registry(_) => state.registrar,
            Directive::List(..) | Directive::Freeze(..) | Directive::Gate(_) => state.controller,
        };
        signed_by(signer, &Self::signed_bytes(state.id, self.number, self.directive), self.signature)
    }

    /// Applies it; `None` if it may not be.
    pub(super) fn apply(&self, state: &mut PoolState) -> Option<()> {
        if state.directives.checked_add(1) != Some(self.number) || !self.is_signed(state) {
            return None;
        }
        match self.directive {
            Directive::Registry(root) => state.push_registry(root),
            Directive::List(asset, eligible) => {
                PoolAsset::new(asset, eligible)?;
                if state.assets.contains_key(&asset) || state.assets.len() == ASSETS_MAX {
                    return None;
                }
                state.assets.insert(asset, AssetState { eligible, total: Value::ZERO, frozen: false });
            }
            Directive::Freeze(asset, frozen) => state.assets.get_mut(&asset)?.frozen = frozen,
            Directive::Gate(gate) => {
                if state.gate == Gate::Retired {
                    return None;
                }
                state.gate = gate;
            }
        }
        state.directives = self.number;
        Some(())
    }
}

/// Whether `key` signed `bytes`.
pub(super) fn signed_by(key: PublicKey, bytes: &[u8], signature: Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    ed25519_dalek::VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(bytes, &signature).is_ok())
}

/// Whether somebody can sign for these bytes, and they are the only ones of their key: settlement pays to no others.
pub(super) fn is_key(key: PublicKey) -> bool {
    // A coordinate of 2^255 − 19 or more has a second, smaller form; the top bit is the other coordinate's sign.
    let [first, middle @ .., last] = key.0;
    let is_canonical = first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff);
    is_canonical && ed25519_dalek::VerifyingKey::from_bytes(&key.0).is_ok_and(|key| !key.is_weak())
}

choice!(Directive, "directive" { 1 => Registry(root), 2 => List(asset, eligible), 3 => Freeze(asset, frozen), 4 => Gate(gate) });

record!(SignedDirective { number, directive, signature });
