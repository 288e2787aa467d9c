//! How instruments trade, and who answers for whom: from the file to what the zone is told.

use super::resolve::{ConfigError, find_account, find_asset, units, value};
use super::rules_schema::{self as schema, Rules, Weekday};
use plinth_gateway::codec::timestamp;
use plinth_types::calendar::{Calendar, Exception, Hours, Step};
use plinth_types::few::Few;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::{FirmId, InstrumentId, QuoteGroupId, SessionId, TimestampNs};
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::quote::QuoteGroup;
use plinth_types::reference::{Account, Asset, Instrument, Phase};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms, TickRow, Volatility};
use std::collections::BTreeMap;
use toml::value::{Datetime, Offset};

/// What the file says of how the market is run.
#[derive(Clone, Debug, Default)]
pub struct MarketRules {
    /// All that holds of each instrument, from its date on: the first of each kind from the beginning. Ascending for each instrument and kind.
    pub changes: Vec<Dated>,
    /// Groups of quotes.
    pub groups: Vec<QuoteGroup>,
    /// Firms, and whether they are suspended.
    pub firms: Vec<(FirmLimits, bool)>,
    /// The firm of every account.
    pub accounts: Vec<FirmAccount>,
    /// How long volatility auctions take, in seconds, where that is said, by number of the instrument.
    pub auctions_s: Vec<Option<u64>>,
}

const DAY_S: u32 = 86_400;
const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;

/// All calendars of the file, by name; the instrument is filled in where one is used.
pub(super) fn calendars(calendars: &[schema::Calendar]) -> Result<BTreeMap<&str, Calendar>, ConfigError> {
    let mut named = BTreeMap::new();
    for calendar in calendars {
        let entry = format!("calendar '{}'", calendar.name);
        if named.insert(calendar.name.as_str(), resolve_calendar(&entry, calendar)?).is_some() {
            return Err(value(&entry, &"is there twice"));
        }
    }
    Ok(named)
}

/// One that asks for nothing.
#[must_use]
pub const fn no_calendar(instrument: InstrumentId) -> Calendar {
    Calendar { instrument, utc_offset_min: 0, weekdays: 0, full: Few::EMPTY, short: Few::EMPTY, exceptions: Few::EMPTY }
}

fn resolve_calendar(entry: &str, calendar: &schema::Calendar) -> Result<Calendar, ConfigError> {
    let mut exceptions = Vec::new();
    for (days, hours) in
        [(&calendar.holidays, Hours::Closed), (&calendar.short_days, Hours::Short), (&calendar.full_days, Hours::Full)]
    {
        for date in days {
            exceptions.push(Exception { day: day_of(entry, date)?, hours });
        }
    }
    exceptions.sort_by_key(|exception| exception.day);
    if let Some(pair) = exceptions.windows(2).find(|pair| pair[0].day == pair[1].day) {
        return Err(value(entry, &format!("one date is said twice, {} days after 1970-01-01", pair[0].day)));
    }
    let resolved = Calendar {
        utc_offset_min: calendar.utc_offset_min,
        weekdays: calendar.weekdays.iter().fold(0, |bits, day| bits | 1 << weekday(*day)),
        full: steps(entry, "steps", &calendar.steps)?,
        short: steps(entry, "short_steps", &calendar.short_steps)?,
        exceptions: few(entry, "dates that are not as their weekday", &exceptions)?,
        ..no_calendar(InstrumentId::new(0))
    };
    if resolved.is_sound() { Ok(resolved) } else { Err(value(entry, &"steps do not ascend, or the offset is no place's on earth")) }
}

const fn weekday(day: Weekday) -> u8 {
    day as u8
}

fn steps<const N: usize>(entry: &str, field: &str, steps: &[schema::Step]) -> Result<Few<Step, N>, ConfigError> {
    let of = |step: &schema::Step| {
        let Datetime { date: None, time: Some(time), offset: None } = step.at else {
            return Err(value(entry, &format!("{field}: {} is no time of day, as 08:30:00", step.at)));
        };
        let second = u32::from(time.hour) * 3_600 + u32::from(time.minute) * 60 + u32::from(time.second);
        if time.nanosecond != 0 || second >= DAY_S {
            return Err(value(entry, &format!("{field}: {} is no full second of a day", step.at)));
        }
        Ok(Step { second, phase: phase(step.phase) })
    };
    few(entry, field, &steps.iter().map(of).collect::<Result<Vec<_>, _>>()?)
}

const fn phase(phase: schema::Phase) -> Phase {
    match phase {
        schema::Phase::Continuous => Phase::Continuous,
        schema::Phase::PreOpen => Phase::PreOpen,
        schema::Phase::OpeningAuction => Phase::OpeningAuction,
        schema::Phase::ClosingAuction => Phase::ClosingAuction,
        schema::Phase::Halt => Phase::Halt,
    }
}

