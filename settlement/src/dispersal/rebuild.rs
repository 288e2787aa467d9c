//! What a validator does once a header is ordered: rebuild the body if it is its turn, or if nobody does; repair its own shard; say so.
//!
//! * **Turns.** The header's id chooses the f+1 validators that start at once. After [`ROTATION_TIMEOUT`] all may.
//! * **Nobody's shard is believed.** Each is checked under the header's root before it counts. Whoever has none, or sends something
//!   else, is not asked again for this body until all others were asked.
//! * **What rebuilds is said, what does not is shown**: a receipt ([`Word::Rebuilt`]), again until the block is available; or a
//!   [`FraudProof`], to all.
//! * **A shard of one's own that is missing** (a late validator, a producer that sent to 2f+1 only) is coded again and kept, so that the
//!   next late one finds f+1.
//! * **A key shown** ([`Opening`]) is tried on the rebuilt ciphertext; [`Word::Unopenable`] is said only of what was tried.
//!
//! Rebuilding runs on a thread where it holds up no vote.

use super::coding::CheckedShard;
use super::fraud::FraudProof;
use super::job::{Found, Job, find, is_turn};
use super::limits::{REBUILDS_PER_ZONE_MAX, REPAIR_DELAY, REPAIR_ROUNDS_MAX, REPEAT_INTERVAL, ROTATION_TIMEOUT, SHARD_TIMEOUT};
use super::message::Message;
use super::seal::Opening;
use super::store::ShardStore;
use crate::consensus::{Chain, Gossip, GossipSender, Runtime};
use crate::keys::{self, SecretKey};
use crate::ledger::State;
use crate::receipt::{BodyStatement, Word};
use bytes::Bytes;
use commonware_cryptography::ed25519;
use commonware_macros::select;
use commonware_p2p::{Recipients, Sender};
use commonware_runtime::{Handle, IoBuf};
use plinth_types::digest::Digest;
use plinth_types::id::ZoneId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tracing::{debug, warn};

/// What others tell the rebuilder.
#[derive(Debug)]
pub enum Task {
    /// A validator's answer to a request for its shard.
    Shard {
        /// Who answers.
        from: ed25519::PublicKey,
        /// Of which header.
        header: Digest,
        /// The shard, if it has it.
        frame: Option<Bytes>,
    },
    /// A reader shows the key of a body that does not open.
    Opening(Opening),
}

/// The rebuilder of one validator.
pub struct Rebuilder<E: Runtime, S: Sender<PublicKey = ed25519::PublicKey>> {
    context: E,
    chain: Chain,
    key: SecretKey,
    store: ShardStore,
    gossip: GossipSender,
    sender: S,
    jobs: BTreeMap<Digest, Job>,
    /// Bodies that this validator has rebuilt and found sound, until they are settled.
    sound: BTreeSet<Digest>,
}

impl<E: Runtime, S: Sender<PublicKey = ed25519::PublicKey>> std::fmt::Debug for Rebuilder<E, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuilder").field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}

impl<E, S> Rebuilder<E, S>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
{
    /// For a validator's ledger, key and shards.
    #[must_use]
    pub const fn new(context: E, chain: Chain, key: SecretKey, store: ShardStore, gossip: GossipSender, sender: S) -> Self {
        Self { context, chain, key, store, gossip, sender, jobs: BTreeMap::new(), sound: BTreeSet::new() }
    }

    /// Runs until nobody can tell it anything any more.
    #[must_use]
    pub fn start(self, tasks: mpsc::Receiver<Task>) -> Handle<()> {
        let context = self.context.child("rebuilder");
        context.spawn(move |_| self.run(tasks))
    }

    async fn run(mut self, mut tasks: mpsc::Receiver<Task>) {
        let mut height = self.chain.height();
        loop {
            self.refresh().await;
            self.advance().await;
            let wake = self.wake_at();
            select! {
                changed = height.changed() => {
                    if changed.is_err() {
                        return;
                    }
                },
                task = tasks.recv() => match task {
                    Some(Task::Shard { from, header, frame }) => self.take_shard(&from, header, frame),
                    Some(Task::Opening(opening)) => self.take_opening(opening),
                    None => return,
                },
                _ = self.context.sleep_until(wake) => {},
            }
        }
    }

