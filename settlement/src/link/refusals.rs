//! Which validators refuse what, and by which ledger.

use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey};
use std::collections::BTreeMap;

/// Of blocks and transactions that wait, by their ids.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Digest, Refused>);

#[derive(Debug, Default)]
struct Refused {
    /// The lowest height that each said.
    judged_at: BTreeMap<PublicKey, Height>,
    /// The last one's words.
    reason: String,
    told: bool,
}

impl Refusals {
    /// A validator refuses, by its ledger of a height.
    pub(super) fn note(&mut self, id: Digest, validator: PublicKey, judged_at: Height, reason: String) {
        let refused = self.0.entry(id).or_default();
        let known = refused.judged_at.entry(validator).or_insert(judged_at);
        *known = judged_at.min(*known);
        refused.reason = reason;
    }

    /// What more validators refuse than can be Byzantine, by ledgers up to `height`, each once.
    pub(super) fn certain(&mut self, height: Height, faults_max: u16) -> Vec<(Digest, String)> {
        let certain = self.0.iter_mut().filter(|(_, refused)| {
            let count = refused.judged_at.values().filter(|judged_at| **judged_at <= height).count();
            !refused.told && count > usize::from(faults_max)
        });
        let told = certain.map(|(id, refused)| {
            refused.told = true;
            (*id, refused.reason.clone())
        });
        told.collect()
    }

    /// Forgets what waits no more, or waits as another block.
    pub(super) fn retain(&mut self, waits: impl Fn(&Digest) -> bool) {
        self.0.retain(|id, _| waits(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Digest = Digest([7; 32]);

    fn refused(refusals: &mut Refusals, validator: u8, judged_at: u64) {
        refusals.note(ID, PublicKey([validator; 32]), Height::new(judged_at), format!("by {validator}"));
    }

    #[test]
    fn a_refusal_counts_from_its_height_on_and_each_validator_once() {
        let mut refusals = Refusals::default();
        for judged_at in [5, 6] {
            refused(&mut refusals, 1, judged_at);
        }
        assert_eq!(refusals.certain(Height::new(9), 1), [], "one of four may lie");
        refused(&mut refusals, 2, 10);
        assert_eq!(refusals.certain(Height::new(9), 1), [], "it knows a block that we do not");
        assert_eq!(refusals.certain(Height::new(10), 1), [(ID, "by 2".to_owned())]);
        refused(&mut refusals, 3, 10);
        assert_eq!(refusals.certain(Height::new(11), 1), [], "told once");
        refusals.retain(|_| false);
        refused(&mut refusals, 3, 10);
        assert_eq!(refusals.certain(Height::new(11), 1), [], "what it said of another block is forgotten");
    }
}
