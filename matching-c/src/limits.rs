//! The bounds of the library.

/// Events that may wait when a command begins. A command that says more than that is executed whole all the same.
pub const EVENTS_WAITING_MAX: usize = 1 << 16;
