//! The whole process but for its `main`, with a host played by the test: wallets over TCP, blocks over the host's socket.

use crate::world::*;
use plinth_privacy::note::Value;
use plinth_privacy::registry::{Day, Registry};
use plinth_privacy::wallet::draft::Intent;
use plinth_privacy_zone::client::{Client, ClientError};
use plinth_privacy_zone::config::ZoneConfig;
use plinth_privacy_zone::process::{Running, start};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, InboxIndex};
use plinth_types::message::InboxMessage;
use plinth_zone_protocol::host::{Handed, Hanger, Listener, ToZone, Wish};
use plinth_zone_protocol::{Finalized, Hello, Refusal};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Long enough for a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(240);

/// A host that orders and settles whatever it is handed, and tells of what the test says.
pub struct Host {
    listener: Listener,
    settlement: u64,
    pub blocks: BTreeMap<Height, plinth_zone_protocol::Block>,
    /// Ids of ordered headers.
    pub heads: BTreeMap<Height, Digest>,
    joined: Option<(ToZone, Receiver<Handed>, Hanger)>,
}

impl Host {
    fn at(socket: &Path) -> Self {
        Self {
            listener: Listener::bind(socket).unwrap(),
            settlement: 0,
            blocks: BTreeMap::new(),
            heads: BTreeMap::new(),
            joined: None,
        }
    }

    /// Waits for the zone, and has settled what it was handed before.
    fn join(&mut self) -> Hello {
        let mut caller = self.listener.accept().unwrap();
        let Wish::Zone(hello) = caller.wish().unwrap() else { panic!("a question instead of a zone") };
        let hanger = caller.hanger().unwrap();
        let settled = self.blocks.keys().next_back().copied().unwrap_or(Height::new(0));
        let (mut from_zone, to_zone) = caller.welcome(welcome(settled)).unwrap();
        self.settlement = hello.settlement_height.get();
        let (said, handed) = channel();
        std::thread::spawn(move || {
            while let Ok(handed) = from_zone.receive() {
                if said.send(handed).is_err() {
                    return;
                }
            }
        });
        self.joined = Some((to_zone, handed, hanger));
        hello
    }

    fn tell(&mut self, news: Finalized) {
        self.settlement += 1;
        let news = Finalized { height: Height::new(self.settlement), ..news };
        self.joined.as_mut().unwrap().0.finalized(news).unwrap();
    }

    pub fn append(&mut self, inbox: Vec<InboxMessage>) {
        self.tell(Finalized { inbox: inbox.into(), ..Finalized::default() });
    }

    /// Waits until the zone has handed over up to this block, and settles each.
    pub fn settle_up_to(&mut self, height: u64) {
        while self.blocks.keys().next_back().is_none_or(|last| last.get() < height) {
            let handed = self.joined.as_ref().unwrap().1.recv_timeout(PATIENCE).expect("the zone hands over its blocks");
            let Handed::Block(block) = handed else { continue };
            let before = Height::new(block.header.height.get() - 1);
            let parent = self.heads.get(&before).copied().unwrap_or(Digest::ZERO);
            let news = ordering(0, &block, parent);
            self.heads.insert(block.header.height, news.ordered[0].id);
            let known = self.blocks.insert(block.header.height, *block.clone());
            assert!(known.is_none_or(|known| known == *block), "the same block again");
            self.tell(Finalized { available: news.ordered.clone(), settled: news.ordered.clone(), ..news });
        }
    }
}

