//! Reference data.

use crate::Model;
use plinth_types::codec::Codec;
use plinth_types::command::Command;
use plinth_types::event::CancelReason;
use plinth_types::id::{AccountId, AssetId, SessionId};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Configuration, Suspension, Trader};
use plinth_types::reject::Reject;

impl Model {
    pub(crate) fn configure(&mut self, command: &Command, tail: &[u8]) -> Result<(), Reject> {
        if command.session != SessionId::APPLIANCE {
            return Err(Reject::NotMandated);
        }
        let next = |id: u64, expected: usize| {
            if id == expected as u64 { Ok(()) } else { Err(Reject::OutOfSequence { expected: expected as u64 }) }
        };
        match Configuration::decode(tail).map_err(|_| Reject::Malformed)? {
            Configuration::AddAsset(asset) => {
                next(asset.id.get().into(), self.assets)?;
                if self.assets == usize::from(self.capacity.assets_max) {
                    return Err(Reject::CapacityReached);
                }
                self.assets += 1;
            }
            Configuration::OpenAccount(account) => {
                next(account.id.get().into(), self.accounts)?;
                if self.accounts == self.capacity.accounts_max as usize {
                    return Err(Reject::CapacityReached);
                }
                self.accounts += 1;
            }
            Configuration::ListInstrument(instrument) => {
                next(instrument.id.get().into(), self.instruments.len())?;
                self.known_asset(instrument.base)?;
                self.known_asset(instrument.quote)?;
                if instrument.base == instrument.quote || instrument.window_bits < 6 || instrument.window_bits > 20 {
                    return Err(Reject::Contradiction);
                }
                let levels: u64 = self.instruments.iter().map(|listed| 1 << listed.window_bits).sum();
                let full = self.instruments.len() == self.capacity.instruments_max as usize;
                if full || levels + (1 << instrument.window_bits) > self.capacity.levels_max.into() {
                    return Err(Reject::CapacityReached);
                }
                self.instruments.push(instrument);
            }
            Configuration::GrantMandate(signed) => {
                let mandate = signed.mandate;
                next(mandate.id.get().into(), self.mandates.len())?;
                self.known_account(mandate.account)?;
                if mandate.session == SessionId::APPLIANCE {
                    return Err(Reject::Contradiction);
                }
                let full = self.mandates.len() == self.capacity.mandates_max as usize;
                if full || mandate.session.get() >= self.capacity.sessions_max {
                    return Err(Reject::CapacityReached);
                }
                self.mandates.push(mandate);
            }
            Configuration::Suspend(Suspension { trader, suspended }) => {
                match trader {
                    Trader::Session(SessionId::APPLIANCE) => return Err(Reject::Contradiction),
                    Trader::Session(session) if session.get() >= self.capacity.sessions_max => return Err(Reject::CapacityReached),
                    Trader::Session(session) if suspended => drop(self.suspended_sessions.insert(session.get())),
                    Trader::Session(session) => drop(self.suspended_sessions.remove(&session.get())),
                    Trader::Account(account) => {
                        self.known_account(account)?;
                        self.guarded.entry(account.get() as usize).or_default().suspended = suspended;
                    }
                    Trader::Firm(firm) => self.known_firm(firm)?.suspended = suspended,
                }
                if suspended {
                    let firm_of = self.firm_of.clone();
                    self.cancel_all(CancelReason::Suspended, |order| match trader {
                        Trader::Firm(firm) => firm_of.get(&order.account) == Some(&firm),
                        Trader::Session(session) => order.id.session() == session,
                        Trader::Account(account) => order.account == account.get() as usize,
                    });
                }
            }
            Configuration::Protect(protection) => {
                self.known_account(protection.account)?;
                let guarded = self.guarded.entry(protection.account.get() as usize).or_default();
                guarded.self_match = protection.self_match;
                guarded.orders_max = protection.orders_max;
                guarded.notional_max = protection.notional_max.map(Amount::units);
            }
            Configuration::SetPhase(change) => {
                let instrument = change.instrument;
                self.instruments.get(instrument.get() as usize).ok_or(Reject::UnknownInstrument { instrument })?;
                self.change_phase(change)?;
            }
            Configuration::SetFirm(limits) => self.set_firm(limits)?,
            Configuration::AssignFirm(assigned) => self.assign_firm(assigned)?,
            Configuration::SetQuoteGroup(group) => self.set_quote_group(group)?,
            Configuration::Date(dated) => self.keep(command.seq.get(), dated)?,
            Configuration::Expire(expiry) => self.expire_configured(expiry)?,
            Configuration::SetBands(bands) => {
                let instrument = bands.instrument;
                self.instruments.get(instrument.get() as usize).ok_or(Reject::UnknownInstrument { instrument })?;
                if bands.low.ticks() <= 0 || bands.high < bands.low {
                    return Err(Reject::Contradiction);
                }
                self.bands.insert(instrument.get() as usize, bands);
            }
        }
        Ok(())
    }

    pub(crate) fn known_asset(&self, asset: AssetId) -> Result<(), Reject> {
        if usize::from(asset.get()) < self.assets { Ok(()) } else { Err(Reject::UnknownAsset { asset }) }
    }

    pub(crate) fn known_account(&self, account: AccountId) -> Result<(), Reject> {
        if (account.get() as usize) < self.accounts { Ok(()) } else { Err(Reject::UnknownAccount { account }) }
    }
}
