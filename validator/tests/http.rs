//! What a validator serves over HTTP, to tools and to those who are none.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use chain::Zone;
use cluster::{Cluster, DEADLINE, wait_until};
use plinth_settlement::checkpoint::Checkpoint;
use plinth_settlement::link::{LinkEvent, SealedBlock};
use plinth_settlement::stages::{Stage, read_log};
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use plinth_validator::ValidatorHandle;
use plinth_validator::limits::{HTTP_CONNECTIONS_MAX, HTTP_HEAD_SIZE_MAX, HTTP_TIMEOUT};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Sends bytes and reads until the validator closes. What a reset cuts off is not asked for.
fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _reset_behind_the_answer = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// The body of an answer of this status.
fn get(address: SocketAddr, path: &str, status: &str) -> String {
    let answer = exchange(address, format!("GET {path} HTTP/1.1\r\nHost: validator\r\n\r\n").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{path}: {head}");
    body.to_owned()
}

/// Four validators, the first of which serves HTTP, and a zone with three blocks available.
fn cluster() -> (Cluster, Vec<ValidatorHandle>, SocketAddr) {
    let mut cluster = Cluster::new(4);
    cluster.http = Some((Ipv4Addr::LOCALHOST, 0).into());
    let validators = cluster.start_all();
    let address = validators[0].http_address().unwrap();
    let link = cluster.link(Height::new(1));
    let mut zone = Zone::default();
    for _ in 0..3 {
        let (header, body) = zone.next(&[], 3);
        link.submit(SealedBlock { header, body: body.into(), outbox: Vec::new() }).unwrap();
    }
    let (deadline, mut available) = (Instant::now() + DEADLINE, 0);
    while available < 3 {
        let LinkEvent::Finalized(block) = link.events().recv_deadline(deadline).unwrap() else { panic!("refused") };
        available += block.available.len();
    }
    link.stop();
    wait_until("a checkpoint", || validators[0].checkpoint().is_some());
    (cluster, validators, address)
}

#[test]
fn histograms_and_checkpoints_are_served_and_merge() {
    let (cluster, validators, address) = cluster();
    let logs = [&validators[0], &validators[1]].map(|validator| get(validator.http_address().unwrap(), "/histograms.hlog", "200"));
    let [first, second] = logs.map(|log| read_log(log.as_bytes()).unwrap());
    let mut merged = first.clone();
    merged.merge(&second);
    for stage in [Stage::Header, Stage::Total] {
        let counts = [&first, &second, &merged].map(|histograms| histograms.of(stage).len());
        // A validator may see a later block's certificate first, and then none of this one's.
        assert!(counts[0] > 0 && counts[0] <= 3 && counts[0] + counts[1] == counts[2], "{}: {counts:?}", stage.name());
    }
    for stage in Stage::ALL {
        let percentiles = get(address, &format!("/histograms/{}.hgrm", stage.name()), "200");
        let total = percentiles.lines().find_map(|line| line.split("Total count    =").nth(1)).unwrap();
        let total: u64 = total.trim_end_matches(']').trim().parse().unwrap();
        // The chain goes on between two answers.
        let later = read_log(get(address, "/histograms.hlog", "200").as_bytes()).unwrap();
        assert!((first.of(stage).len()..=later.of(stage).len()).contains(&total), "{}: {total}", stage.name());
        assert!(get(address, "/", "200").contains(stage.name()));
    }
    let digits = get(address, "/checkpoint", "200");
    let bytes: Vec<u8> = (0..Checkpoint::SIZE).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert_eq!(Checkpoint::decode(&bytes).unwrap().verify(&cluster.groups()[0].2.key()), Ok(()));
    assert_eq!(get(address, "/handovers", "200"), "");
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

#[test]
fn garbage_is_refused_and_slow_clients_hold_up_neither_others_nor_the_chain() {
    let (_cluster, validators, address) = cluster();
    for path in ["/etc/passwd", "/histograms/../checkpoint", "/histograms/.hgrm", "/checkpoint/", "*"] {
        get(address, path, "404");
    }
    for refused in [&b"POST /checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\n"[..], b"\x16\x03\x01\x00\r\n\r\n", b"GET\r\n\r\n"] {
        assert!(exchange(address, refused).starts_with("HTTP/1.1 405 "), "{refused:?}");
    }
    let endless = exchange(address, &vec![b'a'; HTTP_HEAD_SIZE_MAX]);
    assert!(endless.starts_with("HTTP/1.1 431 "), "{endless}");

    // Every place is held by somebody who does not finish its request; they are cut off, and the next one is served.
    let started = Instant::now();
    let slow: Vec<TcpStream> = (0..HTTP_CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /histograms.hlog HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    let height = validators[0].status().height;
    get(address, "/histograms.hlog", "200");
    let waited = started.elapsed();
    assert!(waited >= HTTP_TIMEOUT && waited < HTTP_TIMEOUT + Duration::from_secs(60), "{waited:?}");
    assert!(validators[0].status().height > height, "the chain goes on meanwhile");
    for mut stream in slow {
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap_or(0), 0, "cut off without an answer");
    }
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}