fn few<T: Copy, const N: usize>(entry: &str, field: &str, items: &[T]) -> Result<Few<T, N>, ConfigError> {
    Few::new(items).ok_or_else(|| value(entry, &format!("{field}: {} are more than {N}", items.len())))
}

/// Days since 1970 of a date.
fn day_of(entry: &str, date: &Datetime) -> Result<u32, ConfigError> {
    let Datetime { date: Some(day), time: None, offset: None } = date else {
        return Err(value(entry, &format!("{date} is no date, as 2026-12-25")));
    };
    let text = format!("{:04}{:02}{:02}", day.year, day.month, day.day);
    let days = timestamp::parse_date(text.as_bytes()).and_then(|days| u32::try_from(days).ok());
    days.ok_or_else(|| value(entry, &format!("{date} is not in any calendar")))
}

/// A moment; it must say how far it is from UTC.
fn moment(entry: &str, moment: &Datetime) -> Result<TimestampNs, ConfigError> {
    let wrong = || value(entry, &format!("from: {moment} is no moment, as 2026-12-01T08:00:00Z"));
    let Datetime { date: Some(date), time: Some(time), offset: Some(offset) } = *moment else { return Err(wrong()) };
    let day = day_of(entry, &Datetime { date: Some(date), time: None, offset: None })?;
    let local =
        i64::from(day) * i64::from(DAY_S) + i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second);
    let ahead = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    let utc = u64::try_from(local - ahead).ok().and_then(|utc| utc.checked_mul(SECOND_NS)).ok_or_else(wrong)?;
    Ok(TimestampNs::new(utc + u64::from(time.nanosecond)))
}

/// What holds of an instrument from each date on; a kind that an entry leaves as it was is not said again.
pub(super) fn changes(
    instrument: &Instrument,
    rules: &[Rules],
    calendars: &BTreeMap<&str, Calendar>,
) -> Result<Vec<Dated>, ConfigError> {
    let none = Rules::default();
    let is_dated = rules.first().is_none_or(|first| first.from.is_some());
    let mut changes: Vec<Dated> = Vec::new();
    let mut before: Option<(TimestampNs, [Change; 3])> = None;
    for entry in is_dated.then_some(&none).into_iter().chain(rules) {
        let name = match &entry.from {
            None => format!("rules of instrument '{}'", instrument.symbol),
            Some(from) => format!("rules of instrument '{}' from {from}", instrument.symbol),
        };
        let at = entry.from.as_ref().map_or(Ok(TimestampNs::new(0)), |from| moment(&name, from))?;
        let now = RulesOf { entry: &name, instrument, rules: entry }.resolve(calendars)?;
        let kept = match &before {
            Some((last, _)) if *last >= at => return Err(value(&name, &"dates do not ascend")),
            Some((_, kept)) => now.iter().zip(kept).map(|(now, kept)| now == kept).collect(),
            None => vec![false; now.len()],
        };
        let said = now.iter().zip(kept).filter(|(_, is_kept)| !is_kept);
        changes.extend(said.map(|(change, _)| Dated { at, change: *change }));
        before = Some((at, now));
    }
    Ok(changes)
}

/// One entry of an instrument.
struct RulesOf<'a> {
    entry: &'a str,
    instrument: &'a Instrument,
    rules: &'a Rules,
}

