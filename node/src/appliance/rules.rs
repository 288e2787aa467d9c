//! Rules of the market: what the configuration says and the zone does not have is sequenced, now or for its date.
//!
//! Other than reference data, rules may be edited: the file says what holds from now on. A change that waits in the zone and that the file no
//! longer has is recalled by what the file has for that date.

use super::reference::{entry_name, sequence_now};
use super::start::StartError;
use crate::config::rules::{MarketRules, no_calendar};
use plinth_gateway::clock::Now;
use plinth_matching::engine::Engine;
use plinth_matching::pipeline::Fused;
use plinth_types::firm::FirmLimits;
use plinth_types::id::{InstrumentId, TimestampNs};
use plinth_types::reference::{Configuration, Suspension, Trader};
use plinth_types::terms::{Change, Dated};
use std::mem::{Discriminant, discriminant};

/// Sequences what the file says beyond what holds.
pub(super) fn sequence_rules(zone: &mut Fused, rules: &MarketRules) -> Result<(), StartError> {
    let now = Now::read().utc;
    for item in wanted(rules, zone.engine(), now) {
        if holds(zone.engine(), &item, now) {
            continue;
        }
        sequence_now(zone, &item)?;
        if !holds(zone.engine(), &item, now) {
            return Err(StartError::Refused { entry: entry_name(&item) });
        }
    }
    Ok(())
}

/// All that the file wants to hold: firms before their accounts.
fn wanted(rules: &MarketRules, engine: &Engine<()>, now: TimestampNs) -> Vec<Configuration> {
    let recalled = engine.dated_changes().filter_map(|(_, kept)| {
        let said = rules.changes.iter().rfind(|own| subject(own) == subject(&kept) && own.at <= kept.at)?;
        Some(Dated { at: kept.at, change: said.change })
    });
    let is_in_force = |own: &&Dated| {
        let later = rules.changes.iter().any(|other| subject(other) == subject(own) && other.at > own.at && other.at <= now);
        !later
    };
    let changes = rules.changes.iter().filter(is_in_force).copied().chain(recalled.filter(|kept| kept.at > now));
    let limits = |&(limits, _): &(FirmLimits, bool)| Configuration::SetFirm(limits);
    let switch = |&(FirmLimits { firm, .. }, suspended): &(FirmLimits, bool)| {
        Configuration::Suspend(Suspension { trader: Trader::Firm(firm), suspended })
    };
    let firms = rules.firms.iter().map(limits).chain(rules.accounts.iter().copied().map(Configuration::AssignFirm));
    let firms = firms.chain(rules.firms.iter().map(switch));
    firms.chain(rules.groups.iter().copied().map(Configuration::SetQuoteGroup)).chain(changes.map(Configuration::Date)).collect()
}

/// Of what a change says all.
fn subject(dated: &Dated) -> (InstrumentId, Discriminant<Change>) {
    (dated.change.instrument(), discriminant(&dated.change))
}

/// Whether the zone has it.
fn holds(engine: &Engine<()>, item: &Configuration, now: TimestampNs) -> bool {
    match item {
        Configuration::Date(dated) if dated.at > now => {
            let kept = engine.dated_changes().filter(|(_, kept)| kept.at == dated.at && subject(kept) == subject(dated));
            kept.max_by_key(|(seq, _)| *seq).is_some_and(|(_, kept)| kept.change == dated.change)
        }
        Configuration::Date(Dated { change, .. }) => match change {
            Change::Terms(terms) => engine.terms(terms.instrument) == Some(*terms),
            Change::Volatility(reach) => engine.volatility(reach.instrument) == Some(*reach),
            Change::Calendar(calendar) => {
                engine.calendar(calendar.instrument).unwrap_or(no_calendar(calendar.instrument)) == *calendar
            }
            Change::Bands(_) => true,
        },
        Configuration::SetFirm(limits) => engine.firm(limits.firm).is_some_and(|(own, _)| own == *limits),
        Configuration::AssignFirm(assigned) => engine.firm_of(assigned.account) == Some(assigned.firm),
        Configuration::Suspend(Suspension { trader: Trader::Firm(firm), suspended }) => {
            engine.firm(*firm).is_some_and(|(_, own)| own == *suspended)
        }
        Configuration::SetQuoteGroup(group) => engine.quote_group(group.group) == Some(*group),
        // Not of these rules.
        Configuration::AddAsset(_)
        | Configuration::OpenAccount(_)
        | Configuration::ListInstrument(_)
        | Configuration::GrantMandate(_)
        | Configuration::Suspend(_)
        | Configuration::Protect(_)
        | Configuration::SetBands(_)
        | Configuration::SetPhase(_)
        | Configuration::Expire(_) => true,
    }
}
