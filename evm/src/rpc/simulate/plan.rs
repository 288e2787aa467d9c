//! Which blocks are simulated: in order, without gaps.

use super::super::error::{invalid, simulation};
use super::super::params::Call;
use super::BlockCalls;
use crate::ethereum::{BlockOverrides, Header, StateOverride, U256};
use crate::limits::SIMULATED_BLOCKS_MAX;
use jsonrpsee::types::ErrorObjectOwned;

/// Seconds between blocks where nobody says otherwise: Ethereum's, as clients and the published examples expect.
const BLOCK_SECONDS: u64 = 12;

const NUMBER_ORDER: i32 = -38_020;
const TIMESTAMP_ORDER: i32 = -38_021;
const TOO_MANY: i32 = -38_026;

/// A block to simulate.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) number: u64,
    pub(super) timestamp: u64,
    pub(super) overrides: BlockOverrides,
    pub(super) accounts: StateOverride,
    pub(super) calls: Vec<Call>,
}

/// The blocks asked for on top of `base`, and empty ones between them.
pub(super) fn blocks(asked: Vec<BlockCalls>, base: &Header) -> Result<Vec<Planned>, ErrorObjectOwned> {
    let too_many = || simulation(TOO_MANY, "too many blocks");
    if asked.len() as u64 > SIMULATED_BLOCKS_MAX {
        return Err(too_many());
    }
    let mut planned: Vec<Planned> = Vec::with_capacity(asked.len());
    let (mut number, mut timestamp) = (base.number, base.timestamp);
    for block in asked {
        let overrides = block.block_overrides.unwrap_or_default();
        let wanted = overrides.number.unwrap_or_else(|| U256::from(number) + U256::ONE);
        if wanted <= U256::from(number) {
            return Err(simulation(NUMBER_ORDER, format!("block numbers must be in order: {wanted} <= {number}")));
        }
        let wanted = u64::try_from(wanted).ok().filter(|wanted| wanted - base.number <= SIMULATED_BLOCKS_MAX);
        let wanted = wanted.ok_or_else(too_many)?;
        while number + 1 < wanted {
            number += 1;
            timestamp = next(timestamp)?;
            planned.push(Planned { number, timestamp, ..Planned::default() });
        }
        number = wanted;
        let time = overrides.time.map_or_else(|| next(timestamp), Ok)?;
        if time <= timestamp {
            return Err(simulation(TIMESTAMP_ORDER, format!("block timestamps must be in order: {time} <= {timestamp}")));
        }
        timestamp = time;
        let (accounts, calls) = (block.state_overrides.unwrap_or_default(), block.calls.unwrap_or_default());
        planned.push(Planned { number, timestamp, overrides, accounts, calls });
    }
    Ok(planned)
}

fn next(timestamp: u64) -> Result<u64, ErrorObjectOwned> {
    let later = timestamp.checked_add(BLOCK_SECONDS);
    later.ok_or_else(|| simulation(TIMESTAMP_ORDER, format!("no block follows timestamp {timestamp}")))
}

/// What is overridden beside number and time.
pub(super) fn override_header(header: &mut Header, overrides: BlockOverrides) -> Result<(), ErrorObjectOwned> {
    if overrides.block_hash.is_some() || overrides.blob_base_fee.is_some() {
        return Err(invalid("block hashes and the blob base fee cannot be overridden"));
    }
    header.gas_limit = overrides.gas_limit.unwrap_or(header.gas_limit);
    header.beneficiary = overrides.coinbase.unwrap_or(header.beneficiary);
    header.mix_hash = overrides.random.unwrap_or(header.mix_hash);
    header.parent_beacon_block_root = overrides.beacon_root.or(header.parent_beacon_block_root);
    if let Some(base_fee) = overrides.base_fee {
        header.base_fee_per_gas = Some(u64::try_from(base_fee).map_err(|_| invalid("baseFeePerGas exceeds 64 bits"))?);
    }
    Ok(())
}
