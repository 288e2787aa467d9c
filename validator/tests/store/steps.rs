//! From committee to committee: a light client and a newcomer go over certified steps, and over no other ones.

use crate::certify::certify_in;
use crate::chain::CHAIN;
use crate::history::{History, LENGTH, Lies, committee, fixture, prove};
use commonware_runtime::deterministic::Runner;
use commonware_runtime::{Runner as _, Supervisor as _};
use commonware_utils::TestRng;
use plinth_golden::Fixtures;
use plinth_settlement::checkpoint::{Checkpoint, Keys, Polynomial, Share, Statement, deal};
use plinth_settlement::consensus::{JoinError, Lineage, join};
use plinth_settlement::ledger::facts::FactKey;
use plinth_settlement::light::{
    Anchor, AnchorError, FollowError, LightClient, LightError, NamedError, Succession, Trusted, follow,
};
use plinth_settlement::wire::{AnchorAnswer, Answer as _, CertifiedHeads, FactAnswer, HandoversAnswer, StateAnswer, StepsAnswer};
use plinth_types::codec::Codec as _;
use plinth_types::id::{Epoch, Height};
use std::sync::Arc;

#[test]
fn a_client_goes_from_genesis_over_two_changes_and_takes_no_step_twice_or_out_of_turn() {
    Runner::default().start(|context| async move {
        let history = History::usual(&context, "usual").await;
        let mut client = LightClient::of_genesis(&fixture().genesis);
        let [first, second, third, fourth] = &history.steps[..] else { panic!("{} steps", history.steps.len()) };
        let ahead = client.check(&history.newest()).unwrap_err();
        assert!(matches!(ahead, LightError::EpochAhead { epoch, last } if (epoch.get(), last.get()) == (4, 1)), "{ahead}");
        for skipped in [second, third, fourth] {
            assert!(matches!(client.take(skipped), Err(LightError::Step { .. })), "nothing is left out");
        }
        client.take(first).unwrap();
        assert!(matches!(client.take(first), Err(LightError::Step { .. })), "nothing comes twice");
        client.take(second).unwrap();
        client.take(third).unwrap();
        assert_eq!(client.trusted().committee_of(Epoch::new(4)), Some(&committee(&[2, 3, 4, 5])));
        let seen = client.check(&history.newest()).unwrap();
        assert_eq!((seen.height, seen.root), (Height::new(LENGTH - 1), history.chain.store().live().await.unwrap().0.root));
        // What it keeps between two runs is enough to go on.
        let kept = Trusted::decode(&client.trusted().to_bytes()).unwrap();
        let mut again = LightClient::new(kept);
        again.take(fourth).unwrap();
        assert_eq!((again.check(&history.newest()).unwrap(), again.trusted().last()), (seen, Epoch::new(5)));
        // Those of epoch 1, whoever has their keys now, say nothing of epoch 4.
        let old = CertifiedHeads {
            certificate: certify_in(&fixture(), 1, &committee(&[0, 1, 2, 3]), history.blocks.last().unwrap()),
            ..history.newest()
        };
        assert!(matches!(again.check(&old), Err(LightError::EpochPast { .. })));
        let last = history.blocks.last().unwrap();
        let forged = CertifiedHeads { certificate: certify_in(&fixture(), 4, &committee(&[0, 1, 2, 3]), last), ..history.newest() };
        assert!(matches!(again.check(&forged), Err(LightError::Certificate { .. })));
    });
}

