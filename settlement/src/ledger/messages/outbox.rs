//! The list of what a zone block sends, against the root that its header committed to.

use crate::block::OutboxTransaction;
use crate::ledger::error::TransactionError;
use crate::ledger::facts::FactKey;
use crate::ledger::state::State;
use crate::ledger::zone::Zone;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ZoneId};
use plinth_types::limits::OUTBOX_MESSAGES_MAX;
use plinth_types::quantity::Amount;
use std::collections::BTreeMap;

impl State {
    pub(in crate::ledger) fn execute_outbox(&mut self, outbox: &OutboxTransaction) -> Result<(), TransactionError> {
        let zone = self.zone(outbox.zone).ok_or(TransactionError::UnknownZone { zone: outbox.zone })?;
        check(zone, outbox)?;
        let (id, height) = (outbox.zone, outbox.height);
        let known = self.zone_mut(id);
        known.outboxes.insert(height, outbox.messages.clone());
        let mut destinations: Vec<ZoneId> = Vec::new();
        for message in &outbox.messages {
            *known.sent.entry(message.to.zone).or_default() = message.channel_seq;
            destinations.push(message.to.zone);
        }
        self.touch(FactKey::Outbox(id, height));
        destinations.into_iter().for_each(|to| self.touch(FactKey::Sent(id, to)));
        Ok(())
    }
}

fn check(zone: &Zone, outbox: &OutboxTransaction) -> Result<(), TransactionError> {
    let (id, height, messages) = (outbox.zone, outbox.height, &outbox.messages);
    if messages.len() > OUTBOX_MESSAGES_MAX {
        return Err(TransactionError::OutboxTotals);
    }
    let unsettled = zone.unsettled_at(height).ok_or(TransactionError::NotUnsettled { zone: id, height })?;
    if messages.is_empty() || zone.is_listed(height) {
        return Err(TransactionError::OutboxKnown { zone: id, height });
    }
    let (root, expected) = (outbox.root(), unsettled.outbox_root);
    if root != expected {
        return Err(TransactionError::OutboxRoot { root, expected });
    }
    // Channels are numbered over the zone's life, so lists come in order.
    let earlier = zone.unsettled().take_while(|block| block.height < height).map(|block| block.height);
    let unlisted =
        |height| zone.unsettled_at(height).is_some_and(|block| !block.outbox_totals.is_empty() && !zone.is_listed(height));
    if let Some(first) = earlier.into_iter().find(|&height| unlisted(height)) {
        return Err(TransactionError::OutboxOrder { zone: id, height, first });
    }
    let mut totals: BTreeMap<AssetId, Amount> = BTreeMap::new();
    let mut sent: BTreeMap<ZoneId, u64> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        let last = sent.entry(message.to.zone).or_insert_with(|| zone.sent(message.to.zone));
        let expected = last.saturating_add(1);
        if message.channel_seq != expected {
            return Err(TransactionError::ChannelSeq { index, to: message.to.zone, seq: message.channel_seq, expected });
        }
        *last = expected;
        let total = totals.entry(message.asset).or_default();
        let sum = total.checked_add(message.amount).filter(|_| message.amount > Amount::ZERO);
        *total = sum.ok_or(TransactionError::OutboxTotals)?;
    }
    let totals = totals.into_iter().map(|(asset, amount)| AssetAmount { asset, amount });
    if !totals.eq(unsettled.outbox_totals.iter().copied()) {
        return Err(TransactionError::OutboxContradiction);
    }
    Ok(())
}
