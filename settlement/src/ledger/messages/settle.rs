//! A zone block settles: what it consumed is paid in or goes back, what it sends is paid out.

use super::Incoming;
use crate::ledger::execute::Effects;
use crate::ledger::facts::FactKey;
use crate::ledger::state::State;
use crate::ledger::zone::{Settled, Unsettled, Zone};
use crate::limits::SETTLED_PER_BLOCK_MAX;
use plinth_types::id::{Height, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};

impl State {
    /// Settles what is due at settlement height `at`, zone by zone, and delivers what may leave.
    pub(in crate::ledger) fn settle(&mut self, at: Height, time: TimestampNs, effects: &mut Effects) {
        let zones: Vec<ZoneId> = self.zones().map(Zone::id).collect();
        for &zone in &zones {
            for _ in 0..SETTLED_PER_BLOCK_MAX {
                if !self.zone(zone).is_some_and(|zone| zone.settles_at(at)) {
                    break;
                }
                self.settle_first(zone, effects);
            }
        }
        zones.into_iter().for_each(|zone| self.release(zone, time, effects));
    }

    fn settle_first(&mut self, zone: ZoneId, effects: &mut Effects) {
        let known = self.zone_mut(zone);
        let unsettled = known.unsettled.pop_front().expect("asked before");
        let Unsettled { block, post_root, exit_root, before, .. } = unsettled;
        known.record.settled = Settled { height: block.height, head: block.id, post_root, exit_root, before };
        let outbox = known.outboxes.remove(&block.height).unwrap_or_default();
        self.touch(FactKey::Unsettled(zone, block.height));
        self.touch(FactKey::Outbox(zone, block.height));
        while let Some(message) = self.zone_mut(zone).inbox.settle_up_to(before.inbox) {
            self.settle_input(zone, &message, unsettled.refuses(message.index), effects);
        }
        for message in outbox {
            let turnstile = self.turnstile_mut(zone, message.asset);
            turnstile.pay_out(message.asset, message.amount).expect("checked when the header was ordered");
            turnstile.undo(plinth_types::quantity::Amount::ZERO, message.amount);
            self.enqueue(zone, message, effects);
        }
        effects.settled.push(block);
    }

    fn settle_input(&mut self, zone: ZoneId, message: &InboxMessage, refused: bool, effects: &mut Effects) {
        self.touch(FactKey::Inbox(zone, message.index));
        match message.kind {
            InboxKind::Request(_) => {
                self.zone_mut(zone).deadlines.remove(&message.index);
                self.touch(FactKey::Deadline(zone, message.index));
            }
            InboxKind::Transfer if refused => {
                self.turnstile_mut(zone, message.asset).refuse(message.amount);
                let &InboxMessage { id, channel_seq, asset, amount, .. } = message;
                let from = plinth_types::transfer::Party { zone, address: message.account };
                let back =
                    Incoming { id, from, channel_seq, kind: InboxKind::Bounce, asset, amount, account: message.from.address };
                self.send_back(message.from.zone, back, effects);
            }
            InboxKind::Transfer | InboxKind::Bounce => self.turnstile_mut(zone, message.asset).pay_in(message.amount),
        }
    }
}