    /// Takes up what was ordered, drops what needs nothing more.
    async fn refresh(&mut self) {
        let state = self.chain.finalized();
        let (now, me) = (self.context.current(), self.index(&state));
        let Some(me) = me else { return };
        let mut open = BTreeSet::new();
        for zone in state.zones() {
            for block in zone.unsettled() {
                open.insert(block.id);
                if self.jobs.contains_key(&block.id) || (block.available_at.is_some() && self.sound.contains(&block.id)) {
                    continue;
                }
                let repairs = !self.store.has(block.id).await;
                if block.available_at.is_some() && !repairs {
                    self.sound.insert(block.id);
                    continue;
                }
                let delay = match block.available_at {
                    Some(_) => REPAIR_DELAY,
                    None if is_turn(block.id, me, state.committee().count()) => Duration::ZERO,
                    None => ROTATION_TIMEOUT,
                };
                self.jobs.extend(Job::new(&state, block, now + delay, repairs).map(|job| (block.id, job)));
            }
        }
        // What was settled meanwhile may still lack its shard here.
        for block in self.chain.take_ordered() {
            if !self.jobs.contains_key(&block.id) && !self.store.has(block.id).await {
                self.jobs.extend(Job::new(&state, &block, now + REPAIR_DELAY, true).map(|job| (block.id, job)));
            }
        }
        self.sound.retain(|id| open.contains(id));
        self.jobs.retain(|id, job| {
            job.is_open = open.contains(id);
            let is_found = job.said_again_at.is_some() || job.fraud.is_some();
            job.is_open || (job.repairs && !is_found && job.rounds < REPAIR_ROUNDS_MAX)
        });
        for zone in state.zones() {
            for block in zone.unsettled().filter(|block| block.available_at.is_some()) {
                // Available by others' word: what is left to do is one's own shard, or a key to try.
                if let Some(job) = self.jobs.get_mut(&block.id)
                    && !job.repairs
                    && job.opening.is_none()
                {
                    self.jobs.remove(&block.id);
                    self.sound.insert(block.id);
                }
            }
        }
    }

    /// Starts what is due, asks whom it needs, rebuilds what has enough shards, says again what was said long ago.
    async fn advance(&mut self) {
        let now = self.context.current();
        let state = self.chain.finalized();
        let Some(me) = self.index(&state) else { return };
        for id in self.due(now) {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            if job.said_again_at.is_some() {
                job.said_again_at = Some(now + REPEAT_INTERVAL);
                let (statement, fraud) = (job.statement, job.fraud.clone());
                match fraud {
                    Some(proof) => self.show(proof),
                    None => self.say(statement, Word::Rebuilt),
                }
                continue;
            }
            if !job.started {
                job.started = true;
                if let Some(frame) = self.store.get(id).await
                    && let Some(job) = self.jobs.get_mut(&id)
                {
                    job.take(me, frame);
                }
            }
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            if job.shards.len() >= job.layout.shards_min() {
                self.rebuild(id, me).await;
                continue;
            }
            let asked = job.ask(me, now, state.committee().count().get());
            for index in asked {
                let Ok(peer) = keys::to_consensus(&state.committee().keys()[usize::from(index)]) else { continue };
                let request = Message::Request(id).to_bytes();
                let _told = self.sender.send(Recipients::One(peer), IoBuf::from(request), false);
            }
        }
    }

    /// Jobs with something to do now; of each zone the lowest heights first, and no more than a few at once.
    fn due(&self, now: SystemTime) -> Vec<Digest> {
        let mut places: Vec<_> = self.jobs.iter().map(|(id, job)| ((job.block.zone, job.block.height), *id)).collect();
        places.sort_unstable();
        let mut under_way: BTreeMap<(ZoneId, bool), usize> = BTreeMap::new();
        let mut due = Vec::new();
        for ((zone, _), id) in places {
            let job = &self.jobs[&id];
            if let Some(at) = job.said_again_at {
                due.extend((at <= now).then_some(id));
                continue;
            }
            // Repairs of what is settled take no turn from what others wait for.
            let count = under_way.entry((zone, job.is_open)).or_default();
            if job.start_at > now || *count >= REBUILDS_PER_ZONE_MAX {
                continue;
            }
            *count += 1;
            due.push(id);
        }
        due
    }

    fn wake_at(&self) -> SystemTime {
        let now = self.context.current();
        let next = self.jobs.values().map(|job| match job.said_again_at {
            Some(at) => at,
            None if job.start_at > now => job.start_at,
            None => job.asked.values().min().map_or(now + SHARD_TIMEOUT, |asked_at| *asked_at + SHARD_TIMEOUT),
        });
        // What waits for its zone's turn is due already; it is looked at when something ends.
        next.min().unwrap_or(now + REPEAT_INTERVAL).max(now + MIN_PAUSE)
    }

