//! skeleton

#[cfg(all(feature = "std", not(loom)))]
pub mod journal;
#[cfg(feature = "std")]
pub mod ring;
