//! The formats of the zone, pinned.

use crate::world::{Firm, NOW, completion, deposit, genesis, make, news, open, opening_directives, public, registry};
use plinth_golden::Fixtures;
use plinth_privacy::field::{Anchor, RegistryRoot, Word};
use plinth_privacy::note::{Eligibility, Value};
use plinth_privacy::pool::block::Compact;
use plinth_privacy::pool::state::Gate;
use plinth_privacy_zone::journal::{Position, Record};
use plinth_privacy_zone::settled::Checked;
use plinth_privacy_zone::wire::{Answer, AssetStatus, Request, Status, WaitingCredit};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex};
use plinth_zone_protocol::{Bytes, Reason};

fn fixtures() -> Fixtures {
    Fixtures::of(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_journal_is_pinned_and_with_it_bodies_and_headers() {
    let folder = tempfile::tempdir().unwrap();
    let mut zone = open(folder.path());
    let [first, _] = opening_directives(&registry(&[&Firm::new(1)]));
    zone.news(&news(3, vec![deposit(1, 5, public(1))])).unwrap();
    make(&mut zone, vec![first], vec![]);
    fixtures().bytes("journal", &std::fs::read(folder.path().join("blocks.journal")).unwrap());
    let position = Position { genesis: Digest([5; 32]), settlement: Height::new(6) };
    fixtures().bytes("journal_position", &Record::Position(position).to_bytes());
    let ordered = Record::Ordered(position, Height::new(7), completion(Digest([8; 32])));
    fixtures().bytes("journal_ordered", &ordered.to_bytes());
}

#[test]
fn what_a_wallet_checked_last_is_pinned() {
    let checked = Checked { height: Height::new(1), id: Digest([2; 32]), blocks: Digest([3; 32]) };
    fixtures().bytes("checked", &checked.to_bytes());
}

#[test]
fn the_wallets_protocol_is_pinned() {
    let word = Word::from_u64;
    let [first, _] = opening_directives(&registry(&[&Firm::new(1)]));
    let requests = [
        ("status", Request::Status),
        ("blocks", Request::Blocks(Height::new(9))),
        ("registry", Request::Registry),
        ("credits", Request::Credits(public(1))),
        ("direct", Request::Direct(Box::new(first), Bytes(vec![1, 2, 3]))),
        ("headers", Request::Headers(Height::new(10))),
        ("body", Request::Body(Height::new(11))),
    ];
    fixtures().values("request", &requests);
    let status = Status {
        pool: genesis().id,
        height: Height::new(1),
        time: NOW,
        gate: Gate::Open,
        directives: 2,
        inbox: InboxIndex::new(3),
        anchor: Anchor::new(word(4)),
        registry: vec![RegistryRoot::new(word(5))].into(),
        assets: vec![AssetStatus { asset: AssetId::new(6), eligible: Eligibility::ALL, total: Value::new(7), frozen: true }].into(),
        connected: true,
        frozen: false,
        ordered: Height::new(8),
        available: Height::new(9),
        settled: Height::new(10),
    };
    let credit = WaitingCredit { id: Digest([1; 32]), asset: AssetId::new(2), value: Value::new(3) };
    let block = Compact { height: Height::new(4), time: NOW, transactions: vec![] };
    let folder = tempfile::tempdir().unwrap();
    let mut zone = open(folder.path());
    make(&mut zone, vec![first], vec![]);
    let header = completion(Digest([3; 32])).complete(zone.archive().block(Height::new(1)).unwrap().header);
    let answers = [
        ("status", Answer::Status(Box::new(status))),
        ("blocks", Answer::Blocks(vec![block].into())),
        ("registry", Answer::Registry(Bytes(vec![1, 2, 3]))),
        ("credits", Answer::Credits(vec![credit].into())),
        ("sealed", Answer::Sealed(Height::new(5))),
        ("refused", Answer::Refused(Reason::new("why"))),
        ("waits", Answer::Waits),
        ("headers", Answer::Headers(vec![header].into())),
        ("body", Answer::Body(Bytes(vec![4, 5, 6]))),
    ];
    fixtures().values("answer", &answers);
}
