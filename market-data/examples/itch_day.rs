//! Writes a generated day as an ITCH file, and beside it the book that the engine has at its end: `itch_day FOLDER [SEED [COMMANDS]]`.
//! `scripts/itch-foreign.sh` has foreign decoders read the one and compare with the other. The first stock keeps to price and time all day:
//! one decoder checks that priority. The stocks that ever shared trades by size are named in `by_size.txt`.

#![allow(clippy::unwrap_used, reason = "an example stops where something is wrong")]

#[path = "../../matching/tests/flow/mod.rs"]
mod flow;

use flow::Flow;
use plinth_market_data::itch::feed::Feed;
use plinth_market_data::itch::file::DayFiles;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Side};
use plinth_types::id::{InstrumentId, TimestampNs, ZoneId};
use plinth_types::reference::Configuration;
use plinth_types::terms::{Change, Dated, Matching, Terms};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// 2026-11-23, nine in the morning.
const OPENING_NS: u64 = 1_795_424_400 * 1_000_000_000;

const IN_TIME: InstrumentId = InstrumentId::new(0);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("itch_day FOLDER [SEED [COMMANDS]]"));
    let seed = arguments.next().map_or(1, |seed| seed.parse().unwrap());
    let count = arguments.next().map_or(20_000, |count| count.parse().unwrap());
    let mut flow = Flow::new(seed);
    let mut feed = Feed::new(ZoneId::TRADING, flow.capacity);
    let mut files = DayFiles::new(&folder).unwrap();
    let mut by_size = BTreeSet::new();
    for _ in 0..count {
        let (mut command, mut tail) = flow.next_command();
        if let (Body::Configure, Some((at, terms))) = (&command.body, shared_by_size(&tail)) {
            if terms.instrument == IN_TIME {
                tail = Configuration::Date(Dated { at, change: Change::Terms(Terms { matching: Matching::Time, ..terms }) })
                    .to_bytes();
                command.tail_size = tail.len() as u16;
            } else {
                by_size.insert(terms.instrument);
            }
        }
        command.time = TimestampNs::new(OPENING_NS + command.seq.get() * 1_000_000);
        feed.apply(&command, &tail, &mut files);
    }
    files.flush().unwrap();
    let (mut book, mut sharing) = (String::new(), String::new());
    let publisher = feed.publisher();
    for instrument in publisher.instruments() {
        if by_size.contains(&instrument.id) {
            writeln!(sharing, "{}", instrument.symbol).unwrap();
        }
        for (side, name) in [(Side::Buy, 'B'), (Side::Sell, 'S')] {
            for order in publisher.engine().queue(instrument.id, side) {
                let price = order.price.ticks() * 10_i64.pow(4 - u32::from(instrument.price_decimals));
                writeln!(book, "{} {name} {price} {}", instrument.symbol, order.shown).unwrap();
            }
        }
    }
    std::fs::write(folder.join("book.txt"), book).unwrap();
    std::fs::write(folder.join("by_size.txt"), sharing).unwrap();
    println!("{}", folder.join(format!("{}.itch", feed.session().unwrap())).display());
}

fn shared_by_size(tail: &[u8]) -> Option<(TimestampNs, Terms)> {
    match Configuration::decode(tail) {
        Ok(Configuration::Date(Dated { at, change: Change::Terms(terms) })) if terms.matching != Matching::Time => {
            Some((at, terms))
        }
        _ => None,
    }
}
