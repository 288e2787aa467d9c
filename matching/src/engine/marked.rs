//! The end of orders that have marks, and what happens to them when what they show has traded. Apart, so that orders without marks pay
//! for one compare.

use crate::engine::counters::Counters;
use crate::engine::firms::{self, FirmRecord};
use crate::engine::iceberg::{self, Hidden};
use crate::engine::lifetimes::Lifetimes;
use crate::engine::pegs::Pegs;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::protection::{self, Guarded};
use crate::engine::ties::Ties;
use plinth_types::id::AccountId;
use plinth_types::page::Touch;
use plinth_types::table::Table;

/// A resting order with marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marked {
    pub(crate) slot: Slot,
    pub(crate) account: AccountId,
    pub(crate) marks: u8,
}

impl Marked {
    /// Whether only a part of it is shown.
    pub(crate) const fn is_iceberg(self) -> bool {
        self.marks & Mark::ICEBERG != 0
    }

    /// Forgets what its marks stand for; its node is still as it was.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "the tables that its caller has taken apart")]
    pub(crate) fn end<T: Touch>(
        self,
        guarded: &mut Table<Guarded>,
        firms: &mut Table<FirmRecord>,
        hidden: &mut Table<Hidden>,
        lifetimes: &mut Lifetimes,
        pegs: &mut Pegs,
        ties: &mut Ties,
        nodes: &Table<Node>,
        touch: &mut T,
        counters: &mut Counters,
    ) {
        if self.marks & Mark::COUNTED != 0 {
            protection::discount(guarded, touch, self.account);
        }
        if self.marks & Mark::OF_FIRM != 0 {
            firms::discount(firms, guarded, touch, self.account);
        }
        if self.is_iceberg() {
            iceberg::forget(hidden, touch, counters, self.slot);
        }
        if self.marks & Mark::LASTING != 0 {
            lifetimes.end(touch, counters, nodes, self.slot);
        }
        if self.marks & Mark::PEGGED != 0 {
            pegs.end(touch, counters, nodes, self.slot);
        }
        if self.marks & Mark::TIED != 0 {
            let node = nodes.get(touch, self.slot as usize);
            ties.note_end(touch, node, self.slot);
        }
    }
}
