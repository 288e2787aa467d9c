//! What there is of each asset, and where: one statement per asset behind every block.
//!
//! issued = base + in flight + held. What was issued is counted where it is issued; base, in flight and held are added up anew from
//! balances, messages and turnstiles behind every block, so an error in one of them breaks the sum.

use super::facts::FactKey;
use super::owners::add;
use super::state::State;
use plinth_types::id::AssetId;
use plinth_types::quantity::Amount;
use plinth_types::record;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where an asset is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conservation {
    /// By its issuer, less what was redeemed.
    pub issued: Amount,
    /// In balances of owners on the base layer.
    pub base: Amount,
    /// In messages between zones.
    pub in_flight: Amount,
    /// In zones, by their turnstiles.
    pub held: Amount,
}

record!(Conservation { issued, base, in_flight, held });

impl Conservation {
    /// Whether it adds up.
    #[must_use]
    pub fn holds(&self) -> bool {
        let found = self.base.checked_add(self.in_flight).and_then(|sum| sum.checked_add(self.held));
        found == Some(self.issued)
    }
}

impl State {
    /// Where an asset is; `None` if there is no such asset.
    #[must_use]
    pub fn conservation(&self, asset: AssetId) -> Option<Conservation> {
        self.statement.get(&asset).copied()
    }

    /// Adds up where everything is now.
    ///
    /// # Panics
    ///
    /// If a sum is no amount: money was made.
    pub(super) fn add_up(&self) -> BTreeMap<AssetId, Conservation> {
        let mut base = self.owners.totals();
        let (mut in_flight, mut held) = (BTreeMap::new(), BTreeMap::new());
        for zone in self.zones() {
            for message in zone.inbox().kept() {
                add(&mut in_flight, message.asset, message.amount);
            }
            for (_, message) in zone.queued() {
                add(&mut in_flight, message.asset, message.amount);
            }
            for (asset, turnstile) in zone.turnstiles() {
                add(&mut held, asset, turnstile.held());
            }
        }
        let take = |sums: &mut BTreeMap<AssetId, Amount>, asset| sums.remove(asset).unwrap_or_default();
        let mut statement = BTreeMap::new();
        for (asset, &issued) in self.issued.iter() {
            let (base, in_flight, held) = (take(&mut base, asset), take(&mut in_flight, asset), take(&mut held, asset));
            statement.insert(*asset, Conservation { issued, base, in_flight, held });
        }
        let unknown: Vec<_> = [base, in_flight, held].into_iter().flatten().filter(|(_, sum)| *sum > Amount::ZERO).collect();
        assert!(unknown.is_empty(), "assets that were never issued: {unknown:?}");
        statement
    }

    /// Makes the statement that of the state as it is.
    ///
    /// # Panics
    ///
    /// If an asset is not conserved: a block made or lost money, and nothing may be signed any more.
    pub(super) fn state_conservation(&mut self) {
        let statement = self.add_up();
        for (&asset, conservation) in &statement {
            assert!(conservation.holds(), "asset {asset} behind block {}: {conservation:?}", self.height);
            if self.statement.get(&asset) != Some(conservation) {
                self.touch(FactKey::Asset(asset));
            }
        }
        self.statement = Arc::new(statement);
    }
}
