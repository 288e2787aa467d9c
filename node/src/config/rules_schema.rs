//! How instruments trade, and who answers for whom, as it is written: calendars, rules of instruments, quote groups, firms.
//!
//! Times and dates are TOML's own, without quotes.

use serde::{Deserialize, Serialize};
use toml::value::Datetime;

/// When instruments trade.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// As rules name it.
    pub name: String,
    /// How far local time is ahead of UTC, in minutes.
    #[serde(default)]
    pub utc_offset_min: i64,
    /// Days of the week with trading.
    pub weekdays: Vec<Weekday>,
    /// What an ordinary day brings, ascending.
    pub steps: Vec<Step>,
    /// What a short day brings.
    #[serde(default)]
    pub short_steps: Vec<Step>,
    /// Dates without trading.
    #[serde(default)]
    pub holidays: Vec<Datetime>,
    /// Dates that are short days.
    #[serde(default)]
    pub short_days: Vec<Datetime>,
    /// Dates that are ordinary days, whatever their weekday.
    #[serde(default)]
    pub full_days: Vec<Datetime>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// From a time of day on, an instrument is in a phase.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Local time, to the second.
    pub at: Datetime,
    /// The phase.
    pub phase: Phase,
}

/// What an instrument's market does. A day ends with the first pre-open behind other phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Orders trade as they come.
    Continuous,
    /// Orders are collected.
    PreOpen,
    /// Orders are collected for the auction that opens.
    OpeningAuction,
    /// Orders are collected for the auction that closes.
    ClosingAuction,
    /// Only cancels are taken.
    Halt,
}

/// How an instrument trades from a date on. An entry says all of it: what it leaves out is as it is without any entry.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// From when on, with an offset; the first entry of an instrument has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Datetime>,
    /// Name of the calendar that it follows. Without one it trades continuously, and an order of the day stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Quantities are multiples of it, decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The smallest quantity, decimal; by default the lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty_min: Option<String>,
    /// The tick table, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticks: Vec<Tick>,
    /// Orders of one price share what comes by their size; without this the oldest is first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pro_rata: Option<ProRata>,
    /// How far it trades without an interruption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility: Option<Volatility>,
}

/// A row of a tick table.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// The first price, decimal.
    pub from: String,
    /// Prices from there on are multiples of it, decimal.
    pub tick: String,
}

/// How orders of one price share what comes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProRata {
    /// Most that the order that bettered the market takes before all others, decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_max: Option<String>,
    /// How much of the rest goes to the oldest orders, 0 to 100.
    #[serde(default)]
    pub time_percent: u8,
    /// A share by size that is smaller is nothing, decimal.
    pub minimum: String,
}

/// How far from where the market was an instrument trades.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Volatility {
    /// From the last trade, a distance of prices, decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_last: Option<String>,
    /// From the price of the last auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_auction: Option<String>,
}

/// A market maker's quotes, which are protected together. Groups are numbered from 1, in the order of the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteGroup {
    /// `comp_id` of the session that quotes.
    pub session: String,
    /// Name of the account.
    pub account: String,
    /// The length of a window, in milliseconds.
    pub window_ms: u64,
    /// Fills within a window after which no more quotes stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fills_max: Option<u32>,
    /// The same in lots, smallest units of quantity, of all its instruments together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lots_max: Option<u64>,
}

/// Accounts that are answered for together. Firms are numbered from 1, in the order of the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Firm {
    /// As messages call it.
    pub name: String,
    /// Its accounts.
    pub accounts: Vec<String>,
    /// Most open orders of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_max: Option<u32>,
    /// Most that one order may be worth, decimal, in an asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional_max: Option<Notional>,
    /// The kill switch: its accounts may only cancel, and what they have on the books goes.
    #[serde(default)]
    pub suspended: bool,
}

/// A value of orders.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notional {
    /// Decimal.
    pub amount: String,
    /// Name of the asset that has the amount's decimals. Orders in other assets are compared in their own smallest units.
    pub asset: String,
}
