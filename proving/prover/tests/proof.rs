//! One real proof of a real block, and everything near it that must not pass.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_machine::{Machine, MachineError, Metered, PROVING_MEMORY_MAX};
use plinth_proof_trading::{Failure, Input, InputError, OUTPUT_SIZE, Output, header_hash};
use plinth_proof_verifier::limits::{PROOF_SIZE_MAX, STATEMENT_SIZE};
use plinth_proof_verifier::{IMAGE_TRADING, Image, OpenVm, ProofError, Statement, Verify};
use plinth_prover::mix::{Mix, SESSIONS};
use plinth_prover::{FollowError, Follower, image_of};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use sha2::{Digest as _, Sha256};

const ELF: &[u8] = include_bytes!("../../guest/images/trading.elf");
const ELF_SHA256: &str = include_str!("../../guest/images/trading.sha256");
const ORDERS: usize = 16;

const _: () = assert!(OUTPUT_SIZE == STATEMENT_SIZE, "a guest says what a verifier reads");

fn statement(header: &ZoneHeader) -> Statement {
    Output::Executed(header_hash(header)).to_bytes()
}

/// A block behind the opening of the common workload, and what a guest is given of it.
fn block(image: Digest) -> (ZoneHeader, Vec<u8>, Vec<u8>) {
    let mut mix = Mix::new(ORDERS as u64, SESSIONS, image);
    let mut follower = Follower::new(mix.capacity());
    for block in mix.opening() {
        follower.skip(&block.header, &block.body).unwrap();
    }
    let block = mix.block(ORDERS);
    assert!(block.header.trade_count > 0, "a block without trades shows little");
    let prepared = follower.prepare(&block.header, &block.body).unwrap();
    (block.header, block.body, prepared.input)
}

#[test]
fn the_committed_images_agree_and_one_block_is_proven_and_nothing_else_is() {
    let mut machine = Machine::new(ELF, PROVING_MEMORY_MAX).unwrap();
    let image = Image::from_text(IMAGE_TRADING).unwrap();
    let sha256 = Digest(Sha256::digest(ELF).into());
    assert_eq!(ELF_SHA256, format!("{sha256}  trading.elf\n"));
    assert_eq!(image_of(&machine), image, "run `plinth-prove image`");
    let verifier = OpenVm::new(image).unwrap();
    assert_eq!(verifier.image(), image.id());

    let (header, body, input) = block(image.id());
    let said = statement(&header);
    refuses_other_inputs(&machine, &input, &body);

    let parts = machine.prove(&input, &said).unwrap();
    assert_eq!(Digest(parts.exe_commitment), image.exe_commitment, "ours and the published verifier agree");
    let proof = OpenVm::frame(&parts.segments, &parts.path);
    verifier.verify(&said, &proof).unwrap();

    for (field, other) in other_headers(&header) {
        let refused = verifier.verify(&statement(&other), &proof).unwrap_err();
        assert_eq!(refused, ProofError::OtherStatement, "{field}");
    }
    refuses_other_images(image, &said, &proof);
    refuses_other_bytes(&verifier, &said, &proof);
    assert!(matches!(machine.prove(&input, &[1; STATEMENT_SIZE]), Err(MachineError::OtherStatement { .. })));
}

