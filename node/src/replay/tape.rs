//! What the files say, and nothing else: `orders.csv.gz` row by row in file order, `trades.csv`.

use flate2::read::GzDecoder;
use plinth_types::command::Side;
use plinth_types::quantity::{Lots, Price, Qty};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Decimal places of a price in the files' display unit, as the plan reads them.
pub(super) const PRICE_DECIMALS: u32 = 2;
/// Decimal places of a quantity.
pub(super) const QTY_DECIMALS: u32 = 8;

/// The venue's number of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TapeOrderId(u64);

impl TapeOrderId {
    /// Wraps a number read from a file or from a client order id.
    #[must_use]
    pub(super) const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub(super) const fn get(self) -> u64 {
        self.0
    }
}

/// What a row reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// The order came.
    Created,
    /// It traded in part.
    Changed,
    /// It is gone: filled, cancelled, or the capture ended.
    Deleted,
}

/// One line of `orders.csv.gz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Which order.
    pub(super) id: TapeOrderId,
    /// When the capture received it, in milliseconds since 1970.
    pub(super) received_at_ms: u64,
    /// When the venue stamped it, in milliseconds since 1970.
    pub(super) exchange_at_ms: u64,
    /// Its limit, as written.
    pub(super) price: Price,
    /// What is left of it.
    pub(super) lots: Lots,
    /// What happened.
    pub(super) kind: RowKind,
    /// Which side.
    pub(super) side: Side,
}

/// One line of `trades.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TapeTrade {
    /// The venue's number of the trade.
    pub(super) id: u64,
    /// When the capture received it, in milliseconds since 1970.
    pub(super) received_at_ms: u64,
    /// At what price.
    pub(super) price: Price,
    /// How much.
    pub(super) qty: Qty,
    /// The order that bought.
    pub(super) buy: TapeOrderId,
    /// The order that sold.
    pub(super) sell: TapeOrderId,
    /// Side of the order that took.
    pub(super) aggressor: Side,
}

impl TapeTrade {
    /// The order that took.
    #[must_use]
    pub(super) const fn taker(&self) -> TapeOrderId {
        match self.aggressor {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }
}

/// Both files.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    /// Order rows in file order.
    pub(super) rows: Vec<Row>,
    /// Trades in file order.
    pub(super) trades: Vec<TapeTrade>,
}

/// Why the files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// A file is missing or broken.
    #[error("{path}: {error}; scripts/sample-data.sh fetches the sample")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A line does not read as what its column says.
    #[error("{path}, line {line}: bad {column}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Which column.
        column: &'static str,
    },
}

impl Tape {
    /// Reads `orders.csv.gz` and `trades.csv` of `folder`.
    ///
    /// # Errors
    ///
    /// [`TapeError`] naming the file, and the line that does not read.
    pub(super) fn read(folder: &Path) -> Result<Self, TapeError> {
        let orders = folder.join("orders.csv.gz");
        let rows = lines(&orders, |file| Box::new(GzDecoder::new(file)), row)?;
        let trades = lines(&folder.join("trades.csv"), |file| Box::new(file), trade)?;
        Ok(Self { rows, trades })
    }
}

type Parse<T> = fn(&mut Columns<'_>) -> Result<T, &'static str>;

fn lines<T>(path: &Path, open: fn(File) -> Box<dyn io::Read>, parse: Parse<T>) -> Result<Vec<T>, TapeError> {
    let failed = |error| TapeError::Io { path: path.to_path_buf(), error };
    let mut reader = BufReader::new(open(File::open(path).map_err(failed)?));
    let mut parsed = Vec::new();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if reader.read_line(&mut line).map_err(failed)? == 0 {
            break;
        }
        if number == 1 {
            continue;
        }
        let mut columns = Columns { rest: Some(line.trim_end()) };
        parsed.push(parse(&mut columns).map_err(|column| TapeError::Line { path: path.to_path_buf(), line: number, column })?);
    }
    Ok(parsed)
}

