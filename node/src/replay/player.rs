//! Plays a plan through FIX sessions, all on one thread: send what the schedule frees, take what has arrived, wait for sockets.

use super::child::{Listing, Login};
use super::expect::MadeTrade;
use super::plan::{Action, Aim, Plan, PlannedOrder};
use super::reports::{Report, ReportError, TradeKey, TradeState, read};
use super::schedule::{ActionIndex, Schedule};
use super::sockets::{self, Interest};
use super::stages::Stages;
use super::tape::{PRICE_DECIMALS, QTY_DECIMALS, TapeOrderId};
use plinth_gateway::client::{Client, ClientConfig, ClientError};
use plinth_gateway::codec::{Builder, tag};
use plinth_types::command::{OrderPrice, Side};
use plinth_types::id::TimestampNs;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most actions looked at and not answered. More frees hardly any action, and its answers would only queue.
const WINDOW_ACTIONS: usize = 256;
/// An appliance that answers nothing for so long has stopped.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Trades of the last block settle within a few block times.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How often a waiting person is told how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
const LOGON_WITHIN: Duration = Duration::from_secs(20);

/// At which pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Speed {
    /// As fast as the appliance answers
    Max,
    /// As fast as the capture was
    #[value(name = "1x")]
    Tape,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Orders sent.
    pub(super) orders: usize,
    /// Of them, accepted.
    pub(super) orders_accepted: usize,
    /// Of them, refused.
    pub(super) orders_refused: usize,
    /// Of these, those that were refused for another reason than that they would have taken.
    pub(super) refused_otherwise: Vec<TapeOrderId>,
    /// Orders cancelled.
    pub(super) cancels: usize,
    /// Cancels that came too late.
    pub(super) cancels_refused: usize,
    /// Trades in the order in which the appliance numbered them.
    pub(super) trades: Vec<MadeTrade>,
    /// Trades that both firms were told to be available.
    pub(super) trades_available: usize,
    /// Trades that both firms were told to be settled.
    pub(super) trades_settled: usize,
    /// Trades that a firm was told more than once to be in the same state, less resends.
    pub(super) states_repeated: usize,
    /// Latencies.
    pub(super) stages: Stages,
    /// From the first message to the last answer, settlement not counted.
    pub(super) duration: Duration,
}

/// Why the plan was not played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A session failed.
    #[error("session {comp_id}: {error}")]
    Session {
        /// Whose.
        comp_id: String,
        /// How.
        error: ClientError,
    },
    /// The appliance has fewer firms than the plan.
    #[error("the appliance offers {offered} sessions, {needed} are needed")]
    TooFewSessions {
        /// How many it has.
        offered: usize,
        /// How many the plan has.
        needed: usize,
    },
    /// It lists no instrument that the tape can trade in.
    #[error("the appliance lists no {symbol} with {PRICE_DECIMALS} price and {QTY_DECIMALS} quantity decimals or more")]
    NotListed {
        /// Which is needed.
        symbol: &'static str,
    },
    /// A message of the appliance cannot be what it should.
    #[error("session {comp_id}: {error}")]
    Report {
        /// Whose.
        comp_id: String,
        /// What is wrong.
        error: ReportError,
    },
    /// The appliance stopped answering.
    #[error("no answer for {} s with {unanswered} messages under way", SILENCE_MAX.as_secs())]
    Silence {
        /// Messages without an answer.
        unanswered: usize,
    },
    /// Waiting for sockets failed.
    #[error("poll: {0}")]
    Poll(#[from] std::io::Error),
}

/// The tape's instrument.
const SYMBOL: &str = "BTC/USD";

