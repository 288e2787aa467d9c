//! A block of the recent past as it was before its first transaction, for those who execute it again.

use super::{Chain, HistoricState, Sealed, requests, rules};
use crate::bridge::inbox;
use crate::execution::BlockPlan;

impl Chain {
    /// The state before `block` and what surrounds its transactions. `None` for the first block, and if that state is no longer kept.
    pub fn before(&self, block: &Sealed) -> Option<(HistoricState<'_>, BlockPlan)> {
        let record = &block.record;
        let header = &record.block.header;
        let state = self.state_at(header.number.checked_sub(1).filter(|parent| *parent >= self.blocks().first())?)?;
        let mut plan = rules::plan(header, &record.block.body, self.chain_id(), &requests::contracts(&state));
        let decisions = inbox::decide(self.bridge().as_ref(), &state, &record.inbox).ok()?;
        plan.before.extend(inbox::delivery(&record.inbox, &decisions));
        Some((state, plan))
    }
}