fn config(folder: &Path) -> ZoneConfig {
    ZoneConfig {
        pool: genesis().id,
        registrar: genesis().registrar,
        controller: genesis().controller,
        directory: folder.join("zone"),
        settle: socket(folder),
        listen: "127.0.0.1:0".parse().unwrap(),
        interval: Duration::ZERO,
        proof_threads: 1,
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("s")
}

fn today() -> Day {
    Day::new((SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400) as u32)
}

/// A zone with a registry and an asset, and its host.
pub fn running(folder: &Path, registry: &Registry) -> (Running, Host) {
    let mut host = Host::at(&socket(folder));
    let running = start(config(folder)).unwrap();
    host.join();
    let mut client = Client::connect(running.listen).unwrap();
    let [first, second] = opening_directives(registry);
    assert!(matches!(client.direct(first, None), Err(ClientError::Refused(_))), "a root without its registry");
    assert_eq!(client.direct(first, Some(registry)).unwrap(), Height::new(1));
    assert!(matches!(client.direct(first, Some(registry)), Err(ClientError::Refused(_))), "once");
    assert_eq!(client.direct(second, None).unwrap(), Height::new(2));
    assert_eq!(client.registry().unwrap().root(), registry.root());
    host.settle_up_to(2);
    (running, host)
}

fn scan(firm: &mut Firm, zone: SocketAddr) {
    let mut client = Client::connect(zone).unwrap();
    loop {
        let blocks = client.blocks(firm.wallet.height().next()).unwrap();
        if blocks.is_empty() {
            return assert_eq!(client.status().unwrap().anchor, firm.wallet.anchor());
        }
        blocks.iter().for_each(|block| firm.wallet.scan(block).unwrap());
    }
}

#[test]
fn a_note_is_spent_once_however_many_spend_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut firm, other) = (Firm::new(1), Firm::new(2));
    let registry = registry(&[&firm, &other]);
    let (zone, mut host) = running(folder.path(), &registry);
    host.append(vec![deposit(1, 500, firm.deposit.public())]);
    host.settle_up_to(3);
    scan(&mut firm, zone.listen);
    let mut client = Client::connect(zone.listen).unwrap();
    let credits = client.credits(firm.deposit.public()).unwrap();
    assert_eq!(credits.iter().map(|credit| credit.value.units()).collect::<Vec<_>>(), [500]);
    assert!(client.credits(other.deposit.public()).unwrap().is_empty());
    let state = genesis();
    let asset = plinth_privacy::note::PoolAsset::new(CASH, plinth_privacy::note::Eligibility::ALL).unwrap();
    let intent = Intent::Shield { asset, value: Value::new(500), credit: credits[0].id };
    let shield = firm.transact(&state, today(), &registry, &intent);
    let height = client.submit(shield.clone()).unwrap();
    assert!(matches!(client.submit(shield), Err(ClientError::Refused(_))), "a credit is shielded once");
    assert!(client.credits(firm.deposit.public()).unwrap().is_empty());
    scan(&mut firm, zone.listen);
    assert_eq!((firm.has(), height), (500, Height::new(4)));

    // The same note for two payments, each proven; two wallets of one key send them at the same time.
    let to = other.wallet.key().address();
    let pay = |units| {
        let mut twin = Firm::new(1);
        scan(&mut twin, zone.listen);
        let intent = Intent::Send { asset, value: Value::new(units), to, memo: [0; 32] };
        twin.transact(&state, today(), &registry, &intent)
    };
    let payments = [pay(100), pay(200)];
    let listen = zone.listen;
    let outcomes: Vec<_> = payments
        .map(|payment| std::thread::spawn(move || Client::connect(listen).unwrap().submit(payment)))
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let refused = outcomes.iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
    assert!(refused.to_string().contains("spent already"), "{refused}");
    let mut other = other;
    scan(&mut other, zone.listen);
    scan(&mut firm, zone.listen);
    assert_eq!(firm.has() + other.has(), 500, "nothing came about and nothing was lost");
    host.settle_up_to(5);
}

#[test]
fn garbage_ends_its_own_connection_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(&[&Firm::new(1)]);
    let (zone, _host) = running(folder.path(), &registry);
    let mut quiet = Client::connect(zone.listen).unwrap();
    quiet.status().unwrap();
    let said = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(zone.listen).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has ended as well.
        let _ended = stream.read_to_end(&mut answer);
        answer
    };
    // No frame, half a length, half a frame.
    for bytes in [&[][..], &[1, 0], &[9, 0, 0, 0, 1, 1]] {
        assert!(said(bytes).is_empty());
    }
    // Too large, another version, no such request, bytes behind a request, a transaction that is none.
    let garbage: [&[u8]; 5] =
        [&[0xff, 0xff, 0xff, 0x7f], &[2, 0, 0, 0, 9, 1], &[2, 0, 0, 0, 1, 99], &[3, 0, 0, 0, 1, 1, 0], &[4, 0, 0, 0, 1, 5, 1, 0]];
    for bytes in garbage {
        let answer = said(bytes);
        assert_eq!(answer.get(4..6), Some(&[1, 6][..]), "it is told so: {bytes:?}");
    }
    assert_eq!(quiet.status().unwrap().height, Height::new(2), "the other connection noticed nothing");
    assert_eq!(quiet.blocks(Height::new(u64::MAX)).unwrap(), [], "no such block");
    assert_eq!(quiet.blocks(Height::new(0)).unwrap().len(), 2);
}

#[test]
fn a_host_that_goes_and_comes_is_told_the_same_blocks_and_deposits_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let firm = Firm::new(1);
    let (zone, mut host) = running(folder.path(), &registry(&[&firm]));
    host.append(vec![deposit(1, 500, firm.deposit.public())]);
    host.settle_up_to(3);
    // Nothing of this conversation is settled as far as the next host knows; it begins from what the zone says.
    let (.., hanger) = host.joined.take().unwrap();
    hanger.hang_up();
    let handed = std::mem::take(&mut host.blocks);
    drop(host);
    let mut host = Host::at(&socket(folder.path()));
    let hello = host.join();
    assert_eq!((hello.height, hello.settlement_height <= Height::new(4)), (Height::new(3), true));
    host.settlement = hello.settlement_height.get();
    host.append(vec![deposit(1, 500, firm.deposit.public())]);
    host.append(vec![deposit(2, 70, firm.deposit.public())]);
    host.settle_up_to(4);
    for (height, block) in &handed {
        assert_eq!(host.blocks.get(height), Some(block));
    }
    let last = &host.blocks[&Height::new(4)].header;
    assert_eq!(last.inbox_index, InboxIndex::new(2));
    let credits = Client::connect(zone.listen).unwrap().credits(firm.deposit.public()).unwrap();
    assert_eq!(credits.len(), 2);
    // The host's last word ends the process.
    let (to_zone, ..) = host.joined.take().unwrap();
    to_zone.refuse(Refusal::NotProducer { producer: public(50), epoch: plinth_types::id::ProducerEpoch::new(2) });
    assert!(zone.ended().to_string().contains("producer"));
}
