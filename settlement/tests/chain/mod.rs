//! A chain for tests: keys, genesis, and a zone that makes blocks.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use plinth_settlement::block::SignedDeposit;
use plinth_settlement::digest::sha256;
use plinth_settlement::dispersal::{Encoded, ReaderKey};
use plinth_settlement::genesis::{
    ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode, ZoneRules,
};
use plinth_settlement::keys::SecretKey;
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, ChainId, Height, InboxIndex, MandateId, MsgSeqNum, ProducerEpoch, Seq, SessionId, TimestampNs, ZoneId,
};
use plinth_types::message::{Deposit, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::Address;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const CHAIN: ChainId = ChainId::new(7);

/// A chain's keys and genesis.
pub struct Fixture {
    pub genesis: Arc<Genesis>,
    pub keys: Vec<SecretKey>,
    pub producer: SecretKey,
    pub owner: SecretKey,
    pub reader_key: ReaderKey,
    pub idle_interval: Duration,
}

pub fn secret(kind: u8, index: u8) -> SecretKey {
    let mut seed = [0; 32];
    (seed[0], seed[1]) = (kind, index);
    SecretKey::from_seed(seed)
}

/// Decides alone who validates.
pub fn governor() -> SecretKey {
    secret(4, 0)
}

pub fn genesis(validators: &[SecretKey], producer: &SecretKey, owner: &SecretKey, epoch_blocks: u32) -> Genesis {
    draft(validators, producer, owner, epoch_blocks).build().unwrap()
}

/// The same, to be changed before it is built.
pub fn draft(validators: &[SecretKey], producer: &SecretKey, owner: &SecretKey, epoch_blocks: u32) -> Draft {
    let asset = Asset { id: AssetId::new(0), name: Name::new("USD").unwrap(), decimals: 2 };
    let issued = vec![GenesisBalance { owner: owner.public_key(), amount: Amount::new(1_000_000).unwrap() }];
    Draft {
        chain: CHAIN,
        time: TimestampNs::new(1_000),
        validators: validators.iter().map(SecretKey::public_key).collect(),
        zones: vec![GenesisZone {
            id: ZoneId::TRADING,
            name: Name::new("trading").unwrap(),
            producer: producer.public_key(),
            epoch: ProducerEpoch::new(1),
            mode: ZoneMode::Attested { delay_blocks: 2 },
            rules: ZoneRules::default(),
        }],
        assets: vec![GenesisAsset { asset, issuer: owner.public_key(), issued }],
        limits: ChainLimits { epoch_blocks, ..ChainLimits::default() },
        governance: Governance { governors: vec![governor().public_key()], approvals_min: 1 },
        requests: None,
    }
}

impl Fixture {
    pub fn new(count: u8) -> Self {
        Self::changing(count, usize::from(count), ChainLimits::default().epoch_blocks)
    }

    /// The first `members` of so many keys validate from genesis on.
    pub fn changing(count: u8, members: usize, epoch_blocks: u32) -> Self {
        let keys: Vec<SecretKey> = (0..count).map(|index| secret(1, index)).collect();
        let (producer, owner) = (secret(2, 0), secret(3, 0));
        let genesis = Arc::new(genesis(&keys[..members], &producer, &owner, epoch_blocks));
        let reader_key = ReaderKey::new([9; 32]);
        Self { genesis, keys, producer, owner, reader_key, idle_interval: Duration::from_millis(100) }
    }

    /// A validator's place in the committee, which is its shard's.
    pub fn place(&self, validator: usize) -> u16 {
        self.genesis.committee().index_of(&self.keys[validator].public_key()).unwrap()
    }

    pub fn deposit(&self, nonce: u64, units: u128) -> SignedDeposit {
        let deposit = Deposit {
            zone: ZoneId::TRADING,
            nonce,
            asset: AssetId::new(0),
            amount: Amount::new(units).unwrap(),
            owner: self.owner.public_key(),
            account: Address::of_account(AccountId::new(4)),
        };
        SignedDeposit::sign(deposit, CHAIN, &self.owner)
    }
}

/// This host's clock, as a sequencer stamps it.
pub fn now() -> TimestampNs {
    TimestampNs::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
}

/// Makes a zone's blocks, each of a few commands.
pub struct Zone {
    pub height: Height,
    pub parent: Digest,
    pub seq: Seq,
    pub time: TimestampNs,
    pub inbox: InboxIndex,
    pub root: Digest,
    /// What stamps the commands.
    pub clock: fn() -> TimestampNs,
}

impl Default for Zone {
    fn default() -> Self {
        let zero = Digest::ZERO;
        Self {
            height: Height::new(0),
            parent: zero,
            seq: Seq::new(0),
            time: TimestampNs::new(0),
            inbox: InboxIndex::new(0),
            root: zero,
            clock: now,
        }
    }
}

impl Zone {
    /// The next block: the messages, then `cancels` commands. Parent, key commitment and shard root are the link's to fill in.
    pub fn next(&mut self, messages: &[InboxMessage], cancels: u64) -> (ZoneHeader, Vec<u8>) {
        let mut body = Vec::new();
        let (first_seq, mut count) = (self.seq.next(), 0);
        self.time = (self.clock)().max(self.time);
        for message in messages {
            let tail = message.to_bytes();
            self.push(&mut body, SessionId::APPLIANCE, Body::Inbox, &tail);
            self.inbox = message.index;
            count += 1;
        }
        for _ in 0..cancels {
            let order = plinth_types::id::OrderId::new(SessionId::new(1), 1).unwrap();
            let tail = ClientTail {
                msg_seq_num: MsgSeqNum::new(self.seq.get()),
                client_order_id: ClientOrderId::new(b"cancel").unwrap(),
                orig_client_order_id: None,
            }
            .to_bytes();
            self.push(&mut body, SessionId::new(1), Body::Cancel { order }, &tail);
            count += 1;
        }
        self.height = self.height.next();
        let pre_root = self.root;
        self.root = sha256(&[b"root", &self.height.get().to_le_bytes()]);
        let header = ZoneHeader {
            chain: CHAIN,
            zone: ZoneId::TRADING,
            height: self.height,
            epoch: ProducerEpoch::new(1),
            parent: Digest::ZERO,
            guest_image: Digest::ZERO,
            policy: Digest::ZERO,
            pre_root,
            post_root: self.root,
            inbox_index: self.inbox,
            inbox_root: plinth_settlement::body::inbox_root(messages),
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
            body_hash: sha256(&[&body]),
            body_size: body.len() as u32,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq,
            last_seq: self.seq,
            time: self.time,
            command_count: count,
            trade_count: 0,
        };
        (header, body)
    }

    /// The next block, sealed and signed here instead of by a link.
    pub fn sealed(&mut self, fixture: &Fixture, messages: &[InboxMessage], cancels: u64) -> (SignedHeader, Encoded) {
        let (mut header, body) = self.next(messages, cancels);
        header.parent = self.parent;
        let key = fixture.reader_key.body_key(&header);
        let shards = Encoded::new(&key.close(header.height, &body).into(), fixture.genesis.committee().count()).unwrap();
        (header.body_key, header.shard_root) = (key.commitment(), shards.root());
        self.parent = plinth_settlement::block::header_id(&header);
        let signature = fixture.producer.sign(&header.signed_bytes());
        (SignedHeader { header, signature }, shards)
    }

    fn push(&mut self, body: &mut Vec<u8>, session: SessionId, kind: Body, tail: &[u8]) {
        self.seq = self.seq.next();
        let (mandate, tail_size) = (MandateId::new(0), tail.len() as u16);
        let command = Command { seq: self.seq, time: self.time, session, mandate, body: kind, tail_size };
        body.extend_from_slice(&command.head());
        body.extend_from_slice(tail);
    }
}
