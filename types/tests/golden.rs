//! The shared formats, pinned: each value encodes to the bytes of its fixture and those bytes decode to the value.
//!
//! A fixture is a text file of lines `name hexadecimal`.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

use plinth_golden::Fixtures;
use plinth_types::block::{BodyReader, SignedHeader, ZoneHeader};
use plinth_types::codec::Codec;
use plinth_types::command::{
    Body, ClientOrderId, ClientTail, Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce,
};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{
    AccountId, AssetId, ChainId, Height, InboxIndex, InstrumentId, MandateId, MsgSeqNum, OrderId, ProducerEpoch, PublicKey, Seq,
    SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::instructions::{Contingency, Instructions, Lifetime, Link, Peg, PegReference, Trigger};
use plinth_types::limits::{AMOUNT_MAX, CLIENT_ORDER_ID_SIZE_MAX, COMMAND_HEAD_SIZE, PRICE_TICKS_MAX, QTY_LOTS_MAX};
use plinth_types::message::{BlockStatus, Deposit, InboxKind, InboxMessage, Note};
use plinth_types::owner::{Act, Instruction, Request};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{
    Account, Asset, Bands, Configuration, Expiry, Instrument, Mandate, Name, Phase, PhaseChange, Protection, Scope, SelfMatch,
    SelfMatchMode, SignedMandate, Suspension, Trader,
};
use plinth_types::transfer::{Address, OutboxMessage, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};

fn fixtures() -> Fixtures {
    Fixtures::of(env!("CARGO_MANIFEST_DIR"))
}

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks).unwrap()
}

fn qty(lots: u64) -> Qty {
    Qty::from_lots(lots).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn client_order_id(text: &str) -> ClientOrderId {
    ClientOrderId::new(text.as_bytes()).unwrap()
}

fn public_key(first: u8) -> PublicKey {
    PublicKey(core::array::from_fn(|at| first.wrapping_add(at as u8)))
}

fn digest(first: u8) -> Digest {
    Digest(core::array::from_fn(|at| first.wrapping_add(at as u8)))
}

fn signature(first: u8) -> Signature {
    Signature(core::array::from_fn(|at| first.wrapping_add(at as u8)))
}

fn inbox_message() -> InboxMessage {
    InboxMessage {
        zone: ZoneId::TRADING,
        index: InboxIndex::new(0x0102_0304),
        id: digest(0x40),
        asset: AssetId::new(3),
        amount: Amount::new(0x0102_0304_0506_0708_090a).unwrap(),
        from: Party::owner(public_key(0x80)),
        channel_seq: 0x0e0f,
        kind: InboxKind::Transfer,
        account: Address::of_account(AccountId::new(0x0a0b_0c0d)),
    }
}

fn commands() -> Vec<(&'static str, Command)> {
    let session = SessionId::new(0x0304);
    let order = OrderId::new(session, 0x0506_0708).unwrap();
    let new = NewOrder {
        order,
        instrument: InstrumentId::new(0x1112_1314),
        side: Side::Buy,
        price: OrderPrice::Limit(price(0x2122_2324)),
        qty: qty(0x3132_3334),
        time_in_force: TimeInForce::GoodTillCancel,
        post_only: false,
        instructed: false,
    };
    let bodies = [
        ("new_limit_buy", Body::New(new)),
        ("new_limit_sell", Body::New(NewOrder { side: Side::Sell, price: OrderPrice::Limit(price(-1)), ..new })),
        ("new_post_only", Body::New(NewOrder { post_only: true, ..new })),
        ("new_instructed", Body::New(NewOrder { instructed: true, ..new })),
        ("new_limit_ioc", Body::New(NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..new })),
        ("new_limit_fok", Body::New(NewOrder { time_in_force: TimeInForce::FillOrKill, ..new })),
        ("new_market", Body::New(NewOrder { price: OrderPrice::Market, time_in_force: TimeInForce::ImmediateOrCancel, ..new })),
        ("new_extremes", Body::New(NewOrder { price: OrderPrice::Limit(price(-PRICE_TICKS_MAX)), qty: qty(QTY_LOTS_MAX), ..new })),
        ("cancel", Body::Cancel { order }),
        ("replace", Body::Replace { order, price: price(7), qty: qty(8) }),
        (
            "mass_cancel",
            Body::MassCancel(MassCancel {
                session: Some(session),
                account: Some(AccountId::new(0x7172_7374)),
                instrument: Some(InstrumentId::new(0x1112_1314)),
                side: Some(Side::Sell),
                cause: MassCancelCause::Disconnect,
            }),
        ),
        ("configure", Body::Configure),
        ("inbox", Body::Inbox),
        ("note", Body::Note),
        ("withdraw", Body::Withdraw),
    ];
    let command = |body| Command {
        seq: Seq::new(0x4142_4344_4546_4748),
        time: TimestampNs::new(0x5152_5354_5556_5758),
        session,
        mandate: MandateId::new(0x6162_6364),
        body,
        tail_size: 0x0102,
    };
    bodies.map(|(name, body)| (name, command(body))).to_vec()
}

