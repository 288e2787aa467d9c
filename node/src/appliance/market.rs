//! The market data stage: the feed of durable records, on a thread of its own that nothing waits for.

use super::start::{StartError, system};
use super::views::Views;
use crate::config::schema;
use plinth_market_data::net::{ServerConfig, Stage, StageConfig, StageError};
use plinth_matching::journal::JournalStatus;
use plinth_matching::limits::Capacity;
use plinth_types::id::ZoneId;
use rustix::event::{EventfdFlags, eventfd};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the feed is, as the ready file says it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReadyMarketData {
    /// Where datagrams go.
    pub targets: Vec<SocketAddr>,
    /// Where requests for retransmission come in (UDP).
    pub requests: SocketAddr,
    /// Where snapshots are fetched (TCP).
    pub snapshots: SocketAddr,
}

/// Wakes the stage, from any thread.
#[derive(Clone, Debug)]
pub(super) struct MarketWaker(Arc<File>);

impl MarketWaker {
    pub(super) fn new() -> Result<Self, StartError> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        event.map(|event| Self(Arc::new(event.into()))).map_err(|error| system("an eventfd", error.into()))
    }

    pub(super) fn wake(&self) {
        // A full counter refuses the write: then a wake-up is pending anyway.
        let _ = (&*self.0).write(&1_u64.to_ne_bytes());
    }
}

/// The stage.
pub(super) struct MarketStage {
    stage: Stage,
    journal: Arc<JournalStatus>,
    waker: MarketWaker,
    views: Views,
    stopping: Arc<AtomicBool>,
}

impl MarketStage {
    /// Takes the sockets and opens the journal, which has its first segment.
    pub(super) fn open(
        config: &schema::MarketData,
        capacity: Capacity,
        (journal, folder): (Arc<JournalStatus>, &Path),
        waker: MarketWaker,
        views: Views,
        stopping: Arc<AtomicBool>,
    ) -> Result<Self, StartError> {
        let server = ServerConfig {
            targets: config.targets.clone(),
            interface: config.interface,
            ttl: config.ttl,
            requests: config.requests,
            snapshots: config.snapshots,
            allowed: config.allowed.clone(),
        };
        let config = StageConfig { zone: ZoneId::TRADING, capacity, server: Some(server), files: config.itch_folder.clone() };
        Ok(Self { stage: Stage::open(&config, folder)?, journal, waker, views, stopping })
    }

    pub(super) fn ready(&self, config: &schema::MarketData) -> io::Result<Option<ReadyMarketData>> {
        let Some(server) = self.stage.server() else { return Ok(None) };
        let (requests, snapshots) = (server.requests_address()?, server.snapshots_address()?);
        Ok(Some(ReadyMarketData { targets: config.targets.clone(), requests, snapshots }))
    }

    /// Runs until it is told to stop; then says what is left.
    pub(super) fn run(mut self) -> Result<(), StageError> {
        without_file(self.stage.catch_up(&*self.journal).map(|()| false))?;
        loop {
            let stopping = self.stopping.load(Ordering::Acquire);
            let more = without_file(self.stage.turn(&*self.journal))?;
            self.views.say(self.stage.feed().publisher());
            if more {
                continue;
            }
            if stopping {
                return Ok(());
            }
            self.stage.wait(self.waker.0.as_fd())?;
            // Emptied before the journal is looked at again, so no publication is missed.
            let _ = (&*self.waker.0).read(&mut [0; 8]);
        }
    }
}

/// A day's file that cannot be written is said; the feed goes on without it.
fn without_file(done: Result<bool, StageError>) -> Result<bool, StageError> {
    match done {
        Err(StageError::File(error)) => {
            tracing::error!(%error, "the ITCH file of the day is given up");
            Ok(false)
        }
        done => done,
    }
}
