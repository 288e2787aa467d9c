//! The zone's process: threads and how they hang together.

use crate::config::ZoneConfig;
use crate::limits::EVENTS_MAX;
use crate::link;
use crate::published::Published;
use crate::server::{self, Desk};
use crate::writer::{Writer, WriterError};
use crate::zone::{Zone, ZoneError};
use plinth_privacy::circuit::keys::VerifyingKey;
use plinth_privacy::pool::batch::Verifier;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};
use thiserror::Error;

/// Why the process does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A folder, a socket or a thread.
    #[error("{what}: {error}")]
    System {
        /// Of what.
        what: String,
        /// Why.
        error: std::io::Error,
    },
    /// The zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// The verifying key or its threads.
    #[error("the verifier of proofs: {0}")]
    Verifier(String),
}

/// A running zone.
#[derive(Debug)]
pub struct Running {
    /// Where wallets call.
    pub listen: SocketAddr,
    writer: JoinHandle<Result<Infallible, WriterError>>,
}

impl Running {
    /// Waits for the end, which is an error.
    #[must_use]
    pub fn ended(self) -> WriterError {
        match self.writer.join() {
            Ok(Err(error)) => error,
            Ok(Ok(never)) => match never {},
            // A panic of the writer's is a fault of ours; it goes on here.
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Opens the zone and starts its threads.
pub fn start(config: ZoneConfig) -> Result<Running, StartError> {
    let system = |what: String| move |error| StartError::System { what, error };
    std::fs::create_dir_all(&config.directory).map_err(system(config.directory.display().to_string()))?;
    let genesis = config.genesis();
    let zone = Zone::open(genesis.clone(), &config.directory.join("blocks.journal"))?;
    let key = VerifyingKey::new(config.pool.circuit).map_err(|error| StartError::Verifier(error.to_string()))?;
    let verifier = Verifier::new(key, config.proof_threads).map_err(|error| StartError::Verifier(error.to_string()))?;
    let listener = TcpListener::bind(config.listen).map_err(system(config.listen.to_string()))?;
    let listen = listener.local_addr().map_err(system(config.listen.to_string()))?;

    let (events, happening) = sync_channel(EVENTS_MAX);
    let archive = zone.archive();
    let desk = Desk::new(Arc::clone(&archive), events.clone(), genesis);
    let writer = Writer::new(zone, verifier, Published::in_folder(config.directory), config.interval);
    let thread = |name: &str| Builder::new().name(name.into());
    let writer = thread("writer").spawn(move || writer.run(&happening)).map_err(system("a thread".into()))?;
    thread("settle").spawn(move || link::run(&config.settle, &archive, &events)).map_err(system("a thread".into()))?;
    thread("wallets").spawn(move || server::run(&listener, &desk)).map_err(system("a thread".into()))?;
    Ok(Running { listen, writer })
}
