//! Ties: that their orders are the marked ones, each what it must be, and that stops have reserved what they must.

use super::books::BooksWalk;
use crate::engine::Engine;
use crate::engine::iceberg::Hidden;
use crate::engine::incoming::{Incoming, resting};
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::ties::{Tie, TieSlot, beyond};
use crate::limits::TIES_MAX;
use alloc::vec;
use plinth_types::command::TimeInForce;
use plinth_types::id::OrderId;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Qty};
use plinth_types::table::Record;

impl<T: Touch> BooksWalk<'_, T> {
    /// Walks the orders that are held for entries. They are counted as orders here.
    pub(super) fn check_held(&mut self) -> Option<()> {
        let counters = *self.engine.counters.record();
        let (mut at, mut prev) = (counters.held_head, 0);
        while at != 0 {
            let node = *self.engine.nodes.records().get(at as usize)?;
            let waiting = self.engine.waiting.records()[at as usize];
            let book =
                *self.engine.books.records().get(node.instrument as usize).filter(|_| node.instrument < counters.instruments)?;
            let terms = match crate::engine::waiting::time_in_force_of(waiting.time_in_force)? {
                TimeInForce::GoodTillCancel => waiting.market == 0,
                TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => waiting.trigger != 0,
            };
            let sound = node.prev == prev
                && node.level == 0
                && node.side <= 1
                && node.post_only == 0
                && node.marks & !(Mark::COUNTED | Mark::OF_FIRM | Mark::LASTING) == Mark::WAITING | Mark::TIED
                && node.lots == node.total
                && self.engine.hidden.records()[at as usize] == Hidden::ZERO
                && terms
                && waiting.held == 1
                && waiting.market <= 1
                && waiting.trigger >= 0
                && (waiting.market == 0 || node.price == waiting.trigger)
                && (waiting.trail, waiting.triggered) == (0, 0)
                && (1..=counters.last_seq).contains(&waiting.since);
            if !sound {
                return None;
            }
            self.check_order(&book, &node, node.lots)?;
            self.orders += 1;
            // A ring of links ends here: there are no more nodes than this.
            if self.orders > counters.orders as usize {
                return None;
            }
            (prev, at) = (at, node.next);
        }
        (prev == counters.held_tail).then_some(())
    }
}

/// Whether all ties are sound, and no other orders are marked as tied than theirs. All orders are sound but for that.
pub(super) fn are_right<T: Touch>(engine: &Engine<T>) -> bool {
    let counters = engine.counters.record();
    if counters.ties_used > TIES_MAX {
        return false;
    }
    let (used, unused) = engine.ties.table.records().split_at(1 + counters.ties_used as usize);
    let live = used.iter().filter(|tie| tie.kind != 0).count() as u32;
    let sound = (0..).zip(used).all(|(at, tie)| tie.kind == 0 || is_sound(engine, at, tie).is_some());
    let mut owners = vec![0_u32; engine.nodes.records().len()];
    for slot in used.iter().flat_map(|tie| tie.slots()).filter(|&slot| slot != 0) {
        match owners.get_mut(slot as usize) {
            Some(owner) => *owner += 1,
            None => return false,
        }
    }
    let owned = engine.nodes.records().iter().zip(owners).all(|(node, owners)| {
        let is_tied = node.marks & Mark::TIED != 0;
        owners == u32::from(is_tied) && (is_tied || node.tie == 0)
    });
    let (mut free, mut at) = (0, counters.ties_free);
    while at != 0 && free <= counters.ties_used {
        let Some(tie) = used.get(at as usize).filter(|&&tie| tie == Tie { next: tie.next, ..Tie::ZERO }) else { return false };
        (free, at) = (free + 1, tie.next);
    }
    sound
        && owned
        && live + free == counters.ties_used
        && counters.watched.checked_sub(counters.pegged) == Some(live)
        && used[0] == Tie::ZERO
        && unused.iter().all(|tie| *tie == Tie::ZERO)
}

/// Whether a tie's orders can be tied so.
fn is_sound<T: Touch>(engine: &Engine<T>, at: TieSlot, tie: &Tie) -> Option<()> {
    let settled = (tie.traded, tie.ended, tie.next) == (0, 0, 0);
    let [entry, limit, stop] = tie.slots().map(|slot| of(engine, at, slot));
    let (entry, limit, stop) = (entry?, limit?, stop?);
    let waiting = |slot: Slot| engine.waiting.records()[slot as usize];
    let alike = |one: &Node, other: &Node| {
        let session = |node: &Node| OrderId::from_bits(node.order).map(OrderId::session);
        one.account == other.account && one.instrument == other.instrument && session(one) == session(other)
    };
    let paired = match (&limit, &stop) {
        (Some(limit), Some(stop)) => {
            matches!(tie.kind, Tie::CANCELS | Tie::UPDATES) && alike(limit, stop) && limit.side == stop.side
        }
        (Some(_), None) | (None, Some(_)) => tie.kind == Tie::SINGLE,
        (None, None) => false,
    };
    let placed = if tie.is_held() {
        let first = limit.or(stop)?;
        let held = |slot: Slot| slot == 0 || waiting(slot).held == 1;
        held(tie.limit)
            && held(tie.stop)
            && (tie.limit == 0 || waiting(tie.limit).trigger == 0)
            && (tie.stop == 0 || waiting(tie.stop).trigger != 0)
            && tie.reserved == [0; 2]
            && OrderId::from_bits(tie.entry_order)?.session() == OrderId::from_bits(first.order)?.session()
            && entry.is_none_or(|entry| {
                let on_book = entry.marks & (Mark::WAITING | Mark::ICEBERG | Mark::PEGGED) == 0 && entry.group == 0;
                on_book && entry.order == tie.entry_order && alike(&entry, &first) && entry.side != first.side
            })
    } else {
        let (limit, stop) = (limit?, stop?);
        let kept = tie.reserved.map(u128::from);
        entry.is_none()
            && limit.marks & (Mark::WAITING | Mark::ICEBERG | Mark::PEGGED) == 0
            && limit.group == 0
            && stop.marks & Mark::WAITING != 0
            && !waiting(tie.stop).is_parked()
            && Amount::new(kept[1] << 64 | kept[0]) == Some(beyond(&words(engine, &limit)?, &words(engine, &stop)?))
    };
    (settled && paired && placed).then_some(())
}

/// The order of a tie in this slot, if there is to be one: `None` if it is not one of the tie's.
#[expect(clippy::option_option, reason = "no order is as good as one, a wrong one is not")]
fn of<T: Touch>(engine: &Engine<T>, at: TieSlot, slot: Slot) -> Option<Option<Node>> {
    if slot == 0 {
        return Some(None);
    }
    let node = *engine.nodes.records().get(slot as usize)?;
    (node.order != 0 && node.marks & Mark::TIED != 0 && node.tie == at).then_some(Some(node))
}

fn words<T: Touch>(engine: &Engine<T>, node: &Node) -> Option<Incoming> {
    Qty::from_lots(node.lots)?;
    Some(resting(&engine.books.records()[node.instrument as usize], node, node.lots))
}

/// What an order that waits and is tied has reserved, as its tie says.
pub(super) fn reserved<T: Touch>(engine: &Engine<T>, node: &Node) -> Option<u128> {
    let tie = engine.ties.table.records().get(node.tie as usize)?;
    let [low, high] = tie.reserved.map(u128::from);
    Some(high << 64 | low)
}
