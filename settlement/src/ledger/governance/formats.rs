//! Which format the verifiable store has, as governors decide it.
//!
//! ```text
//! epoch        e                    e + 1                    e + 2
//!        decision   ……            last block │ every fact written anew: the first block's `pre_state` is the new root
//! ```
//!
//! * A decision of epoch e holds from the first block of e + 2 on, so that whoever runs a program without that format has an epoch to get
//!   another one. A later decision takes the place of one that has not begun.
//! * The root behind the last block in the old format is in no block: the fact [`FactKey::Format`](crate::ledger::facts::FactKey::Format)
//!   names it, and the new root covers that fact. So one certified block binds both.
//! * The ledger does not know which formats a program can write; validity of a block does not depend on the program.

use crate::ledger::error::TransactionError;
use crate::ledger::facts::FactKey;
use crate::ledger::state::State;
use crate::store::StoreParameters;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::record;

/// The format at work, how it came, and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFormat {
    /// At work.
    pub parameters: StoreParameters,
    /// The block behind which all facts were written in it; 0 for the chain's first.
    pub since: Height,
    /// The root behind that block in the format before; zero for the first, and for a ledger whose holder keeps no store.
    pub root_before: Digest,
    /// The next one: the same while none is decided.
    pub next: StoreParameters,
    /// The last block before the next one; 0 while none is decided.
    pub until: Height,
}

impl StoreFormat {
    /// Of every chain at first.
    pub const GENESIS: Self = Self::begun(StoreParameters::CURRENT, Height::new(0), Digest::ZERO);

    const fn begun(parameters: StoreParameters, since: Height, root_before: Digest) -> Self {
        Self { parameters, since, root_before, next: parameters, until: Height::new(0) }
    }

    fn ends_behind(&self, height: Height) -> bool {
        self.next != self.parameters && self.until == height
    }
}

impl State {
    /// The format of the verifiable store behind this block.
    #[must_use]
    pub const fn store_format(&self) -> &StoreFormat {
        &self.format
    }

    /// Whether the store is written anew behind this block, which is then the last of its epoch: what stands behind it is known when it
    /// is final, and not before.
    #[must_use]
    pub fn ends_store_format(&self) -> bool {
        self.format.ends_behind(self.height)
    }

    /// Begins the next format, if this is the block; says whether it was.
    pub(in crate::ledger) fn begin_store_format(&mut self) -> bool {
        let begins = self.ends_store_format();
        if begins {
            self.format = StoreFormat::begun(self.format.next, self.height, self.root.unwrap_or(Digest::ZERO));
        }
        begins
    }

    /// Carries out a decision that stands in the block at this height.
    pub(super) fn set_store_format(&mut self, parameters: StoreParameters, at: Height) -> Result<(), TransactionError> {
        if parameters == self.format.next {
            return Err(TransactionError::StoreFormat { parameters });
        }
        self.format.next = parameters;
        // What is at work already needs no end: the decision before is taken back.
        let taken_back = parameters == self.format.parameters;
        self.format.until = if taken_back { Height::new(0) } else { self.epochs.last_block(self.epochs.epoch(at).next()) };
        self.touch(FactKey::Format);
        Ok(())
    }
}

record!(StoreFormat { parameters, since, root_before, next, until });
