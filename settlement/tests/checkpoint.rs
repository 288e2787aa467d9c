//! Checkpoints: pinned bytes, what a light client accepts, and what it does not.

#![allow(clippy::unwrap_used, reason = "tests")]

use commonware_utils::TestRng;
use plinth_golden::Fixtures;
use plinth_settlement::checkpoint::{
    Checkpoint, GroupKey, Handover, Keys, Partial, Polynomial, RecoverError, Share, Statement, WalkError, deal,
};
use plinth_settlement::committee::ValidatorCount;
use plinth_settlement::consensus::checkpoints::{CheckpointPart, Subject};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, TimestampNs};

const CHAIN: ChainId = ChainId::new(7);

fn group(seed: u64, count: usize) -> (Polynomial, Vec<Share>) {
    deal(ValidatorCount::new(count).unwrap(), TestRng::new(seed))
}

fn statement(height: u64) -> Statement {
    Statement {
        chain: CHAIN,
        epoch: 3,
        height: Height::new(height),
        block: Digest([1; 32]),
        time: TimestampNs::new(5_000),
        state: Digest([2; 32]),
    }
}

fn partials(statement: &Statement, shares: &[Share], signers: &[usize]) -> Vec<Partial> {
    signers.iter().map(|signer| statement.sign(&shares[*signer])).collect()
}

#[test]
fn formats_are_pinned() {
    let ((polynomial, shares), (next, _)) = (group(1, 4), group(2, 4));
    let checkpoint = statement(9).recover(&polynomial, &partials(&statement(9), &shares, &[0, 1, 2])).unwrap();
    let signed: Vec<_> = shares.iter().map(|share| Handover::sign(CHAIN, Height::new(64), &next.key(), share)).collect();
    let handover = Handover::recover(CHAIN, Height::new(64), next.key(), &polynomial, &signed).unwrap();
    let fixtures = Fixtures::of(env!("CARGO_MANIFEST_DIR"));
    fixtures.bytes("checkpoint_group_key", &polynomial.key().to_bytes());
    fixtures.bytes("checkpoint_polynomial", &polynomial.to_bytes());
    fixtures.bytes("checkpoint_statement", &statement(9).to_bytes());
    fixtures.bytes("checkpoint", &checkpoint.to_bytes());
    fixtures.bytes("checkpoint_partial", &statement(9).sign(&shares[3]).to_bytes());
    for (name, subject) in [("checkpoint_part", Subject::Checkpoint), ("checkpoint_part_handover", Subject::Handover)] {
        let part = CheckpointPart { subject, height: Height::new(9), partial: statement(9).sign(&shares[3]) };
        fixtures.bytes(name, &part.to_bytes());
        assert_eq!((CheckpointPart::decode(&part.to_bytes()), part.to_bytes().len()), (Ok(part), CheckpointPart::SIZE));
    }
    fixtures.bytes("checkpoint_handover", &handover.to_bytes());
    assert_eq!((checkpoint.to_bytes().len(), handover.to_bytes().len()), (Checkpoint::SIZE, Handover::SIZE));
    assert_eq!(Checkpoint::decode(&checkpoint.to_bytes()), Ok(checkpoint));
    assert_eq!(Handover::decode(&handover.to_bytes()), Ok(handover));
    assert_eq!(Polynomial::from_text(&polynomial.to_text()).unwrap(), polynomial);
    assert_eq!(GroupKey::from_text(&polynomial.key().to_text()).unwrap(), polynomial.key());
    let share = Share::from_text(&shares[2].expose_text()).unwrap();
    assert!(share.signer() == 2 && polynomial.holds(&share) && !next.holds(&share));
    assert!(!format!("{share:?}").contains(&share.expose_text()[10..20]), "the debug form shows no secret");
}

