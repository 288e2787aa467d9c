//! The zone's configuration, TOML.
//!
//! ```toml
//! chain = 7
//! zone = 4
//! generation = 1                      # of the pool: another one is another pool
//! registrar = "64 hexadecimal digits" # signs roots of the registry
//! controller = "64 hexadecimal digits" # signs assets, freezes, the kill switch
//! directory = "privacy"               # the journal; relative paths start at this file's folder
//! settle = "zone-4/zone.sock"         # the socket of plinth-zone
//! listen = "127.0.0.1:7401"           # where wallets call
//! interval_ms = 200                   # blocks follow each other at this at the fastest; may be left out
//! proof_threads = 1                   # may be left out
//! ```

use crate::limits::FILE_SIZE_MAX;
use plinth_privacy::circuit::keys::CircuitVersion;
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::transaction::PoolId;
use plinth_types::id::{ChainId, PublicKey, ZoneId};
use serde::Deserialize;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Everything the zone's process needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneConfig {
    /// Which pool.
    pub pool: PoolId,
    /// Signs roots of the registry.
    pub registrar: PublicKey,
    /// Signs assets, freezes, the kill switch.
    pub controller: PublicKey,
    /// Where the journal is.
    pub directory: PathBuf,
    /// The host's socket.
    pub settle: PathBuf,
    /// Where wallets call.
    pub listen: SocketAddr,
    /// Least time between blocks.
    pub interval: Duration,
    /// Threads that check proofs, each a batch of its own.
    pub proof_threads: usize,
}

/// Why a file is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read, or is larger than any.
    #[error("{path}: {what}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// No TOML, or an entry that is unknown, missing, or of another type; says line and column.
    #[error("{path}: {error}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
    },
    /// A key that is none.
    #[error("{path}: {entry} is not a key of 64 hexadecimal digits")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Which entry.
        entry: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    chain: u64,
    zone: u16,
    generation: u32,
    registrar: String,
    controller: String,
    directory: PathBuf,
    settle: PathBuf,
    listen: SocketAddr,
    #[serde(default = "interval_ms")]
    interval_ms: u64,
    #[serde(default = "proof_threads")]
    proof_threads: usize,
}

const fn interval_ms() -> u64 {
    200
}

const fn proof_threads() -> usize {
    1
}

impl ZoneConfig {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|what| ConfigError::Read { path: path.into(), what })?;
        let text: Text = toml::from_str(&text).map_err(|error| ConfigError::Toml { path: path.into(), error: Box::new(error) })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let key = |entry, text: &str| digits(text).map(PublicKey).ok_or_else(|| ConfigError::Key { path: path.into(), entry });
        let pool = PoolId {
            chain: ChainId::new(text.chain),
            zone: ZoneId::new(text.zone),
            generation: text.generation,
            circuit: CircuitVersion::V1,
        };
        Ok(Self {
            pool,
            registrar: key("registrar", &text.registrar)?,
            controller: key("controller", &text.controller)?,
            directory: folder.join(text.directory),
            settle: folder.join(text.settle),
            listen: text.listen,
            interval: Duration::from_millis(text.interval_ms),
            proof_threads: text.proof_threads,
        })
    }

    /// The pool before its first block.
    #[must_use]
    pub fn genesis(&self) -> PoolState {
        PoolState::genesis(self.pool, self.registrar, self.controller)
    }
}

/// A small file as text.
pub fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_SIZE_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_SIZE_MAX { Err(format!("more than {FILE_SIZE_MAX} bytes")) } else { Ok(text) }
}

/// Bytes in hexadecimal digits, exactly as many as fit.
#[must_use]
pub fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn to_digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
