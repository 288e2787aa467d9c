//! A zone whose host is lost, rebuilt from its ordered blocks, with and without what is left of the old journal.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::{Market, submit, wait_durable, zone_config};
use plinth_matching::journal::verify;
use plinth_matching::replica::{Rebuild, RebuildError, ReplicaError, SealedBlock, ZoneConfig, recover};
use plinth_matching::state::root_of;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, Seq, TimestampNs};
use plinth_types::message::Note;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

const NOW: TimestampNs = TimestampNs::new(1);

/// A record as it is compared: notes by their tails.
type Record = (Command, Vec<u8>);

/// A zone that ran and was killed: what it journaled, the blocks it cut, and its state's root behind its last record.
struct Lost {
    config: ZoneConfig,
    records: Vec<Record>,
    blocks: Vec<SealedBlock>,
    root: Digest,
}

impl Lost {
    fn new(folder: &Path, seed: u64, count: usize) -> Self {
        let config = zone_config(folder);
        let (mut fused, mut producer) = recover(&config, NOW, |_, _, _| ()).unwrap().start(&config.journal).unwrap();
        for (now, ask) in Market::new(seed).take(count).enumerate() {
            let seq = submit(&mut fused, now as u64 * 10_000, &ask, |_, _, _| ());
            // No batch of the journal goes over such a record, however slow the disk is.
            if seq.get() % 2_000 == 0 {
                wait_durable(fused.journal(), seq);
            }
        }
        let last = fused.last_seq();
        wait_durable(fused.journal(), last);
        let blocks = std::iter::from_fn(|| producer.poll(last, TimestampNs::new(0)).unwrap()).collect();
        let root = root_of(&fused.shutdown(|_, _, _| ()).unwrap());
        Self { records: records(&config), blocks, root, config }
    }

    fn commands_behind(&self, seq: Seq) -> Vec<Seq> {
        let behind = self.records.iter().filter(|(command, _)| command.seq > seq && command.body != Body::Note);
        behind.map(|(command, _)| command.seq).collect()
    }
}

/// All records of a zone, by a start like any other: the journal must be whole, every recorded block give its header.
fn records(config: &ZoneConfig) -> Vec<Record> {
    let mut records = Vec::new();
    recover(config, NOW, |command, tail, _| records.push((*command, tail.to_vec()))).unwrap();
    records
}

fn root(config: &ZoneConfig) -> Digest {
    root_of(&recover(config, NOW, |_, _, _| ()).unwrap().engine)
}

fn of_blocks(rebuild: &mut Rebuild, blocks: &[SealedBlock]) {
    blocks.iter().for_each(|block| rebuild.block(&block.header, &block.body).unwrap());
}

fn rest(rebuild: &mut Rebuild) -> (Vec<Seq>, u32) {
    let mut restored = Vec::new();
    let trades = rebuild.rest(|command, _| restored.push(command.seq)).unwrap();
    (restored, trades)
}

/// Changes one bit of a record on disk.
fn damage(journal: &Path, (_, tail): &Record) {
    let files = std::fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let found = files.filter_map(|path| {
        let at = std::fs::read(&path).unwrap().windows(tail.len()).position(|bytes| *bytes == **tail)?;
        Some((path, at as u64))
    });
    let (path, offset) = found.last().unwrap();
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn the_ordered_blocks_alone_give_the_same_books_and_the_next_block() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lost = Lost::new(old.path(), 11, 12_000);
    let config = zone_config(new.path());
    let mut rebuild = Rebuild::start(&config, None, NOW).unwrap();
    of_blocks(&mut rebuild, &lost.blocks);
    assert_eq!((rest(&mut rebuild), rebuild.kept().is_whole(rebuild.last_seq())), ((Vec::new(), 0), false));
    rebuild.finish().unwrap();

    let mut recovered = recover(&config, NOW, |_, _, _| ()).unwrap();
    let last = lost.blocks.last().unwrap();
    assert_eq!((recovered.producer.height(), recovered.last_seq()), (last.header.height, last.header.last_seq));
    assert_eq!(root_of(&recovered.engine), last.header.post_root);
    // Any block is handed out again, as it was.
    for block in &lost.blocks {
        assert_eq!(recovered.producer.block(block.header.height).unwrap(), *block);
    }
    drop(recovered);
    let mut lost_notes = 0;
    for (again, (command, tail)) in records(&config).iter().zip(&lost.records) {
        if command.body == Body::Note {
            lost_notes += 1;
            assert_eq!((again.0.seq, again.0.body, Note::decode(&again.1)), (command.seq, Body::Note, Ok(Note::Lost)));
            assert!(again.0.time >= command.time, "stamps do not fall");
        } else {
            assert_eq!(*again, (*command, tail.clone()));
        }
    }
    assert!(lost_notes > 50, "{lost_notes} notes");
    assert!(
        matches!(Rebuild::start(&config, None, NOW), Err(RebuildError::NotEmpty { last_seq }) if last_seq == last.header.last_seq)
    );
}

#[test]
fn what_the_old_journal_holds_behind_the_last_block_is_taken_over() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lost = Lost::new(old.path(), 12, 12_000);
    let ordered = &lost.blocks[..lost.blocks.len() - 2];
    let available_to = ordered.last().unwrap().header.last_seq;
    let config = zone_config(new.path());
    let mut rebuild = Rebuild::start(&config, Some(&lost.config.journal.path), NOW).unwrap();
    of_blocks(&mut rebuild, ordered);
    assert!(rebuild.kept().is_whole(available_to));
    let (restored, trades) = rest(&mut rebuild);
    assert_eq!(restored, lost.commands_behind(available_to));
    assert!(restored.len() > 1_000 && trades > 50, "{} commands, {trades} trades", restored.len());
    rebuild.finish().unwrap();
    assert_eq!((records(&config), root(&config)), (lost.records, lost.root));
}

