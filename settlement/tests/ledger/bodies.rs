//! What a reader sees of a body without executing it: one test per disagreement.

use super::world::*;
use plinth_settlement::block::Transaction;
use plinth_settlement::body::{Before, BodyError, check_body, inbox_root};
use plinth_settlement::digest::sha256;
use plinth_settlement::ledger::{Inbox, State};
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{InboxIndex, Seq, TimestampNs};
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX, COMMAND_HEAD_SIZE};
use plinth_types::message::InboxMessage;

/// A zone with two messages in its inbox, and the producer's next body that consumes both.
struct Scene {
    state: State,
    producer: Producer,
    messages: Vec<InboxMessage>,
}

impl Scene {
    fn new() -> Self {
        let mut state = state();
        let mut producer = Producer::new(TRADING);
        let first = order(producer.next(&state, 2));
        let deposits = [deposit(0, 1, TRADING, BTC, 5), deposit(0, 2, TRADING, USD, 6)].map(Transaction::Deposit);
        advance(&mut state, [vec![first], deposits.to_vec()].concat());
        let messages = state.zone(TRADING).unwrap().inbox().pending().copied().collect();
        Self { state, producer, messages }
    }

    fn inbox(&self) -> &Inbox {
        self.state.zone(TRADING).unwrap().inbox()
    }

    fn header(&self) -> (ZoneHeader, Vec<u8>) {
        self.producer.header(&self.messages, 3)
    }

    fn check(&self, header: &ZoneHeader, body: &[u8]) -> Result<(), BodyError> {
        check_body(header, body, self.producer.before, self.inbox())
    }

    /// Writes the header's commitments to this body anew, as a producer would who means it.
    fn commit(&self, header: &mut ZoneHeader, body: &[u8]) {
        header.body_hash = sha256(&[body]);
        header.body_size = body.len() as u32;
    }

    /// The error for a body whose head at `record` was changed, everything else committed to honestly.
    fn changed(&self, record: usize, change: impl FnOnce(&mut Command)) -> BodyError {
        let (mut header, mut body) = self.header();
        let at = self.offset(record);
        let mut command = Command::from_head(body[at..at + COMMAND_HEAD_SIZE].try_into().unwrap()).unwrap();
        change(&mut command);
        body[at..at + COMMAND_HEAD_SIZE].copy_from_slice(&command.head());
        self.commit(&mut header, &body);
        self.check(&header, &body).unwrap_err()
    }

    fn offset(&self, record: usize) -> usize {
        let (_, body) = self.header();
        let sizes = plinth_types::block::BodyReader::new(&body).map(|next| next.unwrap().0.size());
        sizes.take(record).sum()
    }
}

#[test]
fn an_honest_body_agrees_with_its_header() {
    let scene = Scene::new();
    let (header, body) = scene.header();
    assert!(scene.check(&header, &body).is_ok());
    assert_eq!(Before::behind(&header).inbox, InboxIndex::new(2));
}

/// The producer runs ahead of consensus: the parent's header is signed and not ordered, and the check goes on from what it says.
#[test]
fn a_body_is_checked_on_top_of_a_header_that_is_not_ordered_yet() {
    let mut scene = Scene::new();
    let (first, _) = scene.producer.header(&scene.messages[..1], 1);
    scene.producer.follow(&first);
    let (second, body) = scene.producer.header(&scene.messages[1..], 1);
    assert!(scene.check(&second, &body).is_ok());
    // And an index that no inbox ever reaches, in a parent that a peer made up, is refused and not counted on.
    let wild = Before { inbox: InboxIndex::new(u64::MAX), ..scene.producer.before };
    let refused = check_body(&second, &body, wild, scene.inbox()).unwrap_err();
    assert!(matches!(refused, BodyError::InboxOrder { .. }), "{refused}");
}

