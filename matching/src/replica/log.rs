//! The block log: the headers of all blocks handed out, so that a restart cuts the same blocks again.
//!
//! ```text
//! 0          8         9     12     14    16      24    28
//! │"PLNTBLKS"│ version │ zero │ zone │ zero │ chain │ crc │ entries …
//!
//! entry:  │ size u32 │ crc u32 │ height u64 │ ZoneHeader of `size` bytes │
//! ```
//!
//! The crc covers height and header. An entry is durable before its block is handed out. The bodies are the journal's.
//!
//! Recovery cuts off an entry that is not whole at the end: its block was not handed out. Damage before an intact entry is refused with
//! the height. What one disk cannot tell is a last entry that rotted from one that was torn; its block is then cut anew, perhaps
//! elsewhere, and settlement, which has the old one, refuses the new one at that height.

use super::error::ReplicaError;
use super::limits::{HEADER_SIZE_MAX, LOG_INDEX_STEP};
use crate::journal::Identity;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::id::{ChainId, Height, ZoneId};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 8] = b"PLNTBLKS";
const VERSION: u8 = 1;
const FILE_HEADER_SIZE: usize = 28;
const CRC_AT: usize = 24;
const ENTRY_HEADER_SIZE: usize = 16;

/// An open block log.
#[derive(Debug)]
pub struct BlockLog {
    file: File,
    /// Offset of the entries of heights 1, 1 + [`LOG_INDEX_STEP`], and so on.
    index: Vec<u64>,
    height: Height,
    end: u64,
}

impl BlockLog {
    /// Opens the log at `path`, making it if need be; an entry that is not whole at the end is cut off.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::LogForeign`], [`ReplicaError::LogCorrupt`], or the operating system's.
    pub fn open(path: &Path, identity: Identity) -> Result<Self, ReplicaError> {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(failed("open"))?;
        let size = file.metadata().map_err(failed("open"))?.len();
        let mut log = Self { file, index: Vec::new(), height: Height::new(0), end: FILE_HEADER_SIZE as u64 };
        // A header that is not whole was never followed by an entry.
        if size < FILE_HEADER_SIZE as u64 {
            log.file.set_len(0).map_err(failed("truncation"))?;
            log.file.write_all_at(&file_header(identity), 0).map_err(failed("write"))?;
            log.file.sync_all().map_err(failed("sync"))?;
            let parent = path.parent().unwrap_or(Path::new("."));
            File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed("sync"))?;
            return Ok(log);
        }
        log.check_header(identity)?;
        while let Some(header) = log.entry_at(log.end)? {
            log.note(&header.1, header.0);
        }
        if log.end < size {
            log.refuse_damage(size)?;
            log.file.set_len(log.end).map_err(failed("truncation"))?;
            log.file.sync_all().map_err(failed("sync"))?;
        }
        Ok(log)
    }

    /// The last block; 0 if there is none.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Makes the next block's header durable.
    ///
    /// # Errors
    ///
    /// The operating system's; the log must not be used any more.
    ///
    /// # Panics
    ///
    /// If it is not the next block.
    pub fn append(&mut self, header: &ZoneHeader) -> Result<(), ReplicaError> {
        assert!(header.height == self.height.next(), "block {} behind block {}", header.height, self.height);
        let bytes = header.to_bytes();
        assert!(bytes.len() <= HEADER_SIZE_MAX, "a header of {} bytes", bytes.len());
        let mut entry = Vec::with_capacity(ENTRY_HEADER_SIZE + bytes.len());
        entry.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        entry.extend_from_slice(&entry_crc(header.height, &bytes).to_le_bytes());
        entry.extend_from_slice(&header.height.get().to_le_bytes());
        entry.extend_from_slice(&bytes);
        self.file.write_all_at(&entry, self.end).map_err(failed("write"))?;
        self.file.sync_data().map_err(failed("sync"))?;
        self.note(header, entry.len());
        Ok(())
    }

    /// The header of a block that was handed out.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NoBlock`], [`ReplicaError::LogCorrupt`], or the operating system's.
    pub fn header(&self, height: Height) -> Result<ZoneHeader, ReplicaError> {
        let no_block = ReplicaError::NoBlock { height, last: self.height };
        let Some(distance) = height.get().checked_sub(1).filter(|_| height <= self.height) else { return Err(no_block) };
        let mut offset = self.index[(distance / LOG_INDEX_STEP) as usize];
        for _ in 0..distance % LOG_INDEX_STEP {
            let Some((size, _)) = self.entry_at(offset)? else { return Err(ReplicaError::LogCorrupt { height, offset }) };
            offset += size as u64;
        }
        match self.entry_at(offset)? {
            Some((_, header)) if header.height == height => Ok(header),
            Some(_) | None => Err(ReplicaError::LogCorrupt { height, offset }),
        }
    }

    fn note(&mut self, header: &ZoneHeader, size: usize) {
        if (header.height.get() - 1).is_multiple_of(LOG_INDEX_STEP) {
            self.index.push(self.end);
        }
        self.height = header.height;
        self.end += size as u64;
    }

    fn check_header(&self, Identity { chain, zone }: Identity) -> Result<(), ReplicaError> {
        let mut bytes = [0; FILE_HEADER_SIZE];
        self.file.read_exact_at(&mut bytes, 0).map_err(failed("read"))?;
        let crc = u32::from_le_bytes(bytes[CRC_AT..].try_into().expect("four bytes"));
        if bytes[..8] != *MAGIC || crc != crc32c::crc32c(&bytes[..CRC_AT]) {
            return Err(ReplicaError::LogHeader);
        }
        let version_found = bytes[8];
        let zone_found = ZoneId::new(u16::from_le_bytes([bytes[12], bytes[13]]));
        let chain_found = ChainId::new(u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes")));
        if (version_found, chain_found, zone_found) != (VERSION, chain, zone) {
            return Err(ReplicaError::LogForeign { chain, zone, chain_found, zone_found, version_found });
        }
        Ok(())
    }

    /// The entry at `offset` with its size on disk, if it is whole and, read in order, the next one.
    fn entry_at(&self, offset: u64) -> Result<Option<(usize, ZoneHeader)>, ReplicaError> {
        let mut bytes = [0; ENTRY_HEADER_SIZE + HEADER_SIZE_MAX];
        let read = read_up_to(&self.file, &mut bytes, offset).map_err(failed("read"))?;
        let Some((height, header)) = whole_entry(&bytes[..read]) else { return Ok(None) };
        let is_next = offset < self.end || height == self.height.next();
        if !is_next {
            return Ok(None);
        }
        let decoded = ZoneHeader::decode(header).map_err(|error| ReplicaError::LogDecode { height, error })?;
        if decoded.height != height {
            return Err(ReplicaError::LogCorrupt { height, offset });
        }
        Ok(Some((ENTRY_HEADER_SIZE + header.len(), decoded)))
    }

    /// The bytes behind the last whole entry are torn, unless an intact entry lies behind them.
    fn refuse_damage(&self, size: u64) -> Result<(), ReplicaError> {
        let damaged = ReplicaError::LogCorrupt { height: self.height.next(), offset: self.end };
        let rest = usize::try_from(size - self.end).map_err(|_| damaged.clone())?;
        let mut bytes = vec![0; rest];
        let read = read_up_to(&self.file, &mut bytes, self.end).map_err(failed("read"))?;
        let intact = (0..read).any(|at| whole_entry(&bytes[at..read]).is_some_and(|(height, _)| height > self.height));
        if intact { Err(damaged) } else { Ok(()) }
    }
}

