//! A small seeded market: reference data, funds, then orders, replaces, cancels and notes of four sessions on two instruments.

#![allow(dead_code, reason = "each test binary uses its part")]

use plinth_matching::journal::limits::SEGMENT_HEADER_SIZE;
use plinth_matching::journal::{Identity, JournalStatus};
use plinth_matching::limits::Capacity;
use plinth_matching::pipeline::{Full, Fused};
use plinth_matching::replica::ZoneConfig;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, ChainId, InboxIndex, InstrumentId, MandateId, MsgSeqNum, OrderId, PublicKey, Seq, SessionId, Signature,
    TimestampNs, ZoneId,
};
use plinth_types::message::{InboxKind, InboxMessage, Note};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const IDENTITY: Identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };
pub(crate) const SESSIONS: u16 = 4;
const INSTRUMENTS: u32 = 2;

pub(crate) fn capacity() -> Capacity {
    Capacity {
        orders_max: 4_096,
        accounts_max: 8,
        assets_max: 4,
        sessions_max: 8,
        instruments_max: 4,
        mandates_max: 16,
        levels_max: 1 << 10,
        spill_levels_max: 32,
    }
}

/// Small segments and blocks, so that a short run has many of both.
pub(crate) fn zone_config(path: &Path) -> ZoneConfig {
    let mut config = ZoneConfig::new(path.to_path_buf(), IDENTITY, capacity());
    config.journal.batch_size_max = 1 << 20;
    config.journal.segment_size = (SEGMENT_HEADER_SIZE + config.journal.batch_size_max) as u64;
    config.block.commands_max = 700;
    config.block.interval = Duration::from_millis(1);
    config
}

/// One thing to submit.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) session: SessionId,
    pub(crate) mandate: MandateId,
    pub(crate) body: Body,
    pub(crate) tail: Vec<u8>,
}

/// An endless stream of commands, the same for the same seed.
pub(crate) struct Market {
    state: u64,
    opening: std::vec::IntoIter<Ask>,
    orders: [u64; SESSIONS as usize],
    asked: u64,
}

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, opening: opening().into_iter(), orders: [0; SESSIONS as usize], asked: 0 }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ value >> 31) % below
    }

    fn order(&mut self, session: u16) -> OrderId {
        let index = 1 + self.draw(self.orders[usize::from(session - 1)].max(1));
        OrderId::new(SessionId::new(session), index).unwrap()
    }

    fn next_body(&mut self, session: u16) -> Body {
        let price = Price::from_ticks(90 + self.draw(20) as i64).unwrap();
        let qty = Qty::from_lots(1 + self.draw(50)).unwrap();
        match self.draw(10) {
            0..6 => {
                self.orders[usize::from(session - 1)] += 1;
                let order = OrderId::new(SessionId::new(session), self.orders[usize::from(session - 1)]).unwrap();
                Body::New(NewOrder {
                    order,
                    instrument: InstrumentId::new(self.draw(u64::from(INSTRUMENTS)) as u32),
                    side: if self.draw(2) == 0 { Side::Buy } else { Side::Sell },
                    price: if self.draw(20) == 0 { OrderPrice::Market } else { OrderPrice::Limit(price) },
                    qty,
                    time_in_force: match self.draw(8) {
                        0 => TimeInForce::ImmediateOrCancel,
                        1 => TimeInForce::FillOrKill,
                        _ => TimeInForce::GoodTillCancel,
                    },
                    post_only: false,
                    instructed: false,
                })
            }
            6 => Body::Replace { order: self.order(session), price, qty },
            _ => Body::Cancel { order: self.order(session) },
        }
    }
}

impl Iterator for Market {
    type Item = Ask;