/// Logs the plan's firms on and plays it.
///
/// # Errors
///
/// [`PlayError`]; what was played until then is lost to the caller, not to the appliance.
pub(super) fn play(
    plan: &Plan,
    firm_count: usize,
    speed: Speed,
    address: SocketAddr,
    logins: &[Login],
    listings: &[Listing],
    run: &str,
) -> Result<Played, PlayError> {
    let fits = |listing: &&Listing| {
        listing.symbol == SYMBOL
            && u32::from(listing.price_decimals) >= PRICE_DECIMALS
            && u32::from(listing.qty_decimals) >= QTY_DECIMALS
    };
    listings.iter().find(fits).ok_or(PlayError::NotListed { symbol: SYMBOL })?;
    if logins.len() < firm_count {
        return Err(PlayError::TooFewSessions { offered: logins.len(), needed: firm_count });
    }
    let sessions = logins[..firm_count].iter().map(|login| Session::open(address, login)).collect::<Result<Vec<_>, _>>()?;
    let mut player = Player {
        plan,
        speed,
        run,
        schedule: Schedule::new(plan, WINDOW_ACTIONS),
        sessions,
        orders: vec![Fate::Unsent; plan.orders.len()],
        by_id: plan.orders.iter().enumerate().map(|(index, order)| (order.id, index)).collect(),
        under_way: HashMap::new(),
        trades: HashMap::new(),
        played: Played::default(),
        heard_at: Instant::now(),
    };
    player.play()?;
    player.wait_for_settlement()?;
    Ok(player.leave())
}

struct Player<'a> {
    plan: &'a Plan,
    speed: Speed,
    /// In front of every client order id, so that two runs against one appliance do not meet.
    run: &'a str,
    schedule: Schedule<'a>,
    sessions: Vec<Session>,
    orders: Vec<Fate>,
    by_id: HashMap<TapeOrderId, usize>,
    /// Since when each message waits for its answer, by order and whether it is the cancel.
    under_way: HashMap<(usize, bool), (ActionIndex, Instant)>,
    trades: HashMap<TradeKey, Trade>,
    played: Played,
    heard_at: Instant,
}

/// What the player knows of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unsent,
    /// Sent and not refused or ended as far as heard.
    Open,
    Ended,
}

struct Session {
    client: Client,
    login: Login,
    /// The socket did not take everything.
    blocked: bool,
}

/// A trade as both firms' reports tell it, side by side.
#[derive(Clone, Copy, Debug, Default)]
struct Trade {
    buy: Option<TapeOrderId>,
    sell: Option<TapeOrderId>,
    terms: Option<(plinth_types::quantity::Price, plinth_types::quantity::Qty)>,
    executed_at: Option<Instant>,
    available_at: Option<Instant>,
    /// How many of the two firms heard of each state.
    available: u8,
    settled: u8,
}

impl Session {
    fn open(address: SocketAddr, login: &Login) -> Result<Self, PlayError> {
        let failed = |error| PlayError::Session { comp_id: login.sender_comp_id.clone(), error };
        let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password).reset(true);
        let mut client = Client::connect(address, config).map_err(failed)?;
        client.logon(Instant::now() + LOGON_WITHIN).map_err(failed)?;
        Ok(Self { client, login: login.clone(), blocked: false })
    }

    fn failed(&self, error: ClientError) -> PlayError {
        PlayError::Session { comp_id: self.login.sender_comp_id.clone(), error }
    }
}

