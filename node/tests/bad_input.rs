//! What a client must not do, done to the real appliance over real sockets: each gets the answer that FIX names, the session or the
//! connection ends only where it must, and a bystander's orders are served throughout.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests are tests")]

mod market;

use market::{Market, WITHIN, now, write_order};
use plinth_gateway::codec::{Builder, Tag, tag};
use plinth_node::replay::child::Login;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn who_is_not_known_is_cut_off_without_a_word() {
    let market = Market::open();
    let (mine, other) = (market.login(0), market.login(1));
    let good = |fields: &mut Builder| {
        fields.bytes(tag::ENCRYPT_METHOD, b"0");
        fields.number(tag::HEART_BT_INT, 30);
    };
    let mut faults: Vec<(&str, Vec<u8>)> = vec![
        ("garbage", vec![0xff; 4_096]),
        ("a wrong checksum", broken_check_sum(&logon(mine, &mine.password))),
        ("another message first", framed(b"0", mine, 1, |_| {})),
        ("a wrong password", logon(mine, "not the password")),
        ("another firm's password", logon(mine, &other.password)),
        ("no password", framed(b"A", mine, 1, good)),
        ("an oversized claim", b"8=FIX.4.4\x019=2000000000\x0135=A\x01".to_vec()),
    ];
    let stranger = Login { sender_comp_id: "NOBODY".into(), ..mine.clone() };
    faults.push(("an unknown CompID", logon(&stranger, &mine.password)));
    for (what, bytes) in faults {
        let mut stream = TcpStream::connect(market.ready().fix).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        // The appliance may close while we still write.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{what}: {error}"),
        }
        assert!(answer.is_empty(), "{what} was answered with {}", String::from_utf8_lossy(&answer));
    }
    // None of it has touched the session: its first number is still expected.
    let mut client = market.log_on(0);
    client.accepts_an_order("after all that");
}

#[test]
fn a_second_logon_is_refused_and_the_first_session_goes_on() {
    let market = Market::open();
    let mut first = market.log_on(0);
    let mut second = TcpStream::connect(market.ready().fix).unwrap();
    second.set_read_timeout(Some(WITHIN)).unwrap();
    second.write_all(&logon(market.login(0), &market.login(0).password)).unwrap();
    let mut answer = Vec::new();
    let _ = second.read_to_end(&mut answer);
    assert!(answer.is_empty(), "a second logon was answered with {}", String::from_utf8_lossy(&answer));
    first.accepts_an_order("behind a second connection's logon");

    // On the live connection itself it is a mistake that ends the session with a reason.
    let password = market.login(0).password.clone();
    let logged_out = first.expect_logout(b"A", |fields| {
        fields.bytes(tag::ENCRYPT_METHOD, b"0");
        fields.number(tag::HEART_BT_INT, 30);
        fields.bytes(tag::USERNAME, b"FIRM1");
        fields.bytes(tag::PASSWORD, password.as_bytes());
    });
    assert_eq!(logged_out, "Already logged on");
}

#[test]
fn garbled_messages_are_skipped_and_use_up_no_number() {
    let market = Market::open();
    let mut client = market.log_on(0);
    let mut bystander = market.log_on(1);
    let next = client.client.numbers().next_out.get();
    let heartbeat = framed(b"0", market.login(0), next, |_| {});
    let oversized = framed(b"0", market.login(0), next, |fields| fields.bytes(tag::TEST_REQ_ID, &[b'x'; 9_000]));
    let mut shorter = heartbeat.clone();
    let at = shorter.windows(3).position(|bytes| bytes == b"\x019=").unwrap() + 3;
    shorter[at] -= 1;
    let faults: [(&str, Vec<u8>); 5] = [
        ("garbage", b"\x00\xff8=FIX 9=5 nothing of that\x01".to_vec()),
        ("a wrong checksum", broken_check_sum(&heartbeat)),
        ("a wrong body length", shorter),
        ("an oversized message", oversized),
        ("a field that is none", heartbeat.iter().map(|&byte| if byte == b'=' { b' ' } else { byte }).collect()),
    ];
    for (what, bytes) in faults {
        client.client.stream().write_all(&bytes).unwrap();
        client.accepts_an_order(what);
        bystander.accepts_an_order(what);
    }
}