#[test]
fn any_quorum_makes_the_same_signature_and_one_fewer_makes_none() {
    for count in [4, 7, 10] {
        let (polynomial, shares) = group(count as u64, count);
        assert!(polynomial.fits(ValidatorCount::new(count).unwrap()) && polynomial.total() == count);
        let required = polynomial.required();
        let first: Vec<usize> = (0..required).collect();
        let last: Vec<usize> = (count - required..count).rev().collect();
        let made = |signers: &[usize]| statement(9).recover(&polynomial, &partials(&statement(9), &shares, signers));
        let checkpoint = made(&first).unwrap();
        assert_eq!(made(&last).unwrap(), checkpoint);
        assert_eq!(checkpoint.verify(&polynomial.key()), Ok(()));
        let too_few = RecoverError::TooFew { count: required - 1, count_min: required };
        assert_eq!(made(&first[1..]), Err(too_few.clone()));
        let twice: Vec<usize> = first[1..].iter().chain(&first[1..]).copied().collect();
        assert_eq!(made(&twice), Err(too_few), "one validator counts once");
    }
}

#[test]
fn a_wrong_part_names_its_signer() {
    let (polynomial, shares) = group(1, 4);
    let mut parts = partials(&statement(9), &shares, &[0, 1, 2, 3]);
    parts[2] = statement(10).sign(&shares[2]);
    let wrong = statement(9).recover(&polynomial, &parts).unwrap_err();
    assert_eq!(wrong, RecoverError::Invalid { signers: vec![2] });
    // A place outside the committee is as wrong.
    let mut bytes = parts[0].to_bytes();
    bytes[0] = 9;
    parts[2] = Partial::decode(&bytes).unwrap();
    assert_eq!(statement(9).recover(&polynomial, &parts).unwrap_err(), RecoverError::Invalid { signers: vec![9] });
}

#[test]
fn a_changed_bit_is_refused() {
    let ((polynomial, shares), (other, _)) = (group(1, 4), group(2, 4));
    let checkpoint = statement(9).recover(&polynomial, &partials(&statement(9), &shares, &[1, 2, 3])).unwrap();
    assert!(checkpoint.verify(&other.key()).is_err(), "another group's key");
    let bytes = checkpoint.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let accepted = Checkpoint::decode(&changed).is_ok_and(|changed| changed.verify(&polynomial.key()).is_ok());
        assert!(!accepted, "bit {bit}");
    }
    assert!(Checkpoint::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(Checkpoint::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_light_client_walks_from_key_to_key() {
    let groups: Vec<_> = (1..=3).map(|seed| group(seed, 4)).collect();
    let mut key = groups[0].0.key();
    let mut keys = Keys::new(CHAIN, key);
    for (pair, first) in groups.windows(2).zip([100, 200]) {
        let ((old, shares), next) = (&pair[0], pair[1].0.key());
        let first = Height::new(first);
        let parts: Vec<_> = shares[1..].iter().map(|share| Handover::sign(CHAIN, first, &next, share)).collect();
        let handover = Handover::recover(CHAIN, first, next, old, &parts).unwrap();
        assert!(handover.verify(&next).is_err(), "the new group cannot install itself");
        assert!(Handover { first: Height::new(1), ..handover }.verify(&key).is_err());
        key = handover.verify(&key).unwrap();
        assert!(matches!(keys.take(&Handover { chain: ChainId::new(9), ..handover }), Err(WalkError::Chain { .. })));
        keys.take(&handover).unwrap();
        assert!(matches!(keys.take(&handover), Err(WalkError::Order { .. })), "no second group at one height");
    }
    assert_eq!(key, groups[2].0.key());
    // Each group's word counts from its height on and before the next one's.
    for (at, (polynomial, shares)) in groups.iter().enumerate() {
        for (signs, height) in [99, 100, 199, 200].into_iter().enumerate() {
            let statement = statement(height);
            let checkpoint = statement.recover(polynomial, &partials(&statement, shares, &[0, 1, 2])).unwrap();
            assert_eq!(keys.verify(&checkpoint).is_ok(), [0, 1, 1, 2][signs] == at, "group {at} at {height}");
        }
    }
}
