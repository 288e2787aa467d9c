//! One life of a world: from power on to power loss. Storage, and everybody outside, lives on.

mod epochs;
mod liars;
mod links;
mod settle;

use crate::chain::Chain;
use crate::coverage::{Coverage, Visited};
use crate::engine::{Context, Peers, Road, Roads, Validator, Wire};
use crate::limits::{MESSAGES_PER_SECOND, TICK};
use crate::oracle::Violation;
use crate::outside::Outside;
use crate::panics;
use crate::plan::{Moment, Plan, Step};
use crate::wire::{self, Notes};
use commonware_cryptography::ed25519;
use commonware_p2p::simulated::{self, Link, Network as SimulatedNetwork, Oracle, Receiver};
use commonware_runtime::deterministic::{FaultConfig, PartialWriteMode, ResizeConfig, WriteConfig};
use commonware_runtime::{Clock as _, Handle, Quota, Supervisor as _};
use commonware_utils::{NZU32, NZUsize, probability};
use plinth_settlement::consensus::{Consensus, Network, timestamp};
use plinth_settlement::transport::Channel;
use plinth_settlement::transport::limits::BLOCK_FRAME_SIZE_MAX;
use plinth_types::id::{Height, TimestampNs};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How often the wire is looked at while a plan waits for a moment.
const GLANCE: Duration = Duration::from_millis(1);
/// How long a plan waits for a moment.
const MOMENT_WITHIN: Duration = Duration::from_secs(2);
/// How long disks may fail before power is lost anyway.
const DISK_FAILURE: Duration = Duration::from_secs(3);
/// In what a validator says that stops because its disk does.
const DISK_REFUSES: &str = "injected storage fault";
/// Blocks that a validator must miss to come back behind.
const BEHIND: u64 = 10;

pub(crate) struct World<'a> {
    context: Context,
    oracle: Oracle<ed25519::PublicKey, Context>,
    chain: Arc<Chain>,
    plan: &'a Plan,
    notes: &'a Notes,
    outside: &'a mut Outside,
    running: BTreeMap<usize, Validator>,
    twins: Vec<Validator>,
    _actors: Vec<Handle<()>>,
    /// Directed links that are up, and that should be down.
    up: BTreeSet<(usize, usize)>,
    cut: BTreeSet<(usize, usize)>,
    /// Of each validator, up to which height its blocks were read.
    followed: BTreeMap<usize, u64>,
    starts: u64,
    /// Since when nobody can have a quorum, and how many rounds were finalized when all that was under way had come in.
    silence: Option<epochs::Silence>,
    tick_at: TimestampNs,
    quiet: bool,
}

/// Why a life ended.
pub(crate) enum End {
    /// Nothing is left to do.
    Done,
    /// Power is lost behind this step; validators start again in this order.
    PowerLoss(usize, Vec<usize>),
}

impl<'a> World<'a> {
    pub(crate) async fn boot(
        context: Context,
        plan: &'a Plan,
        chain: &Arc<Chain>,
        notes: &'a Notes,
        outside: &'a mut Outside,
        order: &[usize],
    ) -> Self {
        *context.storage_fault_config().write() = FaultConfig::default();
        let config = simulated::Config {
            max_size: BLOCK_FRAME_SIZE_MAX as u32,
            max_peers_per_set: NZUsize!(64),
            disconnect_on_block: true,
            // The epoch's, and for those who are behind the one before.
            tracked_peer_sets: NZUsize!(2),
        };
        let network = context.child("network");
        let (network, oracle) =
            SimulatedNetwork::new_with_split_peers(network, config, chain.peers.clone(), [chain.observer.clone()]).await;
        network.start();
        wire::listen(&context, &oracle, chain, notes).await;
        let clear = Link { latency: GLANCE, jitter: Duration::ZERO, success_rate: probability!(1.0) };
        for peer in &chain.peers {
            oracle.add_link(peer.clone(), chain.observer.clone(), clear.clone()).await.expect("a link of two peers");
        }
        let tick_at = TimestampNs::new(0);
        let mut world = Self {
            context,
            oracle,
            chain: Arc::clone(chain),
            plan,
            notes,
            outside,
            running: BTreeMap::new(),
            twins: Vec::new(),
            _actors: Vec::new(),
            up: BTreeSet::new(),
            cut: BTreeSet::new(),
            followed: BTreeMap::new(),
            starts: 0,
            silence: None,
            tick_at,
            quiet: false,
        };
        world.link().await;
        for (&index, &behaviour) in &plan.byzantine {
            world.start_byzantine(index, behaviour).await;
        }
        for &index in order {
            world.start(index).await;
        }
        world
    }

    /// Lives through the steps from `from` on.
    pub(crate) async fn live(&mut self, from: usize) -> End {
        let plan = self.plan;
        for (at, step) in plan.steps.iter().enumerate().skip(from) {
            if !self.notes.lock().violations.is_empty() {
                return End::Done;
            }
            if let Some(order) = self.take(step).await {
                self.leave().await;
                return End::PowerLoss(at + 1, order);
            }
        }
        self.leave().await;
        End::Done
    }