#[test]
fn a_forged_step_changes_nothing() {
    Runner::default().start(|context| async move {
        let history = Arc::new(History::usual(&context, "usual").await);
        let fork = History::new(&context, "fork", &[&[0, 1, 2, 4]]).await;
        let [first, second, ..] = &history.steps[..] else { panic!("too few steps") };
        let mut client = LightClient::of_genesis(&fixture().genesis);
        let other_proof = Succession { committee: second.committee.clone(), ..first.clone() };
        assert!(matches!(client.take(&other_proof), Err(LightError::Named(NamedError::Proof(_)))));
        let mut other_root = first.clone();
        other_root.certified.heads[0].pre_state.0[0] ^= 1;
        assert!(matches!(client.take(&other_root), Err(LightError::OtherBlock { .. })));
        let bytes = first.to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut fooled = client.clone();
            if Succession::decode(&changed).is_ok_and(|step| fooled.take(&step).is_ok()) {
                // A byte of the proof's form: what it shows is the same.
                assert_eq!(fooled.trusted().committee_of(Epoch::new(2)), Some(&committee(&[1, 2, 3, 4])), "byte {at}");
            }
            assert!(Succession::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        let before = client.trusted().clone();
        for (lies, is_right) in [
            (Lies::EndsAt(1), (|error| matches!(error, FollowError::Gap { .. })) as fn(&FollowError) -> bool),
            (Lies::LeavesOut(1), |error| matches!(error, FollowError::Light(LightError::Step { .. }))),
            (Lies::LeavesOut(2), |error| matches!(error, FollowError::Light(LightError::Step { .. }))),
            (Lies::Forges(2), |error| matches!(error, FollowError::Light(LightError::Certificate { .. }))),
            (Lies::Repeats, |error| matches!(error, FollowError::Light(LightError::Step { .. }))),
        ] {
            let mut walker = LightClient::new(before.clone());
            let guide = history.guide(lies);
            let error = loop {
                match follow(&mut walker, &*guide, Epoch::new(4)).await {
                    Ok(steps) => assert!(!steps.is_empty() && walker.trusted().last() < Epoch::new(4), "{lies:?}"),
                    Err(error) => break error,
                }
            };
            assert!(is_right(&error), "{lies:?}: {error}");
        }
        // Both of them certified: the client says so instead of choosing.
        client.take(first).unwrap();
        let error = client.take(&fork.steps[0]).unwrap_err();
        assert!(matches!(error, LightError::TwoCommittees { epoch } if epoch.get() == 2), "{error}");
    });
}

#[test]
fn a_newcomer_joins_after_two_changes_and_keeps_the_way_that_it_came() {
    Runner::default().start(|context| async move {
        let history = Arc::new(History::usual(&context, "served").await);
        let genesis = fixture().genesis;
        let liars = [Lies::EndsAt(2), Lies::LeavesOut(2), Lies::Forges(2), Lies::Repeats].map(|lies| history.guide(lies));
        let (lineage, _task) = Lineage::open(&context, "alone").await.unwrap();
        let (alone, _) = join(&context, "alone", &genesis, &liars, &lineage).await.unwrap();
        assert_eq!(alone.finalized().height(), Height::new(0), "nobody shows a state that is worth it");
        let (lineage, _task) = Lineage::open(&context, "cheated").await.unwrap();
        let error = join(&context, "cheated", &genesis, &[history.guide(Lies::EndsAt(3))], &lineage).await;
        assert!(matches!(error, Err(JoinError::NoDonor { donors: 1, .. })), "one is in sight, and nobody leads to it");
        let (lineage, _task) = Lineage::open(&context, "joined").await.unwrap();
        let donors = [liars.as_slice(), &[history.guide(Lies::Not)]].concat();
        let (chain, certificate) = join(&context, "joined", &genesis, &donors, &lineage).await.unwrap();
        assert!(certificate.is_some());
        assert_eq!(
            (chain.finalized().height(), chain.finalized().digest()),
            (Height::new(LENGTH), history.chain.finalized().digest())
        );
        let page = lineage.page(Epoch::new(1)).await.unwrap();
        let bytes = |steps: &[Succession]| steps.iter().map(Succession::to_bytes).collect::<Vec<_>>();
        assert_eq!((page.floor, bytes(&page.steps)), (Epoch::new(1), bytes(&history.steps)));
        assert_eq!(bytes(&lineage.page(Epoch::new(3)).await.unwrap().steps), bytes(&history.steps[2..]));
        for nowhere in [0, 5, u64::MAX] {
            assert!(lineage.page(Epoch::new(nowhere)).await.unwrap().steps.is_empty());
        }
    });
}

/// A checkpoint of the state that the store of the history has.
pub(crate) async fn anchor(history: &History, shares: &[Share], polynomial: &Polynomial) -> (Checkpoint, Anchor) {
    let (live, state) = (history.chain.store().live().await.unwrap().0, history.chain.finalized());
    let statement = Statement {
        chain: CHAIN,
        epoch: state.epoch().get(),
        height: live.position.height,
        block: live.position.block,
        time: live.position.time,
        state: live.root,
    };
    let partials: Vec<_> = shares.iter().map(|share| statement.sign(share)).collect();
    let checkpoint = statement.recover(polynomial, &partials).unwrap();
    let proofs = [FactKey::Head, FactKey::Committee(state.epoch()), FactKey::Committee(state.epoch().next())];
    let [head, committee, next] = proofs.map(|key| prove(&history.chain, key));
    let anchor = Anchor { checkpoint, head: head.await, committee: committee.await, next: next.await };
    (checkpoint, anchor)
}

#[test]
fn one_public_key_leads_to_the_committee_at_work() {
    Runner::default().start(|context| async move {
        let history = History::usual(&context, "usual").await;
        let (polynomial, shares) = deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(3));
        let keys = Keys::new(CHAIN, polynomial.key());
        let (_, whole) = anchor(&history, &shares, &polynomial).await;
        let whole = Anchor::decode(&whole.to_bytes()).unwrap();
        let client = LightClient::anchored(&keys, whole.clone()).unwrap();
        assert_eq!((client.trusted().genesis, client.trusted().last()), (fixture().genesis.digest(), Epoch::new(5)));
        assert!(client.check(&history.newest()).is_ok(), "from a key to a certificate of votes");
        // A part of one anchor under another one's checkpoint, or another key.
        let stranger = Keys::new(CHAIN, deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(4)).0.key());
        assert!(matches!(LightClient::anchored(&stranger, whole.clone()), Err(AnchorError::Checkpoint(_))));
        let swapped = Anchor { committee: whole.next.clone(), ..whole.clone() };
        assert!(matches!(LightClient::anchored(&keys, swapped), Err(AnchorError::Named(_))));
        let fork = History::new(&context, "fork", &[]).await;
        let (_, elsewhere) = anchor(&fork, &shares, &polynomial).await;
        let mixed = Anchor { head: elsewhere.head.clone(), ..whole.clone() };
        assert!(matches!(LightClient::anchored(&keys, mixed), Err(AnchorError::Proof(_))));
        assert!(LightClient::anchored(&keys, elsewhere).is_ok_and(|client| client.check(&history.newest()).is_err()));
    });
}

