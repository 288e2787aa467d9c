//! What one client sent and was told, and the rules that whatever it is told next must keep.

use crate::firm::Side;
use plinth_gateway::codec::{Message, Tag, decimal, tag};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An order as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) side: Side,
    pub(crate) price_ticks: u64,
    pub(crate) lots: u64,
    pub(crate) immediate: bool,
}

/// One side's report of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) side: String,
    pub(crate) price: String,
    pub(crate) qty: String,
}

#[derive(Debug)]
struct Order {
    sent: Sent,
    /// `OrderID`, once told.
    number: Option<String>,
    answered: bool,
    over: bool,
    /// The appliance said that it never got it.
    lost: bool,
    /// Sum of the fills reported.
    filled_lots: u64,
    /// `CumQty` of the last answer to a question about it.
    cum_lots: u64,
    /// Asked about and not answered.
    asked: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ClientLog {
    orders: BTreeMap<String, Order>,
    /// Cancels, by their own id, with the order.
    cancels: HashMap<String, String>,
    open_cancels: BTreeSet<String>,
    /// Content by outbound number of the appliance.
    by_number: HashMap<u64, String>,
    /// Content by `ExecID`.
    executions: HashMap<String, String>,
    fills: BTreeMap<String, Fill>,
    /// Trades newly reported as settled.
    settled: BTreeSet<String>,
    answers: u64,
}

impl ClientLog {
    pub(crate) fn sent_order(&mut self, id: &str, sent: Sent) {
        let order =
            Order { sent, number: None, answered: false, over: false, lost: false, filled_lots: 0, cum_lots: 0, asked: false };
        assert!(self.orders.insert(id.to_owned(), order).is_none());
    }

    pub(crate) fn sent_cancel(&mut self, id: &str, order: &str) {
        self.cancels.insert(id.to_owned(), order.to_owned());
        self.open_cancels.insert(id.to_owned());
    }

    pub(crate) fn asked(&mut self, id: &str) {
        self.orders.get_mut(id).expect("only what was sent is asked about").asked = true;
    }

    /// A cancel whose fate a crash hid does no harm either way: its order's own reports tell.
    pub(crate) fn forget_open_cancels(&mut self) {
        self.open_cancels.clear();
    }

    pub(crate) fn pick_live(&self, draw: u64) -> Option<(String, Sent)> {
        let live: Vec<_> = self.orders.iter().filter(|(_, order)| order.answered && !order.over).collect();
        let (id, order) = live.get(draw.checked_rem(live.len() as u64)? as usize)?;
        Some(((*id).clone(), order.sent))
    }

    pub(crate) fn unanswered_orders(&self) -> Vec<(String, Sent)> {
        let open = self.orders.iter().filter(|(_, order)| !order.answered);
        open.map(|(id, order)| (id.clone(), order.sent)).collect()
    }

    pub(crate) fn all_orders(&self) -> Vec<(String, Sent)> {
        self.orders.iter().map(|(id, order)| (id.clone(), order.sent)).collect()
    }

    pub(crate) fn order_count(&self) -> usize {
        self.orders.len()
    }

    pub(crate) const fn answer_count(&self) -> u64 {
        self.answers
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.orders.values().all(|order| order.answered && !order.asked)
    }

    /// Whether every order's fills add up to what was said of it when it was asked about.
    pub(crate) fn adds_up(&self) -> bool {
        self.orders.values().all(|order| order.filled_lots == order.cum_lots)
    }

    /// Orders and cancels on their way.
    pub(crate) fn open_count(&self) -> usize {
        self.open_cancels.len() + self.orders.values().filter(|order| !order.answered).count()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.fills.keys().all(|trade| self.settled.contains(trade))
    }

    pub(crate) fn fills(&self) -> impl Iterator<Item = (&String, &Fill)> {
        self.fills.iter()
    }

