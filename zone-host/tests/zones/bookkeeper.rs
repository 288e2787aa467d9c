//! A small zone, whole: accounts that are credited from the inbox and send half of it back, a journal, blocks with roots. It knows nothing of
//! settlement but `plinth_zone_protocol`.

use plinth_settlement::digest::sha256; // any SHA-256
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, OutboxMessage, Party};
use plinth_zone_protocol::{Block, Bytes, Finalized, Hello, News, Outgoing, Port, ProtocolError, Welcome};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// What this account is sent, the zone refuses.
pub const CLOSED_ACCOUNT: Address = Address([0xff; 32]);
/// How a zone ends that is told for good to stop.
pub const TOLD_TO_STOP: i32 = 3;
/// Where a zone is to kill itself, once.
pub const DIE: &str = "PLINTH_TEST_ZONE_DIE";
const CHAIN: ChainId = ChainId::new(7);
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// Books, journal, and the blocks made so far.
pub struct Books {
    folder: PathBuf,
    journal: File,
    zone: ZoneId,
    pub blocks: Vec<Block>,
    pub balances: BTreeMap<(Address, AssetId), u128>,
    /// What the next block sends.
    due: Vec<(Address, Address, AssetId, u128)>,
    pub inbox: InboxIndex,
    sent: u64,
    settlement: Height,
    welcome: Option<Welcome>,
}

impl Books {
    pub fn open(folder: &Path, zone: ZoneId) -> Self {
        let path = folder.join("journal");
        let bytes = std::fs::read(&path).unwrap_or_default();
        let journal = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let (mut at, mut blocks) = (0, Vec::new());
        while let Some(size) = bytes.get(at..at + 4) {
            let size = u32::from_le_bytes(size.try_into().unwrap()) as usize;
            let Some(block) = bytes.get(at + 4..at + 4 + size) else { break };
            blocks.push(Block::decode(block).unwrap());
            at += 4 + size;
        }
        // What was cut off by a kill was handed to nobody.
        journal.set_len(at as u64).unwrap();
        let (folder, balances, due) = (folder.to_path_buf(), BTreeMap::new(), Vec::new());
        let (inbox, settlement) = (InboxIndex::new(0), Height::new(0));
        let mut books =
            Self { folder, journal, zone, blocks: Vec::new(), balances, due, inbox, sent: 0, settlement, welcome: None };
        for block in blocks {
            let again = books.execute(&block.body.0);
            assert_eq!(
                again,
                (block.outbox.0.clone(), block.header.inbox_refused.clone(), block.header.post_root),
                "the same again"
            );
            books.blocks.push(block);
        }
        books
    }

    fn hello(&self) -> Hello {
        let genesis = std::fs::read(self.folder.join("genesis")).ok().and_then(|bytes| Digest::decode(&bytes).ok());
        let last = self.blocks.last().map(|block| &block.header);
        Hello {
            chain: CHAIN,
            zone: self.zone,
            genesis: genesis.unwrap_or_default(),
            epoch: ProducerEpoch::new(0),
            height: last.map_or(Height::new(0), |header| header.height),
            body_hash: last.map_or(Digest::ZERO, |header| header.body_hash),
            settlement_height: self.settlement,
        }
    }

    fn root(&self) -> Digest {
        let mut bytes = Vec::new();
        for ((account, asset), units) in &self.balances {
            (*account, *asset).0.encode(&mut bytes);
            asset.encode(&mut bytes);
            units.encode(&mut bytes);
        }
        self.inbox.encode(&mut bytes);
        sha256(&[b"books", &bytes])
    }

    /// What a body does: first what is due is sent, then messages are consumed.
    fn execute(&mut self, body: &[u8]) -> (Vec<OutboxMessage>, Vec<InboxIndex>, Digest) {
        let mut reader = Reader::new(body);
        self.settlement = Codec::read(&mut reader).unwrap();
        let (mut outbox, mut refused) = (Vec::new(), Vec::new());
        for (account, to, asset, units) in std::mem::take(&mut self.due) {
            *self.balances.get_mut(&(account, asset)).unwrap() -= units;
            self.sent += 1;
            let (to, amount) = (Party { zone: ZoneId::BASE, address: to }, Amount::new(units).unwrap());
            let expires_at = TimestampNs::new(u64::MAX);
            outbox.push(OutboxMessage { channel_seq: self.sent, to, asset, amount, sender: account, expires_at });
        }
        for _ in 0..reader.count("messages", 1_024).unwrap() {
            let message = InboxMessage::read(&mut reader).unwrap();
            assert_eq!(message.index, self.inbox.next(), "each message once, in order");
            self.inbox = message.index;
            if message.account == CLOSED_ACCOUNT && message.kind == InboxKind::Transfer {
                refused.push(message.index);
                continue;
            }
            *self.balances.entry((message.account, message.asset)).or_default() += message.amount.units();
            let half = message.amount.units() / 2;
            if message.kind == InboxKind::Transfer && half > 0 {
                self.due.push((message.account, message.from.address, message.asset, half));
            }
        }
        (outbox, refused, self.root())
    }

