//! Can a zone have these rules? Asked of a genesis and of every decision that changes them.

use super::rules::{AssetCap, ZoneMode, ZoneRules};
use crate::keys;
use crate::limits::{ATTESTATION_DELAY_BLOCKS_MAX, AUDITORS_MAX, CAPS_MAX, STANDBYS_MAX, UNSETTLED_HEADERS_MAX};
use plinth_types::id::PublicKey;

/// Why a zone cannot have these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneRulesError {
    /// The delay is above the bound.
    #[error("a delay of {delay_blocks} blocks, at most {ATTESTATION_DELAY_BLOCKS_MAX} are allowed")]
    Delay {
        /// Its delay.
        delay_blocks: u32,
    },
    /// m of n with m above n, or none.
    #[error("{attestations_min} of {count} auditors, 1 to {count} are allowed")]
    Attestations {
        /// m.
        attestations_min: u8,
        /// n.
        count: usize,
    },
    /// The window is nothing, or outlasts what is remembered.
    #[error("a window of {window_blocks} blocks, 1 to {UNSETTLED_HEADERS_MAX} are allowed")]
    Window {
        /// W.
        window_blocks: u32,
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
    /// A list that ascends does not.
    #[error("{what} do not ascend")]
    Order {
        /// Which list.
        what: &'static str,
    },
    /// Thirty-two bytes that are no public key.
    #[error("{key} is no ed25519 public key")]
    Key {
        /// The bytes.
        key: PublicKey,
    },
    /// A cap on an asset that is not there.
    #[error("a cap on asset {asset}, which is not listed")]
    CapAsset {
        /// The number.
        asset: u16,
    },
}

impl ZoneRules {
    /// Checks the rules together with the mode.
    ///
    /// # Errors
    ///
    /// [`ZoneRulesError`].
    pub(crate) fn check(&self, mode: ZoneMode, asset_count: usize) -> Result<(), ZoneRulesError> {
        let Self { auditors, standbys, caps, .. } = self;
        for (what, count, count_max) in
            [("auditors", auditors.len(), AUDITORS_MAX), ("standbys", standbys.len(), STANDBYS_MAX), ("caps", caps.len(), CAPS_MAX)]
        {
            if count > count_max {
                return Err(ZoneRulesError::TooMany { what, count, count_max });
            }
        }
        if let Some(&key) = auditors.iter().chain(standbys).find(|key| keys::to_consensus(key).is_err()) {
            return Err(ZoneRulesError::Key { key });
        }
        if !auditors.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(ZoneRulesError::Order { what: "auditors" });
        }
        if !caps.windows(2).all(|pair| pair[0].asset < pair[1].asset) {
            return Err(ZoneRulesError::Order { what: "caps" });
        }
        if let Some(AssetCap { asset, .. }) = caps.iter().find(|cap| usize::from(cap.asset.get()) >= asset_count) {
            return Err(ZoneRulesError::CapAsset { asset: asset.get() });
        }
        let count = auditors.len();
        match mode {
            ZoneMode::Attested { delay_blocks } | ZoneMode::Audited { delay_blocks, .. }
                if delay_blocks > ATTESTATION_DELAY_BLOCKS_MAX =>
            {
                Err(ZoneRulesError::Delay { delay_blocks })
            }
            ZoneMode::Audited { attestations_min, .. } if !(1..=count).contains(&usize::from(attestations_min)) => {
                Err(ZoneRulesError::Attestations { attestations_min, count })
            }
            ZoneMode::Proven { window_blocks, .. } if !(1..=UNSETTLED_HEADERS_MAX).contains(&(window_blocks as usize)) => {
                Err(ZoneRulesError::Window { window_blocks })
            }
            ZoneMode::Attested { .. } | ZoneMode::Audited { .. } | ZoneMode::Proven { .. } => Ok(()),
        }
    }
}
