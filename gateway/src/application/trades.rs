//! Trades, and how far they have come, with their `TradeCaptureReport`s (AE).
//!
//! Each side of a trade hears of it twice: when the zone block that holds it is available, and when it is settled. The reports of a block are
//! derived from its status note, so they come again in a replay, in the same order and with the same ids. Trades that are settled are
//! kept as long as there is [room](TRADES_SETTLED_KEPT_MAX), for those who ask.

use super::Desk;
use super::dialect::push;
use super::reports::{side_code, write_exec_id, write_order_id, write_origin};
use crate::acceptor::Sessions;
use crate::codec::{tag, timestamp};
use crate::limits::{TRADES_SETTLED_KEPT_MAX, TRADES_UNSETTLED_MAX};
use crate::session::BodyWriter;
use plinth_types::id::{Height, OrderId, Seq, TimestampNs, TradeId};
use plinth_types::message::BlockStatus;
use plinth_types::quantity::{Price, Qty};
use std::collections::VecDeque;
use std::ops::Range;

/// One trade, as its sides are told of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) record: Seq,
    /// Which of the record's events.
    pub(super) ordinal: u64,
    pub(super) id: TradeId,
    pub(super) time: TimestampNs,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) maker: OrderId,
    pub(super) taker: OrderId,
    /// `None` while it is executed and no more.
    pub(super) reached: Option<Reached>,
}

/// How far a trade has come, and in which blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) status: BlockStatus,
    /// Of the zone block.
    pub(super) height: Height,
    pub(super) settlement_height: Height,
    pub(super) settlement_time: TimestampNs,
}

/// Trades in sequence: settled ones, available ones, executed ones.
#[derive(Debug, Default)]
pub(super) struct Trades {
    kept: VecDeque<Trade>,
    settled_count: usize,
    /// Those that are available, the settled ones included.
    available_count: usize,
    /// Those that are no longer kept.
    forgotten_count: u64,
}

impl Trades {
    pub(super) fn unsettled_count(&self) -> usize {
        self.kept.len() - self.settled_count
    }

    pub(super) fn push(&mut self, trade: Trade) {
        if self.unsettled_count() == TRADES_UNSETTLED_MAX {
            self.forget_first();
        }
        self.kept.push_back(trade);
    }

    /// The numbers of the trades that are kept, in sequence; a number is a trade's for ever.
    pub(super) fn numbers(&self) -> Range<u64> {
        self.forgotten_count..self.forgotten_count + self.kept.len() as u64
    }

    pub(super) fn get(&self, number: u64) -> Option<&Trade> {
        self.kept.get(usize::try_from(number.checked_sub(self.forgotten_count)?).ok()?)
    }

    /// The trades up to a record have come so far. Says which have not before.
    fn advance(&mut self, last_seq: Seq, reached: Reached) -> Range<usize> {
        let first = match reached.status {
            BlockStatus::Available => self.available_count,
            BlockStatus::Settled => self.settled_count,
        };
        let mut next = first;
        while let Some(trade) = self.kept.get_mut(next).filter(|trade| trade.record <= last_seq) {
            trade.reached = Some(reached);
            next += 1;
        }
        match reached.status {
            BlockStatus::Available => self.available_count = next,
            BlockStatus::Settled => {
                self.settled_count = next;
                self.available_count = self.available_count.max(next);
            }
        }
        first..next
    }

    fn forget_old(&mut self) {
        while self.settled_count > TRADES_SETTLED_KEPT_MAX {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.kept.pop_front();
        self.forgotten_count += 1;
        self.settled_count = self.settled_count.saturating_sub(1);
        self.available_count = self.available_count.saturating_sub(1);
    }
}

/// What a status note says of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milestone {
    /// The note's own record.
    pub(super) record: Seq,
    pub(super) time: TimestampNs,
    pub(super) last_seq: Seq,
    pub(super) reached: Reached,
}

