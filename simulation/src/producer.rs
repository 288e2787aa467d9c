//! Producers of zones: honest ones, and each way of lying about a body. They know the chain from a follower, as a real zone does.
//!
//! | Conduct | What it does | What must come of it |
//! | --- | --- | --- |
//! | [`Conduct::Honest`] | seals blocks that consume the inbox in order | each is ordered once |
//! | [`Conduct::Silent`] | makes nothing | its zone stands still, nobody else waits |
//! | [`Conduct::Withholding`] | shows the header to all and the body to f + 1 | not ordered until it shows the body to more |
//! | [`Conduct::Lying`] | commits to other shards than the body's | never ordered; the true header behind it is |
//! | [`Conduct::TwoFaced`] | signs two headers of one height, shows each to one half, much later to all | at most one is ordered, nobody else waits |
//! | [`Conduct::Overdrawing`] | takes out more than the zone was paid | the zone is frozen, nothing is paid |

use crate::limits::ZONE_BLOCKS_IN_FLIGHT;
use crate::random::Random;
use plinth_settlement::block::header_id;
use plinth_settlement::body::inbox_root;
use plinth_settlement::committee::ValidatorCount;
use plinth_settlement::digest::sha256;
use plinth_settlement::dispersal::{Encoded, ReaderKey};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::{State, ZoneStatus};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, Command};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{
    AssetId, ChainId, Height, InboxIndex, MandateId, MsgSeqNum, OrderId, ProducerEpoch, Seq, SessionId, TimestampNs, ZoneId,
};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use std::sync::Arc;

/// How a producer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conduct {
    /// By the rules.
    Honest,
    /// Makes no block.
    Silent,
    /// Shows a body to fewer validators than a quorum, and to the rest much later.
    Withholding,
    /// Commits to shards that are not the body's.
    Lying,
    /// Signs two headers of one height.
    TwoFaced,
    /// Takes out more than was paid in.
    Overdrawing,
}

/// A zone block that its producer has signed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The header.
    pub signed: SignedHeader,
    /// What it shows for the body: each validator its own shard.
    pub shards: Arc<Encoded>,
    /// The header's id.
    pub id: Digest,
    /// Whether the body is not what the header commits to, so that nobody can ever have checked it.
    pub is_a_lie: bool,
    /// Who is shown it; all if `None`.
    pub shown_to: Option<Vec<usize>>,
    /// When it was sealed.
    pub at: TimestampNs,
}

/// A zone's producer.
#[derive(Debug)]
pub struct Producer {
    zone: ZoneId,
    conduct: Conduct,
    key: SecretKey,
    chain: ChainId,
    validators: ValidatorCount,
    tip: Tip,
    waiting: Vec<Sealed>,
    misdeeds: u32,
}

/// Where the producer's own chain stands, behind the last block that it sealed.
#[derive(Clone, Copy, Debug, Default)]
struct Tip {
    height: Height,
    parent: Digest,
    seq: Seq,
    time: TimestampNs,
    inbox: InboxIndex,
    root: Digest,
}

/// How many times a producer lies before it is done with it.
const MISDEEDS_MAX: u32 = 3;
/// What the zone's readers share.
const READER_KEY: ReaderKey = ReaderKey::new([9; 32]);
/// How long a producer shows a body to too few.
const WITHHELD: u64 = 8_000_000_000;

impl Producer {
    /// At the zone's genesis.
    #[must_use]
    pub fn new(zone: ZoneId, conduct: Conduct, key: SecretKey, chain: ChainId, validators: ValidatorCount) -> Self {
        Self { zone, conduct, key, chain, validators, tip: Tip::default(), waiting: Vec::new(), misdeeds: 0 }
    }

    /// Its zone.
    #[must_use]
    pub const fn zone(&self) -> ZoneId {
        self.zone
    }

    /// How it behaves.
    #[must_use]
    pub const fn conduct(&self) -> Conduct {
        self.conduct
    }

