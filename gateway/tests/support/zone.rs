//! The trading zone's own engine behind a journal in memory: what scenarios trade on.

use super::firms;
use plinth_gateway::market::{MarketView, ViewLevel};
use plinth_gateway::zone::Holding;
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, Side};
use plinth_types::digest::Digest;
use plinth_types::event::Event;
use plinth_types::few::Few;
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, PublicKey, QuoteGroupId, Seq, SessionId, TimestampNs, ZoneId,
};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::quote::QuoteGroup;
use plinth_types::reference::{Bands, Configuration, Phase, PhaseChange, Protection, SelfMatch, SelfMatchMode};
use plinth_types::terms::{Change, Dated, Terms, TickRow, Volatility};
use plinth_types::transfer::{Address, Party};

/// What every account has of every asset: more than any order needs.
const FUNDS: u128 = 10_u128.pow(30);
const ASSETS: u16 = 3;

pub struct TradingZone {
    engine: Engine,
    /// Commands executed before the journal's first.
    opening: u64,
}

impl TradingZone {
    /// With the reference data of [`firms`] and funds on every account.
    pub fn open() -> Self {
        let capacity = Capacity {
            orders_max: 1 << 19,
            accounts_max: 8,
            assets_max: 4,
            sessions_max: 16,
            instruments_max: 4,
            mandates_max: 16,
            levels_max: 1 << 11,
            spill_levels_max: 4_096,
        };
        let mut zone = Self { engine: Engine::new(capacity, ()), opening: 0 };
        for item in firms::reference() {
            zone.prepare(Body::Configure, &item.to_bytes());
        }
        let mut index = InboxIndex::new(0);
        for account in 0..3 {
            for asset in 0..ASSETS {
                index = index.next();
                let message = InboxMessage {
                    zone: ZoneId::TRADING,
                    index,
                    id: Digest::ZERO,
                    from: Party::owner(PublicKey([1; 32])),
                    channel_seq: index.get(),
                    kind: InboxKind::Transfer,
                    asset: AssetId::new(asset),
                    amount: Amount::new(FUNDS).unwrap(),
                    account: Address::of_account(AccountId::new(account)),
                };
                zone.prepare(Body::Inbox, &message.to_bytes());
            }
        }
        zone
    }

    fn prepare(&mut self, body: Body, tail: &[u8]) {
        let (session, mandate) = (SessionId::APPLIANCE, MandateId::new(0));
        let time = TimestampNs::new(super::START_NS);
        let command = Command { seq: Seq::new(1), time, session, mandate, body, tail_size: tail.len() as u16 };
        let events = self.execute(&command, tail);
        assert!(matches!(events[..], [Event::Configured | Event::Credited { .. }]), "{events:?}");
        self.opening += 1;
    }

    /// What an account has of each asset; `None` if there is no such account.
    pub fn balances(&self, account: AccountId) -> Option<Vec<Holding>> {
        let assets = (0..ASSETS).map(AssetId::new);
        let held = assets.map(|asset| {
            let balance = self.engine.balance(account, asset)?;
            Some(Holding { asset, settled: balance.settled, reserved: balance.reserved })
        });
        held.collect()
    }

    /// What is shown of each book.
    pub fn views(&self) -> Vec<MarketView> {
        let view = |instrument: InstrumentId| {
            let side = |side| {
                let levels = self.engine.depth(instrument, side);
                levels.map(|level| ViewLevel { price: level.price, lots: level.lots }).collect()
            };
            MarketView { instrument, bids: side(Side::Buy), offers: side(Side::Sell) }
        };
        self.engine.instruments().map(|instrument| view(instrument.id)).collect()
    }

    /// A journaled command with its tail.
    pub fn execute(&mut self, command: &Command, tail: &[u8]) -> Vec<Event> {
        let seq = Seq::new(command.seq.get() + self.opening);
        let mut events = Vec::new();
        self.engine.apply(&Command { seq, ..*command }, tail, &mut events);
        events
    }
}

/// The operator's word in a scenario, its first letter taken off.
pub fn configuration(words: &str) -> Configuration {
    let reference = firms::reference();
    let instrument = |symbol: &str| {
        let found = reference.iter().find_map(|item| {
            let Configuration::ListInstrument(own) = item else { return None };
            (own.symbol.as_str() == symbol).then_some(own.id)
        });
        found.unwrap_or_else(|| panic!("no instrument {symbol}"))
    };
    let account = |name: &str| {
        let found = reference.iter().find_map(|item| {
            let Configuration::OpenAccount(own) = item else { return None };
            (own.name.as_str() == name).then_some(own.id)
        });
        found.unwrap_or_else(|| panic!("no account {name}"))
    };
    match words.split(' ').collect::<Vec<_>>()[..] {
        [_, "phase", symbol, phase] => {
            Configuration::SetPhase(PhaseChange { instrument: instrument(symbol), phase: phase_of(phase) })
        }
        [_, "quote-group", session, name, fills] => Configuration::SetQuoteGroup(QuoteGroup {
            group: QuoteGroupId::new(1),
            session: SessionId::new(session.parse().unwrap()),
            account: account(name),
            window_ns: 1_000_000_000,
            fills_max: Some(fills.parse().unwrap()),
            lots_max: None,
        }),
        [_, "volatility", symbol, ticks] => {
            let from_last = Some(ticks.parse().unwrap());
            let reach = Volatility { instrument: instrument(symbol), from_last, from_auction: None };
            Configuration::Date(Dated { at: TimestampNs::new(0), change: Change::Volatility(reach) })
        }
        [_, "terms", symbol, at, lot, from, ticks] => {
            let (instrument, number) = (instrument(symbol), |text: &str| text.parse::<u64>().unwrap());
            let lot = Qty::from_lots(number(lot)).unwrap();
            let row = TickRow { from: Price::from_ticks(number(from) as i64).unwrap(), ticks: number(ticks) as u32 };
            let terms = Terms { lot, qty_min: lot, ticks: Few::new(&[row]).unwrap(), ..Terms::none(instrument) };
            let at = TimestampNs::new(super::START_NS + number(at) * 1_000_000_000);
            Configuration::Date(Dated { at, change: Change::Terms(terms) })
        }
        [_, "bands", symbol, low, high] => {
            let price = |text: &str| Price::from_ticks(text.parse().unwrap()).unwrap();
            Configuration::SetBands(Bands {
                instrument: instrument(symbol),
                low: price(low),
                high: price(high),
                market_reach: None,
            })
        }
        [_, "self-match", name, group] => Configuration::Protect(Protection {
            account: account(name),
            self_match: Some(SelfMatch { group: group.parse().unwrap(), mode: SelfMatchMode::CancelNewest }),
            orders_max: None,
            notional_max: None,
        }),
        _ => panic!("{words}"),
    }
}

fn phase_of(name: &str) -> Phase {
    match name {
        "continuous" => Phase::Continuous,
        "pre-open" => Phase::PreOpen,
        "opening" => Phase::OpeningAuction,
        "volatility" => Phase::VolatilityAuction,
        "closing" => Phase::ClosingAuction,
        "halt" => Phase::Halt,
        _ => panic!("no phase {name}"),
    }
}
