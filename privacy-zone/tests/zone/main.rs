//! The privacy zone with real proofs: through every cut of its journal, over its socket, and beside a host that is played by the test.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "helpers of tests")]

mod golden;
mod headers;
mod proofs;
mod settled;
mod sockets;
mod wallets;
mod world;

use plinth_privacy::note::Value;
use plinth_privacy::pool::Refusal;
use plinth_privacy::pool::block::check;
use plinth_privacy::pool::directive::Directive;
use plinth_privacy::pool::error::TransactionError;
use plinth_privacy::pool::state::Gate;
use plinth_privacy::registry::Day;
use plinth_privacy::wallet::draft::Intent;
use plinth_privacy_zone::block::Body;
use plinth_privacy_zone::config::ZoneConfig;
use plinth_privacy_zone::journal::JournalError;
use plinth_privacy_zone::proof::image;
use plinth_privacy_zone::published::Published;
use plinth_privacy_zone::zone::{Zone, ZoneError};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, InboxIndex, PublicKey};
use plinth_zone_protocol::Welcome;
use std::path::Path;
use std::sync::LazyLock;
use world::*;

/// The journal of a history, written once for all tests: its proofs are what costs.
static HISTORY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    make_history(folder.path());
    std::fs::read(folder.path().join("blocks.journal")).unwrap()
});

/// Puts the history into a folder. Gives the firm that made it.
fn history(folder: &Path) -> Firm {
    std::fs::write(folder.join("blocks.journal"), &*HISTORY).unwrap();
    let mut firm = Firm::new(1);
    firm.follow(&open(folder));
    firm
}

/// Directives, a deposit that is credited and one that is not, a shield, an unshield.
fn make_history(folder: &Path) {
    let mut zone = open(folder);
    let mut firm = Firm::new(1);
    let registry = registry(&[&firm]);
    for directive in opening_directives(&registry) {
        make(&mut zone, vec![directive], vec![]);
    }
    zone.news(&news(1, vec![deposit(1, 500, firm.deposit.public())])).unwrap();
    // A key of small order: anybody could shield it.
    zone.news(&news(2, vec![deposit(2, 60, PublicKey([0; 32]))])).unwrap();
    make(&mut zone, vec![], vec![]);
    firm.follow(&zone);
    let day = Day::new(TODAY);
    let shield = firm.transact(zone.state(), day, &registry, &shielding(&zone, 1, 500));
    assert_eq!(make(&mut zone, vec![], vec![shield]).refused, []);
    firm.follow(&zone);
    let asset = zone.state().pool_asset(CASH).unwrap();
    let out = Intent::Unshield { asset, value: Value::new(120), to: public(30) };
    let unshield = firm.transact(zone.state(), day, &registry, &out);
    assert_eq!(make(&mut zone, vec![], vec![unshield]).refused, []);
    firm.follow(&zone);
    assert_eq!(firm.has(), 380);
}

#[test]
fn headers_say_what_the_blocks_did_and_bodies_are_checked_without_state() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path());
    let zone = open(folder.path());
    let archive = zone.archive();
    let mut root = genesis().root();
    for height in 1..=zone.state().height.get() {
        let block = archive.block(Height::new(height)).unwrap();
        let Body { block: pool_block, witness } = Body::decode(&block.body.0).unwrap();
        let (pre, post) = (block.header.pre_root, block.header.post_root);
        let effects = check(|| &VERIFIER, pre, post, &pool_block, witness).unwrap();
        assert_eq!((pre, effects.returned), (root, block.header.inbox_refused));
        root = post;
    }
    let credited = archive.block(Height::new(3)).unwrap().header;
    assert_eq!((credited.inbox_index, credited.inbox_refused), (InboxIndex::new(2), vec![InboxIndex::new(2)]));
    let paying = archive.block(Height::new(5)).unwrap();
    let sent = &paying.outbox[0];
    assert_eq!((sent.channel_seq, sent.amount.units(), sent.to.address.owner()), (1, 120, public(30)));
    assert_eq!(paying.header.outbox_totals[0].amount.units(), 120);
}

/// Whatever a crash leaves of the journal, what it has is what was, and what comes again has its effect once.
#[test]
fn a_journal_that_is_cut_anywhere_resumes_and_nothing_is_credited_twice() {
    let folder = tempfile::tempdir().unwrap();
    let firm = history(folder.path());
    let whole = std::fs::read(folder.path().join("blocks.journal")).unwrap();
    let ends = record_ends(&whole);
    assert_eq!(ends.len(), 6, "the head and five blocks");
    for (count, end) in ends.iter().enumerate() {
        let inside = ends.get(count + 1).map_or(vec![], |next| vec![end + 1, end + 11, end + 12, end + 400, next - 1]);
        for cut in [vec![*end], inside].concat() {
            let again = tempfile::tempdir().unwrap();
            std::fs::write(again.path().join("blocks.journal"), &whole[..cut]).unwrap();
            let mut zone = open(again.path());
            assert_eq!(zone.state().height.get(), count as u64, "cut at {cut}");
            // Settlement tells again from where the zone says that it is, or from the beginning.
            let from = zone.hello().settlement_height.get();
            assert_eq!(from, if count < 3 { 0 } else { 2 });
            zone.news(&news(1, vec![deposit(1, 500, firm.deposit.public())])).unwrap();
            zone.news(&news(2, vec![deposit(2, 60, PublicKey([0; 32]))])).unwrap();
            let made = make(&mut zone, vec![], vec![]);
            assert_eq!(made.height.is_some(), count < 3, "the deposits are consumed once");
            // Before the asset was listed, the deposit went back.
            assert_eq!(zone.state().credits.len(), usize::from(matches!(count, 2 | 3)));
            assert_eq!(zone.state().inbox, InboxIndex::new(2));
        }
    }
}

