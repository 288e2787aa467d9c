//! Three firms, two instruments.

use super::{Balances, Execute, Journal, Restart, Runner, Subject, Views, zone::TradingZone};
use plinth_gateway::acceptor::{Acceptor, Sessions};
use plinth_gateway::application::{Desk, Listing};
use plinth_gateway::clock::Now;
use plinth_gateway::codec::Version;
use plinth_gateway::market::MarketView;
use plinth_gateway::session::{Credential, Firms, ResetPolicy, Role, Schedule, SessionConfig};
use plinth_types::command::Command;
use plinth_types::event::Event;
use plinth_types::id::{AccountId, AssetId, InstrumentId, MandateId, PublicKey, SessionId, Signature, TimestampNs};
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use std::cell::RefCell;
use std::rc::Rc;

/// What tag 20002 says.
pub const ATTESTATION: &str = "ATTESTED 1/1, PRODUCER ONLY";

impl Subject for Desk {
    fn show(&mut self, view: MarketView, now: Now, sessions: &mut Sessions<'_>) {
        self.market_view(view, now.utc, sessions);
    }

    fn turn(&mut self, now: Now, sessions: &mut Sessions<'_>) -> bool {
        self.search_on(now.utc, sessions)
    }

    fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event], _: Now, live: bool, sessions: &mut Sessions<'_>) {
        Self::deliver(self, command, tail, events, live, sessions);
    }
}

pub fn reference() -> Vec<Configuration> {
    let instrument = |id: u32, symbol: &str| {
        Configuration::ListInstrument(Instrument {
            id: InstrumentId::new(id),
            symbol: Name::new(symbol).unwrap(),
            base: AssetId::new(id as u16 + 1),
            quote: AssetId::new(0),
            price_decimals: 2,
            qty_decimals: 8,
            qty_max: Qty::from_lots(1 << 40).unwrap(),
            window_low: Price::from_ticks(1).unwrap(),
            window_bits: 10,
        })
    };
    let account = |id: u32, name: &str| {
        let (id, name) = (AccountId::new(id), Name::new(name).unwrap());
        Configuration::OpenAccount(Account { id, name, owner: PublicKey([id.get() as u8; 32]) })
    };
    let mandate = |id: u32, session: u16, account: u32| {
        let mandate = Mandate {
            id: MandateId::new(id),
            session: SessionId::new(session),
            account: AccountId::new(account),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) })
    };
    let asset = |id: u16, name: &str, decimals: u8| {
        Configuration::AddAsset(Asset { id: AssetId::new(id), name: Name::new(name).unwrap(), decimals })
    };
    vec![
        asset(0, "USD", 10),
        asset(1, "BTC", 8),
        asset(2, "ETH", 8),
        instrument(0, "BTC/USD"),
        instrument(1, "ETH/USD"),
        account(0, "ALPHA"),
        account(1, "BETA"),
        account(2, "GAMMA"),
        mandate(0, 1, 0),
        mandate(1, 2, 1),
        mandate(2, 2, 2),
        mandate(3, 4, 2),
        mandate(4, 5, 2),
        mandate(5, 8, 1),
        mandate(6, 9, 2),
    ]
}

/// FIRM1 may never reset, FIRM2 when it asks; FIRM3 has no mandate. `hash` makes the stored form of a password.
pub fn sessions(hash: impl Fn(&str) -> String) -> Vec<SessionConfig> {
    let mut sessions = all_sessions(hash);
    sessions.truncate(3);
    sessions
}

/// FIRM4 loses its orders with its connection; FIRM5 may only cancel; FIRM6 gets copies of what FIRM1 is told; FIRM7 hears of markets; FIRM8
/// is closed from 12:01 to 12:03 and begins anew then; FIRM9 speaks 5.0 SP2.
pub fn all_sessions(hash: impl Fn(&str) -> String) -> Vec<SessionConfig> {
    let firm = |id: u16, reset| {
        let credential = Credential::Password(hash(&format!("secret{id}")).into());
        SessionConfig::new(SessionId::new(id), &format!("FIRM{id}"), credential, reset)
    };
    let fleeting = SessionConfig { cancel_on_disconnect: true, ..firm(4, ResetPolicy::Never) };
    let cancelling = SessionConfig { role: Role::CancelOnly, ..firm(5, ResetPolicy::Never) };
    let copying = SessionConfig { role: Role::DropCopy, ..firm(6, ResetPolicy::Never) };
    // Scenarios begin at noon.
    let schedule = Some(Schedule { opens_s: 12 * 3_600 + 180, closes_s: 12 * 3_600 + 60, resets: true });
    let daily = SessionConfig { schedule, ..firm(8, ResetPolicy::Never) };
    let modern = SessionConfig { version: Version::Fix50Sp2, ..firm(9, ResetPolicy::Never) };
    let watching = SessionConfig { role: Role::MarketData, ..firm(7, ResetPolicy::Never) };
    let firms = [
        firm(1, ResetPolicy::Never),
        firm(2, ResetPolicy::OnRequest),
        firm(3, ResetPolicy::Never),
        fleeting,
        cancelling,
        copying,
        watching,
        daily,
        modern,
    ];
    let of_a_firm = |session: SessionConfig| {
        let firm = matches!(session.comp_id.as_str(), "FIRM1" | "FIRM6").then(|| "ALPHA".to_owned());
        SessionConfig { firm, ..session }
    };
    firms.into_iter().map(of_a_firm).collect()
}

pub fn acceptor() -> Acceptor<Desk> {
    acceptor_of(sessions(backwards))
}

/// The runner takes a password for right if it is the stored form read backwards.
fn backwards(password: &str) -> String {
    password.chars().rev().collect()
}

fn acceptor_of(sessions: Vec<SessionConfig>) -> Acceptor<Desk> {
    let mut listing = Listing::default();
    reference().iter().for_each(|item| listing.add(item));
    let desk = Desk::new(listing, Firms::of(&sessions), ATTESTATION);
    Acceptor::new("PLINTH", sessions, desk).unwrap()
}

pub fn runner() -> Runner<Desk> {
    Runner::new(Box::new(acceptor), journal())
}

/// With all firms.
pub fn runner_of_all() -> Runner<Desk> {
    Runner::new(Box::new(|| acceptor_of(all_sessions(backwards))), journal())
}

/// With the firms that `change` makes of all.
pub fn runner_with(change: impl Fn(Vec<SessionConfig>) -> Vec<SessionConfig> + 'static) -> Runner<Desk> {
    Runner::new(Box::new(move || acceptor_of(change(all_sessions(backwards)))), journal())
}

/// Outbound numbers are reserved a few at a time.
pub fn runner_in_blocks_of(count: u64) -> Runner<Desk> {
    let factory = move || {
        let mut acceptor = acceptor();
        acceptor.reserve_in_blocks_of(count);
        acceptor
    };
    Runner::new(Box::new(factory), journal())
}

/// A journal in front of the trading zone's own engine, without orders.
pub fn journal() -> Journal {
    let empty = || {
        let zone = Rc::new(RefCell::new(TradingZone::open()));
        let (executing, showing) = (Rc::clone(&zone), Rc::clone(&zone));
        let execute: Execute = Box::new(move |command, tail| executing.borrow_mut().execute(command, tail));
        let balances: Balances = Box::new(move |account| zone.borrow().balances(account));
        let views: Views = Box::new(move || showing.borrow().views());
        (execute, balances, views)
    };
    let (execute, balances, views) = empty();
    let restart = Some(Box::new(empty) as Restart);
    Journal { execute: Some(execute), balances: Some(balances), views: Some(views), restart, ..Journal::default() }
}
