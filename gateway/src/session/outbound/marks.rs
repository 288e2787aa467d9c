//! Which records the reports with a number and above can have come of: rules 4 to 6 of the module's doc.

use plinth_types::id::Seq;

/// Which records the reports with a number and above can have come of.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Ascending by record, in the order of the journal: reports with numbers from `next` on come of records behind `position`.
    marks: Vec<Mark>,
    base: Seq,
    last_note: Seq,
    next_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    next: u64,
    position: Seq,
}

impl Marks {
    /// Nothing that came of records up to `seq` is asked for any more.
    pub(super) fn reset(seq: Seq) -> Self {
        Self { base: seq, last_note: seq, ..Self::default() }
    }

    /// A durable note at `seq` says that `next` was the first number not yet used.
    pub(super) fn add(&mut self, seq: Seq, next: u64) {
        // A number below an earlier note's is the durable promise to say again what came behind that number.
        let position = if next < self.next_max { self.position(next) } else { self.last_note };
        self.marks.push(Mark { next, position });
        self.last_note = seq;
        self.next_max = self.next_max.max(next);
    }

    /// Reports with this number and above came of records behind what is returned.
    pub(super) fn position(&self, number: u64) -> Seq {
        self.marks.iter().rev().find(|mark| mark.next <= number).map_or(self.base, |mark| mark.position)
    }
}
