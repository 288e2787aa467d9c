//! What the zone takes from its clients while settlement has not caught up with it.
//!
//! | settlement | what is taken |
//! | --- | --- |
//! | less than half of the window W is used | everything |
//! | half of it, or more | orders at the rate at which settlement makes the zone's records good, less of it the less of W is left |
//! | all of it, or a block waits for its proof beyond the deadline | cancels |
//! | it has frozen the zone | cancels |
//!
//! * Only a zone in mode `proven` has a window. Blocks that are cut and not ordered use it as well: they can only become more that are not proven.
//! * What is restricted is what may trade. Cancels, sessions, settlement's own news and reports go on, and so do withdrawals: who owns
//!   something may always ask to leave, and waits for settlement as everybody does.
//! * A restarted process takes everything until it has heard of the first settlement block.

use plinth_gateway::Full;
use plinth_gateway::clock::MonoNs;
use plinth_gateway::limits::SECOND_NS;
use plinth_gateway::rate::{Rate, Spent};
use plinth_settlement::link::{Finalized, ProofWindow};
use plinth_types::command::Body;
use plinth_types::id::{Height, Seq, TimestampNs};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Used part of the window, in percent, from which on orders are throttled.
const THROTTLE_FROM_PERCENT: u8 = 50;
/// Used part of the window that stops the intake.
const STOP_PERCENT: u8 = 100;
/// Instead of a percentage: the zone is frozen.
const FROZEN: u8 = u8::MAX;
/// Settled blocks by which the rate of settlement is measured.
const MEASURED_BLOCKS: usize = 64;

/// What bridge and producer stage know of it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    known: Mutex<Known>,
    /// In percent, or [`FROZEN`].
    used: AtomicU8,
    /// Records that settlement makes good in a second.
    capacity_per_s: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    window: Option<ProofWindow>,
    is_frozen: bool,
    /// The last block that was cut.
    cut: Height,
    /// The last block that is settled.
    settled: Height,
    /// The last records of settled blocks, and when settlement said so.
    settlements: VecDeque<(TimestampNs, Seq)>,
}

impl Backlog {
    /// Of a zone that has cut its blocks to `cut`, of which those to `settled` are settled.
    pub(super) fn new(cut: Height, settled: Height) -> Self {
        Self { known: Mutex::new(Known { cut, settled, ..Known::default() }), ..Self::default() }
    }

    /// The producer stage has cut a block.
    pub(super) fn cut(&self, height: Height) {
        self.change(|known| known.cut = known.cut.max(height));
    }

    /// The next settlement block is final.
    pub(super) fn finalized(&self, block: &Finalized) {
        self.change(|known| {
            known.window = block.proof_window;
            known.is_frozen = !block.is_open;
            if let Some(last) = block.settled.last() {
                known.settled = known.settled.max(last.height);
                if known.settlements.len() == MEASURED_BLOCKS {
                    known.settlements.pop_front();
                }
                known.settlements.push_back((block.time, last.last_seq));
            }
            self.capacity_per_s.store(known.capacity_per_s(block.time), Ordering::Relaxed);
        });
    }

    /// Blocks that are cut and not settled, of a zone whose blocks are to be proven.
    pub(super) fn unproven(&self) -> Option<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.window.map(|_| known.cut.get().saturating_sub(known.settled.get()))
    }

    /// How much of the window is used, in percent; 0 without one.
    pub(super) fn used_percent(&self) -> u8 {
        match self.used.load(Ordering::Relaxed) {
            FROZEN => STOP_PERCENT,
            used => used,
        }
    }

    /// What is taken, in a word.
    pub(super) fn name(&self) -> &'static str {
        match self.used.load(Ordering::Relaxed) {
            FROZEN => "frozen",
            STOP_PERCENT => "stopped",
            THROTTLE_FROM_PERCENT.. => "throttled",
            _ => "open",
        }
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let now = known.used();
        let before = self.used.swap(now, Ordering::Relaxed);
        drop(known);
        if (before >= STOP_PERCENT) != (now >= STOP_PERCENT) {
            tracing::warn!(intake = self.name(), "what is taken of clients has changed");
        }
    }
}

