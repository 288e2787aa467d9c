//! Joined to settlement: the host's end of the real socket, the zone's real link, producer and journal.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world may panic")]

mod support;

use plinth_evm::chain::Finality;
use plinth_evm::ethereum::{Address, U256};
use plinth_evm::limits::BLOCKS_AHEAD_MAX;
use plinth_evm::node::Node;
use plinth_evm::settle::Standing;
use plinth_evm::settle::link::{self, LinkError};
use plinth_evm::settle::position::PositionFile;
use plinth_evm::wallet::Wallet;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, InboxIndex, ZoneId};
use plinth_types::message::InboxMessage;
use plinth_zone_protocol::host::{FromZone, Handed, Listener, ToZone, Wish};
use plinth_zone_protocol::message::{Block, BlockRef, Finalized, Hello, Refusal, Welcome};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{FEES, ZONE, balance, chain, deposit, supply, withdraw};

const GENESIS: Digest = Digest([0x6E; 32]);

/// A zone's process: producer and link on threads of their own.
struct Process {
    node: Arc<Node>,
    producer: std::thread::JoinHandle<()>,
    link: std::thread::JoinHandle<Result<(), LinkError>>,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let node = Node::settling(chain(Some(&folder.join("blocks.journal")), 2), FEES, Duration::ZERO).unwrap();
        let (producing, linking) = (Arc::clone(&node), Arc::clone(&node));
        let (socket, file) = (folder.join("host"), PositionFile::at(folder.join("settlement.position")));
        Self {
            node,
            producer: std::thread::spawn(move || producing.produce().unwrap()),
            link: std::thread::spawn(move || link::run(&linking, &socket, &file)),
        }
    }

    /// Ends it; the host has hung up.
    fn stop(self) -> Result<(), LinkError> {
        self.node.stop();
        self.producer.join().unwrap();
        self.link.join().unwrap()
    }
}

fn welcome(hello: &Hello, settled: u64) -> Welcome {
    Welcome {
        chain: hello.chain,
        zone: hello.zone,
        genesis: GENESIS,
        genesis_time: Default::default(),
        producer: Default::default(),
        epoch: Default::default(),
        guest_image: Digest::ZERO,
        request_blocks: 64,
        settlement_height: hello.settlement_height,
        settlement_time: Default::default(),
        ordered: Height::new(settled),
        available: Height::new(settled),
        settled: Height::new(settled),
        inbox_consumed: InboxIndex::new(0),
        inbox_appended: InboxIndex::new(0),
        frozen: false,
    }
}

fn accept(listener: &Listener, settled: u64) -> (Hello, FromZone, ToZone) {
    let mut caller = listener.accept().unwrap();
    let Wish::Zone(hello) = caller.wish().unwrap() else { panic!("a zone calls") };
    let (from, to) = caller.welcome(welcome(&hello, settled)).unwrap();
    (hello, from, to)
}

fn news(height: u64, inbox: Vec<InboxMessage>) -> Finalized {
    Finalized { height: Height::new(height), inbox: inbox.into(), ..Finalized::default() }
}

fn of(block: &Block) -> Vec<BlockRef> {
    vec![BlockRef { height: block.header.height, id: Digest::ZERO, body_hash: block.header.body_hash }]
}

/// The next block; acknowledgements on the way are noted.
fn next_block(from: &mut FromZone, processed: &mut Height) -> Block {
    loop {
        match from.receive().unwrap() {
            Handed::Block(block) => return *block,
            Handed::Processed(height) => {
                assert!(height > *processed);
                *processed = height;
            }
        }
    }
}

fn until_processed(from: &mut FromZone, height: u64) {
    loop {
        match from.receive().unwrap() {
            Handed::Processed(processed) if processed == Height::new(height) => return,
            Handed::Processed(processed) => assert!(processed < Height::new(height)),
            Handed::Block(block) => panic!("block {} is not expected", block.header.height),
        }
    }
}

fn account(number: u64) -> Address {
    Wallet::numbered(number).address()
}

