//! Instruments, accounts and mandates by the names that clients use.

use crate::limits::DECIMALS_MAX;
use plinth_types::id::{AccountId, InstrumentId, MandateId, SessionId};
use plinth_types::reference::{Account, Configuration, Instrument, Mandate};
use std::collections::HashMap;

/// What may be traded, and by whom for whom.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    instruments: HashMap<InstrumentId, Instrument>,
    by_symbol: HashMap<Vec<u8>, InstrumentId>,
    accounts: HashMap<AccountId, Account>,
    /// In the order in which they were granted: the first is used when a client names no account.
    mandates: HashMap<SessionId, Vec<Mandate>>,
}

impl Listing {
    /// Takes one item of configuration. One with the same number replaces it. An instrument with more than [`DECIMALS_MAX`] decimals is
    /// left out: no price of it could be written.
    pub fn add(&mut self, item: &Configuration) {
        match item {
            Configuration::AddAsset(_) => {}
            Configuration::OpenAccount(account) => {
                self.accounts.insert(account.id, *account);
            }
            Configuration::ListInstrument(instrument) => {
                if instrument.price_decimals <= DECIMALS_MAX && instrument.qty_decimals <= DECIMALS_MAX {
                    self.by_symbol.insert(instrument.symbol.as_str().as_bytes().to_vec(), instrument.id);
                    self.instruments.insert(instrument.id, *instrument);
                }
            }
            Configuration::GrantMandate(signed) => {
                let mandates = self.mandates.entry(signed.mandate.session).or_default();
                match mandates.iter_mut().find(|mandate| mandate.id == signed.mandate.id) {
                    Some(mandate) => *mandate = signed.mandate,
                    None => mandates.push(signed.mandate),
                }
            }
        }
    }

    pub(super) fn by_symbol(&self, symbol: &[u8]) -> Option<&Instrument> {
        self.instruments.get(self.by_symbol.get(symbol)?)
    }

    pub(super) fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(&id)
    }

    /// The mandate under which a session acts on an account: by its name, or the first one granted.
    pub(super) fn mandate(&self, session: SessionId, account: Option<&[u8]>) -> Option<MandateId> {
        let mut mandates = self.mandates.get(&session)?.iter();
        let mandate = match account {
            None => mandates.next(),
            Some(name) => mandates.find(|mandate| self.account_name(mandate.account).is_some_and(|own| own.as_bytes() == name)),
        };
        mandate.map(|mandate| mandate.id)
    }

    /// Name of the account on which a mandate of a session acts.
    pub(super) fn account_of(&self, session: SessionId, mandate: MandateId) -> Option<&str> {
        let mandate = self.mandates.get(&session)?.iter().find(|own| own.id == mandate)?;
        self.account_name(mandate.account)
    }

    fn account_name(&self, id: AccountId) -> Option<&str> {
        self.accounts.get(&id).map(|account| account.name.as_str())
    }
}
