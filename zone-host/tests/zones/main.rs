//! Zones that settle, as real processes: validators, `plinth-zone`, and a small zone of which each may be killed at any moment.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "helpers of tests")]

mod bookkeeper;
mod world;

use bookkeeper::{Books, CLOSED_ACCOUNT, TOLD_TO_STOP};
use plinth_settlement::block::{Action, GovernedTransaction, Transaction};
use plinth_settlement::ledger::State;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, ProducerEpoch, ZoneId};
use plinth_types::quantity::Amount;
use plinth_validator::{Validator, ValidatorConfig};
use plinth_zone_protocol::{Block, Hello, Port, ProtocolError, Refusal};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use world::{ACCOUNT, CHAIN, ISSUED, Running, SOCKET, USD, VALIDATOR, World, ZONE, plinth_zone, producer};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
#[ignore = "a process of the other tests"]
fn as_validator() {
    let config = ValidatorConfig::load(&PathBuf::from(std::env::var_os(VALIDATOR).unwrap())).unwrap();
    let _validator = Validator::start(config).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "a process of the other tests"]
fn as_zone() {
    let zone = ZoneId::new(std::env::var(ZONE).unwrap().parse().unwrap());
    let socket = PathBuf::from(std::env::var_os(SOCKET).unwrap());
    std::process::exit(bookkeeper::run(socket.parent().unwrap(), zone, &socket));
}

#[test]
fn value_goes_into_a_zone_and_out_of_it_once_through_every_kill() {
    through_every_kill(World::start(), true);
}

/// The same by proofs, until the validators refuse one: then nothing leaves the zone any more, and nothing is lost.
#[test]
fn a_zone_whose_bodies_are_its_proofs_settles_what_validators_verify_and_nothing_else() {
    through_every_kill(World::proven(), false);
}

/// Half of each deposit comes back, whatever is killed on the way, and nothing comes twice. What the zone refuses goes back whole, if `refusals_settle`.
fn through_every_kill(mut world: World, refusals_settle: bool) {
    let mut host = world.host(2);
    let (mut deposited, mut units) = (0, 1_000);
    let mut round = |world: &mut World| {
        units += 2;
        deposited += units;
        world.deposit(2, ACCOUNT, units);
        ISSUED - deposited / 2
    };
    for point in ["never", "received", "journaled", "handed", "paying", "paid"] {
        let mut zone = world.zone_that_dies(2, point);
        let balance = round(&mut world);
        if point != "never" {
            assert!(!zone.wait().success());
            zone = world.zone(2);
        }
        world.wait_balance(balance);
        drop(zone);
    }
    // The host is killed: before the deposit, behind it, behind the zone's block, together with the zone.
    let mut zone = world.zone(2);
    let restarted = |world: &World, host: Running| {
        drop(host);
        world.host(2)
    };
    host = restarted(&world, host);
    let balance = round(&mut world);
    world.wait_balance(balance);
    let balance = round(&mut world);
    host = restarted(&world, host);
    world.wait_balance(balance);
    let ordered = world.wait("anything", |_| true).zone(ZoneId::new(2)).unwrap().height();
    let balance = round(&mut world);
    world.wait("the next block", |ledger| ledger.zone(ZoneId::new(2)).unwrap().height() > ordered);
    host = restarted(&world, host);
    world.wait_balance(balance);
    let balance = round(&mut world);
    drop((zone, host));
    host = world.host(2);
    zone = world.zone(2);
    world.wait_balance(balance);
    if !refusals_settle {
        return stands_still(world, balance, (host, zone));
    }
    // What the zone refuses goes back whole.
    world.deposit(2, CLOSED_ACCOUNT, 77);
    world.wait("the refused deposit", |ledger| ledger.zone(ZoneId::new(2)).unwrap().inbox().appended().get() == 11);
    let ledger = world.wait_balance(balance);
    let flow = ledger.zone(ZoneId::new(2)).unwrap().turnstile(USD);
    let kept = deposited - (ISSUED - balance);
    assert_eq!(flow.held(), Amount::new(deposited / 2).unwrap());
    assert_eq!(flow.in_flight, Amount::ZERO);
    let status = world.status(2);
    assert_eq!((status["zone"].as_u64(), status["connected"].as_bool()), (Some(2), Some(true)), "{status}");
    assert_eq!(status["assets"][0]["paid_in"].as_str(), Some(deposited.to_string().as_str()), "{status}");
    drop((zone, host));
    let books = Books::open(&world.folder(2), ZoneId::new(2));
    assert_eq!(books.balances.values().sum::<u128>(), kept);
    assert_eq!(books.inbox.get(), 11);
}

