//! Does a body agree with its header, as far as can be seen without executing it?

use crate::digest::sha256;
use crate::ledger::Inbox;
use plinth_types::block::{BodyReader, ZoneHeader};
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::command::{Body, ClientTail, Command};
use plinth_types::digest::Digest;
use plinth_types::id::{InboxIndex, Seq, TimestampNs};
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX};
use plinth_types::message::InboxMessage;
use plinth_types::reference::Configuration;
use plinth_types::withdrawal::SignedWithdrawal;

/// Where the zone stood before the block: what its parent's header said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The last record.
    pub seq: Seq,
    /// The last record's stamp.
    pub time: TimestampNs,
    /// The last message consumed.
    pub inbox: InboxIndex,
}

impl Before {
    /// Where a zone stands behind the block of this header, ordered or not yet.
    #[must_use]
    pub const fn behind(header: &ZoneHeader) -> Self {
        Self { seq: header.last_seq, time: header.time, inbox: header.inbox_index }
    }
}

/// What in a body disagrees, with the record where one does.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than any body.
    #[error("a body of {size} bytes, at most {BODY_SIZE_MAX} are allowed")]
    TooLarge {
        /// Bytes received.
        size: usize,
    },
    /// Another size than the header's.
    #[error("a body of {size} bytes, the header says {size_claimed}")]
    Size {
        /// Bytes received.
        size: usize,
        /// Bytes claimed.
        size_claimed: u32,
    },
    /// More commands claimed than fit.
    #[error("{count_claimed} commands claimed, at most {BODY_COMMANDS_MAX} fit a body")]
    TooManyCommands {
        /// Commands claimed.
        count_claimed: u32,
    },
    /// Another body than the header's.
    #[error("the body's hash is {hash}, the header says {hash_claimed}")]
    Hash {
        /// Of the body.
        hash: Digest,
        /// In the header.
        hash_claimed: Digest,
    },
    /// A command that no encoder wrote.
    #[error("command {index} of the body: {error}")]
    Command {
        /// Its place, from 0.
        index: usize,
        /// What is wrong; offsets count from the start of the command.
        error: DecodeError,
    },
    /// A tail that no encoder wrote.
    #[error("tail of record {seq}: {error}")]
    Tail {
        /// The record.
        seq: Seq,
        /// What is wrong; offsets count from the start of the tail.
        error: DecodeError,
    },
    /// A note is the host's own and in no body.
    #[error("record {seq} is a note")]
    Note {
        /// The record.
        seq: Seq,
    },
    /// Records ascend.
    #[error("record {seq} follows record {before}")]
    SeqOrder {
        /// The record.
        seq: Seq,
        /// The one before, in this body or the last one.
        before: Seq,
    },
    /// Stamps never fall.
    #[error("record {seq} is stamped {time}, the one before {before}")]
    TimeOrder {
        /// The record.
        seq: Seq,
        /// Its stamp.
        time: TimestampNs,
        /// The stamp before.
        before: TimestampNs,
    },
    /// Another count than the header's; an empty body is none.
    #[error("{count} commands, the header says {count_claimed}")]
    CommandCount {
        /// Commands in the body.
        count: usize,
        /// Commands claimed.
        count_claimed: u32,
    },
    /// Other bounds than the header's.
    #[error("records {first} to {last}, the header says {first_claimed} to {last_claimed}")]
    SeqRange {
        /// First record.
        first: Seq,
        /// Last record.
        last: Seq,
        /// First record claimed.
        first_claimed: Seq,
        /// Last record claimed.
        last_claimed: Seq,
    },
    /// The header's time is the last record's stamp.
    #[error("the last record is stamped {time}, the header says {time_claimed}")]
    Time {
        /// The last stamp.
        time: TimestampNs,
        /// The header's time.
        time_claimed: TimestampNs,
    },
    /// Messages are consumed one by one.
    #[error("record {seq} consumes message {index}, the next one is {expected}")]
    InboxOrder {
        /// The record.
        seq: Seq,
        /// The message in the body.
        index: InboxIndex,
        /// The next one.
        expected: InboxIndex,
    },
    /// Settlement has appended no such message yet, or has forgotten it since a later header consumed it.
    #[error("record {seq} consumes message {index}, which settlement does not hold")]
    InboxUnknown {
        /// The record.
        seq: Seq,
        /// The message.
        index: InboxIndex,
    },
    /// The message is not the one that settlement appended.
    #[error("record {seq} consumes another message {index} than settlement appended")]
    InboxMessage {
        /// The record.
        seq: Seq,
        /// The message.
        index: InboxIndex,
    },
    /// Another last message than the header's.
    #[error("messages up to {last} are consumed, the header says {last_claimed}")]
    InboxIndex {
        /// Behind the body.
        last: InboxIndex,
        /// In the header.
        last_claimed: InboxIndex,
    },
    /// Another root of messages than the header's.
    #[error("the consumed messages' root is {root}, the header says {root_claimed}")]
    InboxRoot {
        /// Of the body's messages.
        root: Digest,
        /// In the header.
        root_claimed: Digest,
    },
}

