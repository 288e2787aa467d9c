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
//! * **Turnstile.** A message is *in flight* from the block that appends it until a zone block that consumed it settles; then it is
//!   *paid in*. A zone holds what was paid in less what was paid out. A header that takes out more freezes the zone and nothing else.
//! * **Exactly once.** An owner's order carries its next number, a header its zone's next height, a message its channel's next number, an
//!   exit a leaf that was never taken. None fits twice.
//! * **On `Err` nothing has changed.** Every transaction decides first and changes then.
//! * **Cheap to clone.** Owners lie in 256 shared buckets, zones each behind a pointer: a child copies what its block touches.
//! * **Root.** [`State::root`] stands in the next block as `pre_state`. It comes from the verifiable store ([`crate::store`]) that whoever
//!   holds the state feeds with each block's [`Outcome::writes`]; the ledger itself knows no store. [`State::digest`] is a hash of it all
//!   for those who keep none: tests and models.
//!
//! Life of a zone block here: *ordered* with the receipts of 2f+1 validators for their shards of its body; `available` when f+1
//! validators have said in a block that they rebuilt it; `settled` when its zone's mode says so (attested: a delay has passed since,
//! audited: m auditors signed too, proven: a proof is valid) and its outbox was listed. Until then it may be rejected, and then its inputs
//! wait again ([`Outcome::rejected`]). A body that is proven to be no codeword, or shown not to open to its hash, is rejected with those
//! on top of it, and its zone freezes: governors let it go on.
//!
//! Known limitations: the state root that a zone's first header starts from is the producer's word; a zone that somebody left by an exit
//! never thaws; zones are those of the genesis.

mod bodies;
mod check;
mod conservation;
mod error;
mod execute;
mod exits;
pub mod facts;
mod governance;
mod headers;
mod listings;
mod messages;
mod owner_acts;
mod owners;
mod past;
mod proofs;
mod signatures;
mod state;
mod turn;
mod verdicts;
mod zone;

pub use check::{Checked, Outcome, Unverified};
pub use conservation::Conservation;
pub use error::{BlockError, TransactionError};
pub use governance::{AuthorityError, CommitteeError, StoreFormat};
pub use listings::Listing;
pub use proofs::ProofWanted;
pub use signatures::{Claim, OneByOne, Remembering, Signer, Verifier};
pub use state::State;
pub use zone::{
    Freeze, FreezeCause, Inbox, Overdrawn, Settled, Turnstile, Unsettled, Window, Zone, ZoneBlock, ZoneRecord, ZoneStatus,
};

pub(crate) use execute::{Effects, Place};
