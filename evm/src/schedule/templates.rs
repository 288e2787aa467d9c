//! What a contract's entry point touches, as a pattern: which words of the call stand in the keys of which mappings.
//!
//! `transfer(to, amount)` of a token touches the balance of the sender and the balance of its first argument. Seen twice, this is believed; from
//! then on its access set is written down from the call alone, without running it and without hashing. A pattern that turns out different is
//! dropped and learned anew, and given up after some times: then the entry point is run before each block.

use super::observe::{Observation, Place};
use super::{AccessSet, keys};
use crate::ethereum::{Address, U256};
use crate::execution::parallel::account_key;
use crate::limits::{TEMPLATE_SLOTS_MAX, TEMPLATES_MAX};
use crate::machine::TxEnv;
use rustc_hash::FxHashMap;

/// Agreeing observations until a pattern is believed.
const AGREEMENTS: u8 = 2;
/// Disagreements until an entry point is given up.
const DISAGREEMENTS_MAX: u8 = 4;

/// Where a word of a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Constant(U256),
    Sender,
    /// A 32-byte word of the calldata after the selector.
    Argument(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Fixed(U256),
    Mapped { key: Source, base: Box<Self>, field: u64 },
}

/// What an entry point touches, beside its sender and the contract called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    accounts: Vec<(Source, bool)>,
    slots: Vec<(Source, Pattern, bool)>,
}

#[derive(Debug)]
struct Entry {
    template: Template,
    agreements: u8,
    disagreements: u8,
}

/// Patterns by contract and selector.
#[derive(Debug, Default)]
pub(super) struct Templates {
    entries: FxHashMap<(Address, [u8; 4]), Entry>,
}

impl Templates {
    /// The access set by a believed pattern.
    pub(super) fn predict(&self, to: Address, selector: [u8; 4], tx: &TxEnv) -> Option<AccessSet> {
        let entry = self.entries.get(&(to, selector))?;
        (entry.agreements >= AGREEMENTS).then(|| entry.template.access_set(to, tx))
    }

    /// Learns from a run that succeeded.
    pub(super) fn learn(&mut self, to: Address, selector: [u8; 4], tx: &TxEnv, observation: &Observation) {
        if !observation.succeeded || observation.slots.len() > TEMPLATE_SLOTS_MAX {
            return;
        }
        let observed = Template::of(to, tx, observation);
        if self.entries.len() >= TEMPLATES_MAX && !self.entries.contains_key(&(to, selector)) {
            return;
        }
        let entry = self.entries.entry((to, selector)).or_insert_with(|| Entry {
            template: observed.clone(),
            agreements: 0,
            disagreements: 0,
        });
        if entry.template == observed {
            if entry.disagreements < DISAGREEMENTS_MAX {
                entry.agreements = entry.agreements.saturating_add(1);
            }
        } else {
            *entry = Entry { template: observed, agreements: 0, disagreements: entry.disagreements.saturating_add(1) };
        }
    }

    /// Stops believing a pattern whose prediction erred, until it is seen again. The fault may be another transaction's, so it does not count.
    pub(super) fn doubt(&mut self, to: Address, selector: [u8; 4]) {
        if let Some(entry) = self.entries.get_mut(&(to, selector)) {
            entry.agreements = 0;
        }
    }
}

impl Template {
    fn of(to: Address, tx: &TxEnv, observation: &Observation) -> Self {
        let source = |word: U256| {
            let arguments = || (0..tx.data.len().saturating_sub(4) / 32).find(|index| argument(tx, *index) == Some(word));
            // A small number is more likely a constant than the argument that happens to equal it.
            if word == address_word(&tx.caller) {
                Source::Sender
            } else if word > U256::from(u64::MAX) {
                arguments().map_or(Source::Constant(word), Source::Argument)
            } else {
                Source::Constant(word)
            }
        };
        let accounts = observation.accounts.iter().filter(|(address, _)| *address != to && *address != tx.caller);
        let mut accounts: Vec<_> = accounts.map(|(address, written)| (source(address_word(address)), *written)).collect();
        let mut slots: Vec<_> = observation
            .slots
            .iter()
            .map(|(owner, place, written)| (source(address_word(owner)), pattern(place, &source), *written))
            .collect();
        // The journal has no order; a template has.
        accounts.sort_by_cached_key(|entry| format!("{entry:?}"));
        slots.sort_by_cached_key(|entry| format!("{entry:?}"));
        Self { accounts, slots }
    }

    fn access_set(&self, to: Address, tx: &TxEnv) -> AccessSet {
        let mut set = AccessSet::default();
        set.writes.push(account_key(&tx.caller));
        if to != tx.caller {
            set.add(account_key(&to), !tx.value.is_zero());
        }
        for (source, written) in &self.accounts {
            set.add(account_key(&word_address(source.word(tx))), *written);
        }
        for (owner, pattern, written) in &self.slots {
            set.add(pattern.key(account_key(&word_address(owner.word(tx))), tx), *written);
        }
        set
    }
}

impl Source {
    fn word(self, tx: &TxEnv) -> U256 {
        match self {
            Self::Constant(word) => word,
            Self::Sender => address_word(&tx.caller),
            Self::Argument(index) => argument(tx, index).unwrap_or_default(),
        }
    }
}

impl Pattern {
    fn key(&self, account: u64, tx: &TxEnv) -> u64 {
        match self {
            Self::Fixed(slot) => keys::fixed(account, slot),
            Self::Mapped { key, base, field } => keys::mapped(base.key(account, tx), &key.word(tx), *field),
        }
    }
}

fn pattern(place: &Place, source: &impl Fn(U256) -> Source) -> Pattern {
    match place {
        Place::Fixed(slot) => Pattern::Fixed(*slot),
        Place::Mapped { key, base, field } => {
            Pattern::Mapped { key: source(*key), base: Box::new(pattern(base, source)), field: *field }
        }
    }
}

fn argument(tx: &TxEnv, index: usize) -> Option<U256> {
    tx.data.get(4 + index * 32..4 + (index + 1) * 32).map(U256::from_be_slice)
}

fn address_word(address: &Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

fn word_address(word: U256) -> Address {
    Address::from_slice(&word.to_be_bytes::<32>()[12..])
}
