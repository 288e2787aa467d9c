//! Validators of one chain in this process, over real sockets on loopback.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use crate::chain::Fixture;
use commonware_utils::TestRng;
use plinth_settlement::checkpoint::{Polynomial, Share, deal};
use plinth_settlement::committee::Committee;
use plinth_settlement::link::{LinkConfig, ZoneLink};
use plinth_settlement::transport::Peer;
use plinth_types::id::{Height, ZoneId};
use plinth_validator::{CheckpointConfig, CheckpointGroup, Validator, ValidatorConfig, ValidatorHandle};
use std::net::{SocketAddr, UdpSocket};
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a condition may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Addresses and folders of a chain's validators; which of them run is up to the test.
pub struct Cluster {
    pub fixture: Fixture,
    pub peers: Vec<Peer>,
    /// Groups that take over checkpoints: from which height on, and whose.
    pub later_groups: Vec<(Height, Committee)>,
    /// Where each validator serves HTTP.
    pub http: Option<SocketAddr>,
    /// What verifies proofs.
    pub proof_verifiers: Vec<PathBuf>,
    folder: TempDir,
}

impl Deref for Cluster {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

/// An address that no other test of this process gets. Below the ports that the kernel gives to clients, so that none of those takes it either.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let candidates = std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], NEXT.fetch_add(1, Ordering::Relaxed))));
    candidates.take(10_000).find(|address| UdpSocket::bind(address).is_ok()).unwrap()
}

impl Cluster {
    pub fn new(count: u8) -> Self {
        Self::of(Fixture::new(count))
    }

    pub fn of(fixture: Fixture) -> Self {
        let addresses = fixture.keys.iter().map(|_| free_address());
        let peers = fixture.keys.iter().zip(addresses).map(|(key, address)| Peer { key: key.public_key(), address }).collect();
        let folder = tempfile::tempdir().unwrap();
        Self { fixture, peers, later_groups: Vec::new(), http: None, proof_verifiers: Vec::new(), folder }
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
            proof_verifiers: self.proof_verifiers.clone(),
            checkpoints: self.checkpoints(index),
            http: self.http,
        }
    }

    /// The groups that sign checkpoints: from which height on, whose, and what was dealt to them.
    pub fn groups(&self) -> Vec<(Height, Committee, Polynomial, Vec<Share>)> {
        let first = (Height::new(0), self.genesis.committee().clone());
        let groups = std::iter::once(first).chain(self.later_groups.iter().cloned()).zip(7..);
        let dealt = groups.map(|((first, members), seed)| {
            let (polynomial, shares) = deal(members.count(), TestRng::new(seed));
            (first, members, polynomial, shares)
        });
        dealt.collect()
    }

    fn checkpoints(&self, index: usize) -> Option<CheckpointConfig> {
        let key = self.keys[index].public_key();
        let group = |(first, members, polynomial, shares): (Height, Committee, Polynomial, Vec<Share>)| {
            let share = members.index_of(&key).map(|place| shares[usize::from(place)].clone());
            CheckpointGroup { first, polynomial, share, members }
        };
        let groups = self.groups().into_iter().map(group).collect();
        Some(CheckpointConfig { groups, every: NonZeroU64::new(4).unwrap() })
    }

    pub fn start(&self, index: usize) -> ValidatorHandle {
        Validator::start(self.config(index)).unwrap()
    }

    /// The trading zone's link, which tells of settlement from this height on.
    pub fn link(&self, from: Height) -> ZoneLink {
        ZoneLink::start(LinkConfig {
            producer: self.producer.clone(),
            reader_key: self.reader_key.clone(),
            zone: ZoneId::TRADING,
            genesis: Arc::clone(&self.genesis),
            validators: self.peers.clone(),
            from,
        })
        .unwrap()
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