fn record_ends(journal: &[u8]) -> Vec<usize> {
    let mut ends = vec![45];
    while let Some(at) = ends.last().copied().filter(|at| *at < journal.len()) {
        let length = u32::from_le_bytes(journal[at..at + 4].try_into().unwrap()) as usize;
        ends.push(at + 12 + length);
    }
    ends
}

#[test]
fn a_damaged_journal_another_pool_and_a_second_process_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blocks.journal");
    let mut zone = open(folder.path());
    for directive in opening_directives(&registry(&[&Firm::new(1)])) {
        make(&mut zone, vec![directive], vec![]);
    }
    let locked = Zone::open(genesis(), &path).map(|_| ());
    assert!(matches!(locked, Err(ZoneError::Journal(JournalError::Locked { .. }))), "{locked:?}");
    drop(zone);
    let whole = std::fs::read(&path).unwrap();
    let ends = record_ends(&whole);
    // In all but the last record, which may have been torn.
    for at in (0..ends[1]).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        assert!(Zone::open(genesis(), &path).is_err(), "byte {at}");
    }
    std::fs::write(&path, &whole).unwrap();
    let mut other = genesis();
    other.id.generation = 2;
    let refused = Zone::open(other, &path).map(|_| ());
    assert!(matches!(refused, Err(ZoneError::Journal(JournalError::OtherPool { .. }))), "{refused:?}");
    assert_eq!(Zone::open(genesis(), &path).unwrap().state().height, Height::new(2));
}

#[test]
fn the_kill_switch_sends_deposits_back_and_refuses_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut firm = history(folder.path());
    let mut zone = open(folder.path());
    let registry = registry(&[&firm]);
    let asset = zone.state().pool_asset(CASH).unwrap();
    let out = Intent::Unshield { asset, value: Value::new(1), to: public(30) };
    let unshield = firm.transact(zone.state(), Day::new(TODAY), &registry, &out);
    make(&mut zone, vec![directive(3, Directive::Gate(Gate::Halted))], vec![]);
    let made = make(&mut zone, vec![], vec![unshield.clone()]);
    assert_eq!((made.height, made.refused), (None, vec![(0, Refusal::Rules(TransactionError::Halted))]));
    zone.news(&news(3, vec![deposit(3, 9, firm.deposit.public())])).unwrap();
    let height = make(&mut zone, vec![], vec![]).height.unwrap();
    assert_eq!(zone.archive().block(height).unwrap().header.inbox_refused, [InboxIndex::new(3)]);
    make(&mut zone, vec![directive(4, Directive::Gate(Gate::Open))], vec![]);
    assert_eq!(make(&mut zone, vec![], vec![unshield]).refused, []);
}

#[test]
fn what_settlement_cannot_say_ends_the_zone() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path());
    let mut zone = open(folder.path());
    assert!(zone.news(&news(3, vec![deposit(4, 1, public(1))])).is_err(), "message 3 is missing");
    let mut other = block_ref(&zone.archive().block(Height::new(2)).unwrap());
    other.body_hash.0[0] ^= 1;
    let mut settled = news(4, vec![]);
    settled.settled = vec![other].into();
    assert!(matches!(zone.news(&settled), Err(ZoneError::OtherBlock { .. })));
    assert!(zone.welcome(&welcome(Height::new(6))).is_err(), "a block that was never made here");
    let proven = |guest_image| Welcome { guest_image, ..welcome(Height::new(5)) };
    assert!(matches!(zone.welcome(&proven(Digest([7; 32]))), Err(ZoneError::OtherGuest { .. })));
    assert_eq!(zone.welcome(&proven(image())).unwrap(), Height::new(6));
}

#[test]
fn a_registry_that_was_lost_is_shown_again_once_it_is_published_again() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(&[&Firm::new(1)]);
    let root = registry.root();
    let mut published = Published::in_folder(folder.path().into());
    assert!(published.of(None).is_empty() && published.of(Some(root)).is_empty());
    published.store(root, registry.to_bytes()).unwrap();
    assert_eq!(published.of(Some(root)), registry.to_bytes());
    assert_eq!(Published::in_folder(folder.path().into()).of(Some(root)), registry.to_bytes(), "by another process");
}

#[test]
fn a_configuration_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privacy.toml");
    let key = "ab".repeat(32);
    let text = format!(
        "chain = 7\nzone = 4\ngeneration = 1\nregistrar = \"{key}\"\ncontroller = \"{key}\"\n\
         directory = \"privacy\"\nsettle = \"zone-4/zone.sock\"\nlisten = \"127.0.0.1:7401\"\n"
    );
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        ZoneConfig::load(&path).map_err(|error| error.to_string())
    };
    let config = load(&text).unwrap();
    assert_eq!((config.pool, config.registrar), (genesis().id, PublicKey([0xab; 32])));
    assert_eq!(config.directory, folder.path().join("privacy"), "relative paths start at the file's folder");
    assert!(load(&text.replace("zone =", "zoen =")).unwrap_err().contains("zoen"));
    assert!(load(&text.replace(&key, "abc")).unwrap_err().contains("registrar is not a key"));
    assert!(load(&"#".repeat(2 << 20)).unwrap_err().contains("more than"));
}