    /// Takes one step; if it ends this life, returns the order of starting again.
    async fn take(&mut self, step: &Step) -> Option<Vec<usize>> {
        match step {
            Step::Run(duration) => self.pass(*duration).await,
            Step::Await(moment) => self.wait_moment(*moment).await,
            Step::Split(groups) => self.split(groups).await,
            Step::Mute(from, to) => {
                self.visit(Visited::CutOneWay);
                self.cut.insert((*from, *to));
                self.link().await;
            }
            Step::Flap { validator, times, period } => {
                self.visit(Visited::Flapped);
                for _ in 0..*times {
                    self.isolate(*validator).await;
                    self.pass(*period).await;
                    self.rejoin(*validator).await;
                    self.pass(*period).await;
                }
            }
            Step::Swizzle { out, back, gap } => {
                self.visit(Visited::Clogged);
                for &index in out {
                    self.isolate(index).await;
                    self.pass(*gap).await;
                }
                for &index in back {
                    self.rejoin(index).await;
                    self.pass(*gap).await;
                }
            }
            Step::Heal => self.heal().await,
            Step::Kill(index) => self.kill(*index).await,
            Step::KillProposer => {
                let proposer = self.notes.lock().proposer();
                if let Some(index) = proposer {
                    self.kill(index).await;
                }
            }
            Step::Start(index) => self.start(*index).await,
            Step::PowerLoss { order, torn } => {
                self.lose_power(*torn);
                return Some(order.clone());
            }
            Step::DiskFailure { order } => {
                self.fail_disks().await;
                return Some(order.clone());
            }
            Step::Decide(committee) => self.outside.decide(committee),
            Step::AwaitCommittee => {
                self.wait_for(|world| world.outside.is_committee_at_work()).await;
            }
            Step::AwaitEpochEnd(left) => self.wait_epoch_end(*left).await,
            Step::Settle => self.settle().await,
        }
        None
    }

    /// Lets time pass; everybody outside acts at every tick.
    pub(super) async fn pass(&mut self, duration: Duration) {
        let end = self.context.current() + duration;
        loop {
            let now = self.context.current();
            if now >= end {
                break;
            }
            if timestamp(now) >= self.tick_at {
                self.tick_at = timestamp(now + TICK);
                self.tick().await;
            }
            let left = end.duration_since(now).unwrap_or_default();
            self.context.sleep(left.min(TICK)).await;
        }
    }

    async fn wait_moment(&mut self, moment: Moment) {
        let end = self.context.current() + MOMENT_WITHIN;
        while moment != Moment::Any && self.notes.lock().moment() != moment && self.context.current() < end {
            self.pass(GLANCE).await;
        }
    }

    async fn tick(&mut self) {
        self.read_blocks();
        self.watch_quorum();
        let (now, more) = (self.now(), !self.quiet);
        let Self { running, outside, notes, .. } = self;
        let validators: Vec<(usize, &Consensus)> =
            running.iter().map(|(index, validator)| (*index, &validator.consensus)).collect();
        // The others go on while a shard is written: the lock is not held meanwhile, and what they visit is added.
        let mut coverage = Coverage::default();
        let acted = outside.act(&validators, now, more, &mut coverage).await;
        let mut heard = notes.lock();
        heard.coverage.add(&coverage);
        heard.note(acted);
        // A second validator may notice a disk that refuses before power is lost.
        let panics = panics::take().into_iter().filter(|panic| !panic.contains(DISK_REFUSES));
        panics.for_each(|panic| heard.violations.push(Violation::Panic(panic)));
    }

    /// Reads what each validator shows to clients that follow the chain.
    fn read_blocks(&mut self) {
        let mut heard = self.notes.lock();
        let committee = self.outside.state().committee().clone();
        for (&index, validator) in &self.running {
            let followed = self.followed.entry(index).or_default();
            let height = validator.consensus.chain.finalized().height().get();
            while *followed < height {
                *followed += 1;
                // Only the last few are kept for clients, of what a validator applied since it started. What nobody shows ends the books,
                // and that is noticed when all must be level.
                let Some(shown) = validator.consensus.chain.recent(Height::new(*followed)) else { continue };
                if let Some(certificate) = &shown.certificate {
                    let taken = heard.agreement.take_shown(index, certificate);
                    heard.note(taken);
                }
                let taken = heard.agreement.take_block(index, &shown.block);
                if heard.note(taken) == Some(true) {
                    let mut coverage = std::mem::take(&mut heard.coverage);
                    let applied = self.outside.take(&shown.block, shown.certificate, &mut coverage);
                    heard.coverage = coverage;
                    heard.note(applied);
                    let learned = heard.agreement.learn(self.outside.books().committees());
                    heard.note(learned);
                }
            }
        }
        self.visit_committee(&committee, &mut heard);
    }