/// A field's name, and what makes it another one.
type Change = (&'static str, fn(&mut ZoneHeader, Digest));

/// The header with each of its proven fields changed.
fn other_headers(header: &ZoneHeader) -> Vec<(&'static str, ZoneHeader)> {
    let other = Digest([7; 32]);
    let changes: [Change; 21] = [
        ("chain", |header, _| header.chain = ChainId::new(8)),
        ("zone", |header, _| header.zone = ZoneId::new(9)),
        ("height", |header, _| header.height = Height::new(99)),
        ("epoch", |header, _| header.epoch = ProducerEpoch::new(99)),
        ("parent", |header, other| header.parent = other),
        ("guest_image", |header, other| header.guest_image = other),
        ("policy", |header, other| header.policy = other),
        ("pre_root", |header, other| header.pre_root = other),
        ("post_root", |header, other| header.post_root = other),
        ("inbox_index", |header, _| header.inbox_index = InboxIndex::new(99)),
        ("inbox_root", |header, other| header.inbox_root = other),
        ("outbox_root", |header, other| header.outbox_root = other),
        ("outbox_totals", |header, _| {
            header.outbox_totals.push(AssetAmount { asset: AssetId::new(0), amount: Amount::new(1).unwrap() });
        }),
        ("inbox_refused", |header, _| header.inbox_refused.push(InboxIndex::new(1))),
        ("body_hash", |header, other| header.body_hash = other),
        ("body_size", |header, _| header.body_size += 1),
        ("first_seq", |header, _| header.first_seq = Seq::new(1)),
        ("last_seq", |header, _| header.last_seq = header.last_seq.next()),
        ("time", |header, _| header.time = TimestampNs::new(1)),
        ("command_count", |header, _| header.command_count += 1),
        ("trade_count", |header, _| header.trade_count += 1),
    ];
    changes.map(|(field, change)| (field, changed(header, other, change))).to_vec()
}

fn changed(header: &ZoneHeader, other: Digest, change: fn(&mut ZoneHeader, Digest)) -> ZoneHeader {
    let mut copy = header.clone();
    change(&mut copy, other);
    assert_ne!(copy, *header, "a change that changes nothing tests nothing");
    copy
}

fn refuses_other_images(image: Image, said: &Statement, proof: &[u8]) {
    let mut other = image;
    other.exe_commitment.0[3] ^= 1;
    let refused = OpenVm::new(other).unwrap().verify(said, proof).unwrap_err();
    assert_eq!(refused, ProofError::OtherImage { found: image.exe_commitment });
    assert!(OpenVm::new(Image { verifying_key: Digest::ZERO, ..image }).is_err(), "another key than the committed one");
}

fn refuses_other_bytes(verifier: &OpenVm, said: &Statement, proof: &[u8]) {
    let refused = |bytes: &[u8], what: &str| assert!(verifier.verify(said, bytes).is_err(), "{what}");
    for size in [0, 1, 2, 3, 6, 7, 1_000, proof.len() / 2, proof.len() - 32, proof.len() - 1] {
        refused(&proof[..size], &format!("cut to {size} bytes"));
    }
    refused(&[proof, &[0]].concat(), "a byte behind");
    refused(&[proof, &[0; 32]].concat(), "a digest behind");
    refused(&vec![0; PROOF_SIZE_MAX + 1], "too large");
    let mut none = proof.to_vec();
    none[1..3].fill(0);
    refused(&none, "no segment");
    // Every part of the proof is met; one bit at a time, so that an element of the field most often stays one.
    let step = proof.len() / 150;
    for at in (0..proof.len()).step_by(step).chain(0..12) {
        let mut forged = proof.to_vec();
        forged[at] ^= 1 << (at % 8);
        refused(&forged, &format!("byte {at}"));
    }
    let mut other = *said;
    other[0] = 2;
    assert_eq!(verifier.verify(&other, proof), Err(ProofError::OtherStatement), "a failure, with the same hash");
}

/// What a lying host gives ends in a failure said in public, or in another header.
fn refuses_other_inputs(machine: &Machine, input: &[u8], body: &[u8]) {
    let says = |input: &[u8]| machine.meter(input).unwrap().statement;
    let honest = says(input);
    let failed = |input: &[u8], failure: Failure| assert_eq!(says(input), Output::Failed(failure).to_bytes());
    let body_at = input.len() - body.len();
    failed(&input[..input.len() - 1], Failure::Input(InputError::Size));
    failed(&[&[9][..], &input[1..]].concat(), Failure::Input(InputError::Version));
    let with_body = |body: &[u8]| [&input[..body_at - 4], &(body.len() as u32).to_le_bytes(), body].concat();
    failed(&with_body(&[]), Failure::Empty);
    failed(&with_body(&body[..body.len() - 1]), Failure::Command);
    failed(&with_body(&[body, &body[..64]].concat()), Failure::Sequence);
    // An order less is another block, whose header is another one.
    let Metered { statement: shorter, .. } = machine.meter(&with_body(&body[..64])).unwrap();
    assert_ne!(shorter, honest);
    // A forged page or sibling is another state: the header begins at another root.
    let witness_at = body_at - 4 - witness_size(input, body);
    let mut roots = 0;
    for at in (witness_at + 8..body_at - 4).step_by((body_at - witness_at) / 24) {
        let mut forged = input.to_vec();
        forged[at] ^= 0x10;
        // A forged state can be one that no zone has, on which the engine may stop: then there is nothing to prove.
        if let Ok(metered) = machine.meter(&forged) {
            let computed = metered.statement == honest;
            assert!(!computed || input[at] == 0, "byte {at} of the witness");
            roots += u32::from(!computed);
        }
    }
    assert!(roots > 5, "{roots}");
}

fn witness_size(input: &[u8], body: &[u8]) -> usize {
    let mut copy = input.to_vec();
    let parsed = Input::read(&mut copy).unwrap();
    assert_eq!(parsed.body, body);
    parsed.witness.len()
}

#[test]
fn a_block_that_does_not_follow_is_not_prepared() {
    let mut mix = Mix::new(ORDERS as u64, SESSIONS, Digest::ZERO);
    let mut follower = Follower::new(mix.capacity());
    let opening = mix.opening();
    assert!(matches!(follower.prepare(&opening[1].header, &opening[1].body), Err(FollowError::PreRoot { .. })));
    let mut lie = opening[0].header.clone();
    lie.post_root = Digest([1; 32]);
    assert!(matches!(follower.skip(&lie, &opening[0].body), Err(FollowError::PostRoot { .. })));
}