#[test]
fn command_heads() {
    let commands = commands();
    for (name, command) in &commands {
        assert_eq!(Command::from_head(&command.head()), Ok(*command), "{name}");
    }
    let heads: Vec<_> = commands.iter().map(|(name, command)| (*name, command.head().to_vec())).collect();
    assert!(heads.iter().all(|(_, head)| head.len() == COMMAND_HEAD_SIZE));
    fixtures().named("command_head", &heads);
}

#[test]
fn client_tails() {
    let plain = ClientTail { msg_seq_num: MsgSeqNum::new(9), client_order_id: client_order_id("c-1"), orig_client_order_id: None };
    let longest = "x".repeat(CLIENT_ORDER_ID_SIZE_MAX);
    let full = ClientTail {
        msg_seq_num: MsgSeqNum::new(u64::MAX),
        client_order_id: client_order_id(&longest),
        orig_client_order_id: Some(client_order_id("c-1")),
    };
    fixtures().values("client_tail", &[("new", plain), ("cancel", full)]);
}

#[test]
fn withdrawals() {
    let withdrawal = Withdrawal {
        zone: ZoneId::TRADING,
        account: AccountId::new(0x0102_0304),
        nonce: 0x1112_1314_1516_1718,
        asset: AssetId::new(0x2122),
        amount: Amount::new(AMOUNT_MAX).unwrap(),
        to: Party { zone: ZoneId::new(0x3132), address: Address([0x41; 32]) },
        expires_at: TimestampNs::new(0x5152_5354_5556_5758),
    };
    let chain = ChainId::new(7);
    assert!(withdrawal.signed_bytes(chain).starts_with(Withdrawal::DOMAIN));
    assert_ne!(withdrawal.signed_bytes(chain), withdrawal.signed_bytes(ChainId::new(8)));
    fixtures().values("signed_withdrawal", &[("withdrawal", SignedWithdrawal { withdrawal, signature: Signature([0x61; 64]) })]);
}

#[test]
fn instructions() {
    let (display, minimum, none) = (Some(qty(0x0102_0304)), Some(qty(5)), Instructions::NONE);
    let order = OrderId::from_bits(0x0102_0304_0506_0708).unwrap();
    let lasting = |lifetime| Instructions { lifetime: Some(lifetime), ..none };
    let pegged = |to, offset_ticks| Instructions { peg: Some(Peg { to, offset_ticks }), ..none };
    let linked = |contingency| Instructions { link: Some(Link { contingency, order }), ..none };
    let values = [
        ("display", Instructions { display, ..none }),
        ("minimum", Instructions { minimum, ..none }),
        ("both", Instructions { display, minimum, ..none }),
        ("stop", Instructions { trigger: Some(Trigger::At(price(-7))), ..none }),
        ("trailing", Instructions { display, trigger: Some(Trigger::Trailing { ticks: 0x0607 }), ..none }),
        ("day", lasting(Lifetime::Day)),
        ("until", lasting(Lifetime::Until(TimestampNs::new(0x1112_1314_1516_1718)))),
        ("opening", lasting(Lifetime::Opening)),
        ("closing", Instructions { display, ..lasting(Lifetime::Closing) }),
        ("primary_peg", pegged(PegReference::Primary, -2)),
        ("mid_peg", pegged(PegReference::Mid, 0)),
        ("market_peg", pegged(PegReference::Market, 0x0203)),
        ("one_cancels_other", linked(Contingency::OneCancelsOther)),
        ("one_triggers_other", linked(Contingency::OneTriggersOther)),
        ("one_updates_other", linked(Contingency::OneUpdatesOther)),
    ];
    fixtures().values("instructions", &values);
}

