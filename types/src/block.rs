//! A zone's batch: header, body, later proof.
//!
//! The header is what consensus orders and what a proof commits to. Two byte strings are derived from it:
//! [`ZoneHeader::execution_bytes`] (all that execution decides: what a proof commits to) and [`ZoneHeader::signed_bytes`] (those and
//! how the body is dispersed, key commitment and shard root: what the producer signs and what the block's id is the SHA-256 of).
//!
//! The body is the block's commands in sequence, head and tail, one behind the other, notes left out.

use crate::codec::{Codec, DecodeError, Reader, encode_count};
use crate::command::Command;
use crate::digest::Digest;
use crate::event::AssetAmount;
use crate::id::{ChainId, Height, InboxIndex, ProducerEpoch, Seq, Signature, TimestampNs, ZoneId};
use crate::limits::{COMMAND_HEAD_SIZE, HEADER_ASSETS_MAX, HEADER_REFUSED_MAX};
use crate::words::{copied, words_of};
use alloc::vec::Vec;

/// What a producer says of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneHeader {
    /// The chain it settles on.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
    /// Its height; the first block is 1.
    pub height: Height,
    /// Fencing token of the producer.
    pub epoch: ProducerEpoch,
    /// Id of the block before; zero for the first.
    pub parent: Digest,
    /// The guest image whose code executed it; zero while the zone is attested.
    pub guest_image: Digest,
    /// Hash of the settlement policies in force.
    pub policy: Digest,
    /// State root before the first command.
    pub pre_root: Digest,
    /// State root behind the last command.
    pub post_root: Digest,
    /// Last inbox message consumed, over the zone's whole life.
    pub inbox_index: InboxIndex,
    /// Root of the inbox messages consumed by this block, zero for none.
    pub inbox_root: Digest,
    /// Root of the messages sent by this block, zero for none.
    pub outbox_root: Digest,
    /// What this block's outbox takes out of the zone, by asset, ascending, without zeros.
    pub outbox_totals: Vec<AssetAmount>,
    /// Consumed messages that the zone refused, ascending: their value goes back to whoever sent it.
    pub inbox_refused: Vec<InboxIndex>,
    /// Root of what each owner could take out of the zone behind this block, should it be frozen ([`crate::exit`]); zero for none.
    pub exit_root: Digest,
    /// SHA-256 of the body, in the clear.
    pub body_hash: Digest,
    /// Bytes of the body, in the clear.
    pub body_size: u32,
    /// Commitment to the key under which the body is dispersed: whoever shows the key shows what the producer enciphered.
    pub body_key: Digest,
    /// Commitment to the erasure-coded ciphertext of the body.
    pub shard_root: Digest,
    /// First record of the body.
    pub first_seq: Seq,
    /// Last record of the body.
    pub last_seq: Seq,
    /// Stamp of the last record.
    pub time: TimestampNs,
    /// Commands in the body.
    pub command_count: u32,
    /// Trades made by the body.
    pub trade_count: u32,
}

impl ZoneHeader {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Domain of the producer's signature and of the block's id.
    pub const DOMAIN: &'static [u8] = b"plinth/zone-header/1";

    /// What a proof commits to: everything but how the body is dispersed and the signature.
    #[must_use]
    pub fn execution_bytes(&self) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        Self::VERSION.encode(&mut out);
        self.chain.encode(&mut out);
        self.zone.encode(&mut out);
        self.height.encode(&mut out);
        self.epoch.encode(&mut out);
        self.parent.encode(&mut out);
        self.guest_image.encode(&mut out);
        self.policy.encode(&mut out);
        self.pre_root.encode(&mut out);
        self.post_root.encode(&mut out);
        self.inbox_index.encode(&mut out);
        self.inbox_root.encode(&mut out);
        self.outbox_root.encode(&mut out);
        encode_count(self.outbox_totals.len(), &mut out);
        self.outbox_totals.iter().for_each(|total| total.encode(&mut out));
        encode_count(self.inbox_refused.len(), &mut out);
        self.inbox_refused.iter().for_each(|index| index.encode(&mut out));
        self.exit_root.encode(&mut out);
        self.body_hash.encode(&mut out);
        self.body_size.encode(&mut out);
        self.first_seq.encode(&mut out);
        self.last_seq.encode(&mut out);
        self.time.encode(&mut out);
        self.command_count.encode(&mut out);
        self.trade_count.encode(&mut out);
        out
    }

    /// What the producer signs and what the block's id is the SHA-256 of.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut out = self.execution_bytes();
        self.body_key.encode(&mut out);
        self.shard_root.encode(&mut out);
        out
    }
}

