//! What accounts have: `RequestForPositions` (AN) with one `PositionReport` (AP) for each asset, `CollateralInquiry` (BB) with one
//! `CollateralReport` (BA).
//!
//! * An account that a mandate of the session names, or of a session that a drop-copy session hears. `CollateralInquiry` without one is about
//!   the account of the session's first mandate.
//! * `Symbol` of a position and `Currency` of collateral are the asset's name. A position is all that is owned (703=TOT); `TotalNetValue` the
//!   same, `CashOutstanding` what open orders have reserved of it, `MarginExcess` the rest. There are no settlement prices: 730 and 734,
//!   which 4.4 asks for, are 0.
//! * The balances are those behind every command that was handed over before; the answer waits until these are durable. It comes of no
//!   record and is not said again after a crash.

use super::Desk;
use super::dialect::push;
use super::intake::{Fault, required};
use super::outcome::BusinessReject;
use super::reports::NO_RECORD;
use super::request::Inquiry;
use super::terms::incorrect;
use crate::acceptor::Sessions;
use crate::codec::tag;
use crate::limits::ANSWERS_WAITING_MAX;
use crate::session::Outbound;
use crate::zone::{Holding, Zone};
use plinth_types::id::{AccountId, MsgSeqNum, Seq, SessionId, TimestampNs};
use plinth_types::quantity::Amount;
use std::collections::VecDeque;

/// Answers that wait for what they say to be durable, in sequence.
#[derive(Debug, Default)]
pub(super) struct WaitingAnswers {
    answers: VecDeque<Answer>,
    /// The last record that is durable.
    delivered: Seq,
}

/// What an account had, and who asked.
#[derive(Debug)]
struct Answer {
    session: SessionId,
    behind: Seq,
    msg_seq_num: MsgSeqNum,
    question: Question,
    request_id: Box<[u8]>,
    account: AccountId,
    held: Vec<Holding>,
    now: TimestampNs,
}

#[derive(Debug)]
enum Question {
    /// With `AccountType` and `ClearingBusinessDate`, which are sent back.
    Positions {
        account_type: Box<[u8]>,
        business_date: Box<[u8]>,
    },
    Collateral,
}

