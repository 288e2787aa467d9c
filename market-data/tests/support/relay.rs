//! A bad road: a UDP relay that loses, doubles and reorders datagrams, by a seed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) lost: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// From whoever sends to it to `there`, and what comes from `there` back to who sent last. One in `lose_one_in` is lost.
    pub(crate) fn start(there: SocketAddr, seed: u64, lose_one_in: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let road = Road { socket, there, state: seed, lose_one_in, stop: Arc::clone(&stop), lost: Arc::clone(&lost) };
        let thread = Some(std::thread::spawn(move || road.run()));
        Self { address, lost, stop, thread }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().unwrap().join());
    }
}

struct Road {
    socket: UdpSocket,
    there: SocketAddr,
    state: u64,
    lose_one_in: u64,
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
}

impl Road {
    fn run(mut self) {
        let mut buffer = [0; 9_000];
        let mut back = None;
        let mut late: Option<(Vec<u8>, SocketAddr)> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((size, from)) = self.socket.recv_from(&mut buffer) else {
                if let Some((datagram, to)) = late.take() {
                    drop(self.socket.send_to(&datagram, to));
                }
                continue;
            };
            let to = if from == self.there {
                back
            } else {
                back = Some(from);
                Some(self.there)
            };
            let Some(to) = to else { continue };
            if self.one_in(self.lose_one_in) {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if late.is_none() && self.one_in(10) {
                late = Some((buffer[..size].to_vec(), to));
                continue;
            }
            drop(self.socket.send_to(&buffer[..size], to));
            if self.one_in(20) {
                drop(self.socket.send_to(&buffer[..size], to));
            }
            if let Some((datagram, to)) = late.take_if(|_| self.state.is_multiple_of(3)) {
                drop(self.socket.send_to(&datagram, to));
            }
        }
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33).is_multiple_of(bound)
    }
}
