//! What is said. Each frame is one [`ZoneMessage`] or one [`HostMessage`], its version byte first.

use crate::limits::{NEWS_BLOCKS_MAX, NEWS_INBOX_MAX, NEWS_ORDERED_MAX};
use crate::list::{Bytes, List, Reason};
use crate::status::HostStatus;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::limits::{BODY_SIZE_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::message::InboxMessage;
use plinth_types::transfer::OutboxMessage;
use plinth_types::{choice, record};
use std::fmt;

/// What a zone process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneMessage {
    /// The first word of a zone, once.
    Hello(Hello),
    /// A block to be settled. The same one may come again; another one of its height may not.
    Block(Box<Block>),
    /// The news of every settlement block up to this one have done what they do, and will not be asked for again.
    Processed(Height),
    /// Instead of a hello: how is the host? Answered once, then the connection ends.
    Status,
}

/// What a host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostMessage {
    /// The answer to a hello: what comes next is the news of the settlement block behind the one that the zone named.
    Welcome(Box<Welcome>),
    /// The last word of a connection.
    Refused(Refusal),
    /// The next settlement block is final. Exactly one for each, in order, whether it says anything of the zone or not.
    Finalized(Box<Finalized>),
    /// More validators than can be Byzantine refuse a block. It is still sent, in case they were behind.
    BlockRefused {
        /// Its height.
        height: Height,
        /// What one of them said.
        reason: Reason,
    },
    /// The answer to the question.
    Status(Box<HostStatus>),
}

/// Who a zone process is, and what it has durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The chain.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
    /// The genesis that it was told when it first connected; zero at the first time.
    pub genesis: Digest,
    /// The first epoch in which the zone was this process's files'; 0 unless it took over from another producer.
    pub epoch: ProducerEpoch,
    /// Its last block; 0 for none.
    pub height: Height,
    /// That block's body hash; zero for none.
    pub body_hash: Digest,
    /// The last settlement block whose news it has processed; 0 for none.
    pub settlement_height: Height,
}

/// A block as a zone hands it over. `parent`, `body_key` and `shard_root` are zero: the link's to fill in, with the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: ZoneHeader,
    /// The body in the clear.
    pub body: Bytes<BODY_SIZE_MAX>,
    /// What it sends: the messages of the header's outbox root, in order.
    pub outbox: List<OutboxMessage, OUTBOX_MESSAGES_MAX>,
}

/// What a zone needs to make headers, and where settlement stands. At the named settlement block, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The chain.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
    /// The genesis, to be kept and named in every later hello.
    pub genesis: Digest,
    /// The time of the genesis.
    pub genesis_time: TimestampNs,
    /// The key that signs this zone's headers.
    pub producer: PublicKey,
    /// The epoch to be written into headers. A later one, which news tell of, the link writes itself.
    pub epoch: ProducerEpoch,
    /// What headers name as their guest: zero while the zone is attested.
    pub guest_image: Digest,
    /// Requests must be consumed within so many blocks of the zone; 0 if it takes none.
    pub request_blocks: u32,
    /// The settlement block behind which all this is so.
    pub settlement_height: Height,
    /// Its time.
    pub settlement_time: TimestampNs,
    /// The last block of the zone that is ordered.
    pub ordered: Height,
    /// The last one that is available.
    pub available: Height,
    /// The last one that is settled. Blocks behind it are to be handed over again.
    pub settled: Height,
    /// The last message that ordered blocks have consumed.
    pub inbox_consumed: InboxIndex,
    /// The last message appended.
    pub inbox_appended: InboxIndex,
    /// Whether the zone is frozen: then nothing of it is ordered any more.
    pub frozen: bool,
}

/// A block of the zone, as settlement has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Its height.
    pub height: Height,
    /// The id of its header as it was signed.
    pub id: Digest,
    /// Its body's hash, by which a zone knows it again.
    pub body_hash: Digest,
}

/// What the link wrote into a header of the zone's before it signed it. With it the zone has the header that settlement ordered: its id is
/// the SHA-256 of [`ZoneHeader::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The epoch in which it was signed.
    pub epoch: ProducerEpoch,
    /// The guest image of the zone's mode.
    pub guest_image: Digest,
    /// Id of the block before.
    pub parent: Digest,
    /// Commitment to the body's key.
    pub body_key: Digest,
    /// Commitment to the shards of the enciphered body.
    pub shard_root: Digest,
}

/// News: a settlement block that is final, as far as it concerns the zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finalized {
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: TimestampNs,
    /// Its id.
    pub id: Digest,
    /// Blocks of the zone that it ordered.
    pub ordered: List<BlockRef, NEWS_BLOCKS_MAX>,
    /// How the link completed their headers: one for each, in the same order.
    pub completions: List<Completion, NEWS_ORDERED_MAX>,
    /// Blocks that it made available.
    pub available: List<BlockRef, NEWS_BLOCKS_MAX>,
    /// Blocks that it settled.
    pub settled: List<BlockRef, NEWS_BLOCKS_MAX>,
    /// Blocks that it rejected, with those that stood on them: to be handed over again from the first on.
    pub rejected: List<BlockRef, NEWS_BLOCKS_MAX>,
    /// Messages that it appended to the zone's inbox, to be consumed in this order.
    pub inbox: List<InboxMessage, NEWS_INBOX_MAX>,
    /// Whether it froze the zone.
    pub frozen: bool,
    /// The zone's epoch behind it, or behind a later final block.
    pub epoch: ProducerEpoch,
}

