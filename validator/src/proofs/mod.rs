//! Proofs that clients bring: looked at one after the other, and answered with this validator's word.
//!
//! ```text
//! client ── header, proof ──► size ─► is it wanted? ─► the client's seat ─► the one place ─► program ─► signature
//!                                     (the ledger)      (one, and a pause)   (a queue)        (a process)
//! ```
//!
//! * **Cheap things first**: sizes, then the ledger's view (chain, zone, mode, guest, height, the very header that is ordered), then a program of
//!   its own ([`Verifier`]), which looks at sizes again before it computes anything. What was verified before is not verified again.
//! * **A word is signed only for a proof verified here**: [`VerifiedProof`] is made by nothing else. 2f+1 words are a verdict, which whoever brought
//!   the proof puts together and brings as any transaction: the proof itself goes through no block and to no other validator.
//! * **A flood costs its client**: one proof of a client is read or looked at at a time, one proof of all clients is verified at a time, and a client whose proof was
//!   refused waits [`crate::limits::PROOF_REFUSED_PAUSE_FACTOR`] times as long as that took, at least [`crate::limits::PROOF_REFUSED_PAUSE_MIN`]. So a client that
//!   brings nothing but bad proofs has a tenth of a core at the most, and all of them together one core, which is never one of those that vote.
//!   A second valid proof of one header costs its client as a bad one does.
//!
//! # Known limitations
//!
//! Pauses are forgotten at a restart. Clients wait for the one place without an order, so many bad ones slow a good one down, by a refused proof each.

mod seats;
mod verifier;

pub(crate) use seats::Seat;
pub use verifier::{Verifier, VerifierError, Verifiers};

use crate::limits::VERIFIED_PER_BLOCK_MAX;
use bytes::Bytes;
use commonware_cryptography::ed25519;
use commonware_utils::sync::Mutex;
use plinth_settlement::block::header_id;
use plinth_settlement::consensus::{Chain, ProofAnswer, Refusal};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::{ProofWanted, State, Zone};
use plinth_settlement::verdict::{ProofRefused, Verdict, VerifiedProof};
use plinth_settlement::wire::limits::EXECUTION_PROOF_SIZE_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use seats::Seats;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Looks at proofs. Clones share it.
#[derive(Clone)]
pub(crate) struct ProofDesk(Arc<Shared>);

struct Shared {
    chain: Chain,
    key: SecretKey,
    verifiers: Verifiers,
    /// For the one that is verified.
    place: Semaphore,
    seats: Mutex<Seats>,
    /// What was verified of blocks that are not settled, by header.
    verified: Mutex<BTreeMap<Digest, Vec<VerifiedProof>>>,
}

impl ProofDesk {
    pub(crate) fn new(chain: Chain, key: SecretKey, verifiers: Verifiers) -> Self {
        let (seats, verified) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { chain, key, verifiers, place: Semaphore::new(1), seats, verified }))
    }

    /// A seat for one proof of this client; `None` while it has one, or is made to wait.
    pub(crate) fn seat(&self, client: &ed25519::PublicKey) -> Option<Seat> {
        self.0.seats.lock().take(client, Instant::now())
    }

    /// Looks at a proof.
    pub(crate) async fn take(&self, client: &ed25519::PublicKey, _seat: Seat, header: ZoneHeader, proof: Bytes) -> ProofAnswer {
        if proof.len() > EXECUTION_PROOF_SIZE_MAX {
            return self.refused(&format_args!("a proof of {} bytes, at most {EXECUTION_PROOF_SIZE_MAX} are taken", proof.len()));
        }
        if let Err(answer) = self.wanted(&header) {
            return answer;
        }
        let Ok(_place) = self.0.place.acquire().await else { return ProofAnswer::NotYet };
        // Others' proofs may have settled it meanwhile.
        if let Err(answer) = self.wanted(&header) {
            return answer;
        }
        let desk = self.clone();
        let begun = Instant::now();
        let Ok((answer, is_new)) = spawn_blocking(move || desk.verify(&header, &proof)).await else {
            return ProofAnswer::NotYet;
        };
        if !is_new {
            self.0.seats.lock().charge(client, begun, Instant::now());
        }
        answer
    }

    fn refused(&self, reason: &(impl std::fmt::Display + ?Sized)) -> ProofAnswer {
        ProofAnswer::Refused(Refusal::of(self.0.chain.finalized().height(), reason))
    }

    /// What the ledger says before the proof is looked at.
    fn wanted(&self, header: &ZoneHeader) -> Result<(), ProofAnswer> {
        let state = self.0.chain.finalized();
        match state.wants_proof(header) {
            Ok(ProofWanted::Now) if state.committee().contains(&self.0.key.public_key()) => Ok(()),
            Ok(ProofWanted::Now | ProofWanted::Later) => Err(ProofAnswer::NotYet),
            Ok(ProofWanted::Never) => Err(ProofAnswer::Done),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// The answer, and whether it was worth its cost: a first valid proof of a block, or one that is known.
    fn verify(&self, header: &ZoneHeader, proof: &[u8]) -> (ProofAnswer, bool) {
        let Shared { key, verifiers, verified, chain, .. } = &*self.0;
        let (id, verdict) = (header_id(header), Verdict::proven(header, proof));
        let known = verified
            .lock()
            .get(&id)
            .and_then(|proofs| proofs.iter().find(|known| known.verdict() == verdict))
            .map(|known| known.sign(key));
        if let Some(receipt) = known {
            return (ProofAnswer::Verified(receipt), true);
        }
        match VerifiedProof::check(verifiers, header, proof) {
            Ok(proof) => {
                let receipt = proof.sign(key);
                let mut verified = verified.lock();
                forget_settled(&mut verified, &chain.finalized());
                let proofs = verified.entry(id).or_default();
                if proofs.len() == VERIFIED_PER_BLOCK_MAX {
                    proofs.swap_remove(1);
                }
                proofs.push(proof);
                (ProofAnswer::Verified(receipt), proofs.len() == 1)
            }
            Err(ProofRefused { reason }) => (self.refused(&reason), false),
        }
    }
}

fn forget_settled(verified: &mut BTreeMap<Digest, Vec<VerifiedProof>>, state: &State) {
    let unsettled: Vec<Digest> = state.zones().flat_map(Zone::unsettled).map(|block| block.id).collect();
    verified.retain(|id, _| unsettled.contains(id));
}