#[test]
fn deposits_come_in_withdrawals_go_out_and_a_restart_neither_loses_nor_repeats_one() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::bind(&folder.path().join("host")).unwrap();
    let process = Process::start(folder.path());
    let (hello, mut from, mut to) = accept(&listener, 0);
    assert_eq!((hello.chain, hello.zone, hello.height), (ChainId::new(7), ZONE, Height::new(0)));
    let mut processed = Height::new(0);
    to.finalized(news(1, vec![])).unwrap();
    to.finalized(news(2, vec![deposit(1, 0, 500, account(0)), deposit(2, 999, 1, account(0))])).unwrap();
    let first = next_block(&mut from, &mut processed);
    assert_eq!(first.header.inbox_index, InboxIndex::new(2));
    assert_eq!(first.header.inbox_refused, [InboxIndex::new(2)]);
    assert_eq!(process.node.chain().finality(), Some(Finality { safe: 0, finalized: 0 }));
    process.node.submit(withdraw(0, 0, 0, 40, ZoneId::BASE, 9)).unwrap();
    let second = next_block(&mut from, &mut processed);
    assert_eq!(second.outbox.len(), 1);
    assert_eq!(second.header.pre_root, first.header.post_root);

    // Rejected, it comes again, the same, with what stands on it.
    to.finalized(Finalized { ordered: of(&first).into(), ..news(3, vec![]) }).unwrap();
    to.finalized(Finalized { rejected: of(&first).into(), ..news(4, vec![]) }).unwrap();
    assert_eq!(next_block(&mut from, &mut processed), first);
    assert_eq!(next_block(&mut from, &mut processed), second);
    to.finalized(Finalized { available: of(&second).into(), settled: of(&first).into(), ..news(5, vec![]) }).unwrap();
    // News without a message are acknowledged by themselves.
    if processed < Height::new(5) {
        until_processed(&mut from, 5);
    }
    to.finalized(news(6, vec![deposit(3, 1, 70, account(1))])).unwrap();
    let third = next_block(&mut from, &mut processed);
    assert_eq!(process.node.chain().finality(), Some(Finality { safe: 2, finalized: 1 }));
    // Gone before it acknowledges, or after: the position on disk may be of either.
    process.node.stop();
    to.refuse(Refusal::Stopping);
    drop(from);
    process.stop().unwrap();

    let process = Process::start(folder.path());
    let (hello, mut from, mut to) = accept(&listener, 1);
    assert_eq!((hello.genesis, hello.height, hello.body_hash), (GENESIS, Height::new(3), third.header.body_hash));
    let told = hello.settlement_height.get();
    assert!((5..=6).contains(&told), "{told}");
    let mut processed = hello.settlement_height;
    assert_eq!(next_block(&mut from, &mut processed), second);
    assert_eq!(next_block(&mut from, &mut processed), third);
    if told == 5 {
        to.finalized(news(6, vec![deposit(3, 1, 70, account(1))])).unwrap();
    }
    to.finalized(news(7, vec![deposit(4, 1, 5, account(1))])).unwrap();
    let fourth = next_block(&mut from, &mut processed);
    assert_eq!((fourth.header.height, fourth.header.inbox_index), (Height::new(4), InboxIndex::new(4)));
    {
        let chain = process.node.chain();
        assert_eq!(balance(&chain, 0, account(0)), U256::from(460));
        assert_eq!(balance(&chain, 1, account(1)), U256::from(75));
        assert_eq!((supply(&chain, 0), supply(&chain, 1)), (U256::from(460), U256::from(75)));
    }
    to.refuse(Refusal::OtherGenesis(GENESIS));
    drop(from);
    assert!(matches!(process.stop(), Err(LinkError::Refused(Refusal::OtherGenesis(_)))));
}

