//! The zone as it was behind a block that was cut long ago, from its files alone.

use super::error::ReplicaError;
use super::log::BlockLog;
use super::recover::ZoneConfig;
use crate::engine::Engine;
use crate::journal::Reader;
use crate::state::root_of;
use plinth_types::block::ZoneHeader;
use plinth_types::event::Event;
use plinth_types::id::{Height, Seq};

/// The header of block `height` and the state behind it, by executing the journal from its first record. Changes no file, so the zone may
/// be running; the block is durable, as all blocks are that the log has.
///
/// # Errors
///
/// [`ReplicaError::NoBlock`], a damaged journal or block log, or a state that is not the header's.
pub fn state_behind(config: &ZoneConfig, height: Height) -> Result<(ZoneHeader, Engine<()>), ReplicaError> {
    let header = BlockLog::read(&config.blocks(), config.block.identity)?.header(height)?;
    let mut engine = Engine::new(config.capacity, ());
    let mut reader = Reader::open(&config.journal.path, Seq::new(1))?;
    let mut events: Vec<Event> = Vec::new();
    while let Some((command, tail)) = reader.next(header.last_seq)? {
        engine.apply(&command, tail, &mut events);
        events.clear();
    }
    let (root, root_recorded) = (root_of(&engine), header.post_root);
    if root == root_recorded { Ok((header, engine)) } else { Err(ReplicaError::RootMismatch { height, root, root_recorded }) }
}
