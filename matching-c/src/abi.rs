//! What crosses the border: plain structs of fixed layout, and codes. `include/plinth_matching.h` says the same in C.

use plinth_matching::limits::Capacity;
use plinth_types::command::Side;
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::Seq;
use plinth_types::limits::COMMAND_HEAD_SIZE;
use plinth_types::quantity::Price;

/// Counts up when anything here changes.
pub const ABI_VERSION: u32 = 1;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A pointer is null.
    Null = 1,
    /// No engine has this capacity.
    Capacity = 2,
    /// A command cannot be decoded.
    Command = 3,
    /// A command's sequence number is not above the last one.
    Sequence = 4,
    /// The tails are too short for the commands.
    Tail = 5,
    /// Events must be polled first.
    Full = 6,
    /// An argument is out of range.
    Argument = 7,
    /// The zone has refused.
    Refused = 8,
    /// An earlier call found a bug; the engine is of no use any more.
    Poisoned = 9,
}

/// A command: the bytes of a record's head.
pub type CommandBytes = [u8; COMMAND_HEAD_SIZE];

/// How much of everything an engine holds.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CapacityC {
    /// Live orders.
    pub orders_max: u32,
    /// Accounts.
    pub accounts_max: u32,
    /// Instruments.
    pub instruments_max: u32,
    /// Mandates.
    pub mandates_max: u32,
    /// Levels of all price windows together.
    pub levels_max: u32,
    /// Assets.
    pub assets_max: u16,
    /// Session numbers, from 0.
    pub sessions_max: u16,
    /// Levels outside the window, for each book and side.
    pub spill_levels_max: u16,
    /// Zero.
    pub reserved: u16,
}

impl From<Capacity> for CapacityC {
    fn from(capacity: Capacity) -> Self {
        let Capacity {
            orders_max,
            accounts_max,
            assets_max,
            sessions_max,
            instruments_max,
            mandates_max,
            levels_max,
            spill_levels_max,
        } = capacity;
        Self {
            orders_max,
            accounts_max,
            instruments_max,
            mandates_max,
            levels_max,
            assets_max,
            sessions_max,
            spill_levels_max,
            reserved: 0,
        }
    }
}

impl From<CapacityC> for Capacity {
    fn from(capacity: CapacityC) -> Self {
        Self {
            orders_max: capacity.orders_max,
            accounts_max: capacity.accounts_max,
            assets_max: capacity.assets_max,
            sessions_max: capacity.sessions_max,
            instruments_max: capacity.instruments_max,
            mandates_max: capacity.mandates_max,
            levels_max: capacity.levels_max,
            spill_levels_max: capacity.spill_levels_max,
        }
    }
}

/// An instrument to be listed.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct InstrumentC {
    /// Largest order, in lots.
    pub qty_max: u64,
    /// Lowest price of the dense window, in ticks.
    pub window_low: i64,
    /// Its number: the next one.
    pub id: u32,
    /// What is bought and sold.
    pub base: u16,
    /// What is paid.
    pub quote: u16,
    /// Zero-padded printable ASCII.
    pub symbol: [u8; 16],
    /// Decimal places of a price.
    pub price_decimals: u8,
    /// Decimal places of a quantity.
    pub qty_decimals: u8,
    /// The window is `2^window_bits` ticks wide.
    pub window_bits: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// An event. Fields that a kind does not use are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EventC {
    /// The command that caused it.
    pub seq: u64,
    /// Which order; of a trade the resting one.
    pub order: u64,
    /// Of a trade the incoming order.
    pub taker: u64,
    /// Number of the trade, or the index of the inbox message, or the surplus of an indication, or the command that brought a change.
    pub trade: u64,
    /// In ticks.
    pub price: i64,
    /// In lots; of a mass cancel how many orders it took off.
    pub qty: u64,
    /// The account of a credit or withdrawal; the instrument of a phase, an indication, or a change; a quote group.
    pub account: u32,
    /// Their asset.
    pub asset: u16,
    /// What happened.
    pub kind: u8,
    /// The code of a refusal, or why an order ended; of a phase its code; of a surplus 1 for bids, 2 for offers.
    pub reason: u8,
    /// 1 if a replaced order kept its place.
    pub kept_priority: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

