//! skeleton

#[cfg(feature = "std")]
pub mod ring;
