//! What a block's header says of its commands, counted while they are executed: by the replica that cuts the block, and by the guest that
//! proves it.

use crate::engine::Engine;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use plinth_types::block::ZoneHeader;
use plinth_types::command::Command;
use plinth_types::digest::Digest;
use plinth_types::event::{AssetAmount, Event, EventSink};
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::limits::{HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::page::Touch;
use plinth_types::quantity::Amount;
use plinth_types::transfer::OutboxMessage;
use plinth_types::withdrawal::outbox_message;
use sha2::{Digest as _, Sha256};

/// Domain of the root of consumed inbox messages: SHA-256 of it and each message's encoding, zero for none. Settlement computes the same.
const INBOX_RANGE_DOMAIN: &[u8] = b"plinth/inbox-range/1";

/// The commands of a block so far.
#[derive(Debug, Default)]
pub struct Tally {
    first_seq: Seq,
    last_seq: Seq,
    first_time: TimestampNs,
    last_time: TimestampNs,
    command_count: u32,
    trade_count: u32,
    inbox: Option<Sha256>,
    refused: Vec<InboxIndex>,
    outbox: Vec<OutboxMessage>,
    /// What `outbox` takes out.
    totals: BTreeMap<AssetId, Amount>,
}

/// The fields of a header that execution does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// As in the header.
    pub chain: ChainId,
    /// As in the header.
    pub zone: ZoneId,
    /// As in the header.
    pub height: Height,
    /// As in the header.
    pub epoch: ProducerEpoch,
    /// As in the header.
    pub parent: Digest,
    /// As in the header.
    pub guest_image: Digest,
    /// As in the header.
    pub policy: Digest,
}

plinth_types::record!(Given { chain, zone, height, epoch, parent, guest_image, policy });

/// What a body is, and which states stand around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// State root before the first command.
    pub pre_root: Digest,
    /// State root behind the last command.
    pub post_root: Digest,
    /// Root of what owners could take out behind the last command.
    pub exit_root: Digest,
    /// SHA-256 of the body.
    pub body_hash: Digest,
    /// Bytes of the body.
    pub body_size: u32,
}

impl Tally {
    /// Executes one command, which is not a note, and counts what it says.
    ///
    /// # Panics
    ///
    /// As [`Engine::apply`].
    pub fn execute<T: Touch>(&mut self, engine: &mut Engine<T>, command: &Command, tail: &[u8]) {
        let mut said = Said::default();
        let consumed_before = engine.inbox_index();
        engine.apply(command, tail, &mut said);
        if self.command_count == 0 {
            self.first_seq = command.seq;
            self.first_time = command.time;
        }
        self.last_seq = command.seq;
        self.last_time = command.time;
        self.command_count += 1;
        self.trade_count += said.trades;
        self.refused.extend(said.refused);
        if let Some(message) = said.channel_seq.and_then(|channel_seq| outbox_message(command, tail, channel_seq)) {
            let total = self.totals.entry(message.asset).or_default();
            *total = total.checked_add(message.amount).expect("what a block withdraws is a part of what was issued");
            self.outbox.push(message);
        }
        if engine.inbox_index() > consumed_before {
            self.inbox.get_or_insert_with(|| Sha256::new_with_prefix(INBOX_RANGE_DOMAIN)).update(tail);
        }
    }

    /// Commands so far.
    #[must_use]
    pub const fn command_count(&self) -> u32 {
        self.command_count
    }

    /// Trades so far.
    #[must_use]
    pub const fn trade_count(&self) -> u32 {
        self.trade_count
    }

    /// Stamp of the first command; `None` if there is none.
    #[must_use]
    pub const fn open_since(&self) -> Option<TimestampNs> {
        if self.command_count == 0 { None } else { Some(self.first_time) }
    }

    /// Whether the header has no room for what one more command could add.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.refused.len() >= HEADER_REFUSED_MAX
            || self.outbox.len() >= OUTBOX_MESSAGES_MAX
            || self.totals.len() >= HEADER_ASSETS_MAX
    }

    /// The header, and the messages whose root it holds. What is settlement's (`body_key`, `shard_root`) is zero.
    #[must_use]
    pub fn seal(self, given: Given, around: Around, inbox_index: InboxIndex) -> (ZoneHeader, Vec<OutboxMessage>) {
        let Given { chain, zone, height, epoch, parent, guest_image, policy } = given;
        let Around { pre_root, post_root, exit_root, body_hash, body_size } = around;
        let header = ZoneHeader {
            chain,
            zone,
            height,
            epoch,
            parent,
            guest_image,
            policy,
            pre_root,
            post_root,
            inbox_index,
            inbox_root: self.inbox.map_or(Digest::ZERO, |hash| Digest(hash.finalize().into())),
            outbox_root: outbox_root(&self.outbox),
            outbox_totals: self.totals.into_iter().map(|(asset, amount)| AssetAmount { asset, amount }).collect(),
            inbox_refused: self.refused,
            exit_root,
            body_hash,
            body_size,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            time: self.last_time,
            command_count: self.command_count,
            trade_count: self.trade_count,
        };
        (header, self.outbox)
    }
}

/// SHA-256 of a body.
#[must_use]
pub fn hash_of(body: &[u8]) -> Digest {
    Digest(Sha256::digest(body).into())
}

/// As settlement computes it.
fn outbox_root(messages: &[OutboxMessage]) -> Digest {
    if messages.is_empty() { Digest::ZERO } else { hash_of(&OutboxMessage::list_bytes(messages)) }
}

/// What a block's header needs of what one command's events say.
#[derive(Default)]
struct Said {
    trades: u32,
    refused: Option<InboxIndex>,
    channel_seq: Option<u64>,
}

impl EventSink for Said {
    fn emit(&mut self, event: Event) {
        self.trades += u32::from(matches!(event, Event::Traded { .. }));
        if let Event::InboxRefused { index, .. } = event {
            self.refused = Some(index);
        }
        if let Event::Withdrawn { channel_seq, .. } = event {
            self.channel_seq = Some(channel_seq);
        }
    }
}
