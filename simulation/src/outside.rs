//! Everybody who is no validator: owners, producers, whoever follows the chain, and the auditors. They outlive every crash.

use crate::chain::Chain;
use crate::clients::{Kind, Owner, Sending};
use crate::coverage::{Coverage, Visited};
use crate::limits::OWNERS;
use crate::oracle::Violation;
use crate::oracle::ledger::Books;
use crate::plan::Plan;
use crate::producer::{Conduct, Producer, Sealed};
use crate::random::Random;
use plinth_settlement::block::{Block, GovernedTransaction, Transaction};
use plinth_settlement::consensus::{Consensus, Finalization, SubmitAnswer, TransactionAnswer};
use plinth_settlement::ledger::State;
use plinth_settlement::link::Tracker;
use plinth_settlement::wire::FollowAnswer;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, TimestampNs, ZoneId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Everybody outside.
pub(crate) struct Outside {
    chain: Arc<Chain>,
    random: Random,
    books: Books,
    /// Follows the chain with the product's own client code, and believes certificates alone.
    tracker: Tracker,
    owners: Vec<Owner>,
    producers: Vec<Producer>,
    tries: BTreeMap<Digest, u64>,
    /// Who gave a receipt for what, if the plan sends once.
    given: Option<BTreeSet<(Digest, usize)>>,
    /// Committees that the governors are to decide on, one when the last one is at work.
    to_decide: VecDeque<Vec<usize>>,
    decided: Option<GovernedTransaction>,
    pub(crate) evidence: BTreeSet<usize>,
    pub(crate) blocked: BTreeSet<usize>,
    /// From healing to the next block, each time.
    pub(crate) recoveries: Vec<Duration>,
}

/// Until a producer sends a block again.
const RETRY_NS: u64 = 500_000_000;

impl Outside {
    pub(crate) fn new(chain: &Arc<Chain>, plan: &Plan, seed: u64) -> Self {
        let genesis = &chain.genesis;
        let zones = chain.zones();
        let producers = zones.iter().zip(&plan.conducts).zip(&chain.producers).map(|((&zone, &conduct), key)| {
            Producer::new(zone, conduct, key.clone(), genesis.chain(), genesis.committee().count())
        });
        // A deposit into a zone that is frozen meanwhile can never be ordered, so honest owners go where that does not happen.
        let sound = zones.iter().zip(&plan.conducts).filter(|(_, conduct)| **conduct != Conduct::Overdrawing);
        let sound: Vec<ZoneId> = sound.map(|(zone, _)| *zone).collect();
        let owners = (0..usize::from(OWNERS)).map(|index| Owner::new(index, sound.clone(), index + 1 == usize::from(OWNERS)));
        Self {
            chain: Arc::clone(chain),
            random: Random::new(seed, "outside"),
            books: Books::new(genesis),
            tracker: Tracker::new(Arc::clone(genesis)),
            owners: owners.collect(),
            producers: producers.collect(),
            tries: BTreeMap::new(),
            given: plan.sends_once.then(BTreeSet::new),
            to_decide: VecDeque::new(),
            decided: None,
            evidence: BTreeSet::new(),
            blocked: BTreeSet::new(),
            recoveries: Vec::new(),
        }
    }

    pub(crate) const fn books(&self) -> &Books {
        &self.books
    }

    /// Takes the next final block.
    pub(crate) fn take(
        &mut self,
        block: &Block,
        certificate: Option<Finalization>,
        coverage: &mut Coverage,
    ) -> Result<(), Violation> {
        self.books.apply(block, coverage)?;
        let pushed = self.tracker.push(FollowAnswer { block: block.clone(), certificate });
        let flushed = pushed.and_then(|()| self.tracker.flush());
        flushed.map_err(|lie| Violation::Agreement(format!("a client that follows: {lie}")))?;
        Ok(())
    }

    /// Everybody acts once; `more` lets them start something new.
    pub(crate) async fn act(
        &mut self,
        validators: &[(usize, &Consensus)],
        now: TimestampNs,
        more: bool,
        coverage: &mut Coverage,
    ) -> Result<(), Violation> {
        if validators.is_empty() {
            return Ok(());
        }
        for index in 0..self.owners.len() {
            let owner = &mut self.owners[index];
            let sendings = owner.advance(&self.chain, self.tracker.state(), now, more, &mut self.random);
            if owner.spends_twice() && sendings.len() > 1 {
                coverage.visit(Visited::DoubleSpent);
            }
            for Sending { signed, kind } in sendings {
                let (_, validator) = validators[self.random.below(validators.len() as u64) as usize];
                let answer = validator.intake.bring(Transaction::Deposit(signed));
                if kind == Kind::Replay {
                    coverage.visit(Visited::Replayed);
                    // A validator that is behind may not know yet that it was ordered.
                    let level = validator.chain.finalized().height() >= self.tracker.state().height();
                    if level && answer == TransactionAnswer::Accepted {
                        return Err(Violation::ExactlyOnce("a deposit that is ordered was accepted once more".into()));
                    }
                }
            }
        }
        for index in 0..self.producers.len() {
            self.produce(index, validators, now, more, coverage).await?;
        }
        self.govern(validators);
        Ok(())
    }

    /// Has the governors decide that these validate, when what they decided before is at work.
    pub(crate) fn decide(&mut self, committee: &[usize]) {
        self.to_decide.push_back(committee.to_vec());
    }