/// Why a host ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is a host of another chain.
    OtherChain(ChainId),
    /// It is the host of another zone.
    OtherZone(ZoneId),
    /// The chain began anew: the zone's files are of another one.
    OtherGenesis(Digest),
    /// Another zone process is connected.
    Busy,
    /// The host's key is not the zone's producer, or no more. The zone must stop: what it says now is never ordered.
    NotProducer {
        /// Who is.
        producer: PublicKey,
        /// In which epoch.
        epoch: ProducerEpoch,
    },
    /// Settlement has blocks that the zone's files lack: they are old or lost.
    FilesBehind {
        /// The last one of settlement.
        ordered: Height,
        /// The last one of the zone.
        last: Height,
    },
    /// Settlement ordered another block of this height.
    OtherHistory {
        /// Which.
        height: Height,
        /// The body of settlement's.
        body_hash: Digest,
    },
    /// A block that no validator would take.
    Block {
        /// Its height.
        height: Height,
        /// What is wrong.
        reason: Reason,
    },
    /// Not this protocol, or not in this order.
    Malformed(Reason),
    /// The host stops, or its link did.
    Stopping,
    /// The host has not followed the chain to where the zone was yet.
    Behind {
        /// How far it is.
        settlement_height: Height,
    },
}

impl Completion {
    /// That of a header which is complete.
    #[must_use]
    pub const fn of(header: &ZoneHeader) -> Self {
        let ZoneHeader { epoch, guest_image, parent, body_key, shard_root, .. } = *header;
        Self { epoch, guest_image, parent, body_key, shard_root }
    }

    /// The header as it was signed, of the header as the zone handed it over.
    #[must_use]
    pub fn complete(self, header: ZoneHeader) -> ZoneHeader {
        let Self { epoch, guest_image, parent, body_key, shard_root } = self;
        ZoneHeader { epoch, guest_image, parent, body_key, shard_root, ..header }
    }
}

impl ZoneMessage {
    /// Version of the protocol, in front of every message.
    pub const VERSION: u8 = 2;

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "a hello",
            Self::Block(_) => "a block",
            Self::Processed(_) => "an acknowledgement of news",
            Self::Status => "a question for the status",
        }
    }
}

impl HostMessage {
    /// Version of the protocol, in front of every message.
    pub const VERSION: u8 = 2;

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "a welcome",
            Self::Refused(_) => "a refusal",
            Self::Finalized(_) => "news",
            Self::BlockRefused { .. } => "a refused block",
            Self::Status(_) => "a status",
        }
    }
}

impl Refusal {
    /// Whether it is as good as refused to try again: somebody has to mend something first.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Busy | Self::Stopping | Self::Behind { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherChain(chain) => write!(f, "the host is of chain {chain}"),
            Self::OtherZone(zone) => write!(f, "the host is of zone {zone}"),
            Self::OtherGenesis(genesis) => write!(f, "the chain's genesis is {genesis}, the zone's files are of another one"),
            Self::Busy => f.write_str("another zone process is connected"),
            Self::NotProducer { producer, epoch } => write!(f, "the zone's producer is {producer} since epoch {epoch}"),
            Self::FilesBehind { ordered, last } => {
                write!(f, "settlement has block {ordered} of this zone, the files here end at block {last}: they are old or lost")
            }
            Self::OtherHistory { height, body_hash } => {
                write!(f, "settlement has another block {height} of this zone: its body's hash is {body_hash}")
            }
            Self::Block { height, reason } => write!(f, "block {height}: {reason}"),
            Self::Malformed(reason) => write!(f, "not the protocol: {reason}"),
            Self::Stopping => f.write_str("the host stops"),
            Self::Behind { settlement_height } => {
                write!(f, "the host has followed the chain to block {settlement_height}, not yet to the zone's")
            }
        }
    }
}

record!(Hello { chain, zone, genesis, epoch, height, body_hash, settlement_height });
record!(Block { header, body, outbox });
record!(Welcome {
    chain,
    zone,
    genesis,
    genesis_time,
    producer,
    epoch,
    guest_image,
    request_blocks,
    settlement_height,
    settlement_time,
    ordered,
    available,
    settled,
    inbox_consumed,
    inbox_appended,
    frozen,
});
record!(BlockRef { height, id, body_hash });
record!(Completion { epoch, guest_image, parent, body_key, shard_root });
record!(Finalized { height, time, id, ordered, completions, available, settled, rejected, inbox, frozen, epoch });
choice!(Refusal, "refusal" {
    1 => OtherChain(chain),
    2 => OtherZone(zone),
    3 => OtherGenesis(genesis),
    4 => Busy,
    5 => NotProducer { producer, epoch },
    6 => FilesBehind { ordered, last },
    7 => OtherHistory { height, body_hash },
    8 => Block { height, reason },
    9 => Malformed(reason),
    10 => Stopping,
    11 => Behind { settlement_height },
});
choice!(ZoneMessage, "message of a zone" {
    1 => Hello(hello),
    2 => Block(block),
    3 => Processed(height),
    4 => Status,
}, version "version of the zone protocol");
choice!(HostMessage, "message of a host" {
    1 => Welcome(welcome),
    2 => Refused(refusal),
    3 => Finalized(news),
    4 => BlockRefused { height, reason },
    5 => Status(status),
}, version "version of the zone protocol");
