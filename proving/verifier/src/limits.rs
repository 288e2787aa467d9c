//! Bounds of what a peer may send as a proof.

/// Bytes that a guest makes public.
pub const STATEMENT_SIZE: usize = 64;
/// Most segments of a proof: each costs tens of milliseconds to verify.
pub const SEGMENTS_MAX: usize = 64;
/// Most bytes of one segment's proof.
pub const SEGMENT_SIZE_MAX: usize = 2 << 20;
/// Most bytes of a proof: what validators take from a client.
pub const PROOF_SIZE_MAX: usize = 16 << 20;
/// Most bytes of a zone header beside its proof.
pub const HEADER_SIZE_MAX: usize = 8 << 10;
