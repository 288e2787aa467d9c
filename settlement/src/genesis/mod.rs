//! What every validator of a chain agrees on before its first block.
//!
//! ```text
//! text (TOML) ──parse──► Draft ──build──► Genesis ──► canonical bytes ──► digest = parent of the block at height 0
//! program     ──────────►  │                 │
//! bytes       ──decode────►┘                 └──► State::genesis, the first ledger
//! ```
//!
//! * A [`Genesis`] is checked: there is no other way to make one than [`Draft::build`].
//! * Addresses are configuration, not genesis: moving a validator changes no digest.
//! * Genesis issues assets; afterwards each asset's issuer key does. Governors list more of them, with nothing issued.
//! * A zone without a prover is attested by its producer alone (`attested 1/1, producer only`); the mode says so wherever it is shown.

mod draft;
mod format;
mod rules;
mod rules_check;
mod text;

pub use draft::{ChainLimits, DECIMALS_MAX, Draft, GenesisAsset, GenesisBalance, GenesisError, GenesisZone};
pub use rules::{AssetCap, Governance, RequestRules, ZoneMode, ZoneRules};
pub use rules_check::ZoneRulesError;
pub use text::GenesisTextError;

pub(crate) use rules::{encode_list, read_list};

use crate::block::Block;
use crate::committee::Committee;
use crate::digest::sha256;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, TimestampNs};

/// A checked genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    draft: Draft,
    committee: Committee,
}

impl Genesis {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Domain of the digest.
    pub const DOMAIN: &'static [u8] = b"plinth/genesis/1";

    /// The chain that all signatures name.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.draft.chain
    }

    /// The time of the block at height 0.
    #[must_use]
    pub const fn time(&self) -> TimestampNs {
        self.draft.time
    }

    /// The validators of the first epochs.
    #[must_use]
    pub const fn committee(&self) -> &Committee {
        &self.committee
    }

    /// The zones, ascending by id.
    #[must_use]
    pub fn zones(&self) -> &[GenesisZone] {
        &self.draft.zones
    }

    /// The assets; the index is the id.
    #[must_use]
    pub fn assets(&self) -> &[GenesisAsset] {
        &self.draft.assets
    }

    /// The chain's own bounds.
    #[must_use]
    pub const fn limits(&self) -> ChainLimits {
        self.draft.limits
    }

    /// Who decides.
    #[must_use]
    pub const fn governance(&self) -> &Governance {
        &self.draft.governance
    }

    /// What a request before a zone costs; `None` if there are none.
    #[must_use]
    pub const fn requests(&self) -> Option<RequestRules> {
        self.draft.requests
    }

    /// SHA-256 of domain and canonical bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[Self::DOMAIN, &self.to_bytes()])
    }

    /// The block at height 0: no transaction, its parent is the genesis digest.
    #[must_use]
    pub fn block(&self) -> Block {
        Block::new(Height::new(0), self.digest(), self.time(), Digest::ZERO, Vec::new())
    }
}
