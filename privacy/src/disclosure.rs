//! Who may be shown what: auditors, and holders who open a note.
//!
//! * **Auditor.** Each firm's registration names an audit key that the firm shares with its auditor. Whatever the firm sends carries, proven in the
//!   circuit, the asset, both amounts and both owners under that key; a transfer without it has no valid proof. [`Auditor`] tries the keys
//!   of its firms and reports what lies in its scope.
//! * **Viewing keys** ([`crate::wallet::keys`]) show an account's own view: received, sent, or both with what is spent.
//! * **One note** ([`NoteOpening`]): asset, amount, owner and place of a single note, checked against a root of the pool. It shows that
//!   the note was made, not whether it is still unspent.
//!
//! Known limitations: the audit key is symmetric, so whoever has it reads all the firm sends, and a firm's outputs only; what the firm
//! receives is read with the sender's key. An auditor tries each firm on each leg, two hashes a try: both leaves of [`crate::registry`].

use crate::circuit::witness::Audited;
use crate::field::{Anchor, Owner};
use crate::limits::NOTES_PER_SIDE;
use crate::note::{Eligibility, Note, Value};
use crate::pool::block::Compact;
use crate::registry::Registration;
use crate::transaction::PublicSide;
use crate::tree::NotePath;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height};
use std::collections::{BTreeMap, BTreeSet};

/// What an auditor is to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Only these assets; `None` for all.
    pub assets: Option<BTreeSet<AssetId>>,
    /// Only firms of these jurisdictions.
    pub jurisdictions: Eligibility,
}

/// One line of an auditor's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The block.
    pub height: Height,
    /// The transaction.
    pub transaction: Digest,
    /// The leg.
    pub leg: usize,
    /// Who sent.
    pub sender: Owner,
    /// What was made, and for whom.
    pub made: Audited,
    /// What the leg did in public.
    pub public: PublicSide,
}

/// Reads what its firms send.
#[derive(Debug)]
pub struct Auditor {
    scope: Scope,
    firms: Vec<Registration>,
}

impl Auditor {
    /// An auditor of these firms.
    #[must_use]
    pub fn new(scope: Scope, firms: impl IntoIterator<Item = Registration>) -> Self {
        Self { scope, firms: firms.into_iter().collect() }
    }

    /// What of a block is in its scope.
    #[must_use]
    pub fn read(&self, block: &Compact) -> Vec<Finding> {
        let in_scope = self.firms.iter().filter(|firm| self.scope.jurisdictions.admits(firm.jurisdiction));
        let leaves: Vec<_> = in_scope.flat_map(|firm| [*firm, firm.receiving()]).collect();
        let mut findings = Vec::new();
        for transaction in &block.transactions {
            let id = transaction.id();
            for (index, leg) in transaction.legs.iter().enumerate() {
                let open = |leaf: &Registration| Some((leaf.owner, Audited::open(leaf.audit_key, leg.nullifiers[0], &leg.audit)?));
                let opened = leaves.iter().find_map(open);
                let Some((sender, made)) = opened else { continue };
                if self.scope.assets.as_ref().is_some_and(|assets| !assets.contains(&made.asset.asset())) {
                    continue;
                }
                findings.push(Finding { height: block.height, transaction: id, leg: index, sender, made, public: leg.public });
            }
        }
        findings
    }

    /// Turnover by firm and asset: what each made for others.
    #[must_use]
    pub fn turnover(findings: &[Finding]) -> BTreeMap<(Owner, AssetId), u128> {
        let mut turnover = BTreeMap::new();
        for Finding { sender, made, .. } in findings {
            for output in 0..NOTES_PER_SIDE {
                if made.owners[output] != *sender && made.values[output] != Value::ZERO {
                    *turnover.entry((*sender, made.asset.asset())).or_insert(0) += u128::from(made.values[output].units());
                }
            }
        }
        turnover
    }
}

/// A note shown to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteOpening {
    /// The note.
    pub note: Note,
    /// Its way to a root of the pool.
    pub path: NotePath,
}

impl NoteOpening {
    /// Whether the note is in the tree under this root.
    #[must_use]
    pub fn holds(&self, anchor: Anchor) -> bool {
        self.path.root(self.note.commitment()) == anchor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::statement::Statement;
    use crate::circuit::tests::sample;
    use crate::circuit::witness::Terms;
    use crate::registry::Registry;

    #[test]
    fn a_firm_that_pays_by_the_leaf_it_is_paid_by_is_read_by_its_auditor_too() {
        let (mut witness, statement) = sample::to_another(25, 8);
        let owner = sample::keys(8).owner();
        let mut registry = Registry::default();
        for (owner, seed) in [(owner, 8), (sample::keys(9).owner(), 9)] {
            registry.add(sample::registration(owner, seed)).expect("room");
        }
        witness.holders[0] = registry.receiving(owner).expect("registered");
        let Statement { anchor, flow, transaction, registry, day, .. } = statement;
        let statement = witness.statement(Terms { anchor, flow, transaction, registry, day });
        assert_eq!(witness.check(&statement), Ok(()), "the circuit does not tell the leaves apart");
        let opened = Audited::open(sample::registration(owner, 8).receiving().audit_key, statement.nullifiers[0], &statement.audit);
        assert_eq!(opened.map(|made| made.values[0]), Some(Value::new(25)));
    }
}
