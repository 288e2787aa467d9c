//! The journal on the real disk: io_uring, segments that roll, a reader that follows the writer, restarts.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use plinth_matching::journal::limits::SEGMENT_HEADER_SIZE;
use plinth_matching::journal::{Durability, Identity, Journal, JournalConfig, JournalError, Reader, verify};
use plinth_types::command::{Body, Command};
use plinth_types::id::{ChainId, MandateId, OrderId, Seq, SessionId, TimestampNs, ZoneId};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const IDENTITY: Identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };

fn config(path: &Path, durability: Durability) -> JournalConfig {
    let mut config = JournalConfig::new(path.join("journal"), IDENTITY);
    config.batch_size_max = 1 << 20;
    config.segment_size = (SEGMENT_HEADER_SIZE + config.batch_size_max) as u64;
    config.durability = durability;
    config
}

fn command(seq: u64, tail: &[u8]) -> Command {
    Command {
        seq: Seq::new(seq),
        time: TimestampNs::new(seq),
        session: SessionId::new(1),
        mandate: MandateId::new(0),
        body: Body::Cancel { order: OrderId::new(SessionId::new(1), seq).unwrap() },
        tail_size: tail.len() as u16,
    }
}

fn tail(seq: u64) -> Vec<u8> {
    vec![seq as u8; (seq * 7 % 200) as usize]
}

fn open(config: &JournalConfig) -> (Journal, u64) {
    let mut last = 0;
    let opened = config.open(TimestampNs::new(1), |found, found_tail| {
        last += 1;
        assert_eq!((found.seq.get(), found_tail), (last, &tail(last)[..]));
        Ok::<(), JournalError>(())
    });
    let (end, report) = opened.unwrap();
    assert_eq!((end.last_seq().get(), report.torn), (last, None));
    (Journal::start(config, end).unwrap(), last)
}

fn append(journal: &mut Journal, from: u64, to: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    for seq in from..=to {
        let tail = tail(seq);
        while journal.append(&command(seq, &tail), &tail).is_err() {
            assert!(Instant::now() < deadline, "the journal does not drain");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_reader_follows_the_writer_over_segments_and_restarts_lose_nothing() {
    const ROUND: u64 = 20_000;
    for durability in [Durability::Sync, Durability::Async] {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), durability);
        for round in 0..3 {
            let (mut journal, last) = open(&config);
            assert_eq!(last, round * ROUND);
            let status = journal.status().clone();
            let path = config.path.clone();
            let follower = std::thread::spawn(move || {
                let mut reader = Reader::open(&path, Seq::new(last + 1)).unwrap();
                let deadline = Instant::now() + Duration::from_secs(30);
                while reader.next_seq().get() <= last + ROUND {
                    let durable = status.durable();
                    while let Some((found, found_tail)) = reader.next(durable).unwrap() {
                        assert_eq!(found_tail, tail(found.seq.get()));
                    }
                    assert!(status.failure().is_none(), "{:?}", status.failure());
                    assert!(Instant::now() < deadline, "durable up to {durable}, read up to {}", reader.next_seq());
                    std::thread::yield_now();
                }
            });
            append(&mut journal, last + 1, last + ROUND);
            follower.join().unwrap();
            journal.shutdown().unwrap();
        }
        let report = verify(&config.path).unwrap();
        assert_eq!((report.record_count, report.torn, report.corruption), (3 * ROUND, None, None));
        assert!(report.segment_count > 3, "{} segments", report.segment_count);
        let mut reader = Reader::open(&config.path, Seq::new(31_000)).unwrap();
        assert_eq!(reader.next(Seq::new(60_000)).unwrap().unwrap().0.seq, Seq::new(31_000));
        assert_eq!(reader.next(Seq::new(31_000)).unwrap(), None);
    }
}

#[test]
fn a_journal_in_use_is_not_opened_twice() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Durability::Sync);
    let (journal, _) = open(&config);
    let refused = config.open(TimestampNs::new(1), |_, _| Ok::<(), JournalError>(()));
    assert!(matches!(refused, Err(JournalError::InUse { .. })), "{refused:?}");
    drop(journal);
    open(&config);
}

#[test]
fn a_byte_changed_on_disk_is_refused_with_record_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Durability::Sync);
    let (mut journal, _) = open(&config);
    append(&mut journal, 1, 1_000);
    journal.shutdown().unwrap();
    let segment = config.path.join("00000001.segment");
    let file = OpenOptions::new().read(true).write(true).open(segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 6_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 6_000).unwrap();
    let refused = config.open(TimestampNs::new(1), |_, _| Ok::<(), JournalError>(()));
    let Err(JournalError::Corrupt(corruption)) = refused else { panic!("{refused:?}") };
    assert_eq!(verify(&config.path).unwrap().corruption, Some(corruption.clone()));
    assert!(corruption.seq.get() > 1 && corruption.offset <= 6_000 && corruption.offset > 5_000, "{corruption}");
    assert!(corruption.to_string().starts_with("journal corrupt at record "), "{corruption}");
}