#[test]
fn a_body_of_another_size_or_hash() {
    let scene = Scene::new();
    let (header, body) = scene.header();
    let size = body.len();
    assert!(matches!(scene.check(&header, &body[1..]), Err(BodyError::Size { .. })));
    assert!(matches!(scene.check(&header, &vec![0; BODY_SIZE_MAX + 1]), Err(BodyError::TooLarge { .. })));
    for at in 0..size {
        let mut flipped = body.clone();
        flipped[at] ^= 0x40;
        assert!(matches!(scene.check(&header, &flipped), Err(BodyError::Hash { .. })), "byte {at}");
    }
    let greedy = ZoneHeader { command_count: BODY_COMMANDS_MAX as u32 + 1, ..header };
    assert!(matches!(scene.check(&greedy, &body), Err(BodyError::TooManyCommands { .. })));
}

/// Whatever byte is wrong: if the producer commits to it, the validator either refuses or the bytes are another canonical body.
#[test]
fn no_byte_of_a_body_makes_the_check_panic() {
    let scene = Scene::new();
    let (header, body) = scene.header();
    for at in 0..body.len() {
        for mask in [0x01, 0x80, 0xff] {
            let (mut header, mut bent) = (header.clone(), body.clone());
            bent[at] ^= mask;
            header.body_hash = sha256(&[&bent]);
            if let Ok(()) = scene.check(&header, &bent) {
                let message = [0, 1]
                    .into_iter()
                    .any(|record| (scene.offset(record) + COMMAND_HEAD_SIZE..scene.offset(record + 1)).contains(&at));
                assert!(!message, "byte {at}: a message was changed and signed for");
            }
        }
    }
    for size in 0..body.len() {
        let mut header = header.clone();
        scene.commit(&mut header, &body[..size]);
        assert!(scene.check(&header, &body[..size]).is_err(), "cut to {size} bytes");
    }
}

#[test]
fn a_command_or_a_tail_that_no_encoder_wrote() {
    let scene = Scene::new();
    let (mut header, mut body) = scene.header();
    let at = scene.offset(2);
    body[at + 60] = 1;
    scene.commit(&mut header, &body);
    assert!(matches!(scene.check(&header, &body), Err(BodyError::Command { index: 2, .. })));
    let (mut header, mut body) = scene.header();
    // The client order id says that it is longer than its tail.
    body[at + COMMAND_HEAD_SIZE + 8] = 36;
    scene.commit(&mut header, &body);
    assert!(matches!(scene.check(&header, &body), Err(BodyError::Tail { seq, .. }) if seq == Seq::new(5)));
    assert!(matches!(scene.changed(2, |command| command.body = Body::Configure), BodyError::Tail { .. }));
}

#[test]
fn a_note_in_a_body() {
    let refused = Scene::new().changed(3, |command| command.body = Body::Note);
    assert!(matches!(refused, BodyError::Note { seq } if seq == Seq::new(6)));
}

#[test]
fn records_that_do_not_ascend_or_times_that_fall() {
    let scene = Scene::new();
    for seq in [0, 2] {
        let refused = scene.changed(0, |command| command.seq = Seq::new(seq));
        assert!(matches!(refused, BodyError::SeqOrder { before, .. } if before == Seq::new(2)), "{refused}");
    }
    assert!(matches!(scene.changed(3, |command| command.seq = Seq::new(5)), BodyError::SeqOrder { .. }));
    assert!(matches!(scene.changed(3, |command| command.time = TimestampNs::new(49)), BodyError::TimeOrder { .. }));
    assert!(matches!(scene.changed(0, |command| command.time = TimestampNs::new(19)), BodyError::TimeOrder { .. }));
}