    fn take_shard(&mut self, from: &ed25519::PublicKey, header: Digest, frame: Option<Bytes>) {
        let state = self.chain.finalized();
        let index = state.committee().index_of(&keys::from_consensus(from));
        let (Some(index), Some(job)) = (index, self.jobs.get_mut(&header)) else { return };
        if job.asked.remove(&index).is_none() {
            // Not asked, or too late: another one was asked in its place.
            return;
        }
        match frame {
            Some(frame) => job.take(index, frame),
            None => drop(job.useless.insert(index)),
        }
    }

    fn take_opening(&mut self, opening: Opening) {
        let state = self.chain.finalized();
        let block = state.zones().flat_map(crate::ledger::Zone::unsettled).find(|block| block.id == opening.header);
        let Some(block) = block.filter(|block| block.body.key == opening.key.commitment()) else { return };
        let now = self.context.current();
        let Some(mut job) = Job::new(&state, block, now, false) else { return };
        if let Some(known) = self.jobs.remove(&opening.header) {
            (job.shards, job.repairs) = (known.shards, known.repairs);
        }
        job.opening = Some(opening);
        self.jobs.insert(opening.header, job);
    }

    async fn rebuild(&mut self, id: Digest, me: u16) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let shards: Vec<CheckedShard> = std::mem::take(&mut job.shards).into_values().collect();
        let (statement, layout, block) = (job.statement, job.layout, job.block);
        let (repairs, opening) = (job.repairs, job.opening);
        let work = self.context.child("rebuild").shared(true);
        let found = work.spawn(move |_| async move { find(&statement, &layout, &block, &shards, repairs.then_some(me), opening) });
        let found = found.await;
        let now = self.context.current();
        match found {
            Ok(Found::Sound { own_shard, opens }) => self.sound(id, own_shard, opens).await,
            Ok(Found::Fraud(proof)) => {
                warn!(zone = %block.zone, height = %block.height, header = %id, "a body is of no codeword");
                if let Some(job) = self.jobs.get_mut(&id) {
                    (job.said_again_at, job.fraud) = (Some(now + REPEAT_INTERVAL), Some(proof.clone()));
                }
                self.show(proof);
            }
            Ok(Found::TooFew) | Err(_) => {
                debug!(header = %id, "a rebuild was given up; it starts again");
                if let Some(job) = self.jobs.get_mut(&id) {
                    (job.started, job.start_at) = (false, now + SHARD_TIMEOUT);
                }
            }
        }
    }

    /// Hands a proof of fraud to the own pool and to the others.
    fn show(&mut self, proof: Box<FraudProof>) {
        if let Err(error) = self.chain.insert_fraud((*proof).clone()) {
            debug!(%error, "own proof of fraud is not needed any more");
        }
        let message = Message::Fraud(proof).to_bytes();
        let _told = self.sender.send(Recipients::All, IoBuf::from(message), false);
    }

    async fn sound(&mut self, id: Digest, own_shard: Option<Bytes>, opens: Option<bool>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (statement, block, opening) = (job.statement, job.block, job.opening);
        if let Some(frame) = own_shard {
            match self.store.keep(block.zone, block.height, id, frame).await {
                Ok(()) => debug!(header = %id, "own shard repaired"),
                Err(error) => warn!(header = %id, %error, "own shard is not kept"),
            }
        }
        if let (Some(Opening { key, .. }), Some(false)) = (opening, opens) {
            warn!(zone = %block.zone, height = %block.height, header = %id, "a body does not open under its key");
            self.say(statement, Word::Unopenable { key });
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if block.available_at.is_some() {
            self.jobs.remove(&id);
            self.sound.insert(id);
            return;
        }
        (job.repairs, job.opening) = (false, None);
        job.said_again_at = Some(self.context.current() + REPEAT_INTERVAL);
        self.say(statement, Word::Rebuilt);
    }

    /// Signs, for the own pool and for the others.
    fn say(&self, statement: BodyStatement, word: Word) {
        let receipt = statement.sign(word, &self.key);
        if let Err(error) = self.chain.insert_receipt(receipt) {
            debug!(header = %statement.header, %error, "own word is not needed any more");
            return;
        }
        self.gossip.tell(&Gossip::Receipt(receipt));
    }

    fn index(&self, state: &State) -> Option<u16> {
        state.committee().index_of(&self.key.public_key())
    }
}

/// So that a job which is due and cannot go on does not spin.
const MIN_PAUSE: Duration = Duration::from_millis(1);
