//! The replica: replays, prefixes, snapshots and blocks give the same state, whatever happened in between.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::{Ask, IDENTITY, Market, capacity, submit, wait_durable, zone_config};
use plinth_matching::engine::Engine;
use plinth_matching::journal::Reader;
use plinth_matching::journal::limits::BATCH_HEADER_SIZE;
use plinth_matching::replica::{
    BlockLog, Origin, Producer, ReplicaError, SealedBlock, ZoneConfig, recover, recover_from_snapshot, snapshot,
};
use plinth_matching::state::root_of;
use plinth_types::block::BodyReader;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::id::{AccountId, AssetId, Height, InboxIndex, MandateId, Seq, SessionId, Signature, TimestampNs, ZoneId};
use plinth_types::limits::{HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, OutboxMessage, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};
use std::fs::OpenOptions;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;

/// FNV-1a over the debug text of a thousand commands' events: independent of the engine's own encodings.
#[derive(Default)]
struct EventHash {
    hash: u64,
    count: u64,
    hashes: Vec<u64>,
}

impl EventHash {
    fn take(&mut self, command: &Command, events: &[Event]) {
        for byte in format!("{command:?}{events:?}").bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.count += 1;
        if self.count.is_multiple_of(1_000) {
            self.hashes.push(self.hash);
        }
    }
}

/// Runs a market of `count` commands through a zone and cuts blocks as it goes; the live events' hash, the blocks, the root.
fn live(config: &ZoneConfig, seed: u64, count: usize) -> (EventHash, Vec<SealedBlock>, Digest) {
    let recovered = recover(config, TimestampNs::new(1), |_, _, _| ()).unwrap();
    let (mut fused, mut producer) = recovered.start(&config.journal).unwrap();
    let mut hash = EventHash::default();
    let mut blocks = Vec::new();
    for (now, ask) in Market::new(seed).take(count).enumerate() {
        // Ten microseconds apart: a hundred commands of a block's interval.
        let now = now as u64 * 10_000;
        submit(&mut fused, now, &ask, |command, _, events| hash.take(command, events));
        while let Some(block) = producer.poll(fused.durable_seq(), TimestampNs::new(now)).unwrap() {
            blocks.push(block);
        }
    }
    let last = fused.last_seq();
    wait_durable(fused.journal(), last);
    while let Some(block) = producer.poll(last, TimestampNs::new(0)).unwrap() {
        blocks.push(block);
    }
    let root = producer.root_now();
    let engine = fused.shutdown(|command, _, events| hash.take(command, events)).unwrap();
    assert_eq!(root_of(&engine), root, "replica and core agree");
    (hash, blocks, root)
}

fn catch_up(producer: &mut Producer, last: Seq) -> Vec<SealedBlock> {
    std::iter::from_fn(|| producer.poll(last, TimestampNs::new(0)).unwrap()).collect()
}

#[test]
fn two_replays_and_the_live_run_say_the_same_events_and_end_in_the_same_root() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    let (live_hash, live_blocks, root) = live(&config, 1, 20_000);
    assert_eq!(live_hash.hashes.len(), 20);
    for _ in 0..2 {
        let mut hash = EventHash::default();
        let mut recovered = recover(&config, TimestampNs::new(1), |command, _, events| hash.take(command, events)).unwrap();
        assert_eq!((hash.hashes, recovered.last_seq().get()), (live_hash.hashes.clone(), 20_000));
        assert_eq!(recovered.producer.height().get(), live_blocks.len() as u64);
        catch_up(&mut recovered.producer, Seq::new(20_000));
        assert_eq!((root_of(&recovered.engine), recovered.producer.root_now()), (root, root));
    }
}

#[test]
fn a_block_is_its_commands_and_its_roots() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    let (_, blocks, _) = live(&config, 2, 12_000);
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    // A validator's view: nothing but headers and bodies.
    let mut engine = Engine::new(capacity(), ());
    let mut root = root_of(&engine);
    let mut last = Seq::new(0);
    for (SealedBlock { header, body, outbox }, height) in blocks.iter().zip(1..) {
        assert!(outbox.is_empty() && header.outbox_root == Digest::ZERO, "nobody withdraws here");
        assert_eq!((header.height.get(), header.pre_root), (height, root));
        assert!(header.first_seq > last && header.command_count as usize <= config.block.commands_max);
        let mut events = Vec::new();
        let commands = BodyReader::new(body).map(Result::unwrap).collect::<Vec<_>>();
        for (command, tail) in &commands {
            assert_ne!(command.body, Body::Note);
            engine.apply(command, tail, &mut events);
        }
        let trades = events.iter().filter(|event| matches!(event, Event::Traded { .. })).count();
        root = root_of(&engine);
        last = header.last_seq;
        let (first, end) = (commands.first().unwrap().0, commands.last().unwrap().0);
        assert_eq!((first.seq, end.seq, end.time), (header.first_seq, header.last_seq, header.time));
        assert_eq!((commands.len() as u32, trades as u32), (header.command_count, header.trade_count));
        assert_eq!((root, engine.inbox_index()), (header.post_root, header.inbox_index));
        let consumes = commands.iter().any(|(command, _)| command.body == Body::Inbox);
        assert_eq!(header.inbox_root != Digest::ZERO, consumes, "block {height}");
        assert_eq!(body.len(), header.body_size as usize);
    }
    let trades = blocks.iter().map(|block| block.header.trade_count).sum::<u32>();
    assert!(trades > 1_000, "{trades} trades");
}

