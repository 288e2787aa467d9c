//! The file.

use super::limits::{ENTRY_SIZE_MAX, REWRITE_SIZE_MIN};
use plinth_gateway::bust::Told;
use plinth_matching::journal::Identity;
use plinth_types::choice;
use plinth_types::codec::Codec;
use plinth_types::id::{Height, Seq};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of the file in the zone's folder.
pub const TOLD_FILE: &str = "told.log";

const MAGIC: &[u8; 8] = b"PLNTTOLD";
const VERSION: u8 = 1;
const FILE_HEADER_SIZE: usize = 28;
const CRC_AT: usize = 24;
const ENTRY_HEADER_SIZE: usize = 8;

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum ToldError {
    /// The operating system's.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is of another zone or version, or its header is damaged.
    #[error("{} is no list of trades of this zone, or of another version", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// What one entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Both sides were told of a trade.
    Trade(Told),
    /// Settlement has rejected the zone's blocks from here on.
    Rejected {
        /// The first of them.
        first: Height,
    },
}

choice!(Entry, "entry of told trades" { 1 => Trade(told), 2 => Rejected { first } });

/// What the core stage has said, as the producer stage is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said {
    /// A trade.
    Trade(Told),
    /// A block and all before it are settled: up to this record.
    Settled { height: Height, last_seq: Seq },
}

/// The open file.
#[derive(Debug)]
pub struct ToldLog {
    path: PathBuf,
    identity: Identity,
    file: File,
    size: u64,
    /// When it was rewritten.
    size_rewritten: u64,
    settled: (Height, Seq),
}

impl ToldLog {
    /// What the file at `path` holds; nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`ToldError`].
    pub fn read(path: &Path, identity: Identity) -> Result<Vec<Entry>, ToldError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ToldError::Io { path: path.into(), error }),
        };
        let Some(mut rest) = bytes.strip_prefix(&file_header(identity)) else {
            return Err(ToldError::Foreign { path: path.into() });
        };
        let mut entries = Vec::new();
        while let Some((entry, size)) = whole_entry(rest) {
            entries.push(entry);
            rest = &rest[size..];
        }
        Ok(entries)
    }

    /// Writes a file with these entries in the place of the one at `path`, in one step, and goes on behind them.
    ///
    /// # Errors
    ///
    /// [`ToldError::Io`].
    pub fn rewrite(path: &Path, identity: Identity, entries: &[Entry]) -> Result<Self, ToldError> {
        let failed = |error| ToldError::Io { path: path.into(), error };
        let mut bytes = file_header(identity).to_vec();
        entries.iter().for_each(|entry| write_entry(entry, &mut bytes));
        let unfinished = path.with_extension("new");
        let mut file = File::create(&unfinished).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&unfinished, path).map_err(failed)?;
        let parent = path.parent().unwrap_or(Path::new("."));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let size = bytes.len() as u64;
        Ok(Self { path: path.into(), identity, file, size, size_rewritten: size, settled: Default::default() })
    }

    /// Takes what was said, in order.
    pub(crate) fn take(&mut self, said: impl Iterator<Item = Said>) -> Result<(), ToldError> {
        let mut bytes = Vec::new();
        for said in said {
            match said {
                Said::Trade(told) => write_entry(&Entry::Trade(told), &mut bytes),
                Said::Settled { height, last_seq } => self.settled = self.settled.max((height, last_seq)),
            }
        }
        self.append(&bytes)?;
        if self.size >= REWRITE_SIZE_MIN + 2 * self.size_rewritten {
            let (height, last_seq) = self.settled;
            let mut entries = Self::read(&self.path, self.identity)?;
            entries.retain(|entry| match entry {
                Entry::Trade(told) => told.record > last_seq,
                Entry::Rejected { first } => *first > height,
            });
            *self = Self { settled: self.settled, ..Self::rewrite(&self.path, self.identity, &entries)? };
        }
        Ok(())
    }

    /// Settlement has rejected the zone's blocks from `first` on: durable when it returns, and so is every trade that was taken.
    pub(crate) fn reject(&mut self, first: Height) -> Result<(), ToldError> {
        let mut bytes = Vec::new();
        write_entry(&Entry::Rejected { first }, &mut bytes);
        self.append(&bytes)?;
        self.file.sync_data().map_err(|error| ToldError::Io { path: self.path.clone(), error })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), ToldError> {
        self.file.write_all(bytes).map_err(|error| ToldError::Io { path: self.path.clone(), error })?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}

fn file_header(Identity { chain, zone }: Identity) -> [u8; FILE_HEADER_SIZE] {
    let mut bytes = [0; FILE_HEADER_SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = VERSION;
    bytes[12..14].copy_from_slice(&zone.get().to_le_bytes());
    bytes[16..24].copy_from_slice(&chain.get().to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn write_entry(entry: &Entry, out: &mut Vec<u8>) {
    let bytes = entry.to_bytes();
    assert!(bytes.len() <= ENTRY_SIZE_MAX, "an entry of {} bytes", bytes.len());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    out.extend_from_slice(&bytes);
}

/// The entry at the front with its size in the file, if it is whole.
fn whole_entry(bytes: &[u8]) -> Option<(Entry, usize)> {
    let (head, rest) = bytes.split_first_chunk::<ENTRY_HEADER_SIZE>()?;
    let size = u32::from_le_bytes(*head.first_chunk()?) as usize;
    let crc = u32::from_le_bytes(*head.last_chunk()?);
    let entry = rest.get(..size).filter(|entry| size <= ENTRY_SIZE_MAX && crc32c::crc32c(entry) == crc)?;
    Some((Entry::decode(entry).ok()?, ENTRY_HEADER_SIZE + size))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use plinth_types::id::{ChainId, OrderId, SessionId, TimestampNs, TradeId, ZoneId};
    use plinth_types::quantity::{Price, Qty};

    const IDENTITY: Identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };

    pub(in crate::told) fn told(record: u64, ticks: i64) -> Told {
        let order = |session| OrderId::new(SessionId::new(session), record).unwrap();
        Told {
            record: Seq::new(record),
            event: 1,
            trade: TradeId::new(record),
            time: TimestampNs::new(5),
            price: Price::from_ticks(ticks).unwrap(),
            qty: Qty::from_lots(6).unwrap(),
            maker: order(1),
            taker: order(2),
            maker_sells: true,
        }
    }

    #[test]
    fn the_bytes_on_disk_are_pinned_and_a_torn_end_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOLD_FILE);
        assert_eq!(ToldLog::read(&path, IDENTITY).unwrap(), []);
        let mut log = ToldLog::rewrite(&path, IDENTITY, &[Entry::Trade(told(1, 5))]).unwrap();
        log.take([Said::Trade(told(2, 6))].into_iter()).unwrap();
        log.reject(Height::new(3)).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!((bytes.len(), crc32c::crc32c(&bytes)), GOLDEN);
        let all = [Entry::Trade(told(1, 5)), Entry::Trade(told(2, 6)), Entry::Rejected { first: Height::new(3) }];
        assert_eq!(ToldLog::read(&path, IDENTITY).unwrap(), all);
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(ToldLog::read(&path, IDENTITY).unwrap(), all[..2]);
        let foreign = Identity { chain: ChainId::new(8), ..IDENTITY };
        assert!(matches!(ToldLog::read(&path, foreign), Err(ToldError::Foreign { .. })));
    }

    const GOLDEN: (usize, u32) = (193, 3_700_559_146);
}
