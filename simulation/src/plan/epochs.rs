//! Committees that change, one validator at a time, while things break around the ends of epochs.

use super::{Moment, Plan, Step, calm, millis, weather};
use crate::limits::{EPOCH_KEYS, VALIDATORS_MIN};
use crate::random::Random;

/// A plan of a few changes, each with another trouble.
pub(super) fn plan(random: &mut Random) -> Plan {
    let mut all: Vec<usize> = (0..EPOCH_KEYS).collect();
    random.shuffle(&mut all);
    let mut committee = all[..VALIDATORS_MIN].to_vec();
    let mut plan = calm("epochs", vec![Step::Run(millis(random, 500, 1_500))]);
    plan.validators = EPOCH_KEYS;
    plan.committee.clone_from(&committee);
    plan.epoch_blocks = random.between(8, 24) as u32;
    plan.weather = weather(random);
    for change in 0..random.between(2, 5) {
        let (leaving, victim) = (random.below(4) as usize, random.below(4) as usize);
        let outside: Vec<usize> = (0..EPOCH_KEYS).filter(|index| !committee.contains(index)).collect();
        committee[leaving] = random.pick(&outside);
        plan.steps.push(Step::Decide(committee.clone()));
        let down = committee[if victim == leaving { (victim + 1) % 4 } else { victim }];
        match if change == 0 { 0 } else { random.below(4) } {
            // One is down while its committee changes, and the rest is cut in two until shortly before the end or behind it.
            0 => {
                let mut order = (0..EPOCH_KEYS).collect::<Vec<usize>>();
                random.shuffle(&mut order);
                plan.steps.extend([Step::Run(millis(random, 200, 1_000)), Step::Kill(down)]);
                plan.steps.push(Step::AwaitEpochEnd(random.between(0, 3)));
                let (left, right) = order.split_at(EPOCH_KEYS / 2);
                plan.steps.push(Step::Split(vec![left.to_vec(), right.to_vec()]));
                plan.steps.extend([Step::Run(millis(random, 500, 3_000)), Step::Heal]);
                plan.steps.extend([Step::AwaitCommittee, Step::Run(millis(random, 200, 2_000)), Step::Start(down)]);
            }
            // All lose power about the end of an epoch.
            1 => {
                let mut order = (0..EPOCH_KEYS).collect::<Vec<usize>>();
                random.shuffle(&mut order);
                plan.steps.push(Step::AwaitEpochEnd(random.between(0, 2)));
                plan.steps.extend([Step::Await(random.pick(&Moment::ALL)), Step::PowerLoss { order, torn: random.one_in(2) }]);
            }
            // Its end is not heard by one.
            2 => {
                plan.steps.extend([Step::AwaitEpochEnd(random.between(0, 2))]);
                plan.steps.push(Step::Flap { validator: down, times: 3, period: millis(random, 100, 900) });
            }
            // Nothing happens but the change.
            _ => {}
        }
        plan.steps.extend([Step::AwaitCommittee, Step::Run(millis(random, 200, 1_500))]);
    }
    plan.steps.push(Step::Settle);
    plan
}
