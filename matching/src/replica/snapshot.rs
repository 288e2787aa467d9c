//! Snapshots: the zone's pages behind a block, in one file.
//!
//! ```text
//! 0          8         9     12     14    16     24      32     40      66    68      100          108     1…
//! │"PLNTSNAP"│ version │ zero │ zone │ zero │ chain │ height │ seq │ capacity │ zero │ root │ page count │ pages … │ crc │
//!
//! page:  │ region u16 │ number u32 │ 512 bytes │
//! ```
//!
//! The crc covers everything before it. A snapshot gets its name when it is durable. It is used only if the crc is right, its pages
//! restore to its root, and its root is the one that the block log recorded at its height: the root is what is trusted.

use super::limits::SNAPSHOTS_KEPT;
use crate::engine::Engine;
use crate::journal::Identity;
use crate::limits::{Capacity, CapacityError};
use crate::state::{Page, PageNumber, RestoreError, pages, restore, root_of};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, Seq, ZoneId};
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"PLNTSNAP";
const VERSION: u8 = 1;
const HEADER_SIZE: usize = 108;
const SUFFIX: &str = ".snapshot";
const SUFFIX_UNFINISHED: &str = ".snapshot.new";

/// Which state a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Of which zone.
    pub identity: Identity,
    /// The block behind which it was taken.
    pub height: Height,
    /// That block's last record.
    pub seq: Seq,
    /// Bounds of the zone.
    pub capacity: Capacity,
    /// State root.
    pub root: Digest,
}

/// Why a snapshot cannot be written or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system's.
    #[error("{op} of a snapshot failed: {}", std::io::Error::from_raw_os_error(*.errno))]
    File {
        /// What was tried.
        op: &'static str,
        /// The operating system's number.
        errno: i32,
    },
    /// It ends early.
    #[error("snapshot cut short")]
    Truncated,
    /// Its checksum is wrong.
    #[error("snapshot checksum is {crc:08x}, recorded is {crc_recorded:08x}")]
    Checksum {
        /// Of the bytes read.
        crc: u32,
        /// In the file.
        crc_recorded: u32,
    },
    /// Not a snapshot, or of another version.
    #[error("unknown snapshot format, version {found}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Another zone's.
    #[error("snapshot of chain {} zone {}", .found.chain, .found.zone)]
    Foreign {
        /// Whose it is.
        found: Identity,
    },
    /// Made for other bounds than the configured ones.
    #[error("snapshot of a zone with another capacity")]
    OtherCapacity,
    /// Its bounds are impossible.
    #[error("snapshot capacity: {0}")]
    Capacity(CapacityError),
    /// Its pages are no state.
    #[error("snapshot pages: {0}")]
    Restore(RestoreError),
    /// Its pages restore to another root.
    #[error("snapshot restores to root {root}, recorded is {root_recorded}")]
    Root {
        /// What the pages give.
        root: Digest,
        /// What was recorded.
        root_recorded: Digest,
    },
    /// The block log has no such block, or with another last record.
    #[error("snapshot of block {height} at record {seq}, which the block log does not know")]
    UnknownBlock {
        /// The block.
        height: Height,
        /// Its last record.
        seq: Seq,
    },
}

