//! Time as an argument. Nothing but the driver's owner reads a clock.

use plinth_types::id::TimestampNs;

/// Nanoseconds of a clock that never goes back; its zero means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonoNs(u64);

impl MonoNs {
    /// Wraps a reading.
    #[must_use]
    pub const fn new(ns: u64) -> Self {
        Self(ns)
    }

    /// How long ago `earlier` was; 0 if it lies ahead.
    #[must_use]
    pub const fn since_ns(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This much later.
    #[must_use]
    pub const fn after_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }
}

/// One reading of both clocks: timers run on the first, stamps and `SendingTime` on the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub mono: MonoNs,
    /// UTC.
    pub utc: TimestampNs,
}

impl Now {
    /// Reads the machine's clocks. For the owner of the driver's loop, and nobody behind it.
    #[must_use]
    pub fn read() -> Self {
        use std::sync::OnceLock;
        use std::time::{Instant, SystemTime, UNIX_EPOCH};
        static START: OnceLock<Instant> = OnceLock::new();
        let mono = START.get_or_init(Instant::now).elapsed().as_nanos();
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Self {
            mono: MonoNs::new(u64::try_from(mono).unwrap_or(u64::MAX)),
            utc: TimestampNs::new(u64::try_from(utc).unwrap_or(u64::MAX)),
        }
    }
}
