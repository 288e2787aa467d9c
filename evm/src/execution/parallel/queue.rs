//! Which transaction a worker takes next.
//!
//! A cursor runs over the block once. What is not released when the cursor passes is remembered by its position alone: the lists of who waits
//! for whom are fixed before the block starts, so the commit of `p` hands over exactly those waiting for `p` that the cursor has passed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Queue {
    /// How many must be committed before each transaction may start; never more than stand before it, so that none waits for itself.
    release: Vec<u32>,
    /// First transaction waiting for the commit of each, and the next one waiting for the same: lists through two arrays.
    first_waiting: Vec<u32>,
    next_waiting: Vec<u32>,
    /// Transactions committed; the state holds exactly these.
    committed: AtomicU32,
    line: Mutex<Line>,
    /// How often somebody was released whom the cursor had passed. Who found nothing to take need not look again until this changes.
    releases: AtomicU32,
}

#[derive(Debug, Default)]
struct Line {
    cursor: u32,
    /// Passed by the cursor and released since; these go first, for others wait for them.
    released: VecDeque<u32>,
}

impl Queue {
    pub(super) fn new(release: impl Iterator<Item = u32>) -> Self {
        let release: Vec<u32> = release.enumerate().map(|(index, after)| after.min(index as u32)).collect();
        let count = release.len();
        let (mut first_waiting, mut next_waiting) = (vec![NOBODY; count], vec![NOBODY; count]);
        // From the back, so that each list runs upwards.
        for index in (0..count).rev() {
            if let Some(last) = release[index].checked_sub(1) {
                let last = last as usize;
                next_waiting[index] = first_waiting[last];
                first_waiting[last] = index as u32;
            }
        }
        Self {
            release,
            first_waiting,
            next_waiting,
            committed: AtomicU32::new(0),
            line: Mutex::default(),
            releases: AtomicU32::new(0),
        }
    }

    pub(super) fn committed(&self) -> u32 {
        self.committed.load(Ordering::Acquire)
    }

    pub(super) fn releases(&self) -> u32 {
        self.releases.load(Ordering::Acquire)
    }

    /// Up to `batch.capacity()` released transactions; none if all that are left wait.
    pub(super) fn take(&self, batch: &mut Vec<u32>) {
        batch.clear();
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(released) = line.released.pop_front() {
            batch.push(released);
            return;
        }
        let count = self.release.len() as u32;
        while line.cursor < count && batch.len() < batch.capacity() {
            let index = line.cursor;
            line.cursor += 1;
            // Read under the lock: a commit after this one finds the cursor beyond `index` and hands it over.
            if self.release[index as usize] <= self.committed() {
                batch.push(index);
            }
        }
    }

    /// States that `index` is committed and releases those who waited for it.
    pub(super) fn commit(&self, index: u32) {
        self.committed.store(index + 1, Ordering::Release);
        let mut waiting = self.first_waiting[index as usize];
        if waiting == NOBODY {
            return;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting != NOBODY && waiting < line.cursor {
            line.released.push_back(waiting);
            waiting = self.next_waiting[waiting as usize];
            self.releases.fetch_add(1, Ordering::Release);
        }
    }
}
