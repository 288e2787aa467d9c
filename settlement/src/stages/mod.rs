//! Where a zone block's time goes: one histogram per stage and validator, in microseconds.
//!
//! ```text
//! executed ──Header──► header received ──Proposed──► in a proposed block ──Notarized──► ──Finalized──► certificate ──Receipt──► zone
//! └────────────────────────────────────────────Total (a validator's, up to the certificate)──────────────┘
//! ```
//!
//! * Executed is the header's own time, the sequencer's stamp of the block's last record; all others are this host's clock.
//! * These are measurements, never protocol state: nothing that validators must agree on reads them.
//! * `Receipt` is recorded by the zone's link, everything else by each validator.
//! * A header is followed until it is final, or until [`FOLLOWED_MAX`] newer ones came; what is given up is not recorded.

mod histograms;
mod log;
mod percentiles;

pub use histograms::Histograms;
pub use log::{LogError, read_log, write_log};
pub use percentiles::write_percentiles;

use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use std::collections::{BTreeMap, VecDeque};

/// Headers, and blocks, followed at once.
pub const FOLLOWED_MAX: usize = 8_192;
/// Longest time recorded, in microseconds; a longer one counts as this.
pub const STAGE_US_MAX: u64 = 3_600_000_000;

/// A part of the way from execution to finality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Executed, until this validator had the header.
    Header,
    /// Header received, until it stood in a block that this validator proposed or was sent.
    Proposed,
    /// Proposed, until the block's notarization.
    Notarized,
    /// Notarized, until the block's finalization.
    Finalized,
    /// A block proposed by this validator or sent to it, until its finalization; whatever is in it.
    Consensus,
    /// Executed, until the block's finalization.
    Total,
    /// Executed, until the zone had verified the finalized block.
    Receipt,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 7] =
        [Self::Header, Self::Proposed, Self::Notarized, Self::Finalized, Self::Consensus, Self::Total, Self::Receipt];

    /// Its name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "executed-header",
            Self::Proposed => "header-proposed",
            Self::Notarized => "proposed-notarized",
            Self::Finalized => "notarized-finalized",
            Self::Consensus => "proposed-finalized",
            Self::Total => "executed-finalized",
            Self::Receipt => "executed-receipt",
        }
    }
}

/// Percentiles of one stage, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageFigures {
    /// Which.
    pub stage: Stage,
    /// How many were recorded.
    pub count: u64,
    /// Half took at most this.
    pub us_p50: u64,
    /// 99 of 100 took at most this.
    pub us_p99: u64,
    /// The longest.
    pub us_max: u64,
}

/// The histograms of one validator or link, and what is still on its way.
#[derive(Debug, Default)]
pub struct Stages {
    histograms: Histograms,
    headers: Followed<HeaderTimes>,
    blocks: Followed<BlockTimes>,
}

#[derive(Clone, Debug)]
struct BlockTimes {
    headers: Vec<Digest>,
    proposed: TimestampNs,
}

#[derive(Clone, Copy, Debug)]
struct HeaderTimes {
    executed: TimestampNs,
    received: TimestampNs,
    proposed: Option<TimestampNs>,
    notarized: Option<TimestampNs>,
}

impl Stages {
    /// Records one passage.
    pub fn record(&mut self, stage: Stage, from: TimestampNs, to: TimestampNs) {
        self.histograms.record(stage, to.get().saturating_sub(from.get()) / 1_000);
    }

    /// This validator has a header; only the first time counts.
    pub fn header_received(&mut self, header: Digest, executed: TimestampNs, now: TimestampNs) {
        let times = HeaderTimes { executed, received: now, proposed: None, notarized: None };
        if self.headers.insert(header, times) {
            self.record(Stage::Header, executed, now);
        }
    }

