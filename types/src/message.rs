//! Messages between zones, and the host's notes.

use crate::choice;
use crate::codec::{Codec, signed_bytes};
use crate::digest::Digest;
use crate::id::{AssetId, Height, InboxIndex, MsgSeqNum, ProducerEpoch, PublicKey, Seq, SessionId, TimestampNs, ZoneId};
use crate::owner::Request;
use crate::quantity::Amount;
use crate::record;
use crate::transfer::{Address, Party};
use alloc::vec::Vec;

/// A message that settlement appended to a zone's inbox, once and in order. The zone consumes it in that order, or refuses it: then
/// its header says so and the value goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxMessage {
    /// The zone that consumes it.
    pub zone: ZoneId,
    /// Its place in that zone's inbox.
    pub index: InboxIndex,
    /// The id it has everywhere: the digest of what its owner signed, or of the outbox message. A bounce keeps it.
    pub id: Digest,
    /// Who sent it, and who gets it back if it is refused.
    pub from: Party,
    /// Its place in the channel from `from.zone` to this zone, from 1; of a bounce, its place in the channel in which it went out.
    pub channel_seq: u64,
    /// What it is.
    pub kind: InboxKind,
    /// What moves.
    pub asset: AssetId,
    /// How much; nothing in a request.
    pub amount: Amount,
    /// Who is credited, in the zone.
    pub account: Address,
}

/// What a message in an inbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxKind {
    /// Value from an owner or from another zone.
    Transfer,
    /// Value that this zone sent and that comes back. It cannot be refused: a bounce never bounces.
    Bounce,
    /// An owner's request, which moves nothing by itself. `from` is the owner who signed it.
    Request(Request),
}

impl InboxMessage {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Domain of a header's inbox root.
    pub const RANGE_DOMAIN: &'static [u8] = b"plinth/inbox-range/1";

    /// What the inbox root is the SHA-256 of: domain and each message that the block consumes, in order. A block that consumes nothing has
    /// the root zero.
    #[must_use]
    pub fn range_bytes<'a>(messages: impl IntoIterator<Item = &'a Self>) -> Vec<u8> {
        let mut out = Self::RANGE_DOMAIN.to_vec();
        messages.into_iter().for_each(|message| message.encode(&mut out));
        out
    }
}

choice!(InboxKind, "inbox message kind" { 1 => Transfer, 2 => Bounce, 3 => Request(request) });
record!(InboxMessage {
    zone, index, id, from, channel_seq, kind, asset, amount, account
}, version "inbox message version");

/// An owner's signed order to move an asset from its base-layer balance into a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Into which zone.
    pub zone: ZoneId,
    /// The owner's count of deposits and instructions, from 1; each number is used once.
    pub nonce: u64,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// From whom.
    pub owner: PublicKey,
    /// To which account of the zone, in the zone's words.
    pub account: Address,
}

impl Deposit {
    /// Domain of the owner's signature and of the deposit's id.
    pub const DOMAIN: &'static [u8] = b"plinth/deposit/1";

    /// What the owner signs, and what the id is the SHA-256 of: domain, chain, deposit.
    #[must_use]
    pub fn signed_bytes(&self, chain: crate::id::ChainId) -> Vec<u8> {
        signed_bytes(Self::DOMAIN, chain, self)
    }
}

record!(Deposit { zone, nonce, asset, amount, owner, account });

/// What the host itself must know after a restart: the tail of a note. Never executed, never in a block body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Outbound FIX numbers of a session up to and including `up_to` may be used from here on.
    ReserveOutbound {
        /// Whose.
        session: SessionId,
        /// The first number not yet used when this was written: reports of records before this note have lower numbers, or
        /// none yet.
        next: MsgSeqNum,
        /// The last number reserved.
        up_to: MsgSeqNum,
    },
    /// Both sequences of a session start again at 1.
    ResetSession {
        /// Whose.
        session: SessionId,
    },
    /// A zone block reached a state that its clients are told of.
    BlockStatus {
        /// Height of the zone block.
        height: Height,
        /// Last record of its body.
        last_seq: Seq,
        /// What it reached.
        status: BlockStatus,
        /// The settlement block that says so.
        settlement_height: Height,
        /// That block's time.
        settlement_time: TimestampNs,
    },
    /// A note of a producer that was lost with its journal: that there was one follows from the bodies' numbers, what it said does not.
    Lost,
    /// This journal goes on with a zone that was another producer's: what it signs is of this epoch or a later one.
    TookOver {
        /// The epoch that began with it.
        epoch: ProducerEpoch,
    },
}

/// How far a zone block has come. `Executed` needs no note: it is the zone's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockStatus {
    /// Its header is finalized, and f+1 validators rebuilt its body.
    Available,
    /// Its value has moved as the policy says, in a block that is proven or, and then so said, attested.
    Settled,
}

choice!(BlockStatus, "block status" { 1 => Available, 2 => Settled });
choice!(Note, "note tag" {
    1 => ReserveOutbound { session, next, up_to },
    2 => ResetSession { session },
    3 => BlockStatus { height, last_seq, status, settlement_height, settlement_time },
    4 => Lost,
    5 => TookOver { epoch },
});
