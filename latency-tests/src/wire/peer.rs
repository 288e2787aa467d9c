//! Another acceptor, given by a command line, so that the same client measures it in the same run.

use plinth_node::replay::child::Login;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Stands in the command for the port that it must listen on.
const PORT: &str = "{port}";
const LISTENS_WITHIN: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(10);
const SESSION_COUNT: u8 = 8;

/// A running peer; it is killed with this value.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    /// Where it accepts FIX 4.4.
    pub(super) address: SocketAddr,
}

/// Why there is no peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// It could not know where to listen.
    #[error("the peer's command must say {PORT} where its port stands: {command}")]
    NoPort {
        /// As it was given.
        command: String,
    },
    /// The system refuses.
    #[error("peer {command}: {error}")]
    Io {
        /// As it was given.
        command: String,
        /// What the system said.
        error: io::Error,
    },
    /// It ended.
    #[error("peer {command}: ended before it listened ({status})")]
    Ended {
        /// As it was given.
        command: String,
        /// How.
        status: ExitStatus,
    },
    /// It did not listen in time.
    #[error("peer {command}: did not listen within {} s", LISTENS_WITHIN.as_secs())]
    TooSlow {
        /// As it was given.
        command: String,
    },
}

impl Peer {
    /// Runs `command`, words apart by spaces, without a shell, and waits until it listens on a port of loopback that was free.
    pub(super) fn start(command: &str) -> Result<Self, PeerError> {
        if !command.contains(PORT) {
            return Err(PeerError::NoPort { command: command.to_owned() });
        }
        let failed = |error| PeerError::Io { command: command.to_owned(), error };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.map_err(failed)?;
        let mut words = command.split_whitespace().map(|word| word.replace(PORT, &address.port().to_string()));
        let program = words.next().unwrap_or_default();
        let child = Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(failed)?;
        let mut peer = Self { child, address };
        let deadline = Instant::now() + LISTENS_WITHIN;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = peer.child.try_wait().map_err(failed)? {
                return Err(PeerError::Ended { command: command.to_owned(), status });
            }
            if Instant::now() >= deadline {
                return Err(PeerError::TooSlow { command: command.to_owned() });
            }
            std::thread::sleep(ASK_EVERY);
        }
        Ok(peer)
    }

    /// Who may log on to any peer: FIRM1 to FIRM8, to PEER.
    pub(super) fn logins() -> Vec<Login> {
        let login = |firm| Login {
            sender_comp_id: format!("FIRM{firm}"),
            target_comp_id: "PEER".into(),
            password: "peer".into(),
            account: format!("FIRM{firm}"),
        };
        (1..=SESSION_COUNT).map(login).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_cannot_be_says_why() {
        assert!(matches!(Peer::start("true"), Err(PeerError::NoPort { .. })));
        assert!(matches!(Peer::start("/nowhere/acceptor {port}"), Err(PeerError::Io { .. })));
        let ended = Peer::start("false {port}").unwrap_err().to_string();
        assert!(ended.contains("false {port}") && ended.contains("exit status: 1"), "{ended}");
    }
}