    /// Executes and journals the next block; the caller hands it over.
    fn make(&mut self, news: &Finalized, messages: &[InboxMessage]) -> Block {
        let mut body = Vec::new();
        news.height.encode(&mut body);
        encode_count(messages.len(), &mut body);
        messages.iter().for_each(|message| message.encode(&mut body));
        let last = self.blocks.last().map(|block| block.header.clone());
        let pre_root = self.root();
        let (outbox, inbox_refused, post_root) = self.execute(&body);
        let mut totals: BTreeMap<AssetId, u128> = BTreeMap::new();
        outbox.iter().for_each(|sent| *totals.entry(sent.asset).or_default() += sent.amount.units());
        let height = last.as_ref().map_or(Height::new(1), |last| last.height.next());
        let number = Seq::new(height.get());
        let root = |bytes: Vec<u8>, is_empty: bool| if is_empty { Digest::ZERO } else { sha256(&[&bytes]) };
        let header = ZoneHeader {
            chain: CHAIN,
            zone: self.zone,
            height,
            epoch: self.welcome.unwrap().epoch,
            parent: Digest::ZERO,
            guest_image: self.welcome.unwrap().guest_image,
            policy: Digest::ZERO,
            pre_root,
            post_root,
            inbox_index: self.inbox,
            inbox_root: root(InboxMessage::range_bytes(messages), messages.is_empty()),
            outbox_root: root(OutboxMessage::list_bytes(&outbox), outbox.is_empty()),
            outbox_totals: totals
                .iter()
                .map(|(&asset, &units)| AssetAmount { asset, amount: Amount::new(units).unwrap() })
                .collect(),
            inbox_refused,
            exit_root: Digest::ZERO,
            body_hash: sha256(&[&body]),
            body_size: body.len() as u32,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq: number,
            last_seq: number,
            time: last.map_or(news.time, |last| last.time.max(news.time)),
            command_count: 1,
            trade_count: 0,
        };
        let block = Block { header, body: Bytes(body), outbox: outbox.into() };
        let bytes = block.to_bytes();
        self.journal.write_all(&[&(bytes.len() as u32).to_le_bytes()[..], &bytes].concat()).unwrap();
        self.journal.sync_data().unwrap();
        self.blocks.push(block.clone());
        block
    }
}

/// The zone's process: goes on until it is told to stop.
pub fn run(folder: &Path, zone: ZoneId, socket: &Path) -> i32 {
    let mut books = Books::open(folder, zone);
    loop {
        let Err(error) = Port::connect(socket, &books.hello(), PATIENCE).and_then(|port| serve(port, &mut books));
        if let ProtocolError::Refused(refusal) = &error
            && refusal.is_final()
        {
            std::fs::write(folder.join("stopped"), refusal.to_string()).unwrap();
            return TOLD_TO_STOP;
        }
        // The host was killed, or has not noticed yet that the zone was.
        std::thread::sleep(PAUSE);
    }
}

enum Out {
    Block(Box<Block>),
    Processed(Height),
}

fn serve(port: Port, books: &mut Books) -> Result<std::convert::Infallible, ProtocolError> {
    let Port { welcome, mut outgoing, mut incoming } = port;
    std::fs::write(books.folder.join("genesis"), welcome.genesis.to_bytes()).unwrap();
    books.welcome = Some(welcome);
    let (out, to_say) = mpsc::channel();
    let closer = outgoing.try_clone()?;
    let speaker = std::thread::spawn(move || to_say.iter().try_for_each(|said| say(&mut outgoing, said)).is_err());
    let again = |books: &Books, first: Height| {
        let blocks = books.blocks.iter().filter(|block| block.header.height >= first);
        blocks.for_each(|block| drop(out.send(Out::Block(Box::new(block.clone())))));
    };
    again(books, welcome.settled.next());
    let ended = loop {
        let news = match incoming.receive() {
            Ok(News::Finalized(news)) => news,
            Ok(News::BlockRefused { height, reason }) => panic!("block {height} is refused: {reason}"),
            Err(error) => break error,
        };
        assert_eq!(news.ordered.len(), news.completions.len());
        for (ordered, completion) in news.ordered.iter().zip(news.completions.iter()) {
            let own = books.blocks.iter().find(|block| block.header.height == ordered.height);
            let header = completion.complete(own.expect("what is ordered was made here").header.clone());
            assert_eq!(sha256(&[&header.signed_bytes()]), ordered.id, "the header as it was ordered");
        }
        if let Some(first) = news.rejected.iter().map(|block| block.height).min() {
            again(books, first);
        }
        let fresh: Vec<_> = news.inbox.iter().filter(|message| message.index > books.inbox).copied().collect();
        let hand_over = |books: &mut Books, messages: &[InboxMessage], journaled: &str, handed: &str| {
            let block = books.make(&news, messages);
            die_at(journaled);
            drop(out.send(Out::Block(Box::new(block))));
            die_at(handed);
        };
        if !fresh.is_empty() {
            die_at("received");
            hand_over(books, &fresh, "journaled", "handed");
        }
        if !books.due.is_empty() {
            hand_over(books, &[], "paying", "paid");
        }
        books.settlement = news.height;
        drop(out.send(Out::Processed(news.height)));
    };
    closer.close();
    drop(out);
    let _said_all = speaker.join().unwrap();
    Err(ended)
}

fn say(outgoing: &mut Outgoing, said: Out) -> Result<(), ProtocolError> {
    match said {
        Out::Block(block) => outgoing.block(*block),
        Out::Processed(height) => outgoing.processed(height),
    }
}

/// `kill -9`, from within.
fn die_at(point: &str) {
    if std::env::var(DIE).is_ok_and(|wanted| wanted == point) {
        let killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        panic!("not killed: {killed:?}");
    }
}
