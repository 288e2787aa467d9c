//! The replica itself: the engine replaying the journal, and the block that it is filling.

use super::BlockConfig;
use super::exits::ExitTree;
use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::{Dirty, StateTree};
use plinth_types::block::ZoneHeader;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::event::{AssetAmount, Event, EventSink};
use plinth_types::id::{AssetId, Height, InboxIndex, Seq, TimestampNs};
use plinth_types::limits::{HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use plinth_types::quantity::Amount;
use plinth_types::transfer::OutboxMessage;
use plinth_types::withdrawal::outbox_message;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A block as the zone made it: the header lacks what is settlement's (`parent`, `body_key`, `shard_root`) and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBlock {
    /// What execution decided.
    pub header: ZoneHeader,
    /// Head and tail of each command, notes left out.
    pub body: Vec<u8>,
    /// The messages that it sends, in order: what the header's outbox root is of.
    pub outbox: Vec<OutboxMessage>,
}

/// Domain of the root of consumed inbox messages: SHA-256 of it and each message's encoding, zero for none. Settlement computes the same.
const INBOX_RANGE_DOMAIN: &[u8] = b"plinth/inbox-range/1";

/// The engine with its pages' digests, behind the last record that was applied.
#[derive(Debug)]
pub struct Replica {
    engine: Engine<Dirty>,
    tree: StateTree,
    exits: ExitTree,
    config: BlockConfig,
    /// Of the last block sealed.
    height: Height,
    /// Root behind the last block sealed.
    root: Digest,
    open: OpenBlock,
}

/// The block that is being filled.
#[derive(Debug, Default)]
struct OpenBlock {
    body: Vec<u8>,
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

impl Replica {
    /// The zone before its first record.
    #[must_use]
    pub fn new(capacity: Capacity, config: BlockConfig) -> Self {
        let dirty = Dirty::new(&capacity);
        Self::at(Engine::new(capacity, dirty), Height::new(0), config)
    }

    /// The zone behind the block `height`, whose state the engine has.
    #[must_use]
    pub fn at(engine: Engine<Dirty>, height: Height, config: BlockConfig) -> Self {
        let tree = StateTree::new(&engine);
        let exits = ExitTree::new(&engine, config.identity.chain, config.identity.zone);
        let root = tree.root();
        Self { engine, tree, exits, config, height, root, open: OpenBlock::default() }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine<Dirty> {
        &self.engine
    }

    /// Height of the last block sealed; 0 before the first.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// State root behind the last block sealed.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// State root behind the last record applied. Cost: a hash for each page written since, and those above.
    pub fn root_now(&mut self) -> Digest {
        // Before the tree empties the set of dirty pages.
        self.exits.update(&self.engine);
        self.tree.update(&mut self.engine)
    }

    /// Executes a record and adds it to the open block, unless it is a note.
    ///
    /// # Panics
    ///
    /// If the open block has no room, see [`Replica::has_room`], or the record is out of sequence.
    pub fn apply(&mut self, command: &Command, tail: &[u8]) {
        assert!(self.has_room(command), "record {} exceeds the open block", command.seq);
        self.apply_again(command, tail);
    }

    /// As [`Replica::apply`], of a record whose block was cut before, under bounds that may have been other ones.
    pub(super) fn apply_again(&mut self, command: &Command, tail: &[u8]) {
        if command.body == Body::Note {
            return;
        }
        let open = &mut self.open;
        let mut said = Said::default();
        let consumed_before = self.engine.inbox_index();
        self.engine.apply(command, tail, &mut said);
        if open.command_count == 0 {
            open.first_seq = command.seq;
            open.first_time = command.time;
        }
        open.last_seq = command.seq;
        open.last_time = command.time;
        open.command_count += 1;
        open.trade_count += said.trades;
        open.refused.extend(said.refused);
        if let Some(message) = said.channel_seq.and_then(|channel_seq| outbox_message(command, tail, channel_seq)) {
            let total = open.totals.entry(message.asset).or_default();
            *total = total.checked_add(message.amount).expect("what a block withdraws is a part of what was issued");
            open.outbox.push(message);
        }
        if self.engine.inbox_index() > consumed_before {
            open.inbox.get_or_insert_with(|| Sha256::new_with_prefix(INBOX_RANGE_DOMAIN)).update(tail);
        }
        open.body.extend_from_slice(&command.head());
        open.body.extend_from_slice(tail);
    }

    /// Whether the open block takes the record within the configured bounds.
    #[must_use]
    pub fn has_room(&self, command: &Command) -> bool {
        command.body == Body::Note || (self.open.body.len() + command.size() <= self.config.size_max && !self.is_full())
    }

    /// Whether the open block has as many commands as it may, or its header no room for what one more could add.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let OpenBlock { command_count, refused, outbox, totals, .. } = &self.open;
        *command_count as usize >= self.config.commands_max
            || refused.len() >= HEADER_REFUSED_MAX
            || outbox.len() >= OUTBOX_MESSAGES_MAX
            || totals.len() >= HEADER_ASSETS_MAX
    }

    /// Trades of the open block.
    pub(super) const fn open_trades(&self) -> u32 {
        self.open.trade_count
    }

    /// Stamp of the open block's first command; `None` if it has none.
    #[must_use]
    pub const fn open_since(&self) -> Option<TimestampNs> {
        if self.open.command_count == 0 { None } else { Some(self.open.first_time) }
    }

    /// Ends the open block.
    ///
    /// # Panics
    ///
    /// If it holds no command.
    pub fn seal(&mut self) -> SealedBlock {
        let post_root = self.root_now();
        let OpenBlock { body, first_seq, last_seq, last_time, command_count, trade_count, inbox, refused, outbox, totals, .. } =
            std::mem::take(&mut self.open);
        assert!(command_count > 0, "an empty block is none");
        let pre_root = std::mem::replace(&mut self.root, post_root);
        self.height = self.height.next();
        let header = ZoneHeader {
            chain: self.config.identity.chain,
            zone: self.config.identity.zone,
            height: self.height,
            epoch: self.config.epoch,
            parent: Digest::ZERO,
            guest_image: self.config.guest_image,
            policy: self.config.policy,
            pre_root,
            post_root,
            inbox_index: self.engine.inbox_index(),
            inbox_root: inbox.map_or(Digest::ZERO, |hash| Digest(hash.finalize().into())),
            outbox_root: outbox_root(&outbox),
            outbox_totals: totals.into_iter().map(|(asset, amount)| AssetAmount { asset, amount }).collect(),
            inbox_refused: refused,
            exit_root: self.exits.root(),
            body_hash: hash_of(&body),
            body_size: u32::try_from(body.len()).expect("bounded by BODY_SIZE_MAX"),
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq,
            last_seq,
            time: last_time,
            command_count,
            trade_count,
        };
        SealedBlock { header, body, outbox }
    }
}

/// SHA-256 of a body.
pub(super) fn hash_of(body: &[u8]) -> Digest {
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
