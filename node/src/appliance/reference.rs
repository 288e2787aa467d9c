//! Reference data: what the configuration has beyond what is in force is sequenced; what is in force is never edited.

use super::control::ApplianceRecord;
use super::core::sequence;
use super::start::StartError;
use plinth_gateway::clock::Now;
use plinth_matching::pipeline::Fused;
use plinth_types::reference::{Configuration, SignedMandate};
use std::thread;

/// Sequences what the configuration has beyond what is in force: all of it on the first start.
pub(super) fn sequence_new_reference(zone: &mut Fused, reference: &[Configuration]) -> Result<(), StartError> {
    for item in reference {
        let engine = zone.engine();
        let in_force = match item {
            Configuration::AddAsset(asset) => engine.assets().find(|own| own.id == asset.id).map(Configuration::AddAsset),
            Configuration::OpenAccount(account) => {
                engine.accounts().find(|own| own.id == account.id).map(Configuration::OpenAccount)
            }
            Configuration::ListInstrument(instrument) => engine.instrument(instrument.id).map(Configuration::ListInstrument),
            Configuration::GrantMandate(signed) => {
                let own = engine.mandates().find(|own| own.id == signed.mandate.id);
                own.map(|mandate| Configuration::GrantMandate(SignedMandate { mandate, ..*signed }))
            }
            // What a running zone is told, by its rules or otherwise.
            Configuration::Suspend(_)
            | Configuration::Protect(_)
            | Configuration::SetBands(_)
            | Configuration::SetPhase(_)
            | Configuration::SetQuoteGroup(_)
            | Configuration::SetFirm(_)
            | Configuration::AssignFirm(_)
            | Configuration::Date(_)
            | Configuration::Expire(_) => continue,
        };
        match in_force {
            Some(own) if own == *item => {}
            Some(_) => return Err(StartError::Changed { entry: entry_name(item) }),
            // An empty ring in front of a journal that has just started holds far more than any configuration.
            None => sequence_now(zone, item)?,
        }
    }
    Ok(())
}

pub(super) fn sequence_now(zone: &mut Fused, item: &Configuration) -> Result<(), StartError> {
    let record = ApplianceRecord::Configure(Box::new(*item));
    while sequence(zone, Now::read().utc, &record).is_err() {
        if let Some(error) = zone.failed() {
            return Err(error.clone().into());
        }
        thread::yield_now();
    }
    Ok(())
}

pub(super) fn entry_name(item: &Configuration) -> String {
    match item {
        Configuration::AddAsset(asset) => format!("asset {} ('{}')", asset.id, asset.name),
        Configuration::OpenAccount(account) => format!("account {} ('{}')", account.id, account.name),
        Configuration::ListInstrument(instrument) => format!("instrument {} ('{}')", instrument.id, instrument.symbol),
        Configuration::GrantMandate(signed) => format!("mandate {}", signed.mandate.id),
        Configuration::Suspend(_) => "a suspension".to_owned(),
        Configuration::Protect(protection) => format!("protection of account {}", protection.account),
        Configuration::SetBands(bands) => format!("bands of instrument {}", bands.instrument),
        Configuration::SetPhase(change) => format!("phase of instrument {}", change.instrument),
        Configuration::SetFirm(limits) => format!("firm {}", limits.firm),
        Configuration::AssignFirm(assigned) => format!("the firm of account {}", assigned.account),
        Configuration::SetQuoteGroup(group) => format!("quote group {}", group.group),
        Configuration::Date(dated) => format!("change of instrument {}", dated.change.instrument()),
        Configuration::Expire(expiry) => format!("expiry of instrument {}", expiry.instrument),
    }
}
