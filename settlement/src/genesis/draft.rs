//! A genesis before it is checked, and the check.

use super::rules_check::ZoneRulesError;
use super::{Genesis, Governance, RequestRules, ZoneMode, ZoneRules};
use crate::committee::Committee;
use crate::keys;
use crate::limits::{
    ASSETS_MAX, BLOCK_SIZE_MAX, BLOCK_TRANSACTIONS_MAX, EPOCH_BLOCKS_DEFAULT, EPOCH_BLOCKS_MAX, EPOCH_BLOCKS_MIN,
    GENESIS_BALANCES_MAX, GOVERNORS_MAX, INBOX_PENDING_MAX, NOTICE_BLOCKS_DEFAULT, TRANSACTION_SIZE_MAX, VALIDATORS_MAX,
    VALIDATORS_MIN, ZONES_MAX,
};
use plinth_types::id::{ChainId, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use std::collections::BTreeSet;

/// Most decimal places of an asset.
pub const DECIMALS_MAX: u8 = 36;

/// Everything a genesis says, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The chain that all signatures name.
    pub chain: ChainId,
    /// The time of the block at height 0; every block is later than its parent.
    pub time: TimestampNs,
    /// Keys of the validators, in any order.
    pub validators: Vec<PublicKey>,
    /// Zones, ascending by id.
    pub zones: Vec<GenesisZone>,
    /// Assets; the index is the id.
    pub assets: Vec<GenesisAsset>,
    /// The chain's own bounds.
    pub limits: ChainLimits,
    /// Who decides.
    pub governance: Governance,
    /// What a request before a zone costs; without, there are none.
    pub requests: Option<RequestRules>,
}

/// A zone as it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisZone {
    /// Its number, above 0.
    pub id: ZoneId,
    /// As people call it.
    pub name: Name,
    /// Who signs its headers.
    pub producer: PublicKey,
    /// The lowest epoch that its first header may have.
    pub epoch: ProducerEpoch,
    /// What stands for a proof.
    pub mode: ZoneMode,
    /// What else holds for it.
    pub rules: ZoneRules,
}

/// An asset and who has it at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisAsset {
    /// Number, name, decimal places.
    pub asset: Asset,
    /// Who alone will issue and redeem it.
    pub issuer: PublicKey,
    /// What is issued, ascending by owner.
    pub issued: Vec<GenesisBalance>,
}

/// What one owner has of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenesisBalance {
    /// Whose.
    pub owner: PublicKey,
    /// How much, above zero, in smallest units.
    pub amount: Amount,
}

/// The chain's own bounds, at or below those of [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLimits {
    /// Most bytes of a block.
    pub block_size_max: u32,
    /// Most transactions of a block.
    pub block_transactions_max: u32,
    /// Most messages that wait in one zone's inbox.
    pub inbox_pending_max: u32,
    /// Settlement blocks of one epoch.
    pub epoch_blocks: u32,
    /// Settlement blocks between a decision on a zone's mode and its effect.
    pub notice_blocks: u32,
}

impl Default for ChainLimits {
    fn default() -> Self {
        Self {
            block_size_max: BLOCK_SIZE_MAX as u32,
            block_transactions_max: BLOCK_TRANSACTIONS_MAX as u32,
            inbox_pending_max: INBOX_PENDING_MAX as u32,
            epoch_blocks: EPOCH_BLOCKS_DEFAULT,
            notice_blocks: NOTICE_BLOCKS_DEFAULT,
        }
    }
}

