//! Numbers and times: the only place where a clock's reading enters the zone.

use plinth_types::id::{Seq, TimestampNs};

/// Gives each record the next number and a time that does not fall.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequencer {
    last_seq: Seq,
    last_time: TimestampNs,
}

impl Sequencer {
    /// Goes on behind the last record of the journal.
    #[must_use]
    pub const fn after(last_seq: Seq, last_time: TimestampNs) -> Self {
        Self { last_seq, last_time }
    }

    /// The last number given.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// The time that a record taken now is stamped with. A clock that was set back stands still until it has caught up.
    pub fn time(&self, now: TimestampNs) -> TimestampNs {
        self.last_time.max(now)
    }

    /// Stamps one record.
    pub fn stamp(&mut self, now: TimestampNs) -> (Seq, TimestampNs) {
        self.last_seq = self.last_seq.next();
        self.last_time = self.time(now);
        (self.last_seq, self.last_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_stands_still() {
        let mut sequencer = Sequencer::after(Seq::new(4), TimestampNs::new(100));
        let stamps = [90, 110, 105, 120].map(|now| sequencer.stamp(TimestampNs::new(now)));
        assert_eq!(stamps.map(|(seq, time)| (seq.get(), time.get())), [(5, 100), (6, 110), (7, 110), (8, 120)]);
    }
}
