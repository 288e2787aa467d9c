//! Letters and requests for quotes: who reads what, and what is refused.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

use plinth_golden::Fixtures;
use plinth_privacy::circuit::keys::CircuitVersion;
use plinth_privacy::note::{Eligibility, PoolAsset, Value};
use plinth_privacy::transaction::PoolId;
use plinth_privacy::wallet::keys::{Address, IncomingViewingKey, Seed};
use plinth_privacy::wallet::letter::{self, LetterError};
use plinth_privacy::wallet::rfq::{Quote, Request, RfqError, Side, Sums};
use plinth_types::codec::Codec;
use plinth_types::id::{AssetId, ChainId, TimestampNs, ZoneId};

fn key(n: u8) -> IncomingViewingKey {
    Seed::new([n; 32]).account(0).full_viewing_key().incoming()
}

fn asset(n: u16) -> PoolAsset {
    PoolAsset::new(AssetId::new(n), Eligibility::ALL).unwrap()
}

fn request() -> Request {
    let pool = PoolId { chain: ChainId::new(7), zone: ZoneId::new(4), generation: 1, circuit: CircuitVersion::V1 };
    let (side, value, until) = (Side::Sell, Value::new(300), TimestampNs::new(1_000));
    Request { pool, nonce: [5; 32], side, asset: asset(1), value, against: asset(2), until }
}

fn quote(value: u64) -> Quote {
    Quote { request: request().id(), value: Value::new(value), until: TimestampNs::new(900) }
}

#[test]
fn a_letter_is_read_by_its_receiver_alone_who_knows_the_writer() {
    let [writer, receiver, stranger] = [1, 2, 3].map(key);
    let sealed = letter::seal([8; 32], &writer, &receiver.address(), b"450 for 300").unwrap();
    assert_eq!(letter::open(&receiver, &sealed), Ok((writer.address(), b"450 for 300".to_vec())));
    assert_eq!(letter::open(&stranger, &sealed), Err(LetterError::Receiver));
    assert_eq!(letter::open(&writer, &sealed), Err(LetterError::Receiver));
    let small = Address { encryption: [0; 32], ..receiver.address() };
    assert_eq!(letter::seal([8; 32], &writer, &small, b""), None);
    let moved = Address { owner: stranger.owner(), ..receiver.address() };
    let to_another_owner = letter::seal([8; 32], &writer, &moved, b"").unwrap();
    assert_eq!(letter::open(&receiver, &to_another_owner), Err(LetterError::Receiver), "addresses are bound whole");
}

#[test]
fn a_letter_with_any_bit_changed_or_any_byte_less_is_refused() {
    let [writer, receiver] = [1, 2].map(key);
    let sealed = letter::seal([8; 32], &writer, &receiver.address(), b"450 for 300").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(letter::open(&receiver, &changed).is_err(), "byte {at}");
        assert!(letter::open(&receiver, &sealed[..at]).is_err(), "{at} bytes");
    }
    assert!(letter::open(&receiver, &[&sealed[..], &[0]].concat()).is_err(), "a byte more");
}

#[test]
fn requests_and_quotes_that_are_not_to_be_acted_upon() {
    let (asked, now) = (request(), TimestampNs::new(900));
    assert_eq!(asked.check(asked.pool, asked.until), Ok(()));
    assert_eq!(asked.check(asked.pool, TimestampNs::new(1_001)), Err(RfqError::RequestEnded));
    assert_eq!(asked.check(PoolId { generation: 2, ..asked.pool }, now), Err(RfqError::OtherPool));
    assert_eq!(Request { against: asked.asset, ..asked }.check(asked.pool, now), Err(RfqError::SameAsset));
    assert_eq!(Request { value: Value::ZERO, ..asked }.check(asked.pool, now), Err(RfqError::Nothing));

    assert_eq!(asked.judge(&quote(450), now), Ok(()));
    assert_eq!(asked.judge(&quote(450), TimestampNs::new(901)), Err(RfqError::QuoteEnded));
    assert_eq!(asked.judge(&quote(0), now), Err(RfqError::Nothing));
    assert_eq!(asked.judge(&Quote { until: TimestampNs::new(1_001), ..quote(450) }, now), Err(RfqError::TooLong));
    let other = Request { nonce: [6; 32], ..asked };
    assert_eq!(other.judge(&quote(450), now), Err(RfqError::OtherRequest));
}

#[test]
fn the_best_quote_is_the_highest_for_who_sells_and_the_lowest_for_who_buys() {
    let quotes = [450, 460, 440, 460, 440].map(quote);
    let (sells, buys) = (request(), Request { side: Side::Buy, ..request() });
    assert_eq!((sells.best(quotes), buys.best(quotes), buys.best([])), (Some(1), Some(2), None));
    let (asked, quoted) = ((asset(1), Value::new(300)), (asset(2), Value::new(450)));
    assert_eq!(sells.sums(&quote(450)), Sums { give: asked, take: quoted });
    assert_eq!(buys.sums(&quote(450)), Sums { give: asked, take: quoted }.turned());
}

#[test]
fn formats_are_pinned() {
    let fixtures = Fixtures::of(env!("CARGO_MANIFEST_DIR"));
    let (asked, quoted) = (request().to_bytes(), quote(450).to_bytes());
    assert_eq!(Request::decode(&asked), Ok(request()));
    assert_eq!(Quote::decode(&quoted), Ok(quote(450)));
    fixtures.bytes("rfq_request", &asked);
    fixtures.bytes("rfq_quote", &quoted);
    fixtures.bytes("letter", &letter::seal([8; 32], &key(1), &key(2).address(), b"450 for 300").unwrap());
}
