//! The ring itself: one producer, `CONSUMERS` consumers, each of which sees every item once and in order.
//!
//! # Invariants
//!
//! * `head[i] <= tail <= min(head) + capacity`, as counts that only grow (they wrap after 2^64 items).
//! * Slots `head[i]..tail` may be read by consumer `i`; slots `tail..min(head) + capacity` belong to the producer.
//! * Only consumer `i` stores `head[i]`; only the producer stores `tail`.
//!
//! Each side keeps the other's cursor as it last saw it and looks again only when it must, so in the steady state a cache line moves
//! once per batch, not once per item.

#![allow(unsafe_code)]

use super::sync::{Arc, AtomicBool, AtomicUsize, Ordering, UnsafeCell};
use core::fmt;
use core::mem::MaybeUninit;

/// Two cache lines, because the adjacent-line prefetcher fetches pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

struct Shared<T, const CONSUMERS: usize> {
    tail: Padded<AtomicUsize>,
    heads: [Padded<AtomicUsize>; CONSUMERS],
    closed: Padded<AtomicBool>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: a slot is never written while another side may touch it. The producer writes a slot before the Release store of `tail` that
// hands it over, and consumers read it only after the Acquire load that sees that store; each gives it back by the Release store of
// its own head, and the producer writes again only after Acquire loads that see the stores of all of them. `T: Send` because items
// change thread, `T: Sync` because two consumers may read one slot at once.
unsafe impl<T: Send + Sync, const CONSUMERS: usize> Sync for Shared<T, CONSUMERS> {}

// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl<T: Send + Sync, const CONSUMERS: usize> Send for Shared<T, CONSUMERS> {}

/// The writing end. Not `Clone`: one producer is what makes the ring correct.
pub struct Producer<T, const CONSUMERS: usize> {
    shared: Arc<Shared<T, CONSUMERS>>,
    tail: usize,
    /// The slowest head as last seen; refreshed only when the ring looks full, to leave those lines alone.
    head_seen: usize,
}

/// A reading end. Not `Clone`.
pub struct Consumer<T, const CONSUMERS: usize> {
    shared: Arc<Shared<T, CONSUMERS>>,
    index: usize,
    head: usize,
    tail_seen: usize,
}

/// The ring has too few free slots. What to do about it is the caller's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Makes a ring of `capacity` slots.
///
/// `T: Copy` keeps it free of destructors: forgetting an item is never a leak.
///
/// # Panics
///
/// If `capacity` is not a power of two: slots are found with a mask.
#[must_use]
pub fn ring<T: Copy + Send + Sync, const CONSUMERS: usize>(
    capacity: usize,
) -> (Producer<T, CONSUMERS>, [Consumer<T, CONSUMERS>; CONSUMERS]) {
    const { assert!(CONSUMERS > 0, "somebody must read") };
    assert!(capacity.is_power_of_two(), "capacity {capacity} is not a power of two");
    let shared = Arc::new(Shared {
        tail: Padded(AtomicUsize::new(0)),
        heads: core::array::from_fn(|_| Padded(AtomicUsize::new(0))),
        closed: Padded(AtomicBool::new(false)),
        slots: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
    });
    let consumers = core::array::from_fn(|index| Consumer { shared: Arc::clone(&shared), index, head: 0, tail_seen: 0 });
    (Producer { shared, tail: 0, head_seen: 0 }, consumers)
}

impl<T: Copy + Send + Sync, const CONSUMERS: usize> Producer<T, CONSUMERS> {
    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.slots.len()
    }

    /// Whether `count` items can be pushed now; looks at the consumers only when the answer seems to be no.
    #[inline]
    pub fn has_room(&mut self, count: usize) -> bool {
        let capacity = self.shared.slots.len();
        if capacity - self.tail.wrapping_sub(self.head_seen) >= count {
            return true;
        }
        let tail = self.tail;
        // Acquire: what the consumers read of these slots happened before we write them again.
        let used = self.shared.heads.iter().map(|head| tail.wrapping_sub(head.0.load(Ordering::Acquire))).max();
        let used = used.expect("at least one consumer");
        self.head_seen = tail.wrapping_sub(used);
        capacity - used >= count
    }

