//! Instruments, accounts and mandates by the names that clients use.

use super::trading_rules::TradingRules;
use crate::limits::{DECIMALS_MAX, LISTED_MAX};
use plinth_types::id::{AccountId, AssetId, InstrumentId, MandateId, SessionId};
use plinth_types::quote::QuoteGroup;
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name};
use std::collections::HashMap;

/// What may be traded, and by whom for whom. Numbers are dense, so tables are indexed by them.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    assets: Vec<Option<Asset>>,
    instruments: Vec<Option<Instrument>>,
    by_symbol: HashMap<Name, InstrumentId>,
    /// By instrument.
    rules: Vec<TradingRules>,
    accounts: Vec<Option<Account>>,
    /// By session, in the order in which they were granted: the first is used when a client names no account.
    mandates: Vec<Vec<Mandate>>,
    /// Number of each account's self-match prevention, 0 for none.
    self_match_groups: Vec<u32>,
    quote_groups: Vec<QuoteGroup>,
}

impl Listing {
    /// Takes one item of configuration. One with the same number replaces it. An instrument or asset with more than [`DECIMALS_MAX`] decimals is
    /// left out, since no number of it could be written, and so is a number beyond [`LISTED_MAX`].
    pub fn add(&mut self, item: &Configuration) {
        match item {
            Configuration::AddAsset(asset) => {
                let is_writable = asset.decimals <= DECIMALS_MAX;
                if let Some(place) = place(&mut self.assets, usize::from(asset.id.get())).filter(|_| is_writable) {
                    *place = Some(*asset);
                }
            }
            Configuration::OpenAccount(account) => {
                if let Some(place) = place(&mut self.accounts, account.id.get() as usize) {
                    *place = Some(*account);
                }
            }
            Configuration::ListInstrument(instrument) => {
                let is_writable = instrument.price_decimals <= DECIMALS_MAX && instrument.qty_decimals <= DECIMALS_MAX;
                if let Some(place) = place(&mut self.instruments, instrument.id.get() as usize).filter(|_| is_writable) {
                    *place = Some(*instrument);
                    self.by_symbol.insert(instrument.symbol, instrument.id);
                }
            }
            Configuration::GrantMandate(signed) => {
                let Some(mandates) = place(&mut self.mandates, usize::from(signed.mandate.session.get())) else { return };
                match mandates.iter_mut().find(|mandate| mandate.id == signed.mandate.id) {
                    Some(mandate) => *mandate = signed.mandate,
                    None => mandates.push(signed.mandate),
                }
            }
            Configuration::Protect(protection) => {
                if let Some(group) = place(&mut self.self_match_groups, protection.account.get() as usize) {
                    *group = protection.self_match.map_or(0, |own| own.group);
                }
            }
            Configuration::SetQuoteGroup(group) => match self.quote_groups.iter_mut().find(|own| own.group == group.group) {
                Some(own) => *own = *group,
                None => self.quote_groups.push(*group),
            },
            Configuration::SetBands(bands) => {
                if let Some(rules) = place(&mut self.rules, bands.instrument.get() as usize) {
                    rules.set_bands(*bands);
                }
            }
            Configuration::Date(dated) => {
                if let Some(rules) = place(&mut self.rules, dated.change.instrument().get() as usize) {
                    rules.keep(*dated);
                }
            }
            // The zone's to refuse: nothing here depends on them.
            Configuration::Suspend(_)
            | Configuration::SetPhase(_)
            | Configuration::SetFirm(_)
            | Configuration::AssignFirm(_)
            | Configuration::Expire(_) => {}
        }
    }

    /// A dated change of an instrument holds from now on.
    pub(super) fn took_effect(&mut self, instrument: InstrumentId) {
        if let Some(rules) = self.rules.get_mut(instrument.get() as usize) {
            rules.take_effect();
        }
    }

    /// What orders of an instrument must be like; `None` while nothing was said.
    pub(super) fn rules(&self, instrument: InstrumentId) -> Option<&TradingRules> {
        self.rules.get(instrument.get() as usize)
    }

    /// Groups of quotes, of all sessions.
    pub(super) fn quote_groups(&self) -> impl Iterator<Item = &QuoteGroup> {
        self.quote_groups.iter()
    }

    /// Whether an account is called so.
    pub(super) fn account_is(&self, account: AccountId, name: &[u8]) -> bool {
        self.account_name(account).is_some_and(|own| own.as_bytes() == name)
    }

    /// The mandate under which a session acts on an account.
    pub(super) fn mandate_on(&self, session: SessionId, account: AccountId) -> Option<MandateId> {
        let mut mandates = self.mandates.get(usize::from(session.get()))?.iter();
        mandates.find(|mandate| mandate.account == account).map(|mandate| mandate.id)
    }

    pub(super) fn by_symbol(&self, symbol: &[u8]) -> Option<&Instrument> {
        let name = core::str::from_utf8(symbol).ok().and_then(Name::new)?;
        self.instrument(*self.by_symbol.get(&name)?)
    }

    /// All instruments.
    pub(super) fn instruments(&self) -> impl ExactSizeIterator<Item = &Instrument> {
        self.instruments.iter().flatten().collect::<Vec<_>>().into_iter()
    }

    #[inline]
    pub(super) fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.get() as usize)?.as_ref()
    }

    /// The mandate under which a session acts on an account: by its name, or the first one granted.
    pub(super) fn mandate(&self, session: SessionId, account: Option<&[u8]>) -> Option<MandateId> {
        let mut mandates = self.mandates.get(usize::from(session.get()))?.iter();
        let mandate = match account {
            None => mandates.next(),
            Some(name) => mandates.find(|mandate| self.account_name(mandate.account).is_some_and(|own| own.as_bytes() == name)),
        };
        mandate.map(|mandate| mandate.id)
    }

    /// Name of the account on which a mandate of a session acts.
    pub(super) fn account_of(&self, session: SessionId, mandate: MandateId) -> Option<&str> {
        self.account_name(self.account(session, mandate)?)
    }

    /// Number of the group within which a mandate's account does not trade.
    pub(super) fn self_match_group(&self, session: SessionId, mandate: MandateId) -> Option<u32> {
        let account = self.account(session, mandate)?;
        self.self_match_groups.get(account.get() as usize).copied().filter(|&group| group != 0)
    }

    fn account(&self, session: SessionId, mandate: MandateId) -> Option<AccountId> {
        let mandates = self.mandates.get(usize::from(session.get()))?;
        mandates.iter().find(|own| own.id == mandate).map(|own| own.account)
    }

    /// The account that one of a session's mandates names: that with this name, or the first one's.
    pub(super) fn mandated_account(&self, session: SessionId, name: Option<&[u8]>) -> Option<AccountId> {
        self.account(session, self.mandate(session, name)?)
    }

    pub(super) fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(usize::from(id.get()))?.as_ref()
    }

    pub(super) fn account_name(&self, id: AccountId) -> Option<&str> {
        self.accounts.get(id.get() as usize)?.as_ref().map(|account| account.name.as_str())
    }
}

/// The place of a number in a table that grows as far as it must.
fn place<T: Default>(table: &mut Vec<T>, index: usize) -> Option<&mut T> {
    if index >= LISTED_MAX {
        return None;
    }
    if table.len() <= index {
        table.resize_with(index + 1, T::default);
    }
    table.get_mut(index)
}
