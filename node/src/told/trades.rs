//! What a start compares: trades that were told, and those that the journal makes.

use super::log::Entry;
use plinth_gateway::bust::{Bust, Told};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::id::{Height, Seq};
use plinth_types::message::{BlockStatus, Note};
use std::collections::{BTreeMap, BTreeSet};

/// What a start knows of trades: those that it was told of, and those that the journal makes.
#[derive(Debug, Default)]
pub(crate) struct Trades {
    told: BTreeMap<(Seq, u64), Vec<Told>>,
    executed: BTreeMap<(Seq, u64), Told>,
    busted: BTreeSet<(Seq, u64, Vec<u8>)>,
    rejected: Option<Height>,
    settled: (Height, Seq),
    available: Seq,
}

impl Trades {
    pub(crate) fn new(entries: &[Entry]) -> Self {
        let mut own = Self::default();
        for entry in entries {
            match entry {
                Entry::Trade(told) => own.told.entry((told.record, told.event)).or_default().push(*told),
                Entry::Rejected { first } => own.rejected = Some(*first),
            }
        }
        own
    }

    /// The first block of the last rejection: what it dropped and more was sealed again.
    pub(crate) const fn rejected(&self) -> Option<Height> {
        self.rejected
    }

    /// Takes a record of the journal with the trades that it makes.
    pub(crate) fn observe(&mut self, command: &Command, tail: &[u8], made: impl Iterator<Item = Told>) {
        self.executed.extend(made.map(|told| ((told.record, told.event), told)));
        if command.body != Body::Note {
            return;
        }
        if let Ok(Bust { told, .. }) = Bust::decode(tail) {
            self.busted.insert(key(&told));
        }
        let Ok(Note::BlockStatus { height, last_seq, status, .. }) = Note::decode(tail) else { return };
        self.available = self.available.max(last_seq);
        if status == BlockStatus::Settled {
            self.settled = self.settled.max((height, last_seq));
            self.executed = self.executed.split_off(&(self.settled.1.next(), 0));
        }
    }

    /// Trades that were told, are not settled, and that the journal does not make; each is busted once.
    pub(crate) fn busts(&self) -> Vec<Bust> {
        let unsettled = self.told.range((self.settled.1.next(), 0)..).flat_map(|(_, told)| told);
        let gone = unsettled.filter(|told| self.executed.get(&(told.record, told.event)) != Some(told));
        let mut seen = self.busted.clone();
        gone.filter(|told| seen.insert(key(told)))
            .map(|told| Bust { told: *told, was_available: told.record <= self.available })
            .collect()
    }

    /// What is kept from here on: told or made, and not settled.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let from = (self.settled.1.next(), 0);
        let told = self.told.range(from..).flat_map(|(_, told)| told).copied();
        let made = self.executed.values().filter(|made| {
            let told = self.told.get(&(made.record, made.event));
            told.is_none_or(|told| !told.contains(made))
        });
        let rejected = self.rejected.filter(|first| *first > self.settled.0).map(|first| Entry::Rejected { first });
        rejected.into_iter().chain(told.chain(made.copied()).map(Entry::Trade)).collect()
    }
}

fn key(told: &Told) -> (Seq, u64, Vec<u8>) {
    (told.record, told.event, told.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::told;
    use super::*;
    use plinth_types::id::{MandateId, SessionId, TimestampNs};

    fn note(seq: u64, tail: &[u8]) -> Command {
        Command {
            seq: Seq::new(seq),
            time: TimestampNs::new(9),
            session: SessionId::APPLIANCE,
            mandate: MandateId::new(0),
            body: Body::Note,
            tail_size: tail.len() as u16,
        }
    }

    fn settled(height: u64, last_seq: u64) -> Vec<u8> {
        let (height, last_seq, status) = (Height::new(height), Seq::new(last_seq), BlockStatus::Settled);
        let (settlement_height, settlement_time) = (Height::new(1), TimestampNs::new(1));
        Note::BlockStatus { height, last_seq, status, settlement_height, settlement_time }.to_bytes()
    }

    #[test]
    fn what_was_told_and_is_not_made_is_busted_once() {
        let entries = [told(1, 5), told(2, 5), told(3, 5), told(4, 5)].map(Entry::Trade);
        let mut trades = Trades::new(&entries);
        // The second one has another price now, the third is gone, and there is a fifth; the first is settled and gone for good.
        [told(2, 6), told(4, 5), told(5, 5)].iter().for_each(|made| {
            let command = note(made.record.get(), &[]);
            trades.observe(&command, &[], [*made].into_iter());
        });
        let tail = settled(1, 1);
        trades.observe(&note(6, &tail), &tail, std::iter::empty());
        let busts = trades.busts();
        assert_eq!(busts.iter().map(|bust| bust.told).collect::<Vec<_>>(), [told(2, 5), told(3, 5)]);
        let expected = [told(2, 5), told(3, 5), told(4, 5), told(2, 6), told(5, 5)].map(Entry::Trade);
        assert_eq!(trades.entries(), expected);

        // The first of them was sequenced before a crash.
        let tail = busts[0].to_bytes();
        trades.observe(&note(7, &tail), &tail, std::iter::empty());
        assert_eq!(trades.busts(), busts[1..]);
        let tail = busts[1].to_bytes();
        trades.observe(&note(8, &tail), &tail, std::iter::empty());
        assert_eq!(trades.busts(), []);
    }

    #[test]
    fn a_rejection_is_over_when_its_blocks_are_settled() {
        let rejected = [Entry::Rejected { first: Height::new(4) }, Entry::Rejected { first: Height::new(3) }];
        let mut trades = Trades::new(&rejected);
        assert_eq!((trades.rejected(), trades.entries()), (Some(Height::new(3)), vec![rejected[1]]));
        let tail = settled(3, 1);
        trades.observe(&note(2, &tail), &tail, std::iter::empty());
        assert_eq!(trades.entries(), []);
    }
}
