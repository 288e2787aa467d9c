//! Which orders are let in: refusals, in the order of `orders`, and what every order of an instrument must be like.

use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::incoming::{Incoming, incoming, would_take};
use crate::engine::mandates::{self, Act};
use crate::engine::protection;
use crate::engine::terms::{self, TermsRecord};
use plinth_types::command::{Command, NewOrder, TimeInForce};
use plinth_types::id::AccountId;
use plinth_types::page::Touch;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reject::Reject;
use plinth_types::table::Table;

impl<T: Touch> Engine<T> {
    /// Checks a new order and reserves for it. Its number is used up if it was the next, refused or not. `instructions` says whether they
    /// can be followed.
    #[inline(always)]
    pub(crate) fn admit(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: Result<(), Reject>,
    ) -> Result<(AccountId, u8), Reject> {
        let (account, guard) = self.identify(command, new)?;
        self.admit_known(account, guard, new, limit, instructions)?;
        Ok((account, guard))
    }

    /// As [`Engine::admit`], of an order whose number is taken and whose account is known.
    #[inline(always)]
    pub(crate) fn admit_known(
        &mut self,
        account: AccountId,
        guard: u8,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: Result<(), Reject>,
    ) -> Result<(), Reject> {
        let Self { touch, capacity, counters, custody, books, levels, guarded, firms, terms, .. } = self;
        let rests = new.time_in_force == TimeInForce::GoodTillCancel;
        if (new.post_only && !rests) || (limit.is_none() && rests) {
            return Err(Reject::Contradiction);
        }
        instructions?;
        let counters = counters.get(touch);
        if new.instrument.get() >= counters.instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = books.get(touch, new.instrument.get() as usize);
        check_terms(book, terms, touch, new.instrument.get(), limit, new.qty)?;
        if !book.is_continuous() {
            book.check_phase(new)?;
        }
        if guard != 0 {
            protection::check(guarded, firms, touch, guard, account, limit, new.qty, rests)?;
        }
        let incoming = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        if new.post_only && limit.is_some_and(|limit| would_take(book, new.side, limit.ticks())) {
            return Err(Reject::WouldTake);
        }
        if let Some(price) = limit {
            if rests
                && (counters.orders == capacity.orders_max
                    || !levels.has_room(touch, book, new.side, price.ticks(), new.qty.lots()))
            {
                return Err(Reject::CapacityReached);
            }
            custody.reserve(touch, account, incoming.gives, incoming.reservation(new.qty))?;
        }
        Ok(())
    }

    /// Takes a new order's number, and finds the account and what guards it.
    #[inline(always)]
    pub(crate) fn identify(&mut self, command: &Command, new: &NewOrder) -> Result<(AccountId, u8), Reject> {
        let Self { touch, mandates, sessions, .. } = self;
        let session = usize::from(command.session.get());
        if session >= sessions.records().len() {
            return Err(Reject::NotMandated);
        }
        let record = sessions.get_mut(touch, session);
        let expected = record.orders + 1;
        if new.order.session() != command.session || new.order.index() != expected {
            return Err(Reject::OutOfSequence { expected });
        }
        record.orders = expected;
        mandates::account(mandates, touch, command, Act::Trade)
    }

    /// Refuses an order that its account may not have: `resting` if it takes one of its open orders.
    pub(crate) fn check_guarded(&mut self, order: &Incoming, resting: bool) -> Result<(), Reject> {
        if order.guard == 0 {
            return Ok(());
        }
        let Incoming { guard, account, limit, qty, .. } = *order;
        protection::check(&self.guarded, &self.firms, &mut self.touch, guard, account, limit, qty, resting)
    }
}

/// Refuses an order that is not as its instrument wants it: its largest quantity, its bands, then its terms.
#[inline(always)]
pub(crate) fn check_terms<T: Touch>(
    book: &Book,
    terms: &Table<TermsRecord>,
    touch: &mut T,
    instrument: u32,
    limit: Option<Price>,
    qty: Qty,
) -> Result<(), Reject> {
    check_bounds(book, limit, qty)?;
    if book.has_terms() { terms::check(terms, touch, instrument, limit, qty) } else { Ok(()) }
}

/// Refuses a quantity or a price that is beyond the bounds of every order of the book.
#[inline(always)]
pub(crate) fn check_bounds(book: &Book, limit: Option<Price>, qty: Qty) -> Result<(), Reject> {
    if qty.lots() > book.qty_max {
        return Err(Reject::TooLarge {
            qty_max: Qty::from_lots(book.qty_max).expect("an instrument's largest order is a quantity"),
        });
    }
    match limit {
        Some(price) if !book.within_bands(price.ticks()) => Err(outside(book, price)),
        Some(_) | None => Ok(()),
    }
}

/// Why a price is refused that is not between the bands, the lower of which is above zero.
#[cold]
fn outside(book: &Book, price: Price) -> Reject {
    if price.ticks() <= 0 {
        return Reject::PriceNotPositive;
    }
    let band = if price.ticks() < book.band_low { book.band_low } else { book.band_high };
    Reject::OutsideBands { band: Price::from_ticks(band).expect("bands are prices") }
}
