//! The privacy zone: a shielded pool of many assets in which amounts, assets and parties are hidden from the base layer, proven sound, and
//! open to the right auditor.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`circuit`] | the one circuit, its keys and proofs, and its rules in plain Rust |
//! | [`note`], [`registry`], [`tree`], [`field`] | the words that circuit and host share |
//!
//! `docs/privacy.md` is the book: each constraint in mathematics, the threat model, and what is not hidden.
//!
//! Known limitations: nobody outside has reviewed it. The crate knows neither sockets nor settlement; nothing of it runs in the appliance yet.

pub mod circuit;
pub mod field;
mod hash;
pub mod limits;
pub mod note;
pub mod registry;
pub mod tree;
