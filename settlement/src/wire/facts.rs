//! Facts with their proofs, and parts of the state: what a light client and a new validator ask of a validator.
//!
//! ```text
//! request   1 │ key size u32 │ key                 ─► FactAnswer     1 │ certified │ proof     or  2: not now
//!           2                                      ─► StateAnswer    1 │ certified │ target    or  2: not now
//!           3 │ request of a part                  ─► PartAnswer     1 │ part                  or  2: not any more
//!           4 │ epoch u64                          ─► StepsAnswer    first epoch kept u64 │ count u32 │ succession …
//!           5 │ height u64                         ─► HandoversAnswer  count u32 │ handover …
//!           6                                      ─► AnchorAnswer   1 │ anchor                or  2: not now
//!
//! certified     count u8 │ head 117 … │ certificate size u32 │ certificate
//! ```
//!
//! The first head's `pre_state` is the root that the proof or target belongs to; the last head is the certified block.

use super::limits::{CERTIFICATE_SIZE_MAX, HANDOVERS_MAX, HEADS_MAX, STEPS_MAX};
use super::{Answer, encode_blob, read_answer, read_blob, read_certificate};
use crate::block::Head;
use crate::checkpoint::Handover;
use crate::consensus::Finalization;
use crate::genesis::{encode_list, read_list};
use crate::light::{Anchor, Seen, Succession};
use crate::store::limits::FACT_KEY_SIZE_MAX;
use crate::store::{FactProof, StatePart, StateRequest, StateTarget};
use bytes::Bytes;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::{Epoch, Height};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactsRequest {
    /// The fact of this key, as behind the newest certified block. Answered by [`FactAnswer`].
    Fact(Bytes),
    /// The newest certified state, to be fetched. Answered by [`StateAnswer`].
    State,
    /// A part of a state. Answered by [`PartAnswer`].
    Part(StateRequest),
    /// Who validates, from epoch to epoch, from this one on. Answered by [`StepsAnswer`].
    Steps(Epoch),
    /// From which group of checkpoints to which, behind this height. Answered by [`HandoversAnswer`].
    Handovers(Height),
    /// A checkpoint, and who validates behind it. Answered by [`AnchorAnswer`].
    Anchor,
}

/// Blocks that follow each other; the last is certified, so all of them are final.
#[derive(Clone, Debug)]
pub struct CertifiedHeads {
    /// Their heads, ascending, at least one.
    pub heads: Vec<Head>,
    /// Of the last one.
    pub certificate: Finalization,
}

/// A fact, or its absence; `None` while the validator has no certified state.
#[derive(Clone, Debug)]
pub struct FactAnswer(pub Option<(CertifiedHeads, FactProof)>);

/// A state that can be fetched; `None` while the validator has no certified state.
#[derive(Clone, Debug)]
pub struct StateAnswer(pub Option<(CertifiedHeads, StateTarget)>);

/// A part of a state; `None` if the validator has it no more.
#[derive(Clone, Debug)]
pub struct PartAnswer(pub Option<StatePart>);

/// Steps from the epoch on that was asked for, without a gap; at most [`STEPS_MAX`], fewer when they are long, none if that one is not kept.
#[derive(Clone, Debug)]
pub struct StepsAnswer {
    /// The first epoch that the validator keeps a step from.
    pub floor: Epoch,
    /// The steps, ascending.
    pub steps: Vec<Succession>,
}

/// The next handovers, ascending; at most [`HANDOVERS_MAX`].
#[derive(Clone, Debug)]
pub struct HandoversAnswer(pub Vec<Handover>);

/// A checkpoint with proofs of its state; `None` while the validator has none.
#[derive(Clone, Debug)]
pub struct AnchorAnswer(pub Option<Anchor>);

impl CertifiedHeads {
    /// The epoch whose validators certified them, as the certificate says.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::new(self.certificate.proposal.round.epoch().get())
    }

    /// The state that they follow, if they are worth what they say; `None` of a first block that follows nothing.
    pub(crate) fn seen(&self) -> Option<Seen> {
        let first = self.heads.first()?;
        let height = Height::new(first.height.get().checked_sub(1)?);
        Some(Seen { height, block: first.parent, time: first.time, root: first.pre_state })
    }
}

