//! The way out of a frozen zone: a leaf of what each owner could take out behind the last settled block, each once, out of the zone's
//! turnstile and never above it.

use super::error::TransactionError;
use super::facts::FactKey;
use super::state::State;
use super::zone::ZoneStatus;
use crate::block::{ExitTransaction, exit_root};
use crate::ledger::owner_acts::check_receiver;
use plinth_types::digest::Digest;

impl State {
    pub(super) fn execute_exit(&mut self, exit: &ExitTransaction) -> Result<(), TransactionError> {
        let (zone, leaf) = (exit.zone, exit.leaf);
        let known = self.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
        if known.status() == ZoneStatus::Open {
            return Err(TransactionError::NotFrozen { zone });
        }
        let expected = known.record().settled.exit_root;
        let root = exit_root(self.genesis.chain(), zone, &leaf, &exit.path);
        if expected == Digest::ZERO || root != Some(expected) {
            return Err(TransactionError::ExitProof { zone });
        }
        if known.exited.contains(&leaf.index) {
            return Err(TransactionError::Exited { zone, index: leaf.index });
        }
        check_receiver(leaf.owner)?;
        let mut turnstile = known.turnstile(leaf.asset);
        turnstile.exit(leaf.asset, leaf.amount)?;

        // Decided. From here on nothing returns early.
        *self.turnstile_mut(zone, leaf.asset) = turnstile;
        let known = self.zone_mut(zone);
        known.exited.insert(leaf.index);
        known.record.exits += 1;
        self.touch(FactKey::Exited(zone, leaf.index));
        self.credit(leaf.owner, leaf.asset, leaf.amount);
        Ok(())
    }
}