    /// What it has sealed and not seen ordered.
    #[must_use]
    pub fn waiting(&self) -> &[Sealed] {
        &self.waiting
    }

    /// Whether everything that must become final has.
    #[must_use]
    pub fn is_done(&self, state: &State) -> bool {
        let zone = state.zone(self.zone).expect("a zone of the genesis");
        match self.conduct {
            // Of two headers the pool keeps the one that can no more be ordered, and its place: such a producer may stop its own zone.
            Conduct::Silent | Conduct::TwoFaced => true,
            Conduct::Overdrawing if matches!(zone.status(), ZoneStatus::Frozen(_)) => true,
            Conduct::Honest | Conduct::Withholding | Conduct::Lying | Conduct::Overdrawing => {
                self.waiting.is_empty() && zone.unsettled().len() == 0
            }
        }
    }

    /// Drops what is ordered, and seals the next block if `seal`. Returns what is new.
    pub fn advance(&mut self, state: &State, now: TimestampNs, seal: bool, random: &mut Random) -> Vec<Sealed> {
        let zone = state.zone(self.zone).expect("a zone of the genesis");
        self.waiting.retain(|sealed| sealed.signed.header.height > zone.height());
        if matches!(zone.status(), ZoneStatus::Frozen(_)) {
            self.waiting.clear();
            return Vec::new();
        }
        for sealed in &mut self.waiting {
            if now.get().saturating_sub(sealed.at.get()) > WITHHELD {
                sealed.shown_to = None;
            }
        }
        // The other of its two headers was ordered: what it sealed on top of its own favourite can never be.
        let forked = self
            .waiting
            .first()
            .is_some_and(|first| first.signed.header.height == zone.height().next() && first.signed.header.parent != zone.head());
        if forked {
            self.waiting.clear();
        }
        if self.waiting.is_empty() && self.tip.parent != zone.head() {
            let before = zone.before();
            self.tip = Tip {
                height: zone.height(),
                parent: zone.head(),
                seq: before.seq,
                time: before.time,
                inbox: before.inbox,
                root: zone.post_root(),
            };
        }
        if !seal || self.conduct == Conduct::Silent || self.waiting.len() >= ZONE_BLOCKS_IN_FLIGHT {
            return Vec::new();
        }
        let messages: Vec<InboxMessage> =
            zone.inbox().pending().filter(|message| message.index > self.tip.inbox).take(16).copied().collect();
        let new = self.seal(&messages, now, random);
        self.waiting.extend(new.iter().cloned());
        new
    }

    fn seal(&mut self, messages: &[InboxMessage], now: TimestampNs, random: &mut Random) -> Vec<Sealed> {
        let misbehaves = self.misdeeds < MISDEEDS_MAX && random.one_in(3);
        let base = self.tip;
        let (mut header, body) = self.next(messages, random.below(4), now);
        if !misbehaves {
            return vec![self.sign(header, body, now, None, false)];
        }
        let count = usize::from(self.validators.get());
        let mut all: Vec<usize> = (0..count).collect();
        random.shuffle(&mut all);
        match self.conduct {
            Conduct::Honest | Conduct::Silent => vec![self.sign(header, body, now, None, false)],
            Conduct::Withholding => {
                self.misdeeds += 1;
                let few = all[..usize::from(self.validators.faults_max()) + 1].to_vec();
                vec![self.sign(header, body, now, Some(few), false)]
            }
            Conduct::Lying => {
                self.misdeeds += 1;
                let mut other = body.clone();
                other[0] ^= 1;
                header.shard_root = self.disperse(&header, &other).root();
                let lie = self.sign(header.clone(), body.clone(), now, None, true);
                header.shard_root = Digest::ZERO;
                vec![lie, self.sign(header, body, now, None, false)]
            }
            Conduct::TwoFaced => {
                self.misdeeds += 1;
                let (left, right) = all.split_at(count / 2);
                let one = self.sign(header, body, now, Some(left.to_vec()), false);
                self.tip = base;
                let (header, body) = self.next(messages, 7, now);
                vec![one, self.sign(header, body, now, Some(right.to_vec()), false)]
            }
            Conduct::Overdrawing => {
                self.misdeeds += 1;
                header.outbox_root = sha256(&[b"an outbox"]);
                let amount = Amount::new(10 * crate::chain::ISSUED_UNITS).expect("a small amount");
                header.outbox_totals = vec![AssetAmount { asset: AssetId::new(0), amount }];
                vec![self.sign(header, body, now, None, false)]
            }
        }
    }

