//! Bodies that are their own proofs, on their way to the validators: kept until their block is settled, brought when it is available.
//!
//! A host keeps nothing on disk, and needs to keep nothing here: whatever is not settled the zone process hands over again. One block is brought at
//! a time, in order of height. What the validators refuse is brought again and again, slower, and said: a zone whose blocks cannot be proven stands
//! still, and somebody has to see why.

use crate::limits::{PROOF_BODIES_SIZE_MAX, PROOF_LOOK_INTERVAL, PROOF_REFUSED_DELAY, VERDICT_PATIENCE};
use bytes::Bytes;
use plinth_settlement::block::Transaction;
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::ledger::{State, ZoneBlock};
use plinth_settlement::link::{Carried, ProofCarrier, ZoneLink};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// The bodies at hand. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Proofs(Option<Arc<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    bodies: Mutex<Bodies>,
    dropped: Condvar,
}

#[derive(Debug, Default)]
struct Bodies {
    by_height: BTreeMap<Height, Bytes>,
    size: usize,
}

impl Proofs {
    /// Without `wanted` nothing is kept.
    pub(crate) fn new(wanted: bool) -> Self {
        Self(wanted.then(Arc::default))
    }

    /// Keeps the body of a block that is handed over; waits while there is no room and `waits` says so. False if it is not kept because of that.
    pub(crate) fn keep(&self, height: Height, body: &Bytes, waits: impl Fn() -> bool) -> bool {
        let Some(shared) = &self.0 else { return true };
        let mut bodies = shared.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.drop_at(height);
        while bodies.size + body.len() > PROOF_BODIES_SIZE_MAX {
            if !waits() {
                return false;
            }
            bodies = shared.dropped.wait_timeout(bodies, PROOF_LOOK_INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
        }
        bodies.size += body.len();
        bodies.by_height.insert(height, body.clone());
        true
    }

    /// Brings what is available, for as long as the process lives. `link` is that of the moment.
    pub(crate) fn carry(&self, mut carrier: ProofCarrier, zone: ZoneId, link: impl Fn() -> Option<Arc<ZoneLink>>) -> Infallible {
        // The last verdict that was brought: until it is ordered nobody has vouched for its block.
        let mut brought = (Digest::ZERO, Instant::now());
        loop {
            let link = link();
            let ledger = link.as_ref().and_then(|link| link.ledger());
            let next = ledger.as_ref().and_then(|ledger| self.next(ledger, zone));
            let (Some(link), Some(ledger), Some((block, body))) = (link, ledger, next) else {
                thread::sleep(PROOF_LOOK_INTERVAL);
                continue;
            };
            if block.id == brought.0 && brought.1.elapsed() < VERDICT_PATIENCE {
                thread::sleep(PROOF_LOOK_INTERVAL);
                continue;
            }
            match carrier.carry(&ledger, &block, &body) {
                Carried::Verdict(verdict) => match link.bring(Transaction::Verdict(verdict)) {
                    Ok(()) => brought = (block.id, Instant::now()),
                    Err(error) => {
                        tracing::warn!(height = %block.height, %error, "a verdict is to be brought again");
                        thread::sleep(PROOF_LOOK_INTERVAL);
                    }
                },
                Carried::Done | Carried::Waiting { refused: None, .. } => thread::sleep(PROOF_LOOK_INTERVAL),
                Carried::Waiting { words, refused: Some(reason) } => {
                    tracing::error!(height = %block.height, words, reason, "a block of the zone is not proven");
                    thread::sleep(PROOF_REFUSED_DELAY);
                }
            }
        }
    }

    /// The first block that nobody has vouched for, if it is available and its body is here. Forgets those that are settled.
    fn next(&self, ledger: &State, zone: ZoneId) -> Option<(ZoneBlock, Bytes)> {
        let (shared, zone) = (self.0.as_ref()?, ledger.zone(zone)?);
        let mut bodies = shared.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = zone.settled();
        while let Some((&height, _)) = bodies.by_height.first_key_value().filter(|(height, _)| **height <= settled) {
            bodies.drop_at(height);
            shared.dropped.notify_all();
        }
        if !matches!(zone.mode(), ZoneMode::Proven { .. }) {
            return None;
        }
        let unproven = |block: &&ZoneBlock| zone.unsettled_at(block.height).is_some_and(|unsettled| !unsettled.vouched);
        let block = *zone.unsettled().find(unproven).filter(|block| block.available_at.is_some())?;
        bodies.by_height.get(&block.height).map(|body| (block, body.clone()))
    }
}

impl Bodies {
    fn drop_at(&mut self, height: Height) {
        self.size -= self.by_height.remove(&height).map_or(0, |body| body.len());
    }
}
