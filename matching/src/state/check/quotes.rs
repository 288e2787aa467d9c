//! Groups of quotes, and whether each order of one is where it quotes.

use super::Inconsistency;
use crate::engine::Engine;
use crate::engine::book::Special;
use crate::engine::pool::Node;
use crate::engine::quotes::{GroupRecord, OPEN, Place, STOPPED, places};
use plinth_types::id::{AccountId, OrderId, QuoteGroupId, SessionId};
use plinth_types::page::Touch;
use plinth_types::table::Record;

/// Cost: one pass over all nodes, and over its group's places for each quote.
pub(super) fn check_quotes<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    for (at, record) in (0..).zip(engine.groups.records()) {
        let unused = *record == GroupRecord::ZERO && engine.places.records()[places(at)].iter().all(|place| *place == Place::ZERO);
        if !unused && (at == 0 || !is_sound(engine, record)) {
            return Err(Inconsistency::Quotes(QuoteGroupId::new(at)));
        }
    }
    for node in engine.nodes.records().iter().filter(|node| node.group != 0) {
        if !quotes(engine, node) {
            return Err(Inconsistency::Quotes(QuoteGroupId::new(node.group)));
        }
    }
    Ok(())
}

fn is_sound<T: Touch>(engine: &Engine<T>, record: &GroupRecord) -> bool {
    (1..engine.capacity.sessions_max).contains(&record.session)
        && engine.custody.known_account(&mut (), AccountId::new(record.account)).is_ok()
        && [OPEN, STOPPED].contains(&record.state)
}

/// Whether a quote is one of its group, which stands.
fn quotes<T: Touch>(engine: &Engine<T>, node: &Node) -> bool {
    let Some(group) = engine.groups.records().get(usize::from(node.group)) else { return false };
    let stands = |place: &Place| {
        place.instrument == node.instrument && place.orders.get(usize::from(node.side)).is_some_and(|&order| order == node.order)
    };
    let session = OrderId::from_bits(node.order).map(OrderId::session);
    let book = engine.books.records().get(node.instrument as usize);
    session == Some(SessionId::new(group.session))
        && group.account == node.account
        && group.state == OPEN
        && node.marks & crate::engine::pool::Mark::WAITING == 0
        && book.is_some_and(|book| book.special & Special::QUOTED != 0)
        && engine.places.records()[places(node.group)].iter().any(stands)
}
