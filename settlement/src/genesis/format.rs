//! The canonical bytes of a genesis.
//!
//! ```text
//! version u8 │ chain u64 │ time u64 │ 4 limits u32 │ governors, k u8 │ validators │ zones │ assets, each with its issued balances
//! ```

use super::{ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode};
use crate::limits::{ASSETS_MAX, GENESIS_BALANCES_MAX, GOVERNORS_MAX, VALIDATORS_MAX, ZONES_MAX};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::PublicKey;

impl Codec for Genesis {
    fn encode(&self, out: &mut Vec<u8>) {
        let Draft { chain, time, validators, zones, assets, limits, governance } = &self.draft;
        Self::VERSION.encode(out);
        chain.encode(out);
        time.encode(out);
        limits.block_size_max.encode(out);
        limits.block_transactions_max.encode(out);
        limits.inbox_pending_max.encode(out);
        limits.epoch_blocks.encode(out);
        encode_count(governance.governors.len(), out);
        governance.governors.iter().for_each(|key| key.encode(out));
        governance.approvals_min.encode(out);
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
        let chain = Codec::read(reader)?;
        let time = Codec::read(reader)?;
        let limits = ChainLimits {
            block_size_max: Codec::read(reader)?,
            block_transactions_max: Codec::read(reader)?,
            inbox_pending_max: Codec::read(reader)?,
            epoch_blocks: Codec::read(reader)?,
        };
        let governors = read_list(reader, "governors", GOVERNORS_MAX)?;
        let governance = Governance { governors, approvals_min: Codec::read(reader)? };
        let validators: Vec<PublicKey> = read_list(reader, "validators", VALIDATORS_MAX)?;
        if !validators.is_sorted() {
            return Err(reader.invalid("order of validators"));
        }
        let zones = read_list(reader, "zones", ZONES_MAX)?;
        let assets = read_list(reader, "assets", ASSETS_MAX)?;
        let draft = Draft { chain, time, validators, zones, assets, limits, governance };
        draft.build().map_err(|_| reader.invalid("genesis"))
    }
}

impl Codec for GenesisZone {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.name.encode(out);
        self.producer.encode(out);
        self.epoch.encode(out);
        self.mode.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Codec::read(reader)?,
            name: Codec::read(reader)?,
            producer: Codec::read(reader)?,
            epoch: Codec::read(reader)?,
            mode: Codec::read(reader)?,
        })
    }
}

impl Codec for ZoneMode {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Attested { delay_blocks } => {
                1_u8.encode(out);
                delay_blocks.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => Ok(Self::Attested { delay_blocks: Codec::read(reader)? }),
            _ => Err(reader.invalid("zone mode")),
        }
    }
}

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

impl Codec for GenesisBalance {
    fn encode(&self, out: &mut Vec<u8>) {
        self.owner.encode(out);
        self.amount.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { owner: Codec::read(reader)?, amount: Codec::read(reader)? })
    }
}

/// Reads a counted list; memory grows with what was read, never with what was claimed.
fn read_list<T: Codec>(reader: &mut Reader<'_>, field: &'static str, count_max: usize) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(field, count_max)?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(T::read(reader)?);
    }
    Ok(list)
}
