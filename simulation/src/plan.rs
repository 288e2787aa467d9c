//! What happens to a world, and when: from a seed, or by enumeration.

mod epochs;

use crate::byzantine::Behaviour;
use crate::limits::{VALIDATORS_MAX, VALIDATORS_MIN, ZONES};
use crate::producer::Conduct;
use crate::random::Random;
use plinth_settlement::limits::EPOCH_BLOCKS_DEFAULT;
use std::collections::BTreeMap;
use std::time::Duration;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Mean time on the way.
    pub latency: Duration,
    /// Its standard deviation.
    pub jitter: Duration,
    /// Of a hundred messages, how many are lost.
    pub loss_percent: u64,
}

/// A moment in the making of a block, as it shows on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Whatever is going on.
    Any,
    /// Proposed, not notarized.
    Proposed,
    /// Notarized, not finalized.
    Notarized,
    /// A first vote to finalize is on its way.
    Finalizing,
    /// Finalized, the next one not proposed.
    Final,
    /// A view is being given up.
    GivingUp,
}

impl Moment {
    /// All.
    pub const ALL: [Self; 6] = [Self::Any, Self::Proposed, Self::Notarized, Self::Finalizing, Self::Final, Self::GivingUp];
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes.
    Run(Duration),
    /// Waits until the wire shows the moment, for two seconds at most.
    Await(Moment),
    /// Only validators of one group hear each other, until healed.
    Split(Vec<Vec<usize>>),
    /// The first is not heard by the second any more.
    Mute(usize, usize),
    /// One validator's links go and come again.
    Flap {
        /// Whose.
        validator: usize,
        /// How often.
        times: u32,
        /// How long each way.
        period: Duration,
    },
    /// Validators are cut off one after another, then come back in the other order.
    Swizzle {
        /// The order of being cut off.
        out: Vec<usize>,
        /// The order of coming back.
        back: Vec<usize>,
        /// Between two of them.
        gap: Duration,
    },
    /// Every link is back.
    Heal,
    /// A validator is killed, if it runs.
    Kill(usize),
    /// Whoever led the last proposal is killed.
    KillProposer,
    /// A validator is started, if it does not run.
    Start(usize),
    /// All lose power; they are started in this order.
    PowerLoss {
        /// The order of starting.
        order: Vec<usize>,
        /// Whether unsynced writes survive in part, in any pieces, rather than not at all.
        torn: bool,
    },
    /// Disks refuse to sync now and then, until one has; then all lose power.
    DiskFailure {
        /// The order of starting again.
        order: Vec<usize>,
    },
    /// The governors decide that these validate, as soon as the decision before is at work.
    Decide(Vec<usize>),
    /// Waits until whoever was decided on last validates.
    AwaitCommittee,
    /// Waits until an epoch has so many blocks left.
    AwaitEpochEnd(u64),
    /// Everything is healed and started; all must be level and everything sent be final in time.
    Settle,
}

/// A world and what happens to it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How it is called on the command line.
    pub name: &'static str,
    /// How many validators there are, those included that are not in the first committee.
    pub validators: usize,
    /// Who is.
    pub committee: Vec<usize>,
    /// Blocks of an epoch.
    pub epoch_blocks: u32,
    /// Who lies, and how.
    pub byzantine: BTreeMap<usize, Behaviour>,
    /// What each zone's producer does.
    pub conducts: Vec<Conduct>,
    /// How messages travel when nothing is cut.
    pub weather: Weather,
    /// Whether a producer leaves a validator in peace that gave its receipt. Where nothing is lost and nobody stops, what a validator
    /// took once it has to keep until it is ordered; elsewhere sending again would hide that it does not.
    pub sends_once: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// Kinds of plans that a seed can be run with.
pub const NAMES: [&str; 8] = ["mixed", "crashes", "links", "byzantine", "splits", "restarts", "epochs", "calm"];

impl Plan {
    /// Whether the committee does not stay what it is at first.
    #[must_use]
    pub fn changes_committee(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Decide(_)))
    }

    /// The plan of a seed. `splits` and `restarts` enumerate cases: the seed says which one.
    ///
    /// `None` for a name that is not one of [`NAMES`].
    #[must_use]
    pub fn new(name: &str, seed: u64) -> Option<Self> {
        let mut random = Random::new(seed, "plan");
        let name = NAMES.into_iter().find(|known| *known == name)?;
        Some(match name {
            "splits" => split(seed as usize % SPLITS, &mut random),
            "restarts" => restart(seed as usize % RESTARTS, &mut random),
            "crashes" => draw(name, &mut random, [5, 1], false),
            "links" => draw(name, &mut random, [1, 5], false),
            "epochs" => epochs::plan(&mut random),
            "calm" => {
                let steps = vec![Step::Run(millis(&mut random, 4_000, 8_000)), Step::Settle];
                Self { sends_once: true, ..calm(name, steps) }
            }
            "byzantine" => draw(name, &mut random, [1, 1], true),
            _ => {
                let byzantine = random.one_in(2);
                draw(name, &mut random, [1, 1], byzantine)
            }
        })
    }
}

