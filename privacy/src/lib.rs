//! The privacy zone: a shielded pool of many assets in which amounts, assets and parties are hidden from the base layer, proven sound, and
//! open to the right auditor.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`circuit`] | the one circuit, its keys and proofs, and its rules in plain Rust |
//! | [`note`], [`registry`], [`tree`], [`field`] | the words that circuit and host share |
//! | [`transaction`] | join-splits bound together by one hash |
//! | [`pool`] | the host's rules, blocks and their witnesses, batches of proofs, the check without state |
//! | [`wallet`] | keys, encrypted notes, scanning, drafts, swaps, the key file |
//! | [`disclosure`] | auditors and opened notes |
//!
//! `docs/privacy.md` is the book: each constraint in mathematics, the threat model, and what is not hidden.
//!
//! The crate knows neither sockets nor settlement; `privacy-zone/` makes a process of it.
//!
//! Known limitations: nobody outside has reviewed it.

pub mod circuit;
pub mod disclosure;
pub mod field;
mod hash;
pub mod limits;
pub mod note;
pub mod pool;
pub mod registry;
pub mod transaction;
pub mod tree;
pub mod wallet;
