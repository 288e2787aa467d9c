//! Headers as settlement ordered them: kept beside the blocks, through restarts and rejections.

use crate::history;
use crate::world::*;
use plinth_privacy_zone::block::header_id;
use plinth_privacy_zone::standing::StandingError;
use plinth_privacy_zone::zone::{Zone, ZoneError};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_zone_protocol::{BlockRef, Finalized};
use std::path::Path;

/// Has settlement order all blocks of the zone from `first` on, each in a block of its own from `at` on. Gives their ids.
fn order(zone: &mut Zone, first: u64, mut parent: Digest, at: u64) -> Vec<Digest> {
    let mut ids = Vec::new();
    for height in first..=zone.state().height.get() {
        let block = zone.archive().block(Height::new(height)).unwrap();
        let news = ordering(at + height - first, &block, parent);
        parent = news.ordered[0].id;
        zone.news(&news).unwrap();
        ids.push(parent);
    }
    ids
}

fn kept(zone: &Zone) -> Vec<Digest> {
    let archive = zone.archive();
    (1..=archive.ordered().get()).map(|height| header_id(&archive.header(Height::new(height)).unwrap())).collect()
}

#[test]
fn ordered_headers_outlive_the_process_and_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path());
    let mut zone = open(folder.path());
    assert_eq!(kept(&zone), []);
    let ids = order(&mut zone, 1, Digest::ZERO, 3);
    assert_eq!((ids.len(), kept(&zone)), (5, ids.clone()));
    drop(zone);
    let size = || std::fs::metadata(folder.path().join("blocks.journal")).unwrap().len();
    let before = size();
    let mut zone = open(folder.path());
    assert_eq!(kept(&zone), ids);
    // The last news may be told again: the position is behind the block before.
    assert_eq!(zone.hello().settlement_height, Height::new(6));
    assert_eq!(order(&mut zone, 5, ids[3], 7), ids[4..]);
    assert_eq!((kept(&zone), size()), (ids, before));
}

#[test]
fn a_block_that_is_ordered_again_has_another_header_and_those_behind_it_none() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path());
    let mut zone = open(folder.path());
    let ids = order(&mut zone, 1, Digest::ZERO, 3);
    let block = zone.archive().block(Height::new(3)).unwrap();
    let mut again = ordering(9, &block, ids[1]);
    let mut other = again.completions[0];
    other.body_key = Digest([7; 32]);
    let id = header_id(&other.complete(block.header.clone()));
    again.completions = vec![other].into();
    again.ordered = vec![BlockRef { id, ..block_ref(&block) }].into();
    let rejected = [3, 4, 5].map(|height| block_ref(&zone.archive().block(Height::new(height)).unwrap()));
    let news = Finalized { rejected: rejected.to_vec().into(), ..news(8, vec![]) };
    assert_eq!(zone.news(&news).unwrap(), Some(Height::new(3)));
    zone.news(&again).unwrap();
    assert_eq!(kept(&zone), [ids[0], ids[1], id]);
    drop(zone);
    assert_eq!(kept(&open(folder.path())), [ids[0], ids[1], id]);
}

#[test]
fn a_host_cannot_make_a_zone_keep_a_header_that_was_not_ordered() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path());
    let mut zone = open(folder.path());
    let block = |height| zone.archive().block(Height::new(height)).unwrap();
    let (first, second) = (block(1), block(2));
    let good = ordering(3, &first, Digest::ZERO);
    let mut other = good.clone();
    other.ordered.0[0].id.0[0] ^= 1;
    assert!(matches!(zone.news(&other), Err(ZoneError::OtherHeader { .. })));
    let missing = Finalized { completions: vec![].into(), ..good.clone() };
    assert!(matches!(zone.news(&missing), Err(ZoneError::Headers { ordered: 1, completions: 0, .. })));
    let gap = zone.news(&ordering(3, &second, good.ordered[0].id));
    assert!(matches!(gap, Err(ZoneError::Standing(StandingError::HeaderGap { .. }))));
    let mut ahead = second;
    ahead.header.height = Height::new(6);
    assert!(matches!(zone.news(&ordering(3, &ahead, Digest::ZERO)), Err(ZoneError::Standing(StandingError::Ahead(_)))));
    assert_eq!(kept(&zone), []);
    zone.news(&good).unwrap();
    assert_eq!(kept(&zone), [good.ordered[0].id]);
}

/// A journal of the version before, in which nothing is said of headers.
fn make_old(folder: &Path) {
    let path = folder.join("blocks.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 1;
    let checksum = crc32c::crc32c(&bytes[..41]).to_le_bytes();
    bytes[41..45].copy_from_slice(&checksum);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_older_journal_hears_everything_again_until_it_has_headers() {
    let folder = tempfile::tempdir().unwrap();
    let firm = history(folder.path());
    assert_eq!(open(folder.path()).hello().settlement_height, Height::new(2));
    make_old(folder.path());
    let mut zone = open(folder.path());
    assert_eq!(zone.hello().settlement_height, Height::new(0));
    zone.news(&news(1, vec![deposit(1, 500, firm.deposit.public())])).unwrap();
    let ids = order(&mut zone, 1, Digest::ZERO, 2);
    drop(zone);
    let zone = open(folder.path());
    assert_eq!((kept(&zone), zone.hello().settlement_height), (ids, Height::new(5)));
}
