//! What a genesis says of authority and of each zone beyond its name, and what governors may change later.

use crate::limits::{AUDITORS_MAX, CAPS_MAX, STANDBYS_MAX};
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, PublicKey};
use plinth_types::quantity::Amount;
use plinth_types::record;

/// Who decides on committees, freezes and keys until stake does: k of n keys. Without keys nothing of it ever changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Governance {
    /// n keys, ascending.
    pub governors: Vec<PublicKey>,
    /// k.
    pub approvals_min: u8,
}

/// What makes a zone's available block a settled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneMode {
    /// `attested 1/1, producer only`: the producer's own signature stands for a proof. A zone block settles in the settlement block
    /// that comes this many behind the one that made it available.
    Attested {
        /// In settlement blocks; 0 settles at once.
        delay_blocks: u32,
    },
    /// `attested m/n`: m of the zone's n auditors re-executed the block and signed, and the delay has passed.
    Audited {
        /// m.
        attestations_min: u8,
        /// In settlement blocks, from available.
        delay_blocks: u32,
    },
    /// A valid proof for the block stands in a finalized block.
    Proven {
        /// The guest whose code executed it.
        guest_image: Digest,
        /// W: most blocks that are available and not proven.
        window_blocks: u32,
        /// Settlement blocks after which an unproven block stops the intake of the zone.
        deadline_blocks: u32,
    },
}

/// What else holds for one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneRules {
    /// n auditors, ascending.
    pub auditors: Vec<PublicKey>,
    /// Who takes over from a silent producer, in turn, the producer itself at the end.
    pub standbys: Vec<PublicKey>,
    /// Settlement blocks with something to consume and no header after which a producer counts as silent; 0 for never.
    pub silence_blocks: u32,
    /// k: a request is consumed within so many blocks of the zone; 0 if the zone takes no requests.
    pub request_blocks: u32,
    /// Most that leaves per hour, ascending by asset. While the zone is not proven, an asset without a cap does not leave.
    pub caps: Vec<AssetCap>,
}

/// Most of one asset that leaves a zone in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetCap {
    /// Which.
    pub asset: AssetId,
    /// In smallest units.
    pub per_hour: Amount,
}

/// What a request before a zone costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRules {
    /// In what.
    pub fee_asset: AssetId,
    /// How much.
    pub fee: Amount,
    /// Who gets it.
    pub collector: PublicKey,
    /// Most requests of one block, per zone.
    pub per_block_max: u32,
}

impl ZoneMode {
    /// What headers of the zone name as the guest whose code executed them; zero where nobody proves it.
    #[must_use]
    pub const fn guest_image(self) -> Digest {
        match self {
            Self::Attested { .. } | Self::Audited { .. } => Digest::ZERO,
            Self::Proven { guest_image, .. } => guest_image,
        }
    }
}

impl core::fmt::Display for ZoneMode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Attested { delay_blocks } => write!(f, "attested 1/1, producer only, settles after {delay_blocks} blocks"),
            Self::Audited { attestations_min, delay_blocks } => {
                write!(f, "attested by {attestations_min} auditors, settles after {delay_blocks} blocks")
            }
            Self::Proven { guest_image, window_blocks, .. } => {
                write!(f, "proven by guest {guest_image:?}, at most {window_blocks} blocks unproven")
            }
        }
    }
}

record!(AssetCap { asset, per_hour });
record!(RequestRules { fee_asset, fee, collector, per_block_max });

choice!(ZoneMode, "zone mode" {
    1 => Attested { delay_blocks },
    2 => Audited { attestations_min, delay_blocks },
    3 => Proven { guest_image, window_blocks, deadline_blocks },
});

impl Codec for ZoneRules {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.auditors, out);
        encode_list(&self.standbys, out);
        self.silence_blocks.encode(out);
        self.request_blocks.encode(out);
        encode_list(&self.caps, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            auditors: read_list(reader, "auditors", AUDITORS_MAX)?,
            standbys: read_list(reader, "standbys", STANDBYS_MAX)?,
            silence_blocks: Codec::read(reader)?,
            request_blocks: Codec::read(reader)?,
            caps: read_list(reader, "caps", CAPS_MAX)?,
        })
    }
}

pub(crate) fn encode_list<T: Codec>(list: &[T], out: &mut Vec<u8>) {
    encode_count(list.len(), out);
    list.iter().for_each(|item| item.encode(out));
}

/// Reads a counted list; memory grows with what was read, never with what was claimed.
pub(crate) fn read_list<T: Codec>(reader: &mut Reader<'_>, field: &'static str, count_max: usize) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(field, count_max)?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(T::read(reader)?);
    }
    Ok(list)
}