    /// The next block: the messages, then `cancels` commands.
    fn next(&mut self, messages: &[InboxMessage], cancels: u64, now: TimestampNs) -> (ZoneHeader, Vec<u8>) {
        let (mut body, mut count, first_seq) = (Vec::new(), 0, self.tip.seq.next());
        self.tip.time = now.max(self.tip.time);
        for message in messages {
            self.push(&mut body, SessionId::APPLIANCE, Body::Inbox, &message.to_bytes());
            self.tip.inbox = message.index;
            count += 1;
        }
        // A block holds at least one command.
        for _ in 0..cancels.max(u64::from(messages.is_empty())) {
            let order = OrderId::new(SessionId::new(1), 1).expect("the first order of a session");
            let tail = ClientTail {
                msg_seq_num: MsgSeqNum::new(self.tip.seq.get()),
                client_order_id: ClientOrderId::new(b"cancel").expect("a short id"),
                orig_client_order_id: None,
            };
            self.push(&mut body, SessionId::new(1), Body::Cancel { order }, &tail.to_bytes());
            count += 1;
        }
        let pre_root = self.tip.root;
        self.tip.height = self.tip.height.next();
        self.tip.root = sha256(&[b"root", &self.tip.height.get().to_le_bytes(), &body]);
        let header = ZoneHeader {
            chain: self.chain,
            zone: self.zone,
            height: self.tip.height,
            epoch: ProducerEpoch::new(1),
            parent: self.tip.parent,
            guest_image: Digest::ZERO,
            policy: Digest::ZERO,
            pre_root,
            post_root: self.tip.root,
            inbox_index: self.tip.inbox,
            inbox_root: inbox_root(messages),
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
            body_hash: sha256(&[&body]),
            body_size: body.len() as u32,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq,
            last_seq: self.tip.seq,
            time: self.tip.time,
            command_count: count,
            trade_count: 0,
        };
        (header, body)
    }

    /// Signs; the shard root is the body's unless the header names another one already.
    fn sign(
        &mut self,
        mut header: ZoneHeader,
        body: Vec<u8>,
        at: TimestampNs,
        shown_to: Option<Vec<usize>>,
        is_a_lie: bool,
    ) -> Sealed {
        let shards = Arc::new(self.disperse(&header, &body));
        header.body_key = READER_KEY.body_key(&header).commitment();
        if header.shard_root == Digest::ZERO {
            header.shard_root = shards.root();
        }
        let id = header_id(&header);
        if !is_a_lie {
            self.tip.parent = id;
        }
        let signature = self.key.sign(&header.signed_bytes());
        Sealed { signed: SignedHeader { header, signature }, shards, id, is_a_lie, shown_to, at }
    }

    fn disperse(&self, header: &ZoneHeader, body: &[u8]) -> Encoded {
        let ciphertext = READER_KEY.body_key(header).close(header.height, body);
        Encoded::new(&ciphertext.into(), self.validators).expect("a short body")
    }

    fn push(&mut self, body: &mut Vec<u8>, session: SessionId, kind: Body, tail: &[u8]) {
        self.tip.seq = self.tip.seq.next();
        let (mandate, tail_size) = (MandateId::new(0), tail.len() as u16);
        let command = Command { seq: self.tip.seq, time: self.tip.time, session, mandate, body: kind, tail_size };
        body.extend_from_slice(&command.head());
        body.extend_from_slice(tail);
    }
}
