//! What must hold, seen from outside: from blocks, certificates and votes as they are published, never from a validator's memory.
//!
//! * [`ledger`] restates the rules of money in the plainest way and replays every final block: conservation, exactly once, turnstile,
//!   2f + 1 receipts. It shares the wire formats and the signature check with the product, and no rule.
//! * [`agreement`]: two final blocks of one height never exist, nor two certificates of one view for different blocks.
//! * [`agreement`] also counts who signed: nothing is final with fewer than 2f + 1 of its epoch's validators, whom [`committees`] knows from
//!   the final blocks.
//! * [`votes`]: no honest validator ever signs two votes of one view that contradict each other, whatever happened to it in between.
//!
//! The bounds on progress are checked by [`crate::world`], evidence by [`crate::verdict`].

pub mod agreement;
pub mod committees;
pub mod ledger;
pub mod votes;

use thiserror::Error;

/// What must never happen, and did.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Two final blocks of one height, or two certified ones of one view.
    #[error("agreement: {0}")]
    Agreement(String),
    /// Money was made or lost.
    #[error("conservation: {0}")]
    Conservation(String),
    /// Something took effect twice, or out of its order.
    #[error("exactly once: {0}")]
    ExactlyOnce(String),
    /// A zone was let to take out more than it holds.
    #[error("turnstile: {0}")]
    Turnstile(String),
    /// A zone block was ordered that too few can have checked.
    #[error("availability: {0}")]
    Availability(String),
    /// A signature that stands in a final block is nobody's.
    #[error("signature: {0}")]
    Signature(String),
    /// An honest validator signed two votes that contradict each other.
    #[error("double vote: {0}")]
    DoubleVote(String),
    /// A block is final that too few signed.
    #[error("quorum: {0}")]
    Quorum(String),
    /// Something was decided that nobody had the authority to decide.
    #[error("authority: {0}")]
    Authority(String),
    /// Nothing moved for too long after everything was healed.
    #[error("liveness: {0}")]
    Liveness(String),
    /// Evidence is missing, false, or names the wrong one; or an honest validator was blocked.
    #[error("evidence: {0}")]
    Evidence(String),
    /// An honest client or producer was refused for good.
    #[error("honest refused: {0}")]
    HonestRefused(String),
    /// A validator stopped itself.
    #[error("panic: {0}")]
    Panic(String),
    /// The same seed ran differently the second time.
    #[error("determinism: {0}")]
    Determinism(String),
}

impl Violation {
    /// Which promise it breaks, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Agreement(_) => "agreement",
            Self::Conservation(_) => "conservation",
            Self::ExactlyOnce(_) => "exactly-once",
            Self::Turnstile(_) => "turnstile",
            Self::Availability(_) => "availability",
            Self::Signature(_) => "signature",
            Self::DoubleVote(_) => "double-vote",
            Self::Quorum(_) => "quorum",
            Self::Authority(_) => "authority",
            Self::Liveness(_) => "liveness",
            Self::Evidence(_) => "evidence",
            Self::HonestRefused(_) => "honest-refused",
            Self::Panic(_) => "panic",
            Self::Determinism(_) => "determinism",
        }
    }
}
