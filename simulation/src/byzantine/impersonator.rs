//! Signs with its own key and says that it was somebody else.

use super::{Post, Vote};
use commonware_consensus::simplex::types::{Finalize, Notarize};
use commonware_consensus::types::Participant;

pub(super) async fn run(Post { index, chain, scheme, mut votes, .. }: Post) {
    let victim = Participant::new(((index + 1) % chain.validators.len()) as u32);
    while let Some(vote) = votes.hear_vote().await {
        match vote {
            Vote::Notarize(seen) => {
                let Some(mut vote) = Notarize::sign(&scheme, seen.proposal) else { continue };
                vote.attestation.signer = victim;
                votes.vote(&Vote::Notarize(vote));
            }
            Vote::Finalize(seen) => {
                let Some(mut vote) = Finalize::sign(&scheme, seen.proposal) else { continue };
                vote.attestation.signer = victim;
                votes.vote(&Vote::Finalize(vote));
            }
            Vote::Nullify(_) => {}
        }
    }
}