#[test]
fn configurations() {
    let mandate = Mandate {
        id: MandateId::new(4),
        session: SessionId::new(5),
        account: AccountId::new(6),
        scope: Scope::Trade,
        expires_at: TimestampNs::new(7),
    };
    let cancel_only = Mandate { scope: Scope::CancelOnly, ..mandate };
    let instrument = Instrument {
        id: InstrumentId::new(1),
        symbol: name("BTC/USD"),
        base: AssetId::new(0),
        quote: AssetId::new(1),
        price_decimals: 2,
        qty_decimals: 8,
        qty_max: qty(1_000_000),
        window_low: price(5_000_000),
        window_bits: 16,
    };
    let suspend = |trader, suspended| Configuration::Suspend(Suspension { trader, suspended });
    let protection = Protection {
        account: AccountId::new(6),
        self_match: Some(SelfMatch { group: 0x0102_0304, mode: SelfMatchMode::Decrement }),
        orders_max: Some(9),
        notional_max: Amount::new(0x0102_0304_0506_0708_090a),
    };
    let bands = Bands { instrument: InstrumentId::new(1), low: price(2), high: price(PRICE_TICKS_MAX), market_reach: Some(3) };
    let grant = |mandate| Configuration::GrantMandate(SignedMandate { mandate, signature: signature(0x20) });
    fixtures().values(
        "configuration",
        &[
            ("add_asset", Configuration::AddAsset(Asset { id: AssetId::new(2), name: name("BTC"), decimals: 8 })),
            (
                "open_account",
                Configuration::OpenAccount(Account { id: AccountId::new(3), name: name("FIRM-1"), owner: public_key(0x60) }),
            ),
            ("list_instrument", Configuration::ListInstrument(instrument)),
            ("grant_mandate", grant(mandate)),
            ("grant_mandate_cancel_only", grant(cancel_only)),
            ("suspend_session", suspend(Trader::Session(SessionId::new(5)), true)),
            ("free_account", suspend(Trader::Account(AccountId::new(6)), false)),
            ("protect", Configuration::Protect(protection)),
            (
                "unprotect",
                Configuration::Protect(Protection { self_match: None, orders_max: None, notional_max: None, ..protection }),
            ),
            (
                "set_phase",
                Configuration::SetPhase(PhaseChange { instrument: InstrumentId::new(0x0102_0304), phase: Phase::ClosingAuction }),
            ),
            ("expire", Configuration::Expire(Expiry { instrument: InstrumentId::new(0x0102_0304), ends_day: true })),
            ("set_bands", Configuration::SetBands(bands)),
            ("set_bands_without_reach", Configuration::SetBands(Bands { market_reach: None, ..bands })),
        ],
    );
    fixtures().named("mandate_signed_bytes", &[("trade", mandate.signed_bytes(ChainId::new(7)))]);
}

#[test]
fn notes() {
    let status = |status| Note::BlockStatus {
        height: Height::new(1),
        last_seq: Seq::new(2),
        status,
        settlement_height: Height::new(3),
        settlement_time: TimestampNs::new(4),
    };
    let (session, next, up_to) = (SessionId::new(2), MsgSeqNum::new(3), MsgSeqNum::new(1_003));
    fixtures().values(
        "note",
        &[
            ("reserve_outbound", Note::ReserveOutbound { session, next, up_to }),
            ("reset_session", Note::ResetSession { session }),
            ("lost", Note::Lost),
            ("took_over", Note::TookOver { epoch: ProducerEpoch::new(2) }),
            ("block_available", status(BlockStatus::Available)),
            ("block_settled", status(BlockStatus::Settled)),
        ],
    );
}

#[test]
fn inbox_messages() {
    let largest = InboxMessage { amount: Amount::new(AMOUNT_MAX).unwrap(), index: InboxIndex::new(u64::MAX), ..inbox_message() };
    let bounce = InboxMessage { kind: InboxKind::Bounce, ..inbox_message() };
    let cancel = Request::Cancel { order: OrderId::new(SessionId::new(2), 3).unwrap() };
    let request = InboxMessage { kind: InboxKind::Request(cancel), amount: Amount::ZERO, ..inbox_message() };
    let values = [("deposit", inbox_message()), ("largest", largest), ("bounce", bounce), ("request", request)];
    fixtures().values("inbox_message", &values);
}

#[test]
fn outbox_messages() {
    let message = OutboxMessage {
        channel_seq: 0x0102,
        to: Party { zone: ZoneId::new(3), address: Address([0x70; 32]) },
        asset: AssetId::new(3),
        amount: Amount::new(1_000).unwrap(),
        sender: Address::of_account(AccountId::new(5)),
        expires_at: TimestampNs::new(9),
    };
    fixtures().values("outbox_message", &[("outbox_message", message)]);
    fixtures().named("outbox_message_id_bytes", &[("outbox_message", message.id_bytes(ChainId::new(7), ZoneId::TRADING))]);
    fixtures().named("outbox_list_bytes", &[("two", OutboxMessage::list_bytes(&[message, message]))]);
}

#[test]
fn owners_orders() {
    let (to, asset, amount) = (public_key(0x81), AssetId::new(3), Amount::new(1_000).unwrap());
    let of = |act| Instruction { nonce: 7, owner: public_key(0x80), act };
    let account = Address::of_account(AccountId::new(5));
    let withdraw = Request::Withdraw { account, to: Party::owner(to), asset, amount };
    let cancel = Request::Cancel { order: OrderId::new(SessionId::new(2), 3).unwrap() };
    let values = [
        ("transfer", of(Act::Transfer { to, asset, amount })),
        ("issue", of(Act::Issue { to, asset, amount })),
        ("redeem", of(Act::Redeem { asset, amount })),
        ("withdraw", of(Act::Request { zone: ZoneId::TRADING, request: withdraw })),
        ("cancel", of(Act::Request { zone: ZoneId::TRADING, request: cancel })),
    ];
    fixtures().values("instruction", &values);
    fixtures().named("instruction_signed_bytes", &[("transfer", values[0].1.signed_bytes(ChainId::new(7)))]);
}

