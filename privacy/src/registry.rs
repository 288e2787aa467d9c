//! The registry: who may hold what in the pool, kept by the registrar.
//!
//! A leaf is `H_Registration(owner, audit key, expiry + 2^40·jurisdiction bit)` in a tree of depth [`REGISTRY_DEPTH`]. A join-split proves
//! that the spender and the owners of both outputs are leaves under a root that the pool knows, that none has expired, and that
//! each one's jurisdiction is among the asset's terms.
//!
//! * The audit key is symmetric: the firm and its auditor both know it. With it one reads; nothing can be spent.
//! * Removing a leaf freezes its owner's notes once the roots with that leaf have left the pool's short window.
//! * An empty place is the word 0, which is no hash that anybody can open.
//!
//! Known limitations: the tree is kept whole in memory; the registrar publishes leaves to wallets, so wallets know who is registered.

use crate::field::{Owner, RegistryRoot, Word};
use crate::hash::{Tag, hash};
use crate::limits::REGISTRY_DEPTH;
use crate::note::Jurisdiction;
use ff::Field;
use pasta_curves::Fp;
use plinth_types::codec::{Codec, DecodeError, Reader};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// Days since 1970-01-01, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// Wraps a day number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The day number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Codec for Day {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Codec::read(reader).map(Self)
    }
}

/// The key under which a firm's transfers are readable to its auditor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuditKey(pub(crate) Word);

impl AuditKey {
    /// Wraps a key from the registrar or from a key file.
    #[must_use]
    pub const fn new(word: Word) -> Self {
        Self(word)
    }

    /// The key itself, for whoever stores it.
    #[must_use]
    pub const fn expose(&self) -> Word {
        self.0
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(…)")
    }
}

/// One who may hold notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whose notes.
    pub owner: Owner,
    /// Who reads what this owner sends.
    pub audit_key: AuditKey,
    /// The last day on which the registration is good.
    pub expires: Day,
    /// Where the owner resides.
    pub jurisdiction: Jurisdiction,
}

impl Registration {
    pub(crate) fn leaf(&self) -> Fp {
        let attributes =
            Fp::from(u64::from(self.expires.0)) + Fp::from(u64::from(self.jurisdiction.bit())) * Fp::from(1 << EXPIRY_FIELD_BITS);
        hash(Tag::Registration, [self.owner.fp(), self.audit_key.0.0, attributes])
    }
}

/// A registration with its way to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The leaf.
    pub registration: Registration,
    pub(crate) index: u32,
    pub(crate) siblings: [Fp; REGISTRY_DEPTH],
}

impl Membership {
    /// The root that it leads to.
    #[must_use]
    pub fn root(&self) -> RegistryRoot {
        let mut node = self.registration.leaf();
        for (level, sibling) in self.siblings.iter().enumerate() {
            node = join(level, node, *sibling, self.index >> level & 1 == 1);
        }
        RegistryRoot(Word(node))
    }
}

/// Why the registry refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// The owner has a leaf already.
    #[error("this owner is registered already")]
    Registered,
    /// The owner has no leaf.
    #[error("this owner is not registered")]
    Unknown,
    /// Every place is taken.
    #[error("the registry is full: 2^{REGISTRY_DEPTH} registrations")]
    Full,
}

/// The registrar's tree.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    places: BTreeMap<Owner, u32>,
    leaves: BTreeMap<u32, Registration>,
    nodes: BTreeMap<(usize, u32), Fp>,
    next: u32,
}

impl Registry {
    /// Adds a registration.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Registered`], [`RegistryError::Full`].
    pub fn add(&mut self, registration: Registration) -> Result<(), RegistryError> {
        if self.places.contains_key(&registration.owner) {
            return Err(RegistryError::Registered);
        }
        if u64::from(self.next) >= 1 << REGISTRY_DEPTH {
            return Err(RegistryError::Full);
        }
        let index = self.next;
        self.next += 1;
        self.places.insert(registration.owner, index);
        self.leaves.insert(index, registration);
        self.put(index, registration.leaf());
        Ok(())
    }

