//! The bytes of keys and values.
//!
//! ```text
//! key    version u8 │ tag u8 │ what it is about, integers little-endian
//! value  version u8 │ tag u8 │ what is so
//! ```

use super::{Fact, FactKey, Head};
use crate::committee::Committee;
use crate::genesis::{encode_list, read_list};
use crate::limits::VALIDATORS_MAX;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::limits::OUTBOX_MESSAGES_MAX;
use plinth_types::record;

impl FactKey {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

impl Fact {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(Head { genesis, block, height, time });

impl Codec for FactKey {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut start = |tag: u8| {
            Self::VERSION.encode(out);
            tag.encode(out);
        };
        match self {
            Self::Head => start(1),
            Self::Decisions => start(2),
            Self::CommitteePlanned => start(3),
            Self::Committee(epoch) => {
                start(4);
                epoch.encode(out);
            }
            Self::Asset(asset) => {
                start(5);
                asset.encode(out);
            }
            Self::Nonce(owner) => {
                start(6);
                owner.encode(out);
            }
            Self::Balance(owner, asset) => {
                start(7);
                owner.encode(out);
                asset.encode(out);
            }
            Self::Zone(zone) => {
                start(8);
                zone.encode(out);
            }
            Self::Turnstile(zone, asset) => {
                start(9);
                zone.encode(out);
                asset.encode(out);
            }
            Self::Inbox(zone, index) => {
                start(10);
                zone.encode(out);
                index.encode(out);
            }
            Self::Unsettled(zone, height) => {
                start(11);
                zone.encode(out);
                height.encode(out);
            }
            Self::Rules(zone) => {
                start(12);
                zone.encode(out);
            }
            Self::Deadline(zone, index) => {
                start(13);
                zone.encode(out);
                index.encode(out);
            }
            Self::Outbox(zone, height) => {
                start(14);
                zone.encode(out);
                height.encode(out);
            }
            Self::Sent(zone, to) => {
                start(15);
                zone.encode(out);
                to.encode(out);
            }
            Self::Queued(zone, to, seq) => {
                start(16);
                zone.encode(out);
                to.encode(out);
                seq.encode(out);
            }
            Self::Window(zone, asset) => {
                start(17);
                zone.encode(out);
                asset.encode(out);
            }
            Self::Exited(zone, index) => {
                start(18);
                zone.encode(out);
                index.encode(out);
            }
            Self::Format => start(19),
            Self::Listing(asset) => {
                start(20);
                asset.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("fact key version"));
        }
        Ok(match u8::read(reader)? {
            1 => Self::Head,
            2 => Self::Decisions,
            3 => Self::CommitteePlanned,
            4 => Self::Committee(Codec::read(reader)?),
            5 => Self::Asset(Codec::read(reader)?),
            6 => Self::Nonce(Codec::read(reader)?),
            7 => Self::Balance(Codec::read(reader)?, Codec::read(reader)?),
            8 => Self::Zone(Codec::read(reader)?),
            9 => Self::Turnstile(Codec::read(reader)?, Codec::read(reader)?),
            10 => Self::Inbox(Codec::read(reader)?, Codec::read(reader)?),
            11 => Self::Unsettled(Codec::read(reader)?, Codec::read(reader)?),
            12 => Self::Rules(Codec::read(reader)?),
            13 => Self::Deadline(Codec::read(reader)?, Codec::read(reader)?),
            14 => Self::Outbox(Codec::read(reader)?, Codec::read(reader)?),
            15 => Self::Sent(Codec::read(reader)?, Codec::read(reader)?),
            16 => Self::Queued(Codec::read(reader)?, Codec::read(reader)?, Codec::read(reader)?),
            17 => Self::Window(Codec::read(reader)?, Codec::read(reader)?),
            18 => Self::Exited(Codec::read(reader)?, Codec::read(reader)?),
            19 => Self::Format,
            20 => Self::Listing(Codec::read(reader)?),
            _ => return Err(reader.invalid("fact key tag")),
        })
    }
}

impl Codec for Fact {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        let mut with = |tag: u8, value: &dyn Fn(&mut Vec<u8>)| {
            tag.encode(out);
            value(out);
        };
        match self {
            Self::Head(head) => with(1, &|out| head.encode(out)),
            Self::Decisions(count) => with(2, &|out| count.encode(out)),
            Self::Committee(committee) => with(3, &|out| committee.encode(out)),
            Self::Asset(statement) => with(4, &|out| statement.encode(out)),
            Self::Nonce(nonce) => with(5, &|out| nonce.encode(out)),
            Self::Balance(amount) => with(6, &|out| amount.encode(out)),
            Self::Zone(zone) => with(7, &|out| zone.encode(out)),
            Self::Turnstile(turnstile) => with(8, &|out| turnstile.encode(out)),
            Self::Message(message) => with(9, &|out| message.encode(out)),
            Self::Block(block) => with(10, &|out| block.encode(out)),
            Self::Rules(rules) => with(11, &|out| rules.encode(out)),
            Self::Deadline(height) => with(12, &|out| height.encode(out)),
            Self::Outbox(messages) => with(13, &|out| encode_list(messages, out)),
            Self::Sent(count) => with(14, &|out| count.encode(out)),
            Self::Queued(message) => with(15, &|out| message.encode(out)),
            Self::Window(window) => with(16, &|out| window.encode(out)),
            Self::Exited => with(17, &|_| {}),
            Self::Format(format) => with(18, &|out| format.encode(out)),
            Self::Listing(listing) => with(19, &|out| listing.encode(out)),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("fact version"));
        }
        Ok(match u8::read(reader)? {
            1 => Self::Head(Codec::read(reader)?),
            2 => Self::Decisions(Codec::read(reader)?),
            3 => Self::Committee(Codec::read(reader)?),
            4 => Self::Asset(Codec::read(reader)?),
            5 => Self::Nonce(Codec::read(reader)?),
            6 => Self::Balance(Codec::read(reader)?),
            7 => Self::Zone(Box::new(Codec::read(reader)?)),
            8 => Self::Turnstile(Codec::read(reader)?),
            9 => Self::Message(Box::new(Codec::read(reader)?)),
            10 => Self::Block(Box::new(Codec::read(reader)?)),
            11 => Self::Rules(Box::new(Codec::read(reader)?)),
            12 => Self::Deadline(Codec::read(reader)?),
            13 => Self::Outbox(read_list(reader, "outbox messages", OUTBOX_MESSAGES_MAX)?),
            14 => Self::Sent(Codec::read(reader)?),
            15 => Self::Queued(Box::new(Codec::read(reader)?)),
            16 => Self::Window(Codec::read(reader)?),
            17 => Self::Exited,
            18 => Self::Format(Codec::read(reader)?),
            19 => Self::Listing(Codec::read(reader)?),
            _ => return Err(reader.invalid("fact tag")),
        })
    }
}

impl Codec for Committee {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.keys().len(), out);
        self.keys().iter().for_each(|key| key.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("validators", VALIDATORS_MAX)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(Codec::read(reader)?);
        }
        if !keys.is_sorted() {
            return Err(reader.invalid("order of validators"));
        }
        Self::new(keys).ok_or_else(|| reader.invalid("committee"))
    }
}