#[test]
fn steps_outlive_a_crash() {
    let (_, checkpoint) = Runner::default().start_and_recover(|context| async move {
        let history = Arc::new(History::usual(&context, "served").await);
        let (lineage, _task) = Lineage::open(&context, "joined").await.unwrap();
        join(&context, "joined", &fixture().genesis, &[history.guide(Lies::Not)], &lineage).await.unwrap();
    });
    Runner::from(checkpoint).start(|context| async move {
        let (lineage, _task) = Lineage::open(&context.child("again"), "joined").await.unwrap();
        assert_eq!(lineage.page(Epoch::new(1)).await.unwrap().steps.len(), 4);
    });
}

#[test]
fn formats_are_pinned() {
    Runner::default().start(|context| async move {
        let history = History::usual(&context, "usual").await;
        let (polynomial, shares) = deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(3));
        let (_, anchor) = anchor(&history, &shares, &polynomial).await;
        let fixtures = Fixtures::of(env!("CARGO_MANIFEST_DIR"));
        let client = LightClient::anchored(&Keys::new(CHAIN, polynomial.key()), anchor.clone()).unwrap();
        let fact = FactAnswer(Some((history.newest(), prove(&history.chain, FactKey::Decisions).await)));
        let state = StateAnswer(Some((history.newest(), history.chain.store().target().await.unwrap())));
        fixtures
            .values("light_trusted", &[("genesis", Trusted::of_genesis(&fixture().genesis)), ("seen", client.trusted().clone())]);
        fixtures.bytes("light_anchor", &anchor.to_bytes());
        fixtures.bytes("light_succession", &history.steps[1].to_bytes());
        let answers = [
            ("fact", fact.to_frame()),
            ("state", state.to_frame()),
            ("steps", StepsAnswer { floor: Epoch::new(1), steps: history.steps[..2].to_vec() }.to_frame()),
            ("handovers", HandoversAnswer(Vec::new()).to_frame()),
            ("anchor", AnchorAnswer(Some(anchor)).to_frame()),
            ("not now", AnchorAnswer(None).to_frame()),
        ];
        fixtures.named("wire_facts", &answers.map(|(name, frame)| (name, frame.to_vec())));
    });
}
