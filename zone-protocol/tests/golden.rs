//! The bytes of every message.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plinth_golden::Fixtures;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, Seq, TimestampNs, ZoneId};
use plinth_types::limits::{BODY_SIZE_MAX, HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, OutboxMessage, Party};
use plinth_zone_protocol::limits::{FRAME_SIZE_MAX, NEWS_BLOCKS_MAX, NEWS_INBOX_MAX, NEWS_ORDERED_MAX, REASON_SIZE_MAX};
use plinth_zone_protocol::{
    AssetFlow, Block, BlockRef, Bytes, Completion, Finalized, Hello, HostMessage, HostStatus, List, Reason, Refusal, Welcome,
    ZoneMessage,
};

const CHAIN: ChainId = ChainId::new(7);
const ZONE: ZoneId = ZoneId::new(3);

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

fn header() -> ZoneHeader {
    ZoneHeader {
        chain: CHAIN,
        zone: ZONE,
        height: Height::new(2),
        epoch: ProducerEpoch::new(1),
        parent: Digest::ZERO,
        guest_image: Digest::ZERO,
        policy: digest(1),
        pre_root: digest(2),
        post_root: digest(3),
        inbox_index: InboxIndex::new(4),
        inbox_root: digest(5),
        outbox_root: digest(6),
        outbox_totals: vec![AssetAmount { asset: AssetId::new(0), amount: amount(7) }],
        inbox_refused: vec![InboxIndex::new(3)],
        exit_root: digest(8),
        body_hash: digest(9),
        body_size: 3,
        body_key: Digest::ZERO,
        shard_root: Digest::ZERO,
        first_seq: Seq::new(11),
        last_seq: Seq::new(12),
        time: TimestampNs::new(13),
        command_count: 2,
        trade_count: 0,
    }
}

fn sent(channel_seq: u64) -> OutboxMessage {
    OutboxMessage {
        channel_seq,
        to: Party { zone: ZoneId::BASE, address: Address([15; 32]) },
        asset: AssetId::new(0),
        amount: amount(7),
        sender: Address([16; 32]),
        expires_at: TimestampNs::new(17),
    }
}

fn received(index: u64) -> InboxMessage {
    InboxMessage {
        zone: ZONE,
        index: InboxIndex::new(index),
        id: digest(18),
        from: Party { zone: ZoneId::BASE, address: Address([19; 32]) },
        channel_seq: 20,
        kind: InboxKind::Transfer,
        asset: AssetId::new(0),
        amount: amount(21),
        account: Address([22; 32]),
    }
}

fn block() -> Block {
    Block { header: header(), body: Bytes(vec![1, 2, 3]), outbox: vec![sent(14)].into() }
}

const fn known(height: u64) -> BlockRef {
    BlockRef { height: Height::new(height), id: Digest([23; 32]), body_hash: Digest([24; 32]) }
}

const fn completion(parent: u8) -> Completion {
    Completion {
        epoch: ProducerEpoch::new(2),
        guest_image: Digest([36; 32]),
        parent: Digest([parent; 32]),
        body_key: Digest([37; 32]),
        shard_root: Digest([38; 32]),
    }
}

fn news() -> Finalized {
    Finalized {
        height: Height::new(25),
        time: TimestampNs::new(26),
        id: digest(27),
        ordered: vec![known(5), known(6)].into(),
        completions: vec![completion(34), completion(35)].into(),
        available: vec![known(4)].into(),
        settled: vec![known(3)].into(),
        rejected: List::default(),
        inbox: vec![received(28)].into(),
        frozen: true,
        epoch: ProducerEpoch::new(2),
    }
}

