//! A block of a zone between ordered and settled.

use super::ZoneBlock;
use crate::body::Before;
use crate::genesis::{encode_list, read_list};
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::InboxIndex;
use plinth_types::limits::{HEADER_ASSETS_MAX, HEADER_REFUSED_MAX};

/// What is remembered of an ordered header until its block settles or is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Which block.
    pub block: ZoneBlock,
    /// State root behind it.
    pub post_root: Digest,
    /// What each owner could take out behind it.
    pub exit_root: Digest,
    /// Where the zone stands behind it.
    pub before: Before,
    /// Messages that it refused, ascending.
    pub refused: Vec<InboxIndex>,
    /// Root of the messages that it sends, zero for none.
    pub outbox_root: Digest,
    /// Their totals, ascending by asset.
    pub outbox_totals: Vec<AssetAmount>,
    /// Whether auditors attested it or a proof of it is valid.
    pub vouched: bool,
}

impl Unsettled {
    /// Whether it refused this message.
    #[must_use]
    pub fn refuses(&self, index: InboxIndex) -> bool {
        self.refused.binary_search(&index).is_ok()
    }
}

impl Codec for Unsettled {
    fn encode(&self, out: &mut Vec<u8>) {
        self.block.encode(out);
        self.post_root.encode(out);
        self.exit_root.encode(out);
        self.before.encode(out);
        encode_list(&self.refused, out);
        self.outbox_root.encode(out);
        encode_list(&self.outbox_totals, out);
        u8::from(self.vouched).encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: Codec::read(reader)?,
            post_root: Codec::read(reader)?,
            exit_root: Codec::read(reader)?,
            before: Codec::read(reader)?,
            refused: read_list(reader, "refused messages", HEADER_REFUSED_MAX)?,
            outbox_root: Codec::read(reader)?,
            outbox_totals: read_list(reader, "outbox totals", HEADER_ASSETS_MAX)?,
            vouched: match u8::read(reader)? {
                0 => false,
                1 => true,
                _ => return Err(reader.invalid("vouched")),
            },
        })
    }
}
