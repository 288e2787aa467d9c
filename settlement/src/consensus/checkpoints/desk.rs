//! The signatures under way. No I/O, no clock.

use super::{CheckpointPart, Checkpoints, Group, HEIGHTS_MAX, Signer, Subject};
use crate::checkpoint::{Handover, Partial, RecoverError, Statement};
use commonware_cryptography::ed25519;
use commonware_p2p::Blocker;
use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::id::{ChainId, Height};
use std::collections::BTreeMap;
use tracing::{debug, info, warn};

/// What no honest validator sends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lie {
    #[error("{size} bytes, a part has {}", CheckpointPart::SIZE)]
    Size { size: usize },
    #[error("{0}")]
    Malformed(DecodeError),
    #[error("a part of member {signer}, who is another")]
    NotItsOwn { signer: usize },
}

/// The heights under way, and the handovers.
pub(super) struct Desk {
    signer: Signer,
    chain: ChainId,
    kept: Checkpoints,
    open: BTreeMap<Height, Open>,
    /// By the height from which the next group signs; no parts are kept once it is whole.
    handovers: BTreeMap<Height, Transfer>,
    /// The last height that has its checkpoint.
    done: Height,
}

#[derive(Default)]
struct Transfer {
    parts: BTreeMap<usize, Partial>,
    whole: bool,
}

#[derive(Default)]
struct Open {
    statement: Option<Statement>,
    parts: BTreeMap<usize, Partial>,
}

impl Desk {
    pub(super) fn new(signer: Signer, chain: ChainId, kept: Checkpoints) -> Self {
        let handovers = signer.groups.iter().skip(1).map(|group| (group.first, Transfer::default())).collect();
        Self { signer, chain, kept, open: BTreeMap::new(), handovers, done: Height::new(0) }
    }