/// Notes are sequenced and left out, so numbers may be missing inside; the ends must be the header's.
#[test]
fn records_other_than_the_headers() {
    let scene = Scene::new();
    let refused = scene.changed(4, |command| command.seq = Seq::new(9));
    assert!(matches!(refused, BodyError::SeqRange { last, .. } if last == Seq::new(9)), "{refused}");
    assert!(matches!(scene.changed(4, |command| command.time = TimestampNs::new(71)), BodyError::Time { .. }));
    let (header, body) = scene.header();
    let first = ZoneHeader { first_seq: Seq::new(4), ..header.clone() };
    assert!(matches!(scene.check(&first, &body), Err(BodyError::SeqRange { .. })));
    let count = ZoneHeader { command_count: 4, ..header.clone() };
    assert!(matches!(scene.check(&count, &body), Err(BodyError::CommandCount { count: 5, count_claimed: 4 })));
    let mut empty = ZoneHeader { command_count: 0, ..header };
    scene.commit(&mut empty, &[]);
    assert!(matches!(scene.check(&empty, &[]), Err(BodyError::CommandCount { count: 0, .. })));
    // A number left out by a note is fine.
    let (mut header, _) = scene.header();
    header.last_seq = Seq::new(9);
    let mut gap = scene.producer.body(&scene.messages, 3);
    let at = scene.offset(4);
    gap[at..at + 8].copy_from_slice(&9_u64.to_le_bytes());
    scene.commit(&mut header, &gap);
    assert!(scene.check(&header, &gap).is_ok());
}

#[test]
fn messages_skipped_repeated_made_up_or_changed() {
    let scene = Scene::new();
    let (one, two) = (scene.messages[0], scene.messages[1]);
    let try_messages = |messages: &[InboxMessage]| {
        let (header, body) = scene.producer.header(messages, 1);
        scene.check(&header, &body).unwrap_err()
    };
    let expected = InboxIndex::new(1);
    assert!(matches!(try_messages(&[two]), BodyError::InboxOrder { expected: e, .. } if e == expected));
    assert!(matches!(try_messages(&[two, one]), BodyError::InboxOrder { expected: e, .. } if e == expected));
    assert!(matches!(try_messages(&[one, one]), BodyError::InboxOrder { .. }));
    let three = InboxMessage { index: InboxIndex::new(3), ..two };
    assert!(matches!(try_messages(&[one, two, three]), BodyError::InboxUnknown { index, .. } if index == three.index));
    for changed in [
        InboxMessage { amount: amount(500), ..one },
        InboxMessage { account: plinth_types::transfer::Address([9; 32]), ..one },
        InboxMessage { id: Digest::ZERO, ..one },
        InboxMessage { zone: PRIVACY, ..one },
    ] {
        assert!(matches!(try_messages(&[changed]), BodyError::InboxMessage { .. }), "{changed:?}");
    }
    // What a later header consumed is forgotten.
    let mut later = Scene::new();
    let header = later.producer.clone().next(&later.state, 1);
    advance(&mut later.state, vec![order(header)]);
    let (header, body) = later.header();
    assert!(matches!(later.check(&header, &body), Err(BodyError::InboxUnknown { .. })));
}

#[test]
fn a_header_that_claims_other_messages_than_its_body_consumes() {
    let scene = Scene::new();
    let (header, body) = scene.header();
    let index = ZoneHeader { inbox_index: InboxIndex::new(1), ..header.clone() };
    assert!(matches!(scene.check(&index, &body), Err(BodyError::InboxIndex { .. })));
    let root = ZoneHeader { inbox_root: inbox_root(&scene.messages[..1]), ..header };
    assert!(matches!(scene.check(&root, &body), Err(BodyError::InboxRoot { .. })));
    assert_eq!(inbox_root([]), Digest::ZERO);
    let bytes: Vec<u8> = scene.messages.iter().flat_map(Codec::to_bytes).collect();
    assert_eq!(inbox_root(&scene.messages), sha256(&[b"plinth/inbox-range/1", &bytes]));
}

#[test]
fn the_largest_body_is_checked() {
    let scene = Scene::new();
    // Full of heads of order commands with the shortest tail there is.
    let record = COMMAND_HEAD_SIZE + 8 + 1 + 6 + 1;
    let count = BODY_SIZE_MAX / record;
    let (mut header, body) = scene.producer.header(&[], count as u64);
    assert!(body.len() <= BODY_SIZE_MAX && body.len() + record > BODY_SIZE_MAX);
    assert!(scene.check(&header, &body).is_ok());
    header.body_size -= 1;
    assert!(scene.check(&header, &body).is_err());
}
