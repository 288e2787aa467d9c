//! The only road between zones: outbox, settlement, inbox.
//!
//! ```text
//!   header ordered        list taken             block settles                         cap permits
//!  ──────────────► root ────────────► messages ────────────────► queue per channel ─────────────────► inbox of the destination
//!   totals leave          root, totals,          paid out           │                                 or an owner's balance
//!   provisionally         channel numbers                           └─ expired, nobody there, above the cap: back to the sender
//! ```
//!
//! * **Exactly once, in order.** A message's number in its channel (source, destination) is the next one, or its list is refused; a
//!   block settles once; a queue gives a channel's messages in order. What goes back leaves a gap and no later one overtakes.
//! * **Expiry is decided here and once**: when settlement would deliver. What is in an inbox does not expire.
//! * **A bounce never bounces.** What goes back is appended to the sender's inbox whatever waits there, and the zone cannot refuse it.
//! * **Caps** hold back, they lose nothing: what exceeds the hour's cap waits for the next hour; what exceeds any hour goes back.
//!   A zone that is not proven has a cap on every asset: none given means that nothing leaves.
//! * **Failure stays where it is.** A channel that waits delays no other; a destination that is frozen or full sends back.
//!
//! Known limitation: what a frozen zone has queued waits until it thaws.

mod deliver;
mod outbox;
mod settle;

use plinth_types::digest::Digest;
use plinth_types::id::AssetId;
use plinth_types::message::InboxKind;
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};

/// A message before it has its place in an inbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    pub(super) id: Digest,
    pub(super) from: Party,
    pub(super) channel_seq: u64,
    pub(super) kind: InboxKind,
    pub(super) asset: AssetId,
    pub(super) amount: Amount,
    pub(super) account: Address,
}
