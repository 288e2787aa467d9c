#![allow(unsafe_code)]
//! Zero records without writing them, where nothing else makes the compiler see that they need not be written.
//!
//! In the virtual machine of proofs memory begins as zeros and each instruction costs: a table of a million records written once is more than all
//! that a block's execution needs. There, and nowhere else, the allocator is asked for zeros.

use super::Record;
use alloc::boxed::Box;

#[cfg(not(target_os = "zkvm"))]
pub(super) fn records<R: Record>(count: usize) -> Box<[R]> {
    alloc::vec![R::ZERO; count].into_boxed_slice()
}

#[cfg(target_os = "zkvm")]
pub(super) fn records<R: Record>(count: usize) -> Box<[R]> {
    // SAFETY: `Record::ZERO` is all zero bytes, and so are these.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}
