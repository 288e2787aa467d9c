//! The market data stage of an appliance under test: where it listens, and its section of the configuration.

use plinth_node::config::demo;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// Addresses that must be the same after a restart.
#[derive(Clone, Copy)]
pub struct Feed {
    /// The consumer's, for datagrams.
    pub own: SocketAddr,
    pub requests: SocketAddr,
    pub snapshots: SocketAddr,
}

impl Feed {
    /// On ports that are free.
    pub fn free() -> Self {
        let sockets = [(); 3].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [own, requests, snapshots] = sockets.map(|socket| socket.local_addr().unwrap());
        Self { own, requests, snapshots }
    }

    /// Adds the stage to the configuration of a folder.
    pub fn configure(&self, folder: &Path) {
        let Self { own, requests, snapshots } = self;
        let mut file = OpenOptions::new().append(true).open(folder.join(demo::CONFIG_FILE)).unwrap();
        writeln!(
            file,
            "\n[market_data]\ntargets = [\"{own}\"]\nrequests = \"{requests}\"\nsnapshots = \"{snapshots}\"\nitch_folder = \"itch\""
        )
        .unwrap();
    }
}