    /// A block with these headers was proposed by this validator or sent to it.
    pub fn block_proposed(&mut self, block: Digest, headers: &[(Digest, TimestampNs)], now: TimestampNs) {
        let times = BlockTimes { headers: headers.iter().map(|(header, _)| *header).collect(), proposed: now };
        if !self.blocks.insert(block, times) {
            return;
        }
        for (header, executed) in headers {
            self.header_received(*header, *executed, now);
            if let Some(times) = self.headers.get_mut(header)
                && times.proposed.is_none()
            {
                times.proposed = Some(now);
                let received = times.received;
                self.record(Stage::Proposed, received, now);
            }
        }
    }

    /// The block's notarization is known.
    pub fn block_notarized(&mut self, block: Digest, now: TimestampNs) {
        let headers = self.blocks.get_mut(&block).map(|times| times.headers.clone()).unwrap_or_default();
        for header in headers {
            if let Some(times) = self.headers.get_mut(&header)
                && times.notarized.is_none()
            {
                times.notarized = Some(now);
                let proposed = times.proposed.unwrap_or(now);
                self.record(Stage::Notarized, proposed, now);
            }
        }
    }

    /// The block's finalization is known; its headers are no longer followed.
    pub fn block_finalized(&mut self, block: Digest, now: TimestampNs) {
        let Some(BlockTimes { headers, proposed }) = self.blocks.remove(&block) else { return };
        self.record(Stage::Consensus, proposed, now);
        for header in headers {
            if let Some(times) = self.headers.remove(&header) {
                self.record(Stage::Finalized, times.notarized.unwrap_or(now), now);
                self.record(Stage::Total, times.executed, now);
            }
        }
    }

    /// What was recorded.
    #[must_use]
    pub const fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// Percentiles of every stage that was ever recorded.
    #[must_use]
    pub fn figures(&self) -> Vec<StageFigures> {
        self.histograms.figures()
    }
}

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
struct Followed<T> {
    entries: BTreeMap<Digest, T>,
    order: VecDeque<Digest>,
}

impl<T> Default for Followed<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Followed<T> {
    /// `false` if it is there already; then nothing changes.
    fn insert(&mut self, key: Digest, value: T) -> bool {
        if self.entries.contains_key(&key) {
            return false;
        }
        if self.order.len() == FOLLOWED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.entries.insert(key, value);
        self.order.push_back(key);
        true
    }

    fn get_mut(&mut self, key: &Digest) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    fn remove(&mut self, key: &Digest) -> Option<T> {
        self.entries.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_us(us: u64) -> TimestampNs {
        TimestampNs::new(us * 1_000)
    }

    #[test]
    fn each_stage_is_recorded_once_from_where_the_last_one_ended() {
        let (header, block) = (Digest([1; 32]), Digest([2; 32]));
        let mut stages = Stages::default();
        stages.header_received(header, at_us(100), at_us(300));
        stages.header_received(header, at_us(100), at_us(900));
        stages.block_proposed(block, &[(header, at_us(100))], at_us(1_000));
        stages.block_notarized(block, at_us(3_000));
        stages.block_notarized(block, at_us(3_500));
        stages.block_finalized(block, at_us(7_000));
        stages.block_finalized(block, at_us(9_000));
        let counted: Vec<_> = stages.figures().iter().map(|figures| (figures.stage, figures.count, figures.us_p50)).collect();
        // Above 2,048 us a histogram of three digits keeps the end of the step that a value falls into.
        assert_eq!(
            counted,
            [
                (Stage::Header, 1, 200),
                (Stage::Proposed, 1, 700),
                (Stage::Notarized, 1, 2_000),
                (Stage::Finalized, 1, 4_001),
                (Stage::Consensus, 1, 6_003),
                (Stage::Total, 1, 6_903),
            ]
        );
    }

    #[test]
    fn what_never_becomes_final_is_forgotten() {
        let mut stages = Stages::default();
        for number in 0..2 * FOLLOWED_MAX as u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            stages.header_received(Digest(key), at_us(1), at_us(2));
        }
        assert_eq!(stages.headers.entries.len(), FOLLOWED_MAX);
    }
}