impl Known {
    fn used(&self) -> u8 {
        match self.window {
            _ if self.is_frozen => FROZEN,
            Some(ProofWindow { blocks, used_percent }) => {
                let waiting = self.cut.get().saturating_sub(self.settled.get());
                let percent = (waiting.saturating_mul(100) / u64::from(blocks.max(1))).min(u64::from(STOP_PERCENT)) as u8;
                percent.max(used_percent)
            }
            None => 0,
        }
    }

    /// Over the blocks that were settled last, the time since then included.
    fn capacity_per_s(&self, now: TimestampNs) -> u64 {
        let (Some((from, first)), Some((_, last))) = (self.settlements.front(), self.settlements.back()) else { return 0 };
        let records = u128::from(last.get().saturating_sub(first.get()));
        let ns = u128::from(now.get().saturating_sub(from.get()).max(1));
        u64::try_from(records * u128::from(SECOND_NS) / ns).unwrap_or(u64::MAX)
    }
}

/// The core stage's side of it.
#[derive(Debug)]
pub(super) struct Intake {
    backlog: Arc<Backlog>,
    spent: Spent,
}

impl Intake {
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog, spent: Spent::default() }
    }

    /// Whether a client's command is taken.
    pub(super) fn admit(&mut self, body: &Body, now: MonoNs) -> Result<(), Full> {
        match self.backlog.used.load(Ordering::Relaxed) {
            ..THROTTLE_FROM_PERCENT => Ok(()),
            _ if !may_trade(body) => Ok(()),
            FROZEN => Err(Full::Frozen),
            STOP_PERCENT.. => Err(Full::Unproven),
            used => {
                let left = u64::from(STOP_PERCENT - used);
                let capacity = self.backlog.capacity_per_s.load(Ordering::Relaxed);
                let per_s = capacity.saturating_mul(left) / u64::from(STOP_PERCENT - THROTTLE_FROM_PERCENT);
                if self.spent.take(Rate::per_second(per_s), now) { Ok(()) } else { Err(Full::Window) }
            }
        }
    }
}

