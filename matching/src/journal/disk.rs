//! What the journal needs from a disk, and no more: the seam where faults go in.

use super::error::{DiskError, DiskOp, JournalError};
use super::format::SegmentIndex;
use super::kernel::{self, BackgroundSync, allocate};
use super::limits::WRITE_AHEAD_SIZE;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Reading segment files.
pub trait ReadSegments {
    /// The numbers of all segments, ascending.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError>;

    /// Bytes of a segment file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError>;

    /// Reads at `offset` until `bytes` is full or the file ends; the number of bytes read.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError>;
}

/// Writing segment files.
pub trait Disk: ReadSegments {
    /// Makes a segment that reads as `size` zeros. When it returns, its space and its name are durable.
    ///
    /// # Errors
    ///
    /// The operating system's; no segment of that number is there then.
    fn create(&mut self, segment: SegmentIndex, size: u64) -> Result<(), DiskError>;

    /// Hands `bytes` to the kernel.
    ///
    /// # Errors
    ///
    /// The operating system's. Any part of the bytes may have been written.
    fn write(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Everything written to the segment so far is durable when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// The operating system's. A later sync that succeeds then proves nothing: the kernel may have dropped the pages.
    fn sync(&mut self, segment: SegmentIndex) -> Result<(), DiskError>;

    /// [`Disk::write`], then [`Disk::sync`].
    ///
    /// # Errors
    ///
    /// As those.
    fn write_sync(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(segment, offset, bytes)?;
        self.sync(segment)
    }

    /// Begins a sync of what was written so far; only one at a time.
    ///
    /// # Errors
    ///
    /// As [`Disk::sync`].
    fn sync_start(&mut self, segment: SegmentIndex) -> Result<(), DiskError>;

    /// The result of the sync begun, once it has one; waits for it if told to.
    fn sync_result(&mut self, wait: bool) -> Option<Result<(), DiskError>>;
}

impl<D: ReadSegments> ReadSegments for &mut D {
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError> {
        (**self).segments()
    }

    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError> {
        (**self).size(segment)
    }

    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError> {
        (**self).read(segment, offset, bytes)
    }
}

/// A directory of segment files, to read and to allocate in.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The file used last: a journal is read and written front to back.
    open: Option<(SegmentIndex, File)>,
}

/// What is written ahead, see [`FileDisk::write_ahead`].
static ZEROS: [u8; WRITE_AHEAD_SIZE] = [0; WRITE_AHEAD_SIZE];

const SUFFIX: &str = ".segment";
const SUFFIX_UNFINISHED: &str = ".segment.new";

impl Directory {
    /// Opens a directory, making it if need be.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn create(path: &Path) -> Result<Self, DiskError> {
        fs::create_dir_all(path).map_err(|error| DiskError::new(DiskOp::Open, SegmentIndex::NONE, 0, &error))?;
        Self::open(path)
    }

    /// Opens a directory that is there.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        fs::read_dir(path).map_err(|error| DiskError::new(DiskOp::Open, SegmentIndex::NONE, 0, &error))?;
        Ok(Self { path: path.to_path_buf(), open: None })
    }

    /// Path of a segment's file.
    #[must_use]
    pub fn segment_path(&self, segment: SegmentIndex) -> PathBuf {
        self.path.join(format!("{segment:08}{SUFFIX}"))
    }

    /// Makes a segment, see [`Disk::create`]. It gets its name when its space is allocated, so a crash leaves no short one.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn allocate(&mut self, segment: SegmentIndex, size: u64) -> Result<(), DiskError> {
        let unfinished = self.path.join(format!("{segment:08}{SUFFIX_UNFINISHED}"));
        let make = || -> io::Result<()> {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&unfinished)?;
            allocate(&file, size)?;
            file.sync_all()?;
            fs::rename(&unfinished, self.segment_path(segment))?;
            File::open(&self.path)?.sync_all()
        };
        make().map_err(|error| {
            // A failure to remove it is harmless: the name is truncated by the next attempt.
            drop(fs::remove_file(&unfinished));
            DiskError::new(DiskOp::Allocate, segment, 0, &error)
        })
    }

    fn file(&mut self, segment: SegmentIndex) -> Result<&File, DiskError> {
        if self.open.as_ref().is_none_or(|(index, _)| *index != segment) {
            let path = self.segment_path(segment);
            // Who may not write the files may still read them: a verification of a copy, say.
            let file = OpenOptions::new().read(true).write(true).open(&path).or_else(|_| File::open(&path));
            self.open = Some((segment, file.map_err(|error| DiskError::new(DiskOp::Open, segment, 0, &error))?));
        }
        let (_, file) = self.open.as_ref().expect("opened above");
        Ok(file)
    }
}

