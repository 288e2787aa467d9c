//! `plinth market-data watch`: joins a feed, recovers what is lost, prints the books.

use plinth_market_data::book::Level;
use plinth_market_data::itch::view::View;
use plinth_market_data::net::{Client, ClientConfig};
use plinth_types::command::Side;
use plinth_types::quantity::Price;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Where the feed is, and what to print of it.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Where datagrams come in: one of the server's targets, an own address or an IPv4 group
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The interface on which a group is joined
    #[arg(long, default_value = "127.0.0.1")]
    interface: Ipv4Addr,
    /// The server's address for requests
    #[arg(long)]
    requests: SocketAddr,
    /// The server's address for snapshots
    #[arg(long)]
    snapshots: SocketAddr,
    /// Levels of each side to print
    #[arg(long, default_value_t = 5)]
    levels: usize,
    /// Print the books of the snapshot and end
    #[arg(long)]
    once: bool,
}

/// Shortest time between two prints.
const PRINT_INTERVAL: Duration = Duration::from_millis(200);

/// Follows the feed until it cannot.
///
/// # Errors
///
/// When a socket fails or the server gives no snapshot.
pub fn main(args: &WatchArgs) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let WatchArgs { listen, interface, requests, snapshots, .. } = *args;
    let mut client = Client::join(ClientConfig { listen, interface, requests, snapshots })?;
    print(&client, args.levels)?;
    if args.once {
        return Ok(ExitCode::SUCCESS);
    }
    let mut printed = Instant::now();
    let mut changed = false;
    loop {
        changed |= client.turn(PRINT_INTERVAL)?;
        if changed && printed.elapsed() >= PRINT_INTERVAL {
            print(&client, args.levels)?;
            (printed, changed) = (Instant::now(), false);
        }
    }
}

fn print(client: &Client, levels: usize) -> io::Result<()> {
    let (receiver, counts) = (client.receiver(), client.counts());
    let session = receiver.session().map_or_else(|| "none".to_owned(), |session| session.to_string());
    let mut out = format!(
        "session {session}, next message {}; lacking {}, requests {}, snapshots {}\n",
        receiver.next(),
        receiver.missing(),
        counts.requests,
        counts.snapshots
    );
    out.push_str(&books(client.view(), levels));
    io::stdout().write_all(out.as_bytes())
}

fn books(view: &View, levels: usize) -> String {
    let mut out = String::new();
    for (_, stock) in view.stocks() {
        let last = stock.last_trade.map_or_else(|| "none".to_owned(), |(price, shares)| format!("{shares} at {}", decimal(price)));
        let _ =
            writeln!(out, "{}   {} orders, last trade {last}, volume {}", stock.symbol(), stock.book.order_count(), stock.volume);
        let side = |side| stock.book.levels(side).take(levels).collect::<Vec<_>>();
        let (bids, offers) = (side(Side::Buy), side(Side::Sell));
        for at in 0..bids.len().max(offers.len()) {
            let _ = writeln!(out, "{:>32} │ {}", bid(bids.get(at)), offer(offers.get(at)));
        }
    }
    out
}

fn bid(level: Option<&(Price, Level)>) -> String {
    level.map_or_else(String::new, |(price, level)| format!("{} {:>14}", level.lots, decimal(*price)))
}

fn offer(level: Option<&(Price, Level)>) -> String {
    level.map_or_else(String::new, |(price, level)| format!("{:<14} {}", decimal(*price), level.lots))
}

/// Ten-thousandths as people write them.
fn decimal(price: Price) -> String {
    format!("{}.{:04}", price.ticks() / 10_000, price.ticks() % 10_000)
}
