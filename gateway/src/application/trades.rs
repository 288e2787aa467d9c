//! Trades until they are settled, and their `TradeCaptureReport`s (AE).
//!
//! Each side of a trade hears of it twice: when the zone block that holds it is available, and when it is settled. The reports of a block are
//! derived from its status note, so they come again in a replay, in the same order and with the same ids.

use super::Desk;
use super::dialect::push;
use super::reports::{side_code, write_exec_id, write_order_id};
use crate::acceptor::Sessions;
use crate::codec::{tag, timestamp};
use crate::limits::TRADES_UNSETTLED_MAX;
use plinth_types::id::{Height, OrderId, Seq, TimestampNs, TradeId};
use plinth_types::message::BlockStatus;
use plinth_types::quantity::{Price, Qty};
use std::collections::VecDeque;

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
}

/// Trades in sequence, from the first that is not settled.
#[derive(Debug, Default)]
pub(super) struct Trades {
    unsettled: VecDeque<Trade>,
    /// How many of them have been reported as available.
    available_count: usize,
}

impl Trades {
    pub(super) fn len(&self) -> usize {
        self.unsettled.len()
    }

    pub(super) fn push(&mut self, trade: Trade) {
        if self.unsettled.len() == TRADES_UNSETTLED_MAX {
            self.unsettled.pop_front();
            self.available_count = self.available_count.saturating_sub(1);
        }
        self.unsettled.push_back(trade);
    }
}

/// What a status note says of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milestone {
    /// The note's own record.
    pub(super) record: Seq,
    pub(super) time: TimestampNs,
    pub(super) height: Height,
    pub(super) last_seq: Seq,
    pub(super) status: BlockStatus,
    pub(super) settlement_height: Height,
    pub(super) settlement_time: TimestampNs,
}

impl Desk {
    /// Reports the trades that a block's new status is about.
    pub(super) fn block_status(&mut self, milestone: &Milestone, sessions: &mut Sessions<'_>) {
        match milestone.status {
            BlockStatus::Available => {
                while let Some(&trade) = self.trades.unsettled.get(self.trades.available_count)
                    && trade.record <= milestone.last_seq
                {
                    self.trades.available_count += 1;
                    self.report_trade(&trade, milestone, sessions);
                }
            }
            BlockStatus::Settled => {
                while let Some(&trade) = self.trades.unsettled.front()
                    && trade.record <= milestone.last_seq
                {
                    self.trades.unsettled.pop_front();
                    self.trades.available_count = self.trades.available_count.saturating_sub(1);
                    self.report_trade(&trade, milestone, sessions);
                }
            }
        }
    }

    fn report_trade(&self, trade: &Trade, milestone: &Milestone, sessions: &mut Sessions<'_>) {
        for id in [trade.maker, trade.taker] {
            let session = id.session();
            let Some(order) = self.sessions.get(session).and_then(|orders| orders.get(id.index())) else { continue };
            let Some(out) = sessions.outbound(session) else { continue };
            let (price_decimals, qty_decimals) = self.decimals(order);
            let (state, letter) = match milestone.status {
                BlockStatus::Available => (&b"AVAILABLE"[..], 'A'),
                BlockStatus::Settled => (&b"SETTLED"[..], 'S'),
            };
            let side = char::from(side_code(order.side)[0]);
            push(out, milestone.record, b"AE", milestone.time, |body| {
                write_exec_id(trade.record, trade.ordinal, order.side, body);
                body.decimal(tag::LAST_PX, trade.price.ticks(), price_decimals);
                body.unsigned(tag::LAST_QTY, trade.qty.lots().into(), qty_decimals);
                if let Some(instrument) = self.listing.instrument(order.instrument) {
                    body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
                }
                body.time(tag::TRANSACT_TIME, trade.time);
                if milestone.status == BlockStatus::Settled {
                    body.bytes(tag::SETTL_DATE, &timestamp::format_date(milestone.settlement_time));
                }
                body.bytes(tag::TRADE_DATE, &timestamp::format_date(trade.time));
                // A settled trade replaces the report of the available one.
                body.number(tag::TRADE_REPORT_TRANS_TYPE, if milestone.status == BlockStatus::Settled { 2 } else { 0 });
                body.bytes(tag::PREVIOUSLY_REPORTED, b"N");
                body.text(tag::TRADE_REPORT_ID, format_args!("{}-{side}-{letter}", trade.id));
                if milestone.status == BlockStatus::Settled {
                    body.text(tag::TRADE_REPORT_REF_ID, format_args!("{}-{side}-A", trade.id));
                }
                body.number(tag::TRADE_REPORT_TYPE, 0);
                body.number(tag::TRD_MATCH_ID, trade.id.get());
                body.number(tag::NO_SIDES, 1);
                body.bytes(tag::SIDE, side_code(order.side));
                write_order_id(id, body);
                body.bytes(tag::CL_ORD_ID, order.client_order_id.as_bytes());
                if let Some(account) = self.account_name(session, order) {
                    body.bytes(tag::ACCOUNT, account.as_bytes());
                }
                body.bytes(tag::ZONE_STATE, state);
                body.bytes(tag::ATTESTATION, self.attestation.as_bytes());
                body.number(tag::SETTLEMENT_HEIGHT, milestone.settlement_height.get());
                body.number(tag::ZONE_HEIGHT, milestone.height.get());
            });
        }
    }
}
