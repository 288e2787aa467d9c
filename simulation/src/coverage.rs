//! Which states a run has been in. A state that no seed visits is not tested, whatever else passes.

use std::collections::BTreeMap;

macro_rules! states {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A state worth visiting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Visited {
            $(#[doc = $name] $variant,)+
        }

        impl Visited {
            /// All, in the order of figures.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As figures name it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

states! {
    ViewGivenUp "a view is given up",
    CrashAfterProposal "a proposer crashes before its block is notarized",
    CrashWhileFinalizing "a validator crashes while a block is being finalized",
    CutWhileNotarizing "links are cut while a block is being notarized",
    CutWhileFinalizing "links are cut while a block is being finalized",
    CutWithoutQuorum "links are cut so that nobody has a quorum",
    CutOneWay "links are cut in one direction",
    Flapped "a link goes and comes again and again",
    Clogged "validators are cut off one by one and come back in another order",
    Killed "a validator is killed and comes back on its storage",
    KilledBeyondFaults "more validators are down than may be faulty",
    PowerLost "all lose power at once, unsynced writes with it",
    PowerLostTorn "power is lost and unsynced writes survive in part",
    DiskFailed "a disk refuses to sync",
    CameBackBehind "a validator comes back more than ten blocks behind",
    TwoVotesInAView "a validator signs two contradicting votes",
    TwoBlocksInAView "two blocks are proposed in one view",
    EvidenceKept "evidence names a key",
    PeerBlocked "an honest validator blocks a Byzantine one",
    Replayed "an ordered deposit is sent again",
    DoubleSpent "one deposit number is signed twice",
    DepositOrdered "a deposit is ordered",
    InboxConsumed "a zone block consumes messages",
    HeaderOrdered "a zone block is ordered",
    BodyWithheld "a body is shown to too few",
    BodyLied "a header commits to other shards than its body's",
    TwoHeaders "a producer signs two headers of one height",
    CommitteeChanged "a committee takes over from another one",
    CommitteeChangedWhileDown "a committee takes over while one of its validators is down",
    QuorumLost "too few validators hear each other for half a second",
    ZoneFrozen "a zone is frozen at its turnstile",
    ZoneSilent "a zone's producer is silent",
}

/// How often each state was visited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<Visited, u64>);

impl Coverage {
    /// Counts a visit.
    pub fn visit(&mut self, state: Visited) {
        *self.0.entry(state).or_default() += 1;
    }

    /// Counts the visits of another count.
    pub fn add(&mut self, other: &Self) {
        for (&state, count) in &other.0 {
            *self.0.entry(state).or_default() += count;
        }
    }

    /// How often it was visited.
    #[must_use]
    pub fn count(&self, state: Visited) -> u64 {
        self.0.get(&state).copied().unwrap_or_default()
    }
}
