//! Three of four, wrong parts, handovers, and what is refused.

use super::*;
use crate::checkpoint::deal;
use crate::committee::ValidatorCount;
use commonware_actor::Feedback;
use commonware_cryptography::Signer as _;
use commonware_p2p::BlockedSubscription;
use commonware_utils::TestRng;
use commonware_utils::channel::ring;
use commonware_utils::ordered::Set;
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use std::num::{NonZeroU64, NonZeroUsize};

const CHAIN: ChainId = ChainId::new(7);
/// From here on the second group signs.
const SECOND: Height = Height::new(16);

#[derive(Clone, Default)]
struct Blocks(Vec<ed25519::PublicKey>);

impl Blocker for Blocks {
    type PublicKey = ed25519::PublicKey;

    fn block(&mut self, peer: ed25519::PublicKey) -> Feedback {
        self.0.push(peer);
        Feedback::Ok
    }

    fn blocked(&mut self) -> BlockedSubscription<ed25519::PublicKey> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        sender.send_lossy(Set::from_iter_dedup(self.0.iter().cloned()));
        receiver
    }
}

fn member(seed: u64) -> ed25519::PublicKey {
    ed25519::PrivateKey::from_seed(seed).public_key()
}

/// Of five validators the first four are the first group, the last four the second.
fn desks() -> Vec<Desk> {
    let groups = [(0, 1), (1, 2)].map(|(from, seed)| (from, deal(ValidatorCount::new(4).unwrap(), TestRng::new(seed))));
    let group = |index: u64, at: usize| {
        let (from, (polynomial, shares)) = &groups[at];
        let share = index.checked_sub(*from).and_then(|place| shares.get(place as usize)).cloned();
        let first = if at == 0 { Height::new(0) } else { SECOND };
        Group { first, polynomial: polynomial.clone(), members: (*from..from + 4).map(member).collect(), share }
    };
    let every = NonZeroU64::new(4).unwrap();
    let desk = |index| {
        let signer = Signer { groups: vec![group(index, 0), group(index, 1)], every };
        Desk::new(signer, CHAIN, Checkpoints::default())
    };
    (0..5).map(desk).collect()
}

fn statement(height: u64) -> Statement {
    let digest = Digest([height as u8; 32]);
    Statement { chain: CHAIN, epoch: 0, height: Height::new(height), block: digest, time: TimestampNs::new(height), state: digest }
}

/// What a validator sends behind a final block, and from which connection.
fn parts(desks: &mut [Desk], index: usize, height: u64) -> Vec<(ed25519::PublicKey, CheckpointPart)> {
    desks[index].sign(statement(height)).into_iter().map(|part| (member(index as u64), part)).collect()
}

fn part(desks: &mut [Desk], index: usize, height: u64) -> (ed25519::PublicKey, Vec<u8>) {
    let (peer, part) = parts(desks, index, height).swap_remove(0);
    (peer, part.to_bytes())
}

const OF_EIGHT: (Subject, Height) = (Subject::Checkpoint, Height::new(8));

#[test]
fn three_of_four_parts_make_a_checkpoint_whichever_comes_first() {
    let (mut desks, mut blocker) = (desks(), Blocks::default());
    assert!(desks[0].sign(statement(7)).is_empty(), "not a multiple of 4");
    // The others are ahead: their parts wait for this validator's own word.
    for index in [1, 2] {
        let (peer, bytes) = part(&mut desks, index, 8);
        assert_eq!(desks[0].take(&peer, &bytes).unwrap(), Some(OF_EIGHT));
        desks[0].complete(OF_EIGHT.0, OF_EIGHT.1, &mut blocker);
    }
    assert_eq!(desks[0].kept.latest(), None);
    part(&mut desks, 0, 8);
    desks[0].complete(OF_EIGHT.0, OF_EIGHT.1, &mut blocker);
    let checkpoint = desks[0].kept.at(Height::new(8)).unwrap();
    assert_eq!(checkpoint.verify(&desks[0].signer.groups[0].polynomial.key()), Ok(()));
    assert_eq!(checkpoint.statement, statement(8));
    let (peer, late) = part(&mut desks, 3, 8);
    assert_eq!(desks[0].take(&peer, &late).unwrap(), None, "there is one already");
    assert!(blocker.0.is_empty());
}

#[test]
fn a_wrong_part_blocks_its_sender_and_another_one_completes() {
    let (mut desks, mut blocker) = (desks(), Blocks::default());
    part(&mut desks, 0, 8);
    let (peer, bytes) = part(&mut desks, 1, 8);
    desks[0].take(&peer, &bytes).unwrap();
    // A part of another statement under this height.
    let share = desks[2].signer.groups[0].share.clone().unwrap();
    let (subject, height) = OF_EIGHT;
    let wrong = CheckpointPart { subject, height, partial: statement(12).sign(&share) };
    desks[0].take(&member(2), &wrong.to_bytes()).unwrap();
    desks[0].complete(subject, height, &mut blocker);
    assert_eq!((desks[0].kept.latest(), blocker.0.as_slice()), (None, [member(2)].as_slice()));
    let (peer, bytes) = part(&mut desks, 3, 8);
    desks[0].take(&peer, &bytes).unwrap();
    desks[0].complete(subject, height, &mut blocker);
    assert!(desks[0].kept.latest().is_some());
}

