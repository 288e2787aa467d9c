//! The text form of a genesis: TOML. An unknown key is an error with line and column.
//!
//! ```toml
//! chain = 7
//! time_ns = 1777680000000000000
//! validators = ["64 hexadecimal digits", …]      # four or more
//!
//! [limits]                                       # may be left out
//! block_size_max = 1048576
//! epoch_blocks = 3600
//!
//! [governance]                                   # may be left out: then nothing of what is governed ever changes
//! governors = ["64 hexadecimal digits", …]
//! approvals_min = 2
//!
//! [[zones]]
//! id = 1
//! name = "trading"
//! producer = "64 hexadecimal digits"
//! epoch = 1
//! mode = { attested = { delay_blocks = 2 } }     # attested 1/1, producer only
//! caps = [{ asset = 0, per_hour = "5000" }]      # what leaves; may be left out, and then nothing does
//!
//! [[assets]]
//! name = "USD"
//! decimals = 2
//! issuer = "64 hexadecimal digits"
//! issued = [{ owner = "64 hexadecimal digits", amount = "1000000" }]   # in smallest units
//! ```

use super::{
    AssetCap, ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisError, GenesisZone, Governance, RequestRules,
};
use super::{ZoneMode, ZoneRules};
use crate::keys::{KeyError, parse_hex, parse_public_key};
use crate::limits::GENESIS_TEXT_SIZE_MAX;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use serde::{Deserialize, Serialize};

