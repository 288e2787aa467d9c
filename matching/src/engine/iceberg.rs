//! Icebergs: orders of which only a part rests in the open.
//!
//! The node of an iceberg holds what is shown; what is hidden lies in a table of its own, in the node's slot, and both are in the level's
//! sum. A taker first trades with all that is shown at a price; when the shown part of an iceberg is gone, as much again joins the end
//! of its level. Whatever makes an iceberg smaller takes from what is hidden first.

use crate::engine::Engine;
use crate::engine::counters::Counters;
use crate::engine::levels::Level;
use crate::engine::marked::Marked;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::region;
use plinth_types::page::Touch;
use plinth_types::quantity::Qty;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

table_record! {
    /// The part of an order that is not shown; zero for an order that is shown whole.
    pub(crate) struct Hidden in region::HIDDEN, 16 bytes {
        /// What is hidden, in lots.
        pub(crate) lots: u64,
        /// The most that is shown at a time, in lots.
        pub(crate) display: u64,
    }
}

impl Hidden {
    /// Takes the next part out, to be shown; 0 if nothing is hidden.
    pub(crate) fn show(&mut self) -> u64 {
        let shown = self.lots.min(self.display);
        self.lots -= shown;
        shown
    }
}

impl<T: Touch> Engine<T> {
    /// Hides what exceeds `display` of the order that has just come to rest in `slot`.
    #[cold]
    pub(crate) fn hide(&mut self, slot: Slot, display: Qty) {
        let node = self.nodes.get_mut(&mut self.touch, slot as usize);
        let shown = node.lots.min(display.lots());
        *self.hidden.get_mut(&mut self.touch, slot as usize) = Hidden { lots: node.lots - shown, display: display.lots() };
        node.lots = shown;
        node.marks |= Mark::ICEBERG;
        self.counters.get_mut(&mut self.touch).icebergs += 1;
    }

    /// Makes the iceberg in `slot` smaller by `lots`, less than all that is left of it.
    pub(crate) fn melt(&mut self, slot: Slot, lots: u64) {
        let hidden = self.hidden.get_mut(&mut self.touch, slot as usize);
        let from_hidden = hidden.lots.min(lots);
        hidden.lots -= from_hidden;
        self.nodes.get_mut(&mut self.touch, slot as usize).lots -= lots - from_hidden;
    }

    /// The most that the order in `slot` shows at a time; `None` if it shows all.
    pub(crate) fn display(&mut self, slot: Slot, node: &Node) -> Option<Qty> {
        let iceberg = node.marks & Mark::ICEBERG != 0;
        iceberg.then(|| Qty::from_lots(self.hidden.get(&mut self.touch, slot as usize).display))?
    }
}

/// All that is left of the order in `slot`, shown or not.
#[inline(always)]
pub(crate) fn left<T: Touch>(hidden: &Table<Hidden>, touch: &mut T, slot: Slot, node: &Node) -> u64 {
    if node.marks & Mark::ICEBERG == 0 {
        return node.lots;
    }
    node.lots + hidden.get(touch, slot as usize).lots
}

/// Shows more of an order, the first of its level, of which nothing is shown; it goes to the level's end. The next order, which may be
/// itself; `None` if nothing is hidden.
#[cold]
pub(crate) fn refresh<T: Touch>(
    hidden: &mut Table<Hidden>,
    touch: &mut T,
    nodes: &mut Table<Node>,
    level: &mut Level,
    marked: Marked,
) -> Option<Slot> {
    if !marked.is_iceberg() {
        return None;
    }
    let slot = marked.slot;
    let shown = hidden.get_mut(touch, slot as usize).show();
    if shown == 0 {
        return None;
    }
    let node = nodes.get_mut(touch, slot as usize);
    node.lots = shown;
    let next = node.next;
    if next == 0 {
        return Some(slot);
    }
    (node.next, node.prev) = (0, level.tail);
    nodes.get_mut(touch, level.tail as usize).next = slot;
    level.tail = slot;
    Some(next)
}

/// Forgets the iceberg in `slot`, which is gone.
pub(crate) fn forget<T: Touch>(hidden: &mut Table<Hidden>, touch: &mut T, counters: &mut Counters, slot: Slot) {
    *hidden.get_mut(touch, slot as usize) = Hidden::ZERO;
    counters.icebergs -= 1;
}
