//! Wakes the driver's thread from another one.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// Ends a `Gateway::wait`, from any thread. Clones wake the same gateway.
#[derive(Clone, Debug)]
pub struct Waker {
    event: Arc<File>,
}

impl Waker {
    pub(super) const fn new(event: Arc<File>) -> Self {
        Self { event }
    }

    /// Wakes it, now or, if it is not waiting, at once when it next does.
    pub fn wake(&self) {
        // An eventfd refuses a write only when its counter is full: then a wake-up is pending anyway.
        let _ = (&*self.event).write(&1_u64.to_ne_bytes());
    }
}