/// Why a report is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Occasion<'a> {
    /// The trade has come further.
    News { copy_of: Option<&'a str> },
    /// The trade is no more.
    Busted { copy_of: Option<&'a str> },
    /// Somebody asked.
    Asked { request_id: &'a [u8], count: u64, is_last: bool },
}

impl Desk {
    /// Reports the trades that a block's new status is about.
    pub(super) fn block_status(&mut self, milestone: &Milestone, sessions: &mut Sessions<'_>) {
        for index in self.trades.advance(milestone.last_seq, milestone.reached) {
            let trade = self.trades.kept[index];
            for id in [trade.maker, trade.taker].into_iter().filter(|id| self.order(*id).is_some()) {
                sessions.tell(id.session(), |out, copy_of| {
                    push(out, milestone.record, b"AE", milestone.time, |body| {
                        self.write_trade(&trade, id, Occasion::News { copy_of }, body);
                    });
                });
            }
        }
        self.trades.forget_old();
    }

    /// One side of a trade, of a client's order.
    pub(super) fn write_trade(&self, trade: &Trade, id: OrderId, occasion: Occasion<'_>, body: &mut BodyWriter<'_>) {
        let session = id.session();
        let Some(order) = self.order(id) else { return };
        let (price_decimals, qty_decimals) = self.decimals(order);
        let (state, letter) = match (occasion, trade.reached.map(|reached| reached.status)) {
            (Occasion::Busted { .. }, _) => (&b"BUSTED"[..], 'B'),
            (_, None) => (&b"EXECUTED"[..], 'E'),
            (_, Some(BlockStatus::Available)) => (&b"AVAILABLE"[..], 'A'),
            (_, Some(BlockStatus::Settled)) => (&b"SETTLED"[..], 'S'),
        };
        let settled = trade.reached.filter(|reached| reached.status == BlockStatus::Settled);
        let side = char::from(side_code(order.side)[0]);
        write_exec_id(trade.record, trade.ordinal, order.side, body);
        body.decimal(tag::LAST_PX, trade.price.ticks(), price_decimals);
        body.unsigned(tag::LAST_QTY, trade.qty.lots().into(), qty_decimals);
        if let Some(instrument) = self.listing.instrument(order.instrument) {
            body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
        }
        body.time(tag::TRANSACT_TIME, trade.time);
        if let Some(settled) = settled {
            body.bytes(tag::SETTL_DATE, &timestamp::format_date(settled.settlement_time));
        }
        body.bytes(tag::TRADE_DATE, &timestamp::format_date(trade.time));
        body.text(tag::TRADE_REPORT_ID, format_args!("{}-{side}-{letter}", trade.id));
        match occasion {
            Occasion::News { copy_of } => {
                // A settled trade replaces the report of the available one.
                body.number(tag::TRADE_REPORT_TRANS_TYPE, if settled.is_some() { 2 } else { 0 });
                body.bytes(tag::PREVIOUSLY_REPORTED, b"N");
                if settled.is_some() {
                    body.text(tag::TRADE_REPORT_REF_ID, format_args!("{}-{side}-A", trade.id));
                }
                if copy_of.is_some() {
                    body.bytes(tag::COPY_MSG_INDICATOR, b"Y");
                }
            }
            Occasion::Busted { copy_of } => {
                body.number(tag::TRADE_REPORT_TRANS_TYPE, 1);
                body.bytes(tag::PREVIOUSLY_REPORTED, b"N");
                body.text(tag::TRADE_REPORT_REF_ID, format_args!("{}-{side}-A", trade.id));
                if copy_of.is_some() {
                    body.bytes(tag::COPY_MSG_INDICATOR, b"Y");
                }
            }
            Occasion::Asked { request_id, count, is_last } => {
                body.number(tag::TRADE_REPORT_TRANS_TYPE, 0);
                body.bytes(tag::PREVIOUSLY_REPORTED, b"Y");
                body.bytes(tag::TRADE_REQUEST_ID, request_id);
                body.number(tag::TOT_NUM_TRADE_REPORTS, count);
                body.bytes(tag::LAST_RPT_REQUESTED, if is_last { b"Y" } else { b"N" });
            }
        }
        body.number(tag::TRADE_REPORT_TYPE, 0);
        body.number(tag::TRD_MATCH_ID, trade.id.get());
        body.number(tag::NO_SIDES, 1);
        body.bytes(tag::SIDE, side_code(order.side));
        write_order_id(id, body);
        body.bytes(tag::CL_ORD_ID, order.client_order_id.as_bytes());
        if let Occasion::News { copy_of: Some(comp_id) } | Occasion::Busted { copy_of: Some(comp_id) } = occasion {
            write_origin(comp_id, body);
        }
        if let Some(account) = self.account_name(session, order) {
            body.bytes(tag::ACCOUNT, account.as_bytes());
        }
        body.bytes(tag::ZONE_STATE, state);
        if let Some(reached) = trade.reached {
            body.bytes(tag::ATTESTATION, self.attestation.as_bytes());
            body.number(tag::SETTLEMENT_HEIGHT, reached.settlement_height.get());
            body.number(tag::ZONE_HEIGHT, reached.height.get());
        }
    }
}
