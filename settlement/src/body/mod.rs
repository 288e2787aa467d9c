//! The body of a zone block in the clear, as its readers see it.
//!
//! A validator sees only a shard of the ciphertext ([`crate::dispersal`]). What can be said of the commands without executing them is
//! said here, by whoever holds the reader key: the zone's readers, an auditor, a new producer.
//!
//! | Who | Checks |
//! | --- | --- |
//! | validator | its shard lies under the root; f+1 of them: the ciphertext rebuilds, re-codes to the root and has the header's size |
//! | ledger | the header follows the zone's last one; heights, records, times, counts and sizes could be; the inbox root is that of the messages it appended |
//! | reader, auditor | the ciphertext opens under the committed key to the body hash ([`crate::dispersal::BodyKey::open`]); records ascend, tails decode, the messages consumed are those appended ([`check_body`]); owners signed the mandates ([`crate::keys::verify_mandate`]) |
//! | proof, or auditors who execute | post-state root, trade count, outbox |
//!
//! So a producer can have a body ordered whose commands are nonsense; it cannot have nonsense proven, nor attested by an honest auditor.

mod check;

pub use check::{Before, BodyError, check_body, inbox_root};
