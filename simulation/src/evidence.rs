//! Evidence, checked as a court would: from its bytes and the public keys of the genesis.

use crate::chain::Chain;
use crate::coverage::Visited;
use crate::oracle::Violation;
use crate::outside::Outside;
use crate::plan::Plan;
use crate::wire::Notes;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{ConflictingFinalize, ConflictingNotarize, NullifyFinalize};
use commonware_cryptography::sha256;
use commonware_parallel::Sequential;
use plinth_settlement::consensus::{Consensus, Evidence, Fault, verifier};
use std::collections::{BTreeMap, BTreeSet};

/// Contradictions on the wire after which some validator must have evidence.
const CONTRADICTIONS_ENOUGH: u64 = 3;

impl Outside {
    /// Takes what a validator has against others.
    pub(crate) fn keep_evidence(&mut self, chain: &Chain, plan: &Plan, notes: &Notes, consensus: &Consensus) {
        let mut accused = BTreeSet::new();
        for evidence in consensus.chain.evidence() {
            let Some(index) = chain.index_of(&evidence.validator) else { continue };
            // One of each is proof enough, and signatures cost.
            if self.evidence.contains(&index) || !accused.insert(index) {
                continue;
            }
            let mut heard = notes.lock();
            if !holds(chain, &evidence) {
                heard.violations.push(Violation::Evidence(format!("what is said against {index} does not hold")));
            } else if plan.byzantine.contains_key(&index) {
                heard.coverage.visit(Visited::EvidenceKept);
                self.evidence.insert(index);
            } else {
                heard
                    .violations
                    .push(Violation::Evidence(format!("{:?} is proven against {index}, which is honest", evidence.fault)));
            }
        }
    }

    /// Whether everybody who had to be named and blocked was. `contradictions` says how many of each were heard: one may be lost on
    /// its way, and whoever never had a turn has proposed nothing.
    pub(crate) fn judge(&self, plan: &Plan, contradictions: &BTreeMap<usize, u64>) -> Result<(), Violation> {
        for (index, behaviour) in &plan.byzantine {
            let name = behaviour.name();
            let heard = contradictions.get(index).copied().unwrap_or_default();
            if behaviour.leaves_evidence() && heard < CONTRADICTIONS_ENOUGH {
                continue;
            }
            if behaviour.leaves_evidence() && !self.evidence.contains(index) {
                return Err(Violation::Evidence(format!("nobody has any against {index}, a {name}")));
            }
            if behaviour.is_blocked() && !self.blocked.contains(index) {
                return Err(Violation::Evidence(format!("nobody blocks {index}, a {name}")));
            }
        }
        Ok(())
    }
}

fn holds(chain: &Chain, evidence: &Evidence) -> bool {
    let scheme = verifier(&chain.genesis);
    let (bytes, rng) = (Copying(evidence.proof.as_slice()), &mut commonware_utils::test_rng());
    match evidence.fault {
        Fault::ConflictingNotarize => {
            ConflictingNotarize::<Scheme, sha256::Digest>::decode(bytes).is_ok_and(|proof| proof.verify(rng, &scheme, &Sequential))
        }
        Fault::ConflictingFinalize => {
            ConflictingFinalize::<Scheme, sha256::Digest>::decode(bytes).is_ok_and(|proof| proof.verify(rng, &scheme, &Sequential))
        }
        Fault::NullifyFinalize => {
            NullifyFinalize::<Scheme, sha256::Digest>::decode(bytes).is_ok_and(|proof| proof.verify(rng, &scheme, &Sequential))
        }
    }
}
