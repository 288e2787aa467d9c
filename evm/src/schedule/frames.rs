//! Frames: groups of transactions that do not meet, found by bit operations in the manner of FAFO.
//!
//! There are 64 open frames, in a ring. For each of 2,048 positions, three words say which frames hold a reader, a writer, or an adder there;
//! a key stands at five positions (a Bloom filter for each frame, all 64 side by side). So the frames that a transaction meets are a handful of
//! ANDs and ORs, whatever their size. False meetings delay, nothing else.
//!
//! A transaction goes into the first frame **after the last one that it meets**, never before one: what meets stays in order of arrival. (The
//! original takes the first frame without a meeting, which may stand before a transaction that came earlier and meets this one.)
//!
//! A frame that is full, and the oldest one when a transaction meets the newest, are closed; the block is the closed frames in order.

use super::{AccessSet, Prediction};

const POSITIONS: usize = 2_048;
const PROBES: usize = 5;
const FRAMES: u32 = 64;

/// How large frames may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Transactions in a frame.
    pub transactions_max: usize,
    /// Keys in a frame: beyond this, false meetings become common.
    pub keys_max: usize,
}

impl Default for Framing {
    fn default() -> Self {
        Self { transactions_max: 128, keys_max: 256 }
    }
}

/// A block's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Positions of the input, in block order.
    pub indices: Vec<usize>,
    /// Sizes of the frames, in block order.
    pub frames: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    readers: u64,
    writers: u64,
    adders: u64,
}

impl Framing {
    /// Orders transactions given in order of arrival.
    pub fn order(self, predictions: &[&Prediction]) -> Order {
        let mut frames = Frames::new(self);
        for (index, prediction) in predictions.iter().enumerate() {
            match prediction {
                Prediction::Known(set) => frames.place(index, set),
                Prediction::Unknown => frames.place_alone(index),
            }
        }
        frames.close_all();
        frames.order
    }
}

struct Frames {
    framing: Framing,
    marks: Vec<Marks>,
    /// Members of each frame of the ring, and how many keys they have.
    members: Vec<Vec<usize>>,
    keys: [usize; FRAMES as usize],
    /// The ring's place of the oldest open frame, and how many are open.
    oldest: u32,
    open: u32,
    order: Order,
}

impl Frames {
    fn new(framing: Framing) -> Self {
        Self {
            framing,
            marks: vec![Marks::default(); POSITIONS],
            members: vec![Vec::new(); FRAMES as usize],
            keys: [0; FRAMES as usize],
            oldest: 0,
            open: 0,
            order: Order::default(),
        }
    }

    fn place(&mut self, index: usize, set: &AccessSet) {
        let met = self.met(set).rotate_right(self.oldest);
        // Counted from the oldest: the first frame after the last one met.
        let mut frame = u64::BITS - met.leading_zeros();
        while frame < self.open && self.is_full(frame, set) {
            frame += 1;
        }
        if frame == FRAMES {
            self.close_oldest();
            frame -= 1;
        }
        self.open = self.open.max(frame + 1);
        let place = self.ring(frame);
        self.members[place].push(index);
        self.keys[place] += set.len();
        self.mark(set, 1 << place);
    }

    /// After everything before it, before everything after it.
    fn place_alone(&mut self, index: usize) {
        self.close_all();
        self.order.indices.push(index);
        self.order.frames.push(1);
    }

    fn is_full(&self, frame: u32, set: &AccessSet) -> bool {
        let place = self.ring(frame);
        let count = self.members[place].len();
        count >= self.framing.transactions_max || (count > 0 && self.keys[place] + set.len() > self.framing.keys_max)
    }

    fn met(&self, set: &AccessSet) -> u64 {
        let reads = set
            .reads
            .iter()
            .fold(0, |met, key| met | self.probe(*key, |marks| marks.writers) | self.probe(*key, |marks| marks.adders));
        let writes = set.writes.iter().fold(0, |met, key| {
            met | self.probe(*key, |marks| marks.writers)
                | self.probe(*key, |marks| marks.readers)
                | self.probe(*key, |marks| marks.adders)
        });
        let sums = set
            .sums
            .iter()
            .fold(0, |met, key| met | self.probe(*key, |marks| marks.writers) | self.probe(*key, |marks| marks.readers));
        reads | writes | sums
    }

    fn probe(&self, key: u64, word: impl Fn(&Marks) -> u64) -> u64 {
        positions(key).fold(u64::MAX, |frames, position| frames & word(&self.marks[position]))
    }

