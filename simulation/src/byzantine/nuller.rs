//! Gives up each view and votes to finalize it as well.

use super::{Post, Vote};
use commonware_consensus::simplex::types::{Finalize, Nullify};
use commonware_cryptography::sha256;

pub(super) async fn run(Post { scheme, mut votes, .. }: Post) {
    while let Some(vote) = votes.hear_vote().await {
        let Vote::Notarize(seen) = vote else { continue };
        let nullify = Nullify::sign::<sha256::Digest>(&scheme, seen.round());
        nullify.into_iter().for_each(|vote| votes.vote(&Vote::Nullify(vote)));
        Finalize::sign(&scheme, seen.proposal).into_iter().for_each(|vote| votes.vote(&Vote::Finalize(vote)));
    }
}