#[test]
fn a_restart_cuts_the_same_blocks_and_hands_any_of_them_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    let (_, mut blocks, _) = live(&config, 3, 9_000);
    for _ in 0..3 {
        // Other bounds from now on: what was cut stays cut.
        let mut config = config.clone();
        config.block.commands_max = 300;
        let mut recovered = recover(&config, TimestampNs::new(1), |_, _, _| ()).unwrap();
        let again = (1..=blocks.len() as u64).map(|height| recovered.producer.block(Height::new(height)).unwrap());
        assert_eq!(again.collect::<Vec<_>>(), blocks);
        let middle = Height::new(blocks.len() as u64 / 2);
        assert_eq!(recovered.producer.block(middle).unwrap(), blocks[middle.get() as usize - 1], "also out of order");
        assert!(matches!(recovered.producer.block(Height::new(0)), Err(ReplicaError::NoBlock { .. })));
        let (mut fused, mut producer) = recovered.start(&config.journal).unwrap();
        for ask in Market::new(4).skip(40).take(2_000) {
            submit(&mut fused, u64::MAX / 2, &ask, |_, _, _| ());
        }
        let last = fused.last_seq();
        wait_durable(fused.journal(), last);
        blocks.extend(catch_up(&mut producer, last));
        blocks.extend(producer.flush().unwrap());
        assert!(blocks.last().unwrap().header.command_count <= 300);
        assert_eq!(producer.flush().unwrap(), None);
    }
}

#[test]
fn a_kill_after_any_record_leaves_a_zone_that_goes_on() {
    const COUNT: u64 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    config.journal.batch_size_max = 4_096;
    let (_, blocks, _) = live(&config, 5, COUNT as usize);
    // Where a kill can leave the journal: behind any batch, inside the next one. Batches start at multiples of 512.
    let segment = config.journal.path.join("00000001.segment");
    let original = std::fs::read(&segment).unwrap();
    let batches = (4_096..original.len()).step_by(512).filter(|&at| original[at..].starts_with(b"PLBT"));
    let cuts = batches.map(|at| (at, u64::from_le_bytes(original[at + 8..at + 16].try_into().unwrap()) - 1)).collect::<Vec<_>>();
    let step = cuts.len().div_ceil(100);
    let cuts = cuts.into_iter().step_by(step).collect::<Vec<_>>();
    assert!(cuts.len() > 10, "{} cuts", cuts.len());
    // The model: the same commands, one by one, in a bare engine.
    let mut engine = Engine::new(capacity(), ());
    let mut roots = vec![(0, root_of(&engine))];
    let mut reader = Reader::open(&config.journal.path, Seq::new(1)).unwrap();
    while let Some((command, tail)) = reader.next(Seq::new(COUNT)).unwrap() {
        engine.apply(&command, tail, &mut ());
        if cuts.iter().any(|(_, last)| *last == command.seq.get()) {
            roots.push((command.seq.get(), root_of(&engine)));
        }
    }
    let log = config.path.join("blocks.log");
    let log_bytes = std::fs::read(&log).unwrap();
    for (at, last) in cuts {
        let mut bytes = original.clone();
        // Nothing of the batch but its header: it may hold a single record.
        bytes[at + BATCH_HEADER_SIZE..].fill(0);
        std::fs::write(&segment, &bytes).unwrap();
        // The producer sees only what is durable, so the log never says more than the journal.
        let kept = blocks.iter().take_while(|block| block.header.last_seq.get() <= last).count();
        std::fs::write(&log, &log_bytes[..log_size(&log_bytes, kept)]).unwrap();
        let mut count = 0;
        let recovered = recover(&config, TimestampNs::new(1), |_, _, _| count += 1);
        let mut recovered = recovered.unwrap_or_else(|error| panic!("cut behind record {last}: {error}"));
        assert_eq!((recovered.last_seq().get(), recovered.producer.height().get(), count), (last, kept as u64, last));
        catch_up(&mut recovered.producer, Seq::new(last));
        let (_, root) = *roots.iter().find(|(seq, _)| *seq == last).unwrap();
        assert_eq!((recovered.producer.root_now(), root_of(&recovered.engine)), (root, root), "cut behind record {last}");
    }
}

