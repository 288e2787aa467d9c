//! Owners that deposit, and send again until it is ordered: honest ones, and one that signs two deposits of one number.

use crate::chain::Chain;
use crate::limits::ASSETS;
use crate::random::Random;
use plinth_settlement::block::SignedDeposit;
use plinth_settlement::ledger::State;
use plinth_types::id::{AssetId, TimestampNs, ZoneId};
use std::collections::BTreeMap;

/// How many deposits an owner has under way.
const IN_FLIGHT: u64 = 3;
/// Until an owner sends again.
const RETRY_NS: u64 = 500_000_000;
/// The largest deposit.
const UNITS_MAX: u64 = 50;

/// One owner.
#[derive(Debug)]
pub(crate) struct Owner {
    index: usize,
    zones: Vec<ZoneId>,
    spends_twice: bool,
    next: u64,
    waiting: BTreeMap<u64, Pending>,
    ordered: Vec<SignedDeposit>,
}

#[derive(Debug)]
struct Pending {
    /// One, or two that contradict each other.
    signed: Vec<SignedDeposit>,
    try_at: u64,
}

/// One deposit on its way to a validator.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) signed: SignedDeposit,
    pub(crate) kind: Kind,
}

/// Why it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is new, or not ordered yet.
    Wanted,
    /// It was ordered long ago.
    Replay,
}

impl Owner {
    pub(crate) const fn new(index: usize, zones: Vec<ZoneId>, spends_twice: bool) -> Self {
        Self { index, zones, spends_twice, next: 1, waiting: BTreeMap::new(), ordered: Vec::new() }
    }

    pub(crate) const fn spends_twice(&self) -> bool {
        self.spends_twice
    }

    /// Whether all that it signed is ordered.
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What it sends now; `more` lets it sign something new.
    pub(crate) fn advance(
        &mut self,
        chain: &Chain,
        state: &State,
        now: TimestampNs,
        more: bool,
        random: &mut Random,
    ) -> Vec<Sending> {
        let last = state.deposit_nonce(&chain.owners[self.index].public_key());
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= last) {
            self.ordered.extend(entry.remove().signed);
        }
        if more && (self.waiting.len() as u64) < IN_FLIGHT && random.one_in(5) {
            let copies = if self.spends_twice { 2 } else { 1 };
            let signed = (0..copies).map(|_| self.sign(chain, random)).collect();
            self.waiting.insert(self.next, Pending { signed, try_at: 0 });
            self.next += 1;
        }
        let mut sendings = Vec::new();
        for pending in self.waiting.values_mut().filter(|pending| pending.try_at <= now.get()) {
            pending.try_at = now.get() + RETRY_NS;
            sendings.extend(pending.signed.iter().map(|&signed| Sending { signed, kind: Kind::Wanted }));
        }
        if more && !self.ordered.is_empty() && random.one_in(20) {
            sendings.push(Sending { signed: random.pick(&self.ordered), kind: Kind::Replay });
        }
        sendings
    }

    fn sign(&self, chain: &Chain, random: &mut Random) -> SignedDeposit {
        let asset = AssetId::new(random.below(u64::from(ASSETS)) as u16);
        let units = u128::from(random.between(1, UNITS_MAX));
        chain.deposit(self.index, self.next, random.pick(&self.zones), asset, units)
    }
}