    async fn start(&mut self, index: usize) {
        if self.plan.byzantine.contains_key(&index) || self.running.contains_key(&index) {
            return;
        }
        let context = self.life("validator", index);
        let roads = self.roads(index).await;
        let started = Validator::start(context, &self.chain, index, format!("validator-{index}"), roads).await;
        let Some(validator) = started else {
            let panic = panics::take().join("; ");
            let violation = Violation::Panic(format!("validator {index} does not start: {panic}"));
            self.notes.lock().violations.push(violation);
            return;
        };
        if self.starts > self.chain.validators.len() as u64 {
            let height = validator.consensus.chain.finalized().height().get();
            if height + BEHIND < self.outside.books().height() {
                self.visit(Visited::CameBackBehind);
            }
        }
        self.followed.remove(&index);
        self.running.insert(index, validator);
    }

    async fn kill(&mut self, index: usize) {
        let Some(validator) = self.running.remove(&index) else { return };
        self.visit_kill(index);
        self.keep_evidence(&validator.consensus);
        validator.kill().await;
    }

    fn visit_kill(&self, index: usize) {
        let mut heard = self.notes.lock();
        heard.coverage.visit(Visited::Killed);
        match heard.moment() {
            Moment::Proposed if heard.proposer() == Some(index) => heard.coverage.visit(Visited::CrashAfterProposal),
            Moment::Notarized | Moment::Finalizing => heard.coverage.visit(Visited::CrashWhileFinalizing),
            Moment::Any | Moment::Proposed | Moment::Final | Moment::GivingUp => {}
        }
        let down = self.chain.validators.len() - self.running.len();
        if down > (self.chain.validators.len() - 1) / 3 {
            heard.coverage.visit(Visited::KilledBeyondFaults);
        }
    }

    async fn roads(&self, index: usize) -> Roads {
        Network {
            votes: self.road(index, Channel::Votes).await,
            certificates: self.road(index, Channel::Certificates).await,
            resolver: self.road(index, Channel::Resolver).await,
            blocks: self.road(index, Channel::Blocks).await,
            backfill: self.road(index, Channel::Backfill).await,
            gossip: self.road(index, Channel::Gossip).await,
            shards: self.road(index, Channel::Shards).await,
            blocker: self.oracle.control(self.chain.peers[index].clone()),
            peers: Peers::new(self.oracle.manager(), self.chain.observer.clone()),
        }
    }

    async fn road(&self, index: usize, channel: Channel) -> (Road, Receiver<ed25519::PublicKey>) {
        let (sender, receiver) = self.ends(index, channel).await;
        (Road::new(sender, None), receiver)
    }

    pub(super) async fn ends(&self, index: usize, channel: Channel) -> (Wire, Receiver<ed25519::PublicKey>) {
        let control = self.oracle.control(self.chain.peers[index].clone());
        let quota = Quota::per_second(NZU32!(MESSAGES_PER_SECOND));
        control.register(u64::from(channel.code()), quota).await.expect("a validator is a peer")
    }

    pub(super) fn life(&mut self, what: &'static str, index: usize) -> Context {
        self.starts += 1;
        self.context.child(what).with_attribute("index", index).with_attribute("start", self.starts)
    }

    fn lose_power(&mut self, torn: bool) {
        self.visit(Visited::PowerLost);
        if torn {
            self.visit(Visited::PowerLostTorn);
            *self.context.storage_fault_config().write() = torn_writes();
        }
    }

    /// Disks refuse now and then; the first validator that notices stops, and then power is lost for all.
    async fn fail_disks(&mut self) {
        self.context.storage_fault_config().write().sync_rate = Some(probability!(1, 50));
        let end = self.context.current() + DISK_FAILURE;
        while panics::count() == 0 && self.context.current() < end {
            self.context.sleep(GLANCE).await;
        }
        // A validator that cannot sync must stop: that is no violation.
        if !panics::take().is_empty() {
            self.visit(Visited::DiskFailed);
        }
        self.lose_power(true);
    }

    /// Since power was first on.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now().get())
    }

    fn now(&self) -> TimestampNs {
        timestamp(self.context.current())
    }

    fn visit(&self, state: Visited) {
        self.notes.lock().coverage.visit(state);
    }
}

/// Of every unsynced write each byte survives or not, as of a disk that was writing when power went.
fn torn_writes() -> FaultConfig {
    FaultConfig {
        write_rate: Some(WriteConfig {
            failure_rate: probability!(0.0),
            retention_rate: probability!(0.5),
            mode: PartialWriteMode::Subset,
        }),
        resize_rate: Some(ResizeConfig { failure_rate: probability!(0.5), partial_rate: probability!(0.0) }),
        ..FaultConfig::default()
    }
}
