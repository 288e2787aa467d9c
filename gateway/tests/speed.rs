//! What an order costs here, in thread CPU time. Run with `--ignored --nocapture`; nothing is asserted about time, since machines are shared.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::acceptor::LinkId;
use plinth_gateway::clock::{MonoNs, Now};
use plinth_gateway::codec::frame::{self, Fields, Frame};
use plinth_gateway::codec::{Builder, Message, tag};
use plinth_gateway::dictionary::Dictionary;
use plinth_gateway::zone::{Full, Zone};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{MandateId, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;
use std::hint::black_box;
use support::firms;

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
    let dictionary = Dictionary::of(plinth_gateway::codec::Version::Fix44);
    let scan_ns = best(|| {
        for _ in 0..ROUNDS {
            let bytes = black_box(&bytes[..]);
            assert_eq!(frame::next(bytes, &mut fields), Frame::Message { size: bytes.len() });
            black_box(Message::new(bytes, &fields).msg_type());
        }
    });
    let check_ns = best(|| {
        for _ in 0..ROUNDS {
            assert!(dictionary.check(&Message::new(black_box(&bytes[..]), &fields)).is_ok());
        }
    });
    assert_eq!(Message::new(&bytes, &fields).get(tag::SYMBOL), Some(&b"AAPL"[..]));
    println!("{} bytes: scan {scan_ns:.1} ns, dictionary {check_ns:.1} ns", bytes.len());
}

/// Sequences what it is given and forgets it.
struct Sink {
    seq: u64,
    records: Vec<(Command, Vec<u8>)>,
}

impl Zone for Sink {
    fn submit(&mut self, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Result<Seq, Full> {
        self.seq += 1;
        let (seq, time) = (Seq::new(self.seq), TimestampNs::new(support::START_NS));
        self.records.push((Command { seq, time, session, mandate, body, tail_size: tail.len() as u16 }, tail.to_vec()));
        Ok(seq)
    }
}

#[test]
#[ignore = "a measurement"]
fn an_order_from_bytes_to_bytes() {
    let now = Now { mono: MonoNs::new(1), utc: TimestampNs::new(support::START_NS) };
    let mut acceptor = firms::acceptor();
    let mut sink = Sink { seq: 0, records: Vec::new() };
    acceptor.start();
    let link = LinkId { index: 0, generation: 1 };
    assert!(acceptor.connected(link, std::net::Ipv4Addr::LOCALHOST.into(), now));
    let mut builder = Builder::default();
    let mut number = 0;
    let mut message = |msg_type: &[u8], write: &dyn Fn(&mut Builder, u64)| {
        number += 1;
        builder.start(msg_type);
        builder.number(tag::MSG_SEQ_NUM, number);
        builder.bytes(tag::SENDER_COMP_ID, b"FIRM1");
        builder.time(tag::SENDING_TIME, now.utc);
        builder.bytes(tag::TARGET_COMP_ID, b"PLINTH");
        write(&mut builder, number);
        builder.finish().to_vec()
    };
    let logon = message(b"A", &|body, _| body.raw(b"98=0\x01108=30\x01554=secret1\x01"));
    acceptor.receive(link, &logon, now, &mut sink);
    let question = acceptor.take_verification().unwrap();
    acceptor.verified(question.link, true, now);
    let mut size = 0;
    let orders: Vec<Vec<u8>> = (0..ROUNDS)
        .map(|_| {
            let order = message(b"D", &|body, number| {
                body.bytes(tag::CL_ORD_ID, format!("ORD-{number:010}").as_bytes());
                body.raw(b"38=1500\x0140=2\x0144=10234.25\x0154=1\x0155=BTC/USD\x0159=1\x01");
                body.time(tag::TRANSACT_TIME, now.utc);
            });
            size = order.len();
            order
        })
        .collect();
    let mut times = [0_u64; 3];
    let mut sent = 0;
    sink.records.reserve(256);
    for batch in orders.chunks(64) {
        let start = cpu_ns();
        for order in batch {
            assert_eq!(acceptor.receive(link, order, now, &mut sink), order.len());
        }
        acceptor.submit_notes(&mut sink);
        let received = cpu_ns();
        for (command, tail) in sink.records.drain(..) {
            let events = match command.body {
                Body::New(new) => vec![Event::Accepted { order: new.order }],
                Body::Cancel { .. }
                | Body::Replace { .. }
                | Body::MassCancel(_)
                | Body::MassQuote(_)
                | Body::Configure
                | Body::Inbox
                | Body::Withdraw => Vec::new(),
                Body::Note => {
                    acceptor.note(command.seq, command.time, &Note::decode(&tail).unwrap());
                    Vec::new()
                }
            };
            let (desk, mut sessions) = acceptor.parts();
            desk.deliver(&command, &tail, &events, true, &mut sessions);
        }
        let delivered = cpu_ns();
        let wire = acceptor.outgoing(link, now).unwrap();
        sent += wire.len();
        wire.clear();
        let done = cpu_ns();
        for (time, spent) in times.iter_mut().zip([received - start, delivered - received, done - delivered]) {
            *time += spent;
        }
    }
    assert!(sent > ROUNDS * 150);
    let [receive, deliver, send] = times.map(|time| time as f64 / ROUNDS as f64);
    println!(
        "{size} bytes: receive {receive:.0} ns, deliver {deliver:.0} ns, send {send:.0} ns a report of {} bytes",
        sent / ROUNDS
    );
}

/// Nanoseconds a round, of the best of nine.
fn best(mut rounds: impl FnMut()) -> f64 {
    let times = (0..9).map(|_| {
        let start = cpu_ns();
        rounds();
        cpu_ns() - start
    });
    times.min().unwrap_or(0) as f64 / ROUNDS as f64
}

/// CPU time of this thread.
#[allow(unsafe_code, reason = "the clock of a thread has no safe reading in std")]
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, which is ours.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
