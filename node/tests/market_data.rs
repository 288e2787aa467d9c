//! The feed of the real appliance: orders over FIX, books over UDP and TCP, a `kill -9` between, and the day's file at the end.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::feed::Feed;
use market::{Market, WITHIN, write_order};
use plinth_gateway::codec::tag;
use plinth_market_data::itch::file::messages;
use plinth_market_data::itch::view::View;
use plinth_market_data::net::{Client, ClientConfig};
use plinth_node::config::demo;
use plinth_types::command::Side;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// 77,000.00 in ten-thousandths, and a thousandth of a bitcoin in lots.
const PRICE: i64 = 770_000_000;
const LOTS: u64 = 100_000;

#[test]
fn a_consumer_has_the_books_of_the_appliance_through_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    demo::create(folder.path(), demo::Committee::default(), &demo::Vouching::default()).unwrap();
    let place = Feed::free();
    place.configure(folder.path());
    let Feed { own, requests, snapshots } = place;

    let market = Market::open_in(folder.path());
    let feed = market.ready().market_data.clone().unwrap();
    assert_eq!((feed.requests, feed.snapshots), (requests, snapshots));
    let mut buyer = market.log_on(0);
    (0..3).for_each(|_| drop(buyer.accepts_an_order("nothing")));
    let config = ClientConfig { listen: own, interface: Ipv4Addr::LOCALHOST, requests, snapshots };
    let mut client = Client::join(config).unwrap();
    until(&mut client, "three bids", |view| bids(view) == Some((3, 3 * LOTS)));

    let mut seller = market.log_on(1);
    let id = seller.next_id();
    seller.send(b"D", |message| write_order(message, &id, &[(tag::SIDE, "2"), (tag::ORDER_QTY, "0.0015")]));
    until(&mut client, "a trade of one and a half", |view| bids(view) == Some((2, LOTS + LOTS / 2)));
    let stock = client.view().stock(1).unwrap();
    assert_eq!(stock.last_trade.map(|(price, shares)| (price.ticks(), shares)), Some((PRICE, LOTS / 2)));
    drop((buyer, seller));

    market.appliance.kill().unwrap();
    let market = Market::open_in(folder.path());
    let mut other = market.log_on(2);
    other.accepts_an_order("a restart");
    until(&mut client, "a bid more", |view| bids(view) == Some((3, 2 * LOTS + LOTS / 2)));
    assert_eq!((client.counts().snapshots, client.counts().misfits), (1, 0), "the same messages have the same numbers");
    drop(other);
    assert!(market.appliance.stop().unwrap().success());

    let newest = std::fs::read_dir(folder.path().join("itch")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let bytes = std::fs::read(newest).unwrap();
    let mut filed = View::default();
    messages(&bytes).for_each(|message| filed.apply(message.unwrap()).unwrap());
    assert_eq!(bids(&filed), bids(client.view()));
}

/// Orders and lots of the best bid of the first instrument.
fn bids(view: &View) -> Option<(u32, u64)> {
    let (price, level) = view.stock(1)?.book.levels(Side::Buy).next()?;
    (price.ticks() == PRICE).then_some((level.orders, level.lots.get()))
}

fn until(client: &mut Client, what: &str, done: impl Fn(&View) -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !done(client.view()) {
        client.turn(Duration::from_millis(50)).unwrap();
        assert!(Instant::now() < deadline, "no {what}: {:?}, {:?}", bids(client.view()), client.counts());
    }
}