impl Codec for ZoneHeader {
    /// The signed bytes less the domain.
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.signed_bytes()[Self::DOMAIN.len()..]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("zone header version"));
        }
        let mut header = Self {
            chain: Codec::read(reader)?,
            zone: Codec::read(reader)?,
            height: Codec::read(reader)?,
            epoch: Codec::read(reader)?,
            parent: Codec::read(reader)?,
            guest_image: Codec::read(reader)?,
            policy: Codec::read(reader)?,
            pre_root: Codec::read(reader)?,
            post_root: Codec::read(reader)?,
            inbox_index: Codec::read(reader)?,
            inbox_root: Codec::read(reader)?,
            outbox_root: Codec::read(reader)?,
            outbox_totals: {
                let count = reader.count("outbox totals", HEADER_ASSETS_MAX)?;
                (0..count).map(|_| Codec::read(reader)).collect::<Result<Vec<AssetAmount>, _>>()?
            },
            inbox_refused: {
                let count = reader.count("refused messages", HEADER_REFUSED_MAX)?;
                (0..count).map(|_| Codec::read(reader)).collect::<Result<Vec<InboxIndex>, _>>()?
            },
            exit_root: Codec::read(reader)?,
            body_hash: Codec::read(reader)?,
            body_size: Codec::read(reader)?,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq: Codec::read(reader)?,
            last_seq: Codec::read(reader)?,
            time: Codec::read(reader)?,
            command_count: Codec::read(reader)?,
            trade_count: Codec::read(reader)?,
        };
        header.body_key = Codec::read(reader)?;
        header.shard_root = Codec::read(reader)?;
        let ascending = header.outbox_totals.windows(2).all(|pair| pair[0].asset < pair[1].asset);
        let nonzero = header.outbox_totals.iter().all(|total| total.amount.units() > 0);
        if !ascending || !nonzero {
            return Err(reader.invalid("outbox totals"));
        }
        if !header.inbox_refused.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(reader.invalid("refused messages"));
        }
        Ok(header)
    }
}

/// A header with its producer's signature over [`ZoneHeader::signed_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// What was signed.
    pub header: ZoneHeader,
    /// By the zone's producer.
    pub signature: Signature,
}

crate::record!(SignedHeader { header, signature });

/// Walks the commands of a body.
#[derive(Debug)]
pub struct BodyReader<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> BodyReader<'a> {
    /// Starts at the first command.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self { reader: Reader::new(body), left: body.len() }
    }

    fn next_command(&mut self) -> Result<(Command, &'a [u8]), DecodeError> {
        let head = self.reader.bytes(COMMAND_HEAD_SIZE)?;
        let copy: [u32; COMMAND_HEAD_SIZE / 4];
        let words = match words_of(head).and_then(|words| words.as_array()) {
            Some(words) => words,
            None => {
                copy = copied(head);
                &copy
            }
        };
        let command = Command::from_head_words(words)?;
        let tail = self.reader.bytes(usize::from(command.tail_size))?;
        self.left -= command.size();
        Ok((command, tail))
    }
}

impl<'a> Iterator for BodyReader<'a> {
    type Item = Result<(Command, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let next = self.next_command();
        if next.is_err() {
            self.left = 0;
        }
        Some(next)
    }
}
