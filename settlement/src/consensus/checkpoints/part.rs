//! One validator's part of a group's signature, on its way.

use crate::checkpoint::Partial;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::id::Height;

/// What a part is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The checkpoint of a height.
    Checkpoint,
    /// The handover to the group that signs from a height on.
    Handover,
}

/// A part of a checkpoint, or of a handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPart {
    /// Of what.
    pub subject: Subject,
    /// Of which height.
    pub height: Height,
    /// The part.
    pub partial: Partial,
}

impl CheckpointPart {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Bytes of the encoding.
    pub const SIZE: usize = 1 + 1 + 8 + Partial::SIZE;
}

impl Codec for CheckpointPart {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        match self.subject {
            Subject::Checkpoint => 1_u8.encode(out),
            Subject::Handover => 2_u8.encode(out),
        }
        self.height.encode(out);
        self.partial.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("checkpoint part version"));
        }
        let subject = match u8::read(reader)? {
            1 => Subject::Checkpoint,
            2 => Subject::Handover,
            _ => return Err(reader.invalid("checkpoint part subject")),
        };
        Ok(Self { subject, height: Codec::read(reader)?, partial: Codec::read(reader)? })
    }
}
