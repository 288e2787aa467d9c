//! Writes a generated day as an ITCH file, and beside it the book that the engine has at its end: `itch_day FOLDER [SEED [COMMANDS]]`.
//! `scripts/itch-foreign.sh` has foreign decoders read the one and compare with the other.

#![allow(clippy::unwrap_used, reason = "an example stops where something is wrong")]

#[path = "../../matching/tests/flow/mod.rs"]
mod flow;

use flow::Flow;
use plinth_market_data::itch::feed::Feed;
use plinth_market_data::itch::file::DayFiles;
use plinth_types::command::Side;
use plinth_types::id::{TimestampNs, ZoneId};
use std::fmt::Write as _;
use std::path::PathBuf;

/// 2026-11-23, nine in the morning.
const OPENING_NS: u64 = 1_795_424_400 * 1_000_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("itch_day FOLDER [SEED [COMMANDS]]"));
    let seed = arguments.next().map_or(1, |seed| seed.parse().unwrap());
    let count = arguments.next().map_or(20_000, |count| count.parse().unwrap());
    let mut flow = Flow::new(seed);
    let mut feed = Feed::new(ZoneId::TRADING, flow.capacity);
    let mut files = DayFiles::new(&folder).unwrap();
    for _ in 0..count {
        let (mut command, tail) = flow.next_command();
        command.time = TimestampNs::new(OPENING_NS + command.seq.get() * 1_000_000);
        feed.apply(&command, &tail, &mut files);
    }
    files.flush().unwrap();
    let mut book = String::new();
    let publisher = feed.publisher();
    for instrument in publisher.instruments() {
        for (side, name) in [(Side::Buy, 'B'), (Side::Sell, 'S')] {
            for order in publisher.engine().queue(instrument.id, side) {
                let price = order.price.ticks() * 10_i64.pow(4 - u32::from(instrument.price_decimals));
                writeln!(book, "{} {name} {price} {}", instrument.symbol, order.shown).unwrap();
            }
        }
    }
    std::fs::write(folder.join("book.txt"), book).unwrap();
    println!("{}", folder.join(format!("{}.itch", feed.session().unwrap())).display());
}
