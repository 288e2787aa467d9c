//! Drives the engine with the common order-book workload and prints operations per second of thread CPU time.
//!
//! `cargo run --release -p plinth-matching --example workload -- FILE [RUNS] [WINDOW_BITS] [dirty]`
//!
//! Fifty accounts trade, each under its own session and mandate, as `latency-tests engine` has it; every order is reserved for and every
//! fill moves both legs. Commands are made in batches, and only their execution is timed. The file's header carries the trades that must
//! come out, their quantity and their hash.

use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state::Dirty;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::{Address, Party};

const ACCOUNTS: u32 = 50;
const BATCH_COMMANDS: usize = 512;
const RECORD_SIZE: usize = 24;

struct Tape {
    prefill: usize,
    trades: u64,
    qty: u64,
    hash: u64,
    symbols: u32,
    price_min: i64,
    records: Vec<u8>,
}

struct Oracle {
    trades: u64,
    qty: u64,
    hash: u64,
    others: u64,
}

impl EventSink for Oracle {
    #[inline]
    fn emit(&mut self, event: Event) {
        if let Event::Traded { maker, taker, price, qty, .. } = event {
            self.trades += 1;
            self.qty += qty.lots();
            for word in [number(maker), number(taker), price.ticks().unsigned_abs(), qty.lots()] {
                self.hash = (self.hash ^ word).wrapping_mul(0x100_0000_01b3);
            }
        } else {
            self.others += 1;
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("usage: workload FILE [RUNS] [WINDOW_BITS] [dirty]");
    let runs = args.next().map_or(5, |runs| runs.parse().expect("RUNS is a number"));
    let window_bits = args.next().map_or(12, |bits| bits.parse().expect("WINDOW_BITS is a number"));
    let dirty = args.next().is_some_and(|word| word == "dirty");
    let tape = read(&path);
    let capacity = Capacity { instruments_max: tape.symbols, levels_max: tape.symbols << window_bits, ..Capacity::default() };
    for _ in 0..runs {
        if dirty {
            run(Engine::new(capacity, Dirty::new(&capacity)), &tape, window_bits);
        } else {
            run(Engine::new(capacity, ()), &tape, window_bits);
        }
    }
}

fn run<T: Touch>(mut engine: Engine<T>, tape: &Tape, window_bits: u8) {
    let mut seq = configure(&mut engine, tape, window_bits);
    let mut oracle = Oracle { trades: 0, qty: 0, hash: 0xcbf2_9ce4_8422_2325, others: 0 };
    let (prefill, commands) = tape.records.as_chunks::<RECORD_SIZE>().0.split_at(tape.prefill);
    for record in prefill {
        seq += 1;
        engine.apply(&command(record, seq), &[], &mut oracle);
    }
    let (mut ns, mut batch) = (0, Vec::with_capacity(BATCH_COMMANDS));
    for records in commands.chunks(BATCH_COMMANDS) {
        batch.clear();
        batch.extend((seq + 1..).zip(records).map(|(seq, record)| command(record, seq)));
        seq += records.len() as u64;
        let start = cpu_ns();
        batch.iter().for_each(|command| engine.apply(command, &[], &mut oracle));
        ns += cpu_ns() - start;
    }
    let expected = (tape.trades, tape.qty, tape.hash);
    let verdict = if (oracle.trades, oracle.qty, oracle.hash) == expected { "ok" } else { "MISMATCH" };
    engine.check_conservation().expect("custody adds up");
    println!(
        "{:.2} M ops/s of CPU, {:.1} ns each; trades {} hash {:016x} {verdict}; {} other events; {} orders rest",
        commands.len() as f64 * 1e3 / ns as f64,
        ns as f64 / commands.len() as f64,
        oracle.trades,
        oracle.hash,
        oracle.others,
        engine.order_count(),
    );
}

/// The tape numbers orders over all accounts, the engine over each session: order `n` is of account `n mod 50`.
fn order_of(number: u64) -> OrderId {
    let (account, turn) = (number % u64::from(ACCOUNTS), number / u64::from(ACCOUNTS));
    OrderId::new(SessionId::new(account as u16 + 1), if account == 0 { turn } else { turn + 1 }).expect("numbers start at 1")
}

/// The tape's number of an order.
#[inline]
fn number(order: OrderId) -> u64 {
    let account = u64::from(order.session().get()) - 1;
    (order.index() - u64::from(account != 0)) * u64::from(ACCOUNTS) + account
}

#[inline]
fn command(record: &[u8; RECORD_SIZE], seq: u64) -> Command {
    let u32_at = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"));
    let id = u64::from_le_bytes(record[0..8].try_into().expect("eight bytes"));
    let order = order_of(id);
    let body = match record[16] {
        1 => Body::Cancel { order },
        op => Body::New(NewOrder {
            order,
            instrument: InstrumentId::new(u32_at(20)),
            side: if record[17] == 0 { Side::Buy } else { Side::Sell },
            price: OrderPrice::Limit(Price::from_ticks(u32_at(8).into()).expect("a price of the tape")),
            qty: Qty::from_lots(u32_at(12).into()).expect("a quantity of the tape"),
            time_in_force: if op == 2 { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTillCancel },
            post_only: false,
            instructed: false,
        }),
    };
    Command {
        seq: Seq::new(seq),
        time: TimestampNs::new(seq),
        session: order.session(),
        mandate: MandateId::new(u32::from(order.session().get()) - 1),
        body,
        tail_size: 0,
    }
}

fn configure<T: Touch>(engine: &mut Engine<T>, tape: &Tape, window_bits: u8) -> u64 {
    let mut seq = 0;
    let mut send = |body: Body, tail: Vec<u8>| {
        seq += 1;
        let command = Command {
            seq: Seq::new(seq),
            time: TimestampNs::new(seq),
            session: SessionId::APPLIANCE,
            mandate: MandateId::new(0),
            body,
            tail_size: tail.len() as u16,
        };
        let mut events = Vec::new();
        engine.apply(&command, &tail, &mut events);
        assert!(matches!(events[..], [Event::Configured | Event::Credited { .. }]), "{events:?}");
    };
    let name = |text: String| Name::new(&text).expect("a short name");
    for id in 0..tape.symbols + 1 {
        let asset = Asset { id: AssetId::new(id as u16), name: name(format!("A{id}")), decimals: 0 };
        if id < 32 {
            send(Body::Configure, Configuration::AddAsset(asset).to_bytes());
        }
    }
    for id in 0..ACCOUNTS {
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
    for id in 0..tape.symbols {
        let instrument = Instrument {
            id: InstrumentId::new(id),
            symbol: name(format!("S{id}")),
            base: AssetId::new(1 + (id % 31) as u16),
            quote: AssetId::new(0),
            price_decimals: 2,
            qty_decimals: 0,
            qty_max: Qty::from_lots(1_000_000).expect("in range"),
            window_low: Price::from_ticks((tape.price_min - (1 << window_bits) / 4).max(0)).expect("in range"),
            window_bits,
        };
        send(Body::Configure, Configuration::ListInstrument(instrument).to_bytes());
    }
    let mut index = InboxIndex::new(0);
    for account in 0..ACCOUNTS {
        for asset in 0..(tape.symbols + 1).min(32) {
            index = index.next();
            let message = InboxMessage {
                zone: ZoneId::TRADING,
                index,
                id: Digest::ZERO,
                asset: AssetId::new(asset as u16),
                amount: Amount::new(1 << 60).expect("in range"),
                from: Party::owner(PublicKey([1; 32])),
                channel_seq: index.get(),
                kind: InboxKind::Transfer,
                account: Address::of_account(AccountId::new(account)),
            };
            send(Body::Inbox, message.to_bytes());
        }
    }
    seq
}

fn read(path: &str) -> Tape {
    let bytes = std::fs::read(path).expect("a readable workload file");
    assert_eq!(&bytes[..8], b"OBWL0001", "not a workload file");
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let mut records = bytes[64..].to_vec();
    drop_foreign_cancels(&mut records);
    let symbols =
        records.chunks_exact(RECORD_SIZE).map(|record| u32::from_le_bytes(record[20..24].try_into().expect("four bytes")));
    Tape {
        prefill: u64_at(24) as usize,
        trades: u64_at(32),
        qty: u64_at(40),
        hash: u64_at(48),
        symbols: symbols.max().unwrap_or(0) + 1,
        price_min: u32::from_le_bytes(bytes[56..60].try_into().expect("four bytes")).into(),
        records,
    }
}

/// A cancel of the tape names a symbol too, and about one in a thousand names an order of another one, which then stays. A command names
/// the order alone, so such a cancel is turned into one of an order that never was.
fn drop_foreign_cancels(records: &mut [u8]) {
    const NEVER: u64 = 1 << 40;
    let mut symbols = vec![0_u32; 1];
    for record in records.as_chunks_mut::<RECORD_SIZE>().0 {
        let id = u64::from_le_bytes(record[0..8].try_into().expect("eight bytes"));
        let symbol = u32::from_le_bytes(record[20..24].try_into().expect("four bytes"));
        if record[16] != 1 {
            assert_eq!(id, symbols.len() as u64, "ids are dense");
            symbols.push(symbol);
        } else if symbols[id as usize] != symbol {
            record[0..8].copy_from_slice(&NEVER.to_le_bytes());
        }
    }
}

#[allow(unsafe_code)]
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
