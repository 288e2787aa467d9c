//! The matching engine behind a C ABI, for harnesses that are not written in Rust. The functions and structs are in
//! `include/plinth_matching.h`, which is part of this crate and checked against it by a C program (`tests/c_program.rs`).
//!
//! * **Commands are the journal's.** A command in C has the bytes of a record's head ([`plinth_types::command`]) and its tail lies in a second
//!   buffer, so what a harness submits can be journaled, and a journal's records can be submitted. Every byte is decoded, never trusted.
//! * **Batches.** [`host::Host::submit`] executes as many commands as it can and says how many those were; the first that cannot be executed is
//!   the next one then. It stops before a command while [`limits::EVENTS_WAITING_MAX`] events wait to be polled.
//! * **Ownership.** The library allocates the engine and frees it; every other memory is the caller's and not kept. An engine is used by one
//!   thread at a time.
//! * **Failures** are codes. A panic, which would be a bug, stops at the border: the engine answers `PLINTH_POISONED` from then on.
//!
//! # How an outside harness drives it
//!
//! `cargo build --release -p plinth-matching-c` makes `libplinth_matching_c.so` and `.a`. A driver makes an engine, sets its zone up with
//! `plinth_add_asset`, `plinth_open_account`, `plinth_list_instrument`, `plinth_grant` and `plinth_credit`, numbers its commands by `seq` and each
//! session's orders by 1, 2, 3 …, submits, polls. `tests/program.c` is such a driver, whole. A benchmark whose driver loads an adapter (one
//! symbol space, one account) maps its order ids onto `plinth_order_id(session, n)` and its symbols onto instruments; account checks stay on, so
//! it credits its account with more than the flow can spend.
//!
//! # Known limitations
//!
//! No journal, no recovery: an engine lives in memory. Instructions of orders (icebergs, stops) and reference data beyond the functions above
//! are tails in the encoding of `plinth-types`, which a C harness writes itself. Little-endian machines only.

pub mod abi;
pub mod ffi;
pub mod host;
pub mod limits;

#[cfg(not(target_endian = "little"))]
compile_error!("commands in memory have the journal's byte order");
