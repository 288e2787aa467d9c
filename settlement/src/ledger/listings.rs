//! What can be owned on the chain: the assets of the genesis, then those that governors listed since.
//!
//! * Assets are numbered without a gap in the order in which they came; no number and no name is ever used twice, and none is taken back.
//! * A listed asset begins with nothing issued. Its issuer's key issues and redeems it, as any other's. It leaves an attested zone only under a cap,
//!   which is another decision.
//! * What was listed after genesis is a fact of its own ([`FactKey::Listing`]); what the genesis says is in the genesis.

use super::error::TransactionError;
use super::facts::FactKey;
use super::state::State;
use crate::genesis::DECIMALS_MAX;
use crate::keys;
use crate::limits::ASSETS_MAX;
use plinth_types::id::{AssetId, PublicKey};
use plinth_types::quantity::Amount;
use plinth_types::record;
use plinth_types::reference::Asset;
use std::sync::Arc;

/// An asset, and whose it is to issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Number, name, decimal places.
    pub asset: Asset,
    /// Who alone issues and redeems it.
    pub issuer: PublicKey,
}

record!(Listing { asset, issuer });

impl State {
    /// Every asset, ascending by number.
    pub fn listings(&self) -> impl Iterator<Item = Listing> + '_ {
        let first = self.genesis.assets().iter().map(|first| Listing { asset: first.asset, issuer: first.issuer });
        first.chain(self.listed.iter().copied())
    }

    /// One asset; `None` if there is no such.
    #[must_use]
    pub fn listing(&self, asset: AssetId) -> Option<Listing> {
        self.listings().nth(usize::from(asset.get()))
    }

    /// How many assets there are.
    #[must_use]
    pub fn assets_count(&self) -> usize {
        self.genesis.assets().len() + self.listed.len()
    }

    /// One that was listed after genesis.
    pub(super) fn listed_since(&self, asset: AssetId) -> Option<Listing> {
        self.listed.get(usize::from(asset.get()).checked_sub(self.genesis.assets().len())?).copied()
    }

    /// Carries out a decision.
    pub(super) fn list(&mut self, listing: Listing) -> Result<(), TransactionError> {
        let Listing { asset, issuer } = listing;
        let count = self.assets_count();
        if count >= ASSETS_MAX {
            return Err(TransactionError::TooManyAssets);
        }
        if usize::from(asset.id.get()) != count {
            return Err(TransactionError::AssetNumber { asset: asset.id, expected: count });
        }
        if let Some(known) = self.listings().find(|known| known.asset.name == asset.name) {
            return Err(TransactionError::AssetName { name: asset.name, asset: known.asset.id });
        }
        if asset.decimals > DECIMALS_MAX {
            return Err(TransactionError::AssetDecimals { name: asset.name, decimals: asset.decimals });
        }
        keys::to_consensus(&issuer).map_err(|_| TransactionError::NotAKey { key: issuer })?;
        Arc::make_mut(&mut self.listed).push(listing);
        Arc::make_mut(&mut self.issued).insert(asset.id, Amount::ZERO);
        self.touch(FactKey::Listing(asset.id));
        Ok(())
    }
}
