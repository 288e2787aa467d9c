//! How a block raises the floor, below which no operation of the log is active any more.

use super::error::StoreError;
use super::parameters::StoreParameters;
use commonware_storage::merkle::Family;
use commonware_storage::qmdb::floor::{Decision, Entry, Limits, Policy};

/// A block moves one active operation from the floor to the end of its log for so many that it made inactive, and one more; what is inactive
/// at the floor is passed for nothing.
///
/// A move is a read, a write and a hash that no fact changes by. The fewer there are, the longer is the log above the floor: under updates
/// of all facts alike about 1.4 operations for every fact with one move for each, 2.0 with one for four. The one more raises a floor that
/// blocks of few changes would leave where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    inactive_per_move: usize,
}

impl Floor {
    /// What the parameters say.
    pub(super) const fn of(parameters: StoreParameters) -> Result<Self, StoreError> {
        match parameters {
            StoreParameters::CURRENT => Ok(Self { inactive_per_move: 4 }),
            StoreParameters::COMPACT => Ok(Self { inactive_per_move: 1 }),
            unknown => Err(StoreError::UnknownFormat { parameters: unknown }),
        }
    }
}

impl<F: Family, K, V> Policy<F, K, V> for Floor {
    fn evicts(&self) -> bool {
        false
    }

    fn limits(&self, made_inactive: usize) -> Limits {
        Limits { entries: made_inactive / self.inactive_per_move + 1, skips: u64::MAX }
    }

    fn decide<'a>(&mut self, entry: Entry<'a, F, K, V>) -> Decision<'a, V> {
        entry.keep()
    }
}
