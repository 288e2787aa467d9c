//! What the benchmark's contract says of each message, one case each, through the safe half of the adapter.

use plinth_matching_benchmark::abi::{
    CANCEL_ACK, CANCEL_REJECT, CancelC, MODIFY_ACK, MODIFY_REJECT, ModifyC, NewOrderC, ORDER_ACK, ReportC, TRADE,
};
use plinth_matching_benchmark::adapter::Adapter;

const BUY: u8 = 0;
const SELL: u8 = 1;

#[derive(Default)]
struct Driver {
    adapter: Adapter,
    seq: u64,
}

impl Driver {
    fn new_order(&mut self, order_id: u64, side: u8, quantity: u32, price_ticks: i64, ioc: bool) -> Vec<ReportC> {
        self.seq += 1;
        let (mut reports, sequence_number) = (Vec::new(), self.seq);
        let order = NewOrderC { order_id, sequence_number, price_ticks, quantity, side, ioc: ioc.into(), ..NewOrderC::default() };
        self.adapter.new_order(&order, &mut reports);
        assert!(reports.iter().all(|report| report.sequence_number == sequence_number));
        reports
    }

    fn cancel(&mut self, order_id: u64) -> Vec<ReportC> {
        let mut reports = Vec::new();
        self.adapter.cancel(&CancelC { order_id, sequence_number: 7 }, &mut reports);
        reports
    }

    fn modify(&mut self, order_id: u64, side: u8, new_quantity: u32, new_price_ticks: i64) -> Vec<ReportC> {
        let mut reports = Vec::new();
        let modify = ModifyC { order_id, sequence_number: 9, new_price_ticks, new_quantity, side, ..ModifyC::default() };
        self.adapter.modify(&modify, &mut reports);
        reports
    }
}

fn kinds(reports: &[ReportC]) -> Vec<u8> {
    reports.iter().map(|report| report.kind).collect()
}

fn trades(reports: &[ReportC]) -> Vec<(u64, u64, i64, u32)> {
    let trade = |report: &ReportC| (report.maker_order_id, report.taker_order_id, report.price_ticks, report.quantity);
    reports.iter().filter(|report| report.kind == TRADE).map(trade).collect()
}

#[test]
fn an_order_is_acknowledged_then_trades_best_price_first_at_the_resting_price() {
    let mut driver = Driver::default();
    driver.new_order(1, SELL, 10, 102, false);
    driver.new_order(2, SELL, 10, 101, false);
    let reports = driver.new_order(3, BUY, 15, 103, false);
    assert_eq!(kinds(&reports), [ORDER_ACK, TRADE, TRADE]);
    assert_eq!(trades(&reports), [(2, 3, 101, 10), (1, 3, 102, 5)]);
    assert_eq!((driver.adapter.best(SELL), driver.adapter.depth_at(102, SELL)), (Some(102), 5));
    assert_eq!(driver.adapter.best(BUY), None);
}

#[test]
fn what_is_left_of_an_immediate_order_is_cancelled_with_its_own_price() {
    let mut driver = Driver::default();
    driver.new_order(1, SELL, 4, 100, false);
    let reports = driver.new_order(2, BUY, 10, 101, true);
    assert_eq!(kinds(&reports), [ORDER_ACK, TRADE, CANCEL_ACK]);
    let ReportC { order_id, price_ticks, quantity, side, .. } = reports[2];
    assert_eq!((order_id, price_ticks, quantity, side), (2, 101, 6, BUY));
    assert_eq!((driver.adapter.best(BUY), driver.adapter.best(SELL)), (None, None));
}

#[test]
fn a_cancel_echoes_side_and_price_and_only_open_orders_can_be_cancelled() {
    let mut driver = Driver::default();
    driver.new_order(5, SELL, 4, 100, false);
    let ReportC { kind, side, price_ticks, .. } = driver.cancel(5)[0];
    assert_eq!((kind, side, price_ticks), (CANCEL_ACK, SELL, 100));
    assert_eq!(kinds(&driver.cancel(5)), [CANCEL_REJECT]);
    assert_eq!(kinds(&driver.cancel(u64::MAX)), [CANCEL_REJECT]);
    driver.new_order(6, SELL, 4, 100, false);
    driver.new_order(7, BUY, 4, 100, false);
    assert_eq!(kinds(&driver.cancel(6)), [CANCEL_REJECT], "it is filled");
}

#[test]
fn a_modify_loses_its_place_may_trade_and_is_acknowledged_behind_that() {
    let mut driver = Driver::default();
    driver.new_order(1, BUY, 10, 99, false);
    driver.new_order(2, BUY, 10, 99, false);
    // Smaller at the same price: here too it goes to the end.
    assert_eq!(kinds(&driver.modify(1, BUY, 5, 99)), [MODIFY_ACK]);
    assert_eq!(trades(&driver.new_order(3, SELL, 12, 99, false)), [(2, 3, 99, 10), (1, 3, 99, 2)]);
    driver.new_order(4, SELL, 3, 101, false);
    let reports = driver.modify(1, BUY, 8, 102);
    assert_eq!(kinds(&reports), [TRADE, MODIFY_ACK]);
    assert_eq!((trades(&reports)[0], reports[1].quantity, driver.adapter.depth_at(102, BUY)), ((4, 1, 101, 3), 8, 5));
    assert_eq!(kinds(&driver.modify(77, BUY, 5, 99)), [MODIFY_REJECT]);
}

#[test]
fn an_id_is_free_again_when_its_order_is_gone_however_large_it_is() {
    let mut driver = Driver::default();
    for id in [3, u64::from(u32::MAX), 1 << 60] {
        driver.new_order(id, BUY, 10, 99, false);
        driver.cancel(id);
        assert_eq!(kinds(&driver.new_order(id, SELL, 10, 99, false)), [ORDER_ACK]);
        assert_eq!(trades(&driver.new_order(9, BUY, 10, 99, false)), [(id, 9, 99, 10)]);
        assert_eq!(kinds(&driver.modify(id, SELL, 1, 99)), [MODIFY_REJECT]);
    }
}

#[test]
fn a_price_beyond_the_window_is_one_like_any_other() {
    let mut driver = Driver::default();
    driver.new_order(1, SELL, 1, 1 << 40, false);
    assert_eq!((driver.adapter.best(SELL), driver.adapter.depth_at(1 << 40, SELL)), (Some(1 << 40), 1));
    assert_eq!(trades(&driver.new_order(2, BUY, 1, 1 << 40, false)), [(1, 2, 1 << 40, 1)]);
}
