//! A chain of four validators that do nothing else, and how it is measured, whatever it runs over.

use crate::cpu_time;
use plinth_settlement::genesis::{ChainLimits, Draft, Genesis, Governance};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::stages::Histograms;
use plinth_types::id::{ChainId, Height, TimestampNs};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

const VALIDATORS: u8 = 4;
/// Blocks before anything counts: connections come up, archives get their first files.
const WARM_UP_BLOCKS: u64 = 20;
/// A proposer that has nothing to order waits this long, so that the machine is not what is measured.
pub(crate) const IDLE_INTERVAL: Duration = Duration::from_millis(10);
/// How often heights are read.
const GLANCE: Duration = Duration::from_millis(5);
/// A cluster that makes no progress for so long has failed.
const DEADLINE: Duration = Duration::from_secs(120);

/// Keys, genesis, addresses on loopback.
pub(crate) struct Chain {
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// What a validator of either kind tells.
pub(crate) trait Measured {
    fn height(&self) -> Height;
    fn histograms(&self) -> Histograms;
}

impl Chain {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let keys: Vec<SecretKey> = (0..VALIDATORS).map(|index| SecretKey::from_seed([index + 1; 32])).collect();
        let draft = Draft {
            chain: ChainId::new(7),
            time: TimestampNs::new(0),
            validators: keys.iter().map(SecretKey::public_key).collect(),
            zones: Vec::new(),
            assets: Vec::new(),
            limits: ChainLimits::default(),
            governance: Governance::default(),
            requests: None,
        };
        // Held together until all are known, so that no two get the same one.
        let sockets = keys.iter().map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<Vec<_>, _>>()?;
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
        Ok(Self { genesis: Arc::new(draft.build()?), keys, addresses })
    }
}

/// Lets a cluster make so many blocks; its merged histograms, and milliseconds of this process's CPU time for each block.
pub(crate) fn measure(validators: &[impl Measured], blocks: u64) -> Result<(Histograms, f64), Box<dyn Error>> {
    wait_for(validators, WARM_UP_BLOCKS)?;
    let (first, used) = (validators[0].height().get(), cpu_time::process()?);
    wait_for(validators, first + blocks)?;
    let blocks = validators[0].height().get() - first;
    let cpu_ms = (cpu_time::process()? - used).as_secs_f64() * 1e3 / blocks as f64;
    let mut merged = Histograms::default();
    validators.iter().for_each(|validator| merged.merge(&validator.histograms()));
    Ok((merged, cpu_ms))
}

fn wait_for(validators: &[impl Measured], height: u64) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + DEADLINE;
    while validators.iter().any(|validator| validator.height().get() < height) {
        if Instant::now() > deadline {
            return Err(format!("the chain is not at height {height} within {DEADLINE:?}").into());
        }
        std::thread::sleep(GLANCE);
    }
    Ok(())
}
