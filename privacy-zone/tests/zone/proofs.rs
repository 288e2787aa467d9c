//! The program that validators ask: what it takes for a block of the pool, and what not.

use crate::HISTORY;
use crate::world::*;
use plinth_privacy_zone::block::{Body, under};
use plinth_privacy_zone::proof::{Refused, answer, image, verify};
use plinth_privacy_zone::zone::Zone;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Every block of the history, as settlement would order it.
fn blocks() -> Vec<(ZoneHeader, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blocks.journal");
    std::fs::write(&path, &*HISTORY).unwrap();
    let zone = Zone::open(genesis(), &path).unwrap();
    let block = |height| under(zone.archive().block(Height::new(height)).unwrap(), ProducerEpoch::new(3), image());
    (1..=zone.state().height.get()).map(block).map(|block| (block.header, block.body.0)).collect()
}

fn refused(header: &ZoneHeader, body: &[u8]) -> String {
    verify(|| &VERIFIER, header, body).unwrap_err().to_string()
}

/// The header with another body's hash and size.
fn of_body(header: &ZoneHeader, body: &[u8]) -> ZoneHeader {
    ZoneHeader { body_hash: Digest(Sha256::digest(body).into()), body_size: body.len() as u32, ..header.clone() }
}

fn request(header: &ZoneHeader, body: &[u8]) -> Vec<u8> {
    let head = header.to_bytes();
    [&[1][..], &(head.len() as u32).to_le_bytes(), &head, body].concat()
}

#[test]
fn every_block_is_shown_by_its_body_and_no_other() {
    let blocks = blocks();
    for (at, (header, body)) in blocks.iter().enumerate() {
        verify(|| &VERIFIER, header, body).unwrap();
        let other = &blocks[(at + 1) % blocks.len()].1;
        assert!(matches!(verify(|| &VERIFIER, header, other), Err(Refused::OtherBody)));
        let claimed = of_body(header, other);
        assert!(verify(|| &VERIFIER, &claimed, other).is_err(), "block {}", at + 1);
    }
    // Blocks of messages and directives have no proofs, and need no key.
    for (header, body) in &blocks[..3] {
        verify(|| panic!("no key is needed"), header, body).unwrap();
    }
}

