//! The state before each block, and the part of it that the block uses.

use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state::{Accessed, Dirty, RestoreError, StateTree, pages, restore, witness};
use plinth_matching::tally::Given;
use plinth_proof_trading::Input;
use plinth_types::block::{BodyReader, ZoneHeader};
use plinth_types::codec::DecodeError;
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::id::Seq;
use plinth_types::page::Touch;
use thiserror::Error;

/// Executes a zone's blocks in order, and makes of each what a guest is given.
#[derive(Debug)]
pub struct Follower {
    engine: Engine<Dirty>,
    tree: StateTree,
}

/// Why a block cannot be followed.
#[derive(Debug, Error)]
pub enum FollowError {
    /// It begins elsewhere.
    #[error("the block begins at root {found}, the state has {root}")]
    PreRoot {
        /// The block's.
        found: Digest,
        /// The state's.
        root: Digest,
    },
    /// Its execution ends elsewhere. The follower is behind the block all the same.
    #[error("the block ends at root {found}, its execution at {root}")]
    PostRoot {
        /// The block's.
        found: Digest,
        /// The execution's.
        root: Digest,
    },
    /// Its body holds no commands.
    #[error("body: {0}")]
    Body(#[from] DecodeError),
    /// A command is not behind the one before.
    #[error("command {seq} comes after {last_seq}")]
    Sequence {
        /// Its number.
        seq: Seq,
        /// The number before.
        last_seq: Seq,
    },
    /// The state is none that an engine can be in.
    #[error("state: {0}")]
    State(RestoreError),
}

/// A block, ready to be proven.
#[derive(Debug)]
pub struct Prepared {
    /// What the guest is given.
    pub input: Vec<u8>,
    /// Pages that the block uses.
    pub page_count: usize,
    /// Bytes of their witness.
    pub witness_size: usize,
}

impl Follower {
    /// A zone before its first command.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self::at(Engine::new(capacity, Dirty::new(&capacity)))
    }

    /// Behind the block whose state the engine has.
    #[must_use]
    pub fn at(engine: Engine<Dirty>) -> Self {
        let tree = StateTree::new(&engine);
        Self { engine, tree }
    }

    /// Goes behind the next block without preparing it.
    ///
    /// # Errors
    ///
    /// [`FollowError`].
    pub fn skip(&mut self, header: &ZoneHeader, body: &[u8]) -> Result<(), FollowError> {
        self.begins(header)?;
        execute(&mut self.engine, body)?;
        self.ends(header)
    }

    /// Goes behind the next block, and makes of it what a guest is given.
    ///
    /// # Errors
    ///
    /// [`FollowError`].
    pub fn prepare(&mut self, header: &ZoneHeader, body: &[u8]) -> Result<Prepared, FollowError> {
        self.begins(header)?;
        let capacity = *self.engine.capacity();
        let mut probe = restore(capacity, pages(&self.engine), Accessed::new(&capacity)).map_err(FollowError::State)?;
        execute(&mut probe, body)?;
        let page_count = probe.touch().count();
        let witness = witness(&self.engine, &self.tree, probe.touch());
        drop(probe);
        execute(&mut self.engine, body)?;
        self.ends(header)?;
        let input = Input::encode(&given(header), &capacity, &witness, body);
        Ok(Prepared { input, page_count, witness_size: witness.len() })
    }

    fn begins(&self, header: &ZoneHeader) -> Result<(), FollowError> {
        let root = self.tree.root();
        if header.pre_root == root { Ok(()) } else { Err(FollowError::PreRoot { found: header.pre_root, root }) }
    }

    fn ends(&mut self, header: &ZoneHeader) -> Result<(), FollowError> {
        let root = self.tree.update(&mut self.engine);
        if header.post_root == root { Ok(()) } else { Err(FollowError::PostRoot { found: header.post_root, root }) }
    }
}

fn execute<T: Touch>(engine: &mut Engine<T>, body: &[u8]) -> Result<(), FollowError> {
    let mut events: Vec<Event> = Vec::new();
    for command in BodyReader::new(body) {
        let (command, tail) = command?;
        let last_seq = engine.last_seq();
        if command.seq <= last_seq {
            return Err(FollowError::Sequence { seq: command.seq, last_seq });
        }
        events.clear();
        engine.apply(&command, tail, &mut events);
    }
    Ok(())
}

const fn given(header: &ZoneHeader) -> Given {
    let ZoneHeader { chain, zone, height, epoch, parent, guest_image, policy, .. } = header;
    Given {
        chain: *chain,
        zone: *zone,
        height: *height,
        epoch: *epoch,
        parent: *parent,
        guest_image: *guest_image,
        policy: *policy,
    }
}
