//! Base-layer balances and order numbers of owners, in 256 buckets by the first byte of the key.
//!
//! A bucket is shared until one of its owners changes; its digest and sums are computed once. Walking buckets in order is walking
//! owners in order, so two validators hash the same bytes.

use crate::digest::sha256;
use plinth_types::codec::{Codec, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, PublicKey};
use plinth_types::quantity::Amount;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// All owners.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    buckets: Vec<Arc<Bucket>>,
}

#[derive(Debug, Default)]
struct Bucket {
    owners: BTreeMap<PublicKey, Owner>,
    /// Filled when it is asked for, gone when an owner changes.
    summary: OnceLock<Summary>,
}

#[derive(Clone, Debug, Default)]
struct Owner {
    /// The number of the last deposit or instruction, 0 before the first.
    nonce: u64,
    /// Without zeros.
    balances: BTreeMap<AssetId, Amount>,
}

#[derive(Debug)]
struct Summary {
    digest: Digest,
    totals: BTreeMap<AssetId, Amount>,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { buckets: vec![Arc::default(); 256] }
    }

    /// Adds an amount above zero to an owner's balance.
    ///
    /// # Panics
    ///
    /// If the balance exceeds an amount: what is issued never does.
    pub(super) fn credit(&mut self, owner: PublicKey, asset: AssetId, amount: Amount) {
        let balances = &mut self.owner_mut(owner).balances;
        let before = balances.get(&asset).copied().unwrap_or_default();
        balances.insert(asset, before.checked_add(amount).expect("at most what was issued"));
    }

    /// Notes the number of an order.
    ///
    /// # Panics
    ///
    /// If it is not the next: the caller has decided that it is.
    pub(super) fn count(&mut self, owner: PublicKey, nonce: u64) {
        let entry = self.owner_mut(owner);
        let follows = entry.nonce.checked_add(1) == Some(nonce) || planted!(SkipNonce);
        assert!(follows, "order {nonce} of an owner whose last one was {}", entry.nonce);
        entry.nonce = nonce;
    }

    /// Takes an amount off an owner's balance.
    ///
    /// # Panics
    ///
    /// If the balance is too small: the caller has decided that it is not.
    pub(super) fn debit(&mut self, owner: PublicKey, asset: AssetId, amount: Amount) {
        let entry = self.owner_mut(owner);
        let before = entry.balances.get(&asset).copied().unwrap_or_default();
        let rest = before.checked_sub(amount).expect("a debit is at most the balance");
        if rest == Amount::ZERO {
            entry.balances.remove(&asset);
        } else {
            entry.balances.insert(asset, rest);
        }
    }

    /// Restores what a fact says.
    pub(super) fn set_nonce(&mut self, owner: PublicKey, nonce: u64) {
        self.owner_mut(owner).nonce = nonce;
    }

    /// Restores what a fact says; `None` for nothing, which is no fact.
    pub(super) fn set_balance(&mut self, owner: PublicKey, asset: AssetId, amount: Amount) -> Option<()> {
        if amount == Amount::ZERO {
            return None;
        }
        self.owner_mut(owner).balances.insert(asset, amount);
        Some(())
    }

    pub(super) fn balance(&self, owner: &PublicKey, asset: AssetId) -> Amount {
        self.owner(owner).and_then(|owner| owner.balances.get(&asset)).copied().unwrap_or_default()
    }

    pub(super) fn nonce(&self, owner: &PublicKey) -> u64 {
        self.owner(owner).map_or(0, |owner| owner.nonce)
    }

    pub(super) fn knows(&self, owner: &PublicKey) -> bool {
        self.owner(owner).is_some()
    }

    /// Every balance, ascending by owner and asset.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PublicKey, AssetId, Amount)> + '_ {
        self.buckets
            .iter()
            .flat_map(|bucket| &bucket.owners)
            .flat_map(|(&owner, entry)| entry.balances.iter().map(move |(&asset, &amount)| (owner, asset, amount)))
    }

    /// Every number above 0, ascending by owner.
    pub(super) fn nonces(&self) -> impl Iterator<Item = (PublicKey, u64)> + '_ {
        let owners = self.buckets.iter().flat_map(|bucket| &bucket.owners);
        owners.map(|(&owner, entry)| (owner, entry.nonce)).filter(|&(_, nonce)| nonce > 0)
    }

    /// Sum of all balances of each asset.
    ///
    /// # Panics
    ///
    /// If a sum exceeds an amount: money was made.
    pub(super) fn totals(&self) -> BTreeMap<AssetId, Amount> {
        let mut totals = BTreeMap::new();
        for summary in self.buckets.iter().map(|bucket| bucket.summary()) {
            for (&asset, &amount) in &summary.totals {
                add(&mut totals, asset, amount);
            }
        }
        totals
    }

    /// The 256 bucket digests, one behind the other.
    pub(super) fn digests(&self) -> Vec<u8> {
        self.buckets.iter().flat_map(|bucket| bucket.summary().digest.0).collect()
    }

    fn owner(&self, key: &PublicKey) -> Option<&Owner> {
        self.buckets[usize::from(key.0[0])].owners.get(key)
    }

    fn owner_mut(&mut self, key: PublicKey) -> &mut Owner {
        let bucket = &mut self.buckets[usize::from(key.0[0])];
        let bucket = Arc::make_mut(bucket);
        bucket.summary = OnceLock::new();
        bucket.owners.entry(key).or_default()
    }
}

impl Clone for Bucket {
    /// A clone is made to be changed, so it starts without a summary.
    fn clone(&self) -> Self {
        Self { owners: self.owners.clone(), summary: OnceLock::new() }
    }
}

impl Bucket {
    fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| {
            let mut bytes = Vec::new();
            let mut totals = BTreeMap::new();
            encode_count(self.owners.len(), &mut bytes);
            for (key, owner) in &self.owners {
                key.encode(&mut bytes);
                owner.nonce.encode(&mut bytes);
                encode_count(owner.balances.len(), &mut bytes);
                for (&asset, &amount) in &owner.balances {
                    asset.encode(&mut bytes);
                    amount.encode(&mut bytes);
                    add(&mut totals, asset, amount);
                }
            }
            Summary { digest: sha256(&[&bytes]), totals }
        })
    }
}

/// Adds to a sum by asset.
///
/// # Panics
///
/// If the sum exceeds an amount: money was made.
pub(super) fn add(totals: &mut BTreeMap<AssetId, Amount>, asset: AssetId, amount: Amount) {
    let total = totals.entry(asset).or_default();
    *total = total.checked_add(amount).expect("sums of one asset stay below what is issued");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_the_sums_and_in_the_digest_also_without_a_clone_in_between() {
        let (owner, asset) = (PublicKey([7; 32]), AssetId::new(1));
        let amount = |units| Amount::new(units).unwrap();
        let mut owners = Owners::new();
        owners.credit(owner, asset, amount(10));
        let digest = owners.digests();
        assert_eq!(owners.totals(), BTreeMap::from([(asset, amount(10))]));
        let shared = owners.clone();
        owners.debit(owner, asset, amount(4));
        assert_eq!(owners.totals(), BTreeMap::from([(asset, amount(6))]));
        let after = owners.digests();
        owners.debit(owner, asset, amount(6));
        assert_eq!(owners.totals(), BTreeMap::new(), "nobody keeps a zero");
        assert!(after != digest && owners.digests() != after);
        assert_eq!(shared.digests(), digest, "a clone is not touched");
    }
}
