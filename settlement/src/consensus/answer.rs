//! What a validator answers to those who bring something.

use crate::receipt::{Receipt, SignedReceipt};
use crate::wire::limits::REFUSAL_SIZE_MAX;
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::Height;
use std::fmt;

/// What becomes of a zone block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// This validator keeps its shard and says so.
    Receipt(SignedReceipt),
    /// A block of that height is ordered already.
    Ordered,
    /// It is too far ahead, or there is no room for its shard until others are settled; to be sent again.
    NotYet,
    /// It is wrong, and will be.
    Refused(Refusal),
}

/// What becomes of a transaction that a client brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionAnswer {
    /// It waits to be ordered.
    Accepted,
    /// It is ordered already, or another one of its number or place is, as the validator's ledger of this height says.
    Ordered(Height),
    /// It is too far ahead, or speaks of a zone block that is not ordered yet; to be sent again.
    NotYet,
    /// It cannot be taken now; the text says why.
    Refused(Refusal),
}

/// What becomes of a key that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpeningAnswer {
    /// The body is rebuilt and the key tried.
    Accepted,
    /// It is not of a body that waits to be settled; the text says why.
    Refused(Refusal),
}

/// What becomes of a proof of a zone block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofAnswer {
    /// It is valid: this validator's signature under [`crate::verdict::Verdict::proven`]. 2f+1 of them are a verdict.
    Verified(Receipt),
    /// The block is settled, or a verdict on it stands in a block already.
    Done,
    /// The block is not ordered yet, or other proofs are looked at, or this client's last one was refused; to be sent again.
    NotYet,
    /// It shows nothing, or of no block that waits for a proof; the text says why.
    Refused(Refusal),
}

/// Why something is refused, in words, cut at [`REFUSAL_SIZE_MAX`], and by which ledger: whoever is further on or behind may see it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    judged_at: Height,
    reason: String,
}

impl Refusal {
    /// The words of an error, by the ledger of a height.
    pub fn of(judged_at: Height, reason: &(impl fmt::Display + ?Sized)) -> Self {
        let mut reason = reason.to_string();
        reason.truncate(reason.floor_char_boundary(REFUSAL_SIZE_MAX));
        Self { judged_at, reason }
    }

    /// The height of the validator's ledger.
    #[must_use]
    pub const fn judged_at(&self) -> Height {
        self.judged_at
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Codec for Refusal {
    fn encode(&self, out: &mut Vec<u8>) {
        self.judged_at.encode(out);
        encode_count(self.reason.len(), out);
        out.extend_from_slice(self.reason.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let judged_at = Height::read(reader)?;
        let size = reader.count("text bytes", REFUSAL_SIZE_MAX)?;
        let text = core::str::from_utf8(reader.bytes(size)?).map_err(|_| reader.invalid("text"))?;
        Ok(Self { judged_at, reason: text.to_owned() })
    }
}

choice!(SubmitAnswer, "submit answer tag" { 1 => Receipt(receipt), 2 => Ordered, 3 => NotYet, 4 => Refused(reason) });
choice!(TransactionAnswer, "transaction answer tag" { 1 => Accepted, 2 => Ordered(height), 3 => NotYet, 4 => Refused(reason) });
choice!(OpeningAnswer, "opening answer tag" { 1 => Accepted, 2 => Refused(reason) });
choice!(ProofAnswer, "proof answer tag" { 1 => Verified(receipt), 2 => Done, 3 => NotYet, 4 => Refused(reason) });