impl ReadSegments for Directory {
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError> {
        let list = || -> io::Result<Vec<SegmentIndex>> {
            let mut segments = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let name = entry?.file_name();
                let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|number| number.parse().ok());
                segments.extend(number.map(SegmentIndex));
            }
            segments.sort_unstable();
            Ok(segments)
        };
        list().map_err(|error| DiskError::new(DiskOp::Open, SegmentIndex::NONE, 0, &error))
    }

    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError> {
        let size = self.file(segment)?.metadata().map(|metadata| metadata.len());
        size.map_err(|error| DiskError::new(DiskOp::Read, segment, 0, &error))
    }

    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError> {
        let file = self.file(segment)?;
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError::new(DiskOp::Read, segment, offset, &error)),
            }
        }
        Ok(filled)
    }
}

/// Keeps a second process, or a second journal of this one, from writing to the directory. Released when dropped, or by the kernel when
/// the process dies.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held open")] File);

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, JournalError> {
        let open = |error| DiskError::new(DiskOp::Open, SegmentIndex::NONE, 0, &error);
        fs::create_dir_all(path).map_err(open)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path.join("lock")).map_err(open)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(open(error).into()),
        }
    }
}

/// The real disk: a directory. It belongs to the thread that made it.
#[derive(Debug)]
pub struct FileDisk {
    directory: Directory,
    background: BackgroundSync,
    /// The segment whose sync was begun.
    syncing: SegmentIndex,
    ahead: Ahead,
}

/// What a disk does about bytes behind what it writes.
#[derive(Clone, Copy, Debug)]
enum Ahead {
    /// Nothing: who recovers a journal decides about every byte.
    Kept,
    /// Nothing is behind what is written, ever, so zeros are written there. The segment written last, and the end of what is written in it.
    Zeroed(SegmentIndex, u64),
}

impl FileDisk {
    /// Opens a directory, making it if need be.
    ///
    /// # Errors
    ///
    /// The operating system's, also when it has no io_uring.
    pub fn create(path: &Path) -> Result<Self, DiskError> {
        let background = BackgroundSync::new().map_err(|error| DiskError::new(DiskOp::Open, SegmentIndex::NONE, 0, &error))?;
        Ok(Self { directory: Directory::create(path)?, background, syncing: SegmentIndex::NONE, ahead: Ahead::Kept })
    }

    /// Opens the directory of a journal whose end is known, to write on from there.
    ///
    /// # Errors
    ///
    /// As [`FileDisk::create`].
    pub(super) fn to_append(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { ahead: Ahead::Zeroed(SegmentIndex::NONE, 0), ..Self::create(path)? })
    }

    fn put(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let written = kernel::write(self.directory.file(segment)?, offset, bytes);
        written.map_err(|error| DiskError::new(DiskOp::Write, segment, offset, &error))
    }

    /// Writes zeros behind `end` where nothing was written yet. Space that is allocated and was never written is a note in the file's metadata, which
    /// every sync of a first write has to change; what follows here is a second write, whose sync moves data alone.
    fn write_ahead(&mut self, segment: SegmentIndex, end: u64) -> Result<(), DiskError> {
        let Ahead::Zeroed(last, written) = self.ahead else { return Ok(()) };
        if last == segment && end <= written {
            return Ok(());
        }
        let size = self.directory.size(segment)?;
        let zeros = &ZEROS[..size.saturating_sub(end).min(ZEROS.len() as u64) as usize];
        if !zeros.is_empty() {
            self.put(segment, end, zeros)?;
        }
        self.ahead = Ahead::Zeroed(segment, end + zeros.len() as u64);
        Ok(())
    }
}

