//! Orders with instructions: icebergs, minimum quantities, stops, lifetimes, pegs, ties. Apart, so that what they need costs plain orders nothing.

use crate::engine::Engine;
use crate::engine::auction_orders::auction_of;
use crate::engine::cross::Stop;
use crate::engine::incoming::{Incoming, incoming};
use crate::engine::orders::Extras;
use crate::engine::waiting::Waiter;
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, NewOrder, OrderPrice, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::instructions::{Instructions, Lifetime, Trigger};
use plinth_types::page::Touch;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reject::Reject;

impl<T: Touch> Engine<T> {
    /// As [`Engine::new_order`], with the instructions at the beginning of the tail.
    #[cold]
    pub(crate) fn instructed_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, tail: &[u8], sink: &mut S) {
        let order = new.order;
        let limit = match new.price {
            OrderPrice::Limit(price) => Some(price),
            OrderPrice::Market => None,
        };
        let instructions = read(command, new, tail);
        if let Ok(instructions) = &instructions
            && let Some(link) = instructions.link
        {
            return self.tied_order(command, new, limit, instructions, link, sink);
        }
        if let Ok(instructions) = &instructions
            && let Some(peg) = instructions.peg
        {
            return self.pegged_order(command, new, limit, instructions, peg, sink);
        }
        if let Ok(instructions) = &instructions
            && let Some(phase) = instructions.lifetime.and_then(auction_of)
        {
            return self.auction_order(command, new, limit, instructions, phase, sink);
        }
        if let Ok(Instructions { trigger: Some(trigger), display, minimum, lifetime, .. }) = instructions {
            let plain = display.is_none() && minimum.is_none();
            return match self.admit_stop(command, new, limit, (trigger, lifetime), plain) {
                Ok(waiter) => {
                    sink.emit(Event::Accepted { order });
                    self.wait_or_go(waiter, sink);
                    self.go_triggered(sink);
                }
                Err(reject) => sink.emit(Event::Rejected { order, reject }),
            };
        }
        let admitted = self.admit(command, new, limit, instructions.map(|_| ()));
        let (account, guard, instructions) = match (admitted, instructions) {
            (Ok((account, guard)), Ok(instructions)) => (account, guard, instructions),
            (Err(reject), _) | (_, Err(reject)) => {
                sink.emit(Event::Rejected { order, reject });
                return self.note_refused_entry(new, tail);
            }
        };
        sink.emit(Event::Accepted { order });
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        let incoming = incoming(book, order, account, new.instrument.get(), new.side, limit, new.qty);
        let incoming = Incoming { guard, ..incoming };
        match instructions {
            Instructions { minimum: Some(minimum), .. } => self.take_at_least(incoming, minimum, sink),
            Instructions { display, minimum: None, lifetime, .. } => {
                self.take_and_rest(incoming, new, Extras { display, lifetime }, sink);
            }
        }
        self.go_triggered(sink);
    }

    /// As `admit`, of an order that is to wait. Whether it rests when it is triggered is not asked: it takes a place meanwhile.
    fn admit_stop(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        (trigger, lifetime): (Trigger, Option<Lifetime>),
        plain: bool,
    ) -> Result<Waiter, Reject> {
        let (account, guard) = self.identify(command, new)?;
        let endless_market = limit.is_none() && new.time_in_force == TimeInForce::GoodTillCancel;
        if new.post_only || endless_market || !plain {
            return Err(Reject::Contradiction);
        }
        if new.instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        let order = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        self.admit_waiting(&Incoming { guard, ..order }, limit, trigger, new.time_in_force, lifetime)
    }

    /// Trades at least `minimum` at once, and what else there is, or nothing.
    fn take_at_least<S: EventSink>(&mut self, incoming: Incoming, minimum: Qty, sink: &mut S) {
        match self.fillable(Incoming { qty: minimum, ..incoming }) {
            Ok(()) => {
                self.take_or_cancel(incoming, sink);
            }
            Err(Stop::NoLevel | Stop::SelfMatch) => self.end(incoming, incoming.qty, CancelReason::NotFillable, sink),
            Err(Stop::Funds) => self.end(incoming, incoming.qty, CancelReason::FundsExhausted, sink),
        }
    }
}

/// The instructions of an order, if they can be read and followed.
fn read(command: &Command, new: &NewOrder, tail: &[u8]) -> Result<Instructions, Reject> {
    let instructions = Instructions::read(&mut Reader::new(tail)).map_err(|_| Reject::Malformed)?;
    let within = |part: Option<Qty>| part.is_none_or(|part| part <= new.qty);
    let resting = instructions.display.is_none() || new.time_in_force == TimeInForce::GoodTillCancel;
    let taking = instructions.minimum.is_none() || new.time_in_force == TimeInForce::ImmediateOrCancel;
    let lasting =
        instructions.lifetime.is_none() || instructions.trigger.is_some() || new.time_in_force == TimeInForce::GoodTillCancel;
    if !(within(instructions.display) && within(instructions.minimum) && resting && taking && lasting) {
        return Err(Reject::Contradiction);
    }
    match instructions.lifetime {
        Some(Lifetime::Until(time)) if time <= command.time => Err(Reject::Expired),
        _ => Ok(instructions),
    }
}