    /// Hands `count` items to every consumer at once, or none. Never waits, never allocates.
    ///
    /// # Errors
    ///
    /// [`Full`] when fewer than `count` slots are free; `item` is then not called.
    #[inline]
    pub fn push_with(&mut self, count: usize, mut item: impl FnMut(usize) -> T) -> Result<(), Full> {
        if !self.has_room(count) {
            return Err(Full);
        }
        let mask = self.shared.slots.len() - 1;
        for index in 0..count {
            let value = item(index);
            self.shared.slots[self.tail.wrapping_add(index) & mask].with_mut(|slot| {
                // SAFETY: `has_room` saw every consumer release this slot (Acquire), none reads it before the Release store below,
                // and `&mut self` excludes other writers.
                unsafe { slot.write(MaybeUninit::new(value)) }
            });
        }
        self.tail = self.tail.wrapping_add(count);
        self.shared.tail.0.store(self.tail, Ordering::Release);
        Ok(())
    }

    /// Hands one item over.
    ///
    /// # Errors
    ///
    /// [`Full`].
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full> {
        self.push_with(1, |_| item)
    }
}

impl<T, const CONSUMERS: usize> Drop for Producer<T, CONSUMERS> {
    /// Tells the consumers that nothing more comes.
    fn drop(&mut self) {
        self.shared.closed.0.store(true, Ordering::Release);
    }
}

impl<T: Copy + Send + Sync, const CONSUMERS: usize> Consumer<T, CONSUMERS> {
    /// How many items can be read; looks at the producer only when fewer than `wanted` were known.
    #[inline]
    pub fn available(&mut self, wanted: usize) -> usize {
        if self.tail_seen.wrapping_sub(self.head) < wanted {
            self.tail_seen = self.shared.tail.0.load(Ordering::Acquire);
        }
        self.tail_seen.wrapping_sub(self.head)
    }

    /// Copies the item `ahead` places behind the oldest one, without giving its slot back.
    ///
    /// # Panics
    ///
    /// If [`Consumer::available`] has not said that it is there.
    #[inline]
    pub fn read(&self, ahead: usize) -> T {
        assert!(ahead < self.tail_seen.wrapping_sub(self.head), "read of a slot that was not handed over");
        let mask = self.shared.slots.len() - 1;
        self.shared.slots[self.head.wrapping_add(ahead) & mask].with(|slot| {
            // SAFETY: the slot is in `head..tail_seen`: the producer wrote it before the Release store that `available` saw (Acquire)
            // and writes it again only after `release`. Other consumers only read it.
            unsafe { slot.read().assume_init() }
        })
    }

    /// Gives the `count` oldest slots back to the producer.
    ///
    /// # Panics
    ///
    /// If fewer have been handed over.
    #[inline]
    pub fn release(&mut self, count: usize) {
        assert!(count <= self.tail_seen.wrapping_sub(self.head), "release of a slot that was not handed over");
        self.head = self.head.wrapping_add(count);
        self.shared.heads[self.index].0.store(self.head, Ordering::Release);
    }

    /// Takes the oldest item, or `None` when the ring is empty. Never waits.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.available(1) == 0 {
            return None;
        }
        let item = self.read(0);
        self.release(1);
        Some(item)
    }

    /// Whether the producer is gone and everything it pushed has been taken.
    pub fn is_finished(&mut self) -> bool {
        // The flag first: what was pushed before it was set is then seen by the second look.
        self.shared.closed.0.load(Ordering::Acquire) && self.available(usize::MAX) == 0
    }
}

impl<T, const CONSUMERS: usize> fmt::Debug for Producer<T, CONSUMERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("tail", &self.tail).field("head_seen", &self.head_seen).finish_non_exhaustive()
    }
}

