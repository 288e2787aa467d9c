//! Whether tables are a state that an engine can be in: every link, sum and summary, looked at one after the other.
//!
//! A snapshot comes from a disk or a peer, and the engine's `assert!`s are for bugs, not for input. So whatever the engine relies on is
//! checked here first. Cost: a few passes over all tables, and memory for one number for each balance.

mod books;
mod firms;
mod instruments;
mod lifetimes;
mod pegs;
mod quotes;
mod ties;
mod waiting;

use crate::engine::Engine;
use crate::engine::pool::Mark;
use crate::engine::protection::Guard;
use alloc::vec;
use books::BooksWalk;
use core::fmt;
use plinth_types::id::{AccountId, AssetId, FirmId, InstrumentId, MandateId, QuoteGroupId, SessionId, ZoneId};
use plinth_types::limits::ORDERS_PER_SESSION_MAX;
use plinth_types::page::Touch;
use plinth_types::table::Record;

/// What does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inconsistency {
    /// Custody: counts, names, or sums of balances.
    Custody,
    /// A count is above its bound.
    Counters,
    /// A mandate without account or session, or one beyond the last.
    Mandate(MandateId),
    /// More orders than a session can number, or a suspension that is none.
    Session(SessionId),
    /// What an account is protected from cannot be, or its open orders are not those counted.
    Guarded(AccountId),
    /// An instrument that cannot be listed, a book that lies elsewhere, or one beyond the last.
    Book(InstrumentId),
    /// A book's best prices are not its best, or they cross.
    Best(InstrumentId),
    /// The bitmap does not say which levels of the book hold orders.
    Bitmap(InstrumentId),
    /// The levels outside the window are not sorted, not outside, or not the book's.
    Spill(InstrumentId),
    /// A level's links or sum are wrong, or an order in it is not what it should be.
    Level(InstrumentId),
    /// An order that waits for a trade is not what it should be, or not where it should be.
    Waiting(InstrumentId),
    /// What an instrument's orders must be like cannot be.
    Terms(InstrumentId),
    /// An instrument's calendar cannot be.
    Calendar(InstrumentId),
    /// A change that waits for its date cannot be, or the earliest date is not the one noted.
    Dated,
    /// A firm cannot be, an account is of one that there is not, or its open orders are not those counted.
    Firm(FirmId),
    /// A group of quotes cannot be, or one of its orders is not where it quotes.
    Quotes(QuoteGroupId),
    /// What is said of how long orders live is not what they have.
    Lifetimes,
    /// A pegged order is not what it should be, or not where it should be.
    Pegged(InstrumentId),
    /// Orders are tied as they cannot be, or to none.
    Ties,
    /// Levels, words or spill entries beyond the last book's are not zero.
    Leftover,
    /// The free nodes are not those that no level holds.
    Pool,
    /// The index does not lead to exactly the resting orders.
    Index,
    /// What is reserved is not what the resting orders need.
    Reserved {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
    },
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custody => f.write_str("custody does not add up"),
            Self::Counters => f.write_str("a count is above its bound"),
            Self::Mandate(mandate) => write!(f, "mandate {mandate} cannot be"),
            Self::Session(session) => write!(f, "session {session} cannot be"),
            Self::Guarded(account) => write!(f, "what account {account} is protected from cannot be"),
            Self::Book(instrument) => write!(f, "instrument {instrument} cannot be"),
            Self::Best(instrument) => write!(f, "the best prices of instrument {instrument} are wrong"),
            Self::Bitmap(instrument) => write!(f, "the bitmap of instrument {instrument} is wrong"),
            Self::Spill(instrument) => write!(f, "the spill of instrument {instrument} is wrong"),
            Self::Level(instrument) => write!(f, "a level of instrument {instrument} is wrong"),
            Self::Waiting(instrument) => write!(f, "an order of instrument {instrument} that waits for a trade is wrong"),
            Self::Terms(instrument) => write!(f, "what orders of instrument {instrument} must be like cannot be"),
            Self::Calendar(instrument) => write!(f, "the calendar of instrument {instrument} cannot be"),
            Self::Dated => f.write_str("a change that waits for its date cannot be"),
            Self::Firm(firm) => write!(f, "firm {firm} cannot be"),
            Self::Quotes(group) => write!(f, "quote group {group} cannot be"),
            Self::Lifetimes => f.write_str("how long orders live is not what they have"),
            Self::Pegged(instrument) => write!(f, "a pegged order of instrument {instrument} is wrong"),
            Self::Ties => f.write_str("orders are tied as they cannot be"),
            Self::Leftover => f.write_str("something is left beyond the last book"),
            Self::Pool => f.write_str("the free order nodes are wrong"),
            Self::Index => f.write_str("the order index is wrong"),
            Self::Reserved { account, asset } => {
                write!(f, "what account {account} has reserved of asset {asset} is not what its orders need")
            }
        }
    }
}

