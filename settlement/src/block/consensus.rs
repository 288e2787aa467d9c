//! The settlement block in the words of the consensus library: framing, digest, height, parent.
//!
//! Framed, a block is its size in four bytes and its canonical encoding. The size is checked before anything is copied.

use super::Block;
use crate::digest::to_consensus;
use crate::limits::BLOCK_SIZE_MAX;
use bytes::{Buf as _, BufMut};
use commonware_codec::{Buf, EncodeSize, Error, Read, Write};
use commonware_consensus::{Heightable, types};
use commonware_cryptography::{Committable, Digestible, sha256};
use plinth_types::codec::Codec;

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        let bytes = self.to_bytes();
        buf.put_u32_le(u32::try_from(bytes.len()).expect("a block has a bound"));
        buf.put_slice(&bytes);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        4 + self.size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        if buf.remaining() < 4 {
            return Err(Error::EndOfBuffer);
        }
        let size = buf.get_u32_le() as usize;
        if size > BLOCK_SIZE_MAX {
            return Err(Error::InvalidLength(size));
        }
        if buf.remaining() < size {
            return Err(Error::EndOfBuffer);
        }
        let bytes = buf.copy_to_bytes(size);
        Self::decode(&bytes).map_err(|error| Error::Wrapped("block", Box::new(error)))
    }
}

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> Self::Digest {
        to_consensus(self.id())
    }
}

impl Committable for Block {
    type Commitment = sha256::Digest;

    fn commitment(&self) -> Self::Commitment {
        to_consensus(self.id())
    }
}

impl Heightable for Block {
    fn height(&self) -> types::Height {
        types::Height::new(Self::height(self).get())
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> Self::Digest {
        to_consensus(Self::parent(self))
    }
}
