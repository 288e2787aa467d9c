//! What one order costs before anybody looks at it, in thread CPU time. Run with `--ignored --nocapture`; it prints and asserts nothing
//! about time, since the machine is shared.

use plinth_gateway::codec::frame::{self, Fields, Frame};
use plinth_gateway::codec::{Message, tag};
use std::hint::black_box;

const ROUNDS: usize = 200_000;

fn order() -> Vec<u8> {
    let body = "35=D|34=215|49=CLIENT12|52=20260225-19:41:57.316|56=EXCHANGE|1=ACCT-00042|11=ORD-0000013346|15=USD|18=6|21=1|38=1500|\
                40=2|44=10234.25|54=1|55=AAPL|59=0|60=20260225-19:41:57.316|100=XNAS|114=N|";
    let mut message = format!("8=FIX.4.4|9={}|{body}", body.len()).replace('|', "\x01").into_bytes();
    let sum = message.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    message.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    message
}

#[test]
#[ignore = "a measurement"]
fn scan_and_check_of_an_order() {
    let bytes = order();
    let mut fields = Fields::default();
    let mut best_ns = u64::MAX;
    for _ in 0..9 {
        let start = cpu_ns();
        for _ in 0..ROUNDS {
            let bytes = black_box(&bytes[..]);
            assert_eq!(frame::next(bytes, &mut fields), Frame::Message { size: bytes.len() });
            black_box(Message::new(bytes, &fields).msg_type());
        }
        best_ns = best_ns.min((cpu_ns() - start) * 10 / ROUNDS as u64);
    }
    let fields = Message::new(&bytes, &fields);
    assert_eq!(fields.get(tag::SYMBOL), Some(&b"AAPL"[..]));
    println!("{} bytes, {} fields: {}.{} ns", bytes.len(), fields.fields().count(), best_ns / 10, best_ns % 10);
}

/// User and system time of this thread, from the kernel's scheduler.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}