/// Writes a snapshot of the engine to `directory` and removes all but the newest few.
///
/// # Errors
///
/// The operating system's; older snapshots are untouched then.
pub fn write<T: Touch>(
    directory: &Path,
    identity: Identity,
    height: Height,
    root: Digest,
    engine: &Engine<T>,
) -> Result<PathBuf, SnapshotError> {
    let header = SnapshotHeader { identity, height, seq: engine.last_seq(), capacity: *engine.capacity(), root };
    fs::create_dir_all(directory).map_err(failed("creation"))?;
    let path = directory.join(format!("{height:016}{SUFFIX}"));
    let unfinished = directory.join(format!("{height:016}{SUFFIX_UNFINISHED}"));
    let file = File::create(&unfinished).map_err(failed("creation"))?;
    let mut out = Checksummed { inner: BufWriter::new(file), crc: 0 };
    let page_count = pages(engine).count() as u64;
    let mut write = || -> io::Result<()> {
        out.write_all(&encode(&header))?;
        out.write_all(&page_count.to_le_bytes())?;
        for page in pages(engine) {
            out.write_all(&page.region.get().to_le_bytes())?;
            out.write_all(&page.number.get().to_le_bytes())?;
            out.write_all(&page.bytes)?;
        }
        let crc = out.crc;
        out.inner.write_all(&crc.to_le_bytes())?;
        out.inner.flush()?;
        out.inner.get_ref().sync_all()
    };
    write().map_err(failed("write"))?;
    fs::rename(&unfinished, &path).map_err(failed("renaming"))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("sync"))?;
    let all = list(directory)?;
    for (_, old) in all.iter().rev().skip(SNAPSHOTS_KEPT) {
        fs::remove_file(old).map_err(failed("removal"))?;
    }
    Ok(path)
}

/// Reads the snapshot in `path` into an engine. Its root has been computed anew.
///
/// # Errors
///
/// [`SnapshotError`].
pub fn read<T: Touch>(
    path: &Path,
    identity: Identity,
    capacity: Capacity,
    touch: T,
) -> Result<(SnapshotHeader, Engine<T>), SnapshotError> {
    check_crc(path)?;
    let mut input = BufReader::new(File::open(path).map_err(failed("open"))?);
    let mut bytes = [0; HEADER_SIZE - 8];
    read_exact(&mut input, &mut bytes)?;
    let header = decode(&bytes)?;
    if header.identity != identity {
        return Err(SnapshotError::Foreign { found: header.identity });
    }
    if header.capacity != capacity {
        return Err(SnapshotError::OtherCapacity);
    }
    let mut count = [0; 8];
    read_exact(&mut input, &mut count)?;
    let mut failure = None;
    let pages = (0..u64::from_le_bytes(count)).map_while(|_| match read_page(&mut input) {
        Ok(page) => Some(page),
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let engine = restore(capacity, pages, touch);
    if let Some(error) = failure {
        return Err(error);
    }
    let engine = engine.map_err(SnapshotError::Restore)?;
    let root = root_of(&engine);
    if root != header.root || engine.last_seq() != header.seq {
        return Err(SnapshotError::Root { root, root_recorded: header.root });
    }
    Ok((header, engine))
}

/// The snapshots in `directory`, oldest first.
///
/// # Errors
///
/// The operating system's.
pub fn list(directory: &Path) -> Result<Vec<(Height, PathBuf)>, SnapshotError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("listing")(error)),
    };
    let mut snapshots = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed("listing"))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(height) = name.and_then(|height| height.parse().ok()) {
            snapshots.push((Height::new(height), path));
        }
    }
    snapshots.sort();
    Ok(snapshots)
}

fn encode(header: &SnapshotHeader) -> [u8; HEADER_SIZE - 8] {
    let mut bytes = [0; HEADER_SIZE - 8];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = VERSION;
    bytes[12..14].copy_from_slice(&header.identity.zone.get().to_le_bytes());
    bytes[16..24].copy_from_slice(&header.identity.chain.get().to_le_bytes());
    bytes[24..32].copy_from_slice(&header.height.get().to_le_bytes());
    bytes[32..40].copy_from_slice(&header.seq.get().to_le_bytes());
    bytes[40..40 + Capacity::ENCODED_SIZE].copy_from_slice(&header.capacity.to_bytes());
    bytes[68..100].copy_from_slice(&header.root.0);
    bytes
}

