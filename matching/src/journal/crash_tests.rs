//! The journal's promises, enumerated over a simulated disk: power lost behind every byte, every bit flipped, every sync failed.

use super::batch::Batch;
use super::disk::Disk;
use super::error::JournalError;
use super::format::SegmentIndex;
use super::limits::{BATCH_HEADER_SIZE, BATCH_SIZE_MIN, SEGMENT_HEADER_SIZE};
use super::recover::{Identity, Report, verify};
use super::sim::{Change, Image, Landing, SimDisk, mix};
use super::thread::{Journal, JournalConfig};
use super::writer::{Durability, Writer, open};
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, MandateId, OrderId, Seq, SessionId, TimestampNs, ZoneId};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const IDENTITY: Identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };
const SEGMENT_SIZE: u64 = (SEGMENT_HEADER_SIZE + 5 * BATCH_SIZE_MIN) as u64;

/// What was handed to a journal: tails by sequence number from 1.
type Records = Vec<Vec<u8>>;

fn command(seq: u64, tail: &[u8]) -> Command {
    Command {
        seq: Seq::new(seq),
        time: TimestampNs::new(seq * 10),
        session: SessionId::new(1),
        mandate: MandateId::new(2),
        body: Body::Cancel { order: OrderId::new(SessionId::new(1), seq).unwrap() },
        tail_size: tail.len() as u16,
    }
}

fn tail(seq: u64, size: usize) -> Vec<u8> {
    (0..size).map(|at| mix(seq << 16 | at as u64) as u8).collect()
}

/// A run of the journal: what it was given, and when what was acknowledged.
struct Run {
    disk: SimDisk,
    records: Records,
    /// Changes made when records up to this one had been acknowledged.
    acknowledged: Vec<(usize, u64)>,
    /// Most records of one batch.
    batch_max: u64,
    error: Option<JournalError>,
}

/// Writes batches of records with tails of the given sizes; an empty batch is a floor.
fn run(mut disk: SimDisk, shape: &[Vec<usize>], durability: Durability) -> Run {
    let (end, _) = open::<_, JournalError>(&mut disk, IDENTITY, SEGMENT_SIZE, TimestampNs::new(3), |_, _| Ok(())).unwrap();
    let mut next = end.last_seq().get() + 1;
    let mut run = Run { disk, records: vec![], acknowledged: vec![], batch_max: 0, error: None };
    let mut writer = Writer::new(run.disk, end);
    let mut batch = Batch::new(BATCH_SIZE_MIN);
    for sizes in shape {
        if let Some(segment) = writer.segment_wanted() {
            writer.disk_mut().create(segment, SEGMENT_SIZE).unwrap();
            writer.segment_ready(segment);
        }
        for &size in sizes {
            let tail = tail(next, size);
            assert!(batch.push(&command(next, &tail), &tail), "the shape must fit its batch");
            run.records.push(tail);
            next += 1;
        }
        run.batch_max = run.batch_max.max(sizes.len() as u64);
        if let Err(error) = writer.commit(&mut batch, durability) {
            run.error = Some(error);
            batch.clear();
            // A poisoned journal stays poisoned: the disk would take the next batch.
            assert_eq!(writer.commit(&mut batch, durability).err(), run.error);
            break;
        }
        assert_eq!(writer.written().get(), next - 1);
        run.acknowledged.push((writer.disk_mut().history.len(), writer.durable().get()));
    }
    run.disk = writer.into_disk();
    run
}

fn recover(image: Image) -> Result<(SimDisk, Records, Report), JournalError> {
    let mut disk = SimDisk::reliable(image);
    let mut records = vec![];
    let (end, report) = open::<_, JournalError>(&mut disk, IDENTITY, SEGMENT_SIZE, TimestampNs::new(4), |found, tail| {
        assert_eq!(*found, command(records.len() as u64 + 1, tail));
        records.push(tail.to_vec());
        Ok(())
    })?;
    assert_eq!(end.last_seq().get(), records.len() as u64);
    Ok((disk, records, report))
}