impl Player<'_> {
    fn play(&mut self) -> Result<(), PlayError> {
        let started = Instant::now();
        let mut told_at = started;
        let first_ms = self.schedule.next_due_at_ms().unwrap_or(0);
        while !self.schedule.is_done() {
            let due_at_ms = match self.speed {
                Speed::Max => u64::MAX,
                Speed::Tape => first_ms + millis(started.elapsed()),
            };
            self.send_what_is_free(due_at_ms)?;
            let wait = match (self.speed, self.schedule.next_due_at_ms()) {
                (Speed::Tape, Some(next_ms)) if next_ms > due_at_ms => Duration::from_millis(next_ms - due_at_ms),
                (Speed::Tape, _) | (Speed::Max, _) => Duration::from_secs(1),
            };
            self.receive(wait.min(Duration::from_secs(1)))?;
            if told_at.elapsed() >= PROGRESS_EVERY {
                told_at = Instant::now();
                eprintln!("replay: {} of {} orders sent, {} trades", self.played.orders, self.plan.orders.len(), self.trades.len());
            }
            if !self.under_way.is_empty() && self.heard_at.elapsed() > SILENCE_MAX {
                return Err(PlayError::Silence { unanswered: self.under_way.len() });
            }
        }
        self.played.duration = started.elapsed();
        Ok(())
    }

    fn wait_for_settlement(&mut self) -> Result<(), PlayError> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        while Instant::now() < deadline && !self.trades.values().all(|trade| trade.settled >= 2) {
            self.receive(Duration::from_millis(100))?;
        }
        Ok(())
    }

    fn leave(self) -> Played {
        let mut played = self.played;
        let mut numbered: Vec<(TradeKey, Trade)> = self.trades.into_iter().collect();
        numbered.sort_unstable_by_key(|(key, _)| *key);
        for (_, trade) in numbered {
            played.trades_available += usize::from(trade.available >= 2);
            played.trades_settled += usize::from(trade.settled >= 2);
            // A trade that one side alone reported is no trade; the comparison will miss it.
            if let (Some(buy), Some(sell), Some((price, qty))) = (trade.buy, trade.sell, trade.terms) {
                played.trades.push(MadeTrade { buy, sell, price, qty });
            }
        }
        for session in self.sessions {
            // The appliance is about to be stopped or goes on without us: either way nobody waits for this answer.
            let _ = session.client.logout(Instant::now() + Duration::from_secs(2));
        }
        played
    }

    fn send_what_is_free(&mut self, due_at_ms: u64) -> Result<(), PlayError> {
        while let Some(index) = self.schedule.poll(due_at_ms) {
            let action = self.plan.actions[index.get()];
            let order_index = action.order();
            let order = &self.plan.orders[order_index];
            if matches!(action, Action::Cancel { .. }) && self.orders[order_index] != Fate::Open {
                self.schedule.finished(index);
                continue;
            }
            let session = &mut self.sessions[order.firm.get()];
            let account = session.login.account.as_bytes();
            let is_cancel = match action {
                Action::New { .. } => {
                    session.client.queue(b"D", |message| write_order(message, order, account, self.run));
                    self.orders[order_index] = Fate::Open;
                    self.played.orders += 1;
                    false
                }
                Action::Cancel { .. } => {
                    session.client.queue(b"F", |message| write_cancel(message, order, account, self.run));
                    true
                }
            };
            session.blocked = true;
            self.under_way.insert((order_index, is_cancel), (index, Instant::now()));
            self.schedule.sent(index);
        }
        for session in &mut self.sessions {
            if session.blocked {
                session.blocked = !session
                    .client
                    .flush()
                    .map_err(|error| PlayError::Session { comp_id: session.login.sender_comp_id.clone(), error })?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<(), PlayError> {
        let interests = self.sessions.iter().map(|session| Interest { fd: session.client.as_raw_fd(), writable: session.blocked });
        sockets::wait(interests, timeout)?;
        for at in 0..self.sessions.len() {
            loop {
                let session = &mut self.sessions[at];
                let report = match session.client.poll() {
                    Ok(Some(message)) => read(&message, self.run),
                    Ok(None) => break,
                    Err(error) => return Err(session.failed(error)),
                };
                self.heard_at = Instant::now();
                match report {
                    Ok(Some(report)) => self.take(report),
                    Ok(None) => {}
                    Err(error) => {
                        return Err(PlayError::Report { comp_id: self.sessions[at].login.sender_comp_id.clone(), error });
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Accepted { order } => {
                if self.answered(order, false) {
                    self.played.orders_accepted += 1;
                }
            }
            Report::Refused { order, would_take } => {
                self.end(order);
                if self.answered(order, false) {
                    self.played.orders_refused += 1;
                    if !would_take {
                        self.played.refused_otherwise.push(order);
                    }
                }
            }
            Report::Traded { order, trade, side, price, qty, filled } => {
                if filled {
                    self.end(order);
                }
                let entry = self.trades.entry(trade).or_default();
                entry.executed_at.get_or_insert(self.heard_at);
                entry.terms = Some((price, qty));
                match side {
                    Side::Buy => entry.buy = Some(order),
                    Side::Sell => entry.sell = Some(order),
                }
            }
            Report::Cancelled { order, asked } => {
                self.end(order);
                if asked && self.answered(order, true) {
                    self.played.cancels += 1;
                }
            }
            Report::CancelRefused { order } => {
                if self.answered(order, true) {
                    self.played.cancels_refused += 1;
                }
            }
            Report::Settlement { trade, state, again } => self.settlement(trade, state, again),
        }
    }

    fn settlement(&mut self, trade: TradeKey, state: TradeState, again: bool) {
        let entry = self.trades.entry(trade).or_default();
        let heard = match state {
            TradeState::Available => &mut entry.available,
            TradeState::Settled => &mut entry.settled,
        };
        if *heard >= 2 {
            self.played.states_repeated += usize::from(!again);
            return;
        }
        *heard += 1;
        if *heard > 1 {
            return;
        }
        let stages = &mut self.played.stages;
        match state {
            TradeState::Available => {
                entry.available_at = Some(self.heard_at);
                if let Some(executed_at) = entry.executed_at {
                    stages.executed_to_available.record(self.heard_at - executed_at);
                }
            }
            TradeState::Settled => {
                if let Some(available_at) = entry.available_at {
                    stages.available_to_settled.record(self.heard_at - available_at);
                }
                if let Some(executed_at) = entry.executed_at {
                    stages.executed_to_settled.record(self.heard_at - executed_at);
                }
            }
        }
    }

    /// The first answer to a message; `false` for any other.
    fn answered(&mut self, order: TapeOrderId, cancel: bool) -> bool {
        let Some(&order_index) = self.by_id.get(&order) else { return false };
        let Some((action, sent_at)) = self.under_way.remove(&(order_index, cancel)) else { return false };
        let latency = self.heard_at - sent_at;
        if cancel {
            self.played.stages.cancel_ack.record(latency);
        } else {
            self.played.stages.order_ack.record(latency);
        }
        self.schedule.finished(action);
        true
    }

    fn end(&mut self, order: TapeOrderId) {
        if let Some(&order_index) = self.by_id.get(&order) {
            self.orders[order_index] = Fate::Ended;
        }
    }
}

fn write_order(message: &mut Builder, order: &PlannedOrder, account: &[u8], run: &str) {
    message.bytes(tag::CL_ORD_ID, format!("{run}{}", order.id.get()).as_bytes());
    message.bytes(tag::ACCOUNT, account);
    message.bytes(tag::SYMBOL, SYMBOL.as_bytes());
    message.bytes(tag::SIDE, side_code(order.side));
    message.time(tag::TRANSACT_TIME, now());
    message.decimal(tag::ORDER_QTY, i64::try_from(order.qty.lots()).unwrap_or(i64::MAX), QTY_DECIMALS as u8);
    match order.price {
        OrderPrice::Limit(price) => {
            message.bytes(tag::ORD_TYPE, b"2");
            message.decimal(tag::PRICE, price.ticks(), PRICE_DECIMALS as u8);
            message.bytes(tag::TIME_IN_FORCE, b"1");
        }
        OrderPrice::Market => {
            message.bytes(tag::ORD_TYPE, b"1");
            message.bytes(tag::TIME_IN_FORCE, b"3");
        }
    }
    if order.aim == Aim::Rest {
        // Participate, do not initiate.
        message.bytes(tag::EXEC_INST, b"6");
    }
}

fn write_cancel(message: &mut Builder, order: &PlannedOrder, account: &[u8], run: &str) {
    message.bytes(tag::ORIG_CL_ORD_ID, format!("{run}{}", order.id.get()).as_bytes());
    message.bytes(tag::CL_ORD_ID, format!("{run}{}c", order.id.get()).as_bytes());
    message.bytes(tag::ACCOUNT, account);
    message.bytes(tag::SYMBOL, SYMBOL.as_bytes());
    message.bytes(tag::SIDE, side_code(order.side));
    message.time(tag::TRANSACT_TIME, now());
    message.decimal(tag::ORDER_QTY, i64::try_from(order.qty.lots()).unwrap_or(i64::MAX), QTY_DECIMALS as u8);
}

const fn side_code(side: Side) -> &'static [u8] {
    match side {
        Side::Buy => b"1",
        Side::Sell => b"2",
    }
}

fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs::new(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
