//! The structs of the benchmark's header, `api/matching_engine_api.h`.

/// A new order.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NewOrderC {
    /// The driver's id; one that is not open may come again.
    pub order_id: u64,
    /// The number of the message.
    pub sequence_number: u64,
    /// In ticks.
    pub price_ticks: i64,
    /// In lots.
    pub quantity: u32,
    /// 0 buys, 1 sells.
    pub side: u8,
    /// 1 if what does not trade at once is cancelled.
    pub ioc: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// A cancel.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct CancelC {
    /// Of which order.
    pub order_id: u64,
    /// The number of the message.
    pub sequence_number: u64,
}

/// A modify: the order leaves and comes in anew.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ModifyC {
    /// Which order.
    pub order_id: u64,
    /// The number of the message.
    pub sequence_number: u64,
    /// In ticks.
    pub new_price_ticks: i64,
    /// In lots.
    pub new_quantity: u32,
    /// The order's side.
    pub side: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// One report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ReportC {
    /// One of the kinds below.
    pub kind: u8,
    /// Of the order.
    pub side: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// The message that caused it.
    pub sequence_number: u64,
    /// Which order; 0 of a trade.
    pub order_id: u64,
    /// In ticks; of a trade the resting order's.
    pub price_ticks: i64,
    /// In lots.
    pub quantity: u32,
    /// Zero.
    pub reserved2: u32,
    /// Of a trade the resting order.
    pub maker_order_id: u64,
    /// Of a trade the incoming order.
    pub taker_order_id: u64,
    /// Zero.
    pub reserved3: u64,
}

const _: () = assert!(size_of::<NewOrderC>() == 32 && size_of::<CancelC>() == 16);
const _: () = assert!(size_of::<ModifyC>() == 32 && size_of::<ReportC>() == 64);

/// A new order is in.
pub const ORDER_ACK: u8 = 0;
/// Two orders traded.
pub const TRADE: u8 = 1;
/// An order, or the rest of one that is not to rest, is gone.
pub const CANCEL_ACK: u8 = 2;
/// An order was modified.
pub const MODIFY_ACK: u8 = 3;
/// There is no such order to cancel.
pub const CANCEL_REJECT: u8 = 4;
/// There is no such order to modify.
pub const MODIFY_REJECT: u8 = 5;