#[test]
fn exit_leaves() {
    let leaf = ExitLeaf { index: 5, owner: public_key(0x80), asset: AssetId::new(3), amount: Amount::new(1_000).unwrap() };
    fixtures().values("exit_leaf", &[("leaf", leaf)]);
}

#[test]
fn deposits() {
    let deposit = Deposit {
        zone: ZoneId::TRADING,
        nonce: 0x0102_0304,
        asset: AssetId::new(3),
        amount: Amount::new(1_000).unwrap(),
        owner: public_key(0x80),
        account: Address::of_account(AccountId::new(5)),
    };
    fixtures().values("deposit", &[("deposit", deposit)]);
    fixtures().named("deposit_signed_bytes", &[("deposit", deposit.signed_bytes(ChainId::new(7)))]);
}

fn attested_header() -> ZoneHeader {
    ZoneHeader {
        chain: ChainId::new(7),
        zone: ZoneId::TRADING,
        height: Height::new(2),
        epoch: ProducerEpoch::new(3),
        parent: digest(0x01),
        guest_image: Digest::ZERO,
        policy: digest(0x02),
        pre_root: digest(0x03),
        post_root: digest(0x04),
        inbox_index: InboxIndex::new(5),
        inbox_root: digest(0x05),
        outbox_root: Digest::ZERO,
        outbox_totals: Vec::new(),
        inbox_refused: Vec::new(),
        exit_root: Digest::ZERO,
        body_hash: digest(0x06),
        body_size: 6_400,
        body_key: digest(0x09),
        shard_root: digest(0x07),
        first_seq: Seq::new(11),
        last_seq: Seq::new(110),
        time: TimestampNs::new(1_777_680_000_000_000_000),
        command_count: 100,
        trade_count: 9,
    }
}

fn sending_header() -> ZoneHeader {
    let total = |asset, units| AssetAmount { asset: AssetId::new(asset), amount: Amount::new(units).unwrap() };
    let outbox_totals = vec![total(0, 5), total(2, AMOUNT_MAX)];
    let inbox_refused = vec![InboxIndex::new(4), InboxIndex::new(5)];
    ZoneHeader { outbox_root: digest(0x08), outbox_totals, inbox_refused, exit_root: digest(0x09), ..attested_header() }
}

#[test]
fn zone_headers() {
    let (header, sending) = (attested_header(), sending_header());
    fixtures().values("zone_header", &[("attested", header.clone()), ("sending", sending.clone())]);
    fixtures().values("signed_header", &[("attested", SignedHeader { header: header.clone(), signature: signature(0x90) })]);
    fixtures().named(
        "zone_header_signed_bytes",
        &[("execution", sending.execution_bytes()), ("signed", sending.signed_bytes()), ("attested", header.signed_bytes())],
    );
}

#[test]
fn a_header_with_totals_that_no_encoder_writes_does_not_decode() {
    let header = sending_header();
    let [first, second] = header.outbox_totals[..] else { panic!("two totals") };
    let zero = AssetAmount { amount: Amount::ZERO, ..first };
    for totals in [vec![second, first], vec![first, first], vec![zero, second]] {
        let bent = ZoneHeader { outbox_totals: totals, ..header.clone() };
        assert!(ZoneHeader::decode(&bent.to_bytes()).is_err());
    }
}

/// A body is commands one behind the other; the reader gives back what was written and stops at the first thing that is none.
#[test]
fn bodies() {
    let tail = inbox_message().to_bytes();
    let (_, command) = commands().remove(10);
    let inbox = Command { tail_size: tail.len() as u16, ..command };
    let configure = Command { seq: inbox.seq.next(), body: Body::Configure, tail_size: 0, ..command };
    let body = [&inbox.head()[..], &tail, &configure.head()].concat();
    fixtures().named("body", &[("inbox_then_configure", body.clone())]);
    let read: Vec<_> = BodyReader::new(&body).collect::<Result<_, _>>().unwrap();
    assert_eq!(read, [(inbox, tail.as_slice()), (configure, &[][..])]);
    for size in 1..body.len() {
        let complete = size == COMMAND_HEAD_SIZE + tail.len();
        let read = BodyReader::new(&body[..size]).collect::<Result<Vec<_>, _>>();
        assert_eq!(read.is_ok(), complete, "cut to {size} bytes");
    }
    assert_eq!(BodyReader::new(&[]).count(), 0);
}
