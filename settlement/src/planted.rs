//! Known bugs, planted for the simulation to find. All of them are named here, and none exists unless the feature `planted-bugs` is on,
//! which no default turns on: in the product [`planted!`] is the constant `false`.
//!
//! One build has them all; a thread chooses the one that it suffers from, because a thread simulates one world at a time.

use std::cell::Cell;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A validator that starts again does not find its votes, and votes anew.
    DoubleVote,
    /// A header that takes out more than its zone holds is ordered like any other.
    SkipTurnstile,
    /// A deposit's number is not compared with its owner's last one.
    SkipNonce,
    /// A receipt is signed before the body is looked at.
    ReceiptBeforeCheck,
    /// A validator votes for a block that it has not checked.
    VoteUnchecked,
    /// Evidence against a validator is not kept.
    EvidenceLost,
    /// The votes of f + 1 validators are taken for a quorum.
    SmallQuorum,
    /// A producer's block that waits is forgotten when a settlement block is final.
    PoolForgets,
}

impl Bug {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::DoubleVote,
        Self::SkipTurnstile,
        Self::SkipNonce,
        Self::ReceiptBeforeCheck,
        Self::VoteUnchecked,
        Self::EvidenceLost,
        Self::SmallQuorum,
        Self::PoolForgets,
    ];

    /// As the command line names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoubleVote => "bug-double-vote",
            Self::SkipTurnstile => "bug-skip-turnstile",
            Self::SkipNonce => "bug-skip-nonce",
            Self::ReceiptBeforeCheck => "bug-receipt-before-check",
            Self::VoteUnchecked => "bug-vote-unchecked",
            Self::EvidenceLost => "bug-evidence-lost",
            Self::SmallQuorum => "bug-small-quorum",
            Self::PoolForgets => "bug-pool-forgets",
        }
    }
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Lets this thread suffer from a bug, or from none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this thread suffers from the bug.
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
