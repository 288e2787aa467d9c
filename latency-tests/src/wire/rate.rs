//! How many orders a second are acknowledged: each session keeps so many messages without an answer, and no more.
//!
//! A closed loop: it says what gets through, and nothing of how long anything takes. The client runs on the same cores.

use super::orders::{Answer, PRICE, QTY, client_order_id};
use super::plan::{Plan, Step};
use super::scenario::Scenario;
use super::venue::Venue;
use super::waiting::Waiting;
use crate::appliance;
use crate::figures::Figures;
use crate::fix;
use plinth_gateway::client::Client;
use plinth_node::replay::sockets::Interest;
use std::error::Error;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Messages of a session without an answer.
const UNANSWERED_MAX: u64 = 64;
/// Messages of one run.
const MESSAGES_MAX: u64 = 4_000_000;
const WARM_UP: Duration = Duration::from_secs(1);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// What `rate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RateArgs {
    /// Seconds that count, behind one second that does not
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    duration: u64,
    /// Sessions
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=8))]
    sessions: u8,
    /// How often it is measured
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// The appliance's program
    #[arg(long, default_value_os_t = appliance::beside("plinth"))]
    plinth: PathBuf,
    /// Where the appliance keeps its data; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
}

/// Runs.
pub(crate) fn run(args: &RateArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let duration = Duration::from_secs(args.duration);
    let plain = Scenario::constant(1, 1_000, args.sessions)?;
    let mut answered = true;
    for _ in 0..args.rounds {
        for (durability, suffix) in [("sync", ""), ("async", "_async")] {
            let venue = Venue::appliance(&args.plinth, &args.dir, durability, &plain)?;
            let rate = measure(&venue, args.sessions.into(), duration)?;
            figures.add_round(format!("wire.orders_per_s{suffix}"), rate.orders_per_s);
            figures.add_round(format!("wire.messages_per_s{suffix}"), rate.messages_per_s);
            figures.add_round(format!("wire.rate_unanswered{suffix}"), rate.unanswered as f64);
            answered &= rate.unanswered == 0;
        }
    }
    figures.add("wire.rate_sessions", args.sessions);
    figures.add("wire.rate_in_flight", UNANSWERED_MAX * u64::from(args.sessions));
    Ok(answered)
}

/// What got through in the time that counts.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Orders that were acknowledged, a second.
    orders_per_s: f64,
    /// Orders and cancels that were answered, a second.
    messages_per_s: f64,
    /// Messages that were never answered.
    unanswered: u64,
}

/// Orders and their cancels in turn, over `session_count` sessions, for `duration` behind a second that does not count.
fn measure(venue: &Venue, session_count: usize, duration: Duration) -> Result<Rate, Box<dyn Error>> {
    let logins = venue.logins.iter().take(session_count);
    let mut sessions = logins.clone().map(|login| fix::log_on(venue.fix, login)).collect::<Result<Vec<_>, _>>()?;
    let accounts: Vec<&[u8]> = logins.map(|login| login.account.as_bytes()).collect();
    // Each session has a plan of its own, so its messages are numbered apart.
    let limit = MESSAGES_MAX / session_count as u64;
    let plan = Plan::new(limit, 1, 50);
    let mut counts = vec![Counts::default(); session_count];
    let counts_from = Instant::now() + WARM_UP;
    let end = counts_from + duration;
    let (mut orders, mut messages) = (0_u64, 0_u64);
    while Instant::now() < end || counts.iter().any(|count| count.unanswered() > 0) {
        let now = Instant::now();
        if now >= end + ANSWERED_WITHIN {
            break;
        }
        for ((client, count), account) in sessions.iter_mut().zip(&mut counts).zip(&accounts) {
            while now < end && count.unanswered() < UNANSWERED_MAX && count.sent < limit {
                queue(client, &plan, count.sent, account);
                count.sent += 1;
            }
            client.flush()?;
        }
        let interests = sessions.iter().map(|client| Interest { fd: client.as_raw_fd(), writable: false });
        Waiting::Blocks.until_readable(interests, Duration::from_millis(10))?;
        for (client, count) in sessions.iter_mut().zip(&mut counts) {
            while let Some(message) = client.poll()? {
                let Some(answer) = Answer::of(&message)? else { continue };
                count.answered += 1;
                if (counts_from..end).contains(&Instant::now()) {
                    messages += 1;
                    orders += u64::from(!answer.is_cancel);
                }
            }
        }
    }
    for client in sessions {
        client.logout(Instant::now() + GOODBYE_WITHIN)?;
    }
    if counts.iter().any(|count| count.sent == limit) {
        return Err(format!("a session sent all its {limit} messages before the time was over: take a shorter --duration").into());
    }
    let seconds = duration.as_secs_f64();
    Ok(Rate {
        orders_per_s: orders as f64 / seconds,
        messages_per_s: messages as f64 / seconds,
        unanswered: counts.iter().map(Counts::unanswered).sum(),
    })
}

#[derive(Clone, Debug, Default)]
struct Counts {
    sent: u64,
    answered: u64,
}

impl Counts {
    const fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.answered)
    }
}

fn queue(client: &mut Client, plan: &Plan, index: u64, account: &[u8]) {
    let id = client_order_id(index);
    match plan.step(index) {
        Step::Order => {
            client.queue(b"D", |message| fix::write_limit(message, id.as_bytes(), account, b"1", QTY, PRICE, b"1"));
        }
        Step::Cancel { order } => {
            let order = client_order_id(order);
            client.queue(b"F", |message| fix::write_cancel(message, id.as_bytes(), order.as_bytes(), account, b"1", QTY));
        }
    }
}
