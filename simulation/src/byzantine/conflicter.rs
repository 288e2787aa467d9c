//! Votes for what it sees, and in the same view for something else: to notarize and to finalize.

use super::{Post, Proposal, Vote};
use commonware_consensus::simplex::types::{Finalize, Notarize};
use commonware_cryptography::{Hasher as _, Sha256};

pub(super) async fn run(Post { scheme, mut votes, .. }: Post) {
    let other = Sha256::hash(&[b"another block"]);
    while let Some(vote) = votes.hear_vote().await {
        match vote {
            Vote::Notarize(vote) => {
                let conflict = Proposal::new(vote.round(), vote.proposal.parent, other);
                for proposal in [conflict, vote.proposal] {
                    Notarize::sign(&scheme, proposal).into_iter().for_each(|vote| votes.vote(&Vote::Notarize(vote)));
                }
            }
            Vote::Finalize(vote) => {
                let conflict = Proposal::new(vote.round(), vote.proposal.parent, other);
                for proposal in [conflict, vote.proposal] {
                    Finalize::sign(&scheme, proposal).into_iter().for_each(|vote| votes.vote(&Vote::Finalize(vote)));
                }
            }
            Vote::Nullify(_) => {}
        }
    }
}
