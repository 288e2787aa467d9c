//! Bounds of the list of told trades.

/// The file is not rewritten before it has grown by so many bytes, nor before it has doubled.
pub const REWRITE_SIZE_MIN: u64 = 64 << 20;
/// Largest encoded entry.
pub const ENTRY_SIZE_MAX: usize = 128;
