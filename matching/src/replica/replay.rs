//! The replica itself: the engine replaying the journal, and the block that it is filling.

use super::BlockConfig;
use super::exits::ExitTree;
use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::{Dirty, StateTree};
use crate::tally::{Around, Given, Tally, hash_of};
use plinth_types::block::ZoneHeader;
use plinth_types::command::{Body, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use plinth_types::transfer::OutboxMessage;

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
    tally: Tally,
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
        open.tally.execute(&mut self.engine, command, tail);
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
        let tally = &self.open.tally;
        tally.command_count() as usize >= self.config.commands_max || tally.is_full()
    }

    /// Trades of the open block.
    pub(super) const fn open_trades(&self) -> u32 {
        self.open.tally.trade_count()
    }

    /// Stamp of the open block's first command; `None` if it has none.
    #[must_use]
    pub const fn open_since(&self) -> Option<TimestampNs> {
        self.open.tally.open_since()
    }

    /// Ends the open block.
    ///
    /// # Panics
    ///
    /// If it holds no command.
    pub fn seal(&mut self) -> SealedBlock {
        let post_root = self.root_now();
        let OpenBlock { body, tally } = std::mem::take(&mut self.open);
        assert!(tally.command_count() > 0, "an empty block is none");
        let pre_root = std::mem::replace(&mut self.root, post_root);
        self.height = self.height.next();
        let given = Given {
            chain: self.config.identity.chain,
            zone: self.config.identity.zone,
            height: self.height,
            epoch: self.config.epoch,
            parent: Digest::ZERO,
            guest_image: self.config.guest_image,
            policy: self.config.policy,
        };
        let body_size = u32::try_from(body.len()).expect("bounded by BODY_SIZE_MAX");
        let around = Around { pre_root, post_root, exit_root: self.exits.root(), body_hash: hash_of(&body), body_size };
        let (header, outbox) = tally.seal(given, around, self.engine.inbox_index());
        SealedBlock { header, body, outbox }
    }
}
