//! What k of n genesis keys decide, and their signatures.
//!
//! Until a governance of stake exists this is the authority over freezes, committees and keys, and it is shown as such.

use crate::genesis::{AssetCap, ZoneMode, encode_list, read_list};
use crate::keys::SecretKey;
use crate::ledger::Listing;
use crate::limits::{AUDITORS_MAX, GOVERNORS_MAX, VALIDATORS_MAX};
use crate::store::StoreParameters;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::{ChainId, Height, PublicKey, Signature, ZoneId};

/// A decision with the signatures of those who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GovernedTransaction {
    /// The count of decisions, from 1; each number is used once.
    pub nonce: u64,
    /// What is decided.
    pub action: Action,
    /// Who decided, ascending by key.
    pub approvals: Vec<Approval>,
}

/// What can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The committee of the first epoch that is not yet frozen: with this decision in epoch e, the one of epoch e + 2.
    SetCommittee {
        /// Its keys, ascending.
        validators: Vec<PublicKey>,
    },
    /// Stops a zone: it takes nothing and pays nothing but exits.
    Freeze {
        /// Which.
        zone: ZoneId,
    },
    /// Lets a frozen zone go on, unless somebody left it by an exit.
    Thaw {
        /// Which.
        zone: ZoneId,
    },
    /// Changes what stands for a proof, when the notice is over.
    SetMode {
        /// Of which zone.
        zone: ZoneId,
        /// The new mode.
        mode: ZoneMode,
        /// The zone's auditors from then on, ascending.
        auditors: Vec<PublicKey>,
    },
    /// Replaces a zone's producer at once; headers of the old one are refused.
    SetProducer {
        /// Of which zone.
        zone: ZoneId,
        /// The new one.
        producer: PublicKey,
    },
    /// Changes how much of an asset leaves a zone per hour.
    SetCap {
        /// Of which zone.
        zone: ZoneId,
        /// The cap.
        cap: AssetCap,
    },
    /// Has every validator write all facts anew in another format, behind the last block of the next epoch.
    SetStoreFormat {
        /// The format.
        parameters: StoreParameters,
    },
    /// Lists an asset at once, under the next number.
    ListAsset {
        /// The asset, and whose it is to issue.
        listing: Listing,
    },
    /// Drops the unsettled blocks of a zone from this height on: they are executed again.
    Revert {
        /// Of which zone.
        zone: ZoneId,
        /// The first to drop.
        height: Height,
    },
}

/// One governor's signature over [`GovernedTransaction::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub governor: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl GovernedTransaction {
    /// Domain of the governors' signatures.
    pub const DOMAIN: &'static [u8] = b"plinth/governed/1";

    /// Signs with these keys.
    #[must_use]
    pub fn sign<'a>(nonce: u64, action: Action, chain: ChainId, keys: impl IntoIterator<Item = &'a SecretKey>) -> Self {
        let mut transaction = Self { nonce, action, approvals: Vec::new() };
        let bytes = transaction.signed_bytes(chain);
        let approve = |key: &SecretKey| Approval { governor: key.public_key(), signature: key.sign(&bytes) };
        transaction.approvals = keys.into_iter().map(approve).collect();
        transaction.approvals.sort_by_key(|approval| approval.governor);
        transaction
    }

    /// What each governor signs: domain, chain, number, action.
    #[must_use]
    pub fn signed_bytes(&self, chain: ChainId) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        chain.encode(&mut out);
        self.nonce.encode(&mut out);
        self.action.encode(&mut out);
        out
    }
}

impl Codec for GovernedTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.nonce.encode(out);
        self.action.encode(out);
        encode_count(self.approvals.len(), out);
        for Approval { governor, signature } in &self.approvals {
            governor.encode(out);
            signature.encode(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (nonce, action) = (Codec::read(reader)?, Codec::read(reader)?);
        let count = reader.count("approvals", GOVERNORS_MAX)?;
        let mut approvals = Vec::new();
        for _ in 0..count {
            approvals.push(Approval { governor: Codec::read(reader)?, signature: Codec::read(reader)? });
        }
        Ok(Self { nonce, action, approvals })
    }
}

impl Codec for Action {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SetCommittee { validators } => {
                1_u8.encode(out);
                encode_list(validators, out);
            }
            Self::Freeze { zone } => {
                2_u8.encode(out);
                zone.encode(out);
            }
            Self::Thaw { zone } => {
                3_u8.encode(out);
                zone.encode(out);
            }
            Self::SetMode { zone, mode, auditors } => {
                4_u8.encode(out);
                zone.encode(out);
                mode.encode(out);
                encode_list(auditors, out);
            }
            Self::SetProducer { zone, producer } => {
                5_u8.encode(out);
                zone.encode(out);
                producer.encode(out);
            }
            Self::SetCap { zone, cap } => {
                6_u8.encode(out);
                zone.encode(out);
                cap.encode(out);
            }
            Self::SetStoreFormat { parameters } => {
                8_u8.encode(out);
                parameters.encode(out);
            }
            Self::ListAsset { listing } => {
                9_u8.encode(out);
                listing.encode(out);
            }
            Self::Revert { zone, height } => {
                7_u8.encode(out);
                zone.encode(out);
                height.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match u8::read(reader)? {
            1 => Self::SetCommittee { validators: read_list(reader, "validators", VALIDATORS_MAX)? },
            2 => Self::Freeze { zone: Codec::read(reader)? },
            3 => Self::Thaw { zone: Codec::read(reader)? },
            4 => Self::SetMode {
                zone: Codec::read(reader)?,
                mode: Codec::read(reader)?,
                auditors: read_list(reader, "auditors", AUDITORS_MAX)?,
            },
            5 => Self::SetProducer { zone: Codec::read(reader)?, producer: Codec::read(reader)? },
            6 => Self::SetCap { zone: Codec::read(reader)?, cap: Codec::read(reader)? },
            7 => Self::Revert { zone: Codec::read(reader)?, height: Codec::read(reader)? },
            8 => Self::SetStoreFormat { parameters: Codec::read(reader)? },
            9 => Self::ListAsset { listing: Codec::read(reader)? },
            _ => return Err(reader.invalid("action tag")),
        })
    }
}
