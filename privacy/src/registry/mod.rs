//! The registry: who may hold what in the pool, kept by the registrar.
//!
//! A leaf is `H_Registration(owner, audit key, expiry + 2^40·jurisdiction bit)` in a tree of depth [`REGISTRY_DEPTH`]. A join-split proves
//! that the spender and the owners of both outputs are leaves under a root that the pool knows, that none has expired, and that
//! each one's jurisdiction is among the asset's terms.
//!
//! * The audit key is symmetric: the firm and its auditor both know it. With it one reads; nothing can be spent.
//! * **Every holder has two leaves.** Who pays a holder proves that the holder is registered, so it has to know the whole leaf; with one leaf, every
//!   payer could read all that the holder ever pays. So payers know the *receiving* leaf, whose audit key anybody computes
//!   ([`AuditKey::known`]); the *paying* leaf, with the firm's own key, is published as a hash. The circuit takes either for any holder: a
//!   firm that pays by its receiving leaf shows its payment to everyone, its auditor included, who tries both keys.
//! * Removing a holder freezes its notes once the roots with its leaves have left the pool's short window.
//! * An empty place is the word 0, which is no hash that anybody can open.
//!
//! Known limitations: the tree is kept whole in memory; the registrar publishes the registry to wallets, so wallets know who is registered.

#[cfg(test)]
mod tests;

use crate::field::{Owner, RegistryRoot, Word};
use crate::hash::{Tag, hash};
use crate::limits::{HOLDERS_MAX, REGISTRY_DEPTH};
use crate::note::Jurisdiction;
use ff::Field;
use pasta_curves::Fp;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::record;
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

    /// The key of an owner's receiving leaf, which is no secret.
    #[must_use]
    pub fn known(owner: Owner) -> Self {
        let hash = blake2b_simd::Params::new().hash_length(64).personal(b"plinth/pv/recv").hash(&owner.word().canonical());
        Self(Word::from_uniform(hash.as_array()))
    }

    /// The key itself, for whoever stores it.
    #[must_use]
    pub const fn expose(&self) -> Word {
        self.0
    }
}

impl Codec for AuditKey {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Codec::read(reader).map(Self)
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
    /// The holder's other leaf, which payers know.
    #[must_use]
    pub fn receiving(&self) -> Self {
        Self { audit_key: AuditKey::known(self.owner), ..*self }
    }

    pub(crate) fn leaf(&self) -> Fp {
        let attributes =
            Fp::from(u64::from(self.expires.0)) + Fp::from(u64::from(self.jurisdiction.bit())) * Fp::from(1 << EXPIRY_FIELD_BITS);
        hash(Tag::Registration, [self.owner.fp(), self.audit_key.0.0, attributes])
    }
}

record!(Registration { owner, audit_key, expires, jurisdiction });

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

/// The tree, as the registrar publishes it: no firm's audit key is in it.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    places: BTreeMap<Owner, u32>,
    holders: BTreeMap<u32, Holder>,
    nodes: BTreeMap<(usize, u32), Fp>,
    next: u32,
}

/// Whose receiving leaf is at `2·place`, and whose paying leaf is at `2·place + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    owner: Owner,
    expires: Day,
    jurisdiction: Jurisdiction,
    paying: Word,
}

impl Holder {
    fn receiving(&self) -> Registration {
        let Self { owner, expires, jurisdiction, .. } = *self;
        Registration { owner, audit_key: AuditKey::known(owner), expires, jurisdiction }
    }
}

impl Registry {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Adds both leaves of a holder.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Registered`], [`RegistryError::Full`].
    pub fn add(&mut self, registration: Registration) -> Result<(), RegistryError> {
        let Registration { owner, expires, jurisdiction, .. } = registration;
        let place = self.next;
        if self.places.contains_key(&owner) {
            return Err(RegistryError::Registered);
        }
        if place as usize >= HOLDERS_MAX {
            return Err(RegistryError::Full);
        }
        self.next += 1;
        self.put_holder(place, Holder { owner, expires, jurisdiction, paying: Word(registration.leaf()) });
        Ok(())
    }

    /// Takes both leaves of a holder off. Their places are not used again.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`].
    pub fn remove(&mut self, owner: Owner) -> Result<(), RegistryError> {
        let place = self.places.remove(&owner).ok_or(RegistryError::Unknown)?;
        self.holders.remove(&place);
        self.put(2 * place, Fp::ZERO);
        self.put(2 * place + 1, Fp::ZERO);
        Ok(())
    }

    /// The leaf by which this owner is paid, with its way to the present root.
    #[must_use]
    pub fn receiving(&self, owner: Owner) -> Option<Membership> {
        let place = *self.places.get(&owner)?;
        Some(self.membership(2 * place, self.holders.get(&place)?.receiving()))
    }

    /// The leaf by which this owner pays, with its way to the present root; `None` if it is registered with another audit key.
    #[must_use]
    pub fn paying(&self, owner: Owner, audit_key: AuditKey) -> Option<Membership> {
        let place = *self.places.get(&owner)?;
        let holder = self.holders.get(&place)?;
        let registration = Registration { audit_key, ..holder.receiving() };
        (Word(registration.leaf()) == holder.paying).then(|| self.membership(2 * place + 1, registration))
    }

    /// The present root.
    #[must_use]
    pub fn root(&self) -> RegistryRoot {
        RegistryRoot(Word(self.node(REGISTRY_DEPTH, 0)))
    }

    /// Every holder's receiving leaf, by place.
    pub fn holders(&self) -> impl Iterator<Item = Registration> {
        self.holders.values().map(Holder::receiving)
    }

    fn membership(&self, index: u32, registration: Registration) -> Membership {
        let siblings = std::array::from_fn(|level| self.node(level, (index >> level) ^ 1));
        Membership { registration, index, siblings }
    }

    fn put_holder(&mut self, place: u32, holder: Holder) {
        self.places.insert(holder.owner, place);
        self.holders.insert(place, holder);
        self.put(2 * place, holder.receiving().leaf());
        self.put(2 * place + 1, holder.paying.0);
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

record!(Holder { owner, expires, jurisdiction, paying });

impl Codec for Registry {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.next.encode(out);
        encode_count(self.holders.len(), out);
        for (place, holder) in &self.holders {
            place.encode(out);
            holder.encode(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("registry version"));
        }
        let next = u32::read(reader)?;
        let mut registry = Self { next, ..Self::default() };
        for _ in 0..reader.count("holders", HOLDERS_MAX)? {
            let (place, holder) = (u32::read(reader)?, Holder::read(reader)?);
            let is_behind = registry.holders.last_key_value().is_none_or(|(last, _)| *last < place);
            if !is_behind || place >= next || next as usize > HOLDERS_MAX || registry.places.contains_key(&holder.owner) {
                return Err(reader.invalid("place of a holder"));
            }
            registry.put_holder(place, holder);
        }
        Ok(registry)
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