/// A plan of random steps; `weights` are those of crashes and of links.
fn draw(name: &'static str, random: &mut Random, weights: [u64; 2], byzantine: bool) -> Plan {
    let validators = if random.one_in(6) { VALIDATORS_MAX } else { VALIDATORS_MIN };
    let faults_max = (validators - 1) / 3;
    let mut all: Vec<usize> = (0..validators).collect();
    random.shuffle(&mut all);
    let liars = if byzantine { random.between(1, faults_max as u64 + 1) as usize } else { 0 };
    let byzantine: BTreeMap<_, _> = all[..liars].iter().map(|&index| (index, random.pick(&Behaviour::ALL))).collect();
    let honest: Vec<usize> = all[liars..].to_vec();
    let mut steps = vec![Step::Run(millis(random, 1_500, 3_000))];
    for _ in 0..random.between(3, 7) {
        let [crashes, links] = weights;
        if random.below(crashes + links) < crashes {
            crash(random, &honest, &mut steps)
        } else {
            cut(random, &all, &mut steps)
        }
        steps.push(Step::Run(millis(random, 300, 2_000)));
    }
    steps.push(Step::Settle);
    Plan {
        name,
        validators,
        committee: (0..validators).collect(),
        epoch_blocks: EPOCH_BLOCKS_DEFAULT,
        byzantine,
        conducts: conducts(random),
        weather: weather(random),
        sends_once: false,
        steps,
    }
}

fn crash(random: &mut Random, honest: &[usize], steps: &mut Vec<Step>) {
    let mut order = honest.to_vec();
    random.shuffle(&mut order);
    let victim = order[0];
    match random.below(7) {
        0 => {
            steps.extend([Step::Await(random.pick(&Moment::ALL)), Step::Kill(victim)]);
            steps.extend([Step::Run(millis(random, 10, 4_000)), Step::Start(victim)]);
        }
        1 => steps.extend([Step::Await(Moment::Proposed), Step::KillProposer, Step::Run(millis(random, 200, 3_000)), Step::Heal]),
        2 => {
            steps.push(Step::Await(random.pick(&Moment::ALL)));
            for &index in &order {
                steps.extend([Step::Kill(index), Step::Run(millis(random, 1, 60))]);
            }
            random.shuffle(&mut order);
            for &index in &order {
                steps.extend([Step::Start(index), Step::Run(millis(random, 1, 400))]);
            }
        }
        3 | 4 => {
            steps.push(Step::Await(random.pick(&Moment::ALL)));
            steps.push(Step::PowerLoss { order, torn: random.one_in(2) });
        }
        5 => steps.push(Step::DiskFailure { order }),
        // Behind for long: the others go on, if they can.
        _ => steps.extend([Step::Kill(victim), Step::Run(millis(random, 5_000, 9_000)), Step::Start(victim)]),
    }
}

fn cut(random: &mut Random, all: &[usize], steps: &mut Vec<Step>) {
    let mut order = all.to_vec();
    random.shuffle(&mut order);
    match random.below(5) {
        0 | 1 => {
            let at = random.between(1, order.len() as u64) as usize;
            let (left, right) = order.split_at(at);
            steps.push(Step::Await(random.pick(&Moment::ALL)));
            steps.push(Step::Split(vec![left.to_vec(), right.to_vec()]));
            steps.extend([Step::Run(millis(random, 500, 5_000)), Step::Heal]);
        }
        2 => {
            steps.push(Step::Await(random.pick(&Moment::ALL)));
            steps.extend([Step::Mute(order[0], order[1]), Step::Mute(order[2], order[0])]);
            steps.extend([Step::Run(millis(random, 500, 5_000)), Step::Heal]);
        }
        3 => steps.push(Step::Flap { validator: order[0], times: random.between(2, 8) as u32, period: millis(random, 30, 700) }),
        _ => {
            let mut back = order.clone();
            random.shuffle(&mut back);
            steps.push(Step::Swizzle { out: order, back, gap: millis(random, 50, 900) });
        }
    }
}

fn conducts(random: &mut Random) -> Vec<Conduct> {
    let wrong = [Conduct::Silent, Conduct::Withholding, Conduct::Lying, Conduct::TwoFaced, Conduct::Overdrawing];
    // One zone is always sound, so that there is always something that must get through.
    let mut conducts = vec![Conduct::Honest];
    for _ in 1..ZONES {
        conducts.push(if random.one_in(2) { Conduct::Honest } else { random.pick(&wrong) });
    }
    conducts
}