/// The validators refuse the next block.
fn stands_still(mut world: World, balance: u128, running: (Running, Running)) {
    let zone = |ledger: &State| *ledger.zone(ZoneId::new(2)).unwrap().record();
    let settled = zone(&world.wait_balance(balance)).settled.height;
    world.deposit(2, CLOSED_ACCOUNT, 77);
    let ordered = world.wait("a block that shows nothing", |ledger| ledger.zone(ZoneId::new(2)).unwrap().available() > settled);
    world.deposit(2, ACCOUNT, 500);
    let later = Height::new(ordered.height().get() + 60);
    world.wait("time to pass, and the block behind it", |ledger| {
        ledger.height() >= later && ledger.zone(ZoneId::new(2)).unwrap().available().get() > settled.get() + 1
    });
    let ledger = world.wait_balance(balance - 577);
    assert_eq!(zone(&ledger).settled.height, settled, "no block behind it settles either");
    assert_eq!(ledger.zone(ZoneId::new(2)).unwrap().turnstile(USD).in_flight, Amount::new(577).unwrap());
    drop(running);
}

/// A zone that stops holds up nobody else; callers that are wrong are told why; a producer that was replaced stops.
#[test]
fn zones_fail_alone_and_say_why() {
    let mut world = World::start();
    let (host, mut other_host) = (world.host(2), world.host(3));
    callers_that_are_wrong_are_told_why(&world);
    let mut other = world.zone(3);
    // Zone 2 has no process: what it is sent waits.
    world.deposit(2, ACCOUNT, 500);
    world.deposit(3, ACCOUNT, 1_000);
    let ledger = world.wait_balance(ISSUED - 500 - 500);
    assert_eq!(ledger.zone(ZoneId::new(2)).unwrap().turnstile(USD).in_flight, Amount::new(500).unwrap());
    let zone = world.zone(2);
    world.wait_balance(ISSUED - 250 - 500);
    // The governors give zone 3 to another key.
    let action = Action::SetProducer { zone: ZoneId::new(3), producer: producer(9).public_key() };
    world.bring(Transaction::Governed(Box::new(GovernedTransaction::sign(1, action, CHAIN, &[&world.governor].map(Clone::clone)))));
    assert_eq!(other.wait().code(), Some(TOLD_TO_STOP));
    let told = std::fs::read_to_string(world.folder(3).join("stopped")).unwrap();
    assert!(told.contains(&producer(9).public_key().to_string()), "{told}");
    assert!(!other_host.wait().success());
    world.deposit(2, ACCOUNT, 100);
    world.wait_balance(ISSUED - 300 - 500);
    drop(zone);
    files_of_another_time_are_refused(&world);
    drop(host);
}

fn hello() -> Hello {
    Hello {
        chain: CHAIN,
        zone: ZoneId::new(2),
        genesis: Digest::ZERO,
        epoch: ProducerEpoch::new(0),
        height: Height::new(0),
        body_hash: Digest::ZERO,
        settlement_height: Height::new(0),
    }
}

fn refused(world: &World, hello: Hello) -> Refusal {
    match Port::connect(&world.socket(2), &hello, PATIENCE) {
        Err(ProtocolError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn callers_that_are_wrong_are_told_why(world: &World) {
    let chain = ChainId::new(8);
    assert_eq!(refused(world, Hello { chain, ..hello() }), Refusal::OtherChain(CHAIN));
    assert_eq!(refused(world, Hello { zone: ZoneId::new(3), ..hello() }), Refusal::OtherZone(ZoneId::new(2)));
    let other = refused(world, Hello { genesis: Digest([1; 32]), ..hello() });
    assert!(matches!(other, Refusal::OtherGenesis(_)), "{other}");
    // Garbage gets an answer, the first half of a frame none, and neither ends the host.
    let mut stream = UnixStream::connect(world.socket(2)).unwrap();
    stream.write_all(&[0xff; 64]).unwrap();
    let mut answer = Vec::new();
    // The kernel may say that what the host did not read is lost, behind the answer.
    let _reset = stream.read_to_end(&mut answer).is_err();
    assert!(String::from_utf8_lossy(&answer).contains("a frame of 4294967295 bytes"), "{answer:?}");
    UnixStream::connect(world.socket(2)).unwrap().write_all(&[9, 0, 0]).unwrap();
    // One zone process at a time.
    let mut port = Port::connect(&world.socket(2), &hello(), PATIENCE).unwrap();
    assert_eq!(refused(world, hello()), Refusal::Busy);
    // A block that no validator would take ends the connection with its reason, not the zone.
    port.outgoing.block(wrong_block()).unwrap();
    let ended = loop {
        match port.incoming.receive() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended.to_string(), "block 1: the header's body_hash is not the body's");
    let output = plinth_zone().arg("--config").arg(world.config(2)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("in use by another host"), "{said}");
}

fn wrong_block() -> Block {
    let bytes = include_str!("../../../zone-protocol/tests/golden/zone_message.hex");
    let line = bytes.lines().find_map(|line| line.strip_prefix("block ")).unwrap();
    let bytes: Vec<u8> =
        line.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    // Behind the version and the tag.
    let mut block = Block::decode(&bytes[2..]).unwrap();
    (block.header.zone, block.header.height) = (ZoneId::new(2), Height::new(1));
    block
}

fn files_of_another_time_are_refused(world: &World) {
    // The host may take a moment to see that the zone is gone.
    let refused = std::iter::repeat_with(|| refused(world, hello())).find(|refusal| *refusal != Refusal::Busy).unwrap();
    assert!(matches!(refused, Refusal::FilesBehind { ordered, last } if ordered > last), "{refused}");
}