    /// Takes a registration off. Its place is not used again.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`].
    pub fn remove(&mut self, owner: Owner) -> Result<(), RegistryError> {
        let index = self.places.remove(&owner).ok_or(RegistryError::Unknown)?;
        self.leaves.remove(&index);
        self.put(index, Fp::ZERO);
        Ok(())
    }

    /// The registration of an owner with its way to the present root.
    #[must_use]
    pub fn membership(&self, owner: Owner) -> Option<Membership> {
        let index = *self.places.get(&owner)?;
        let registration = *self.leaves.get(&index)?;
        let siblings = std::array::from_fn(|level| self.node(level, (index >> level) ^ 1));
        Some(Membership { registration, index, siblings })
    }

    /// The present root.
    #[must_use]
    pub fn root(&self) -> RegistryRoot {
        RegistryRoot(Word(self.node(REGISTRY_DEPTH, 0)))
    }

    /// Every registration, by place.
    pub fn registrations(&self) -> impl Iterator<Item = &Registration> {
        self.leaves.values()
    }

    fn put(&mut self, index: u32, leaf: Fp) {
        self.nodes.insert((0, index), leaf);
        for level in 0..REGISTRY_DEPTH {
            let at = index >> level;
            let node = join(level, self.node(level, at), self.node(level, at ^ 1), at & 1 == 1);
            self.nodes.insert((level + 1, at >> 1), node);
        }
    }

    fn node(&self, level: usize, at: u32) -> Fp {
        self.nodes.get(&(level, at)).copied().unwrap_or(EMPTY[level])
    }
}

/// The node above `node` and `sibling`.
fn join(level: usize, node: Fp, sibling: Fp, node_is_right: bool) -> Fp {
    let children = if node_is_right { [sibling, node] } else { [node, sibling] };
    hash(Tag::RegistryTree(level), children)
}

static EMPTY: std::sync::LazyLock<[Fp; REGISTRY_DEPTH + 1]> = std::sync::LazyLock::new(|| {
    let mut empty = [Fp::ZERO; REGISTRY_DEPTH + 1];
    for level in 0..REGISTRY_DEPTH {
        empty[level + 1] = join(level, empty[level], empty[level], false);
    }
    empty
});

/// Bits below the jurisdiction in a leaf's attributes. Wider than a day by more than one bit: the circuit knows of the expiry only that
/// it is less than 2^32 days behind a 32-bit day, hence below 2^33, so nothing can be moved from one field into the other.
pub(crate) const EXPIRY_FIELD_BITS: usize = 40;

const _: () = assert!(EXPIRY_FIELD_BITS > crate::limits::DAY_BITS + 1, "an expiry cannot reach the jurisdiction");

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(n: u64) -> Registration {
        Registration {
            owner: Owner(Word::from_u64(n)),
            audit_key: AuditKey(Word::from_u64(n + 100)),
            expires: Day(20_000),
            jurisdiction: Jurisdiction::new(3).expect("below the bound"),
        }
    }

    #[test]
    fn a_membership_leads_to_the_root_until_it_is_removed() {
        let mut registry = Registry::default();
        for n in 1..6 {
            registry.add(registration(n)).expect("room");
        }
        assert_eq!(registry.add(registration(2)), Err(RegistryError::Registered));
        let third = registry.membership(Owner(Word::from_u64(3))).expect("registered");
        assert_eq!(third.root(), registry.root());
        registry.remove(Owner(Word::from_u64(3))).expect("registered");
        assert_ne!(third.root(), registry.root());
        assert_eq!(registry.membership(Owner(Word::from_u64(3))), None);
        assert_eq!(registry.remove(Owner(Word::from_u64(3))), Err(RegistryError::Unknown));
        let fifth = registry.membership(Owner(Word::from_u64(5))).expect("registered");
        assert_eq!(fifth.root(), registry.root());
    }
}
