//! What the core says. An event names orders, not sessions or text: whoever consumes events keeps what it needs of each order.
//!
//! Events are a pure function of the commands, so they are never stored: a replay says them again. Within one command they come in
//! this order: the end of orders whose time has passed; acceptance or refusal, trades in priority order, the end of what did not trade; then what that did to orders tied to these; then, for each order that these trades
//! triggered, its own in the same order; last where pegged orders have moved.

use crate::command::Side;
use crate::id::{AccountId, AssetId, InboxIndex, InstrumentId, OrderId, QuoteGroupId, Seq, TradeId, ZoneId};
use crate::quantity::{Amount, Lots, Price, Qty};
use crate::reference::Phase;
use crate::reject::Reject;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The order is in; trades and its end follow, else it rests.
    Accepted {
        /// Which.
        order: OrderId,
    },
    /// The order never was.
    Rejected {
        /// Which.
        order: OrderId,
        /// Why.
        reject: Reject,
    },
    /// What the order waited for has come, a trade or an auction: now it is in as any other; trades and its end follow, else it rests.
    Triggered {
        /// Which.
        order: OrderId,
    },
    /// A pegged order has another price, at the end of the queue there, or is not on the book.
    Repriced {
        /// Which.
        order: OrderId,
        /// Its price; `None` while it has none and waits.
        price: Option<Price>,
    },
    /// Two orders traded, at the resting one's price or that of an auction; both legs have moved.
    Traded {
        /// Number of the trade.
        trade: TradeId,
        /// The resting order; in an auction the offer.
        maker: OrderId,
        /// The incoming order; in an auction the bid.
        taker: OrderId,
        /// At what price.
        price: Price,
        /// How much.
        qty: Qty,
    },
    /// What was left of the order is gone and its reservation released.
    Cancelled {
        /// Which.
        order: OrderId,
        /// What was left.
        lots: Lots,
        /// Why.
        reason: CancelReason,
    },
    /// The order is smaller, by what would have traded with an order of its own group or by what an order that it is tied to did or did not
    /// trade; it is still open, and what was reserved for that is released.
    Reduced {
        /// Which.
        order: OrderId,
        /// By how much.
        qty: Qty,
    },
    /// The order has new terms; trades follow if it now takes.
    Replaced {
        /// Which.
        order: OrderId,
        /// Its limit.
        price: Price,
        /// Its total quantity, what has traded included.
        qty: Qty,
        /// Whether it kept its place in the queue.
        kept_priority: bool,
    },
    /// A cancel or replace was refused; the order is as it was.
    CancelRejected {
        /// Which was named.
        order: OrderId,
        /// Why.
        reject: Reject,
    },
    /// A mass cancel is done; the orders it took off were said before.
    MassCancelled {
        /// How many there were.
        orders: u32,
    },
    /// A mass cancel was refused; no order has changed.
    MassCancelRejected {
        /// Why.
        reject: Reject,
    },
    /// A mass quote was taken; for each entry and side follows what came of it, as for any order.
    Quoted {
        /// Whose quotes.
        group: QuoteGroupId,
    },
    /// A mass quote was refused as a whole; no quote has changed.
    QuotesRefused {
        /// Whose quotes.
        group: QuoteGroupId,
        /// Why.
        reject: Reject,
    },
    /// A bound of the group was reached: the end of all its orders follows, and it does not quote until its session resets it.
    QuotesStopped {
        /// Whose quotes.
        group: QuoteGroupId,
    },
    /// An inbox message was consumed and its amount credited.
    Credited {
        /// Position in the inbox.
        index: InboxIndex,
        /// To whom.
        account: AccountId,
        /// What.
        asset: AssetId,
    },
    /// An inbox message was consumed and refused: its value goes back to whoever sent it, and a request is answered with no.
    InboxRefused {
        /// Position in the inbox.
        index: InboxIndex,
        /// Why.
        reject: Reject,
    },
    /// What came as an inbox message is not the next one, or is none: nothing is consumed, and the right one can still come.
    InboxIgnored {
        /// Where it claims to stand.
        index: InboxIndex,
        /// Why.
        reject: Reject,
    },
    /// Value left the zone: debited here, and a message in the block's outbox.
    Withdrawn {
        /// Whose.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// To which zone, or to the base layer.
        to: ZoneId,
        /// The message's place in the channel there.
        channel_seq: u64,
    },
    /// A withdrawal was refused; no balance has changed.
    WithdrawalRefused {
        /// Why.
        reject: Reject,
    },
    /// An instrument is in this phase now; the trades of an uncrossing follow, or what it would come to.
    PhaseChanged {
        /// Which.
        instrument: InstrumentId,
        /// Its phase.
        phase: Phase,
    },
    /// What an uncrossing would come to now.
    Indicative {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The price; `None` if nothing would trade.
        price: Option<Price>,
        /// How much would trade.
        lots: Lots,
        /// How much would be left at the price.
        surplus: Lots,
        /// On which side; meaningless without a surplus.
        surplus_side: Side,
    },
    /// Reference data changed, or will at its date.
    Configured,
    /// A dated change of an instrument holds from this command on; it comes before all that the command says, or behind `Configured` if
    /// the date is past.
    TookEffect {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The command that brought the change.
        seq: Seq,
    },
    /// A change of reference data was refused.
    ConfigurationRefused {
        /// Why.
        reject: Reject,
    },
}