const _: () = assert!(size_of::<CapacityC>() == 28 && size_of::<InstrumentC>() == 48 && size_of::<EventC>() == 64);

impl EventC {
    /// An event of the command `seq`.
    #[must_use]
    pub fn of(seq: Seq, event: &Event) -> Self {
        let none = Self { seq: seq.get(), ..Self::default() };
        match *event {
            Event::Accepted { order } => Self { kind: 1, order: order.bits(), ..none },
            Event::Rejected { order, reject } => Self { kind: 2, order: order.bits(), reason: reject.code(), ..none },
            Event::Traded { trade, maker, taker, price, qty } => Self {
                kind: 3,
                order: maker.bits(),
                taker: taker.bits(),
                trade: trade.get(),
                price: price.ticks(),
                qty: qty.lots(),
                ..none
            },
            Event::Cancelled { order, lots, reason } => {
                Self { kind: 4, order: order.bits(), qty: lots.get(), reason: cancel_code(reason), ..none }
            }
            Event::Reduced { order, qty } => Self { kind: 5, order: order.bits(), qty: qty.lots(), ..none },
            Event::Replaced { order, price, qty, kept_priority } => Self {
                kind: 6,
                order: order.bits(),
                price: price.ticks(),
                qty: qty.lots(),
                kept_priority: kept_priority.into(),
                ..none
            },
            Event::CancelRejected { order, reject } => Self { kind: 7, order: order.bits(), reason: reject.code(), ..none },
            Event::MassCancelled { orders } => Self { kind: 8, qty: orders.into(), ..none },
            Event::MassCancelRejected { reject } => Self { kind: 9, reason: reject.code(), ..none },
            Event::Repriced { order, price } => {
                Self { kind: 20, order: order.bits(), price: price.map_or(0, Price::ticks), ..none }
            }
            Event::Triggered { order } => Self { kind: 10, order: order.bits(), ..none },
            Event::Credited { index, account, asset } => {
                Self { kind: 11, trade: index.get(), account: account.get(), asset: asset.get(), ..none }
            }
            Event::InboxRefused { index, reject } => Self { kind: 12, trade: index.get(), reason: reject.code(), ..none },
            Event::InboxIgnored { index, reject } => Self { kind: 13, trade: index.get(), reason: reject.code(), ..none },
            Event::Withdrawn { account, asset, .. } => Self { kind: 14, account: account.get(), asset: asset.get(), ..none },
            Event::WithdrawalRefused { reject } => Self { kind: 15, reason: reject.code(), ..none },
            Event::Configured => Self { kind: 16, ..none },
            Event::Quoted { group } => Self { kind: 25, account: group.get().into(), ..none },
            Event::QuotesRefused { group, reject } => Self { kind: 26, account: group.get().into(), reason: reject.code(), ..none },
            Event::QuotesStopped { group } => Self { kind: 27, account: group.get().into(), ..none },
            Event::TookEffect { instrument, seq } => Self { kind: 24, account: instrument.get(), trade: seq.get(), ..none },
            Event::ConfigurationRefused { reject } => Self { kind: 17, reason: reject.code(), ..none },
            Event::PhaseChanged { instrument, phase } => Self { kind: 18, account: instrument.get(), reason: phase.code(), ..none },
            Event::Indicative { instrument, price, lots, surplus, surplus_side } => Self {
                kind: 19,
                account: instrument.get(),
                price: price.map_or(0, Price::ticks),
                qty: lots.get(),
                trade: surplus.get(),
                reason: match surplus_side {
                    Side::Buy => 1,
                    Side::Sell => 2,
                },
                ..none
            },
        }
    }
}

const fn cancel_code(reason: CancelReason) -> u8 {
    match reason {
        CancelReason::Requested => 1,
        CancelReason::Unfilled => 2,
        CancelReason::NotFillable => 3,
        CancelReason::FundsExhausted => 4,
        CancelReason::ReplacedToFilled => 5,
        CancelReason::MassRequested => 6,
        CancelReason::Disconnected => 7,
        CancelReason::Suspended => 8,
        CancelReason::SelfMatch => 9,
        CancelReason::OwnerRequested => 10,
        CancelReason::NoRoom => 11,
        CancelReason::Requoted => 16,
        CancelReason::QuotesStopped => 17,
        CancelReason::Expired => 12,
        CancelReason::Linked => 18,
    }
}