    fn mark(&mut self, set: &AccessSet, bit: u64) {
        for key in &set.reads {
            positions(*key).for_each(|position| self.marks[position].readers |= bit);
        }
        for key in &set.writes {
            positions(*key).for_each(|position| self.marks[position].writers |= bit);
        }
        for key in &set.sums {
            positions(*key).for_each(|position| self.marks[position].adders |= bit);
        }
    }

    fn close_oldest(&mut self) {
        let place = self.ring(0);
        let members = std::mem::take(&mut self.members[place]);
        if !members.is_empty() {
            self.order.frames.push(members.len());
            self.order.indices.extend(members);
        }
        self.keys[place] = 0;
        let keep = !(1u64 << place);
        for marks in &mut self.marks {
            marks.readers &= keep;
            marks.writers &= keep;
            marks.adders &= keep;
        }
        self.oldest = (self.oldest + 1) % FRAMES;
        self.open = self.open.saturating_sub(1);
    }

    fn close_all(&mut self) {
        while self.open > 0 {
            self.close_oldest();
        }
    }

    const fn ring(&self, frame: u32) -> usize {
        ((self.oldest + frame) % FRAMES) as usize
    }
}

/// Five places of a key: successive pieces of eleven bits.
fn positions(key: u64) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| (key >> (11 * probe)) as usize % POSITIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(reads: &[u64], writes: &[u64], sums: &[u64]) -> AccessSet {
        // Spread over all bits, as real keys are.
        let spread = |keys: &[u64]| keys.iter().map(|key| key.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        AccessSet { reads: spread(reads), writes: spread(writes), sums: spread(sums) }
    }

    fn meet(a: &AccessSet, b: &AccessSet) -> bool {
        let any = |left: &[u64], right: &[u64]| left.iter().any(|key| right.contains(key));
        any(&a.writes, &b.writes)
            || any(&a.writes, &b.reads)
            || any(&a.reads, &b.writes)
            || any(&a.sums, &b.reads)
            || any(&a.sums, &b.writes)
            || any(&b.sums, &a.reads)
            || any(&b.sums, &a.writes)
    }

    fn order(sets: &[Prediction]) -> Order {
        Framing::default().order(&sets.iter().collect::<Vec<_>>())
    }

    #[test]
    fn payers_of_one_shop_share_a_frame_and_its_own_payment_follows() {
        let sets: Vec<Prediction> = (0..5)
            .map(|payer| Prediction::Known(set(&[], &[payer], &[100])))
            .chain([Prediction::Known(set(&[], &[100], &[7])), Prediction::Known(set(&[], &[50], &[60]))])
            .collect();
        let order = order(&sets);
        assert_eq!(order.indices, [0, 1, 2, 3, 4, 6, 5]);
        assert_eq!(order.frames, [6, 1]);
    }

    #[test]
    fn an_unknown_transaction_is_passed_by_nobody() {
        let sets = [
            Prediction::Known(set(&[], &[1], &[])),
            Prediction::Known(set(&[], &[1], &[])),
            Prediction::Unknown,
            Prediction::Known(set(&[], &[2], &[])),
        ];
        assert_eq!(order(&sets).indices, [0, 1, 2, 3]);
        assert_eq!(order(&sets).frames, [1, 1, 1, 1]);
    }

    #[test]
    fn a_chain_longer_than_the_ring_stays_in_order() {
        let sets: Vec<Prediction> = (0..500).map(|_| Prediction::Known(set(&[], &[1], &[]))).collect();
        assert_eq!(order(&sets).indices, (0..500).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn what_meets_keeps_its_order_of_arrival_and_nothing_is_lost(
            keys in prop::collection::vec((prop::collection::vec(0u64..40, 0..4), prop::collection::vec(0u64..40, 0..4), prop::collection::vec(0u64..40, 0..2), 0u8..20), 0..400)
        ) {
            let sets: Vec<Prediction> = keys
                .iter()
                .map(|(reads, writes, sums, kind)| if *kind == 0 { Prediction::Unknown } else { Prediction::Known(set(reads, writes, sums)) })
                .collect();
            let order = order(&sets);
            let mut place = vec![usize::MAX; sets.len()];
            for (at, index) in order.indices.iter().enumerate() {
                prop_assert_eq!(place[*index], usize::MAX, "placed twice");
                place[*index] = at;
            }
            prop_assert!(place.iter().all(|at| *at != usize::MAX));
            prop_assert_eq!(order.frames.iter().sum::<usize>(), sets.len());
            for later in 0..sets.len() {
                for earlier in 0..later {
                    let ordered = match (&sets[earlier], &sets[later]) {
                        (Prediction::Known(a), Prediction::Known(b)) => meet(a, b),
                        _ => true,
                    };
                    prop_assert!(!ordered || place[earlier] < place[later], "{earlier} and {later} were exchanged");
                }
            }
        }
    }
}