/// Batch shapes, from the smallest to the largest batch, with and without floors, over one segment and over three.
fn shapes() -> Vec<Vec<Vec<usize>>> {
    let mut shapes = vec![
        vec![vec![]],
        vec![vec![0]],
        vec![vec![0], vec![], vec![24]],
        vec![vec![24; 6], vec![24; 2], vec![0]],
        vec![vec![1_024], vec![1_024], vec![0; 5], vec![1_024]],
        vec![vec![384], vec![385], vec![383], vec![]],
        vec![vec![1, 2, 3], vec![63, 64, 65], vec![127, 128]],
    ];
    for seed in 0..8_u64 {
        let draw = |at: u64, below: u64| mix(seed << 32 | at) % below;
        let batches = 2 + draw(0, 5);
        shapes.push(
            (0..batches)
                .map(|batch| {
                    let sizes = (0..draw(batch * 20 + 1, 7)).map(|record| draw(batch * 20 + record + 2, 150) as usize);
                    sizes.collect()
                })
                .collect(),
        );
    }
    shapes
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_invented_wherever_the_power_fails() {
    let mut crash_count = 0_u64;
    let mut torn_count = 0_u64;
    for shape in shapes() {
        for landing in [Landing::FirstByteFirst, Landing::LastByteFirst, Landing::Shuffled(11)] {
            let Run { disk, records, acknowledged, batch_max, .. } =
                run(SimDisk::new(Image::new(), landing), &shape, Durability::Sync);
            let mut image = Image::new();
            for (change_count, change) in disk.history.iter().enumerate() {
                let acked = acknowledged.iter().rev().find(|(changes, _)| *changes <= change_count).map_or(0, |(_, seq)| *seq);
                let mut crash = |image: &Image| {
                    let context = format!("{shape:?} {landing:?} change {change_count}");
                    let (mut again, recovered, report) =
                        recover(image.clone()).unwrap_or_else(|error| panic!("{context}: {error}"));
                    let count = recovered.len() as u64;
                    assert!(count >= acked, "{context}: {acked} acknowledged, {count} recovered");
                    assert!(count <= acked + batch_max, "{context}: {acked} acknowledged, {count} recovered");
                    assert_eq!(recovered, records[..recovered.len()], "{context}");
                    crash_count += 1;
                    torn_count += u64::from(report.torn.is_some());
                    if crash_count.is_multiple_of(17) {
                        // What was recovered is durable and goes on: the torn bytes do not come back.
                        again = run(again, &[vec![5], vec![]], Durability::Sync).disk;
                        let (_, continued, report) = recover(again.durable).unwrap_or_else(|error| panic!("{context}: {error}"));
                        assert_eq!(continued.len() as u64, count + 1, "{context}");
                        assert_eq!(report.torn, None, "{context}");
                    }
                };
                match change {
                    Change::Created { segment, size } => {
                        crash(&image);
                        image.insert(*segment, vec![0; *size]);
                    }
                    Change::Landed(bytes) => {
                        crash(&image);
                        for (segment, at, byte) in bytes {
                            let byte_at = &mut image.get_mut(segment).unwrap()[*at];
                            // A byte that lands on itself leaves the same image: it has been tried.
                            if *byte_at != *byte {
                                *byte_at = *byte;
                                crash(&image);
                            }
                        }
                    }
                }
            }
            let (_, recovered, report) = recover(image).unwrap();
            assert_eq!(recovered, records, "{shape:?} {landing:?}");
            assert_eq!(report.torn, None);
        }
    }
    println!("{crash_count} crash points, {torn_count} torn tails cut off");
    assert!(crash_count > 10_000 && torn_count > 1_000, "{crash_count} crash points, {torn_count} torn tails");
}

/// A journal over two segments whose last records lie below a floor.
fn reference() -> Run {
    let long = || vec![1_024];
    let shape = [vec![24; 3], vec![0, 1_024], long(), long(), long(), vec![24; 2], long(), vec![7, 9], vec![]];
    let run = run(SimDisk::reliable(Image::new()), &shape, Durability::Sync);
    assert_eq!(run.disk.durable[&2][..8], *b"PLNTJRNL", "two segments in use");
    run
}

#[test]
fn the_bytes_of_a_whole_segment_are_pinned() {
    let image = reference().disk.durable;
    let digest: [u8; 32] = Sha256::digest(&image[&1]).into();
    assert_eq!(Digest(digest).to_string(), "84b48b53285e79542904d80f6e57b506fb1eaa9cd2cf51172f3470ae87acec5c");
}

/// Where each record and each batch of the reference is, read off its bytes without the journal's code.
fn places(image: &Image) -> Vec<(u64, std::ops::Range<usize>, u64)> {
    let mut places = vec![];
    for (&segment, bytes) in image {
        let first = u64::from_le_bytes(bytes[48..56].try_into().unwrap());
        if first > 0 {
            places.push((segment, 0..SEGMENT_HEADER_SIZE, first));
        }
        let mut at = SEGMENT_HEADER_SIZE;
        while bytes[at..].first_chunk::<4>() == Some(b"PLBT") {
            let field = |from: usize, size: usize| {
                bytes[at + from..at + from + size].iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
            };
            let (first, count, size) = (field(8, 8), field(16, 4), field(20, 4) as usize);
            let end = (at + BATCH_HEADER_SIZE + size).next_multiple_of(512);
            places.push((segment, at..at + BATCH_HEADER_SIZE, first));
            let mut record_at = at + BATCH_HEADER_SIZE;
            for seq in first..first + count {
                let size = 64 + usize::from(u16::from_le_bytes([bytes[record_at + 52], bytes[record_at + 53]]));
                places.push((segment, record_at..record_at + size, seq));
                record_at += size;
            }
            places.push((segment, record_at..end, if count == 0 { first } else { first + count - 1 }));
            at = end;
        }
    }
    places
}

#[test]
fn every_flipped_bit_is_named_with_its_record_and_never_cut_off() {
    let reference = reference().disk.durable;
    let mut places = places(&reference);
    // The last batch is the empty one: it holds no record, and its loss is no loss (see `recover`).
    places.truncate(places.len() - 2);
    let mut flip_count = 0;
    let mut image = reference.clone();
    for (segment, range, seq) in places {
        for bit in range.start * 8..range.end * 8 {
            image.get_mut(&segment).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let report = verify(SimDisk::reliable(image.clone()), None).unwrap();
            let corruption = report.corruption.unwrap_or_else(|| panic!("segment {segment} bit {bit} passed"));
            assert_eq!(corruption.seq.get(), seq, "segment {segment} bit {bit}: {corruption}");
            assert!(corruption.segment == SegmentIndex(segment) || range.start == 0, "segment {segment} bit {bit}: {corruption}");
            assert!(corruption.offset <= (bit / 8) as u64, "segment {segment} bit {bit}: {corruption}");
            if flip_count % 64 == 0 {
                assert_eq!(recover(image.clone()).err(), Some(JournalError::Corrupt(corruption)));
            }
            image.get_mut(&segment).unwrap()[bit / 8] ^= 1 << (bit % 8);
            flip_count += 1;
        }
    }
    println!("{flip_count} bits");
    assert_eq!(image, reference);
}

#[test]
fn zeroed_stale_swapped_and_misplaced_sectors_are_damage() {
    let reference = reference().disk.durable;
    let batches = places(&reference)
        .into_iter()
        .filter(|(_, range, _)| range.len() == BATCH_HEADER_SIZE && range.start % 512 == 0)
        .collect::<Vec<_>>();
    for &(segment, ref range, seq) in &batches[..batches.len() - 1] {
        let sector = range.start..range.start + 512;
        let mut zeroed = reference.clone();
        zeroed.get_mut(&segment).unwrap()[sector.clone()].fill(0);
        let corruption = verify(SimDisk::reliable(zeroed), None).unwrap().corruption.unwrap();
        assert_eq!(corruption.seq.get(), seq, "zeroed at {range:?} of {segment}");

        for (other, other_range, _) in &batches {
            if (*other, other_range.start) != (segment, range.start) {
                let mut misplaced = reference.clone();
                let source = reference[other][other_range.start..other_range.start + 512].to_vec();
                misplaced.get_mut(&segment).unwrap()[sector.clone()].copy_from_slice(&source);
                let corruption = verify(SimDisk::reliable(misplaced), None).unwrap().corruption.unwrap();
                assert_eq!(corruption.seq.get(), seq, "{other_range:?} of {other} at {range:?} of {segment}");
            }
        }
    }
}

#[test]
fn a_batch_of_another_journal_is_not_taken_for_one_of_this() {
    let shape = [vec![24], vec![24], vec![]];
    let mut ours = run(SimDisk::reliable(Image::new()), &shape, Durability::Sync).disk.durable;
    let mut other = SimDisk::reliable(Image::new());
    open::<_, JournalError>(&mut other, IDENTITY, SEGMENT_SIZE, TimestampNs::new(99), |_, _| Ok(())).unwrap();
    let other = run(other, &shape, Durability::Sync).disk.durable;
    let second = SEGMENT_HEADER_SIZE + 512..SEGMENT_HEADER_SIZE + 1_024;
    ours.get_mut(&1).unwrap()[second.clone()].copy_from_slice(&other[&1][second]);
    let corruption = verify(SimDisk::reliable(ours.clone()), None).unwrap().corruption.unwrap();
    assert_eq!(corruption.seq.get(), 2);
    let foreign = Identity { chain: ChainId::new(8), ..IDENTITY };
    let refused = open::<_, JournalError>(&mut SimDisk::reliable(ours), foreign, SEGMENT_SIZE, TimestampNs::new(0), |_, _| Ok(()));
    assert!(matches!(refused, Err(JournalError::Foreign { .. })));
}

#[test]
fn a_missing_segment_is_damage() {
    let shape = vec![vec![1_024]; 14];
    let image = run(SimDisk::reliable(Image::new()), &shape, Durability::Sync).disk.durable;
    for lost in [1, 2] {
        let first_lost = u64::from_le_bytes(image[&lost][48..56].try_into().unwrap());
        let without = image.iter().filter(|(index, _)| **index != lost).map(|(index, bytes)| (*index, bytes.clone())).collect();
        let corruption = verify(SimDisk::reliable(without), None).unwrap().corruption.unwrap();
        assert_eq!((corruption.seq.get(), corruption.segment), (first_lost, SegmentIndex(lost)));
    }
}

#[test]
fn an_async_journal_keeps_a_prefix_that_covers_its_floor() {
    let shape = (0..12).map(|batch| vec![24; 1 + batch % 5]).collect::<Vec<_>>();
    for seed in 0..2_000_u64 {
        let cut = 1 + (mix(seed) % shape.len() as u64) as usize;
        let run = run(SimDisk::reliable(Image::new()), &shape[..cut], Durability::Async);
        let (_, durable) = *run.acknowledged.last().unwrap();
        let (_, recovered, _) = recover(run.disk.after_power_loss(seed)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(recovered.len() as u64 >= durable, "seed {seed}");
        assert_eq!(recovered, run.records[..recovered.len()], "seed {seed}");
    }
}

#[test]
fn a_failed_sync_poisons_the_journal_though_the_next_one_would_succeed() {
    let shape = (0..14).map(|batch| vec![500; 1 + batch % 2]).collect::<Vec<_>>();
    // Syncs: the first header, then one per batch and one per further header.
    for failing in 0..15 {
        let mut disk = SimDisk::reliable(Image::new());
        open::<_, JournalError>(&mut disk, IDENTITY, SEGMENT_SIZE, TimestampNs::new(3), |_, _| Ok(())).unwrap();
        disk.sync_fails_in = Some(1 + failing);
        let run = run(disk, &shape, Durability::Sync);
        assert!(matches!(run.error, Some(JournalError::Disk(_))), "sync {failing}");
        let acked = run.acknowledged.last().map_or(0, |(_, seq)| *seq);
        let (_, recovered, _) = recover(run.disk.durable).unwrap();
        assert_eq!(recovered.len() as u64, acked, "sync {failing}: the failed batch never landed");
    }
}

/// A journal thread over a shared simulated disk.
fn start(disk: &Arc<Mutex<SimDisk>>, durability: Durability, segments: u64) -> (Journal, Arc<AtomicU64>) {
    let mut config = JournalConfig::new("simulated".into(), IDENTITY);
    config.segment_size = SEGMENT_SIZE;
    config.batch_size_max = BATCH_SIZE_MIN;
    config.ring_cells = 64;
    config.durability = durability;
    let wakes = Arc::new(AtomicU64::new(0));
    config.on_publish = Some(Arc::new({
        let wakes = Arc::clone(&wakes);
        move || {
            wakes.fetch_add(1, Ordering::Release);
        }
    }));
    let mut shared = Arc::clone(disk);
    let (end, _) = open::<_, JournalError>(&mut shared, IDENTITY, SEGMENT_SIZE, TimestampNs::new(3), |_, _| Ok(())).unwrap();
    let mut allocator = Arc::clone(disk);
    let allocate = move |segment: SegmentIndex| {
        if segment.0 > segments {
            let error = std::io::Error::from_raw_os_error(libc::ENOSPC);
            return Err(super::error::DiskError::new(super::error::DiskOp::Allocate, segment, 0, &error));
        }
        allocator.create(segment, SEGMENT_SIZE)
    };
    (Journal::start_on(&config, end, move || Ok(shared), allocate).unwrap(), wakes)
}

fn append(journal: &mut Journal, seq: u64) -> bool {
    let tail = tail(seq, 24);
    let deadline = Instant::now() + Duration::from_secs(10);
    while journal.append(&command(seq, &tail), &tail).is_err() {
        if journal.status().failure().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "the journal neither takes record {seq} nor fails");
        std::thread::yield_now();
    }
    true
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn the_thread_publishes_what_is_durable_and_guards_the_last_record_at_its_end() {
    for durability in [Durability::Sync, Durability::Async] {
        let disk = Arc::new(Mutex::new(SimDisk::reliable(Image::new())));
        let (mut journal, wakes) = start(&disk, durability, u64::MAX);
        for seq in 1..=500 {
            assert!(append(&mut journal, seq));
        }
        let status = Arc::clone(journal.status());
        wait("record 500 is published", || status.acknowledgeable().get() == 500);
        assert!(wakes.load(Ordering::Acquire) > 0);
        wait("record 500 is durable", || status.durable().get() == 500);
        journal.shutdown().unwrap();
        let image = disk.lock().unwrap().durable.clone();
        let report = verify(SimDisk::reliable(image), None).unwrap();
        assert_eq!((report.record_count, report.floor.get(), report.torn, report.corruption), (500, 500, None, None));
    }
}

#[test]
fn after_a_failed_sync_the_thread_publishes_nothing_more() {
    for durability in [Durability::Sync, Durability::Async] {
        let disk = Arc::new(Mutex::new(SimDisk::reliable(Image::new())));
        let (mut journal, wakes) = start(&disk, durability, u64::MAX);
        assert!(append(&mut journal, 1));
        let status = Arc::clone(journal.status());
        wait("record 1 is durable", || status.durable().get() == 1);
        disk.lock().unwrap().sync_fails_in = Some(0);
        let before = wakes.load(Ordering::Acquire);
        for seq in 2..=1_000 {
            if !append(&mut journal, seq) {
                break;
            }
        }
        wait("the failure is reported", || status.failure().is_some());
        wait("the owner is woken", || wakes.load(Ordering::Acquire) > before);
        assert!(matches!(status.failure(), Some(JournalError::Disk(error)) if error.errno == libc::EIO));
        let image = disk.lock().unwrap().durable.clone();
        let (_, recovered, _) = recover(image).unwrap();
        assert!(recovered.len() as u64 >= status.durable().get());
        assert!(journal.shutdown().is_err());
    }
}

#[test]
fn a_full_disk_is_announced_a_segment_ahead_and_leaves_nothing_damaged() {
    let disk = Arc::new(Mutex::new(SimDisk::reliable(Image::new())));
    let (mut journal, _) = start(&disk, Durability::Sync, 2);
    let status = Arc::clone(journal.status());
    let mut handed = 0;
    let mut announced_at = None;
    while append(&mut journal, handed + 1) {
        handed += 1;
        wait("the record is durable or refused", || status.durable().get() == handed || status.failure().is_some());
        if announced_at.is_none() && status.is_space_low() {
            announced_at = Some(handed);
        }
        if status.failure().is_some() {
            break;
        }
    }
    let failure = status.failure().unwrap();
    assert!(matches!(failure, JournalError::Disk(error) if error.is_no_space() && error.segment == SegmentIndex(3)), "{failure}");
    let announced_at = announced_at.expect("announced before the disk was full");
    assert!(announced_at + 5 < status.durable().get(), "announced at {announced_at}, full at {}", status.durable());
    let image = disk.lock().unwrap().durable.clone();
    let (_, recovered, report) = recover(image).unwrap();
    assert_eq!((recovered.len() as u64, report.torn), (status.durable().get(), None));
}