    /// This validator's parts behind a final block, if the block's turn it is: of its checkpoint, and of each handover that is to come. The
    /// latter are said again each time, because whoever joins does so late.
    pub(super) fn sign(&mut self, statement: Statement) -> Vec<CheckpointPart> {
        let height = statement.height;
        if height.get() % self.signer.every != 0 {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let open = self.open.entry(height).or_default();
        open.statement = Some(statement);
        if let Some(share) = group_of(&self.signer.groups, height).and_then(|group| group.share.as_ref()) {
            let partial = statement.sign(share);
            open.parts.insert(partial.signer(), partial.clone());
            parts.push(CheckpointPart { subject: Subject::Checkpoint, height, partial });
        }
        for (&first, transfer) in self.handovers.range_mut(height.next()..) {
            let pair = self.signer.groups.windows(2).find(|pair| pair[1].first == first);
            if let Some([Group { share: Some(share), .. }, next]) = pair {
                let partial = Handover::sign(self.chain, first, &next.polynomial.key(), share);
                if !transfer.whole {
                    transfer.parts.insert(partial.signer(), partial.clone());
                }
                parts.push(CheckpointPart { subject: Subject::Handover, height: first, partial });
            }
        }
        while self.open.len() > HEIGHTS_MAX {
            self.open.pop_first();
        }
        parts
    }

    /// What a part that was taken is of. The length is checked before the point is.
    pub(super) fn take(&mut self, peer: &ed25519::PublicKey, bytes: &[u8]) -> Result<Option<(Subject, Height)>, Lie> {
        if bytes.len() != CheckpointPart::SIZE {
            return Err(Lie::Size { size: bytes.len() });
        }
        let CheckpointPart { subject, height, partial } = CheckpointPart::decode(bytes).map_err(Lie::Malformed)?;
        let signer = partial.signer();
        let group = match subject {
            Subject::Checkpoint => group_of(&self.signer.groups, height),
            // The group before the one that is to sign from there on.
            Subject::Handover => height.get().checked_sub(1).and_then(|last| group_of(&self.signer.groups, Height::new(last))),
        };
        if group.is_none_or(|group| group.members.get(signer) != Some(peer)) {
            return Err(Lie::NotItsOwn { signer });
        }
        let taken = match subject {
            Subject::Checkpoint if self.is_in_window(height) => {
                self.open.entry(height).or_default().parts.insert(signer, partial);
                Some((subject, height))
            }
            Subject::Handover => self.handovers.get_mut(&height).filter(|transfer| !transfer.whole).map(|transfer| {
                transfer.parts.insert(signer, partial);
                (subject, height)
            }),
            Subject::Checkpoint => None,
        };
        Ok(taken)
    }

    fn is_in_window(&self, height: Height) -> bool {
        let every = self.signer.every.get();
        let distance_max = every.saturating_mul(HEIGHTS_MAX as u64 / 2 - 1);
        let newest = self.open.iter().rev().find(|(_, open)| open.statement.is_some()).map_or(self.done, |(height, _)| *height);
        height > self.done && height.get().is_multiple_of(every) && height.get().abs_diff(newest.get()) <= distance_max
    }

    /// Makes the signature if there are parts enough, and names those who sent wrong ones.
    pub(super) fn complete(
        &mut self,
        subject: Subject,
        height: Height,
        blocker: &mut impl Blocker<PublicKey = ed25519::PublicKey>,
    ) {
        let wrong = match subject {
            Subject::Checkpoint => self.complete_checkpoint(height),
            Subject::Handover => self.complete_handover(height),
        };
        for peer in wrong {
            warn!(%peer, %height, ?subject, "blocking a validator: its part is wrong");
            let _feedback = blocker.block(peer);
        }
    }

    /// Says whose parts were wrong; they are dropped.
    fn complete_checkpoint(&mut self, height: Height) -> Vec<ed25519::PublicKey> {
        let (Some(open), Some(group)) = (self.open.get_mut(&height), group_of(&self.signer.groups, height)) else {
            return Vec::new();
        };
        let Some(statement) = open.statement else { return Vec::new() };
        match recover(group, &mut open.parts, |parts| statement.recover(&group.polynomial, parts)) {
            Ok(Some(checkpoint)) => {
                debug!(%height, "checkpoint");
                self.kept.keep(checkpoint);
                self.done = height;
                self.open = self.open.split_off(&height.next());
                Vec::new()
            }
            Ok(None) => Vec::new(),
            Err(wrong) => wrong,
        }
    }

    fn complete_handover(&mut self, first: Height) -> Vec<ed25519::PublicKey> {
        let pair = self.signer.groups.windows(2).find(|pair| pair[1].first == first);
        let (Some(transfer), Some([old, next])) = (self.handovers.get_mut(&first), pair) else { return Vec::new() };
        if transfer.whole {
            return Vec::new();
        }
        let next = next.polynomial.key();
        match recover(old, &mut transfer.parts, |parts| Handover::recover(self.chain, first, next, &old.polynomial, parts)) {
            Ok(Some(handover)) => {
                info!(%first, "the group of checkpoints hands over");
                self.kept.keep_handover(handover);
                (transfer.whole, transfer.parts) = (true, BTreeMap::new());
                Vec::new()
            }
            Ok(None) => Vec::new(),
            Err(wrong) => wrong,
        }
    }
}

/// The group whose checkpoint of this height counts.
fn group_of(groups: &[Group], height: Height) -> Option<&Group> {
    groups.iter().rev().find(|group| group.first <= height)
}

/// The whole signature, `None` if parts are missing; or whose parts were wrong, which are dropped.
fn recover<T>(
    group: &Group,
    parts: &mut BTreeMap<usize, Partial>,
    recover: impl FnOnce(&[Partial]) -> Result<T, RecoverError>,
) -> Result<Option<T>, Vec<ed25519::PublicKey>> {
    if parts.len() < group.polynomial.required() {
        return Ok(None);
    }
    match recover(&parts.values().cloned().collect::<Vec<_>>()) {
        Ok(whole) => Ok(Some(whole)),
        Err(RecoverError::TooFew { .. }) => Ok(None),
        Err(RecoverError::Invalid { signers }) => {
            parts.retain(|place, _| !signers.contains(place));
            Err(signers.iter().filter_map(|signer| group.members.get(*signer)).cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests {
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
        Statement {
            chain: CHAIN,
            epoch: 0,
            height: Height::new(height),
            block: digest,
            time: TimestampNs::new(height),
            state: digest,
        }
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
        // The last one is of the second group alone, and puts the first one's handover together all the same.
        for index in [0, 1, 2] {
            for (peer, part) in parts(&mut desks, index, 8) {
                if let Some((subject, height)) = desks[4].take(&peer, &part.to_bytes()).unwrap() {
                    desks[4].complete(subject, height, &mut blocker);
                }
            }
        }
        let [handover] = desks[4].kept.handovers()[..] else { panic!("one handover") };
        assert_eq!((handover.first, handover.verify(&keys[0])), (SECOND, Ok(keys[1])));
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
}
