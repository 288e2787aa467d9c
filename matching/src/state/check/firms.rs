//! Firms, and how many orders each counts.

use super::Inconsistency;
use crate::engine::Engine;
use crate::engine::firms::FirmRecord;
use crate::engine::pool::Mark;
use alloc::vec;
use plinth_types::id::FirmId;
use plinth_types::page::Touch;
use plinth_types::table::Record;

/// Looked at before whatever asks for an account's firm. Cost: one pass over all nodes.
pub(super) fn check_firms<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    let (firms, guarded) = (engine.firms.records(), engine.guarded.records());
    for record in guarded.iter().filter(|record| record.firm != 0) {
        if firms.get(usize::from(record.firm)).is_none_or(|firm| firm.known == 0) {
            return Err(Inconsistency::Firm(FirmId::new(record.firm)));
        }
    }
    let mut counted = vec![0_u32; firms.len()];
    for node in engine.nodes.records().iter().filter(|node| node.order != 0) {
        let firm = guarded.get(node.account as usize).map_or(0, |record| record.firm);
        if (node.marks & Mark::OF_FIRM != 0) != (firm != 0) {
            return Err(Inconsistency::Firm(FirmId::new(firm)));
        }
        counted[usize::from(firm)] += u32::from(firm != 0);
    }
    for (at, (record, counted)) in (0..).zip(firms.iter().zip(counted)) {
        let sound = if at == 0 { *record == FirmRecord::ZERO } else { record.known <= 1 && record.suspended <= 1 };
        if !sound || record.orders != counted || (record.known == 0 && *record != FirmRecord::ZERO) {
            return Err(Inconsistency::Firm(FirmId::new(at)));
        }
    }
    Ok(())
}
