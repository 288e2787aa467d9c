//! `plinth-privacy status`.

use super::{Outcome, say};
use plinth_privacy_zone::client::Client;
use std::net::SocketAddr;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the zone answers wallets
    #[arg(long, value_name = "ADDRESS")]
    zone: SocketAddr,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let status = Client::connect(arguments.zone)?.status()?;
    say(format_args!(
        "zone {} of chain {}: block {}, ordered {}, available {}, settled {}, inbox {}, {:?}, {} directives{}{}",
        status.pool.zone,
        status.pool.chain,
        status.height,
        status.ordered,
        status.available,
        status.settled,
        status.inbox,
        status.gate,
        status.directives,
        if status.connected { "" } else { ", NO HOST" },
        if status.frozen { ", FROZEN" } else { "" },
    ));
    for asset in status.assets.iter() {
        let frozen = if asset.frozen { ", frozen" } else { "" };
        say(format_args!("asset {}: {} inside, terms {:016b}{frozen}", asset.asset, asset.total, asset.eligible.bits()));
    }
    Ok(())
}