    /// Brings the decision that waits to every validator: whoever proposes next may order it.
    fn govern(&mut self, validators: &[(usize, &Consensus)]) {
        if self.decided.is_none()
            && self.is_decided_at_work()
            && let Some(committee) = self.to_decide.pop_front()
        {
            self.decided = Some(self.chain.decide(self.tracker.state().decisions() + 1, &committee));
        }
        let Some(decision) = &self.decided else { return };
        if self.tracker.state().decisions() >= decision.nonce {
            self.decided = None;
            return;
        }
        for (_, validator) in validators {
            // One that is behind does not take it yet, and one that has ordered it no more.
            let _taken = validator.chain.govern(decision.clone());
        }
    }

    /// Whether everything that was to be decided is, and who was decided on last validates.
    pub(crate) fn is_committee_at_work(&self) -> bool {
        self.to_decide.is_empty() && self.decided.is_none() && self.is_decided_at_work()
    }

    fn is_decided_at_work(&self) -> bool {
        let state = self.tracker.state();
        state.committee() == state.committee_planned()
    }

    /// The ledger as a client knows it.
    pub(crate) const fn state(&self) -> &State {
        self.tracker.state()
    }

    async fn produce(
        &mut self,
        index: usize,
        validators: &[(usize, &Consensus)],
        now: TimestampNs,
        more: bool,
        coverage: &mut Coverage,
    ) -> Result<(), Violation> {
        let Self { producers, tracker, random, books, tries, given, .. } = self;
        let producer = &mut producers[index];
        let seal = more && random.one_in(6);
        if producer.conduct() == Conduct::Silent {
            coverage.visit(Visited::ZoneSilent);
        }
        let new = producer.advance(tracker.state(), now, seal, random);
        new.iter().filter(|sealed| sealed.is_a_lie).for_each(|sealed| books.note_lie(sealed.id));
        if let Some(state) = misdeed(producer.conduct(), &new) {
            coverage.visit(state);
        }
        let honest = producer.conduct() == Conduct::Honest;
        for sealed in producer.waiting() {
            let try_at = tries.entry(sealed.id).or_default();
            if *try_at > now.get() {
                continue;
            }
            *try_at = now.get() + RETRY_NS;
            for (at, validator) in validators {
                let shown = sealed.shown_to.as_ref().is_none_or(|shown_to| shown_to.contains(at));
                // Now and then a connection is down.
                let is_given = given.as_ref().is_some_and(|given| given.contains(&(sealed.id, *at)));
                if !shown || is_given || random.one_in(5) {
                    continue;
                }
                let key = self.chain.validators[*at].public_key();
                let place = validator.chain.finalized().committee().index_of(&key);
                let Some(shard) = place.and_then(|place| sealed.shards.shard(place)) else { continue };
                let answer = validator.intake.submit(&sealed.signed, shard, now).await;
                match answer {
                    SubmitAnswer::Receipt(_) if sealed.is_a_lie => {
                        return Err(Violation::Availability(format!(
                            "validator {at} signs a receipt for a body that it cannot have"
                        )));
                    }
                    SubmitAnswer::Refused(reason) if honest => {
                        let height = sealed.signed.header.height;
                        return Err(Violation::HonestRefused(format!("validator {at}, zone block {height}: {reason}")));
                    }
                    SubmitAnswer::Receipt(_) => {
                        if let Some(given) = given {
                            given.insert((sealed.id, *at));
                        }
                    }
                    SubmitAnswer::Refused(_) | SubmitAnswer::Ordered | SubmitAnswer::NotYet => {}
                }
            }
        }
        Ok(())
    }

    /// What of all that was sent is not final; `None` if everything is.
    pub(crate) fn unfinished(&self) -> Option<String> {
        let state = self.tracker.state();
        if let Some(at) = self.owners.iter().position(|owner| !owner.is_done()) {
            return Some(format!("a deposit of owner {at}"));
        }
        if !self.is_committee_at_work() {
            return Some("a change of the committee".into());
        }
        let producer = self.producers.iter().find(|producer| !producer.is_done(state))?;
        let zone = state.zone(producer.zone());
        let height = zone.map(|zone| zone.height().get());
        Some(format!("blocks of zone {}, {:?}, at height {height:?}", producer.zone(), producer.conduct()))
    }

    /// Compares the product's ledger, as a client has it, with the auditors' books.
    pub(crate) fn compare(&self) -> Result<(), Violation> {
        let state = self.tracker.state();
        if state.height().get() != self.books.height() {
            return Ok(());
        }
        for owner in &self.chain.owners {
            for asset in self.chain.genesis.assets() {
                let asset: AssetId = asset.asset.id;
                let (ledger, books) =
                    (state.balance(&owner.public_key(), asset).units(), self.books.balance(owner.public_key(), asset));
                if ledger != books {
                    return Err(Violation::Conservation(format!("asset {asset}: the ledger says {ledger}, the books {books}")));
                }
            }
        }
        Ok(())
    }
}

fn misdeed(conduct: Conduct, new: &[Sealed]) -> Option<Visited> {
    match conduct {
        Conduct::Withholding => new.iter().any(|sealed| sealed.shown_to.is_some()).then_some(Visited::BodyWithheld),
        Conduct::Lying => new.iter().any(|sealed| sealed.is_a_lie).then_some(Visited::BodyLied),
        Conduct::TwoFaced => (new.len() > 1).then_some(Visited::TwoHeaders),
        Conduct::Honest | Conduct::Silent | Conduct::Overdrawing => None,
    }
}