/// Bytes of a block log with `count` entries, read off its bytes.
fn log_size(bytes: &[u8], count: usize) -> usize {
    (0..count).fold(28, |at, _| at + 16 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize)
}

#[test]
fn a_snapshot_and_the_rest_give_what_the_whole_gives_and_a_tampered_one_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    config.snapshot_every = NonZeroU64::new(5);
    let (_, _, root) = live(&config, 6, 15_000);
    let snapshots = snapshot::list(&config.path.join("snapshots")).unwrap();
    assert_eq!(snapshots.len(), 2, "older ones are removed");
    let recover_root = || {
        let mut recovered = recover_from_snapshot(&config, TimestampNs::new(1)).unwrap();
        catch_up(&mut recovered.producer, Seq::new(15_000));
        assert_eq!((root_of(&recovered.engine), recovered.producer.root_now()), (root, root));
        assert_eq!(recovered.last_time, TimestampNs::new(14_999 * 10_000));
        (recovered.origin, recovered.snapshots_skipped.len())
    };
    let from = |index: usize| Origin::Snapshot { height: snapshots[index].0, path: snapshots[index].1.clone() };
    assert_eq!(recover_root(), (from(1), 0));
    // A flipped bit is caught by the checksum; a page exchanged for another valid one, checksum made right, by the root.
    flip(&snapshots[1].1, 700);
    assert_eq!(recover_root(), (from(0), 1));
    flip(&snapshots[1].1, 700);
    let intact = std::fs::read(&snapshots[1].1).unwrap();
    let mut richer = intact.clone();
    let body = richer.len() - 4;
    let balance = find_balance_page(&richer);
    richer[balance] ^= 2;
    let crc = crc32c::crc32c(&richer[..body]);
    richer[body..].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&snapshots[1].1, richer).unwrap();
    assert_eq!(recover_root(), (from(0), 1));
    std::fs::write(&snapshots[1].1, &intact[..intact.len() / 2]).unwrap();
    flip(&snapshots[0].1, 5_000);
    assert_eq!(recover_root(), (Origin::FirstRecord, 2));
}

/// The first byte of the first page of balances (region 4).
fn find_balance_page(snapshot: &[u8]) -> usize {
    (108..snapshot.len()).step_by(6 + 512).find(|&at| snapshot[at] == 4).unwrap() + 6
}

fn flip(path: &std::path::Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_damaged_block_log_is_refused_with_the_height_and_a_torn_entry_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    let (_, blocks, _) = live(&config, 7, 3_000);
    let log = config.path.join("blocks.log");
    let original = std::fs::read(&log).unwrap();
    let recover_height = || BlockLog::open(&log, IDENTITY).map(|log| log.height());
    for height in 1..blocks.len() {
        for at in log_size(&original, height - 1)..log_size(&original, height) {
            flip(&log, at as u64);
            let refused = recover_height();
            assert!(
                matches!(refused, Err(ReplicaError::LogCorrupt { height: at, .. }) if at.get() == height as u64),
                "byte {at} of block {height}: {refused:?}"
            );
            flip(&log, at as u64);
        }
    }
    for size in log_size(&original, blocks.len() - 1)..original.len() {
        std::fs::write(&log, &original[..size]).unwrap();
        assert_eq!(recover_height(), Ok(Height::new(blocks.len() as u64 - 1)));
    }
}

#[test]
fn a_recorded_root_that_is_not_reproduced_is_refused_with_height_and_roots() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    let (_, blocks, _) = live(&config, 8, 3_000);
    let log = config.path.join("blocks.log");
    let mut bytes = std::fs::read(&log).unwrap();
    // Block 2's recorded post root, its checksum made right again.
    let entry = log_size(&bytes, 1);
    let end = log_size(&bytes, 2);
    let root = blocks[1].header.post_root;
    let at = entry + bytes[entry..end].windows(32).position(|window| window == root.0).unwrap();
    bytes[at] ^= 1;
    let crc = crc32c::crc32c(&bytes[entry + 8..end]);
    bytes[entry + 4..entry + 8].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&log, bytes).unwrap();
    let refused = recover(&config, TimestampNs::new(1), |_, _, _| ()).err();
    let mut root_recorded = root;
    root_recorded.0[0] ^= 1;
    assert_eq!(refused, Some(ReplicaError::RootMismatch { height: Height::new(2), root, root_recorded }));
}