    /// For a person whose test has timed out.
    pub(crate) fn open_questions(&self) -> String {
        let unanswered: Vec<_> = self.orders.iter().filter(|(_, order)| !order.answered || order.asked).map(|(id, _)| id).collect();
        let unsettled: Vec<_> = self.fills.keys().filter(|trade| !self.settled.contains(*trade)).collect();
        let short: Vec<_> = self.orders.iter().filter(|(_, order)| order.filled_lots != order.cum_lots).map(|(id, _)| id).collect();
        format!("unanswered {unanswered:?}, unsettled {unsettled:?}, not adding up {short:?}")
    }

    /// Takes the appliance's next message and holds it against everything known.
    pub(crate) fn take(&mut self, message: &Message<'_>) {
        if self.is_known(message) {
            return;
        }
        match message.msg_type() {
            b"8" => self.execution_report(message),
            b"9" => self.cancel_refused(message),
            b"AE" => self.trade_capture(message),
            b"0" | b"1" => {}
            _ => panic!("the appliance answers right messages with {message}"),
        }
    }

    /// Whether this number has been heard. If it has, it carried the same message.
    fn is_known(&mut self, message: &Message<'_>) -> bool {
        let number = message.msg_seq_num().expect("a numbered message").get();
        let content = content(message);
        match self.by_number.entry(number) {
            Entry::Vacant(entry) => {
                entry.insert(content);
                false
            }
            Entry::Occupied(before) => {
                assert_eq!(*before.get(), content, "number {number} carries two messages");
                true
            }
        }
    }

    fn execution_report(&mut self, message: &Message<'_>) {
        let id = text(message, tag::CL_ORD_ID);
        let exec_type = text(message, tag::EXEC_TYPE);
        let is_cancel = self.cancels.contains_key(&id);
        let order_id = self.cancels.get(&id).unwrap_or(&id).clone();
        let order = self.orders.get_mut(&order_id).unwrap_or_else(|| panic!("an order is invented: {message}"));
        if exec_type == "I" {
            Self::status(order, message);
            self.answers += 1;
            return;
        }
        if exec_type == "8" && text(message, tag::ORDER_ID) == "NONE" {
            // The gateway's own refusal: of a second use of an id only, since all that is sent is right.
            panic!("refused by the gateway: {message}");
        }
        check_terms(order.sent, message);
        same_number(order, message);
        let exec_id = text(message, tag::EXEC_ID);
        let content = content(message);
        if let Some(before) = self.executions.get(&exec_id) {
            assert_eq!(*before, content, "ExecID {exec_id} has two contents");
            return;
        }
        self.executions.insert(exec_id.clone(), content);
        self.answers += 1;
        match exec_type.as_str() {
            "0" => order.answered = true,
            "8" => (order.answered, order.over) = (true, true),
            "4" => {
                assert_eq!(is_cancel, message.get(tag::ORIG_CL_ORD_ID).is_some(), "{message}");
                order.over = true;
                self.open_cancels.remove(&id);
            }
            "F" => {
                let (trade, fill) = fill(message, &exec_id);
                // Reports of before a crash come again behind newer ones, so the sum is held against `CumQty` in the end.
                order.filled_lots += lots(message, tag::LAST_QTY);
                assert!(order.filled_lots <= order.sent.lots, "more traded than was ordered: {message}");
                order.over |= text(message, tag::ORD_STATUS) == "2";
                assert!(self.fills.insert(trade, fill).is_none(), "an order traded with its own firm: {message}");
            }
            _ => panic!("unexpected {message}"),
        }
    }

    /// The answer to a question, or to an order that was sent again.
    fn status(order: &mut Order, message: &Message<'_>) {
        order.asked = false;
        if text(message, tag::ORDER_ID) == "NONE" {
            assert_eq!(order.number, None, "an order that was reported is gone: {message}");
            // It never arrived, and now never will.
            (order.answered, order.over, order.lost) = (true, true, true);
            return;
        }
        check_terms(order.sent, message);
        same_number(order, message);
        order.cum_lots = lots(message, tag::CUM_QTY);
        assert!(order.cum_lots >= order.filled_lots, "a reported fill is gone: {message}");
        order.answered = true;
    }

