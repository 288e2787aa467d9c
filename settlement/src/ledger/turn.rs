//! What happens to zones behind every block, whatever is in it: decided modes begin, silent producers are replaced, pressure is said.

use super::facts::FactKey;
use super::state::State;
use super::zone::{Zone, ZoneStatus};
use plinth_types::id::{Height, ZoneId};

impl State {
    /// Before the block's blocks settle.
    pub(super) fn begin_modes(&mut self, at: Height) {
        for id in self.zone_ids() {
            if let Some((mode, from)) = self.zone(id).and_then(|zone| zone.record().mode_next)
                && from <= at
            {
                let record = &mut self.zone_mut(id).record;
                (record.mode, record.mode_next) = (mode, None);
            }
        }
    }

    /// Behind everything else.
    pub(super) fn watch_zones(&mut self, at: Height) {
        for id in self.zone_ids() {
            let Some(zone) = self.zone(id) else { continue };
            let (pressure, silent) = (zone.pressure_at(at), is_silent(zone, at));
            if pressure != zone.record().pressure {
                self.zone_mut(id).record.pressure = pressure;
            }
            if silent {
                let zone = self.zone_mut(id);
                // In turn: the one replaced comes last.
                let next = zone.rules.standbys.remove(0);
                let before = core::mem::replace(&mut zone.record.producer, next);
                zone.rules.standbys.push(before);
                zone.record.epoch = zone.record.epoch.next();
                zone.record.ordered_at = at;
                self.touch(FactKey::Rules(id));
            }
        }
    }

    fn zone_ids(&self) -> Vec<ZoneId> {
        self.zones().map(Zone::id).collect()
    }
}

/// Something waits to be consumed, nothing is ordered, and somebody else could.
fn is_silent(zone: &Zone, at: Height) -> bool {
    let (rules, record) = (zone.rules(), zone.record());
    let waited = at.get().saturating_sub(record.ordered_at.get());
    rules.silence_blocks > 0
        && !rules.standbys.is_empty()
        && record.status == ZoneStatus::Open
        && zone.inbox().pending().len() > 0
        && waited >= u64::from(rules.silence_blocks)
}