/// Why a draft is no genesis. Each names its entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Fewer than four validators tolerate no fault.
    #[error("{count} validators: {VALIDATORS_MIN} to {VALIDATORS_MAX} are allowed")]
    ValidatorCount {
        /// How many there are.
        count: usize,
    },
    /// One key, two validators.
    #[error("validator {key} is listed twice")]
    ValidatorTwice {
        /// Its key.
        key: PublicKey,
    },
    /// A list is too long.
    #[error("{count} {what}, at most {count_max} are allowed")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// How many entries it has.
        count: usize,
        /// How many it may have.
        count_max: usize,
    },
    /// A bound is zero, or above what the program was built for.
    #[error("limits.{field} is {value}: {value_min} to {value_max} are allowed")]
    Limit {
        /// Which bound.
        field: &'static str,
        /// Its value.
        value: u32,
        /// The lowest allowed.
        value_min: u32,
        /// The highest allowed.
        value_max: u32,
    },
    /// k of n with k above n, or none of some.
    #[error("governance: {approvals_min} of {count} governors must approve; 1 to {count} are allowed")]
    Approvals {
        /// k.
        approvals_min: u8,
        /// n.
        count: usize,
    },
    /// Governors ascend, without repetition.
    #[error("governance.governors[{index}] is not in ascending order")]
    GovernorOrder {
        /// The first that does not.
        index: usize,
    },
    /// Thirty-two bytes that are no public key.
    #[error("{entry}: {key} is no ed25519 public key")]
    Key {
        /// Where it stands.
        entry: String,
        /// The bytes.
        key: PublicKey,
    },
    /// Zone 0 is the base layer.
    #[error("zones[{index}] \"{name}\": 0 is the base layer")]
    ZoneIsBase {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
    },
    /// Zones ascend by id, without repetition.
    #[error("zones[{index}] \"{name}\": id {id} does not come behind {before}")]
    ZoneOrder {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// Its id.
        id: ZoneId,
        /// The id before.
        before: ZoneId,
    },
    /// Its mode or its rules cannot be.
    #[error("zones[{index}] \"{name}\": {error}")]
    ZoneRules {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// What is wrong.
        error: ZoneRulesError,
    },
    /// The fee of requests is of no asset, or nothing may be requested.
    #[error("requests: {what}")]
    Requests {
        /// What is wrong.
        what: &'static str,
    },
    /// Two zones or two assets of one name.
    #[error("{what} \"{name}\" is listed twice")]
    NameTwice {
        /// Zone or asset.
        what: &'static str,
        /// The name.
        name: Name,
    },
    /// Assets are numbered densely from 0.
    #[error("assets[{index}] \"{name}\": its id is {id}, not {index}")]
    AssetId {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// Its id.
        id: u16,
    },
    /// More decimal places than an amount has digits.
    #[error("assets[{index}] \"{name}\": {decimals} decimals, at most {DECIMALS_MAX} are allowed")]
    Decimals {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// Its decimals.
        decimals: u8,
    },
    /// Balances ascend by owner, without repetition.
    #[error("assets[{index}] \"{name}\": owner {owner} is not in ascending order")]
    OwnerOrder {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// The owner.
        owner: PublicKey,
    },
    /// Nobody owns zero.
    #[error("assets[{index}] \"{name}\": owner {owner} is issued nothing")]
    IssuedNothing {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
        /// The owner.
        owner: PublicKey,
    },
    /// The sum is no amount.
    #[error("assets[{index}] \"{name}\": more is issued than an amount can hold")]
    IssuedTooMuch {
        /// Its place.
        index: usize,
        /// Its name.
        name: Name,
    },
}

impl Draft {
    /// Checks the draft.
    ///
    /// # Errors
    ///
    /// [`GenesisError`]: the first entry that is wrong.
    pub fn build(self) -> Result<Genesis, GenesisError> {
        let committee = self.committee()?;
        self.check_limits()?;
        self.check_governance()?;
        self.check_requests()?;
        self.check_zones()?;
        self.check_assets()?;
        Ok(Genesis { draft: Self { validators: committee.keys().to_vec(), ..self }, committee })
    }

    fn committee(&self) -> Result<Committee, GenesisError> {
        let count = self.validators.len();
        if !(VALIDATORS_MIN..=VALIDATORS_MAX).contains(&count) {
            return Err(GenesisError::ValidatorCount { count });
        }
        let mut seen = BTreeSet::new();
        for (index, &key) in self.validators.iter().enumerate() {
            check_key(&key, || format!("validators[{index}]"))?;
            if !seen.insert(key) {
                return Err(GenesisError::ValidatorTwice { key });
            }
        }
        Committee::new(self.validators.clone()).ok_or(GenesisError::ValidatorCount { count })
    }

    fn check_limits(&self) -> Result<(), GenesisError> {
        let ChainLimits { block_size_max, block_transactions_max, inbox_pending_max, epoch_blocks, notice_blocks } = self.limits;
        for (field, value, value_min, value_max) in [
            ("block_size_max", block_size_max, 2 * TRANSACTION_SIZE_MAX as u32, BLOCK_SIZE_MAX as u32),
            ("block_transactions_max", block_transactions_max, 1, BLOCK_TRANSACTIONS_MAX as u32),
            ("inbox_pending_max", inbox_pending_max, 1, INBOX_PENDING_MAX as u32),
            ("epoch_blocks", epoch_blocks, EPOCH_BLOCKS_MIN, EPOCH_BLOCKS_MAX),
            ("notice_blocks", notice_blocks, 1, EPOCH_BLOCKS_MAX),
        ] {
            if value < value_min || value > value_max {
                return Err(GenesisError::Limit { field, value, value_min, value_max });
            }
        }
        Ok(())
    }