fn status() -> HostStatus {
    HostStatus {
        chain: CHAIN,
        zone: ZONE,
        key: PublicKey([29; 32]),
        producer: PublicKey([30; 32]),
        epoch: ProducerEpoch::new(2),
        frozen: false,
        validators_connected: 4,
        settlement_height: Height::new(31),
        settlement_time: TimestampNs::new(32),
        connected: true,
        welcomed_count: 2,
        refused: Reason::new("the host is of zone 2"),
        executed: Height::new(9),
        ordered: Height::new(8),
        available: Height::new(7),
        settled: Height::new(6),
        waiting_count: 1,
        told: Height::new(31),
        processed: Height::new(30),
        inbox_appended: InboxIndex::new(5),
        inbox_consumed: InboxIndex::new(4),
        assets: vec![AssetFlow {
            asset: AssetId::new(0),
            in_flight: amount(1),
            paid_in: amount(2),
            leaving: amount(3),
            paid_out: amount(4),
        }]
        .into(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        chain: CHAIN,
        zone: ZONE,
        genesis: digest(33),
        genesis_time: TimestampNs::new(34),
        producer: PublicKey([30; 32]),
        epoch: ProducerEpoch::new(1),
        guest_image: Digest::ZERO,
        request_blocks: 16,
        settlement_height: Height::new(31),
        settlement_time: TimestampNs::new(32),
        ordered: Height::new(8),
        available: Height::new(7),
        settled: Height::new(6),
        inbox_consumed: InboxIndex::new(4),
        inbox_appended: InboxIndex::new(5),
        frozen: false,
    }
}

#[test]
fn what_a_zone_says_has_these_bytes() {
    let hello = Hello {
        chain: CHAIN,
        zone: ZONE,
        genesis: digest(33),
        epoch: ProducerEpoch::new(0),
        height: Height::new(9),
        body_hash: digest(24),
        settlement_height: Height::new(30),
    };
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).values(
        "zone_message",
        &[
            ("hello", ZoneMessage::Hello(hello)),
            ("block", ZoneMessage::Block(Box::new(block()))),
            ("processed", ZoneMessage::Processed(Height::new(25))),
            ("status", ZoneMessage::Status),
        ],
    );
}

#[test]
fn what_a_host_says_has_these_bytes() {
    let refusals = [
        ("other_chain", Refusal::OtherChain(CHAIN)),
        ("other_zone", Refusal::OtherZone(ZONE)),
        ("other_genesis", Refusal::OtherGenesis(digest(33))),
        ("busy", Refusal::Busy),
        ("not_producer", Refusal::NotProducer { producer: PublicKey([30; 32]), epoch: ProducerEpoch::new(2) }),
        ("files_behind", Refusal::FilesBehind { ordered: Height::new(8), last: Height::new(7) }),
        ("other_history", Refusal::OtherHistory { height: Height::new(8), body_hash: digest(24) }),
        ("block", Refusal::Block { height: Height::new(9), reason: Reason::new("no") }),
        ("malformed", Refusal::Malformed(Reason::new("no"))),
        ("stopping", Refusal::Stopping),
        ("behind", Refusal::Behind { settlement_height: Height::new(29) }),
    ];
    let refusals = refusals.map(|(name, refusal)| (name, HostMessage::Refused(refusal)));
    let others = [
        ("welcome", HostMessage::Welcome(Box::new(welcome()))),
        ("finalized", HostMessage::Finalized(Box::new(news()))),
        ("block_refused", HostMessage::BlockRefused { height: Height::new(9), reason: Reason::new("no") }),
        ("status", HostMessage::Status(Box::new(status()))),
    ];
    let all: Vec<_> = refusals.into_iter().chain(others).collect();
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).values("host_message", &all);
}

#[test]
fn the_largest_block_and_the_most_news_fit_a_frame() {
    let most = |count: usize| (0..count as u16).map(AssetId::new);
    let totals = most(HEADER_ASSETS_MAX).map(|asset| AssetAmount { asset, amount: amount(1) });
    let header = ZoneHeader {
        outbox_totals: totals.collect(),
        inbox_refused: (0..HEADER_REFUSED_MAX as u64).map(InboxIndex::new).collect(),
        ..header()
    };
    let outbox = (1..=OUTBOX_MESSAGES_MAX as u64).map(sent).collect::<Vec<_>>().into();
    let largest = Block { header, body: Bytes(vec![0; BODY_SIZE_MAX]), outbox };
    assert!(ZoneMessage::Block(Box::new(largest)).to_bytes().len() <= FRAME_SIZE_MAX);
    let blocks: List<_, NEWS_BLOCKS_MAX> = vec![known(1); NEWS_BLOCKS_MAX].into();
    let completions = vec![completion(1); NEWS_ORDERED_MAX].into();
    let most = Finalized { rejected: blocks, completions, inbox: vec![received(1); NEWS_INBOX_MAX].into(), ..news() };
    assert!(HostMessage::Finalized(Box::new(most)).to_bytes().len() <= FRAME_SIZE_MAX);
}

#[test]
fn a_completion_makes_the_header_that_was_signed_of_the_one_that_was_handed_over() {
    let Completion { epoch, guest_image, parent, body_key, shard_root } = completion(34);
    let signed = ZoneHeader { epoch, guest_image, parent, body_key, shard_root, ..header() };
    assert_eq!(Completion::of(&signed), completion(34));
    assert_eq!(completion(34).complete(header()), signed);
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let long = "é".repeat(REASON_SIZE_MAX);
    let cut = Reason::new(format!("a{long}"));
    assert_eq!(cut.to_string().len(), REASON_SIZE_MAX - 1);
    assert_eq!(Reason::decode(&cut.to_bytes()), Ok(cut));
}
