//! Who validates when, said once more: from the decisions that stand in final blocks, and from nothing that a validator says.

use super::Violation;
use plinth_settlement::block::{Action, GovernedTransaction};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys;
use plinth_types::id::{ChainId, PublicKey};
use std::collections::BTreeMap;

/// The validators of each epoch that is settled, ascending.
#[derive(Debug)]
pub struct Committees {
    chain: ChainId,
    governors: Vec<PublicKey>,
    epoch_blocks: u64,
    of: BTreeMap<u64, Vec<PublicKey>>,
    planned: Vec<PublicKey>,
    decisions: u64,
}

impl Committees {
    /// The validators of a genesis, for its first two epochs.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let first = genesis.committee().keys().to_vec();
        Self {
            chain: genesis.chain(),
            governors: genesis.governance().governors.clone(),
            epoch_blocks: u64::from(genesis.limits().epoch_blocks),
            of: [(0, first.clone()), (1, first.clone())].into(),
            planned: first,
            decisions: 0,
        }
    }

    /// The validators of an epoch, if they are settled.
    #[must_use]
    pub fn of(&self, epoch: u64) -> Option<&[PublicKey]> {
        self.of.get(&epoch).map(Vec::as_slice)
    }

    /// Who makes the block of this height, which is at most an epoch ahead.
    #[must_use]
    pub fn at(&self, height: u64) -> &[PublicKey] {
        self.of(height / self.epoch_blocks).unwrap_or_default()
    }

    /// The epochs that are settled.
    pub fn settled(&self) -> impl Iterator<Item = (u64, &[PublicKey])> {
        self.of.iter().map(|(epoch, keys)| (*epoch, keys.as_slice()))
    }

    /// A decision stands in the block of this height.
    ///
    /// # Errors
    ///
    /// [`Violation::Authority`].
    pub fn decide(&mut self, governed: &GovernedTransaction, height: u64) -> Result<(), Violation> {
        let refused = |what: String| Err(Violation::Authority(format!("decision {} in block {height}: {what}", governed.nonce)));
        let signed = governed.signed_bytes(self.chain);
        let [approval] = governed.approvals.as_slice() else { return refused("one governor signs here".into()) };
        if !self.governors.contains(&approval.governor) {
            return refused("of no governor".into());
        }
        if let Err(error) = keys::verify(&approval.governor, &signed, &approval.signature) {
            return refused(error.to_string());
        }
        if governed.nonce != self.decisions + 1 {
            return refused(format!("behind decision {}", self.decisions));
        }
        let Action::SetCommittee { validators } = &governed.action else { return refused("of another kind".into()) };
        let before = self.of.values().next_back().unwrap_or(&self.planned);
        let gone = before.iter().filter(|key| !validators.contains(key)).count();
        if 3 * gone >= before.len() {
            return refused(format!("{gone} of {} leave at once", before.len()));
        }
        self.planned.clone_from(validators);
        self.decisions = governed.nonce;
        Ok(())
    }

    /// Goes behind the block of this height: the last of an epoch settles the epoch after the next one.
    pub fn reach(&mut self, height: u64) {
        if height % self.epoch_blocks == self.epoch_blocks - 1 {
            self.of.insert(height / self.epoch_blocks + 2, self.planned.clone());
        }
    }
}
