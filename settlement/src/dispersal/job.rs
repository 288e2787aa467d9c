//! One body that is being rebuilt: whom it asks, what it has, what it comes to. No I/O; time is an argument.

use super::coding::{CheckedShard, Encoded, Layout, RebuildError, rebuild};
use super::fraud::FraudProof;
use super::limits::SHARD_TIMEOUT;
use super::seal::Opening;
use crate::committee::ValidatorCount;
use crate::ledger::{State, ZoneBlock};
use crate::receipt::BodyStatement;
use bytes::Bytes;
use plinth_types::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;
use tracing::warn;

/// One ordered body that is being rebuilt, or that is to be.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) block: ZoneBlock,
    pub(super) statement: BodyStatement,
    pub(super) layout: Layout,
    pub(super) start_at: SystemTime,
    pub(super) started: bool,
    pub(super) shards: BTreeMap<u16, CheckedShard>,
    /// Who was asked since when, and who cannot help.
    pub(super) asked: BTreeMap<u16, SystemTime>,
    pub(super) useless: BTreeSet<u16>,
    /// How often all were asked in vain.
    pub(super) rounds: u32,
    /// Ordered and not settled: others wait for it.
    pub(super) is_open: bool,
    pub(super) repairs: bool,
    pub(super) opening: Option<Opening>,
    /// What it came to is known, and when that is to be said again.
    pub(super) said_again_at: Option<SystemTime>,
    pub(super) fraud: Option<Box<FraudProof>>,
}

/// What a rebuild came to.
pub(super) enum Found {
    Sound { own_shard: Option<Bytes>, opens: Option<bool> },
    Fraud(Box<FraudProof>),
    TooFew,
}

impl Job {
    pub(super) fn new(state: &State, block: &ZoneBlock, start_at: SystemTime, repairs: bool) -> Option<Self> {
        let layout = Layout::new(block.body.size as usize, block.validator_count()?)?;
        let shard_root = block.body.shard_root;
        let statement =
            BodyStatement { chain: state.chain(), zone: block.zone, height: block.height, header: block.id, shard_root };
        Some(Self {
            block: *block,
            statement,
            layout,
            start_at,
            started: false,
            shards: BTreeMap::new(),
            asked: BTreeMap::new(),
            useless: BTreeSet::new(),
            rounds: 0,
            is_open: true,
            repairs,
            opening: None,
            said_again_at: None,
            fraud: None,
        })
    }

    /// Takes a shard, if it is one of this body. Whose it is it says itself: the committee may have changed since.
    pub(super) fn take(&mut self, from: u16, frame: Bytes) {
        let index = CheckedShard::index_in(&frame);
        match CheckedShard::check(&self.layout, self.block.body.shard_root, index, frame) {
            Ok(shard) => drop(self.shards.insert(index, shard)),
            Err(error) => warn!(header = %self.block.id, from, %error, "a wrong shard"),
        }
        // What it had is here, or it is of no use; nobody is asked twice.
        self.useless.insert(from);
    }

    /// Whom to ask now: as many as shards are missing, less those from whom an answer may still come.
    pub(super) fn ask(&mut self, me: u16, now: SystemTime, count: u16) -> Vec<u16> {
        let late: Vec<u16> =
            self.asked.iter().filter(|(_, asked_at)| **asked_at + SHARD_TIMEOUT <= now).map(|(index, _)| *index).collect();
        for index in late {
            self.asked.remove(&index);
            self.useless.insert(index);
        }
        let mut missing = self.layout.shards_min().saturating_sub(self.shards.len() + self.asked.len());
        let mut ask = Vec::new();
        // From the next one on, so that not all ask the same ones.
        for index in (1..count).map(|step| (me + step) % count) {
            let is_used = self.asked.contains_key(&index) || self.useless.contains(&index);
            if missing == 0 {
                break;
            }
            if !is_used {
                self.asked.insert(index, now);
                ask.push(index);
                missing -= 1;
            }
        }
        if missing > 0 && self.asked.is_empty() {
            // All were asked. Some may come back; after a pause they are asked once more.
            self.useless.clear();
            self.rounds += 1;
            self.start_at = now + SHARD_TIMEOUT;
        }
        ask
    }
}

/// Rebuilds, codes again, compares; tries a key that was shown.
pub(super) fn find(
    statement: &BodyStatement,
    layout: &Layout,
    block: &ZoneBlock,
    shards: &[CheckedShard],
    repair: Option<u16>,
    opening: Option<Opening>,
) -> Found {
    let ciphertext: Bytes = match rebuild(layout, shards) {
        Ok(ciphertext) => ciphertext.into(),
        Err(RebuildError::TooFew { .. }) => return Found::TooFew,
        Err(RebuildError::NotACodeword { segment }) => {
            let proof = FraudProof::new(*statement, layout, segment, shards);
            return proof.map_or(Found::TooFew, |proof| Found::Fraud(Box::new(proof)));
        }
    };
    let opens = opening.map(|opening| !opening.shows_fault(&block.body, &ciphertext));
    let own_shard =
        repair.and_then(|index| Encoded::new(&ciphertext, layout.validators()).ok().and_then(|encoded| encoded.shard(index)));
    Found::Sound { own_shard, opens }
}

/// Whether a validator is among the f+1 that start at once: those from the place on that the header's id chooses.
#[must_use]
pub(super) fn is_turn(header: Digest, index: u16, count: ValidatorCount) -> bool {
    let n = u64::from(count.get());
    let mut first = [0; 8];
    first.copy_from_slice(&header.0[..8]);
    let distance = (u64::from(index) + n - u64::from_le_bytes(first) % n) % n;
    distance < u64::from(count.rebuild_min())
}
