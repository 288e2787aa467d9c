//! Messages between zones, and the host's notes.

use crate::codec::{Codec, DecodeError, Reader};
use crate::digest::Digest;
use crate::id::{AssetId, Height, InboxIndex, MsgSeqNum, PublicKey, Seq, SessionId, TimestampNs, ZoneId};
use crate::owner::Request;
use crate::quantity::Amount;
use crate::reference::record;
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
}

impl Codec for InboxMessage {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.zone.encode(out);
        self.index.encode(out);
        self.id.encode(out);
        self.from.encode(out);
        self.channel_seq.encode(out);
        match &self.kind {
            InboxKind::Transfer => 1_u8.encode(out),
            InboxKind::Bounce => 2_u8.encode(out),
            InboxKind::Request(request) => {
                3_u8.encode(out);
                request.encode(out);
            }
        }
        self.asset.encode(out);
        self.amount.encode(out);
        self.account.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("inbox message version"));
        }
        Ok(Self {
            zone: Codec::read(reader)?,
            index: Codec::read(reader)?,
            id: Codec::read(reader)?,
            from: Codec::read(reader)?,
            channel_seq: Codec::read(reader)?,
            kind: match u8::read(reader)? {
                1 => InboxKind::Transfer,
                2 => InboxKind::Bounce,
                3 => InboxKind::Request(Codec::read(reader)?),
                _ => return Err(reader.invalid("inbox message kind")),
            },
            asset: Codec::read(reader)?,
            amount: Codec::read(reader)?,
            account: Codec::read(reader)?,
        })
    }
}

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
        let mut out = Self::DOMAIN.to_vec();
        chain.encode(&mut out);
        self.encode(&mut out);
        out
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
}

/// How far a zone block has come. `Executed` needs no note: it is the zone's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockStatus {
    /// Its header is finalized, and f+1 validators rebuilt its body.
    Available,
    /// Its value has moved as the policy says, in a block that is proven or, and then so said, attested.
    Settled,
}

impl Codec for Note {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::ReserveOutbound { session, next, up_to } => {
                1_u8.encode(out);
                session.encode(out);
                next.encode(out);
                up_to.encode(out);
            }
            Self::ResetSession { session } => {
                2_u8.encode(out);
                session.encode(out);
            }
            Self::BlockStatus { height, last_seq, status, settlement_height, settlement_time } => {
                3_u8.encode(out);
                height.encode(out);
                last_seq.encode(out);
                match status {
                    BlockStatus::Available => 1_u8,
                    BlockStatus::Settled => 2,
                }
                .encode(out);
                settlement_height.encode(out);
                settlement_time.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match u8::read(reader)? {
            1 => Self::ReserveOutbound { session: Codec::read(reader)?, next: Codec::read(reader)?, up_to: Codec::read(reader)? },
            2 => Self::ResetSession { session: Codec::read(reader)? },
            3 => Self::BlockStatus {
                height: Codec::read(reader)?,
                last_seq: Codec::read(reader)?,
                status: match u8::read(reader)? {
                    1 => BlockStatus::Available,
                    2 => BlockStatus::Settled,
                    _ => return Err(reader.invalid("block status")),
                },
                settlement_height: Codec::read(reader)?,
                settlement_time: Codec::read(reader)?,
            },
            _ => return Err(reader.invalid("note tag")),
        })
    }
}