impl ReadSegments for FileDisk {
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError> {
        self.directory.segments()
    }

    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError> {
        self.directory.size(segment)
    }

    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError> {
        self.directory.read(segment, offset, bytes)
    }
}

impl Disk for FileDisk {
    fn create(&mut self, segment: SegmentIndex, size: u64) -> Result<(), DiskError> {
        self.directory.allocate(segment, size)
    }

    fn write(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.write_ahead(segment, offset + bytes.len() as u64)?;
        self.put(segment, offset, bytes)
    }

    fn sync(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        let synced = self.directory.file(segment)?.sync_data();
        synced.map_err(|error| DiskError::new(DiskOp::Sync, segment, 0, &error))
    }

    fn sync_start(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        self.syncing = segment;
        let started = self.background.start(self.directory.file(segment)?);
        started.map_err(|error| DiskError::new(DiskOp::Sync, segment, 0, &error))
    }

    fn sync_result(&mut self, wait: bool) -> Option<Result<(), DiskError>> {
        let segment = self.syncing;
        let result = self.background.result(wait)?;
        Some(result.map_err(|error| DiskError::new(DiskOp::Sync, segment, 0, &error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 3 * WRITE_AHEAD_SIZE as u64 + 4_096;

    /// Writes as a journal does, front to back, over the end of a segment, with what was there before: nothing but what it wrote and zeros.
    #[test]
    fn zeros_are_written_behind_the_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = FileDisk::to_append(folder.path()).unwrap();
        let mut expected = Vec::new();
        for segment in [SegmentIndex::FIRST, SegmentIndex::FIRST.next()] {
            disk.create(segment, SIZE).unwrap();
            let mut bytes = Vec::new();
            while bytes.len() < SIZE as usize {
                let size = (512 * (1 + bytes.len() / 512 % 97)).min(SIZE as usize - bytes.len());
                let batch = vec![(bytes.len() / 512 % 250) as u8 + 1; size];
                if bytes.len() % 1_024 == 0 {
                    disk.write(segment, bytes.len() as u64, &batch).unwrap();
                } else {
                    disk.write_sync(segment, bytes.len() as u64, &batch).unwrap();
                }
                bytes.extend(batch);
                let mut read = vec![0xAA; SIZE as usize];
                assert_eq!(disk.read(segment, 0, &mut read).unwrap() as u64, SIZE, "the segment keeps its size");
                assert!(read[..bytes.len()] == bytes[..] && read[bytes.len()..].iter().all(|&byte| byte == 0));
            }
            expected.push((segment, bytes));
        }
        let mut again = FileDisk::to_append(folder.path()).unwrap();
        for (segment, bytes) in expected {
            let mut read = vec![0; SIZE as usize];
            again.read(segment, 0, &mut read).unwrap();
            assert!(read == bytes, "segment {segment}");
        }
    }

    #[test]
    fn who_recovers_writes_what_it_says_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = FileDisk::create(folder.path()).unwrap();
        disk.create(SegmentIndex::FIRST, SIZE).unwrap();
        disk.write(SegmentIndex::FIRST, 8_192, &[7; 512]).unwrap();
        disk.write(SegmentIndex::FIRST, 0, &[5; 512]).unwrap();
        let mut read = vec![0; SIZE as usize];
        disk.read(SegmentIndex::FIRST, 0, &mut read).unwrap();
        assert_eq!((read[511], read[512], read[8_192], read[8_703]), (5, 0, 7, 7));
    }
}
