//! The matching engine: one deterministic function from sequenced commands to events, with the zone's custody inside.
//!
//! ```text
//! Command ─► apply ─► orders ─► cross ──────► custody        new, cancel; matching; money                 ─► Event
//!                  │     ├─► admit, replace, resting           who is let in, changed; coming to the book and leaving it
//!                  │     │      └─► by_size                        orders of one price by size
//!                  │     ├─► levels, pool, index               where orders rest, and how they are found
//!                  │     └─► protection, firms, guarded_cross  suspensions, limits, bands; self-match prevention
//!                  ├─► phases, auction, volatility            collecting orders, and uncrossing them at one price
//!                  ├─► waiting, triggers                      stops: what waits for a trade, and goes when it comes
//!                  ├─► lifetimes, deadlines, expiry, auction_orders   orders of a day, until a time, for an auction; how they end
//!                  ├─► pegs, pegged_orders, reprice            orders whose price follows others
//!                  ├─► ties, tied_orders, settle_ties, replace_tied     orders whose fate is tied to others'
//!                  ├─► mass_cancel                            all orders that fit
//!                  ├─► quotes                                 mass quotes, and how much of them may trade
//!                  ├─► configure, terms, dated                reference data, at once or at its date; inbox messages
//!                  └─► withdraw                               value that leaves the zone; what owners request through settlement
//! ```
//!
//! **What it does.** Limit and market orders; good-till-cancel, day, good-till-date, at the open, at the close, immediate-or-cancel,
//! fill-or-kill; post-only, icebergs, minimum quantities; stops, stop limits and trailing stops; pegs; pairs and brackets; auctions; cancel; replace. Strict price-time priority, at the resting order's price. Every limit order reserves
//! what it may cost (a buy its price times its quantity of the quote asset, a sell its quantity of the base asset) and is refused
//! without; every fill moves both legs at once; every end of an order releases the rest. Market orders do not reserve: they trade as
//! far as the account can pay or deliver.
//!
//! **Determinism.** State changes only by [`Engine::apply`], as a function of the state and the command alone. All state lies in
//! tables ([`plinth_types::table`]) whose every use is told to a [`Touch`]; see [`crate::state`]. After [`Engine::new`] nothing is
//! allocated. Commands are decoded, never trusted: no command that decodes can panic the engine.
//!
//! **Events** of one command come in this order: the end of orders whose time has come; acceptance or refusal, trades in priority order, the end of what did not trade;
//! then what that did to orders tied to these; then the same of each order that was triggered; then where pegged orders moved.
//!
//! **Replace.** The quantity is the order's total, what has traded included. Its place is kept only if the quantity shrinks at the same
//! price; in every other case, an unchanged order included, it goes to the end of its new level and may trade first. Replacing to the
//! traded quantity ends the order: `Replaced`, then `Cancelled` of zero lots. A post-only order stays post-only.
//!
//! **Numbers.** A new order must carry its session's next number; if it does, the number is used up even if the order is refused.
//!
//! **Protection.** An account without self-match prevention may trade with itself. A suspended session or account may cancel only. See
//! `protection` for limits and bands.
//!
//! **Known limitations.** A mandate is never revoked, it expires;
//! orders under it then rest until a cancel under another mandate of that session and account. A window never moves. An order that
//! would rest is refused at a full pool even if it would trade whole.

mod admit;
mod auction;
mod auction_orders;
pub(crate) mod bitmap;
pub(crate) mod book;
mod by_size;
mod configure;
mod counters;
mod cross;
pub(crate) mod dated;
pub(crate) mod deadlines;
mod expiry;
pub(crate) mod firms;
mod guarded_cross;
pub(crate) mod iceberg;
pub(crate) mod incoming;
pub(crate) mod index;
mod instructed;
pub(crate) mod levels;
pub(crate) mod lifetimes;
pub(crate) mod mandates;
mod marked;
mod mass_cancel;
mod orders;
mod pegged_orders;
pub(crate) mod pegs;
mod phases;
pub(crate) mod pool;
pub(crate) mod protection;
pub(crate) mod quotes;
pub mod region;
mod replace;
mod replace_tied;
pub(crate) mod reprice;
mod resting;
mod settle_ties;
pub(crate) mod spill;
mod status;
pub(crate) mod terms;
mod tied_orders;
pub(crate) mod ties;
pub(crate) mod triggers;
mod volatility;
pub(crate) mod waiting;
mod withdraw;