#[test]
fn blocks_that_the_journal_does_not_hold_any_more_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = zone_config(dir.path());
    live(&config, 9, 2_000);
    std::fs::remove_dir_all(&config.journal.path).unwrap();
    let refused = recover(&config, TimestampNs::new(1), |_, _, _| ()).err();
    assert!(matches!(refused, Some(ReplicaError::BlockBeyondJournal { .. })), "{refused:?}");
}

/// Withdrawals enough for three outboxes, and messages to nobody enough for two headers: blocks end where a header is full, and say what
/// they send and refuse, again after a restart.
#[test]
fn a_block_says_what_it_sends_and_what_it_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = zone_config(dir.path());
    config.block.commands_max = 4_096;
    let recovered = recover(&config, TimestampNs::new(1), |_, _, _| ()).unwrap();
    let (mut fused, mut producer) = recovered.start(&config.journal).unwrap();
    let opening: Vec<Ask> = Market::new(1).take_while(|ask| ask.session == SessionId::APPLIANCE).collect();
    let mut inbox = opening.iter().filter(|ask| ask.body == Body::Inbox).count() as u64;
    let last_message = InboxMessage::decode(&opening.last().unwrap().tail).unwrap();
    let mut sent = Vec::new();
    let mut refused = Vec::new();
    let mut asks = opening.clone();
    let appliance = |body, tail| Ask { session: SessionId::APPLIANCE, mandate: MandateId::new(0), body, tail };
    for nonce in 1..=600_u64 {
        let withdrawal = Withdrawal {
            zone: ZoneId::TRADING,
            account: AccountId::new(1),
            nonce,
            asset: AssetId::new((nonce % 2) as u16),
            amount: Amount::new(nonce.into()).unwrap(),
            to: Party { zone: ZoneId::new((nonce % 3 / 2 * 2) as u16), address: Address([4; 32]) },
            expires_at: TimestampNs::new(u64::MAX),
        };
        let expected = sent.iter().filter(|message: &&OutboxMessage| message.to.zone == withdrawal.to.zone).count() as u64 + 1;
        sent.push(withdrawal.message(expected));
        let signed = SignedWithdrawal { withdrawal, signature: Signature([0; 64]) };
        asks.push(appliance(Body::Withdraw, signed.to_bytes()));
        // Said twice, done once.
        asks.push(appliance(Body::Withdraw, signed.to_bytes()));
        inbox += 1;
        refused.push(InboxIndex::new(inbox));
        let account = Address::of_account(AccountId::new(77));
        let index = InboxIndex::new(inbox);
        asks.push(appliance(Body::Inbox, InboxMessage { index, account, ..last_message }.to_bytes()));
        // Not the next one: nothing of it is consumed.
        asks.push(appliance(Body::Inbox, InboxMessage { index, account, ..last_message }.to_bytes()));
    }
    for ask in &asks {
        submit(&mut fused, 1, ask, |_, _, _| ());
    }
    wait_durable(fused.journal(), fused.last_seq());
    let mut blocks = catch_up(&mut producer, fused.last_seq());
    blocks.extend(producer.flush().unwrap());
    let outboxes: Vec<OutboxMessage> = blocks.iter().flat_map(|block| block.outbox.clone()).collect();
    assert_eq!(outboxes, sent);
    assert_eq!(blocks.iter().flat_map(|block| block.header.inbox_refused.clone()).collect::<Vec<_>>(), refused);
    assert!(blocks.len() >= 3, "600 messages do not fit two outboxes");
    for SealedBlock { header, outbox, .. } in &blocks {
        assert!(outbox.len() <= OUTBOX_MESSAGES_MAX && header.inbox_refused.len() <= HEADER_REFUSED_MAX);
        for total in &header.outbox_totals {
            let sum: u128 =
                outbox.iter().filter(|message| message.asset == total.asset).map(|message| message.amount.units()).sum();
            assert_eq!(total.amount.units(), sum);
        }
        assert_eq!(header.outbox_totals.len(), 2);
    }
    drop((fused, producer));
    let mut recovered = recover(&config, TimestampNs::new(1), |_, _, _| ()).unwrap();
    let again = (1..=blocks.len() as u64).map(|height| recovered.producer.block(Height::new(height)).unwrap());
    assert_eq!(again.collect::<Vec<_>>(), blocks);
}