/// Why a text is no genesis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisTextError {
    /// More than anyone writes; refused before it is parsed.
    #[error("the genesis has {size} bytes, at most {GENESIS_TEXT_SIZE_MAX} are read")]
    Size {
        /// Bytes received.
        size: usize,
    },
    /// No TOML, or a key that is unknown, missing, or of another type. Says line and column.
    #[error("{0}")]
    Toml(String),
    /// A key that cannot be read.
    #[error("{entry}: {error}")]
    Key {
        /// Where it stands.
        entry: String,
        /// What is wrong.
        error: KeyError,
    },
    /// A name that is empty, too long, or not printable ASCII.
    #[error("{entry}: \"{text}\" is no name (1 to 16 printable ASCII characters without space)")]
    Name {
        /// Where it stands.
        entry: String,
        /// What was written.
        text: String,
    },
    /// Text that is no amount.
    #[error("{entry}: \"{text}\" is no amount (decimal digits, in smallest units)")]
    Amount {
        /// Where it stands.
        entry: String,
        /// What was written.
        text: String,
    },
    /// Well written, and wrong.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GenesisText {
    chain: u64,
    #[serde(default)]
    time_ns: u64,
    validators: Vec<String>,
    #[serde(default)]
    limits: LimitsText,
    #[serde(default, skip_serializing_if = "GovernanceText::is_nobody")]
    governance: GovernanceText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<RequestsText>,
    #[serde(default)]
    zones: Vec<ZoneText>,
    #[serde(default)]
    assets: Vec<AssetText>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsText {
    block_size_max: u32,
    block_transactions_max: u32,
    inbox_pending_max: u32,
    epoch_blocks: u32,
    notice_blocks: u32,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GovernanceText {
    governors: Vec<String>,
    approvals_min: u8,
}

impl GovernanceText {
    const fn is_nobody(&self) -> bool {
        self.governors.is_empty() && self.approvals_min == 0
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ZoneText {
    id: u16,
    name: String,
    producer: String,
    epoch: u32,
    mode: ModeText,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    auditors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    standbys: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    silence_blocks: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    request_blocks: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    caps: Vec<CapText>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CapText {
    asset: u16,
    per_hour: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RequestsText {
    fee_asset: u16,
    fee: String,
    collector: String,
    per_block_max: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum ModeText {
    Attested { delay_blocks: u32 },
    Audited { attestations_min: u8, delay_blocks: u32 },
    Proven { guest_image: String, window_blocks: u32, deadline_blocks: u32 },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AssetText {
    name: String,
    decimals: u8,
    issuer: String,
    #[serde(default)]
    issued: Vec<BalanceText>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BalanceText {
    owner: String,
    amount: String,
}

impl Default for LimitsText {
    fn default() -> Self {
        ChainLimits::default().into()
    }
}

impl From<ChainLimits> for LimitsText {
    fn from(limits: ChainLimits) -> Self {
        let ChainLimits { block_size_max, block_transactions_max, inbox_pending_max, epoch_blocks, notice_blocks } = limits;
        Self { block_size_max, block_transactions_max, inbox_pending_max, epoch_blocks, notice_blocks }
    }
}

impl Genesis {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`GenesisTextError`], naming line and column or the entry.
    pub fn from_text(text: &str) -> Result<Self, GenesisTextError> {
        if text.len() > GENESIS_TEXT_SIZE_MAX {
            return Err(GenesisTextError::Size { size: text.len() });
        }
        let parsed: GenesisText = toml::from_str(text).map_err(|error| GenesisTextError::Toml(error.to_string()))?;
        Ok(draft(parsed)?.build()?)
    }

    /// The text form; [`Genesis::from_text`] reads it back.
    ///
    /// # Panics
    ///
    /// If chain or time is above `i64::MAX`, which TOML cannot hold.
    #[must_use]
    pub fn to_text(&self) -> String {
        let zones = self.zones().iter().map(|zone| ZoneText {
            id: zone.id.get(),
            name: zone.name.to_string(),
            producer: zone.producer.to_string(),
            epoch: zone.epoch.get(),
            mode: match zone.mode {
                ZoneMode::Attested { delay_blocks } => ModeText::Attested { delay_blocks },
                ZoneMode::Audited { attestations_min, delay_blocks } => ModeText::Audited { attestations_min, delay_blocks },
                ZoneMode::Proven { guest_image, window_blocks, deadline_blocks } => {
                    ModeText::Proven { guest_image: guest_image.to_string(), window_blocks, deadline_blocks }
                }
            },
            auditors: zone.rules.auditors.iter().map(PublicKey::to_string).collect(),
            standbys: zone.rules.standbys.iter().map(PublicKey::to_string).collect(),
            silence_blocks: zone.rules.silence_blocks,
            request_blocks: zone.rules.request_blocks,
            caps: zone
                .rules
                .caps
                .iter()
                .map(|cap| CapText { asset: cap.asset.get(), per_hour: cap.per_hour.to_string() })
                .collect(),
        });
        let balance =
            |balance: &GenesisBalance| BalanceText { owner: balance.owner.to_string(), amount: balance.amount.to_string() };
        let assets = self.assets().iter().map(|asset| AssetText {
            name: asset.asset.name.to_string(),
            decimals: asset.asset.decimals,
            issuer: asset.issuer.to_string(),
            issued: asset.issued.iter().map(balance).collect(),
        });
        let text = GenesisText {
            chain: self.chain().get(),
            time_ns: self.time().get(),
            validators: self.committee().keys().iter().map(PublicKey::to_string).collect(),
            limits: self.limits().into(),
            governance: GovernanceText {
                governors: self.governance().governors.iter().map(PublicKey::to_string).collect(),
                approvals_min: self.governance().approvals_min,
            },
            requests: self.requests().map(|rules| RequestsText {
                fee_asset: rules.fee_asset.get(),
                fee: rules.fee.to_string(),
                collector: rules.collector.to_string(),
                per_block_max: rules.per_block_max,
            }),
            zones: zones.collect(),
            assets: assets.collect(),
        };
        toml::to_string(&text).expect("chain and time fit 63 bits")
    }
}

fn draft(text: GenesisText) -> Result<Draft, GenesisTextError> {
    let validators = text.validators.iter().enumerate().map(|(index, key)| read_key(key, || format!("validators[{index}]")));
    let validators = validators.collect::<Result<_, _>>()?;
    let LimitsText { block_size_max, block_transactions_max, inbox_pending_max, epoch_blocks, notice_blocks } = text.limits;
    let limits = ChainLimits { block_size_max, block_transactions_max, inbox_pending_max, epoch_blocks, notice_blocks };
    let GovernanceText { governors, approvals_min } = text.governance;
    let governors = governors.iter().enumerate().map(|(index, key)| read_key(key, || format!("governance.governors[{index}]")));
    let mut governors = governors.collect::<Result<Vec<_>, _>>()?;
    // In the text the order says nothing; a governor who occurs twice stays so, and is refused.
    governors.sort_unstable();
    let governance = Governance { governors, approvals_min };
    let requests = text.requests.map(|rules| {
        let RequestsText { fee_asset, fee, collector, per_block_max } = rules;
        let fee = read_amount(&fee, || "requests fee".to_owned())?;
        let collector = read_key(&collector, || "requests collector".to_owned())?;
        Ok::<_, GenesisTextError>(RequestRules { fee_asset: AssetId::new(fee_asset), fee, collector, per_block_max })
    });
    let requests = requests.transpose()?;
    let zones = text.zones.iter().enumerate().map(|(index, zone)| {
        let entry = || format!("zones[{index}] \"{}\"", zone.name);
        Ok(GenesisZone {
            id: ZoneId::new(zone.id),
            name: read_name(&zone.name, entry)?,
            producer: read_key(&zone.producer, || format!("{} producer", entry()))?,
            epoch: ProducerEpoch::new(zone.epoch),
            mode: match zone.mode {
                ModeText::Attested { delay_blocks } => ZoneMode::Attested { delay_blocks },
                ModeText::Audited { attestations_min, delay_blocks } => ZoneMode::Audited { attestations_min, delay_blocks },
                ModeText::Proven { ref guest_image, window_blocks, deadline_blocks } => {
                    let image = parse_hex(guest_image);
                    let image =
                        image.map_err(|error| GenesisTextError::Key { entry: format!("{} guest_image", entry()), error })?;
                    ZoneMode::Proven { guest_image: Digest(image), window_blocks, deadline_blocks }
                }
            },
            rules: ZoneRules {
                auditors: read_keys(&zone.auditors, || format!("{} auditors", entry()))?,
                standbys: read_keys(&zone.standbys, || format!("{} standbys", entry()))?,
                silence_blocks: zone.silence_blocks,
                request_blocks: zone.request_blocks,
                caps: zone.caps.iter().map(|cap| read_cap(cap, entry)).collect::<Result<_, _>>()?,
            },
        })
    });
    let zones = zones.collect::<Result<_, GenesisTextError>>()?;
    let assets = text.assets.iter().enumerate().map(|(index, asset)| read_asset(index, asset));
    let assets = assets.collect::<Result<_, _>>()?;
    let (chain, time) = (ChainId::new(text.chain), TimestampNs::new(text.time_ns));
    Ok(Draft { chain, time, validators, zones, assets, limits, governance, requests })
}

fn read_asset(index: usize, text: &AssetText) -> Result<GenesisAsset, GenesisTextError> {
    let entry = || format!("assets[{index}] \"{}\"", text.name);
    let id = u16::try_from(index).map_err(|_| GenesisError::TooMany {
        what: "assets",
        count: index + 1,
        count_max: crate::limits::ASSETS_MAX,
    })?;
    let issued = text.issued.iter().enumerate().map(|(at, balance)| {
        let entry = || format!("{} issued[{at}]", entry());
        Ok(GenesisBalance { owner: read_key(&balance.owner, entry)?, amount: read_amount(&balance.amount, entry)? })
    });
    let mut issued = issued.collect::<Result<Vec<_>, GenesisTextError>>()?;
    // In the text the order says nothing; an owner who occurs twice stays so, and is refused by name.
    issued.sort_by_key(|balance| balance.owner);
    Ok(GenesisAsset {
        asset: Asset { id: AssetId::new(id), name: read_name(&text.name, entry)?, decimals: text.decimals },
        issuer: read_key(&text.issuer, || format!("{} issuer", entry()))?,
        issued,
    })
}

fn read_key(text: &str, entry: impl FnOnce() -> String) -> Result<PublicKey, GenesisTextError> {
    parse_public_key(text).map_err(|error| GenesisTextError::Key { entry: entry(), error })
}

fn read_keys(texts: &[String], entry: impl Fn() -> String) -> Result<Vec<PublicKey>, GenesisTextError> {
    texts.iter().map(|text| read_key(text, &entry)).collect()
}

fn read_cap(cap: &CapText, entry: impl Fn() -> String) -> Result<AssetCap, GenesisTextError> {
    let per_hour = read_amount(&cap.per_hour, || format!("{} cap", entry()))?;
    Ok(AssetCap { asset: AssetId::new(cap.asset), per_hour })
}

fn read_amount(text: &str, entry: impl FnOnce() -> String) -> Result<Amount, GenesisTextError> {
    let units = || Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
    units().and_then(Amount::new).ok_or_else(|| GenesisTextError::Amount { entry: entry(), text: text.to_owned() })
}

fn read_name(text: &str, entry: impl FnOnce() -> String) -> Result<Name, GenesisTextError> {
    Name::new(text).ok_or_else(|| GenesisTextError::Name { entry: entry(), text: text.to_owned() })
}
