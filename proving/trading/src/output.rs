//! What a guest says: the public values of its proof.

use crate::input::InputError;
use plinth_types::digest::Digest;
use plinth_types::page::RegionId;

/// Bytes of an output.
pub const OUTPUT_SIZE: usize = 64;

const EXECUTED: u32 = 1;
const FAILED: u32 = 2;

/// What a guest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The block executes, and its header has this hash.
    Executed(Digest),
    /// It does not.
    Failed(Failure),
}

/// Why an input is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The bytes are none.
    Input(InputError),
    /// The witness is none.
    Witness,
    /// More bytes than a body may have.
    BodySize,
    /// Bytes that are no command.
    Command,
    /// A note, which no body contains.
    Note,
    /// A command that is not behind the one before.
    Sequence,
    /// More than a header has room for.
    Overfull,
    /// No command.
    Empty,
    /// The execution uses a page that the witness lacks.
    Missing {
        /// Of which region.
        region: RegionId,
        /// Which record.
        slot: u32,
    },
}

impl Output {
    /// The public values.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; OUTPUT_SIZE] {
        let mut bytes = [0; OUTPUT_SIZE];
        let (kind, detail) = match self {
            Self::Executed(hash) => {
                bytes[8..40].copy_from_slice(&hash.0);
                (EXECUTED, 0)
            }
            Self::Failed(failure) => {
                if let Failure::Missing { region, slot } = failure {
                    bytes[8..10].copy_from_slice(&region.get().to_le_bytes());
                    bytes[12..16].copy_from_slice(&slot.to_le_bytes());
                }
                (FAILED, failure.code())
            }
        };
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[4..8].copy_from_slice(&detail.to_le_bytes());
        bytes
    }
}

impl Failure {
    /// Its number in an output.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::Input(InputError::Size) => 1,
            Self::Input(InputError::Version) => 2,
            Self::Input(InputError::Fields) => 3,
            Self::Input(InputError::Capacity) => 4,
            Self::Witness => 5,
            Self::BodySize => 6,
            Self::Command => 7,
            Self::Note => 8,
            Self::Sequence => 9,
            Self::Overfull => 10,
            Self::Empty => 11,
            Self::Missing { .. } => 12,
        }
    }
}
