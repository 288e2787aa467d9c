//! What a client and a validator say on a bidirectional stream: one request frame, then one answer frame, or many for a follower.
//!
//! Frames are `length u32 LE, bytes`; requests and answers start with a version and a tag.

mod ask;
mod facts;
pub mod limits;
mod packed;

pub use ask::{AskError, ask};
pub use facts::{AnchorAnswer, CertifiedHeads, FactAnswer, FactsRequest, HandoversAnswer, PartAnswer, StateAnswer, StepsAnswer};

use crate::block::{Block, Transaction};
use crate::consensus::{Finalization, OpeningAnswer, ProofAnswer, SubmitAnswer, TransactionAnswer};
use crate::dispersal::Opening;
use bytes::Bytes;
use commonware_codec::Read as _;
use commonware_cryptography::certificate::Verifier as _;
use limits::{ANSWER_SIZE_MAX, CERTIFICATE_SIZE_MAX, PROOF_REQUEST_SIZE_MAX, REQUEST_HEAD_SIZE_MAX, REQUEST_SIZE_MAX};
use packed::{encode_packed, read_packed};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height};
use plinth_types::record;

/// Version of requests and answers.
const VERSION: u8 = 1;
/// Tag of a proof, the longest request.
const PROVE: u8 = 8;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Take this zone block, with your shard of its body. Answered by [`SubmitAnswer`].
    Submit(Box<SignedHeader>, Bytes),
    /// Take this transaction. Answered by [`TransactionAnswer`].
    Bring(Box<Transaction>),
    /// Send every finalized block from this height on, as it comes. Answered by [`FollowAnswer`]s without end.
    Follow(Height),
    /// Say who you are. Answered by [`Info`].
    Info,
    /// Send your shard of this header's body. Answered by [`ShardAnswer`].
    Shard(Digest),
    /// Try this key on the body of an ordered block. Answered by [`OpeningAnswer`].
    Open(Opening),
    /// Show a fact, or a part of the state.
    Facts(FactsRequest),
    /// Check this proof of an ordered zone block. Answered by [`ProofAnswer`].
    Prove(Box<ZoneHeader>, Bytes),
}

impl Request {
    /// The frame.
    #[must_use]
    pub fn to_frame(&self) -> Bytes {
        let mut out = vec![VERSION];
        match self {
            Self::Submit(header, shard) => {
                1_u8.encode(&mut out);
                encode_packed(&header.to_bytes(), &mut out);
                out.extend_from_slice(shard);
            }
            Self::Bring(transaction) => {
                2_u8.encode(&mut out);
                transaction.encode(&mut out);
            }
            Self::Follow(from) => {
                3_u8.encode(&mut out);
                from.encode(&mut out);
            }
            Self::Info => 4_u8.encode(&mut out),
            Self::Shard(header) => {
                5_u8.encode(&mut out);
                header.encode(&mut out);
            }
            Self::Open(opening) => {
                6_u8.encode(&mut out);
                opening.header.encode(&mut out);
                opening.key.encode(&mut out);
            }
            Self::Facts(request) => {
                7_u8.encode(&mut out);
                request.encode(&mut out);
            }
            Self::Prove(header, proof) => {
                PROVE.encode(&mut out);
                encode_packed(&header.to_bytes(), &mut out);
                out.extend_from_slice(proof);
            }
        }
        out.into()
    }

    /// Most bytes that a request may have, by its frame: only a proof may be longer than the others.
    #[must_use]
    pub fn size_max(frame: &[u8]) -> usize {
        if frame.get(1) == Some(&PROVE) { PROOF_REQUEST_SIZE_MAX } else { REQUEST_SIZE_MAX }
    }

    /// Reads a frame; a shard or a proof stays where it is.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    pub fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        read_version(&mut reader)?;
        let request = match u8::read(&mut reader)? {
            1 => {
                let (header, packed_size) = read_packed(&mut reader, REQUEST_HEAD_SIZE_MAX)?;
                let header = SignedHeader::decode(&header)?;
                // Version and tag, then the header; the shard is all that follows.
                return Ok(Self::Submit(Box::new(header), frame.slice(2 + packed_size..)));
            }
            2 => Self::Bring(Box::new(Codec::read(&mut reader)?)),
            3 => Self::Follow(Codec::read(&mut reader)?),
            4 => Self::Info,
            5 => Self::Shard(Codec::read(&mut reader)?),
            6 => Self::Open(Opening { header: Codec::read(&mut reader)?, key: Codec::read(&mut reader)? }),
            7 => Self::Facts(Codec::read(&mut reader)?),
            PROVE => {
                let (header, packed_size) = read_packed(&mut reader, REQUEST_HEAD_SIZE_MAX)?;
                let header = ZoneHeader::decode(&header)?;
                return Ok(Self::Prove(Box::new(header), frame.slice(2 + packed_size..)));
            }
            _ => return Err(reader.invalid("request tag")),
        };
        reader.finish()?;
        Ok(request)
    }
}

/// Which chain a validator serves, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The chain.
    pub chain: ChainId,
    /// Digest of its genesis.
    pub genesis: Digest,
    /// Height of its last finalized block.
    pub height: Height,
}

/// A finalized block, and its certificate if the validator has one.
#[derive(Clone, Debug)]
pub struct FollowAnswer {
    /// The block.
    pub block: Block,
    /// Says that it is final. A block without one is final when a later block of the same chain is.
    pub certificate: Option<Finalization>,
}

/// A validator's shard of a body, if it still has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardAnswer(pub Option<Bytes>);

