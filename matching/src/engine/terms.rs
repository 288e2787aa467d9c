//! What an instrument's orders must be like beyond what every book has: lots, smallest quantities, tick tables; and how they match.
//!
//! They lie in a table of their own; the book says in a bit whether there are any, so that an order elsewhere pays for no look.

use crate::engine::Engine;
use crate::engine::book::{Book, Special};
use crate::engine::region;
use plinth_types::command::Side;
use plinth_types::few::Few;
use plinth_types::id::InstrumentId;
use plinth_types::limits::TICK_ROWS_MAX;
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;
use plinth_types::terms::{Matching, ProRata, Terms, TickRow};

table_record! {
    /// The terms of the instrument in this slot; zero where nothing was said.
    pub(crate) struct TermsRecord in region::TERMS, 512 bytes {
        /// Quantities are multiples of it.
        pub(crate) lot: u64,
        /// The smallest quantity.
        pub(crate) qty_min: u64,
        /// What the top order takes first.
        top_max: u64,
        /// Smaller shares are nothing; 0 where orders of one price trade by time.
        minimum: u64,
        /// First prices of the rows of the tick table, in ticks; 0 behind the last row.
        from: [i64; TICK_ROWS_MAX],
        /// The distances of prices from there on, in ticks; 0 behind the last row.
        ticks: [u32; TICK_ROWS_MAX],
        /// What goes by time before the rest goes by size.
        time_percent: u8,
    }
}

impl TermsRecord {
    fn new(terms: &Terms) -> Self {
        let mut record = Self { lot: terms.lot.lots(), qty_min: terms.qty_min.lots(), ..Self::ZERO };
        if let Matching::Size(ProRata { top_max, time_percent, minimum }) = terms.matching {
            (record.top_max, record.time_percent, record.minimum) = (top_max.get(), time_percent, minimum.lots());
        }
        for (at, row) in terms.ticks.iter().enumerate() {
            (record.from[at], record.ticks[at]) = (row.from.ticks(), row.ticks);
        }
        record
    }

    /// As they were said; `None` for a record that none makes.
    pub(crate) fn terms(&self, instrument: InstrumentId) -> Option<Terms> {
        if *self == Self::ZERO {
            return Some(Terms::none(instrument));
        }
        let count = self.from.iter().take_while(|&&from| from != 0).count();
        let mut rows = [TickRow { from: Price::from_ticks(1)?, ticks: 1 }; TICK_ROWS_MAX];
        for ((row, &from), &ticks) in rows.iter_mut().zip(&self.from[..count]).zip(&self.ticks) {
            *row = TickRow { from: Price::from_ticks(from)?, ticks };
        }
        let ticks = Few::new(&rows[..count])?;
        let matching = self.pro_rata().map_or(Matching::Time, Matching::Size);
        let terms = Terms { instrument, lot: Qty::from_lots(self.lot)?, qty_min: Qty::from_lots(self.qty_min)?, ticks, matching };
        (terms.are_sound() && Self::new(&terms) == *self).then_some(terms)
    }

    /// How orders of one price trade by size; `None` if they do by time.
    pub(crate) fn pro_rata(&self) -> Option<ProRata> {
        let minimum = Qty::from_lots(self.minimum)?;
        Some(ProRata { top_max: Lots::new(self.top_max), time_percent: self.time_percent, minimum })
    }

    /// The bits of its book.
    pub(crate) fn special(&self) -> u8 {
        let terms = if *self == Self::ZERO { 0 } else { Special::TERMS };
        terms | if self.pro_rata().is_some() { Special::PRO_RATA } else { 0 }
    }

    /// The price itself if an order may have it, else the next one away from the other side.
    pub(crate) fn on_tick(&self, side: Side, mut price: i64) -> i64 {
        for _ in 0..=TICK_ROWS_MAX {
            let row = self.from.iter().take_while(|&&from| from != 0 && from <= price).count();
            let Some(at) = row.checked_sub(1) else { return price };
            let (first, ticks) = (self.from[at], i64::from(self.ticks[at]));
            let above = price % ticks;
            match side {
                Side::Buy if price - above >= first => return price - above,
                Side::Buy => price = first - 1,
                Side::Sell => {
                    let next = if above == 0 { price } else { price - above + ticks };
                    match self.from.get(row).filter(|&&from| from != 0) {
                        Some(&from) if next >= from => price = from,
                        Some(_) | None => return next,
                    }
                }
            }
        }
        price
    }

    /// How far apart prices are around this one, in ticks.
    fn ticks_at(&self, price: i64) -> u32 {
        let rows = self.from.iter().zip(&self.ticks).take_while(|&(&from, _)| from != 0 && from <= price);
        rows.last().map_or(1, |(_, &ticks)| ticks)
    }
}

/// Refuses an order that is not as its instrument's terms say.
#[cold]
pub(crate) fn check<T: Touch>(
    terms: &Table<TermsRecord>,
    touch: &mut T,
    instrument: u32,
    limit: Option<Price>,
    qty: Qty,
) -> Result<(), Reject> {
    let record = terms.get(touch, instrument as usize);
    let said = |lots| Qty::from_lots(lots).expect("terms are quantities");
    if qty.lots() < record.qty_min {
        return Err(Reject::TooSmall { qty_min: said(record.qty_min) });
    }
    if !qty.lots().is_multiple_of(record.lot) {
        return Err(Reject::OffLot { lot: said(record.lot) });
    }
    let Some(price) = limit else { return Ok(()) };
    let ticks = record.ticks_at(price.ticks());
    if price.ticks() % i64::from(ticks) == 0 { Ok(()) } else { Err(Reject::OffTick { ticks }) }
}

impl Book {
    /// Whether orders must satisfy terms.
    #[inline(always)]
    pub(crate) const fn has_terms(&self) -> bool {
        self.special & Special::TERMS != 0
    }
}

impl<T: Touch> Engine<T> {
    /// Sets the terms of an instrument that is listed. They are sound.
    pub(crate) fn set_terms(&mut self, terms: &Terms) {
        let slot = terms.instrument.get() as usize;
        let none = *terms == Terms::none(terms.instrument);
        let record = if none { TermsRecord::ZERO } else { TermsRecord::new(terms) };
        *self.terms.get_mut(&mut self.touch, slot) = record;
        let book = self.books.get_mut(&mut self.touch, slot);
        book.special = record.special() | book.special & (Special::QUOTED | Special::BOUNDED | Special::TIED);
        // Nobody has bettered a market of these terms yet.
        book.top = [0; 2];
        self.pegs.note_change(&mut self.touch, slot);
    }
}
