//! The canonical bytes of a genesis.
//!
//! ```text
//! version u8 │ store parameters 8 │ chain u64 │ time u64 │ 5 limits u32 │ governors, k u8 │ request rules │ validators │ zones
//! │ assets, each with its issued balances
//! ```
//!
//! The store's parameters are the program's: roots depend on them, so programs with others are not of the same chain.

use super::{ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, read_list};
use crate::limits::{ASSETS_MAX, GENESIS_BALANCES_MAX, GOVERNORS_MAX, VALIDATORS_MAX, ZONES_MAX};
use crate::store::StoreParameters;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::PublicKey;
use plinth_types::record;

impl Codec for Genesis {
    fn encode(&self, out: &mut Vec<u8>) {
        let Draft { chain, time, validators, zones, assets, limits, governance, requests } = &self.draft;
        Self::VERSION.encode(out);
        StoreParameters::CURRENT.encode(out);
        chain.encode(out);
        time.encode(out);
        limits.block_size_max.encode(out);
        limits.block_transactions_max.encode(out);
        limits.inbox_pending_max.encode(out);
        limits.epoch_blocks.encode(out);
        limits.notice_blocks.encode(out);
        encode_count(governance.governors.len(), out);
        governance.governors.iter().for_each(|key| key.encode(out));
        governance.approvals_min.encode(out);
        u8::from(requests.is_some()).encode(out);
        requests.iter().for_each(|rules| rules.encode(out));
        encode_count(validators.len(), out);
        validators.iter().for_each(|key| key.encode(out));
        encode_count(zones.len(), out);
        zones.iter().for_each(|zone| zone.encode(out));
        encode_count(assets.len(), out);
        assets.iter().for_each(|asset| asset.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("genesis version"));
        }
        if StoreParameters::read(reader)? != StoreParameters::CURRENT {
            return Err(reader.invalid("store parameters"));
        }
        let chain = Codec::read(reader)?;
        let time = Codec::read(reader)?;
        let limits = ChainLimits {
            block_size_max: Codec::read(reader)?,
            block_transactions_max: Codec::read(reader)?,
            inbox_pending_max: Codec::read(reader)?,
            epoch_blocks: Codec::read(reader)?,
            notice_blocks: Codec::read(reader)?,
        };
        let governors = read_list(reader, "governors", GOVERNORS_MAX)?;
        let governance = Governance { governors, approvals_min: Codec::read(reader)? };
        let requests = match u8::read(reader)? {
            0 => None,
            1 => Some(Codec::read(reader)?),
            _ => return Err(reader.invalid("request rules")),
        };
        let validators: Vec<PublicKey> = read_list(reader, "validators", VALIDATORS_MAX)?;
        if !validators.is_sorted() {
            return Err(reader.invalid("order of validators"));
        }
        let zones = read_list(reader, "zones", ZONES_MAX)?;
        let assets = read_list(reader, "assets", ASSETS_MAX)?;
        let draft = Draft { chain, time, validators, zones, assets, limits, governance, requests };
        draft.build().map_err(|_| reader.invalid("genesis"))
    }
}

record!(GenesisZone { id, name, producer, epoch, mode, rules });

impl Codec for GenesisAsset {
    fn encode(&self, out: &mut Vec<u8>) {
        self.asset.encode(out);
        self.issuer.encode(out);
        encode_count(self.issued.len(), out);
        self.issued.iter().for_each(|balance| balance.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            asset: Codec::read(reader)?,
            issuer: Codec::read(reader)?,
            issued: read_list(reader, "issued balances", GENESIS_BALANCES_MAX)?,
        })
    }
}

record!(GenesisBalance { owner, amount });