    fn cancel_refused(&mut self, message: &Message<'_>) {
        let id = text(message, tag::CL_ORD_ID);
        assert!(self.cancels.contains_key(&id), "a cancel is invented: {message}");
        self.open_cancels.remove(&id);
        self.answers += 1;
    }

    fn trade_capture(&mut self, message: &Message<'_>) {
        let exec_id = text(message, tag::EXEC_ID);
        let (trade, fill) = fill(message, &exec_id);
        if let Some(before) = self.fills.get(&trade) {
            assert_eq!(*before, fill, "settlement reports another trade: {message}");
        }
        let report = format!("AE {}", text(message, tag::TRADE_REPORT_ID));
        let content = content(message);
        let is_new = match self.executions.get(&report) {
            None => true,
            Some(before) => {
                assert_eq!(*before, content, "{report} has two contents");
                let again = message.is_set(tag::POSS_RESEND) || message.is_set(tag::POSS_DUP_FLAG);
                assert!(again, "{report} came twice as if it were new: {message}");
                false
            }
        };
        if is_new {
            self.executions.insert(report, content);
            if text(message, tag::ZONE_STATE) == "SETTLED" {
                assert!(self.settled.insert(trade), "settled twice: {message}");
            }
        }
    }
}

/// Both sides' `ExecID`s of a trade differ in their last part only.
fn fill(message: &Message<'_>, exec_id: &str) -> (String, Fill) {
    let (trade, _) = exec_id.rsplit_once('-').unwrap_or_else(|| panic!("ExecID of a trade: {message}"));
    let fill = Fill { side: text(message, tag::SIDE), price: text(message, tag::LAST_PX), qty: text(message, tag::LAST_QTY) };
    (trade.to_owned(), fill)
}

fn check_terms(sent: Sent, message: &Message<'_>) {
    assert_eq!(text(message, tag::SIDE), sent.side.code(), "{message}");
    assert_eq!(lots(message, tag::ORDER_QTY), sent.lots, "{message}");
    let price = decimal::parse(message.get(tag::PRICE).unwrap_or_default(), 2).unwrap_or_default();
    assert_eq!(price, sent.price_ticks as i64, "{message}");
}

fn same_number(order: &mut Order, message: &Message<'_>) {
    assert!(!order.lost, "an order that was denied is back: {message}");
    let number = text(message, tag::ORDER_ID);
    let known = order.number.get_or_insert_with(|| number.clone());
    assert_eq!(*known, number, "one client order id, two orders: {message}");
}

fn lots(message: &Message<'_>, tag: Tag) -> u64 {
    decimal::parse(message.get(tag).unwrap_or_default(), 8).unwrap_or_else(|error| panic!("{error}: {message}")).unsigned_abs()
}

/// All of a message that may not change when it is sent again.
fn content(message: &Message<'_>) -> String {
    const MAY_CHANGE: [Tag; 8] = [
        tag::BODY_LENGTH,
        tag::CHECK_SUM,
        tag::MSG_SEQ_NUM,
        tag::SENDING_TIME,
        tag::POSS_DUP_FLAG,
        tag::POSS_RESEND,
        tag::ORIG_SENDING_TIME,
        tag::BEGIN_STRING,
    ];
    let fields = message.fields().filter(|(tag, _)| !MAY_CHANGE.contains(tag));
    fields.map(|(tag, value)| format!("{tag}={}|", String::from_utf8_lossy(value))).collect()
}

fn text(message: &Message<'_>, tag: Tag) -> String {
    String::from_utf8_lossy(message.get(tag).unwrap_or_default()).into_owned()
}
