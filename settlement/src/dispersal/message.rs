//! What validators say to each other about shards, on a channel of their own.

use super::fraud::FraudProof;
use super::limits::SHARD_SIZE_MAX;
use bytes::Bytes;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Send me your shard of this header's body.
    Request(Digest),
    /// My shard of this header's body, if I have it.
    Answer(Digest, Option<Bytes>),
    /// An ordered body is of no codeword.
    Fraud(Box<FraudProof>),
}

impl Message {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Reads a message; a shard stays where it is.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if u8::read(&mut reader)? != Self::VERSION {
            return Err(reader.invalid("shard message version"));
        }
        let message = match u8::read(&mut reader)? {
            1 => Self::Request(Codec::read(&mut reader)?),
            2 => Self::Answer(Codec::read(&mut reader)?, None),
            3 => {
                let header = Codec::read(&mut reader)?;
                let size = reader.count("shard bytes", SHARD_SIZE_MAX)?;
                Self::Answer(header, Some(bytes.slice_ref(reader.bytes(size)?)))
            }
            4 => Self::Fraud(Box::new(Codec::read(&mut reader)?)),
            _ => return Err(reader.invalid("shard message tag")),
        };
        reader.finish()?;
        Ok(message)
    }

    /// The message's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        match self {
            Self::Request(header) => {
                1_u8.encode(&mut out);
                header.encode(&mut out);
            }
            Self::Answer(header, None) => {
                2_u8.encode(&mut out);
                header.encode(&mut out);
            }
            Self::Answer(header, Some(shard)) => {
                3_u8.encode(&mut out);
                header.encode(&mut out);
                encode_count(shard.len(), &mut out);
                out.extend_from_slice(shard);
            }
            Self::Fraud(proof) => {
                4_u8.encode(&mut out);
                proof.encode(&mut out);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_pinned() {
        let header = Digest([7; 32]);
        let head = |tag: u8| [[1, tag].as_slice(), &[7; 32]].concat();
        let shard = Bytes::from_static(b"ab");
        let pinned = [
            (Message::Request(header), head(1)),
            (Message::Answer(header, None), head(2)),
            (Message::Answer(header, Some(shard)), [head(3), vec![2, 0, 0, 0, b'a', b'b']].concat()),
        ];
        for (message, bytes) in pinned {
            assert_eq!(message.to_bytes(), bytes);
            assert_eq!(Message::from_bytes(&bytes.clone().into()), Ok(message));
            assert!(Message::from_bytes(&bytes[..bytes.len() - 1].to_vec().into()).is_err());
            assert!(Message::from_bytes(&[bytes, vec![0]].concat().into()).is_err());
        }
        let oversized = [head(3), vec![0xff; 4]].concat();
        assert!(Message::from_bytes(&oversized.into()).is_err());
    }
}
