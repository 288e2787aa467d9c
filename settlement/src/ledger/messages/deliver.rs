//! Queues, caps, delivery, and the way back.

use super::Incoming;
use crate::digest::sha256;
use crate::ledger::execute::Effects;
use crate::ledger::facts::FactKey;
use crate::ledger::owner_acts::check_receiver;
use crate::ledger::state::State;
use crate::ledger::zone::{Window, ZoneStatus};
use crate::limits::{QUEUED_MAX, RELEASED_PER_BLOCK_MAX};
use plinth_types::id::{InboxIndex, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::transfer::{OutboxMessage, Party};

/// Nanoseconds of an hour.
const HOUR_NS: u64 = 3_600_000_000_000;

impl State {
    /// Puts a message that was paid out behind its channel's others; where too many wait it goes back at once.
    pub(super) fn enqueue(&mut self, zone: ZoneId, message: OutboxMessage, effects: &mut Effects) {
        if self.zone_mut(zone).queued.len() >= QUEUED_MAX {
            return self.bounce(zone, message, effects);
        }
        let place = (message.to.zone, message.channel_seq);
        self.zone_mut(zone).queued.insert(place, message);
        self.touch(FactKey::Queued(zone, place.0, place.1));
    }

    /// Delivers what a zone has queued, channel by channel, each as far as its caps permit.
    pub(super) fn release(&mut self, zone: ZoneId, time: TimestampNs, effects: &mut Effects) {
        let Some(known) = self.zone(zone).filter(|zone| zone.status() == ZoneStatus::Open) else { return };
        let mut channels: Vec<ZoneId> = known.queued().map(|(&(to, _), _)| to).collect();
        channels.dedup();
        let mut left = RELEASED_PER_BLOCK_MAX;
        for to in channels {
            while left > 0 && self.release_first(zone, to, time, effects) {
                left -= 1;
            }
        }
    }

    /// Whether the first message of the channel went somewhere.
    fn release_first(&mut self, zone: ZoneId, to: ZoneId, time: TimestampNs, effects: &mut Effects) -> bool {
        let Some(known) = self.zone(zone) else { return false };
        let first = known.queued.range((to, 0)..=(to, u64::MAX)).next();
        let Some((&place, &message)) = first else { return false };
        let cap = known.cap(message.asset);
        let hour = time.get() / HOUR_NS;
        let window = known.windows.get(&message.asset).copied().filter(|window| window.hour == hour);
        let used = window.map(|window| window.used).unwrap_or_default();
        let above = |amount| cap.is_some_and(|cap| amount > cap);
        let goes_back = time > message.expires_at || above(message.amount) || !self.can_receive(zone, &message);
        if !goes_back {
            let Some(used) = used.checked_add(message.amount).filter(|&used| !above(used)) else { return false };
            if cap.is_some() {
                self.zone_mut(zone).windows.insert(message.asset, Window { hour, used });
                self.touch(FactKey::Window(zone, message.asset));
            }
        }
        self.zone_mut(zone).queued.remove(&place);
        self.touch(FactKey::Queued(zone, place.0, place.1));
        if goes_back {
            self.bounce(zone, message, effects);
        } else {
            self.deliver(zone, message, effects);
        }
        true
    }

    /// Whether there is somebody who can take the message.
    fn can_receive(&self, from: ZoneId, message: &OutboxMessage) -> bool {
        let to = message.to;
        if to.zone == ZoneId::BASE {
            return check_receiver(to.address.owner()).is_ok();
        }
        let room = |kept: usize| kept < self.genesis.limits().inbox_pending_max as usize;
        let open = self.zone(to.zone).filter(|zone| zone.status() == ZoneStatus::Open);
        to.zone != from && open.is_some_and(|zone| room(zone.inbox().kept().len()))
    }

    fn deliver(&mut self, from: ZoneId, message: OutboxMessage, effects: &mut Effects) {
        let OutboxMessage { channel_seq, to, asset, amount, sender, .. } = message;
        if to.zone == ZoneId::BASE {
            return self.credit(to.address.owner(), asset, amount);
        }
        let id = sha256(&[&message.id_bytes(self.genesis.chain(), from)]);
        let from = Party { zone: from, address: sender };
        let incoming = Incoming { id, from, channel_seq, kind: InboxKind::Transfer, asset, amount, account: to.address };
        self.append(to.zone, incoming, effects);
    }

    /// Back into the zone that sent it.
    fn bounce(&mut self, zone: ZoneId, message: OutboxMessage, effects: &mut Effects) {
        let OutboxMessage { channel_seq, to, asset, amount, sender, .. } = message;
        let id = sha256(&[&message.id_bytes(self.genesis.chain(), zone)]);
        let back = Incoming { id, from: to, channel_seq, kind: InboxKind::Bounce, asset, amount, account: sender };
        self.append(zone, back, effects);
    }

    /// Back to whoever sent a message that a zone refused.
    pub(super) fn send_back(&mut self, to: ZoneId, back: Incoming, effects: &mut Effects) {
        if to == ZoneId::BASE {
            self.credit(back.account.owner(), back.asset, back.amount);
        } else {
            self.append(to, back, effects);
        }
    }

    /// Appends a message of the base layer's own channel.
    pub(in crate::ledger) fn append_from_base(&mut self, zone: ZoneId, incoming: Incoming, effects: &mut Effects) -> InboxIndex {
        let record = &mut self.zone_mut(zone).record;
        record.from_base += 1;
        let channel_seq = record.from_base;
        self.append(zone, Incoming { channel_seq, ..incoming }, effects)
    }

    fn append(&mut self, zone: ZoneId, incoming: Incoming, effects: &mut Effects) -> InboxIndex {
        let Incoming { id, from, channel_seq, kind, asset, amount, account } = incoming;
        let index = self.zone_mut(zone).inbox.appended().next();
        let message = InboxMessage { zone, index, id, from, channel_seq, kind, asset, amount, account };
        if !matches!(kind, InboxKind::Request(_)) {
            self.turnstile_mut(zone, asset).append(amount);
        }
        let known = self.zone_mut(zone);
        known.record.appended = index;
        known.inbox.append(message);
        self.touch(FactKey::Inbox(zone, index));
        effects.inbox.push(message);
        index
    }
}
