//! Every bound of the shared formats, by name. Sizes follow from counts; the assertions say which argument fails if one is wrong.

/// Bytes of a [`crate::command::Command`] head on disk and on the wire.
pub const COMMAND_HEAD_SIZE: usize = 64;
/// Longest variable tail of a command, in bytes.
pub const COMMAND_TAIL_SIZE_MAX: usize = 1_024;
/// Longest client order id (`ClOrdID`, FIX tag 11), in bytes.
pub const CLIENT_ORDER_ID_SIZE_MAX: usize = 36;
/// Largest absolute price, in ticks.
pub const PRICE_TICKS_MAX: i64 = 1 << 47;
/// Largest order, in lots.
pub const QTY_LOTS_MAX: u64 = 1 << 56;
/// Largest amount of one asset anywhere, in the asset's smallest unit. Sums of two stay far below `u128::MAX`.
pub const AMOUNT_MAX: u128 = 1 << 120;
/// Longest display name of an asset, instrument or account, in bytes.
pub const NAME_SIZE_MAX: usize = 16;
/// Most assets that one zone header may total.
pub const HEADER_ASSETS_MAX: usize = 64;
/// Most messages that one zone block may refuse.
pub const HEADER_REFUSED_MAX: usize = 256;
/// Most messages that one zone block may send.
pub const OUTBOX_MESSAGES_MAX: usize = 256;
/// Deepest tree of exits: a leaf's index has as many bits.
pub const EXIT_DEPTH_MAX: usize = 40;
/// Most bytes of one zone block body.
pub const BODY_SIZE_MAX: usize = 4 << 20;
/// Most records in one zone block body.
pub const BODY_COMMANDS_MAX: usize = BODY_SIZE_MAX / COMMAND_HEAD_SIZE;
/// Most rows of an instrument's tick table. The tables of European law have 19.
pub const TICK_ROWS_MAX: usize = 20;
/// Most steps of one trading day.
pub const CALENDAR_STEPS_MAX: usize = 12;
/// Most days on which a calendar's hours are not those of their weekday.
pub const CALENDAR_EXCEPTIONS_MAX: usize = 64;
/// How far a calendar is searched for a trading day, in days.
pub const CALENDAR_SEARCH_DAYS_MAX: u32 = 400;
/// Most instruments that one mass quote names.
pub const QUOTE_ENTRIES_MAX: usize = 20;
/// Bytes of one state page.
pub const PAGE_SIZE: usize = 512;
/// Highest session number; the session has 16 bits of an [`crate::id::OrderId`] of which the value 0 is the appliance itself.
pub const SESSIONS_MAX: u16 = u16::MAX;
/// Most orders one session may ever make: the low 48 bits of an [`crate::id::OrderId`].
pub const ORDERS_PER_SESSION_MAX: u64 = 1 << 48;

const _: () = assert!(COMMAND_TAIL_SIZE_MAX <= u16::MAX as usize, "the tail length is two bytes");
const _: () = assert!(PAGE_SIZE.is_power_of_two(), "records divide a page");
// A notional is a price times a quantity; it must stay an amount.
const _: () = assert!((PRICE_TICKS_MAX as u128) * (QTY_LOTS_MAX as u128) <= AMOUNT_MAX);
