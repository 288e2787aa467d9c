//! The state of the base layer, and the only two ways to change it: genesis and a checked block.
//!
//! ```text
//!            State ──check_unsigned──► Unverified ──verify──► Checked ──apply──► State, Outcome
//!  (parent)    │     sizes, structure,     │      signatures,    │
//!              │     cheap state           │      countable      └──► .state(): check a child before the parent is final
//!              └──► propose(time, transactions): a block on top
//! ```
//!
//! * **Pure.** No clock, file, socket or random source; ordered maps only. A state is a function of genesis and blocks.
//! * **Money has one home.** Per asset: issued = Σ balances of owners + Σ messages in flight + Σ zone totals. Asserted behind every
//!   block, added up anew, and stated as a fact ([`Conservation`]).
//! * **Facts.** All of it is a set of [`facts`], and a block's [`Outcome`] lists the ones it changed.
//! * **Epochs.** The committee of an epoch is frozen one epoch ahead; k of n genesis keys decide on the one after that.
//! * **Turnstile.** A message is *in flight* from the block that appends it to the ordered header that consumes it; then it is *paid
//!   in*. A zone holds what was paid in less what was paid out. A header that takes out more freezes the zone and nothing else.
//! * **Exactly once.** A deposit carries its owner's next number; a header its zone's next height. Neither fits twice.
//! * **On `Err` nothing has changed.** Every transaction decides first and changes then.
//! * **Cheap to clone.** Owners lie in 256 shared buckets, zones each behind a pointer: a child copies what its block touches.
//! * **Digest.** [`State::digest`] covers all of it and stands in the next block as `pre_state`. It is a hash of bucket hashes for now;
//!   the verifiable store comes with its own issue.
//!
//! Life of a zone block here: `available` in the block that orders its header (2f+1 validators signed that they have the body),
//! `settled` in the block that comes `delay_blocks` behind that one, because every zone here is `attested 1/1, producer only`.
//!
//! Known limitations: withdrawals come with the settlement issue, so a header whose outbox the zone could pay is refused; a frozen zone
//! stays frozen (governance thaws); the state root that a zone's first header starts from is the producer's word.

mod check;
mod conservation;
mod error;
mod execute;
pub mod facts;
mod governance;
mod owners;
mod signatures;
mod state;
mod zone;

pub use check::{Checked, Outcome, Unverified};
pub use conservation::Conservation;
pub use error::{BlockError, TransactionError};
pub use governance::{AuthorityError, CommitteeError};
pub use signatures::{Claim, OneByOne, Remembering, Signer, Verifier};
pub use state::State;
pub use zone::{Freeze, Inbox, Overdrawn, Turnstile, Zone, ZoneBlock, ZoneRecord, ZoneStatus};

pub(crate) use execute::Effects;