#[test]
fn what_fix_forbids_is_rejected_by_tag_and_the_session_goes_on() {
    let market = Market::open();
    let mut client = market.log_on(0);
    let mut bystander = market.log_on(1);
    let huge = "9".repeat(30);
    // (what, message type, changed or added field, its value, answer, fields of the answer)
    let faults: [(&str, &[u8], Tag, &str, &str, &[(Tag, &str)]); 9] = [
        ("an unknown tag", b"D", Tag::new(4_999), "1", "3", &[(tag::SESSION_REJECT_REASON, "0"), (tag::REF_TAG_ID, "4999")]),
        ("an unknown type", b"ZZ", tag::TEXT, "x", "3", &[(tag::SESSION_REJECT_REASON, "11")]),
        ("a type that we do not serve", b"v", tag::SECURITY_REQ_ID, "x", "j", &[(tag::BUSINESS_REJECT_REASON, "3")]),
        ("an empty value", b"D", tag::TEXT, "", "3", &[(tag::SESSION_REJECT_REASON, "4"), (tag::REF_TAG_ID, "58")]),
        ("a side that is none", b"D", tag::SIDE, "Z", "3", &[(tag::SESSION_REJECT_REASON, "5"), (tag::REF_TAG_ID, "54")]),
        (
            "a quantity that is no number",
            b"D",
            tag::ORDER_QTY,
            "1e3",
            "3",
            &[(tag::SESSION_REJECT_REASON, "6"), (tag::REF_TAG_ID, "38")],
        ),
        ("a quantity of zero", b"D", tag::ORDER_QTY, "0", "3", &[(tag::SESSION_REJECT_REASON, "5"), (tag::REF_TAG_ID, "38")]),
        ("a price beyond all bounds", b"D", tag::PRICE, &huge, "3", &[(tag::REF_TAG_ID, "44")]),
        ("a quantity beyond all bounds", b"D", tag::ORDER_QTY, &huge, "3", &[(tag::REF_TAG_ID, "38")]),
    ];
    for (what, msg_type, changed, value, answer, fields) in faults {
        let id = client.next_id();
        client.send(msg_type, |message| {
            if msg_type == b"D" {
                write_order(message, &id, &[(changed, value)]);
            } else {
                message.bytes(changed, value.as_bytes());
            }
        });
        client.expect(what, answer, fields);
        client.accepts_an_order(what);
        bystander.accepts_an_order(what);
    }
}

#[test]
fn orders_that_cannot_be_are_refused_with_the_reason() {
    let market = Market::open();
    let mut client = market.log_on(0);
    let mut bystander = market.log_on(1);
    let refused = |reason| -> [(Tag, &str); 3] { [(tag::EXEC_TYPE, "8"), (tag::ORD_STATUS, "8"), (tag::ORD_REJ_REASON, reason)] };
    let faults: [(&str, &[(Tag, &str)], &str); 8] = [
        ("an unknown instrument", &[(tag::SYMBOL, "DOGE/USD")], "1"),
        ("an account of another firm", &[(tag::ACCOUNT, "FIRM2")], "15"),
        ("more than the largest order", &[(tag::ORDER_QTY, "10000.00000001")], "3"),
        // 2^47 ticks times 10^12 lots is far beyond 64 bits; it is compared, not wrapped.
        ("price times quantity beyond 64 bits", &[(tag::PRICE, "1407374883553.28"), (tag::ORDER_QTY, "10000")], "3"),
        ("an unfunded order", &[(tag::PRICE, "2000000.00"), (tag::ORDER_QTY, "10000")], "3"),
        ("a price of zero", &[(tag::PRICE, "0.00")], "99"),
        ("a market order that would rest", &[(tag::ORD_TYPE, "1"), (tag::TIME_IN_FORCE, "1")], "11"),
        ("a stop price, which we do not honour", &[(tag::STOP_PX, "1.00")], "11"),
    ];
    for (what, changes, reason) in faults {
        let id = client.next_id();
        client.send(b"D", |message| write_order(message, &id, changes));
        client.expect(what, "8", &refused(reason));
        client.accepts_an_order(what);
        bystander.accepts_an_order(what);
    }
    let id = client.accepts_an_order("the first use of an id");
    client.send(b"D", |message| write_order(message, &id, &[]));
    client.expect("a second use of an id", "8", &refused("6"));
    let cancel = client.next_id();
    client.send(b"F", |message| {
        message.bytes(tag::ORIG_CL_ORD_ID, b"never");
        message.bytes(tag::CL_ORD_ID, cancel.as_bytes());
        message.bytes(tag::SYMBOL, b"BTC/USD");
        message.bytes(tag::SIDE, b"1");
        message.time(tag::TRANSACT_TIME, now());
        message.bytes(tag::ORDER_QTY, b"1");
    });
    client.expect("a cancel of what never was", "9", &[(tag::CXL_REJ_REASON, "1")]);
    let status = market.appliance.status().unwrap();
    assert!(status.ledger_conserved);
}

fn logon(login: &Login, password: &str) -> Vec<u8> {
    framed(b"A", login, 1, |fields| {
        fields.bytes(tag::ENCRYPT_METHOD, b"0");
        fields.number(tag::HEART_BT_INT, 30);
        fields.bytes(tag::USERNAME, login.sender_comp_id.as_bytes());
        fields.bytes(tag::PASSWORD, password.as_bytes());
    })
}

/// A message whole, as its sender would number it.
fn framed(msg_type: &[u8], login: &Login, number: u64, body: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::default();
    builder.start(msg_type);
    builder.number(tag::MSG_SEQ_NUM, number);
    builder.bytes(tag::SENDER_COMP_ID, login.sender_comp_id.as_bytes());
    builder.time(tag::SENDING_TIME, now());
    builder.bytes(tag::TARGET_COMP_ID, login.target_comp_id.as_bytes());
    body(&mut builder);
    builder.finish().to_vec()
}

fn broken_check_sum(message: &[u8]) -> Vec<u8> {
    let mut broken = message.to_vec();
    let at = broken.len() - 2;
    broken[at] = if broken[at] == b'9' { b'0' } else { broken[at] + 1 };
    broken
}