    fn check_governance(&self) -> Result<(), GenesisError> {
        let Governance { governors, approvals_min } = &self.governance;
        check_count("governors", governors.len(), GOVERNORS_MAX)?;
        for (index, key) in governors.iter().enumerate() {
            check_key(key, || format!("governance.governors[{index}]"))?;
            if index > 0 && governors[index - 1] >= *key {
                return Err(GenesisError::GovernorOrder { index });
            }
        }
        let (approvals_min, count) = (*approvals_min, governors.len());
        let fits = if count == 0 { approvals_min == 0 } else { (1..=count).contains(&usize::from(approvals_min)) };
        if fits { Ok(()) } else { Err(GenesisError::Approvals { approvals_min, count }) }
    }

    fn check_requests(&self) -> Result<(), GenesisError> {
        let Some(RequestRules { fee_asset, collector, per_block_max, .. }) = self.requests else { return Ok(()) };
        check_key(&collector, || "requests collector".to_owned())?;
        if usize::from(fee_asset.get()) >= self.assets.len() {
            return Err(GenesisError::Requests { what: "the fee is in an asset that is not listed" });
        }
        if per_block_max == 0 {
            return Err(GenesisError::Requests { what: "per_block_max is 0" });
        }
        Ok(())
    }

    fn check_zones(&self) -> Result<(), GenesisError> {
        check_count("zones", self.zones.len(), ZONES_MAX)?;
        check_names("zone", self.zones.iter().map(|zone| zone.name))?;
        let mut before = ZoneId::BASE;
        for (index, zone) in self.zones.iter().enumerate() {
            let &GenesisZone { id, name, producer, .. } = zone;
            if id == ZoneId::BASE {
                return Err(GenesisError::ZoneIsBase { index, name });
            }
            if id <= before {
                return Err(GenesisError::ZoneOrder { index, name, id, before });
            }
            before = id;
            check_key(&producer, || format!("zones[{index}] \"{name}\" producer"))?;
            let checked = zone.rules.check(zone.mode, self.assets.len());
            checked.map_err(|error| GenesisError::ZoneRules { index, name, error })?;
        }
        Ok(())
    }

    fn check_assets(&self) -> Result<(), GenesisError> {
        check_count("assets", self.assets.len(), ASSETS_MAX)?;
        check_count("issued balances", self.assets.iter().map(|asset| asset.issued.len()).sum(), GENESIS_BALANCES_MAX)?;
        check_names("asset", self.assets.iter().map(|asset| asset.asset.name))?;
        for (index, GenesisAsset { asset, issuer, issued }) in self.assets.iter().enumerate() {
            let (name, id) = (asset.name, asset.id.get());
            if usize::from(id) != index {
                return Err(GenesisError::AssetId { index, name, id });
            }
            if asset.decimals > DECIMALS_MAX {
                return Err(GenesisError::Decimals { index, name, decimals: asset.decimals });
            }
            check_key(issuer, || format!("assets[{index}] \"{name}\" issuer"))?;
            let mut sum = Amount::ZERO;
            let mut before = None;
            for &GenesisBalance { owner, amount } in issued {
                check_key(&owner, || format!("assets[{index}] \"{name}\" owner"))?;
                if before.is_some_and(|before| owner <= before) {
                    return Err(GenesisError::OwnerOrder { index, name, owner });
                }
                before = Some(owner);
                if amount == Amount::ZERO {
                    return Err(GenesisError::IssuedNothing { index, name, owner });
                }
                sum = sum.checked_add(amount).ok_or(GenesisError::IssuedTooMuch { index, name })?;
            }
        }
        Ok(())
    }
}

fn check_count(what: &'static str, count: usize, count_max: usize) -> Result<(), GenesisError> {
    if count > count_max { Err(GenesisError::TooMany { what, count, count_max }) } else { Ok(()) }
}

fn check_names(what: &'static str, names: impl Iterator<Item = Name>) -> Result<(), GenesisError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(GenesisError::NameTwice { what, name });
        }
    }
    Ok(())
}

fn check_key(key: &PublicKey, entry: impl FnOnce() -> String) -> Result<(), GenesisError> {
    keys::to_consensus(key).map(|_| ()).map_err(|_| GenesisError::Key { entry: entry(), key: *key })
}