impl Desk {
    /// `RequestForPositions`.
    pub(super) fn positions<Z: Zone>(&mut self, inquiry: Inquiry<'_, '_>, zone: &Z, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::POS_REQ_ID)?;
        if inquiry.message.get(tag::POS_REQ_TYPE) != Some(b"0") {
            return Err(incorrect(tag::POS_REQ_TYPE));
        }
        let echoed = |tag| inquiry.id(tag).map(Box::from);
        let question =
            Question::Positions { account_type: echoed(tag::ACCOUNT_TYPE)?, business_date: echoed(tag::CLEARING_BUSINESS_DATE)? };
        required(inquiry.request.account, tag::ACCOUNT)?;
        self.ask_holdings(inquiry, request_id, question, zone, reply)
    }

    /// `CollateralInquiry`.
    pub(super) fn collateral<Z: Zone>(&mut self, inquiry: Inquiry<'_, '_>, zone: &Z, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::COLL_INQUIRY_ID)?;
        self.ask_holdings(inquiry, request_id, Question::Collateral, zone, reply)
    }

    fn ask_holdings<Z: Zone>(
        &mut self,
        inquiry: Inquiry<'_, '_>,
        request_id: &[u8],
        question: Question,
        zone: &Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let session = inquiry.origin.session;
        let speaks_for = self.speaks_for(session);
        let account = speaks_for.iter().find_map(|&own| self.listing.mandated_account(own, inquiry.request.account));
        let known = account.and_then(|account| Some((account, zone.holdings(account)?)));
        let (account, holdings) = known.ok_or(Fault::Business(BusinessReject::UNKNOWN_ACCOUNT))?;
        if self.waiting.answers.len() >= ANSWERS_WAITING_MAX {
            return Err(Fault::Business(BusinessReject::THROTTLED));
        }
        let answer = Answer {
            session,
            behind: holdings.behind,
            msg_seq_num: inquiry.origin.msg_seq_num,
            question,
            request_id: request_id.into(),
            account,
            held: holdings.held,
            now: inquiry.origin.now.utc,
        };
        if answer.behind <= self.waiting.delivered {
            self.report_holdings(&answer, reply);
        } else {
            self.waiting.answers.push_back(answer);
        }
        Ok(())
    }

    /// A record is durable: says what waited for it.
    pub(super) fn release_answers(&mut self, durable: Seq, sessions: &mut Sessions<'_>) {
        self.waiting.delivered = durable;
        while let Some(answer) = self.waiting.answers.pop_front_if(|answer| answer.behind <= durable) {
            if let Some(out) = sessions.outbound(answer.session) {
                self.report_holdings(&answer, out);
            }
        }
    }

    fn report_holdings(&self, answer: &Answer, out: &mut Outbound) {
        let owned: Vec<&Holding> = answer.held.iter().filter(|held| held.settled != Amount::ZERO).collect();
        let count = owned.len() as u64;
        let account = self.listing.account_name(answer.account).unwrap_or_default().as_bytes();
        if let Question::Positions { account_type, .. } = &answer.question {
            push(out, NO_RECORD, b"AO", answer.now, |body| {
                body.text(tag::POS_MAINT_RPT_ID, format_args!("P{}", answer.msg_seq_num));
                body.bytes(tag::POS_REQ_ID, &answer.request_id);
                body.number(tag::TOTAL_NUM_POS_REPORTS, count);
                // Valid; or valid, and nothing is owned.
                body.number(tag::POS_REQ_RESULT, if count == 0 { 2 } else { 0 });
                body.number(tag::POS_REQ_STATUS, 0);
                body.bytes(tag::ACCOUNT, account);
                body.bytes(tag::ACCOUNT_TYPE, account_type);
            });
        }
        for (position, held) in (1..).zip(owned) {
            let Some(asset) = self.listing.asset(held.asset) else { continue };
            let name = asset.name.as_str().as_bytes();
            match &answer.question {
                Question::Positions { account_type, business_date } => push(out, NO_RECORD, b"AP", answer.now, |body| {
                    body.text(tag::POS_MAINT_RPT_ID, format_args!("P{}-{position}", answer.msg_seq_num));
                    body.bytes(tag::POS_REQ_ID, &answer.request_id);
                    body.number(tag::POS_REQ_TYPE, 0);
                    body.number(tag::TOTAL_NUM_POS_REPORTS, count);
                    body.number(tag::POS_REQ_RESULT, 0);
                    body.bytes(tag::CLEARING_BUSINESS_DATE, business_date);
                    body.bytes(tag::ACCOUNT, account);
                    body.bytes(tag::ACCOUNT_TYPE, account_type);
                    body.bytes(tag::SYMBOL, name);
                    body.number(tag::SETTL_PRICE, 0);
                    body.number(tag::SETTL_PRICE_TYPE, 1);
                    body.number(tag::PRIOR_SETTL_PRICE, 0);
                    body.number(tag::NO_POSITIONS, 1);
                    body.bytes(tag::POS_TYPE, b"TOT");
                    body.unsigned(tag::LONG_QTY, held.settled.units(), asset.decimals);
                }),
                Question::Collateral => push(out, NO_RECORD, b"BA", answer.now, |body| {
                    body.text(tag::COLL_RPT_ID, format_args!("C{}-{position}", answer.msg_seq_num));
                    body.bytes(tag::COLL_INQUIRY_ID, &answer.request_id);
                    body.number(tag::COLL_STATUS, 3);
                    body.number(tag::TOT_NUM_REPORTS, count);
                    body.bytes(tag::LAST_RPT_REQUESTED, if position == count { b"Y" } else { b"N" });
                    body.bytes(tag::ACCOUNT, account);
                    body.bytes(tag::CURRENCY, name);
                    let free = held.settled.units() - held.reserved.units().min(held.settled.units());
                    body.unsigned(tag::MARGIN_EXCESS, free, asset.decimals);
                    body.unsigned(tag::TOTAL_NET_VALUE, held.settled.units(), asset.decimals);
                    body.unsigned(tag::CASH_OUTSTANDING, held.reserved.units(), asset.decimals);
                }),
            }
        }
    }
}
