//! Volatility auctions: an order that would trade too far from where the market was does not, and the market collects orders instead.
//!
//! How far is data of the instrument: ticks from the last trade, ticks from the last auction's price, or both. The last trade is that before the
//! order; its own trades do not take the reference along. The order trades what is within; if it would go on beyond, its instrument changes to
//! the volatility auction behind its trades, and what is left of it rests there, if it is of a kind that rests. A host's phase change ends
//! the auction, as any.
//!
//! A fill-or-kill order that is not filled within is killed and interrupts nothing. Before the first trade, and before the first auction, there is
//! nothing to be far from. An auction's own price has no bound: known limitation.

use crate::engine::Engine;
use crate::engine::book::{Book, Special, crosses, opposite};
use crate::engine::cross::{Stop, Taken};
use crate::engine::incoming::Incoming;
use plinth_types::command::Side;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::InstrumentId;
use plinth_types::page::Touch;
use plinth_types::reference::Phase;
use plinth_types::terms::Volatility;

impl Book {
    /// Whether trades have bounds.
    #[inline(always)]
    pub(crate) const fn is_bounded(&self) -> bool {
        self.special & Special::BOUNDED != 0
    }

    /// The worst price at which an order that takes no worse than `worst` trades without an interruption.
    fn bounded(&self, side: Side, worst: i64) -> i64 {
        let mut bounded = worst;
        for (reference, reach) in [(self.last_price, self.last_reach), (self.auction_price, self.auction_reach)] {
            if reference != 0 && reach != 0 {
                // A reach is kept as its distance to none.
                let reach = i64::from(u32::MAX - reach);
                bounded = match side {
                    Side::Buy => bounded.min(reference + reach),
                    Side::Sell => bounded.max(reference - reach),
                };
            }
        }
        bounded
    }

    /// The bounds as they were said.
    pub(crate) fn volatility(&self, instrument: InstrumentId) -> Volatility {
        let said = |reach: u32| (reach != 0).then(|| u32::MAX - reach);
        Volatility { instrument, from_last: said(self.last_reach), from_auction: said(self.auction_reach) }
    }
}

impl<T: Touch> Engine<T> {
    /// As [`Engine::take`], where trades have bounds.
    #[cold]
    pub(crate) fn take_bounded<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        let within = self.within(taker);
        let taken = self.take_unbounded(within, sink);
        let book = self.books.get_mut(&mut self.touch, taker.instrument as usize);
        let goes_on = book.best(opposite(taker.side)).is_some_and(|(_, best)| crosses(taker.side, taker.worst, best));
        if taken.left.is_some() && taken.stop == Stop::NoLevel && goes_on && book.is_continuous() {
            book.phase = Phase::VolatilityAuction.code();
            let instrument = InstrumentId::new(taker.instrument);
            sink.emit(Event::PhaseChanged { instrument, phase: Phase::VolatilityAuction });
        }
        taken
    }

    /// The order as far as it trades without an interruption.
    #[cold]
    pub(crate) fn within(&mut self, taker: Incoming) -> Incoming {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        Incoming { worst: book.bounded(taker.side, taker.worst), ..taker }
    }

    /// Sets the bounds of an instrument that is listed.
    pub(crate) fn set_volatility(&mut self, volatility: &Volatility) {
        let book = self.books.get_mut(&mut self.touch, volatility.instrument.get() as usize);
        let kept = |reach: Option<u32>| reach.map_or(0, |reach| u32::MAX - reach);
        (book.last_reach, book.auction_reach) = (kept(volatility.from_last), kept(volatility.from_auction));
        book.special = book.special & !Special::BOUNDED | book.bounds();
    }

    /// How far from where the market was an instrument trades; `None` if it is not listed.
    #[must_use]
    pub fn volatility(&self, instrument: InstrumentId) -> Option<Volatility> {
        let listed = instrument.get() < self.counters.record().instruments;
        listed.then(|| self.books.records()[instrument.get() as usize].volatility(instrument))
    }
}

impl Book {
    /// The bit that it must have for its bounds.
    pub(crate) const fn bounds(&self) -> u8 {
        if self.last_reach != 0 || self.auction_reach != 0 { Special::BOUNDED } else { 0 }
    }
}
