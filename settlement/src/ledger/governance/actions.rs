//! What each decision does.

use crate::block::Action;
use crate::genesis::{AssetCap, ZoneMode, ZoneRules};
use crate::keys;
use crate::ledger::error::TransactionError;
use crate::ledger::execute::{Effects, Place};
use crate::ledger::facts::FactKey;
use crate::ledger::state::State;
use crate::ledger::zone::{Freeze, FreezeCause, Zone, ZoneStatus};
use plinth_types::id::{Height, PublicKey, ZoneId};
use std::sync::Arc;

impl State {
    /// Decides first, changes then, as everything does.
    pub(super) fn carry_out(&mut self, action: &Action, place: Place, effects: &mut Effects) -> Result<(), TransactionError> {
        match action {
            Action::SetCommittee { validators } => {
                let committee = self.epochs.check_plan(validators)?;
                Arc::make_mut(&mut self.epochs).plan(committee);
                self.touch(FactKey::CommitteePlanned);
                Ok(())
            }
            &Action::Freeze { zone } => {
                self.known(zone)?.check_open()?;
                let freeze = Freeze { zone, at: place.at, cause: FreezeCause::Decided };
                self.zone_mut(zone).record.status = ZoneStatus::Frozen(freeze);
                effects.frozen.push(freeze);
                Ok(())
            }
            &Action::Thaw { zone } => self.thaw(zone, place.at),
            Action::SetMode { zone, mode, auditors } => self.set_mode(*zone, *mode, auditors, place.at),
            &Action::SetProducer { zone, producer } => {
                self.known(zone)?;
                keys::to_consensus(&producer).map_err(|_| TransactionError::NotAKey { key: producer })?;
                let record = &mut self.zone_mut(zone).record;
                (record.producer, record.epoch, record.ordered_at) = (producer, record.epoch.next(), place.at);
                Ok(())
            }
            &Action::SetCap { zone, cap } => self.set_cap(zone, cap),
            &Action::SetStoreFormat { parameters } => self.set_store_format(parameters, place.at),
            &Action::ListAsset { listing } => self.list(listing),
            &Action::Revert { zone, height } => {
                let known = self.known(zone)?;
                known.unsettled_at(height).ok_or(TransactionError::NotUnsettled { zone, height })?;
                self.revert(zone, height, place.at, effects);
                Ok(())
            }
        }
    }

    fn known(&self, zone: ZoneId) -> Result<&Zone, TransactionError> {
        self.zone(zone).ok_or(TransactionError::UnknownZone { zone })
    }

    fn thaw(&mut self, zone: ZoneId, at: Height) -> Result<(), TransactionError> {
        let known = self.known(zone)?;
        if known.status() == ZoneStatus::Open {
            return Err(TransactionError::NotFrozen { zone });
        }
        // The zone's own books do not know of exits.
        if known.record().exits > 0 {
            return Err(TransactionError::ThawAfterExit { zone, exits: known.record().exits });
        }
        let record = &mut self.zone_mut(zone).record;
        (record.status, record.ordered_at) = (ZoneStatus::Open, at);
        Ok(())
    }

    fn set_mode(&mut self, zone: ZoneId, mode: ZoneMode, auditors: &[PublicKey], at: Height) -> Result<(), TransactionError> {
        let known = self.known(zone)?;
        if auditors != known.rules().auditors && matches!(known.mode(), ZoneMode::Audited { .. }) {
            return Err(TransactionError::AuditorsAtWork { zone });
        }
        let rules = ZoneRules { auditors: auditors.to_vec(), ..known.rules().clone() };
        rules.check(mode, self.assets_count())?;
        let from = Height::new(at.get().saturating_add(u64::from(self.genesis.limits().notice_blocks)));
        let known = self.zone_mut(zone);
        known.rules = rules;
        known.record.mode_next = Some((mode, from));
        self.touch(FactKey::Rules(zone));
        Ok(())
    }

    fn set_cap(&mut self, zone: ZoneId, cap: AssetCap) -> Result<(), TransactionError> {
        let known = self.known(zone)?;
        let mut rules = known.rules().clone();
        match rules.caps.binary_search_by_key(&cap.asset, |cap| cap.asset) {
            Ok(found) => rules.caps[found] = cap,
            Err(at) => rules.caps.insert(at, cap),
        }
        rules.check(known.mode(), self.assets_count())?;
        self.zone_mut(zone).rules = rules;
        self.touch(FactKey::Rules(zone));
        Ok(())
    }
}
