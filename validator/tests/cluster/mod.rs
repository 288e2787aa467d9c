//! Validators of one chain in this process, over real sockets on loopback.

#![allow(unreachable_pub, reason = "a module of a test")]

use crate::chain::Fixture;
use plinth_settlement::transport::Peer;
use plinth_validator::{Validator, ValidatorConfig, ValidatorHandle};
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a condition may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Addresses and folders of a chain's validators; which of them run is up to the test.
pub struct Cluster {
    pub fixture: Fixture,
    pub peers: Vec<Peer>,
    folder: TempDir,
}

impl Deref for Cluster {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

impl Cluster {
    pub fn new(count: u8) -> Self {
        let fixture = Fixture::new(count);
        // Held together until all are known, so that no two get the same one.
        let sockets: Vec<UdpSocket> = fixture.keys.iter().map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap());
        let peers = fixture.keys.iter().zip(addresses).map(|(key, address)| Peer { key: key.public_key(), address }).collect();
        let folder = tempfile::tempdir().unwrap();
        Self { fixture, peers, folder }
    }

    pub fn config(&self, index: usize) -> ValidatorConfig {
        ValidatorConfig {
            key: self.keys[index].clone(),
            listen: Some(self.peers[index].address),
            peers: self.peers.clone(),
            genesis: Arc::clone(&self.genesis),
            directory: self.folder.path().join(format!("validator-{index}")),
            clients: Vec::new(),
            idle_interval: self.idle_interval,
            worker_threads: NonZeroUsize::MIN,
            state_sync: false,
        }
    }

    pub fn start(&self, index: usize) -> ValidatorHandle {
        Validator::start(self.config(index)).unwrap()
    }

    pub fn start_all(&self) -> Vec<ValidatorHandle> {
        (0..self.keys.len()).map(|index| self.start(index)).collect()
    }
}

/// Waits until `holds`; fails with `what` at the deadline.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
