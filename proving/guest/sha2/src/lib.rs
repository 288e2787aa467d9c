//! SHA-256 by the virtual machine's instruction, under the names of the published crate that the engine uses.
//!
//! Whole blocks are hashed where they lie, if that is at a word's address; others are copied first.

#![no_std]

use openvm_sha2_guest::zkvm_sha256_impl;

use generic_array::GenericArray;
use generic_array::typenum::U64;

/// The published crate's way to the crate below.
pub mod digest {
    pub use generic_array;
}

const BLOCK_SIZE: usize = 64;
const INITIAL: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The part of the published crate's trait that is used.
pub trait Digest: Sized {
    /// A hash of nothing so far.
    fn new() -> Self;
    /// Takes more bytes.
    fn update(&mut self, bytes: impl AsRef<[u8]>);
    /// The digest.
    fn finalize(self) -> [u8; 32];

    /// A hash that begins with `prefix`.
    fn new_with_prefix(prefix: impl AsRef<[u8]>) -> Self {
        let mut hash = Self::new();
        hash.update(prefix);
        hash
    }

    /// The digest of `bytes`.
    fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
        Self::new_with_prefix(bytes).finalize()
    }
}

/// A block at a word's address.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4))]
struct Block([u8; BLOCK_SIZE]);

/// Takes whole blocks into a state.
#[inline(always)]
pub fn compress256(state: &mut [u32; 8], blocks: &[GenericArray<u8, U64>]) {
    let state = state.as_mut_ptr().cast::<u8>();
    for block in blocks {
        // Safety: as in `compress`.
        unsafe { zkvm_sha256_impl(state, block.as_ptr(), state) }
    }
}

/// SHA-256.
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: [u32; 8],
    block: Block,
    /// Bytes in `block`.
    pending: usize,
    /// Bytes so far, those in `block` included.
    size: u64,
}

impl Sha256 {
    #[inline(always)]
    fn compress(&mut self, block: *const u8) {
        let state = self.state.as_mut_ptr().cast::<u8>();
        // Safety: the state is 32 bytes, which the instruction may replace while it reads them, and the callers' blocks are 64.
        unsafe { zkvm_sha256_impl(state, block, state) }
    }
}

impl Digest for Sha256 {
    fn new() -> Self {
        Self { state: INITIAL, block: Block([0; BLOCK_SIZE]), pending: 0, size: 0 }
    }

    fn update(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        self.size += bytes.len() as u64;
        if self.pending > 0 {
            let taken = bytes.len().min(BLOCK_SIZE - self.pending);
            let (head, rest) = bytes.split_at(taken);
            self.block.0[self.pending..self.pending + taken].copy_from_slice(head);
            self.pending += taken;
            bytes = rest;
            if self.pending < BLOCK_SIZE {
                return;
            }
            let block = self.block;
            self.compress(block.0.as_ptr());
            self.pending = 0;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK_SIZE>();
        for block in blocks {
            if block.as_ptr().addr().is_multiple_of(align_of::<Block>()) {
                self.compress(block.as_ptr());
            } else {
                let copy = Block(*block);
                self.compress(copy.0.as_ptr());
            }
        }
        self.block.0[..rest.len()].copy_from_slice(rest);
        self.pending = rest.len();
    }

    fn finalize(mut self) -> [u8; 32] {
        let mut block = self.block;
        block.0[self.pending] = 0x80;
        block.0[self.pending + 1..].fill(0);
        if self.pending + 1 + 8 > BLOCK_SIZE {
            self.compress(block.0.as_ptr());
            block.0.fill(0);
        }
        block.0[BLOCK_SIZE - 8..].copy_from_slice(&(self.size * 8).to_be_bytes());
        self.compress(block.0.as_ptr());
        let mut digest = [0; 32];
        digest
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(self.state)
            .for_each(|(bytes, word): (&mut [u8; 4], u32)| *bytes = word.to_be_bytes());
        digest
    }
}