impl<T, const CONSUMERS: usize> fmt::Debug for Consumer<T, CONSUMERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, head, tail_seen, .. } = self;
        f.debug_struct("Consumer").field("index", index).field("head", head).field("tail_seen", tail_seen).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_refuses_and_loses_nothing() {
        let (mut producer, [mut consumer]) = ring::<u32, 1>(2);
        assert_eq!([producer.push(1), producer.push(2), producer.push(3)], [Ok(()), Ok(()), Err(Full)]);
        assert_eq!(consumer.pop(), Some(1));
        assert_eq!(producer.push_with(2, |index| index as u32), Err(Full));
        assert_eq!(producer.push(3), Ok(()));
        assert_eq!([consumer.pop(), consumer.pop(), consumer.pop()], [Some(2), Some(3), None]);
    }

    #[test]
    fn the_slowest_consumer_bounds_the_producer() {
        let (mut producer, [mut fast, mut slow]) = ring::<u32, 2>(2);
        producer.push_with(2, |index| index as u32).unwrap();
        assert_eq!([fast.pop(), fast.pop()], [Some(0), Some(1)]);
        assert_eq!(producer.push(2), Err(Full));
        assert_eq!(slow.pop(), Some(0));
        assert_eq!(producer.push(2), Ok(()));
        assert_eq!([slow.pop(), slow.pop(), fast.pop()], [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn what_was_pushed_before_the_producer_left_is_still_read() {
        let (mut producer, [mut consumer]) = ring::<u32, 1>(2);
        producer.push(1).unwrap();
        drop(producer);
        assert!(!consumer.is_finished());
        assert_eq!(consumer.pop(), Some(1));
        assert!(consumer.is_finished());
    }

    #[test]
    fn items_arrive_once_and_in_order_at_both_consumers() {
        const ITEMS: u64 = 100_000;
        let (mut producer, consumers) = ring::<u64, 2>(64);
        let readers = consumers.map(|mut consumer| {
            std::thread::spawn(move || {
                for expected in 0..ITEMS {
                    let item = loop {
                        match consumer.pop() {
                            Some(item) => break item,
                            None => std::thread::yield_now(),
                        }
                    };
                    assert_eq!(item, expected);
                }
                assert_eq!(consumer.pop(), None);
            })
        });
        for item in 0..ITEMS {
            while producer.push(item).is_err() {
                std::thread::yield_now();
            }
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::thread;

    /// Two slots, three items, two threads: the producer, and one that reads through every cursor in turn.
    fn every_interleaving<const CONSUMERS: usize>() {
        loom::model(|| {
            let (mut producer, mut consumers) = ring::<usize, CONSUMERS>(2);
            let writer = thread::spawn(move || {
                // Two at once, so that a batch wraps round the end of the ring.
                for (first, count) in [(0, 1), (1, 2)] {
                    while producer.push_with(count, |index| first + index).is_err() {
                        thread::yield_now();
                    }
                }
            });
            let mut expected = [0; CONSUMERS];
            while expected.iter().any(|&next| next < 3) {
                let mut idle = true;
                for (consumer, next) in consumers.iter_mut().zip(&mut expected) {
                    if let Some(item) = consumer.pop() {
                        assert_eq!(item, *next);
                        *next += 1;
                        idle = false;
                    }
                }
                if idle {
                    thread::yield_now();
                }
            }
            writer.join().unwrap();
            assert!(consumers.iter_mut().all(Consumer::is_finished));
        });
    }

    #[test]
    fn one_consumer_sees_every_item_once_and_in_order() {
        every_interleaving::<1>();
    }

    #[test]
    fn two_consumers_each_see_every_item_once_and_in_order() {
        every_interleaving::<2>();
    }

    /// Each cursor on a thread of its own. The producer does not wait, so that the search stays small.
    #[test]
    fn a_slot_is_rewritten_only_behind_both_consumers() {
        loom::model(|| {
            let (mut producer, consumers) = ring::<usize, 2>(2);
            let readers = consumers.map(|mut consumer| {
                thread::spawn(move || {
                    let item = consumer.pop();
                    assert!(item.is_none_or(|item| item == 0), "{item:?}");
                })
            });
            for item in 0..3 {
                let _ = producer.push(item);
            }
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }
}
