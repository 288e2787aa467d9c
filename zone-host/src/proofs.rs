//! Bodies that are their own proofs, on their way to the validators: kept until their block is settled, brought when it is available.
//!
//! A host keeps nothing on disk, and needs to keep nothing here: whatever is not settled the zone process hands over again. One block is brought at
//! a time, in order of height. What the validators refuse is brought again and again, slower, and said: a zone whose blocks cannot be proven stands
//! still, and somebody has to see why.

use crate::limits::{PROOF_BODIES_SIZE_MAX, PROOF_LOOK_INTERVAL, PROOF_REFUSED_DELAY};
use bytes::Bytes;
use plinth_settlement::link::{Delivered, ProofDelivery, ZoneLink};
use plinth_types::id::{Height, ZoneId};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

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
    pub(crate) fn carry(&self, mut delivery: ProofDelivery, zone: ZoneId, link: impl Fn() -> Option<Arc<ZoneLink>>) -> Infallible {
        loop {
            let delivered = link().map(|link| {
                self.forget_settled(&link, zone);
                delivery.deliver(&link, |block| self.body(block.height))
            });
            match delivered {
                None | Some(Delivered::Nothing) => thread::sleep(PROOF_LOOK_INTERVAL),
                Some(Delivered::Verdict { .. }) => {}
                Some(Delivered::Refused { height, words, reason, .. }) => {
                    tracing::error!(%height, words, reason, "a block of the zone is not proven");
                    thread::sleep(PROOF_REFUSED_DELAY);
                }
            }
        }
    }

    fn body(&self, height: Height) -> Option<Bytes> {
        let bodies = self.0.as_ref()?.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.by_height.get(&height).cloned()
    }

    fn forget_settled(&self, link: &ZoneLink, zone: ZoneId) {
        let settled = link.ledger().and_then(|ledger| Some(ledger.zone(zone)?.settled()));
        let (Some(shared), Some(settled)) = (&self.0, settled) else { return };
        let mut bodies = shared.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((&height, _)) = bodies.by_height.first_key_value().filter(|(height, _)| **height <= settled) {
            bodies.drop_at(height);
            shared.dropped.notify_all();
        }
    }
}

impl Bodies {
    fn drop_at(&mut self, height: Height) {
        self.size -= self.by_height.remove(&height).map_or(0, |body| body.len());
    }
}
