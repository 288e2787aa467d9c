//! A road between processes that is long and loses packets: UDP datagrams are passed on late, out of order, or not at all.
//!
//! The kernel's own tool for this (netem) is not in every kernel; this one needs nothing of it. Each route listens on one address and
//! passes datagrams on to another; answers go back to whoever asked, through a socket of its own for each asker. QUIC names its ends
//! by keys and not by addresses, so neither end notices.

use crate::random::Random;
use clap::Args;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

/// Largest datagram.
const DATAGRAM_SIZE_MAX: usize = 64 << 10;
/// Askers of one route; the datagrams of further ones are dropped.
const ASKERS_MAX: usize = 64;
/// Loss is drawn in parts of so many.
const LOSS_PARTS: u64 = 1_000_000;

/// What the road is like.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// One route in each line: the address to listen on, a space, the address to pass on to
    #[arg(long, value_name = "FILE")]
    routes: PathBuf,
    /// How long a datagram takes, one way, in milliseconds
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// It takes up to so much longer, in milliseconds; so datagrams overtake each other
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// Of a million datagrams, so many are lost
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=LOSS_PARTS))]
    loss_ppm: u64,
    /// Seed of jitter and loss
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

struct Road {
    delay: Duration,
    jitter_us: u64,
    loss_ppm: u64,
    random: RefCell<Random>,
}

impl Road {
    /// How long the next datagram takes; `None` if it is lost.
    fn draw(&self) -> Option<Duration> {
        let mut random = self.random.borrow_mut();
        (random.below(LOSS_PARTS) >= self.loss_ppm).then(|| self.delay + Duration::from_micros(random.below(self.jitter_us + 1)))
    }

    /// Sends when its time has come. A datagram that the kernel refuses is lost, as on any road.
    fn carry(&self, socket: &Rc<UdpSocket>, datagram: &[u8], to: Option<SocketAddr>) {
        let Some(time) = self.draw() else { return };
        let (socket, datagram) = (Rc::clone(socket), datagram.to_vec());
        spawn_local(async move {
            sleep(time).await;
            let _refused = match to {
                Some(address) => socket.send_to(&datagram, address).await,
                None => socket.send(&datagram).await,
            };
        });
    }
}

/// Relays until it is killed.
pub(crate) fn run(args: &RelayArgs) -> Result<(), Box<dyn Error>> {
    let routes = read_routes(&args.routes)?;
    let road = Rc::new(Road {
        delay: Duration::from_millis(args.delay_ms),
        jitter_us: args.jitter_ms * 1_000,
        loss_ppm: args.loss_ppm,
        random: RefCell::new(Random::new(args.seed)),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let mut tasks = Vec::new();
        for (listen, target) in routes {
            let socket = UdpSocket::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
            tasks.push(spawn_local(route(Rc::clone(&road), Rc::new(socket), target)));
        }
        println!("relay: {} routes", tasks.len());
        io::stdout().flush()?;
        for task in tasks {
            task.await??;
        }
        Ok(())
    }))
}

/// Passes on what comes in on `socket`, and what comes back.
async fn route(road: Rc<Road>, socket: Rc<UdpSocket>, target: SocketAddr) -> io::Result<()> {
    let mut askers: BTreeMap<SocketAddr, Rc<UdpSocket>> = BTreeMap::new();
    let mut buffer = vec![0; DATAGRAM_SIZE_MAX];
    loop {
        let (size, asker) = socket.recv_from(&mut buffer).await?;
        let upstream = match askers.get(&asker) {
            Some(upstream) => Rc::clone(upstream),
            None if askers.len() >= ASKERS_MAX => continue,
            None => {
                let upstream = Rc::new(UdpSocket::bind(unspecified(target)).await?);
                upstream.connect(target).await?;
                spawn_local(bring_back(Rc::clone(&road), Rc::clone(&upstream), Rc::clone(&socket), asker));
                askers.insert(asker, Rc::clone(&upstream));
                upstream
            }
        };
        road.carry(&upstream, &buffer[..size], None);
    }
}

async fn bring_back(road: Rc<Road>, upstream: Rc<UdpSocket>, socket: Rc<UdpSocket>, asker: SocketAddr) {
    let mut buffer = vec![0; DATAGRAM_SIZE_MAX];
    loop {
        // A target that is not there answers with an error for each datagram; it may be there later.
        match upstream.recv(&mut buffer).await {
            Ok(size) => road.carry(&socket, &buffer[..size], Some(asker)),
            Err(_) => sleep(road.delay.max(Duration::from_millis(1))).await,
        }
    }
}

const fn unspecified(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0),
        SocketAddr::V6(_) => SocketAddr::new(std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0),
    }
}

fn read_routes(path: &Path) -> Result<Vec<(SocketAddr, SocketAddr)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let route = |(number, line): (usize, &str)| {
        let wrong = || format!("{}: line {}: not 'ADDRESS:PORT ADDRESS:PORT': {line}", path.display(), number + 1);
        let (listen, target) = line.split_once(' ').ok_or_else(wrong)?;
        Ok((listen.parse().map_err(|_| wrong())?, target.trim().parse().map_err(|_| wrong())?))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(route).collect()
}