fn decode(bytes: &[u8; HEADER_SIZE - 8]) -> Result<SnapshotHeader, SnapshotError> {
    if bytes[..8] != *MAGIC || bytes[8] != VERSION {
        return Err(SnapshotError::Version { found: bytes[8] });
    }
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let capacity = bytes[40..].first_chunk::<{ Capacity::ENCODED_SIZE }>().expect("within the header");
    Ok(SnapshotHeader {
        identity: Identity { chain: ChainId::new(word(16)), zone: ZoneId::new(u16::from_le_bytes([bytes[12], bytes[13]])) },
        height: Height::new(word(24)),
        seq: Seq::new(word(32)),
        capacity: Capacity::from_bytes(capacity).map_err(SnapshotError::Capacity)?,
        root: Digest(bytes[68..100].try_into().expect("32 bytes")),
    })
}

fn read_page(input: &mut impl Read) -> Result<Page, SnapshotError> {
    let mut place = [0; 6];
    read_exact(input, &mut place)?;
    let mut bytes = [0; PAGE_SIZE];
    read_exact(input, &mut bytes)?;
    let region = RegionId::new(u16::from_le_bytes([place[0], place[1]]));
    let number = PageNumber::new(u32::from_le_bytes([place[2], place[3], place[4], place[5]]));
    Ok(Page { region, number, bytes })
}

/// Nothing of a snapshot is looked at before its checksum is right.
fn check_crc(path: &Path) -> Result<(), SnapshotError> {
    let mut input = File::open(path).map_err(failed("open"))?;
    let size = input.metadata().map_err(failed("open"))?.len();
    let mut left = size.checked_sub(4).ok_or(SnapshotError::Truncated)?;
    let mut buffer = vec![0; 1 << 16];
    let mut crc = 0;
    while left > 0 {
        let piece = &mut buffer[..left.min(1 << 16) as usize];
        read_exact(&mut input, piece)?;
        crc = crc32c::crc32c_append(crc, piece);
        left -= piece.len() as u64;
    }
    let mut recorded = [0; 4];
    read_exact(&mut input, &mut recorded)?;
    let crc_recorded = u32::from_le_bytes(recorded);
    if crc == crc_recorded { Ok(()) } else { Err(SnapshotError::Checksum { crc, crc_recorded }) }
}

fn read_exact(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), SnapshotError> {
    input.read_exact(bytes).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof { SnapshotError::Truncated } else { failed("read")(error) }
    })
}

struct Checksummed<W> {
    inner: W,
    crc: u32,
}

impl<W: Write> Checksummed<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.inner.write_all(bytes)
    }
}

fn failed(op: &'static str) -> impl Fn(io::Error) -> SnapshotError {
    move |error| SnapshotError::File { op, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::command::{Body, Command};
    use plinth_types::id::{MandateId, SessionId, TimestampNs};
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_bytes_on_disk_are_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };
        let mut engine = Engine::new(Capacity { orders_max: 100, ..Capacity::default() }, ());
        let command = Command {
            seq: Seq::new(9),
            time: TimestampNs::new(1),
            session: SessionId::APPLIANCE,
            mandate: MandateId::new(0),
            body: Body::Configure,
            tail_size: 0,
        };
        engine.apply(&command, &[], &mut ());
        let path = write(dir.path(), identity, Height::new(3), Digest([6; 32]), &engine).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(decode(bytes.first_chunk().unwrap()).unwrap().seq, Seq::new(9));
        // The pages' bytes are pinned with the state; here the frame around them.
        let pages = HEADER_SIZE..bytes.len() - 4;
        assert!(pages.len().is_multiple_of(6 + PAGE_SIZE));
        let digest: [u8; 32] = Sha256::digest(&bytes[..HEADER_SIZE]).into();
        assert_eq!(Digest(digest).to_string(), "cdcf9680910ccdc083e48f9422c5b0b6c383ea340e4833d08ca4d082c4fa6356");
        let root = Digest([6; 32]);
        let refused = read(&path, identity, *engine.capacity(), ()).err();
        assert!(matches!(refused, Some(SnapshotError::Root { root_recorded, .. }) if root_recorded == root), "{refused:?}");
    }
}