pub use status::{BestLevel, RestingOrder};

use crate::limits::{CHANNELS_MAX, Capacity, DATED_MAX, FIRMS_MAX, QUOTE_GROUPS_MAX, QUOTE_PLACES_MAX};
use book::Book;
use counters::Counters;
use dated::{CalendarRecord, DatedRecord};
use firms::FirmRecord;
use iceberg::Hidden;
use index::Index;
use levels::Levels;
use lifetimes::Lifetimes;
use mandates::{MandateRecord, SessionRecord};
use pegs::Pegs;
use plinth_clearing::Custody;
use plinth_types::command::{Body, Command};
use plinth_types::event::EventSink;
use plinth_types::page::Touch;
use plinth_types::table::{Region, Single, Table};
use pool::Node;
use protection::Guarded;
use quotes::{GroupRecord, Place, Watch};
use terms::TermsRecord;
use ties::Ties;
use triggers::Alarm;
use waiting::Waiting;
use withdraw::Channel;

/// Entries of the order index for this capacity.
pub(crate) fn index_entries(capacity: &Capacity) -> usize {
    index::entry_count(capacity.orders_max)
}

const REGIONS: usize = region::END - 1;

/// The trading zone: all its books, orders and money.
#[derive(Clone, Debug)]
pub struct Engine<T: Touch = ()> {
    pub(crate) capacity: Capacity,
    pub(crate) touch: T,
    pub(crate) counters: Single<Counters>,
    pub(crate) custody: Custody,
    pub(crate) mandates: Table<MandateRecord>,
    pub(crate) sessions: Table<SessionRecord>,
    pub(crate) books: Table<Book>,
    pub(crate) levels: Levels,
    pub(crate) nodes: Table<Node>,
    pub(crate) index: Index,
    pub(crate) guarded: Table<Guarded>,
    pub(crate) hidden: Table<Hidden>,
    pub(crate) channels: Table<Channel>,
    pub(crate) waiting: Table<Waiting>,
    pub(crate) terms: Table<TermsRecord>,
    pub(crate) dated: Table<DatedRecord>,
    pub(crate) calendars: Table<CalendarRecord>,
    pub(crate) groups: Table<GroupRecord>,
    pub(crate) places: Table<Place>,
    pub(crate) firms: Table<FirmRecord>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) pegs: Pegs,
    pub(crate) ties: Ties,
    /// Not state: `None` between commands.
    pub(crate) alarm: Option<Alarm>,
    /// Not state either.
    pub(crate) watch: Watch,
}

impl<T: Touch> Engine<T> {
    /// An empty zone. Takes all the memory it will ever use.
    ///
    /// # Panics
    ///
    /// If [`Capacity::check`] refuses the capacity.
    #[must_use]
    pub fn new(capacity: Capacity, touch: T) -> Self {
        if let Err(error) = capacity.check() {
            panic!("no engine has this capacity: {error}");
        }
        Self {
            capacity,
            touch,
            counters: Single::new(),
            custody: Custody::new(capacity.accounts_max, capacity.assets_max),
            mandates: Table::new(capacity.mandates_max as usize),
            sessions: Table::new(usize::from(capacity.sessions_max)),
            books: Table::new(capacity.instruments_max as usize),
            levels: Levels::new(&capacity),
            nodes: Table::new(1 + capacity.orders_max as usize),
            index: Index::new(capacity.orders_max),
            guarded: Table::new(capacity.accounts_max as usize),
            hidden: Table::new(1 + capacity.orders_max as usize),
            channels: Table::new(CHANNELS_MAX),
            waiting: Table::new(1 + capacity.orders_max as usize),
            terms: Table::new(capacity.instruments_max as usize),
            dated: Table::new(DATED_MAX),
            calendars: Table::new(capacity.instruments_max as usize),
            groups: Table::new(QUOTE_GROUPS_MAX),
            places: Table::new(QUOTE_GROUPS_MAX * QUOTE_PLACES_MAX),
            firms: Table::new(FIRMS_MAX),
            lifetimes: Lifetimes::new(&capacity),
            pegs: Pegs::new(&capacity),
            ties: Ties::new(),
            alarm: None,
            watch: Watch::default(),
        }
    }

