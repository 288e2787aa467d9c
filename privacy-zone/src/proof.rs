//! The proof of a zone block of the pool: its own body, in the clear, checked without any state.
//!
//! ```text
//! request │ version u8 │ header size u32 │ header │ body │     answer: "valid" or "refused", SHA-256 of the request, why not, newline
//! ```
//!
//! * **What a valid answer says**: every join-split of the body has a good proof, no nullifier was there before, every directive is signed, and
//!   by the pool's rules the body leads from the header's `pre_root` to its `post_root`. Every other field that the body decides is compared
//!   with what the producer's own code makes of it: inbox, outbox and its totals, what is refused, times and counts.
//! * **What it does not say**: that the messages of the body are those of the inbox, which settlement compares with the header's `inbox_root`; and
//!   who made the block, which the header's signature says. `epoch`, `parent`, `body_key` and `shard_root` are settlement's.
//! * The first block begins with the empty pool that `policy` names, every other one where the one before ended: settlement compares the roots.
//! * A block without transactions needs no key; the key of one with transactions is made once, from nothing.
//!
//! The check is linear in the transactions: there is no proof of the whole. Nobody learns more from a body than from what wallets are sent, beside
//! the credits that wait and the totals by asset, which deposits and payouts show anyway.

use crate::block::{Body, ZoneBlockError, header_of};
use crate::limits::PROOF_HEADER_SIZE_MAX;
use plinth_privacy::pool::batch::Verifier;
use plinth_privacy::pool::block::check;
use plinth_privacy::pool::error::BlockError;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::limits::BODY_SIZE_MAX;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Version of a request.
const REQUEST_VERSION: u8 = 1;
/// Of all that [`verify`] takes for a block. Whoever changes what blocks the pool's rules, its formats or its headers allow raises it.
const RULES_VERSION: u8 = 1;
/// SHA-256 of the pinned verifying key, `fixtures/circuit_v1.txt` of `plinth-privacy`.
const CIRCUIT: [u8; 32] = [
    0x71, 0xc8, 0x69, 0x67, 0xa2, 0xe0, 0x38, 0xb1, 0x4f, 0x8c, 0x5a, 0xf7, 0xbe, 0x5f, 0x81, 0xbf, 0x49, 0xa0, 0xc8, 0xf4, 0x45,
    0x17, 0x11, 0x25, 0x69, 0xff, 0x98, 0xf4, 0x1e, 0xb8, 0x8c, 0x2f,
];
/// Most bytes of a request.
pub const REQUEST_SIZE_MAX: usize = 5 + PROOF_HEADER_SIZE_MAX + BODY_SIZE_MAX;

/// Why a body does not show a header.
#[derive(Debug, Error)]
pub enum Refused {
    /// No request.
    #[error("what was asked is no request")]
    Request,
    /// Of another program.
    #[error("guest {0} is not this program")]
    Guest(Digest),
    /// Another body than the header's.
    #[error("the body is not the one that the header commits to")]
    OtherBody,
    /// No body.
    #[error("the body: {0}")]
    Body(#[from] DecodeError),
    /// The first block does not begin with an empty pool.
    #[error("the first block begins with state {found}, the empty pool is {expected}")]
    Beginning {
        /// The header's.
        found: Digest,
        /// By its policy.
        expected: Digest,
    },
    /// The pool's rules forbid it.
    #[error(transparent)]
    Pool(#[from] BlockError),
    /// It pays out what no header can say.
    #[error(transparent)]
    Block(#[from] ZoneBlockError),
    /// The header says something else than the body.
    #[error("the header's {0} is not what its body gives")]
    Field(&'static str),
}

/// What headers name as the guest that this program is.
#[must_use]
pub fn image() -> Digest {
    Digest(
        Sha256::new().chain_update(b"plinth/privacy-program").chain_update([RULES_VERSION]).chain_update(CIRCUIT).finalize().into(),
    )
}

/// The answer to a request.
pub fn answer<'v>(verifier: impl FnOnce() -> &'v Verifier, request: &[u8]) -> String {
    let asked = Digest(Sha256::digest(request).into());
    let verified = read(request).ok_or(Refused::Request).and_then(|(header, body)| verify(verifier, &header, body));
    match verified {
        Ok(()) => format!("valid {asked}\n"),
        Err(refused) => format!("refused {asked} {}\n", refused.to_string().replace('\n', " ")),
    }
}

/// Whether the body shows the header.
///
/// # Errors
///
/// [`Refused`]; no bytes make it panic.
pub fn verify<'v>(verifier: impl FnOnce() -> &'v Verifier, header: &ZoneHeader, bytes: &[u8]) -> Result<(), Refused> {
    if header.guest_image != image() {
        return Err(Refused::Guest(header.guest_image));
    }
    if bytes.len() > BODY_SIZE_MAX || Digest(Sha256::digest(bytes).into()) != header.body_hash {
        return Err(Refused::OtherBody);
    }
    let body = Body::decode(bytes)?;
    if header.height == Height::new(1) && header.pre_root != header.policy {
        return Err(Refused::Beginning { found: header.pre_root, expected: header.policy });
    }
    let effects = check(verifier, header.pre_root, header.post_root, &body.block, body.witness.clone())?;
    let (made, _) = header_of(&body, bytes, (header.pre_root, header.post_root), &effects)?;
    let made = ZoneHeader {
        epoch: header.epoch,
        parent: header.parent,
        guest_image: header.guest_image,
        body_key: header.body_key,
        shard_root: header.shard_root,
        ..made
    };
    if made == *header { Ok(()) } else { Err(Refused::Field(different(&made, header))) }
}

fn read(request: &[u8]) -> Option<(ZoneHeader, &[u8])> {
    let (&version, rest) = request.split_first()?;
    let (size, rest) = rest.split_first_chunk()?;
    let size = u32::from_le_bytes(*size) as usize;
    if version != REQUEST_VERSION || size > PROOF_HEADER_SIZE_MAX {
        return None;
    }
    let (header, body) = rest.split_at_checked(size)?;
    Some((ZoneHeader::decode(header).ok()?, body))
}

/// The first field in which two headers differ.
fn different(made: &ZoneHeader, header: &ZoneHeader) -> &'static str {
    let fields = [
        ("chain", made.chain == header.chain),
        ("zone", made.zone == header.zone),
        ("height", made.height == header.height),
        ("policy", made.policy == header.policy),
        ("inbox_index", made.inbox_index == header.inbox_index),
        ("inbox_root", made.inbox_root == header.inbox_root),
        ("outbox_root", made.outbox_root == header.outbox_root),
        ("outbox_totals", made.outbox_totals == header.outbox_totals),
        ("inbox_refused", made.inbox_refused == header.inbox_refused),
        ("exit_root", made.exit_root == header.exit_root),
        ("body_size", made.body_size == header.body_size),
        ("first_seq", made.first_seq == header.first_seq),
        ("last_seq", made.last_seq == header.last_seq),
        ("time", made.time == header.time),
        ("command_count", made.command_count == header.command_count),
    ];
    fields.iter().find(|(_, is_same)| !is_same).map_or("trade_count", |(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_names_the_circuit_that_is_pinned() {
        let pinned = include_bytes!("../../privacy/fixtures/circuit_v1.txt");
        assert_eq!(CIRCUIT, <[u8; 32]>::from(Sha256::digest(pinned)), "another circuit is another program");
        assert_eq!(image().to_string(), "5739bba9208790759c7cefc46d33120126e485ba334c45d361f17c6a9d05cfc8");
    }
}
