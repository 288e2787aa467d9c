//! Whose signatures count in which epoch.

use super::{Scheme, epoch_of, keys_of, namespace};
use crate::committee::Committee;
use crate::genesis::Genesis;
use crate::ledger::State;
use commonware_consensus::types;
use commonware_cryptography::certificate::{Provider, Scoped};
use commonware_cryptography::ed25519;
use commonware_utils::ordered::Set;
use commonware_utils::sync::Mutex;
use plinth_types::id::Epoch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Epochs kept behind the one at work, for certificates that come late.
const EPOCHS_RETAINED: u64 = 2;

/// The signing or verifying scheme of each epoch near the one at work. Clones share them.
#[derive(Clone)]
pub(super) struct Schemes(Arc<Shared>);

struct Shared {
    genesis: Arc<Genesis>,
    secret: ed25519::PrivateKey,
    known: Mutex<BTreeMap<u64, Known>>,
}

#[derive(Clone)]
struct Known {
    scheme: Arc<Scheme>,
    signs: bool,
}

impl Schemes {
    pub(super) fn new(genesis: Arc<Genesis>, secret: ed25519::PrivateKey) -> Self {
        Self(Arc::new(Shared { genesis, secret, known: Mutex::default() }))
    }

    /// These are the validators of this epoch.
    pub(super) fn learn(&self, epoch: Epoch, committee: &Committee) {
        let Shared { genesis, secret, known } = &*self.0;
        let mut keys = keys_of(committee);
        if planted!(SmallQuorum) {
            let few = usize::from(committee.count().rebuild_min());
            keys = Set::from_iter_dedup(keys.into_iter().take(few));
        }
        let signer = Scheme::signer(&namespace(genesis), keys.clone(), secret.clone());
        let signs = signer.is_some();
        let scheme = Arc::new(signer.unwrap_or_else(|| Scheme::verifier(&namespace(genesis), keys)));
        let mut known = known.lock();
        known.entry(epoch.get()).or_insert(Known { scheme, signs });
        *known = known.split_off(&epoch.get().saturating_sub(EPOCHS_RETAINED + 1));
    }

    /// The validators of the epoch at work behind this ledger, and of the next one.
    pub(super) fn learn_from(&self, state: &State) {
        let epoch = epoch_of(state.rules(), state.height().next());
        for epoch in [epoch, Epoch::new(epoch.get() + 1)] {
            if let Some(committee) = state.committee_of(epoch) {
                self.learn(epoch, committee);
            }
        }
    }

    /// The scheme to vote with, if this validator is one in that epoch.
    pub(super) fn signer(&self, epoch: Epoch) -> Option<Scheme> {
        let known = self.0.known.lock().get(&epoch.get()).cloned()?;
        known.signs.then(|| (*known.scheme).clone())
    }
}

impl Provider for Schemes {
    type Scope = types::Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: types::Epoch) -> Option<Scoped<Scheme>> {
        let Known { scheme, signs } = self.0.known.lock().get(&epoch.get()).cloned()?;
        Some(if signs { Scoped::scheme(scheme) } else { Scoped::verifier(scheme) })
    }
}
