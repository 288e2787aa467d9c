//! Orders and cancels over FIX on a schedule.

use super::pace::Schedule;
use super::plan::{Plan, Step};
use super::scenario::Scenario;
use super::venue::Venue;
use super::waiting::Waiting;
use crate::figures::histogram;
use crate::fix;
use hdrhistogram::Histogram;
use plinth_gateway::client::{Client, ClientError};
use plinth_gateway::codec::{Message, tag};
use plinth_node::replay::child::Login;
use plinth_node::replay::sockets::Interest;
use std::error::Error;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How long after the last message answers may still come.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// Bids of the sessions: prices that nobody sells at, inside the instrument's window.
pub(super) const PRICE: &[u8] = b"77000.00";
/// Of each order.
pub(super) const QTY: &[u8] = b"0.01000000";

/// What was measured, in nanoseconds of the client's one clock.
#[derive(Debug)]
pub(super) struct Measured {
    /// From the moment an order was due to its report.
    pub(super) order: Histogram<u64>,
    /// From the moment a cancel was due to its report.
    pub(super) cancel: Histogram<u64>,
    /// From the moment a message was due to the moment it was handed to the kernel.
    pub(super) send_late: Histogram<u64>,
    /// From the moment a message was handed to the kernel to its report.
    pub(super) answer: Histogram<u64>,
    /// Messages without an answer.
    pub(super) unanswered: u64,
    /// Bytes of an order.
    pub(super) order_size: usize,
    /// Bytes of its report.
    pub(super) report_size: usize,
}

/// Plays the scenario.
pub(super) fn measure(
    venue: &Venue,
    scenario: &Scenario,
    schedule: &Schedule,
    waiting: Waiting,
) -> Result<Measured, Box<dyn Error>> {
    let session_count = usize::from(scenario.sessions);
    if venue.logins.len() < session_count {
        return Err(format!("{session_count} sessions are asked for, and the venue has {}", venue.logins.len()).into());
    }
    let sessions = venue.logins.iter().take(session_count).enumerate().map(|(index, login)| {
        let pause = scenario.slow_consumer.filter(|_| index >= scenario.prompt_sessions());
        let pause = pause.map(|slow| Duration::from_millis(slow.pause_ms.into()));
        Ok(Session { client: fix::log_on(venue.fix, login)?, login, pause, looks_at: Instant::now() })
    });
    let run = Run {
        sessions: sessions.collect::<Result<_, ClientError>>()?,
        schedule,
        plan: Plan::new(schedule.count(), session_count, scenario.cancel_percent),
        start: Instant::now() + Duration::from_millis(10),
        sent_at: Vec::with_capacity(schedule.count() as usize),
        measured: Measured {
            order: histogram(),
            cancel: histogram(),
            send_late: histogram(),
            answer: histogram(),
            unanswered: schedule.count(),
            order_size: 0,
            report_size: 0,
        },
    };
    run.play(waiting)
}

struct Session<'a> {
    client: Client,
    login: &'a Login,
    /// Of a slow consumer: from one look at its socket to the next.
    pause: Option<Duration>,
    /// When it looks next.
    looks_at: Instant,
}

struct Run<'a> {
    sessions: Vec<Session<'a>>,
    schedule: &'a Schedule,
    plan: Plan,
    start: Instant,
    /// When each message was handed to the kernel.
    sent_at: Vec<Instant>,
    measured: Measured,
}

