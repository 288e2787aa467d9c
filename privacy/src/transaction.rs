//! A private transaction: one or more join-splits, *legs*, that happen together or not at all.
//!
//! ```text
//! Skeleton  version, chain, zone, pool, circuit, expiry, day, registry root, legs   ── hashed: every proof is bound to all of it
//! Leg       anchor, 2 nullifiers, 2 commitments, public side, 3 words for the auditor, encrypted notes
//! Transaction = Skeleton, a proof for each leg, a signature for each leg that shields
//! ```
//!
//! * The hash leaves proofs and signatures out, so it is known before anybody proves, and a proof made for one transaction is worthless in
//!   every other. Parties of a swap each prove their own leg and show the other nothing of their inputs.
//! * A leg that shields names a credit, an amount that settlement brought to the pool for an owner of the base layer, takes all of
//!   it, and needs that owner's signature over the hash. A leg that unshields names whom the base layer pays.
//! * [`Transaction::id`] does not change with the proofs; [`Transaction::digest`] covers them.

use crate::circuit::keys::{CircuitVersion, Proof};
use crate::circuit::statement::{Flow, Statement};
use crate::field::{Anchor, Commitment, Nullifier, RegistryRoot, TransactionWord, Word};
use crate::limits::{AUDIT_WORDS, LEGS_MAX, NOTES_PER_SIDE};
use crate::note::{PoolAsset, Value};
use crate::registry::Day;
use crate::wallet::encryption::EncryptedNotes;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, PublicKey, Signature, ZoneId};
use plinth_types::record;

/// Which pool of which chain, and of which circuit. Proofs of one are worthless in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolId {
    /// The chain.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
    /// Generation of the pool; a new circuit or a supply audit makes a new one.
    pub generation: u32,
    /// The circuit that its proofs are of.
    pub circuit: CircuitVersion,
}

/// What a leg does in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicSide {
    /// Nothing.
    None,
    /// Takes a whole credit into the pool.
    Shield {
        /// What.
        asset: PoolAsset,
        /// How much.
        value: Value,
        /// Of which credit.
        credit: Digest,
    },
    /// Pays an owner of the base layer.
    Unshield {
        /// What.
        asset: PoolAsset,
        /// How much, not 0.
        value: Value,
        /// Whom.
        to: PublicKey,
    },
}

impl PublicSide {
    /// What the circuit sees of it.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        match *self {
            Self::None => Flow::None,
            Self::Shield { asset, value, .. } => Flow::Shield(asset, value),
            Self::Unshield { asset, value, .. } => Flow::Unshield(asset, value),
        }
    }
}

/// One join-split of a transaction, without its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The root that its inputs are under.
    pub anchor: Anchor,
    /// Of its inputs.
    pub nullifiers: [Nullifier; NOTES_PER_SIDE],
    /// Of its outputs.
    pub commitments: [Commitment; NOTES_PER_SIDE],
    /// What it does in public.
    pub public: PublicSide,
    /// For the spender's auditor; proven to say the truth.
    pub audit: [Word; AUDIT_WORDS],
    /// For the receivers; nobody proves what is in them, a receiver checks.
    pub notes: EncryptedNotes,
}

/// All that the proofs of a transaction are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeleton {
    /// The pool.
    pub pool: PoolId,
    /// The last height of the zone at which it may be in a block.
    pub expires: Height,
    /// The day on which every registration is proven good.
    pub day: Day,
    /// The registry's root.
    pub registry: RegistryRoot,
    /// The join-splits.
    pub legs: Vec<Leg>,
}

impl Skeleton {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// The id of the transaction.
    #[must_use]
    pub fn id(&self) -> Digest {
        let hash = blake2b_simd::Params::new().hash_length(32).personal(b"plinth/private/i").hash(&self.to_bytes());
        let mut id = Digest::ZERO;
        id.0.copy_from_slice(hash.as_bytes());
        id
    }

    /// What every proof of the transaction is bound to.
    #[must_use]
    pub fn word(&self) -> TransactionWord {
        let hash = blake2b_simd::Params::new().hash_length(64).personal(b"plinth/private/w").hash(&self.to_bytes());
        TransactionWord(Word::from_uniform(hash.as_array()))
    }

    /// What the owner of a credit signs to shield it by this transaction.
    #[must_use]
    pub fn shielding_bytes(&self) -> Vec<u8> {
        let mut bytes = b"plinth/shield/1".to_vec();
        self.id().encode(&mut bytes);
        bytes
    }