/// Validators keep shards for so long. What is older comes from a copy of the journal, and must be what was ordered all the same.
#[test]
fn blocks_whose_bodies_are_gone_come_from_a_copy_of_the_journal() {
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let lost = Lost::new(folders[0].path(), 16, 9_000);
    let (older, newer) = lost.blocks.split_at(lost.blocks.len() / 2);
    let config = zone_config(folders[1].path());
    let mut rebuild = Rebuild::start(&config, Some(&lost.config.journal.path), NOW).unwrap();
    for block in older {
        assert_eq!(rebuild.kept_block(&block.header), Ok(true));
    }
    of_blocks(&mut rebuild, newer);
    let (restored, _) = rest(&mut rebuild);
    assert_eq!(restored, lost.commands_behind(newer.last().unwrap().header.last_seq));
    rebuild.finish().unwrap();
    assert_eq!((records(&config), root(&config)), (lost.records, lost.root));

    let mut without = Rebuild::start(&zone_config(folders[2].path()), None, NOW).unwrap();
    assert_eq!(without.kept_block(&older[0].header), Ok(false));
    let other = Lost::new(folders[3].path(), 17, 3_000);
    let folder = tempfile::tempdir().unwrap();
    let mut rebuild = Rebuild::start(&zone_config(folder.path()), Some(&other.config.journal.path), NOW).unwrap();
    let refused = lost.blocks.iter().find_map(|block| rebuild.kept_block(&block.header).err());
    assert!(matches!(refused, Some(RebuildError::Replica(_))), "{refused:?}");
}

#[test]
fn of_a_damaged_journal_what_is_before_the_damage_is_taken_over_and_the_rest_named_lost() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lost = Lost::new(old.path(), 13, 12_000);
    damage(&lost.config.journal.path, lost.records[5_000..].iter().find(|(command, _)| command.body != Body::Note).unwrap());
    let corruption = verify(&lost.config.journal.path).unwrap().corruption.unwrap();
    for ordered_count in [1, lost.blocks.len()] {
        let folder = new.path().join(ordered_count.to_string());
        let config = zone_config(&folder);
        let mut rebuild = Rebuild::start(&config, Some(&lost.config.journal.path), NOW).unwrap();
        of_blocks(&mut rebuild, &lost.blocks[..ordered_count]);
        let kept = rebuild.kept().clone();
        assert_eq!(kept.corruption, Some(corruption.clone()));
        assert!((4_000..=5_000).contains(&kept.last_seq.get()) && !kept.is_whole(Seq::new(1)), "{kept:?}");
        let (restored, _) = rest(&mut rebuild);
        let behind = lost.commands_behind(lost.blocks[ordered_count - 1].header.last_seq);
        let expected: Vec<Seq> = behind.into_iter().filter(|seq| *seq <= kept.last_seq).collect();
        assert_eq!(restored, expected);
        assert_eq!(restored.is_empty(), ordered_count > 1, "the damage lies within the bodies, or behind the first one");
        rebuild.note(&Note::Lost).unwrap();
        let last = rebuild.last_seq();
        rebuild.finish().unwrap();
        assert_eq!(records(&config).len() as u64, last.get());
    }
}

#[test]
fn a_journal_or_a_block_of_another_zone_is_refused() {
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let lost = Lost::new(folders[0].path(), 14, 3_000);
    let other = Lost::new(folders[1].path(), 15, 3_000);
    let mut rebuild = Rebuild::start(&zone_config(folders[2].path()), Some(&other.config.journal.path), NOW).unwrap();
    let refused = lost.blocks.iter().find_map(|block| rebuild.block(&block.header, &block.body).err());
    assert!(matches!(refused, Some(RebuildError::Contradicted { .. })), "{refused:?}");
    drop(rebuild);

    let mut rebuild = Rebuild::start(&zone_config(folders[3].path()), None, NOW).unwrap();
    let (first, second) = (&lost.blocks[0], &lost.blocks[1]);
    let not_next = rebuild.block(&second.header, &second.body);
    assert_eq!(not_next, Err(RebuildError::NotNext { height: Height::new(2), expected: Height::new(1) }));
    assert_eq!(rebuild.block(&first.header, &[]), Err(RebuildError::Empty { height: Height::new(1) }));
    assert!(matches!(rebuild.block(&first.header, &first.body[..100]), Err(RebuildError::Body { .. })));
    drop(rebuild);
    for wrong in [0, 8] {
        // A number that skips more than notes could fill, and one byte of the first command's head.
        let folder = tempfile::tempdir().unwrap();
        let mut rebuild = Rebuild::start(&zone_config(folder.path()), None, NOW).unwrap();
        let mut header = first.header.clone();
        let mut body = first.body.clone();
        if wrong == 0 {
            header.post_root = Digest([9; 32]);
            let refused = rebuild.block(&header, &body);
            assert!(matches!(refused, Err(RebuildError::Replica(ReplicaError::RootMismatch { .. }))), "{refused:?}");
        } else {
            let (mut command, tail) = plinth_types::block::BodyReader::new(&first.body).next().unwrap().unwrap();
            command.seq = Seq::new(1 << 40);
            let head = [command.head().as_slice(), tail].concat();
            body.splice(..head.len(), head);
            let refused = rebuild.block(&header, &body);
            assert!(matches!(refused, Err(RebuildError::Record { .. })), "{refused:?}");
        }
    }
}