#[test]
fn a_header_that_lies_in_any_field_is_refused_and_the_field_is_named() {
    type Lie = (&'static str, fn(&mut ZoneHeader));
    let lies: [Lie; 15] = [
        ("chain", |header| header.chain = ChainId::new(8)),
        ("zone", |header| header.zone = ZoneId::new(5)),
        ("height", |header| header.height = header.height.next()),
        ("policy", |header| header.policy.0[0] ^= 1),
        ("inbox_index", |header| header.inbox_index = header.inbox_index.next()),
        ("inbox_root", |header| header.inbox_root.0[31] ^= 1),
        ("outbox_root", |header| header.outbox_root.0[0] ^= 1),
        ("outbox_totals", |header| {
            header.outbox_totals = vec![AssetAmount { asset: CASH, amount: Amount::new(121).unwrap() }];
        }),
        ("inbox_refused", |header| header.inbox_refused.push(InboxIndex::new(9))),
        ("exit_root", |header| header.exit_root.0[0] ^= 1),
        ("first_seq", |header| header.first_seq = Seq::new(1)),
        ("last_seq", |header| header.last_seq = Seq::new(9)),
        ("time", |header| header.time = TimestampNs::new(header.time.get() + 1)),
        ("command_count", |header| header.command_count += 1),
        ("trade_count", |header| header.trade_count = 1),
    ];
    // Credits and returns a deposit; pays 120 out.
    for at in [2, 4] {
        let (header, body) = &blocks()[at];
        for (field, lie) in lies {
            let mut lying = header.clone();
            lie(&mut lying);
            assert_eq!(refused(&lying, body), format!("the header's {field} is not what its body gives"));
        }
        let other_guest = ZoneHeader { guest_image: Digest([9; 32]), ..header.clone() };
        assert!(matches!(verify(|| &VERIFIER, &other_guest, body), Err(Refused::Guest(_))));
        let mut root = header.clone();
        root.post_root.0[0] ^= 1;
        assert!(refused(&root, body).contains("leads to state"));
        let mut root = header.clone();
        root.pre_root.0[0] ^= 1;
        assert!(refused(&root, body).contains("the witness is of state"));
        // These are settlement's.
        let dispersed =
            ZoneHeader { parent: Digest([1; 32]), body_key: Digest([2; 32]), shard_root: Digest([3; 32]), ..header.clone() };
        verify(|| &VERIFIER, &dispersed, body).unwrap();
    }
}

/// A producer that makes up a history begins with a pool that is not empty, or changes a state without saying so.
#[test]
fn a_first_block_begins_with_the_empty_pool() {
    let (header, body) = blocks().swap_remove(0);
    let mut body = Body::decode(&body).unwrap();
    body.witness.state.paid_out = 1;
    let bytes = body.to_bytes();
    let mut made_up = of_body(&header, &bytes);
    made_up.pre_root = body.witness.state.root();
    assert!(matches!(verify(|| &VERIFIER, &made_up, &bytes), Err(Refused::Beginning { .. })));
    // With a policy that names that state, the policy is not the pool's.
    made_up.policy = made_up.pre_root;
    let mut after = body.witness.state.clone();
    let registered = body.block.directives[0].directive;
    let plinth_privacy::pool::directive::Directive::Registry(root) = registered else { panic!("{registered:?}") };
    (after.height, after.time, after.directives) = (body.block.height, body.block.time, 1);
    after.registries = vec![root];
    made_up.post_root = after.root();
    assert_eq!(refused(&made_up, &bytes), "the header's policy is not what its body gives");
}

#[test]
fn a_transaction_without_a_good_proof_is_refused_whatever_the_header_says() {
    let (header, body) = blocks().swap_remove(4);
    let whole = Body::decode(&body).unwrap();
    let proof = whole.block.transactions[0].to_bytes();
    let at = body.windows(proof.len()).position(|window| window == proof).unwrap() + proof.len();
    let mut broken = body.clone();
    // In the proof, which ends the transaction but for signatures.
    broken[at - 400] ^= 1;
    let said = refused(&of_body(&header, &broken), &broken);
    assert!(said.contains("proof") || said.starts_with("the body: "), "{said}");
    // The same nullifiers twice.
    let mut twice = whole.clone();
    twice.block.transactions.push(whole.block.transactions[0].clone());
    let bytes = twice.to_bytes();
    assert!(refused(&of_body(&header, &bytes), &bytes).starts_with("transaction 1: "));
}

#[test]
fn no_bytes_are_believed_or_end_it() {
    let blocks = blocks();
    let (header, body) = &blocks[2];
    let whole = request(header, body);
    let asked = |request: &[u8]| Digest(Sha256::digest(request).into());
    assert_eq!(answer(|| &VERIFIER, &whole), format!("valid {}\n", asked(&whole)));
    let refuses = |request: &[u8]| {
        let said = answer(|| &VERIFIER, request);
        assert!(said.starts_with(&format!("refused {} ", asked(request))) && said.lines().count() == 1, "{said}");
    };
    for size in (0..whole.len()).step_by(37) {
        refuses(&whole[..size]);
    }
    refuses(&[&whole[..], &[0]].concat());
    let free = header_fields_of_settlement(header);
    for at in (0..whole.len()).step_by(3) {
        let mut other = whole.clone();
        other[at] ^= 0x10;
        let is_free = free.iter().any(|range| range.contains(&at));
        if !is_free {
            refuses(&other);
        }
        // A body that says what its header's hash says, and is changed: what the rules make of it is compared all the same.
        if at > 5 + header.to_bytes().len() {
            let changed = &other[5 + header.to_bytes().len()..];
            assert!(verify(|| &VERIFIER, &of_body(header, changed), changed).is_err(), "byte {at}");
        }
    }
}

/// Where a request holds what the body does not decide.
fn header_fields_of_settlement(header: &ZoneHeader) -> Vec<std::ops::Range<usize>> {
    let plain = request(header, &[]);
    let differs = |change: fn(&mut ZoneHeader)| {
        let mut other = header.clone();
        change(&mut other);
        let other = request(&other, &[]);
        let first = plain.iter().zip(&other).position(|(a, b)| a != b).unwrap();
        let last = plain.iter().zip(&other).rposition(|(a, b)| a != b).unwrap();
        first..last + 1
    };
    vec![
        differs(|header| header.epoch = ProducerEpoch::new(!header.epoch.get())),
        differs(|header| header.parent.0.iter_mut().for_each(|byte| *byte ^= 0xff)),
        differs(|header| header.body_key.0.iter_mut().for_each(|byte| *byte ^= 0xff)),
        differs(|header| header.shard_root.0.iter_mut().for_each(|byte| *byte ^= 0xff)),
    ]
}

#[test]
fn the_program_answers_as_validators_ask() {
    let program = || Command::new(env!("CARGO_BIN_EXE_plinth-privacy-verify"));
    let images = program().arg("--images").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&images.stdout), format!("{}\n", image()));
    let (header, body) = blocks().swap_remove(4);
    let mut lying = header.clone();
    lying.trade_count = 7;
    for (header, word) in [(header, "valid"), (lying, "refused")] {
        let request = request(&header, &body);
        let mut child =
            program().args(["--memory-mb", "1024", "--cpu-s", "20"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&request).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.starts_with(&format!("{word} {}", Digest(Sha256::digest(&request).into()))),
            "{said}"
        );
    }
}