#[test]
fn news_with_a_gap_or_of_another_block_end_the_zone() {
    for wrong in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&folder.path().join("host")).unwrap();
        let process = Process::start(folder.path());
        let (_, mut from, mut to) = accept(&listener, 0);
        to.finalized(news(1, vec![deposit(1, 0, 5, account(0))])).unwrap();
        let first = next_block(&mut from, &mut Height::new(0));
        if wrong == 0 {
            to.finalized(news(2, vec![deposit(3, 0, 5, account(0))])).unwrap();
        } else {
            let mut other = of(&first);
            other[0].body_hash.0[0] ^= 1;
            to.finalized(Finalized { settled: other.into(), ..news(2, vec![]) }).unwrap();
        }
        let ended = process.stop().unwrap_err();
        assert!(matches!((wrong, ended), (0, LinkError::Standing(_)) | (1, LinkError::OtherBlock { .. })));
    }
}

#[test]
fn the_producer_waits_for_settlement_and_a_frozen_zone_makes_no_block() {
    let hello = Hello {
        chain: ChainId::new(7),
        zone: ZONE,
        genesis: GENESIS,
        epoch: Default::default(),
        height: Height::new(0),
        body_hash: Digest::ZERO,
        settlement_height: Height::new(0),
    };
    let mut standing = Standing::default();
    assert!(!standing.may_build(), "not before the host was there");
    standing.welcome(&Welcome { request_blocks: 0, ..welcome(&hello, 0) }, Height::new(0)).unwrap();
    let mut built = 0;
    while standing.may_build() {
        built += 1;
        standing.executed(Height::new(built), InboxIndex::new(0));
    }
    assert_eq!(built, BLOCKS_AHEAD_MAX);
    let block = |height| vec![BlockRef { height: Height::new(height), id: Digest::ZERO, body_hash: Digest::ZERO }];
    standing.news(&Finalized { ordered: block(100).into(), ..news(1, vec![]) }).unwrap();
    assert!(standing.may_build());
    assert!(standing.news(&Finalized { ordered: block(500).into(), ..news(2, vec![]) }).is_err(), "never executed here");
    standing.welcome(&Welcome { request_blocks: 20, ..welcome(&hello, 118) }, Height::new(2)).unwrap();
    assert!(!standing.may_build(), "ten blocks are half of what a request waits");
    standing.news(&Finalized { ordered: block(119).into(), ..news(3, vec![]) }).unwrap();
    assert!(standing.may_build());
    standing.news(&Finalized { frozen: true, ..news(4, vec![]) }).unwrap();
    assert!(!standing.may_build());
}

#[test]
fn nothing_is_processed_before_its_message_is_consumed() {
    let hello = Hello {
        settlement_height: Height::new(10),
        ..Hello {
            chain: ChainId::new(7),
            zone: ZONE,
            genesis: GENESIS,
            epoch: Default::default(),
            height: Height::new(0),
            body_hash: Digest::ZERO,
            settlement_height: Height::new(0),
        }
    };
    let mut standing = Standing::default();
    standing.welcome(&welcome(&hello, 0), Height::new(10)).unwrap();
    assert_eq!(standing.processed(), Height::new(10));
    standing.news(&news(11, vec![])).unwrap();
    standing.news(&news(12, vec![deposit(1, 0, 1, FEES), deposit(2, 0, 1, FEES)])).unwrap();
    standing.news(&news(13, vec![deposit(3, 0, 1, FEES)])).unwrap();
    assert_eq!(standing.processed(), Height::new(11));
    standing.executed(Height::new(1), InboxIndex::new(1));
    assert_eq!(standing.processed(), Height::new(11), "half of block 12 is not block 12");
    standing.executed(Height::new(2), InboxIndex::new(2));
    assert_eq!(standing.processed(), Height::new(12));
    // Told again after a reconnection: known by their index.
    standing.welcome(&welcome(&hello, 0), Height::new(11)).unwrap();
    standing.news(&news(12, vec![deposit(1, 0, 1, FEES), deposit(2, 0, 1, FEES)])).unwrap();
    assert_eq!(standing.next_messages().iter().map(|message| message.index.get()).collect::<Vec<_>>(), [3]);
}