    fn next(&mut self) -> Option<Ask> {
        if let Some(ask) = self.opening.next() {
            return Some(ask);
        }
        self.asked += 1;
        if self.draw(50) == 0 {
            let note = Note::ResetSession { session: SessionId::new(1) };
            let (session, mandate) = (SessionId::APPLIANCE, MandateId::new(0));
            return Some(Ask { session, mandate, body: Body::Note, tail: note.to_bytes() });
        }
        let session = 1 + self.draw(u64::from(SESSIONS)) as u16;
        let body = self.next_body(session);
        let client_order_id = ClientOrderId::new(format!("client-{}", self.asked).as_bytes()).unwrap();
        let tail = ClientTail { msg_seq_num: MsgSeqNum::new(self.asked), client_order_id, orig_client_order_id: None };
        Some(Ask { session: SessionId::new(session), mandate: MandateId::new(u32::from(session) - 1), body, tail: tail.to_bytes() })
    }
}

fn opening() -> Vec<Ask> {
    let name = |text: String| Name::new(&text).unwrap();
    let mut asks = Vec::new();
    let mut send = |body: Body, tail: Vec<u8>| {
        asks.push(Ask { session: SessionId::APPLIANCE, mandate: MandateId::new(0), body, tail });
    };
    for id in 0..=INSTRUMENTS as u16 {
        let asset = Asset { id: AssetId::new(id), name: name(format!("A{id}")), decimals: 0 };
        send(Body::Configure, Configuration::AddAsset(asset).to_bytes());
    }
    for id in 0..u32::from(SESSIONS) {
        let account = Account { id: AccountId::new(id), name: name(format!("firm{id}")), owner: PublicKey([1; 32]) };
        send(Body::Configure, Configuration::OpenAccount(account).to_bytes());
        let mandate = Mandate {
            id: MandateId::new(id),
            session: SessionId::new(id as u16 + 1),
            account: AccountId::new(id),
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        send(Body::Configure, Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }).to_bytes());
    }
    for id in 0..INSTRUMENTS {
        let instrument = Instrument {
            id: InstrumentId::new(id),
            symbol: name(format!("S{id}")),
            base: AssetId::new(1 + id as u16),
            quote: AssetId::new(0),
            price_decimals: 2,
            qty_decimals: 0,
            qty_max: Qty::from_lots(1_000).unwrap(),
            window_low: Price::from_ticks(64).unwrap(),
            window_bits: 6,
        };
        send(Body::Configure, Configuration::ListInstrument(instrument).to_bytes());
    }
    let mut index = InboxIndex::new(0);
    for account in 0..u32::from(SESSIONS) {
        for asset in 0..=INSTRUMENTS as u16 {
            index = index.next();
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index,
                id: Digest::ZERO,
                asset: AssetId::new(asset),
                amount: Amount::new(10_000_000).unwrap(),
                from: Party::owner(PublicKey([1; 32])),
                channel_seq: index.get(),
                kind: InboxKind::Transfer,
                account: Address::of_account(AccountId::new(account)),
            };
            send(Body::Inbox, message.to_bytes());
        }
    }
    asks
}

/// Submits one ask, releasing to `released` whenever there is no room.
pub(crate) fn submit(
    fused: &mut Fused,
    now: u64,
    ask: &Ask,
    mut released: impl FnMut(&plinth_types::command::Command, &[u8], &[plinth_types::event::Event]),
) -> Seq {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match fused.submit(TimestampNs::new(now), ask.session, ask.mandate, ask.body, &ask.tail) {
            Ok(seq) => return seq,
            Err(Full::Queue) => {
                fused.release(&mut released);
                assert!(Instant::now() < deadline, "the pipeline does not drain");
                std::thread::yield_now();
            }
            Err(error) => panic!("{error}: {:?}", fused.failed()),
        }
    }
}

/// Waits until `seq` is durable.
pub(crate) fn wait_durable(status: &JournalStatus, seq: Seq) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while status.durable() < seq {
        assert!(status.failure().is_none(), "{:?}", status.failure());
        assert!(Instant::now() < deadline, "record {seq} does not become durable");
        std::thread::yield_now();
    }
}