/// An answer as a frame.
pub trait Answer: Sized {
    /// The frame.
    fn to_frame(&self) -> Bytes;

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError>;
}

/// Answers that are the version and the value's own encoding.
macro_rules! answers {
    ($($name:ident),*) => {$(
        impl Answer for $name {
            fn to_frame(&self) -> Bytes {
                let mut out = vec![VERSION];
                self.encode(&mut out);
                out.into()
            }

            fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
                read_answer(frame, Codec::read)
            }
        }
    )*};
}
record!(Info { chain, genesis, height });
answers!(SubmitAnswer, TransactionAnswer, OpeningAnswer, ProofAnswer, Info);

impl Answer for FollowAnswer {
    fn to_frame(&self) -> Bytes {
        let mut out = vec![VERSION];
        encode_blob(&self.block.to_bytes(), &mut out);
        let certificate = self.certificate.as_ref().map(commonware_codec::Encode::encode);
        encode_blob(certificate.as_deref().unwrap_or_default(), &mut out);
        out.into()
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        read_answer(frame, |reader| {
            let block = Block::decode(read_blob(reader, "block bytes", ANSWER_SIZE_MAX)?)?;
            let certificate = match read_blob(reader, "certificate bytes", CERTIFICATE_SIZE_MAX)? {
                [] => None,
                bytes => Some(read_certificate(bytes).ok_or_else(|| reader.invalid("certificate"))?),
            };
            Ok(Self { block, certificate })
        })
    }
}

impl Answer for ShardAnswer {
    fn to_frame(&self) -> Bytes {
        let mut out = vec![VERSION, u8::from(self.0.is_some())];
        out.extend_from_slice(self.0.as_deref().unwrap_or_default());
        out.into()
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        read_version(&mut reader)?;
        match u8::read(&mut reader)? {
            0 => reader.finish().map(|()| Self(None)),
            1 => Ok(Self(Some(frame.slice(2..)))),
            _ => Err(reader.invalid("shard answer tag")),
        }
    }
}

pub(crate) fn read_certificate(bytes: &[u8]) -> Option<Finalization> {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let config = crate::consensus::Scheme::certificate_codec_config_unbounded();
    let certificate = Finalization::read_cfg(&mut bytes, &config).ok()?;
    bytes.is_empty().then_some(certificate)
}

fn read_version(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if u8::read(reader)? == VERSION { Ok(()) } else { Err(reader.invalid("wire version")) }
}

fn read_answer<T>(frame: &Bytes, read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let mut reader = Reader::new(frame);
    read_version(&mut reader)?;
    let answer = read(&mut reader)?;
    reader.finish()?;
    Ok(answer)
}

pub(crate) fn encode_blob(bytes: &[u8], out: &mut Vec<u8>) {
    encode_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

pub(crate) fn read_blob<'a>(reader: &mut Reader<'a>, field: &'static str, size_max: usize) -> Result<&'a [u8], DecodeError> {
    let size = reader.count(field, size_max)?;
    reader.bytes(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::Refusal;
    use limits::REFUSAL_SIZE_MAX;

    #[test]
    fn small_requests_and_answers_are_pinned() {
        let no = Refusal::of(Height::new(7), "no");
        let pinned: [(Bytes, &[u8]); 12] = [
            (Request::Follow(Height::new(7)).to_frame(), &[1, 3, 7, 0, 0, 0, 0, 0, 0, 0]),
            (Request::Info.to_frame(), &[1, 4]),
            (SubmitAnswer::Ordered.to_frame(), &[1, 2]),
            (SubmitAnswer::NotYet.to_frame(), &[1, 3]),
            (SubmitAnswer::Refused(no.clone()).to_frame(), &[1, 4, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'n', b'o']),
            (TransactionAnswer::Accepted.to_frame(), &[1, 1]),
            (TransactionAnswer::Ordered(Height::new(7)).to_frame(), &[1, 2, 7, 0, 0, 0, 0, 0, 0, 0]),
            (TransactionAnswer::Refused(no.clone()).to_frame(), &[1, 4, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'n', b'o']),
            (ProofAnswer::Done.to_frame(), &[1, 2]),
            (ProofAnswer::NotYet.to_frame(), &[1, 3]),
            (ProofAnswer::Refused(no).to_frame(), &[1, 4, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'n', b'o']),
            (ShardAnswer(Some(Bytes::from_static(b"ab"))).to_frame(), &[1, 1, b'a', b'b']),
        ];
        for (frame, bytes) in pinned {
            assert_eq!(frame.as_ref(), bytes);
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let refused: [&[u8]; 7] = [&[], &[1], &[2, 4], &[1, 9], &[1, 4, 0], &[1, 3, 7], &[1, 1, 0]];
        for bytes in refused {
            assert!(Request::from_frame(&Bytes::from_static(bytes)).is_err(), "{bytes:?}");
        }
        assert!(SubmitAnswer::from_frame(&Bytes::from_static(&[1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255])).is_err());
        assert!(ShardAnswer::from_frame(&Bytes::from_static(&[1, 0, 7])).is_err());
        assert!(FollowAnswer::from_frame(&Bytes::from_static(&[1, 255, 255, 255, 255])).is_err());
    }

    #[test]
    fn a_refusal_is_cut_at_a_character() {
        let long = SubmitAnswer::Refused(Refusal::of(Height::new(7), &"é".repeat(REFUSAL_SIZE_MAX)));
        let SubmitAnswer::Refused(cut) = SubmitAnswer::from_frame(&long.to_frame()).unwrap() else { panic!("another answer") };
        assert_eq!(cut.to_string(), "é".repeat(REFUSAL_SIZE_MAX / 2));
    }
}