impl Codec for FactsRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Fact(key) => {
                1_u8.encode(out);
                encode_blob(key, out);
            }
            Self::State => 2_u8.encode(out),
            Self::Part(request) => {
                3_u8.encode(out);
                request.encode(out);
            }
            Self::Steps(from) => {
                4_u8.encode(out);
                from.encode(out);
            }
            Self::Handovers(behind) => {
                5_u8.encode(out);
                behind.encode(out);
            }
            Self::Anchor => 6_u8.encode(out),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => Ok(Self::Fact(Bytes::copy_from_slice(read_blob(reader, "bytes of a fact's key", FACT_KEY_SIZE_MAX)?))),
            2 => Ok(Self::State),
            3 => Codec::read(reader).map(Self::Part),
            4 => Codec::read(reader).map(Self::Steps),
            5 => Codec::read(reader).map(Self::Handovers),
            6 => Ok(Self::Anchor),
            _ => Err(reader.invalid("facts request tag")),
        }
    }
}

impl Codec for CertifiedHeads {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.heads.len(), out);
        self.heads.iter().for_each(|head| head.encode(out));
        encode_blob(&commonware_codec::Encode::encode(&self.certificate), out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("heads", HEADS_MAX)?;
        if count == 0 {
            return Err(reader.invalid("count of heads"));
        }
        let heads = (0..count).map(|_| Head::read(reader)).collect::<Result<_, _>>()?;
        let bytes = read_blob(reader, "certificate bytes", CERTIFICATE_SIZE_MAX)?;
        let certificate = read_certificate(bytes).ok_or_else(|| reader.invalid("certificate"))?;
        Ok(Self { heads, certificate })
    }
}

/// An answer that may be none.
fn to_frame(some: Option<impl FnOnce(&mut Vec<u8>)>) -> Bytes {
    let mut out = vec![super::VERSION];
    match some {
        Some(encode) => {
            1_u8.encode(&mut out);
            encode(&mut out);
        }
        None => 2_u8.encode(&mut out),
    }
    out.into()
}

fn from_frame<T>(frame: &Bytes, read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
    read_answer(frame, |reader| match u8::read(reader)? {
        1 => read(reader).map(Some),
        2 => Ok(None),
        _ => Err(reader.invalid("answer tag")),
    })
}

impl Answer for FactAnswer {
    fn to_frame(&self) -> Bytes {
        to_frame(self.0.as_ref().map(|(certified, proof)| {
            |out: &mut Vec<u8>| {
                certified.encode(out);
                proof.encode(out);
            }
        }))
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        from_frame(frame, |reader| Ok((Codec::read(reader)?, Codec::read(reader)?))).map(Self)
    }
}

impl Answer for StateAnswer {
    fn to_frame(&self) -> Bytes {
        to_frame(self.0.as_ref().map(|(certified, target)| {
            |out: &mut Vec<u8>| {
                certified.encode(out);
                target.encode(out);
            }
        }))
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        from_frame(frame, |reader| Ok((Codec::read(reader)?, Codec::read(reader)?))).map(Self)
    }
}

impl Answer for StepsAnswer {
    fn to_frame(&self) -> Bytes {
        let mut out = vec![super::VERSION];
        self.floor.encode(&mut out);
        encode_list(&self.steps, &mut out);
        out.into()
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        read_answer(frame, |reader| Ok(Self { floor: Codec::read(reader)?, steps: read_list(reader, "steps", STEPS_MAX)? }))
    }
}

impl Answer for HandoversAnswer {
    fn to_frame(&self) -> Bytes {
        let mut out = vec![super::VERSION];
        encode_list(&self.0, &mut out);
        out.into()
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        read_answer(frame, |reader| read_list(reader, "handovers", HANDOVERS_MAX)).map(Self)
    }
}

impl Answer for AnchorAnswer {
    fn to_frame(&self) -> Bytes {
        to_frame(self.0.as_ref().map(|anchor| |out: &mut Vec<u8>| anchor.encode(out)))
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        from_frame(frame, Codec::read).map(Self)
    }
}

impl Answer for PartAnswer {
    fn to_frame(&self) -> Bytes {
        to_frame(self.0.as_ref().map(|part| |out: &mut Vec<u8>| part.encode(out)))
    }

    fn from_frame(frame: &Bytes) -> Result<Self, DecodeError> {
        from_frame(frame, Codec::read).map(Self)
    }
}
