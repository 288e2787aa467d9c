//! The replica itself: the engine replaying the journal, and the block that it is filling.

use super::BlockConfig;
use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::{Dirty, StateTree};
use plinth_types::block::ZoneHeader;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{Height, Seq, TimestampNs};
use sha2::{Digest as _, Sha256};

/// A block as the zone made it: the header lacks what is settlement's (`parent`, `body_key`, `shard_root`) and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBlock {
    /// What execution decided.
    pub header: ZoneHeader,
    /// Head and tail of each command, notes left out.
    pub body: Vec<u8>,
}

/// Domain of the root of consumed inbox messages: SHA-256 of it and each message's encoding, zero for none. Settlement computes the same.
const INBOX_RANGE_DOMAIN: &[u8] = b"plinth/inbox-range/1";

/// The engine with its pages' digests, behind the last record that was applied.
#[derive(Debug)]
pub struct Replica {
    engine: Engine<Dirty>,
    tree: StateTree,
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
        let root = tree.root();
        Self { engine, tree, config, height, root, open: OpenBlock::default() }
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
        let mut trades = TradeCount(0);
        self.engine.apply(command, tail, &mut trades);
        if open.command_count == 0 {
            open.first_seq = command.seq;
            open.first_time = command.time;
        }
        open.last_seq = command.seq;
        open.last_time = command.time;
        open.command_count += 1;
        open.trade_count += trades.0;
        if command.body == Body::Inbox {
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

    /// Whether the open block has as many commands as it may.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.open.command_count as usize >= self.config.commands_max
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
        let OpenBlock { body, first_seq, last_seq, last_time, command_count, trade_count, inbox, .. } =
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
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
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
        SealedBlock { header, body }
    }
}

/// SHA-256 of a body.
pub(super) fn hash_of(body: &[u8]) -> Digest {
    Digest(Sha256::digest(body).into())
}

struct TradeCount(u32);

impl EventSink for TradeCount {
    fn emit(&mut self, event: Event) {
        self.0 += u32::from(matches!(event, Event::Traded { .. }));
    }
}