#[test]
fn the_first_group_signs_the_key_of_the_second_which_signs_from_its_height_on() {
    let (mut desks, mut blocker) = (desks(), Blocks::default());
    let keys = [0, 1].map(|at| desks[0].signer.groups[at].polynomial.key());
    // The second group's own word for itself.
    let (second, shares) = deal(ValidatorCount::new(4).unwrap(), TestRng::new(2));
    let own: Vec<_> = shares.iter().map(|share| Handover::sign(CHAIN, SECOND, &keys[1], share)).collect();
    let mut made = Vec::new();
    // The last one is of the second group alone, and puts the first one's handover together all the same.
    for index in [0, 1, 2] {
        for (peer, part) in parts(&mut desks, index, 8) {
            if let Some((subject, height)) = desks[4].take(&peer, &part.to_bytes()).unwrap() {
                made.extend(desks[4].complete(subject, height, &mut blocker));
            }
        }
    }
    let [handover] = made[..] else { panic!("one handover") };
    assert_eq!((handover.first, handover.verify(&keys[0])), (SECOND, Ok(keys[1])));
    // Whoever was not there takes it whole, once, and no other one.
    assert_eq!([desks[3].restore(&handover), desks[3].restore(&handover)], [Ok(true), Ok(false)]);
    let strange = [
        (Handover { chain: ChainId::new(8), ..handover }, Strange::Chain),
        (Handover { first: Height::new(15), ..handover }, Strange::First),
        (Handover { next: keys[0], ..handover }, Strange::Next),
        (
            Handover { signature: Handover::recover(CHAIN, SECOND, keys[1], &second, &own).unwrap().signature, ..handover },
            Strange::Signature,
        ),
    ];
    strange.iter().for_each(|(handover, why)| assert_eq!(desks[2].restore(handover), Err(*why)));
    // Of height 16 the first group's part is nobody's.
    let old = desks[0].signer.groups[0].share.clone().unwrap();
    let part = CheckpointPart { subject: Subject::Checkpoint, height: SECOND, partial: statement(16).sign(&old) };
    assert!(matches!(desks[4].take(&member(0), &part.to_bytes()), Err(Lie::NotItsOwn { signer: 0 })));
    for index in [1, 2, 4] {
        for (peer, part) in parts(&mut desks, index, 16) {
            let (subject, height) = (part.subject, part.height);
            if index != 4 {
                desks[4].take(&peer, &part.to_bytes()).unwrap();
            }
            desks[4].complete(subject, height, &mut blocker);
        }
    }
    let checkpoint = desks[4].kept.latest().unwrap();
    assert_eq!((checkpoint.statement.height, checkpoint.verify(&keys[1])), (SECOND, Ok(())));
    assert!(checkpoint.verify(&keys[0]).is_err() && blocker.0.is_empty());
}

#[test]
fn what_no_honest_validator_sends_is_refused_and_kept_nowhere() {
    let mut desks = desks();
    let (peer, bytes) = part(&mut desks, 1, 8);
    assert!(matches!(desks[0].take(&member(2), &bytes), Err(Lie::NotItsOwn { signer: 1 })));
    assert!(matches!(desks[0].take(&peer, &bytes[1..]), Err(Lie::Size { size: 59 })));
    let mut point = bytes.clone();
    point[20] ^= 1;
    assert!(matches!(desks[0].take(&peer, &point), Err(Lie::Malformed(_))));
    let mut subject = bytes.clone();
    subject[1] = 3;
    assert!(matches!(desks[0].take(&peer, &subject), Err(Lie::Malformed(_))));
    // A handover that nobody's configuration names.
    let share = desks[1].signer.groups[0].share.clone().unwrap();
    let partial = Handover::sign(CHAIN, Height::new(12), &desks[0].signer.groups[1].polynomial.key(), &share);
    let unknown = CheckpointPart { subject: Subject::Handover, height: Height::new(12), partial };
    assert_eq!(desks[0].take(&peer, &unknown.to_bytes()).unwrap(), None);
    for number in 1..10 * HEIGHTS_MAX as u64 {
        let at = usize::from(number * 4 >= SECOND.get());
        let share = desks[1].signer.groups[at].share.clone().unwrap();
        let part = CheckpointPart {
            subject: Subject::Checkpoint,
            height: Height::new(number * 4),
            partial: statement(number * 4).sign(&share),
        };
        desks[0].take(&peer, &part.to_bytes()).unwrap();
    }
    assert!(desks[0].open.len() <= HEIGHTS_MAX && desks[0].open.len() > 8);
}
