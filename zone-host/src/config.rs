//! A host's configuration, and its TOML form.
//!
//! ```toml
//! zone = 3
//! key_file = "producer.key"           # 64 hexadecimal digits; relative paths start at this file's folder
//! reader_key_file = "reader.key"      # 64 hexadecimal digits: what the zone's readers share
//! genesis = "genesis.toml"
//! directory = "zone-3"                # the zone's data directory; created if missing, one host at a time
//! socket = "zone-3/zone.sock"         # may be left out: zone.sock in the directory
//! bodies_are_proofs = false           # true, in mode proven: validators verify the bodies, which the host brings them in the clear
//!
//! [[validators]]                      # where validators listen
//! key = "64 hexadecimal digits"
//! address = "127.0.0.1:7101"
//! ```

use crate::limits::CONFIG_SIZE_MAX;
use plinth_settlement::dispersal::ReaderKey;
use plinth_settlement::genesis::{Genesis, GenesisTextError};
use plinth_settlement::keys::{KeyError, SecretKey, parse_public_key};
use plinth_settlement::limits::GENESIS_TEXT_SIZE_MAX;
use plinth_settlement::transport::Peer;
use plinth_types::id::ZoneId;
use serde::Deserialize;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Everything a host needs.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The zone.
    pub zone: ZoneId,
    /// The producer's key.
    pub key: SecretKey,
    /// To whose holders bodies are enciphered.
    pub reader_key: ReaderKey,
    /// The chain.
    pub genesis: Arc<Genesis>,
    /// The zone's data directory.
    pub directory: PathBuf,
    /// Where zone processes call.
    pub socket: PathBuf,
    /// Whether a block's body is its proof, to be brought to the validators in the clear.
    pub bodies_are_proofs: bool,
    /// Where the validators listen.
    pub validators: Vec<Peer>,
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
    /// Larger than any such file.
    #[error("{path}: more than {size_max} bytes")]
    Size {
        /// Which file.
        path: PathBuf,
        /// The bound.
        size_max: u64,
    },
    /// No TOML, or a key that is unknown, missing, or of another type; says line and column.
    #[error("{path}: {error}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
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
    /// A genesis that cannot be read.
    #[error("{path}: {error}")]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: Box<GenesisTextError>,
    },
    /// The genesis has no such zone.
    #[error("{path}: the genesis has no zone {zone}")]
    NoZone {
        /// Which file.
        path: PathBuf,
        /// Which zone.
        zone: ZoneId,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostText {
    zone: u16,
    key_file: PathBuf,
    reader_key_file: PathBuf,
    genesis: PathBuf,
    directory: PathBuf,
    socket: Option<PathBuf>,
    #[serde(default)]
    bodies_are_proofs: bool,
    validators: Vec<Listening>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listening {
    key: String,
    address: SocketAddr,
}

impl HostConfig {
    /// Reads a file, and the files that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the file, and line and column or the entry.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path, CONFIG_SIZE_MAX)?;
        let text: HostText = toml::from_str(&text).map_err(|error| ConfigError::Toml { path: path.into(), error: error.into() })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let genesis_path = folder.join(&text.genesis);
        let genesis = Genesis::from_text(&read(&genesis_path, GENESIS_TEXT_SIZE_MAX as u64)?)
            .map_err(|error| ConfigError::Genesis { path: genesis_path, error: error.into() })?;
        let zone = ZoneId::new(text.zone);
        if genesis.zones().iter().all(|known| known.id != zone) {
            return Err(ConfigError::NoZone { path: path.into(), zone });
        }
        let mut validators = Vec::new();
        for (index, Listening { key, address }) in text.validators.into_iter().enumerate() {
            let key = parse_public_key(&key);
            let entry = || format!("validators[{index}]");
            let key = key.map_err(|error| ConfigError::Key { path: path.into(), entry: entry(), error })?;
            validators.push(Peer { key, address });
        }
        let directory = folder.join(text.directory);
        Ok(Self {
            zone,
            key: read_secret(&folder.join(text.key_file))?,
            reader_key: ReaderKey::new(read_secret(&folder.join(text.reader_key_file))?.expose_seed()),
            genesis: Arc::new(genesis),
            socket: text.socket.map_or_else(|| directory.join(SOCKET_FILE), |socket| folder.join(socket)),
            directory,
            bodies_are_proofs: text.bodies_are_proofs,
            validators,
        })
    }
}

/// Name of the socket in the data directory, unless configured otherwise.
const SOCKET_FILE: &str = "zone.sock";

/// Reads a key file.
///
/// # Errors
///
/// [`ConfigError`].
pub fn read_secret(path: &Path) -> Result<SecretKey, ConfigError> {
    let key = SecretKey::from_hex(read(path, CONFIG_SIZE_MAX)?.trim());
    key.map_err(|error| ConfigError::Key { path: path.into(), entry: "the key".to_owned(), error })
}

fn read(path: &Path, size_max: u64) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.into(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(size_max + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > size_max { Err(ConfigError::Size { path: path.into(), size_max }) } else { Ok(text) }
}