impl Event {
    /// The orders that it changed: each owner is told once, of its own. A refused cancel changed none.
    pub fn changed(&self) -> impl Iterator<Item = OrderId> {
        let (first, second) = match *self {
            Self::Accepted { order }
            | Self::Rejected { order, .. }
            | Self::Triggered { order }
            | Self::Repriced { order, .. }
            | Self::Cancelled { order, .. }
            | Self::Reduced { order, .. }
            | Self::Replaced { order, .. } => (Some(order), None),
            Self::Traded { maker, taker, .. } => (Some(maker), Some(taker)),
            Self::CancelRejected { .. }
            | Self::Quoted { .. }
            | Self::QuotesRefused { .. }
            | Self::QuotesStopped { .. }
            | Self::MassCancelled { .. }
            | Self::MassCancelRejected { .. }
            | Self::Credited { .. }
            | Self::InboxRefused { .. }
            | Self::InboxIgnored { .. }
            | Self::Withdrawn { .. }
            | Self::WithdrawalRefused { .. }
            | Self::PhaseChanged { .. }
            | Self::Indicative { .. }
            | Self::TookEffect { .. }
            | Self::Configured
            | Self::ConfigurationRefused { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// Why an order ended before it was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Its session asked.
    Requested,
    /// Immediate-or-cancel or market: nothing more to take.
    Unfilled,
    /// Fill-or-kill: the whole could not be had.
    NotFillable,
    /// Market order: the account cannot pay for more.
    FundsExhausted,
    /// The order replaced to its filled quantity has nothing left.
    ReplacedToFilled,
    /// A mass cancel took it.
    MassRequested,
    /// Its session lost its connection.
    Disconnected,
    /// Its session or account was suspended.
    Suspended,
    /// It would have traded with an order of its own group.
    SelfMatch,
    /// The owner of its account had settlement put that before the zone.
    OwnerRequested,
    /// It was triggered, and there is no room on the book for it to rest.
    NoRoom,
    /// Its session quotes something else now, or nothing.
    Requoted,
    /// So much of its group's quotes has traded that none is to stand.
    QuotesStopped,
    /// Its time has passed, its day has ended, or its auction is over.
    Expired,
    /// An order that its fate is tied to traded, ended, or was triggered.
    Linked,
}

/// Takes events as they happen. The core is generic over it, so a bench that counts pays for nothing else.
pub trait EventSink {
    /// Takes one event.
    fn emit(&mut self, event: Event);
}

impl EventSink for alloc::vec::Vec<Event> {
    fn emit(&mut self, event: Event) {
        self.push(event);
    }
}

/// Events may be said to nobody.
impl EventSink for () {
    #[inline]
    fn emit(&mut self, _: Event) {}
}

/// An amount with its asset, as totals list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetAmount {
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
}

crate::record!(AssetAmount { asset, amount });

const _: () = assert!(size_of::<Event>() <= 48, "an event is copied through rings: three quarters of a cache line");
