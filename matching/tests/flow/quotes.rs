//! Groups of quotes and what they quote.

use super::{Flow, SESSIONS, Sequenced};
use plinth_types::codec::Codec;
use plinth_types::command::Body;
use plinth_types::id::{AccountId, InstrumentId, OrderId, QuoteGroupId, SessionId};
use plinth_types::quantity::Qty;
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteGroup, QuoteSide};
use plinth_types::reference::Configuration;

impl Flow {
    /// Each session has two groups, on an account of its own: `group` modulo the sessions says which session.
    fn account_of(&self, group: u64) -> u64 {
        group % self.accounts
    }

    /// A group to begin with, or other bounds of it; rarely one that there cannot be.
    pub(super) fn quote_group(&mut self, group: u64) -> Configuration {
        let mut said = QuoteGroup {
            group: QuoteGroupId::new(group as u16),
            session: SessionId::new(1 + (group % SESSIONS) as u16),
            account: AccountId::new(self.account_of(group) as u32),
            window_ns: self.rng.below(60),
            fills_max: self.rng.one_in(2).then_some(1 + self.rng.below(4) as u32),
            lots_max: self.rng.one_in(2).then(|| Qty::from_lots(2 + self.rng.below(12)).unwrap()),
        };
        match self.rng.below(60) {
            0 => said.session = SessionId::APPLIANCE,
            1 => said.session = SessionId::new(5),
            2 => said.account = AccountId::new(6),
            3 => said.account = AccountId::new(((group + 1) % self.accounts) as u32),
            4 => said.group = QuoteGroupId::new(0),
            5 => said.group = QuoteGroupId::new(256),
            _ => {}
        }
        Configuration::SetQuoteGroup(said)
    }

    pub(super) fn mass_quote(&mut self) -> Sequenced {
        let group = 1 + self.rng.below(2 * SESSIONS + u64::from(self.rng.clone().one_in(30)));
        let own = 1 + group % SESSIONS;
        let session = if self.rng.one_in(40) { self.session() } else { own };
        let mandate = if self.rng.one_in(20) {
            self.mandate_of(session)
        } else {
            ((session - 1) * (self.accounts + 2) + self.account_of(group)) as u32
        };
        let entries: Vec<QuoteEntry> = (0..self.rng.below(5)).map(|_| self.quote_entry()).collect();
        let count = entries.len() as u64 + u64::from(self.rng.one_in(50));
        let wanted = self.last[session as usize] + 1 + u64::from(self.rng.one_in(40));
        let first = OrderId::new(SessionId::new(session as u16), wanted).unwrap();
        if wanted == self.last[session as usize] + 1 {
            self.last[session as usize] += 2 * count;
            for (at, entry) in (0..).zip(&entries) {
                for (side, quoted) in (0..).zip([entry.bid, entry.offer]) {
                    if let QuoteSide::Set { price, .. } = quoted {
                        let order = OrderId::new(SessionId::new(session as u16), wanted + 2 * at + side).unwrap();
                        self.recent.push_back((order, mandate, price));
                    }
                }
            }
            while self.recent.len() > 60 {
                self.recent.pop_front();
            }
        }
        let quotes = MassQuote {
            first,
            group: QuoteGroupId::new(group as u16),
            entries: count as u8,
            reset: self.rng.one_in(3),
            clear: self.rng.one_in(8),
        };
        let tail = QuoteEntries::new(&entries).unwrap().to_bytes();
        self.sequenced(SessionId::new(session as u16), mandate, Body::MassQuote(quotes), tail)
    }

    fn quote_entry(&mut self) -> QuoteEntry {
        let instrument = self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(40)));
        let mut side = || match self.rng.below(8) {
            0..3 => QuoteSide::Keep,
            3 => QuoteSide::Withdraw,
            _ => QuoteSide::Set { price: self.price(instrument), qty: self.qty() },
        };
        let (mut bid, mut offer) = (side(), side());
        if let (QuoteSide::Set { price: low, .. }, QuoteSide::Set { price: high, .. }) = (&mut bid, &mut offer)
            && low > high
        {
            core::mem::swap(low, high);
        }
        QuoteEntry { instrument: InstrumentId::new(instrument as u32), bid, offer }
    }
}