/// `id,timestamp,exchange_timestamp,price,volume,action,direction`
fn row(columns: &mut Columns<'_>) -> Result<Row, &'static str> {
    Ok(Row {
        id: TapeOrderId(columns.number("id")?),
        received_at_ms: columns.number("timestamp")?,
        exchange_at_ms: columns.number("exchange_timestamp")?,
        price: columns.price()?,
        lots: Lots::new(columns.scaled("volume", QTY_DECIMALS)?),
        kind: match columns.text("action")? {
            "created" => RowKind::Created,
            "changed" => RowKind::Changed,
            "deleted" => RowKind::Deleted,
            _ => return Err("action"),
        },
        side: match columns.text("direction")? {
            "bid" => Side::Buy,
            "ask" => Side::Sell,
            _ => return Err("direction"),
        },
    })
}

/// `trade_id,timestamp,exchange_timestamp,price,amount,buy_order_id,sell_order_id,side`
fn trade(columns: &mut Columns<'_>) -> Result<TapeTrade, &'static str> {
    let id = columns.number("trade_id")?;
    let received_at_ms = columns.number("timestamp")?;
    columns.text("exchange_timestamp")?;
    Ok(TapeTrade {
        id,
        received_at_ms,
        price: columns.price()?,
        qty: Qty::from_lots(columns.scaled("amount", QTY_DECIMALS)?).ok_or("amount")?,
        buy: TapeOrderId(columns.number("buy_order_id")?),
        sell: TapeOrderId(columns.number("sell_order_id")?),
        aggressor: match columns.text("side")? {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err("side"),
        },
    })
}

/// The columns of one line, left to right.
struct Columns<'a> {
    rest: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn text(&mut self, column: &'static str) -> Result<&'a str, &'static str> {
        let rest = self.rest.ok_or(column)?;
        match rest.split_once(',') {
            Some((text, rest)) => {
                self.rest = Some(rest);
                Ok(text)
            }
            None => {
                self.rest = None;
                Ok(rest)
            }
        }
    }

    fn number(&mut self, column: &'static str) -> Result<u64, &'static str> {
        self.text(column)?.parse().map_err(|_| column)
    }

    fn scaled(&mut self, column: &'static str, decimals: u32) -> Result<u64, &'static str> {
        scale(self.text(column)?, decimals).ok_or(column)
    }

    fn price(&mut self) -> Result<Price, &'static str> {
        let ticks = self.scaled("price", PRICE_DECIMALS)?;
        i64::try_from(ticks).ok().and_then(Price::from_ticks).ok_or("price")
    }
}

/// `text` times ten to the `decimals`, exactly; `None` when it is no decimal number or would be rounded. The files write small numbers
/// with an exponent (`6.377e-05`).
fn scale(text: &str, decimals: u32) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = whole.bytes().chain(fraction.bytes());
    let mut value: u64 = 0;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    if whole.is_empty() {
        return None;
    }
    let shift = i32::try_from(decimals).ok()?.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_u64.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { value.checked_mul(power) } else { value.is_multiple_of(power).then_some(value / power) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_scaled_exactly_or_not_at_all() {
        for (text, scaled) in [
            ("78318.0", Some(7_831_800_000_000)),
            ("0.0", Some(0)),
            ("1.53453667", Some(153_453_667)),
            ("6.377e-05", Some(6_377)),
            ("1e-08", Some(1)),
            ("10.0e1", Some(10_000_000_000)),
            ("1e-09", None),
            ("0.123456789", None),
            ("", None),
            (".5", None),
            ("1.2.3", None),
            ("-1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(scale(text, QTY_DECIMALS), scaled, "{text}");
        }
    }

    #[test]
    fn a_line_that_does_not_read_is_named() {
        let mut columns = Columns { rest: Some("1,2,3,78318.0,0.5,created,sideways") };
        assert_eq!(row(&mut columns), Err("direction"));
        let mut columns = Columns { rest: Some("1,2,3") };
        assert_eq!(row(&mut columns), Err("price"));
    }
}