    /// The public side of a leg's join-split.
    #[must_use]
    pub fn statement(&self, leg: &Leg, transaction: TransactionWord) -> Statement {
        Statement {
            anchor: leg.anchor,
            nullifiers: leg.nullifiers,
            commitments: leg.commitments,
            flow: leg.public.flow(),
            transaction,
            registry: self.registry,
            day: self.day,
            audit: leg.audit,
        }
    }
}

/// A private transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What is proven.
    pub skeleton: Skeleton,
    /// One for each leg.
    pub proofs: Vec<Proof>,
    /// One for each leg that shields, in the order of the legs.
    pub signatures: Vec<Signature>,
}

impl Transaction {
    /// Its id, the same whatever the proofs are.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.skeleton.id()
    }

    /// A hash over all of it, proofs and signatures included.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hash = blake2b_simd::Params::new().hash_length(32).personal(b"plinth/private/d").hash(&self.to_bytes());
        let mut digest = Digest::ZERO;
        digest.0.copy_from_slice(hash.as_bytes());
        digest
    }

    /// Statements and proofs, for the verifier.
    #[must_use]
    pub fn claims(&self) -> Vec<(Statement, Proof)> {
        let word = self.skeleton.word();
        let statements = self.skeleton.legs.iter().map(|leg| self.skeleton.statement(leg, word));
        statements.zip(self.proofs.iter().cloned()).collect()
    }

    /// Every nullifier that it reveals.
    pub fn nullifiers(&self) -> impl Iterator<Item = Nullifier> {
        self.skeleton.legs.iter().flat_map(|leg| leg.nullifiers)
    }

    /// How many payments to the base layer it makes.
    #[must_use]
    pub fn payouts(&self) -> usize {
        self.skeleton.legs.iter().filter(|leg| matches!(leg.public, PublicSide::Unshield { .. })).count()
    }

    /// Every commitment that it makes.
    pub fn commitments(&self) -> impl Iterator<Item = Commitment> {
        self.skeleton.legs.iter().flat_map(|leg| leg.commitments)
    }
}

record!(PoolId { chain, zone, generation, circuit });

impl Codec for PublicSide {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => 0_u8.encode(out),
            Self::Shield { asset, value, credit } => {
                1_u8.encode(out);
                asset.encode(out);
                value.encode(out);
                credit.encode(out);
            }
            Self::Unshield { asset, value, to } => {
                2_u8.encode(out);
                asset.encode(out);
                value.encode(out);
                to.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let side = match u8::read(reader)? {
            0 => return Ok(Self::None),
            1 => Self::Shield { asset: Codec::read(reader)?, value: Codec::read(reader)?, credit: Codec::read(reader)? },
            2 => Self::Unshield { asset: Codec::read(reader)?, value: Codec::read(reader)?, to: Codec::read(reader)? },
            _ => return Err(reader.invalid("public side")),
        };
        // With a value of 0 the circuit leaves the asset free, so such a leg could name any.
        match side.flow() {
            Flow::Shield(_, Value::ZERO) | Flow::Unshield(_, Value::ZERO) => Err(reader.invalid("public value")),
            Flow::None | Flow::Shield(..) | Flow::Unshield(..) => Ok(side),
        }
    }
}

record!(Leg { anchor, nullifiers, commitments, public, audit, notes });

impl Codec for Skeleton {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.pool.encode(out);
        self.expires.encode(out);
        self.day.encode(out);
        self.registry.encode(out);
        encode_count(self.legs.len(), out);
        self.legs.iter().for_each(|leg| leg.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("private transaction version"));
        }
        let (pool, expires) = (Codec::read(reader)?, Codec::read(reader)?);
        let (day, registry) = (Codec::read(reader)?, Codec::read(reader)?);
        let count = reader.count("legs", LEGS_MAX)?;
        if count == 0 {
            return Err(reader.invalid("leg count"));
        }
        let legs = (0..count).map(|_| Leg::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { pool, expires, day, registry, legs })
    }
}

impl Codec for Transaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.skeleton.encode(out);
        self.proofs.iter().for_each(|proof| proof.encode(out));
        self.signatures.iter().for_each(|signature| signature.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let skeleton = Skeleton::read(reader)?;
        let proofs = skeleton.legs.iter().map(|_| Proof::read(reader)).collect::<Result<_, _>>()?;
        let shields = skeleton.legs.iter().filter(|leg| matches!(leg.public, PublicSide::Shield { .. }));
        let signatures = shields.map(|_| Signature::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { skeleton, proofs, signatures })
    }
}
