//! Both ends over a real socket, and callers that keep to nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_zone_protocol::host::{Handed, Listener, Wish};
use plinth_zone_protocol::limits::{FRAME_SIZE_MAX, SOCKET_PATH_SIZE_MAX};
use plinth_zone_protocol::{Finalized, Hello, News, Port, ProtocolError, Reason, Refusal, Welcome, ZoneMessage};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const HELLO: Hello = Hello {
    chain: ChainId::new(7),
    zone: ZoneId::new(3),
    genesis: Digest::ZERO,
    epoch: ProducerEpoch::new(0),
    height: Height::new(0),
    body_hash: Digest::ZERO,
    settlement_height: Height::new(4),
};

const WELCOME: Welcome = Welcome {
    chain: ChainId::new(7),
    zone: ZoneId::new(3),
    genesis: Digest([1; 32]),
    genesis_time: TimestampNs::new(2),
    producer: PublicKey([3; 32]),
    epoch: ProducerEpoch::new(1),
    guest_image: Digest::ZERO,
    request_blocks: 0,
    settlement_height: Height::new(4),
    settlement_time: TimestampNs::new(5),
    ordered: Height::new(0),
    available: Height::new(0),
    settled: Height::new(0),
    inbox_consumed: InboxIndex::new(0),
    inbox_appended: InboxIndex::new(0),
    frozen: false,
};

fn listen(folder: &Path) -> (Listener, PathBuf) {
    let path = folder.join("zone.sock");
    (Listener::bind(&path).unwrap(), path)
}

fn news(height: u64) -> Finalized {
    Finalized { height: Height::new(height), ..Finalized::default() }
}

#[test]
fn a_zone_calls_before_there_is_a_host_and_hears_news_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zone.sock");
    let zone = thread::spawn({
        let path = path.clone();
        move || {
            let Port { welcome, mut outgoing, mut incoming } = Port::connect(&path, &HELLO, PATIENCE).unwrap();
            assert_eq!(welcome, WELCOME);
            assert_eq!(incoming.receive().unwrap(), News::Finalized(Box::new(news(5))));
            outgoing.processed(Height::new(5)).unwrap();
            let refused = News::BlockRefused { height: Height::new(1), reason: Reason::new("no") };
            assert_eq!(incoming.receive().unwrap(), refused);
            // The host forgets one.
            let error = incoming.receive().unwrap_err();
            let (height, expected) = (Height::new(7), Height::new(6));
            assert!(
                matches!(error, ProtocolError::OutOfOrder { height: h, expected: e } if (h, e) == (height, expected)),
                "{error}"
            );
        }
    });
    let listener = Listener::bind(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut caller = listener.accept().unwrap();
    assert_eq!(caller.wish().unwrap(), Wish::Zone(HELLO));
    let (mut from, mut to) = caller.welcome(WELCOME).unwrap();
    to.finalized(news(5)).unwrap();
    assert_eq!(from.receive().unwrap(), Handed::Processed(Height::new(5)));
    to.block_refused(Height::new(1), Reason::new("no")).unwrap();
    to.finalized(news(7)).unwrap();
    assert!(matches!(from.receive().unwrap_err(), ProtocolError::Closed));
    zone.join().unwrap();
}

#[test]
fn the_last_word_is_heard_by_who_waits_for_news() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, path) = listen(folder.path());
    let zone = thread::spawn(move || {
        let mut port = Port::connect(&path, &HELLO, PATIENCE).unwrap();
        port.incoming.receive().unwrap_err()
    });
    let mut caller = listener.accept().unwrap();
    caller.wish().unwrap();
    let (_from, to) = caller.welcome(WELCOME).unwrap();
    to.refuse(Refusal::Stopping);
    let error = zone.join().unwrap();
    assert!(matches!(error, ProtocolError::Refused(Refusal::Stopping)), "{error}");
}

/// What somebody wrote who is no zone; the next caller is served.
fn refused(bytes: &[u8]) -> ProtocolError {
    let folder = tempfile::tempdir().unwrap();
    let (listener, path) = listen(folder.path());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(bytes).unwrap();
    drop(stream);
    let error = listener.accept().unwrap().wish().unwrap_err();
    let next = thread::spawn(move || Port::connect(&path, &HELLO, PATIENCE).map(|port| port.welcome).unwrap());
    let mut caller = listener.accept().unwrap();
    assert_eq!(caller.wish().unwrap(), Wish::Zone(HELLO));
    caller.welcome(WELCOME).unwrap();
    assert_eq!(next.join().unwrap(), WELCOME);
    error
}

#[test]
fn garbage_oversize_and_half_frames_are_errors_and_the_next_caller_is_served() {
    let hello = ZoneMessage::Hello(HELLO).to_bytes();
    let framed = |message: &[u8]| [&(message.len() as u32).to_le_bytes(), message].concat();
    assert!(matches!(refused(&[]), ProtocolError::Closed));
    assert!(matches!(refused(&framed(&hello)[..3]), ProtocolError::HalfFrame { missing: 1 }));
    assert!(matches!(refused(&framed(&hello)[..10]), ProtocolError::HalfFrame { .. }));
    let size = FRAME_SIZE_MAX + 1;
    assert!(matches!(refused(&(size as u32).to_le_bytes()), ProtocolError::FrameSize { size: claimed } if claimed == size));
    assert!(matches!(refused(b"GET / HTTP/1.1\r\n\r\n"), ProtocolError::FrameSize { .. }));
    let mut other_version = hello.clone();
    other_version[0] += 1;
    let error = refused(&framed(&other_version));
    assert!(error.to_string().contains("version of the zone protocol"), "{error}");
    let trailing = [&hello[..], &[0]].concat();
    assert!(matches!(refused(&framed(&trailing)), ProtocolError::Malformed(_)));
    let early = ZoneMessage::Processed(Height::new(1)).to_bytes();
    let error = refused(&framed(&early));
    assert_eq!(error.to_string(), "an acknowledgement of news, where a hello belongs");
}

#[test]
fn a_new_host_takes_the_place_of_a_killed_one() {
    let folder = tempfile::tempdir().unwrap();
    let (first, path) = listen(folder.path());
    // Nobody unlinks what a killed process leaves.
    drop(first);
    let error = Port::connect(&path, &HELLO, Duration::ZERO).unwrap_err();
    assert!(matches!(error, ProtocolError::Socket { .. }) && error.to_string().contains("zone.sock"), "{error}");
    let (second, path) = listen(folder.path());
    let zone = thread::spawn(move || Port::connect(&path, &HELLO, Duration::ZERO).map(|port| port.welcome).unwrap());
    let mut caller = second.accept().unwrap();
    caller.wish().unwrap();
    caller.welcome(WELCOME).unwrap();
    assert_eq!(zone.join().unwrap(), WELCOME);
}

#[test]
fn a_path_that_no_socket_can_have_is_named() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(SOCKET_PATH_SIZE_MAX)));
    for error in [Listener::bind(&path).unwrap_err(), Port::connect(&path, &HELLO, PATIENCE).unwrap_err()] {
        assert!(matches!(error, ProtocolError::PathSize { .. }), "{error}");
    }
}
