//! Keys of slots by how they are found; see [`crate::execution::parallel::slot_key`] for what a key is.

use super::observe::Place;
use crate::ethereum::U256;
use crate::execution::parallel::slot_key;

/// A slot of its own.
pub(super) fn fixed(account: u64, slot: &U256) -> u64 {
    slot_key(account, slot)
}

/// The value of `key` in the mapping with key `base`.
pub(super) fn mapped(base: u64, key: &U256, field: u64) -> u64 {
    slot_key(base ^ field.wrapping_add(1).rotate_left(17), key)
}

/// The key of an observed slot: the same that a template gives it.
pub(super) fn of(account: u64, place: &Place) -> u64 {
    match place {
        Place::Fixed(slot) => fixed(account, slot),
        Place::Mapped { key, base, field } => mapped(of(account, base), key, *field),
    }
}
