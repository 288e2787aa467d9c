//! A validator's configuration, and its TOML form.
//!
//! ```toml
//! key_file = "validator.key"          # 64 hexadecimal digits; relative paths start at this file's folder
//! genesis = "genesis.toml"
//! directory = "data"
//! listen = "127.0.0.1:7101"           # or "none": dials out only, from behind a NAT
//! http = "127.0.0.1:7181"             # may be left out; histograms and checkpoints, to anyone who reaches it
//! clients = []                        # keys beside the zones' producers and the governors
//! idle_interval_ms = 500              # how long an idle proposer waits for content
//! worker_threads = 1
//! proof_verifiers = ["plinth-verify"] # may be left out: then it says nothing of proofs; paths, or programs beside this one
//! state_sync = false                  # true: an empty directory begins with the state that the others certify, if they are far ahead
//!
//! [checkpoints]                       # may be left out: then it signs none
//! group_file = "group.hex"            # the group's polynomial, the same for all: `plinth-validator --deal`
//! share_file = "share.hex"            # this validator's own; may be left out
//! every_blocks = 16                   # the same for all
//!
//! [[checkpoints.next]]                # a group that takes over, the same for all; any number, in order
//! first_height = 28800                # signs from here on
//! group_file = "group-2.hex"
//! share_file = "share-2.hex"          # may be left out: this validator is not in it
//! validators = ["64 hexadecimal digits"]   # whose shares they are, in ascending order
//!
//! [[validators]]                      # where validators listen; those that are not here dial this one
//! key = "64 hexadecimal digits"
//! address = "127.0.0.1:7101"
//! ```

mod groups;

use crate::limits::CONFIG_SIZE_MAX;
use plinth_settlement::checkpoint::{Polynomial, Share};
use plinth_settlement::committee::Committee;
use plinth_settlement::consensus::limits::{IDLE_INTERVAL_DEFAULT, IDLE_INTERVAL_MAX};
use plinth_settlement::genesis::{Genesis, GenesisTextError};
use plinth_settlement::keys::{KeyError, SecretKey, parse_public_key};
use plinth_settlement::transport::Peer;
use plinth_types::id::{Height, PublicKey};
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Everything a validator needs.
#[derive(Clone, Debug)]
pub struct ValidatorConfig {
    /// Its key, a validator's of the genesis.
    pub key: SecretKey,
    /// Where it listens; `None` dials out only.
    pub listen: Option<SocketAddr>,
    /// Where it serves histograms and checkpoints over HTTP.
    pub http: Option<SocketAddr>,
    /// Where validators listen, those included that may become one. Who is not here dials this one.
    pub peers: Vec<Peer>,
    /// The chain.
    pub genesis: Arc<Genesis>,
    /// Where it keeps votes, blocks and certificates; created if missing.
    pub directory: PathBuf,
    /// Clients let in beside the producers of the genesis.
    pub clients: Vec<PublicKey>,
    /// How long an idle proposer waits for content. The same for all validators of a chain.
    pub idle_interval: Duration,
    /// Threads that run it.
    pub worker_threads: NonZeroUsize,
    /// Whether an empty directory begins with the state that the others certify, if they are far ahead, and not with every block.
    pub state_sync: bool,
    /// The programs that verify proofs of zone blocks, each of its own guests; of other blocks this validator says nothing.
    pub proof_verifiers: Vec<PathBuf>,
    /// Its share of the group that signs checkpoints.
    pub checkpoints: Option<CheckpointConfig>,
}

/// What it signs checkpoints with.
#[derive(Clone, Debug)]
pub struct CheckpointConfig {
    /// The group of the validators of the genesis, and those that take over from it, by height.
    pub groups: Vec<CheckpointGroup>,
    /// Every so many blocks.
    pub every: NonZeroU64,
}

/// Validators that sign checkpoints together.
#[derive(Clone, Debug)]
pub struct CheckpointGroup {
    /// The first height whose checkpoint it signs.
    pub first: Height,
    /// Its public side.
    pub polynomial: Polynomial,
    /// This validator's share, if it is in the group.
    pub share: Option<Share>,
    /// Whose shares they are, ascending.
    pub members: Committee,
}