impl core::error::Error for Inconsistency {}

/// Checks that the tables are a state that an engine can be in.
///
/// # Errors
///
/// The first [`Inconsistency`] found.
pub fn check<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    if !engine.custody.check_restored() {
        return Err(Inconsistency::Custody);
    }
    check_counters(engine)?;
    firms::check_firms(engine)?;
    check_mandates(engine)?;
    let mut books = BooksWalk::new(engine);
    for instrument in 0..engine.counters.record().instruments {
        books.check(instrument)?;
    }
    books.finish()?;
    instruments::check_instruments(engine)?;
    quotes::check_quotes(engine)?;
    check_guarded(engine)
}

fn check_counters<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    let (counters, capacity) = (engine.counters.record(), &engine.capacity);
    // No run of the appliance counts so far, and a count that could overflow would stop it.
    let endless = [counters.last_seq, counters.trades, counters.inbox].iter().any(|&count| count > u64::MAX / 2);
    let sent = engine.channels.records();
    let unsendable = sent[usize::from(ZoneId::TRADING.get())].sent > 0 || sent.iter().any(|channel| channel.sent > u64::MAX / 2);
    let bounded = !endless
        && !unsendable
        && counters.instruments <= capacity.instruments_max
        && counters.mandates <= capacity.mandates_max
        && counters.levels_used <= capacity.levels_max
        && counters.nodes_used <= capacity.orders_max
        && counters.deadlines <= counters.orders
        && counters.orders <= counters.nodes_used;
    if bounded { Ok(()) } else { Err(Inconsistency::Counters) }
}

fn check_mandates<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    let granted = engine.counters.record().mandates as usize;
    for (at, record) in engine.mandates.records().iter().enumerate() {
        let id = MandateId::new(at as u32);
        let sound = match record.mandate(id) {
            Some(mandate) => {
                at < granted
                    && (1..engine.capacity.sessions_max).contains(&mandate.session.get())
                    && engine.custody.known_account(&mut (), mandate.account).is_ok()
                    && record.guard == guard_of(engine, mandate.session, mandate.account)
            }
            None => at >= granted && *record == Record::ZERO,
        };
        if !sound {
            return Err(Inconsistency::Mandate(id));
        }
    }
    for (session, record) in (0..).map(SessionId::new).zip(engine.sessions.records()) {
        let suspended_max = u8::from(session != SessionId::APPLIANCE);
        if record.orders >= ORDERS_PER_SESSION_MAX || record.suspended > suspended_max {
            return Err(Inconsistency::Session(session));
        }
    }
    Ok(())
}

/// The guard that a mandate of this session on this account has.
fn guard_of<T: Touch>(engine: &Engine<T>, session: SessionId, account: AccountId) -> u8 {
    let of_account = engine.guarded.records()[account.get() as usize].guard();
    let suspended = engine.sessions.records()[usize::from(session.get())].suspended != 0;
    let firm = engine.firms.records()[usize::from(engine.guarded.records()[account.get() as usize].firm)];
    let of_account = of_account | if firm.suspended != 0 { Guard::FIRM_SUSPENDED } else { 0 };
    of_account | if suspended { Guard::SESSION_SUSPENDED } else { 0 }
}

/// Whether each account's protection can be, and counts the open orders that are to be counted. Cost: one pass over all nodes.
fn check_guarded<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    let guarded = engine.guarded.records();
    let mut counted = vec![0_u32; guarded.len()];
    for node in engine.nodes.records().iter().filter(|node| node.order != 0) {
        let record = &guarded[node.account as usize];
        let is_counted = node.marks & Mark::COUNTED != 0;
        if is_counted != (record.orders_max != 0) {
            return Err(Inconsistency::Guarded(AccountId::new(node.account)));
        }
        counted[node.account as usize] += u32::from(is_counted);
    }
    for (account, (record, counted)) in (0..).map(AccountId::new).zip(guarded.iter().zip(counted)) {
        let open = engine.custody.known_account(&mut (), account).is_ok();
        let prevention = if record.group == 0 { record.mode == 0 } else { record.self_match().is_some() };
        if (!open && *record != Record::ZERO) || !prevention || record.suspended > 1 || record.orders != counted {
            return Err(Inconsistency::Guarded(account));
        }
    }
    Ok(())
}