impl Run<'_> {
    fn play(mut self, waiting: Waiting) -> Result<Measured, Box<dyn Error>> {
        let count = self.schedule.count();
        let deadline = self.schedule.due(self.start, count) + ANSWERED_WITHIN;
        while self.measured.unanswered > 0 && Instant::now() < deadline {
            while self.next() < count && self.schedule.due(self.start, self.next()) <= Instant::now() {
                self.send()?;
            }
            let due = if self.next() < count { self.schedule.due(self.start, self.next()) } else { deadline };
            let look = self.sessions.iter().filter(|session| session.pause.is_some()).map(|session| session.looks_at).min();
            let until = look.map_or(due, |look| look.min(due));
            let prompt = self.sessions.iter().filter(|session| session.pause.is_none());
            let interests = prompt.map(|session| Interest { fd: session.client.as_raw_fd(), writable: false });
            waiting.until_readable(interests, until.saturating_duration_since(Instant::now()))?;
            self.receive()?;
        }
        for session in self.sessions {
            session.client.logout(Instant::now() + GOODBYE_WITHIN)?;
        }
        Ok(self.measured)
    }

    /// Index of the next message.
    const fn next(&self) -> u64 {
        self.sent_at.len() as u64
    }

    fn send(&mut self) -> Result<(), ClientError> {
        let index = self.next();
        let session = &mut self.sessions[self.plan.session(index)];
        let (id, account) = (client_order_id(index), session.login.account.as_bytes());
        match self.plan.step(index) {
            Step::Order => {
                session.client.send(b"D", |message| fix::write_limit(message, id.as_bytes(), account, b"1", QTY, PRICE, b"1"))?;
            }
            Step::Cancel { order } => {
                let order = client_order_id(order);
                session
                    .client
                    .send(b"F", |message| fix::write_cancel(message, id.as_bytes(), order.as_bytes(), account, b"1", QTY))?;
            }
        }
        let sent_at = Instant::now();
        if self.measured.order_size == 0 {
            self.measured.order_size =
                fix::size_of(|message| fix::write_limit(message, id.as_bytes(), account, b"1", QTY, PRICE, b"1"));
        }
        if self.schedule.counts(index) && session.pause.is_none() {
            let late = sent_at.saturating_duration_since(self.schedule.due(self.start, index));
            self.measured.send_late.saturating_record(late.as_nanos() as u64);
        }
        self.sent_at.push(sent_at);
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        for session in &mut self.sessions {
            if let Some(pause) = session.pause {
                if Instant::now() < session.looks_at {
                    continue;
                }
                session.looks_at = Instant::now() + pause;
            }
            while let Some(message) = session.client.poll()? {
                let heard_at = Instant::now();
                let Some(answer) = Answer::of(&message)? else { continue };
                self.measured.unanswered = self.measured.unanswered.saturating_sub(1);
                if !answer.is_cancel {
                    self.measured.report_size = message.bytes().len();
                }
                let Some(&sent_at) = self.sent_at.get(answer.index as usize) else { continue };
                if self.schedule.counts(answer.index) && session.pause.is_none() {
                    let latency = heard_at.saturating_duration_since(self.schedule.due(self.start, answer.index));
                    let histogram = if answer.is_cancel { &mut self.measured.cancel } else { &mut self.measured.order };
                    histogram.saturating_record(latency.as_nanos() as u64);
                    self.measured.answer.saturating_record(heard_at.saturating_duration_since(sent_at).as_nanos() as u64);
                }
            }
        }
        Ok(())
    }
}

/// Which message was answered.
pub(super) struct Answer {
    pub(super) index: u64,
    pub(super) is_cancel: bool,
}

impl Answer {
    /// `None` if it answers none of ours; an error if the venue does not understand us.
    pub(super) fn of(message: &Message<'_>) -> Result<Option<Self>, String> {
        match message.msg_type() {
            b"8" | b"9" => {}
            b"3" | b"j" => return Err(format!("the venue refuses our messages: {message}")),
            _ => return Ok(None),
        }
        let index = message.get(tag::CL_ORD_ID).and_then(index_of);
        Ok(index.map(|index| Self { index, is_cancel: message.get(tag::ORIG_CL_ORD_ID).is_some() }))
    }
}

/// `ClOrdID` of message `index`.
pub(super) fn client_order_id(index: u64) -> String {
    format!("wire-{index:08}")
}

fn index_of(id: &[u8]) -> Option<u64> {
    std::str::from_utf8(id).ok()?.strip_prefix("wire-")?.parse().ok()
}