/// Why a file is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Larger than any configuration.
    #[error("{path}: {size} bytes, at most {CONFIG_SIZE_MAX} are read")]
    Size {
        /// Which file.
        path: PathBuf,
        /// How large.
        size: u64,
    },
    /// No TOML, or a key that is unknown, missing, or of another type; says line and column.
    #[error("{path}: {error}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: String,
    },
    /// A key that cannot be read.
    #[error("{path}: {entry}: {error}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        entry: String,
        /// What is wrong.
        error: KeyError,
    },
    /// A group or share that cannot be read, or that do not fit each other and the genesis.
    #[error("{path}: {error}")]
    Group {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// A genesis that cannot be read.
    #[error("{path}: {error}")]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: GenesisTextError,
    },
    /// Out of its bounds.
    #[error("{path}: idle_interval_ms = {value}, 1 to {max} are allowed")]
    IdleInterval {
        /// Which file.
        path: PathBuf,
        /// What was written.
        value: u64,
        /// The bound.
        max: u128,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigText {
    key_file: PathBuf,
    genesis: PathBuf,
    directory: PathBuf,
    listen: ListenText,
    http: Option<SocketAddr>,
    #[serde(default)]
    clients: Vec<String>,
    idle_interval_ms: Option<u64>,
    worker_threads: Option<NonZeroUsize>,
    state_sync: Option<bool>,
    #[serde(default)]
    proof_verifiers: Vec<PathBuf>,
    validators: Vec<PeerText>,
    checkpoints: Option<CheckpointText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointText {
    group_file: PathBuf,
    share_file: Option<PathBuf>,
    every_blocks: NonZeroU64,
    #[serde(default)]
    next: Vec<NextText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextText {
    first_height: u64,
    group_file: PathBuf,
    share_file: Option<PathBuf>,
    validators: Vec<String>,
}

/// An address, or the word `none`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ListenText(Option<SocketAddr>);

impl TryFrom<String> for ListenText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "none" => Ok(Self(None)),
            address => address
                .parse()
                .map(|address| Self(Some(address)))
                .map_err(|_| format!("'{address}' is no address and not \"none\"")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerText {
    key: String,
    address: SocketAddr,
}

impl ValidatorConfig {
    /// Reads a file, and the files that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the file, and line and column or the entry.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text: ConfigText =
            toml::from_str(&read(path)?).map_err(|error| ConfigError::Toml { path: path.into(), error: error.to_string() })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let key_path = folder.join(&text.key_file);
        let key = SecretKey::from_hex(read(&key_path)?.trim());
        let key = key.map_err(|error| ConfigError::Key { path: key_path, entry: "the key".to_owned(), error })?;
        let genesis_path = folder.join(&text.genesis);
        let genesis = Genesis::from_text(&read(&genesis_path)?);
        let genesis = genesis.map_err(|error| ConfigError::Genesis { path: genesis_path, error })?;
        let public_key = |text: &str, entry: String| {
            parse_public_key(text).map_err(|error| ConfigError::Key { path: path.into(), entry, error })
        };
        let peers =
            text.validators.iter().enumerate().map(|(index, peer)| {
                Ok(Peer { key: public_key(&peer.key, format!("validators[{index}]"))?, address: peer.address })
            });
        let peers = peers.collect::<Result<_, ConfigError>>()?;
        let clients = text.clients.iter().enumerate().map(|(index, key)| public_key(key, format!("clients[{index}]")));
        let clients = clients.collect::<Result<_, _>>()?;
        let idle_interval = match text.idle_interval_ms {
            None => IDLE_INTERVAL_DEFAULT,
            Some(value) if value > 0 && u128::from(value) <= IDLE_INTERVAL_MAX.as_millis() => Duration::from_millis(value),
            Some(value) => {
                return Err(ConfigError::IdleInterval { path: path.into(), value, max: IDLE_INTERVAL_MAX.as_millis() });
            }
        };
        let checkpoints = text.checkpoints.map(|text| groups::read_all(path, text, &genesis, &key.public_key())).transpose()?;
        Ok(Self {
            key,
            listen: text.listen.0,
            http: text.http,
            peers,
            genesis: Arc::new(genesis),
            directory: folder.join(text.directory),
            clients,
            idle_interval,
            worker_threads: text.worker_threads.unwrap_or(NonZeroUsize::MIN),
            state_sync: text.state_sync.unwrap_or(false),
            proof_verifiers: text.proof_verifiers.into_iter().map(|program| beside(program, folder)).collect(),
            checkpoints,
        })
    }
}

/// Where a program is that a configuration in `folder` names: a bare name lies beside this program, a path begins at the folder.
#[must_use]
pub fn beside(program: PathBuf, folder: &Path) -> PathBuf {
    let is_name = program.components().count() == 1 && program.is_relative();
    let here = std::env::current_exe().ok().filter(|_| is_name);
    here.and_then(|here| Some(here.parent()?.join(&program))).unwrap_or_else(|| folder.join(program))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |source| ConfigError::Read { path: path.into(), source };
    let size = std::fs::metadata(path).map_err(error)?.len();
    if size > CONFIG_SIZE_MAX.max(plinth_settlement::limits::GENESIS_TEXT_SIZE_MAX as u64) {
        return Err(ConfigError::Size { path: path.into(), size });
    }
    std::fs::read_to_string(path).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("validator.toml");
        std::fs::write(&path, "key_file = \"k\"\ngenesis = \"g\"\nworker_thread = 2\n").unwrap();
        let error = ValidatorConfig::load(&path).unwrap_err().to_string();
        assert!(error.contains("line 3, column 1") && error.contains("worker_thread"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = ValidatorConfig::load(Path::new("/nowhere/validator.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/validator.toml"), "{error}");
    }
}
