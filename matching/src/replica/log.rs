//! The block log: headers and outboxes of all blocks handed out, so that a restart cuts the same blocks again.
//!
//! ```text
//! 0          8         9     12     14    16      24    28
//! │"PLNTBLKS"│ version │ zero │ zone │ zero │ chain │ crc │ entries …
//!
//! entry:  │ size u32 │ crc u32 │ height u64 │ ZoneHeader, messages: `size` bytes │
//! ```
//!
//! The crc covers height, header and messages. An entry is durable before its block is handed out. The bodies are the journal's; which of
//! their commands sent what does not stand in them, and is known without executing them all again only from here.
//!
//! Recovery cuts off an entry that is not whole at the end: its block was not handed out. Damage before an intact entry is refused with
//! the height. What one disk cannot tell is a last entry that rotted from one that was torn; its block is then cut anew, perhaps
//! elsewhere, and settlement, which has the old one, refuses the new one at that height.

use super::error::ReplicaError;
use super::limits::{HEADER_SIZE_MAX, LOG_INDEX_STEP, OUTBOX_SIZE_MAX};
use crate::journal::Identity;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError, Reader as CodecReader, encode_count};
use plinth_types::id::{ChainId, Height, ZoneId};
use plinth_types::limits::OUTBOX_MESSAGES_MAX;
use plinth_types::transfer::OutboxMessage;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 8] = b"PLNTBLKS";
const VERSION: u8 = 2;
const FILE_HEADER_SIZE: usize = 28;
const CRC_AT: usize = 24;
const ENTRY_HEADER_SIZE: usize = 16;
const ENTRY_SIZE_MAX: usize = HEADER_SIZE_MAX + OUTBOX_SIZE_MAX;
/// What is read of an entry at once: a header with some messages.
const ENTRY_READ_SIZE: usize = 2_048;

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
        log.find_entries()?;
        if log.end < size {
            log.refuse_damage(size)?;
            log.file.set_len(log.end).map_err(failed("truncation"))?;
            log.file.sync_all().map_err(failed("sync"))?;
        }
        Ok(log)
    }

    /// Opens the log at `path` to read what it holds now; another process may go on with it.
    ///
    /// # Errors
    ///
    /// As [`BlockLog::open`].
    pub fn read(path: &Path, identity: Identity) -> Result<Self, ReplicaError> {
        let file = File::open(path).map_err(failed("open"))?;
        let mut log = Self { file, index: Vec::new(), height: Height::new(0), end: FILE_HEADER_SIZE as u64 };
        log.check_header(identity)?;
        log.find_entries()?;
        Ok(log)
    }

    /// The last block; 0 if there is none.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Makes the next block's header and outbox durable.
    ///
    /// # Errors
    ///
    /// The operating system's; the log must not be used any more.
    ///
    /// # Panics
    ///
    /// If it is not the next block.
    pub fn append(&mut self, header: &ZoneHeader, outbox: &[OutboxMessage]) -> Result<(), ReplicaError> {
        self.put(header, outbox)?;
        self.sync()
    }

    /// As [`BlockLog::append`], durable only behind the next [`BlockLog::sync`].
    pub(super) fn put(&mut self, header: &ZoneHeader, outbox: &[OutboxMessage]) -> Result<(), ReplicaError> {
        assert!(header.height == self.height.next(), "block {} behind block {}", header.height, self.height);
        let mut bytes = header.to_bytes();
        encode_count(outbox.len(), &mut bytes);
        outbox.iter().for_each(|message| message.encode(&mut bytes));
        assert!(bytes.len() <= ENTRY_SIZE_MAX, "header and messages of {} bytes", bytes.len());
        let mut entry = Vec::with_capacity(ENTRY_HEADER_SIZE + bytes.len());
        entry.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        entry.extend_from_slice(&entry_crc(header.height, &bytes).to_le_bytes());
        entry.extend_from_slice(&header.height.get().to_le_bytes());
        entry.extend_from_slice(&bytes);
        self.file.write_all_at(&entry, self.end).map_err(failed("write"))?;
        self.note(header, entry.len());
        Ok(())
    }

    /// Puts blocks that were sealed anew in the place of those from the first one's height on, and makes that durable in one step: whatever
    /// happens, the log at `path` is the old one or the new one.
    pub(super) fn recut(
        &self,
        path: &Path,
        identity: Identity,
        blocks: &[(ZoneHeader, Vec<OutboxMessage>)],
    ) -> Result<Self, ReplicaError> {
        let unfinished = path.with_extension("new");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("removal")(error)),
            Ok(()) | Err(_) => {}
        }
        let mut log = Self::open(&unfinished, identity)?;
        let mut height = Height::new(1);
        while blocks.first().is_some_and(|(first, _)| height < first.height) {
            let (header, outbox) = self.entry(height)?;
            log.put(&header, &outbox)?;
            height = height.next();
        }
        blocks.iter().try_for_each(|(header, outbox)| log.put(header, outbox))?;
        log.sync()?;
        std::fs::rename(&unfinished, path).map_err(failed("renaming"))?;
        let parent = path.parent().unwrap_or(Path::new("."));
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed("sync"))?;
        Ok(log)
    }

    pub(super) fn sync(&self) -> Result<(), ReplicaError> {
        self.file.sync_data().map_err(failed("sync"))
    }

    /// The header of a block that was handed out.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NoBlock`], [`ReplicaError::LogCorrupt`], or the operating system's.
    pub fn header(&self, height: Height) -> Result<ZoneHeader, ReplicaError> {
        self.entry(height).map(|(header, _)| header)
    }

    /// Header and outbox of a block that was handed out.
    ///
    /// # Errors
    ///
    /// As [`BlockLog::header`].
    pub fn entry(&self, height: Height) -> Result<(ZoneHeader, Vec<OutboxMessage>), ReplicaError> {
        let no_block = ReplicaError::NoBlock { height, last: self.height };
        let Some(distance) = height.get().checked_sub(1).filter(|_| height <= self.height) else { return Err(no_block) };
        let mut offset = self.index[(distance / LOG_INDEX_STEP) as usize];
        for _ in 0..distance % LOG_INDEX_STEP {
            let Some((size, ..)) = self.entry_at(offset)? else { return Err(ReplicaError::LogCorrupt { height, offset }) };
            offset += size as u64;
        }
        match self.entry_at(offset)? {
            Some((_, header, outbox)) if header.height == height => Ok((header, outbox)),
            Some(_) | None => Err(ReplicaError::LogCorrupt { height, offset }),
        }
    }

    fn find_entries(&mut self) -> Result<(), ReplicaError> {
        while let Some((size, header, _)) = self.entry_at(self.end)? {
            self.note(&header, size);
        }
        Ok(())
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
    fn entry_at(&self, offset: u64) -> Result<Option<(usize, ZoneHeader, Vec<OutboxMessage>)>, ReplicaError> {
        let mut bytes = vec![0; ENTRY_READ_SIZE];
        let mut read = read_up_to(&self.file, &mut bytes, offset).map_err(failed("read"))?;
        // Few blocks send so much that their entry does not come with the first read.
        if let Some(size) = claimed_size(&bytes[..read]).filter(|&size| ENTRY_HEADER_SIZE + size > bytes.len()) {
            bytes.resize(ENTRY_HEADER_SIZE + size, 0);
            read = read_up_to(&self.file, &mut bytes, offset).map_err(failed("read"))?;
        }
        let Some((height, entry)) = whole_entry(&bytes[..read]) else { return Ok(None) };
        let is_next = offset < self.end || height == self.height.next();
        if !is_next {
            return Ok(None);
        }
        let (header, outbox) = decode_entry(entry).map_err(|error| ReplicaError::LogDecode { height, error })?;
        if header.height != height {
            return Err(ReplicaError::LogCorrupt { height, offset });
        }
        Ok(Some((ENTRY_HEADER_SIZE + entry.len(), header, outbox)))
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

/// How long the entry at the front claims to be behind its own header; `None` if none is.
fn claimed_size(bytes: &[u8]) -> Option<usize> {
    let size = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    (1..=ENTRY_SIZE_MAX).contains(&size).then_some(size)
}

fn decode_entry(bytes: &[u8]) -> Result<(ZoneHeader, Vec<OutboxMessage>), DecodeError> {
    let mut reader = CodecReader::new(bytes);
    let header = ZoneHeader::read(&mut reader)?;
    let count = reader.count("outbox messages", OUTBOX_MESSAGES_MAX)?;
    let outbox = (0..count).map(|_| OutboxMessage::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok((header, outbox))
}

/// Height and what follows of the entry at the front, if its checksum is right.
fn whole_entry(bytes: &[u8]) -> Option<(Height, &[u8])> {
    let size = claimed_size(bytes)?;
    let (head, rest) = bytes.split_first_chunk::<ENTRY_HEADER_SIZE>()?;
    let crc = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let height = Height::new(u64::from_le_bytes(head[8..16].try_into().ok()?));
    let entry = rest.get(..size)?;
    (entry_crc(height, entry) == crc).then_some((height, entry))
}

fn entry_crc(height: Height, entry: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&height.get().to_le_bytes()), entry)
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
    use plinth_types::id::{AssetId, InboxIndex, ProducerEpoch, PublicKey, Seq, TimestampNs};
    use plinth_types::quantity::Amount;
    use plinth_types::transfer::{Address, Party};
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

    fn outbox(count: u64) -> Vec<OutboxMessage> {
        let message = |channel_seq| OutboxMessage {
            channel_seq,
            to: Party::owner(PublicKey([5; 32])),
            asset: AssetId::new(6),
            amount: Amount::new(7).unwrap(),
            sender: Address([8; 32]),
            expires_at: TimestampNs::new(9),
        };
        (1..=count).map(message).collect()
    }

    #[test]
    fn the_bytes_on_disk_are_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.log");
        let mut log = BlockLog::open(&path, IDENTITY).unwrap();
        log.append(&header(1), &outbox(1)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(
            (bytes.len(), Digest(digest).to_string().as_str()),
            (576, "a40f9ecd98b73b036d6d0c9c5ae0b56b7f8d3bb7692781ad966ed1f1dbdcafcc")
        );
    }

    #[test]
    fn any_header_is_found_again_over_many_index_steps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks.log");
        let count = 3 * LOG_INDEX_STEP + 7;
        let mut log = BlockLog::open(&path, IDENTITY).unwrap();
        (1..=count).for_each(|height| log.append(&header(height), &outbox(height % 7 * 40)).unwrap());
        let again = BlockLog::open(&path, IDENTITY).unwrap();
        for log in [&log, &again] {
            assert_eq!(log.height(), Height::new(count));
            let entry = |height| Ok((header(height), outbox(height % 7 * 40)));
            (1..=count).for_each(|height| assert_eq!(log.entry(Height::new(height)), entry(height)));
            assert!(matches!(log.header(Height::new(count + 1)), Err(ReplicaError::NoBlock { .. })));
        }
        let foreign = Identity { zone: ZoneId::new(9), ..IDENTITY };
        assert!(matches!(BlockLog::open(&path, foreign), Err(ReplicaError::LogForeign { .. })));
    }
}
