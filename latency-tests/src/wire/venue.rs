//! Who answers: an appliance of the scenario's making, or a peer.

use super::peer::{Peer, PeerError};
use super::scenario::Scenario;
use crate::appliance::{self, Appliance, Setup};
use plinth_node::replay::child::Login;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

/// A running venue; it ends with this value.
#[derive(Debug)]
pub(super) struct Venue {
    /// Where it accepts FIX.
    pub(super) fix: SocketAddr,
    /// Who may log on.
    pub(super) logins: Vec<Login>,
    _process: Process,
}

#[derive(Debug)]
enum Process {
    Appliance { _appliance: Box<Appliance> },
    Peer { _peer: Peer },
}

impl Venue {
    /// An appliance on a folder of its own in `dir`.
    pub(super) fn appliance(plinth: &Path, dir: &Path, durability: &str, scenario: &Scenario) -> Result<Self, Box<dyn Error>> {
        let setup =
            Setup { snapshot_interval_blocks: scenario.snapshot_interval_blocks, validators_absent: scenario.validators_absent };
        let appliance = appliance::start_as(plinth, dir, &["--durability", durability], setup)?;
        let ready = appliance.ready();
        Ok(Self {
            fix: ready.fix,
            logins: ready.sessions.clone(),
            _process: Process::Appliance { _appliance: Box::new(appliance) },
        })
    }

    /// The acceptor that `command` starts.
    pub(super) fn peer(command: &str) -> Result<Self, PeerError> {
        let peer = Peer::start(command)?;
        Ok(Self { fix: peer.address, logins: Peer::logins(), _process: Process::Peer { _peer: peer } })
    }
}