fn weather(random: &mut Random) -> Weather {
    let latency = millis(random, 1, 40);
    let jitter = Duration::from_millis(random.below(latency.as_millis() as u64 / 2 + 1));
    Weather { latency, jitter, loss_percent: random.pick(&[0, 0, 1, 1, 3]) }
}

const CALM: Weather = Weather { latency: Duration::from_millis(10), jitter: Duration::from_millis(3), loss_percent: 0 };

/// Ways to divide four validators into groups that do not hear each other, and then each one-way cut between two.
pub const SPLITS: usize = 14 + 12;

fn split(case: usize, random: &mut Random) -> Plan {
    let groups: Vec<Vec<Vec<usize>>> = set_partitions(VALIDATORS_MIN).into_iter().filter(|groups| groups.len() > 1).collect();
    let cut = match groups.get(case) {
        Some(groups) => Step::Split(groups.clone()),
        None => {
            let (from, to) = ((case - groups.len()) / 3, (case - groups.len()) % 3);
            Step::Mute(from, if to < from { to } else { to + 1 })
        }
    };
    let mut steps = vec![Step::Run(millis(random, 1_000, 2_000))];
    for moment in Moment::ALL {
        steps.extend([Step::Await(moment), cut.clone(), Step::Run(Duration::from_secs(4)), Step::Settle]);
    }
    calm("splits", steps)
}

/// Orders of coming back of four validators, each at every moment of going down.
pub const RESTARTS: usize = 24;

fn restart(case: usize, random: &mut Random) -> Plan {
    let back = permutation(VALIDATORS_MIN, case);
    let mut steps = vec![Step::Run(millis(random, 1_000, 2_000))];
    for moment in Moment::ALL {
        steps.push(Step::Await(moment));
        for index in 0..VALIDATORS_MIN {
            steps.extend([Step::Kill(index), Step::Run(millis(random, 1, 30))]);
        }
        for &index in &back {
            steps.extend([Step::Start(index), Step::Run(millis(random, 50, 700))]);
        }
        steps.push(Step::Settle);
        steps.extend([Step::Await(moment), Step::PowerLoss { order: back.clone(), torn: random.one_in(2) }, Step::Settle]);
    }
    calm("restarts", steps)
}

fn calm(name: &'static str, steps: Vec<Step>) -> Plan {
    let conducts = vec![Conduct::Honest; usize::from(ZONES)];
    Plan {
        name,
        validators: VALIDATORS_MIN,
        committee: (0..VALIDATORS_MIN).collect(),
        epoch_blocks: EPOCH_BLOCKS_DEFAULT,
        byzantine: BTreeMap::new(),
        conducts,
        weather: CALM,
        sends_once: false,
        steps,
    }
}

/// Every way to divide `0..count` into groups.
fn set_partitions(count: usize) -> Vec<Vec<Vec<usize>>> {
    let mut all = vec![Vec::new()];
    for item in 0..count {
        let mut next = Vec::new();
        for groups in all {
            let groups: Vec<Vec<usize>> = groups;
            for at in 0..groups.len() {
                let mut joined = groups.clone();
                joined[at].push(item);
                next.push(joined);
            }
            let mut alone = groups;
            alone.push(vec![item]);
            next.push(alone);
        }
        all = next;
    }
    all
}

/// The `case`-th order of `0..count`.
fn permutation(count: usize, mut case: usize) -> Vec<usize> {
    let mut rest: Vec<usize> = (0..count).collect();
    let mut order = Vec::new();
    while !rest.is_empty() {
        order.push(rest.remove(case % rest.len()));
        case /= rest.len() + 1;
    }
    order
}

fn millis(random: &mut Random, low: u64, high: u64) -> Duration {
    Duration::from_millis(random.between(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_enumerations_are_whole() {
        let partitions = set_partitions(4);
        assert_eq!(partitions.iter().collect::<BTreeSet<_>>().len(), 15, "Bell's number of four");
        assert_eq!((0..24).map(|case| permutation(4, case)).collect::<BTreeSet<_>>().len(), 24);
        let cuts: Vec<Step> = (0..SPLITS as u64).map(|seed| Plan::new("splits", seed).unwrap().steps[2].clone()).collect();
        assert!(cuts.iter().enumerate().all(|(at, cut)| !cuts[..at].contains(cut)), "each once");
        assert!(!cuts.iter().any(|cut| matches!(cut, Step::Mute(from, to) if from == to)));
    }

    #[test]
    fn a_seed_gives_one_plan() {
        for name in NAMES {
            let steps = |seed| Plan::new(name, seed).unwrap().steps;
            assert_eq!(steps(3), steps(3));
            assert_ne!(steps(3), steps(4));
        }
        assert!(Plan::new("mixde", 1).is_none());
    }
}
