//! Trades that are taken back: `ExecutionReport` with `ExecType` H, and a `TradeCaptureReport` that cancels the one before.

use super::Desk;
use super::dialect::push;
use super::reports::{NO_SYMBOL, side_code, write_exec_id, write_order_id, write_origin};
use super::trades::{Occasion, Trade};
use crate::acceptor::Sessions;
use crate::bust::{Bust, Told};
use crate::codec::tag;
use crate::session::BodyWriter;
use plinth_types::command::{Command, Side};
use plinth_types::event::Event;
use plinth_types::id::OrderId;

impl Desk {
    /// The trades among a record's events, when its sides were told of them.
    pub fn told<'a>(&'a self, command: &'a Command, events: &'a [Event]) -> impl Iterator<Item = Told> + 'a {
        (0..).zip(events).filter_map(|(event, said)| {
            let &Event::Traded { trade, maker, taker, price, qty } = said else { return None };
            // An order that came another way than through FIX is nobody's here.
            let maker_sells = match (self.order(maker), self.order(taker)) {
                (Some(maker), _) => maker.side == Side::Sell,
                (None, Some(taker)) => taker.side == Side::Buy,
                (None, None) => return None,
            };
            Some(Told { record: command.seq, event, trade, time: command.time, price, qty, maker, taker, maker_sells })
        })
    }

    /// Tells both sides that a trade is no more, and how their orders stand without it.
    pub(super) fn bust(&self, bust: &Bust, note: &Command, sessions: &mut Sessions<'_>) {
        let told = &bust.told;
        for (id, side) in told.sides() {
            sessions.tell(id.session(), |out, copy_of| {
                push(out, note.seq, b"8", note.time, |body| self.write_bust(told, (id, side), note, copy_of, body));
            });
            if bust.was_available && self.order(id).is_some() {
                let trade = Trade {
                    record: told.record,
                    ordinal: told.event,
                    id: told.trade,
                    time: told.time,
                    price: told.price,
                    qty: told.qty,
                    maker: told.maker,
                    taker: told.taker,
                    reached: None,
                };
                sessions.tell(id.session(), |out, copy_of| {
                    push(out, note.seq, b"AE", note.time, |body| {
                        self.write_trade(&trade, id, Occasion::Busted { copy_of }, body);
                    });
                });
            }
        }
    }

    fn write_bust(
        &self,
        told: &Told,
        (id, side): (OrderId, Side),
        note: &Command,
        copy_of: Option<&str>,
        body: &mut BodyWriter<'_>,
    ) {
        match self.order(id) {
            Some(order) => {
                let (price_decimals, qty_decimals) = self.decimals(order);
                self.write_terms(id, order, order.client_order_id.as_bytes(), None, body);
                body.decimal(tag::LAST_PX, told.price.ticks(), price_decimals);
                body.unsigned(tag::LAST_QTY, told.qty.lots().into(), qty_decimals);
            }
            None => write_lost_order(id, side, body),
        }
        write_exec_id(note.seq, 0, side, body);
        let number = if side == Side::Buy { 1 } else { 2 };
        body.numbers(tag::EXEC_REF_ID, &[told.record.get(), told.event, number]);
        body.time(tag::TRANSACT_TIME, note.time);
        if let Some(comp_id) = copy_of {
            body.bytes(tag::COPY_MSG_INDICATOR, b"Y");
            write_origin(comp_id, body);
        }
        body.bytes(tag::EXEC_TYPE, b"H");
        body.bytes(tag::TEXT, b"trade busted");
        body.bytes(tag::ZONE_STATE, b"BUSTED");
    }
}

/// The fields that a report must have, of an order whose own record is lost.
fn write_lost_order(id: OrderId, side: Side, body: &mut BodyWriter<'_>) {
    body.bytes(tag::AVG_PX, b"0");
    body.bytes(tag::CUM_QTY, b"0");
    write_order_id(id, body);
    body.bytes(tag::ORD_STATUS, b"4");
    body.bytes(tag::SIDE, side_code(side));
    body.bytes(tag::SYMBOL, NO_SYMBOL);
    body.bytes(tag::LEAVES_QTY, b"0");
}