const fn may_trade(body: &Body) -> bool {
    match body {
        Body::New(_) | Body::Replace { .. } => true,
        // Without entries, quotes only go.
        Body::MassQuote(quotes) => quotes.entries > 0,
        Body::Cancel { .. } | Body::MassCancel(_) | Body::Withdraw | Body::Configure | Body::Inbox | Body::Note => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_settlement::dispersal::BodyCommitment;
    use plinth_settlement::ledger::ZoneBlock;
    use plinth_types::command::{MassCancel, MassCancelCause};
    use plinth_types::digest::Digest;
    use plinth_types::id::{OrderId, ProducerEpoch, PublicKey, QuoteGroupId, ZoneId};
    use plinth_types::quote::MassQuote;

    /// Settlement's block at a second, with W of 10 of which so much is used by its own count.
    fn news(second: u64, used_percent: u8, settled: &[(u64, u64)]) -> Finalized {
        let block = |&(height, last_seq): &(u64, u64)| ZoneBlock {
            zone: ZoneId::TRADING,
            height: Height::new(height),
            id: Digest::ZERO,
            first_seq: Seq::new(1),
            last_seq: Seq::new(last_seq),
            ordered_at: Height::new(1),
            available_at: None,
            validators: 4,
            body: BodyCommitment {
                height: Height::new(height),
                hash: Digest::ZERO,
                size: 0,
                key: Digest::ZERO,
                shard_root: Digest::ZERO,
            },
        };
        Finalized {
            height: Height::new(second),
            time: TimestampNs::new(second * SECOND_NS),
            digest: Digest::ZERO,
            ordered: vec![],
            available: vec![],
            rejected: vec![],
            settled: settled.iter().map(block).collect(),
            inbox: vec![],
            frozen: false,
            is_open: true,
            proof_window: Some(ProofWindow { blocks: 10, used_percent }),
            producer: PublicKey([0; 32]),
            epoch: ProducerEpoch::new(1),
        }
    }

    fn backlog() -> (Arc<Backlog>, Intake) {
        let backlog = Arc::new(Backlog::new(Height::new(0), Height::new(0)));
        (Arc::clone(&backlog), Intake::new(backlog))
    }

    const ORDER: Body = Body::MassQuote(MassQuote {
        first: OrderId::from_bits(1).unwrap(),
        group: QuoteGroupId::new(1),
        entries: 1,
        reset: false,
        clear: false,
    });
    const CANCEL: Body = Body::MassCancel(MassCancel {
        session: None,
        account: None,
        instrument: None,
        side: None,
        cause: MassCancelCause::Request,
    });

    fn at(second: u64) -> MonoNs {
        MonoNs::new(second * SECOND_NS)
    }

    #[test]
    fn the_window_counts_what_is_cut_and_what_settlement_says_whichever_is_more() {
        let (backlog, mut intake) = backlog();
        backlog.cut(Height::new(100));
        assert_eq!((backlog.used_percent(), backlog.name()), (0, "open"), "no window is known");
        backlog.finalized(&news(1, 0, &[(96, 400)]));
        assert_eq!((backlog.used_percent(), backlog.name()), (40, "open"));
        assert_eq!(intake.admit(&ORDER, at(1)), Ok(()));
        backlog.finalized(&news(2, 100, &[]));
        assert_eq!((backlog.used_percent(), backlog.name()), (100, "stopped"), "the deadline has passed");
        assert_eq!(intake.admit(&ORDER, at(2)), Err(Full::Unproven));
        assert_eq!(intake.admit(&CANCEL, at(2)), Ok(()));
        backlog.finalized(&news(3, 0, &[(100, 500)]));
        assert_eq!((backlog.used_percent(), backlog.name()), (0, "open"));
        backlog.cut(Height::new(200));
        assert_eq!(
            (backlog.used_percent(), backlog.name()),
            (100, "stopped"),
            "nothing of this is ordered, and it fills W ten times"
        );
        backlog.finalized(&Finalized { proof_window: None, ..news(4, 0, &[]) });
        assert_eq!((backlog.used_percent(), backlog.name()), (0, "open"), "another mode has no window");
    }

    #[test]
    fn a_frozen_zone_takes_cancels_until_it_is_thawed() {
        let (backlog, mut intake) = backlog();
        backlog.finalized(&Finalized { is_open: false, proof_window: None, ..news(1, 0, &[]) });
        assert_eq!(
            (backlog.name(), intake.admit(&ORDER, at(1)), intake.admit(&CANCEL, at(1))),
            ("frozen", Err(Full::Frozen), Ok(()))
        );
        backlog.finalized(&Finalized { proof_window: None, ..news(2, 0, &[]) });
        assert_eq!((backlog.name(), intake.admit(&ORDER, at(2))), ("open", Ok(())));
    }

    /// How many orders of many are taken in each of some seconds.
    fn taken(intake: &mut Intake, seconds: std::ops::Range<u64>) -> Vec<usize> {
        seconds.map(|second| (0..10_000).filter(|_| intake.admit(&ORDER, at(second)).is_ok()).count()).collect()
    }

    #[test]
    fn a_nearly_full_window_takes_orders_at_the_rate_of_settlement() {
        let (backlog, mut intake) = backlog();
        // 1,000 records a second for ten seconds.
        for second in 1..=11 {
            backlog.finalized(&news(second, 50, &[(second, second * 1_000)]));
        }
        assert_eq!(backlog.name(), "throttled");
        assert_eq!(taken(&mut intake, 11..14), [1_000; 3]);
        assert_eq!(intake.admit(&ORDER, at(13)), Err(Full::Window));
        assert_eq!(intake.admit(&CANCEL, at(13)), Ok(()), "cancels cost nothing of it");
        backlog.finalized(&news(11, 90, &[]));
        assert_eq!(taken(&mut intake, 20..22), [200; 2], "a fifth of it where a tenth of the window is left");
        backlog.finalized(&news(21, 50, &[]));
        assert_eq!(taken(&mut intake, 30..32), [500; 2], "ten seconds without a settled block halve the rate");
        backlog.finalized(&news(21, 49, &[]));
        assert_eq!(taken(&mut intake, 40..41), [10_000], "less than half of the window: everything");
    }

    #[test]
    fn the_rate_is_that_of_the_last_blocks() {
        let (backlog, mut intake) = backlog();
        for second in 1..=200 {
            let records = if second <= 100 { second } else { 100 + (second - 100) * 50 };
            backlog.finalized(&news(second, 50, &[(second, records)]));
        }
        assert_eq!(taken(&mut intake, 300..301), [50]);
    }
}
