//! Limits and kill switches of firms, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::FIRMS_MAX;
use plinth_matching::state;
use plinth_types::command::{Body, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::{AccountId, FirmId, OrderId};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::quantity::{Amount, Lots};
use plinth_types::reference::{Configuration, Suspension, Trader};
use plinth_types::reject::Reject;
use zone::{Pair, price};

const FIRM: FirmId = FirmId::new(7);

/// Both accounts are of one firm.
fn zone(orders_max: Option<u32>, notional_max: Option<u128>) -> Pair {
    let mut zone = Pair::new(50, 100_000);
    let notional_max = notional_max.map(|units| Amount::new(units).unwrap());
    zone.configure(Configuration::SetFirm(FirmLimits { firm: FIRM, orders_max, notional_max }));
    (0..2).for_each(|account| zone.assign(account, FIRM));
    zone
}

impl Pair {
    fn assign(&mut self, account: u32, firm: FirmId) {
        self.configure(Configuration::AssignFirm(FirmAccount { account: AccountId::new(account), firm }));
    }

    fn bid(&mut self, account: u32, ticks: i64) -> Result<OrderId, Reject> {
        match self.order(account, Buy, Some(ticks), 1, GoodTillCancel, None)[..] {
            [Event::Accepted { order }] => Ok(order),
            [Event::Rejected { reject, .. }] => Err(reject),
            ref events => panic!("{events:?}"),
        }
    }

    fn suspend(&mut self, suspended: bool) -> Vec<Event> {
        self.try_configure(Configuration::Suspend(Suspension { trader: Trader::Firm(FIRM), suspended })).split_off(1)
    }
}

#[test]
fn open_orders_of_all_accounts_count_together() {
    let mut zone = zone(Some(3), None);
    let full = Err(Reject::TooManyOrders { orders_max: 3 });
    let first = zone.bid(0, 40).unwrap();
    let second = zone.bid(1, 41).unwrap();
    // One that waits counts as well.
    let with = Instructions { trigger: Some(Trigger::At(price(90))), ..Instructions::NONE };
    assert_eq!(zone.order(0, Buy, None, 1, ImmediateOrCancel, Some(with)).len(), 1);
    assert_eq!([zone.bid(0, 42), zone.bid(1, 42)], [full, full]);
    let restored = state::restore(*zone.stage.engine.capacity(), state::pages(&zone.stage.engine), ()).unwrap();
    zone.stage.engine = restored;
    zone.send(0, Body::Cancel { order: first }, &[]);
    assert!(zone.bid(1, 42).is_ok());
    assert_eq!(zone.bid(1, 42), full);
    // A fill makes room, too.
    zone.order(0, Sell, Some(42), 1, ImmediateOrCancel, None);
    assert!(zone.bid(0, 39).is_ok());
    zone.send(1, Body::Cancel { order: second }, &[]);
    // Who leaves takes its orders along.
    zone.assign(0, FirmId::new(0));
    assert!((0..3).all(|_| zone.bid(1, 38).is_ok()));
    assert_eq!((zone.bid(1, 38), zone.bid(0, 38).is_ok()), (full, true));
    zone.assign(0, FIRM);
    assert_eq!(zone.bid(0, 38), full);
}

#[test]
fn no_order_of_any_account_is_worth_more() {
    let mut zone = zone(None, Some(50));
    let reject = Reject::NotionalTooLarge { notional_max: 50 };
    assert_eq!((zone.bid(0, 51), zone.bid(1, 51)), (Err(reject), Err(reject)));
    let order = zone.bid(1, 50).unwrap();
    let replace = Body::Replace { order, price: price(51), qty: zone::qty(1) };
    assert_eq!(zone.send(1, replace, &[]), [Event::CancelRejected { order, reject }]);
    zone.assign(1, FirmId::new(0));
    assert!(zone.bid(1, 51).is_ok());
}

#[test]
fn a_kill_switch_stops_all_accounts_at_once() {
    let mut zone = zone(None, None);
    let orders = [zone.bid(0, 40).unwrap(), zone.bid(1, 41).unwrap()];
    let gone = |order| Event::Cancelled { order, lots: Lots::new(1), reason: CancelReason::Suspended };
    assert_eq!(zone.suspend(true), [gone(orders[1]), gone(orders[0])], "in the order of the book");
    assert_eq!((zone.bid(0, 40), zone.bid(1, 40)), (Err(Reject::Suspended), Err(Reject::Suspended)));
    zone.assign(0, FirmId::new(0));
    assert!(zone.bid(0, 40).is_ok(), "it is not of the firm any more");
    zone.assign(0, FIRM);
    assert_eq!(zone.bid(0, 40), Err(Reject::Suspended));
    assert_eq!(zone.suspend(false), []);
    assert!(zone.bid(1, 40).is_ok());
}

#[test]
fn firms_that_cannot_be_are_refused() {
    let mut zone = zone(None, None);
    let (none, beyond, unknown) = (FirmId::new(0), FirmId::new(FIRMS_MAX as u16), FirmId::new(8));
    let limits = |firm| Configuration::SetFirm(FirmLimits { firm, orders_max: None, notional_max: None });
    let assigned = |account, firm| Configuration::AssignFirm(FirmAccount { account: AccountId::new(account), firm });
    let account = AccountId::new(9);
    for (configuration, reject) in [
        (limits(none), Reject::Contradiction),
        (limits(beyond), Reject::CapacityReached),
        (assigned(0, unknown), Reject::UnknownFirm { firm: unknown }),
        (assigned(9, FIRM), Reject::UnknownAccount { account }),
        (
            Configuration::Suspend(Suspension { trader: Trader::Firm(unknown), suspended: true }),
            Reject::UnknownFirm { firm: unknown },
        ),
    ] {
        assert_eq!(zone.try_configure(configuration), [Event::ConfigurationRefused { reject }], "{configuration:?}");
    }
}
