//! Votes only in views that are over: for each vote that it sees, it repeats what was proposed some views before.

use super::{Post, Vote};
use commonware_consensus::Viewable as _;
use commonware_consensus::simplex::types::{Finalize, Notarize};
use std::collections::BTreeMap;

const VIEWS_BACK: u64 = 5;
const HISTORY_VIEWS: u64 = 32;

pub(super) async fn run(Post { scheme, mut votes, .. }: Post) {
    let mut history = BTreeMap::new();
    while let Some(vote) = votes.hear_vote().await {
        let view = vote.view().get();
        let old = view.saturating_sub(VIEWS_BACK);
        history.retain(|known, _| known + HISTORY_VIEWS > view);
        match vote {
            Vote::Notarize(seen) => {
                history.insert(view, seen.proposal);
                let Some(proposal) = history.get(&old) else { continue };
                Notarize::sign(&scheme, proposal.clone()).into_iter().for_each(|vote| votes.vote(&Vote::Notarize(vote)));
            }
            Vote::Finalize(seen) => {
                history.insert(view, seen.proposal);
                let Some(proposal) = history.get(&old) else { continue };
                Finalize::sign(&scheme, proposal.clone()).into_iter().for_each(|vote| votes.vote(&Vote::Finalize(vote)));
            }
            Vote::Nullify(_) => {}
        }
    }
}