fn file_header(identity: Identity) -> [u8; FILE_HEADER_SIZE] {
    let mut bytes = [0; FILE_HEADER_SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = VERSION;
    bytes[12..14].copy_from_slice(&identity.zone.get().to_le_bytes());
    bytes[16..24].copy_from_slice(&identity.chain.get().to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Height and header bytes of the entry at the front, if its checksum is right.
fn whole_entry(bytes: &[u8]) -> Option<(Height, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<ENTRY_HEADER_SIZE>()?;
    let size = u32::from_le_bytes(head[0..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let height = Height::new(u64::from_le_bytes(head[8..16].try_into().ok()?));
    let header = rest.get(..size).filter(|_| (1..=HEADER_SIZE_MAX).contains(&size))?;
    (entry_crc(height, header) == crc).then_some((height, header))
}

fn entry_crc(height: Height, header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&height.get().to_le_bytes()), header)
}

fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn failed(op: &'static str) -> impl Fn(io::Error) -> ReplicaError {
    move |error| ReplicaError::LogFile { op, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::digest::Digest;
    use plinth_types::id::{InboxIndex, ProducerEpoch, Seq, TimestampNs};
    use sha2::{Digest as _, Sha256};

    const IDENTITY: Identity = Identity { chain: ChainId::new(7), zone: ZoneId::TRADING };

    fn header(height: u64) -> ZoneHeader {
        ZoneHeader {
            chain: IDENTITY.chain,
            zone: IDENTITY.zone,
            height: Height::new(height),
            epoch: ProducerEpoch::new(1),
            parent: Digest::ZERO,
            guest_image: Digest::ZERO,
            policy: Digest::ZERO,
            pre_root: Digest([1; 32]),
            post_root: Digest([2; 32]),
            inbox_index: InboxIndex::new(3),
            inbox_root: Digest::ZERO,
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
            body_hash: Digest([4; 32]),
            body_size: 64,
            body_key: Digest::ZERO,
            shard_root: Digest::ZERO,
            first_seq: Seq::new(height * 10),
            last_seq: Seq::new(height * 10 + 4),
            time: TimestampNs::new(5),
            command_count: 1,
            trade_count: 0,
        }
    }

    #[test]
    fn the_bytes_on_disk_are_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.log");
        let mut log = BlockLog::open(&path, IDENTITY).unwrap();
        log.append(&header(1)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(
            (bytes.len(), Digest(digest).to_string().as_str()),
            (471, "a2cef7cc1e58bbfb268389f721a72dc5cd65ce67c5b5c4c9ede29e98b3f6758e")
        );
    }

    #[test]
    fn any_header_is_found_again_over_many_index_steps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.log");
        let count = 3 * LOG_INDEX_STEP + 7;
        let mut log = BlockLog::open(&path, IDENTITY).unwrap();
        (1..=count).for_each(|height| log.append(&header(height)).unwrap());
        let again = BlockLog::open(&path, IDENTITY).unwrap();
        for log in [&log, &again] {
            assert_eq!(log.height(), Height::new(count));
            (1..=count).for_each(|height| assert_eq!(log.header(Height::new(height)), Ok(header(height))));
            assert!(matches!(log.header(Height::new(count + 1)), Err(ReplicaError::NoBlock { .. })));
        }
        let foreign = Identity { zone: ZoneId::new(9), ..IDENTITY };
        assert!(matches!(BlockLog::open(&path, foreign), Err(ReplicaError::LogForeign { .. })));
    }
}
