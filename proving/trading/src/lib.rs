//! What is proven of a block of the trading zone: its execution, as a function of bytes. The guest is nothing but this; a prover runs it
//! natively first, to know what the guest will say.
//!
//! ```text
//! input  = │ version u32 │ given │ capacity │ zeros to a whole word │ witness size u32 │ witness │ body size u32 │ body │
//! output = │ kind u32 │ detail u32 │ 32 bytes │ zeros │      64 bytes, the public values of a proof
//! ```
//!
//! * **Executed** (kind 1): *there are a state and a body whose execution by this code gives a header with this hash*: the SHA-256 of
//!   [`ZoneHeader::execution_bytes`], with zeros for the exit root. Nothing of the input is believed: roots, counts and hashes of the header are computed here, and the
//!   given fields are in the header, where whoever accepts the proof finds them. Whether the pre-state root is the zone's is for them to see.
//! * **Failed** (kind 2): the input is no block; the detail says why ([`Failure`]). Zeros (kind 0) are what a guest says that never came to
//!   its end.
//!
//! # Known limitations
//!
//! A capacity must fit the guest's 512 MB of memory. **A header's exit root is not proven**: its tree follows from balances, but no proof says
//! so yet, and it stays the producer's word.

#![no_std]

extern crate alloc;

mod input;
mod output;

pub use input::{Input, InputError};
pub use output::{Failure, OUTPUT_SIZE, Output};

use plinth_matching::state::{self, Missing};
use plinth_matching::tally::{Around, Tally, hash_of};
use plinth_types::block::{BodyReader, ZoneHeader};
use plinth_types::command::Body;
use plinth_types::digest::Digest;
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX};

/// Executes a block on its witness; see the module. An execution that uses a page its witness lacks ends in [`Missing::missing`].
///
/// # Errors
///
/// [`Failure`]; no input makes it panic whose pre-state root is that of a zone.
pub fn execute<M: Missing>(input: &mut [u8]) -> Result<ZoneHeader, Failure> {
    let Input { given, capacity, witness, body } = Input::read(input).map_err(Failure::Input)?;
    if body.len() > BODY_SIZE_MAX {
        return Err(Failure::BodySize);
    }
    let (mut engine, opened, pre_root) = state::open::<M>(capacity, witness).map_err(|_| Failure::Witness)?;
    let mut tally = Tally::default();
    for command in BodyReader::new(body) {
        let (command, tail) = command.map_err(|_| Failure::Command)?;
        if command.body == Body::Note {
            return Err(Failure::Note);
        }
        if tally.is_full() || tally.command_count() as usize >= BODY_COMMANDS_MAX {
            return Err(Failure::Overfull);
        }
        if command.seq <= engine.last_seq() {
            return Err(Failure::Sequence);
        }
        tally.execute(&mut engine, &command, tail);
    }
    if tally.command_count() == 0 {
        return Err(Failure::Empty);
    }
    let body_size = body.len() as u32;
    let inbox_index = engine.inbox_index();
    let around =
        Around { pre_root, post_root: opened.close(&engine), exit_root: Digest::ZERO, body_hash: hash_of(body), body_size };
    Ok(tally.seal(given, around, inbox_index).0)
}

/// What a proof of this header's execution commits to: all that execution decides but the exit root.
#[must_use]
pub fn header_hash(header: &ZoneHeader) -> Digest {
    hash_of(&ZoneHeader { exit_root: Digest::ZERO, ..header.clone() }.execution_bytes())
}