/// Checks a body against its header, against where the zone stood, and against the inbox that settlement keeps for the zone.
///
/// The header's signature and its place in the zone's chain are the ledger's business, checked elsewhere.
///
/// # Errors
///
/// [`BodyError`]: sizes first, then the hash, then command by command.
pub fn check_body(header: &ZoneHeader, body: &[u8], before: Before, inbox: &Inbox) -> Result<(), BodyError> {
    let size = body.len();
    if size > BODY_SIZE_MAX {
        return Err(BodyError::TooLarge { size });
    }
    if size != header.body_size as usize {
        return Err(BodyError::Size { size, size_claimed: header.body_size });
    }
    if header.command_count as usize > BODY_COMMANDS_MAX {
        return Err(BodyError::TooManyCommands { count_claimed: header.command_count });
    }
    let hash = sha256(&[body]);
    if hash != header.body_hash {
        return Err(BodyError::Hash { hash, hash_claimed: header.body_hash });
    }
    walk(header, body, before, inbox)
}

/// Root of the messages that a zone block consumes: zero for none, else SHA-256 of [`InboxMessage::range_bytes`]. The producer computes
/// the same.
#[must_use]
pub fn inbox_root<'a>(messages: impl IntoIterator<Item = &'a InboxMessage>) -> Digest {
    let bytes = InboxMessage::range_bytes(messages);
    if bytes.len() == InboxMessage::RANGE_DOMAIN.len() { Digest::ZERO } else { sha256(&[&bytes]) }
}

fn walk(header: &ZoneHeader, body: &[u8], before: Before, inbox: &Inbox) -> Result<(), BodyError> {
    let mut at = before;
    let mut first = None;
    let mut count = 0;
    let mut messages = Vec::new();
    for (index, next) in BodyReader::new(body).enumerate() {
        let (command, tail) = next.map_err(|error| BodyError::Command { index, error })?;
        let seq = command.seq;
        if seq <= at.seq {
            return Err(BodyError::SeqOrder { seq, before: at.seq });
        }
        if command.time < at.time {
            return Err(BodyError::TimeOrder { seq, time: command.time, before: at.time });
        }
        if let Some(message) = read_tail(&command, tail)? {
            // The parent's header may not be ordered yet, so its index is a peer's word and may be the last number there is.
            let expected = InboxIndex::new(at.inbox.get().saturating_add(1));
            check_message(seq, &message, expected, header, inbox)?;
            at.inbox = message.index;
            messages.push(message);
        }
        (at.seq, at.time) = (seq, command.time);
        first = first.or(Some(seq));
        count += 1;
    }
    let (Some(first), true) = (first, count == header.command_count as usize) else {
        return Err(BodyError::CommandCount { count, count_claimed: header.command_count });
    };
    if (first, at.seq) != (header.first_seq, header.last_seq) {
        let (first_claimed, last_claimed) = (header.first_seq, header.last_seq);
        return Err(BodyError::SeqRange { first, last: at.seq, first_claimed, last_claimed });
    }
    if at.time != header.time {
        return Err(BodyError::Time { time: at.time, time_claimed: header.time });
    }
    if at.inbox != header.inbox_index {
        return Err(BodyError::InboxIndex { last: at.inbox, last_claimed: header.inbox_index });
    }
    let root = inbox_root(&messages);
    if root != header.inbox_root {
        return Err(BodyError::InboxRoot { root, root_claimed: header.inbox_root });
    }
    Ok(())
}

/// The message that the record consumes, if it does.
fn read_tail(command: &Command, tail: &[u8]) -> Result<Option<InboxMessage>, BodyError> {
    let seq = command.seq;
    let tail_error = |error| BodyError::Tail { seq, error };
    match command.body {
        Body::New(_) | Body::Cancel { .. } | Body::Replace { .. } | Body::MassQuote(_) => {
            ClientTail::of(&command.body, tail).map(|_| None).map_err(tail_error)
        }
        // The appliance's own have no client.
        Body::MassCancel(_) if tail.is_empty() => Ok(None),
        Body::MassCancel(_) => ClientTail::decode(tail).map(|_| None).map_err(tail_error),
        Body::Configure => Configuration::decode(tail).map(|_| None).map_err(tail_error),
        Body::Inbox => InboxMessage::decode(tail).map(Some).map_err(tail_error),
        Body::Withdraw => SignedWithdrawal::decode(tail).map(|_| None).map_err(tail_error),
        Body::Note => Err(BodyError::Note { seq }),
    }
}

fn check_message(
    seq: Seq,
    message: &InboxMessage,
    expected: InboxIndex,
    header: &ZoneHeader,
    inbox: &Inbox,
) -> Result<(), BodyError> {
    let index = message.index;
    if index != expected {
        return Err(BodyError::InboxOrder { seq, index, expected });
    }
    match inbox.get(index) {
        None => Err(BodyError::InboxUnknown { seq, index }),
        Some(known) if known != message || message.zone != header.zone => Err(BodyError::InboxMessage { seq, index }),
        Some(_) => Ok(()),
    }
}