    /// All tables, by number.
    pub(crate) fn regions(&self) -> [&dyn Region; REGIONS] {
        let [census, assets, accounts, balances] = self.custody.regions();
        [
            census,
            assets,
            accounts,
            balances,
            &self.counters,
            &self.mandates,
            &self.sessions,
            &self.books,
            &self.levels.table,
            &self.levels.bitmap.words,
            &self.levels.spill.entries,
            &self.nodes,
            &self.index.entries,
            &self.guarded,
            &self.hidden,
            &self.channels,
            &self.waiting,
            &self.terms,
            &self.dated,
            &self.calendars,
            &self.groups,
            &self.places,
            &self.firms,
            &self.lifetimes.orders,
            &self.lifetimes.lists,
            &self.lifetimes.deadlines,
            &self.pegs.orders,
            &self.pegs.books,
            &self.ties.table,
        ]
    }

    /// All tables, by number, to be filled and then checked.
    pub(crate) fn regions_mut(&mut self) -> [&mut dyn Region; REGIONS] {
        let [census, assets, accounts, balances] = self.custody.regions_mut();
        [
            census,
            assets,
            accounts,
            balances,
            &mut self.counters,
            &mut self.mandates,
            &mut self.sessions,
            &mut self.books,
            &mut self.levels.table,
            &mut self.levels.bitmap.words,
            &mut self.levels.spill.entries,
            &mut self.nodes,
            &mut self.index.entries,
            &mut self.guarded,
            &mut self.hidden,
            &mut self.channels,
            &mut self.waiting,
            &mut self.terms,
            &mut self.dated,
            &mut self.calendars,
            &mut self.groups,
            &mut self.places,
            &mut self.firms,
            &mut self.lifetimes.orders,
            &mut self.lifetimes.lists,
            &mut self.lifetimes.deadlines,
            &mut self.pegs.orders,
            &mut self.pegs.books,
            &mut self.ties.table,
        ]
    }

    /// Executes one command and says what happened. A [`Body::Note`] is the host's own: it changes nothing, not even
    /// [`Engine::last_seq`], since a block body does not contain it.
    ///
    /// Cost: constant, but for the trades it makes, levels outside a window, and fill-or-kill, which looks at each level it would take.
    ///
    /// # Panics
    ///
    /// If the sequence number is not above that of every command applied before: whoever feeds the engine (journal, body reader)
    /// checks it, and to execute a command twice would be worse than to stop.
    #[inline(always)]
    pub fn apply<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        if command.body == Body::Note {
            return;
        }
        let counters = self.counters.get_mut(&mut self.touch);
        let seq = command.seq.get();
        assert!(seq > counters.last_seq, "command {seq} comes after {}", counters.last_seq);
        counters.last_seq = seq;
        self.watch.now = command.time.get();
        // Each is cheap, and one branch is cheaper than three.
        let time = command.time.get();
        if (counters.watched != 0) | counters.is_due(time) | counters.has_date(time) {
            return self.apply_watched(command, tail, sink);
        }
        self.execute(command, tail, sink);
    }

    /// Executes a command of a zone in which more happens than it asks for.
    #[cold]
    fn apply_watched<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        let dated = self.counters.get(&mut self.touch).has_date(command.time.get());
        if dated {
            self.take_effect(command.time, sink);
        }
        if self.counters.get(&mut self.touch).pegged != 0 {
            self.apply_pegged(command, tail, dated, sink);
        } else {
            self.apply_late(command, tail, sink);
        }
    }

    #[inline(always)]
    fn execute<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        match &command.body {
            Body::New(new) if !new.instructed => self.new_order(command, new, sink),
            Body::Cancel { order } => self.cancel(command, *order, sink),
            Body::Replace { order, price, qty } => self.replace(command, *order, *price, *qty, sink),
            Body::New(_)
            | Body::MassCancel(_)
            | Body::MassQuote(_)
            | Body::Configure
            | Body::Inbox
            | Body::Withdraw
            | Body::Note => {
                self.apply_rare(command, tail, sink);
            }
        }
    }

    /// What comes seldom.
    #[cold]
    fn apply_rare<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        match &command.body {
            Body::New(new) => self.instructed_order(command, new, tail, sink),
            Body::MassCancel(mass) => self.mass_cancel(command, mass, sink),
            Body::MassQuote(quotes) => self.mass_quote(command, quotes, tail, sink),
            Body::Configure => self.configure(command, tail, sink),
            Body::Inbox => self.inbox(command, tail, sink),
            Body::Withdraw => self.withdraw(command, tail, sink),
            // The others are above.
            Body::Cancel { .. } | Body::Replace { .. } | Body::Note => {}
        }
    }
}