impl RulesOf<'_> {
    fn resolve(&self, calendars: &BTreeMap<&str, Calendar>) -> Result<[Change; 3], ConfigError> {
        let id = self.instrument.id;
        let calendar = match &self.rules.calendar {
            None => no_calendar(id),
            Some(name) => {
                let found = calendars.get(name.as_str());
                let found = found.ok_or_else(|| value(self.entry, &format!("no calendar is named '{name}'")))?;
                Calendar { instrument: id, ..*found }
            }
        };
        Ok([Change::Terms(self.terms()?), Change::Calendar(calendar), Change::Volatility(self.volatility()?)])
    }

    fn terms(&self) -> Result<Terms, ConfigError> {
        let none = Terms::none(self.instrument.id);
        let lot = self.rules.lot.as_ref().map_or(Ok(none.lot), |lot| self.qty("lot", lot))?;
        let qty_min = self.rules.qty_min.as_ref().map_or(Ok(lot), |qty| self.qty("qty_min", qty))?;
        let row = |row: &schema::Tick| {
            let from = i64::try_from(self.ticks("ticks.from", &row.from)?).ok().and_then(Price::from_ticks);
            let from = from.ok_or_else(|| value(self.entry, &"ticks.from is out of range"))?;
            Ok(TickRow { from, ticks: self.distance("ticks.tick", &row.tick)? })
        };
        let rows = self.rules.ticks.iter().map(row).collect::<Result<Vec<_>, ConfigError>>()?;
        let matching = match &self.rules.pro_rata {
            None => Matching::Time,
            Some(shared) => Matching::Size(ProRata {
                top_max: shared.top_max.as_ref().map_or(Ok(Lots::ZERO), |top| self.qty("pro_rata.top_max", top).map(Lots::from))?,
                time_percent: shared.time_percent,
                minimum: self.qty("pro_rata.minimum", &shared.minimum)?,
            }),
        };
        let terms = Terms { lot, qty_min, ticks: few(self.entry, "ticks", &rows)?, matching, ..none };
        if terms.are_sound() {
            Ok(terms)
        } else {
            Err(value(
                self.entry,
                &"ticks do not ascend from above zero, qty_min is no multiple of lot, or time_percent is above 100",
            ))
        }
    }

    fn volatility(&self) -> Result<Volatility, ConfigError> {
        let said = self.rules.volatility.as_ref();
        let reach = |field: &str, text: Option<&String>| text.map(|text| self.distance(field, text)).transpose();
        Ok(Volatility {
            instrument: self.instrument.id,
            from_last: reach("volatility.from_last", said.and_then(|said| said.from_last.as_ref()))?,
            from_auction: reach("volatility.from_auction", said.and_then(|said| said.from_auction.as_ref()))?,
        })
    }

    fn ticks(&self, field: &str, text: &str) -> Result<u128, ConfigError> {
        units(self.entry, field, text, self.instrument.price_decimals)
    }

    /// Ticks between two prices, at least one.
    fn distance(&self, field: &str, text: &str) -> Result<u32, ConfigError> {
        let ticks = u32::try_from(self.ticks(field, text)?).ok().filter(|ticks| (1..u32::MAX).contains(ticks));
        ticks.ok_or_else(|| value(self.entry, &format!("{field} is out of range")))
    }

    fn qty(&self, field: &str, text: &str) -> Result<Qty, ConfigError> {
        let lots = u64::try_from(units(self.entry, field, text, self.instrument.qty_decimals)?).ok();
        lots.and_then(Qty::from_lots).ok_or_else(|| value(self.entry, &format!("{field} is out of range")))
    }
}

/// Groups of quotes, numbered from 1.
pub(super) fn groups(
    groups: &[schema::QuoteGroup],
    accounts: &[Account],
    session: impl Fn(&str, &str) -> Result<SessionId, ConfigError>,
) -> Result<Vec<QuoteGroup>, ConfigError> {
    let of = |(number, group): (u16, &schema::QuoteGroup)| {
        let entry = format!("quote_group {number}");
        let lots_max = group.lots_max.map(|lots| Qty::from_lots(lots).ok_or_else(|| value(&entry, &"lots_max is out of range")));
        if group.fills_max == Some(0) {
            return Err(value(&entry, &"fills_max is at least 1"));
        }
        let window_ns = group.window_ms.checked_mul(MILLISECOND_NS).ok_or_else(|| value(&entry, &"window_ms is out of range"))?;
        Ok(QuoteGroup {
            group: QuoteGroupId::new(number),
            session: session(&entry, &group.session)?,
            account: find_account(&entry, accounts, &group.account)?.id,
            window_ns,
            fills_max: group.fills_max,
            lots_max: lots_max.transpose()?,
        })
    };
    (1..).zip(groups).map(of).collect()
}

/// Limits and kill switch of one firm.
type Limits = (FirmLimits, bool);

/// Firms, numbered from 1, and the firm of every account.
pub(super) fn firms(
    firms: &[schema::Firm],
    accounts: &[Account],
    assets: &[Asset],
) -> Result<(Vec<Limits>, Vec<FirmAccount>), ConfigError> {
    let mut of: Vec<FirmAccount> =
        accounts.iter().map(|account| FirmAccount { account: account.id, firm: FirmId::new(0) }).collect();
    let mut resolved = Vec::new();
    for (number, firm) in (1..).zip(firms) {
        let entry = format!("firm '{}'", firm.name);
        if firm.orders_max == Some(0) {
            return Err(value(&entry, &"orders_max is at least 1"));
        }
        for name in &firm.accounts {
            let account = find_account(&entry, accounts, name)?.id;
            let place = of.iter_mut().find(|own| own.account == account).expect("every account has one");
            if place.firm.get() != 0 {
                return Err(value(&entry, &format!("account '{name}' is of two firms")));
            }
            place.firm = FirmId::new(number);
        }
        let notional_max = firm.notional_max.as_ref().map(|notional| worth(&entry, notional, assets)).transpose()?;
        resolved.push((FirmLimits { firm: FirmId::new(number), orders_max: firm.orders_max, notional_max }, firm.suspended));
    }
    Ok((resolved, of))
}

fn worth(entry: &str, notional: &schema::Notional, assets: &[Asset]) -> Result<Amount, ConfigError> {
    let decimals = find_asset(entry, assets, &notional.asset)?.decimals;
    let worth = Amount::new(units(entry, "notional_max", &notional.amount, decimals)?).filter(|&amount| amount != Amount::ZERO);
    worth.ok_or_else(|| value(entry, &"notional_max is out of range"))
}
