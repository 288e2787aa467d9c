//! A disk in memory that remembers in which order bytes landed, so that a test can cut the power behind any of them, and that fails
//! when told to. Tests only.

use super::disk::{Disk, ReadSegments};
use super::error::{DiskError, DiskOp};
use super::format::SegmentIndex;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Which byte of a write reaches the platter first. Real disks promise nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Landing {
    FirstByteFirst,
    LastByteFirst,
    /// Sectors in a seeded order, bytes within a sector first to last.
    Shuffled(u64),
}

/// Bytes of one segment at one moment, and of all of them.
pub(crate) type Image = BTreeMap<u64, Vec<u8>>;

/// One thing that changed what is durable.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Created {
        segment: u64,
        size: usize,
    },
    /// In the order of landing.
    Landed(Vec<(u64, usize, u8)>),
}

#[derive(Clone, Debug)]
pub(crate) struct SimDisk {
    pub(crate) durable: Image,
    cached: Vec<(u64, usize, u8)>,
    pub(crate) history: Vec<Change>,
    pub(crate) landing: Landing,
    /// Fails the n-th sync from now on (0 is the next one), once.
    pub(crate) sync_fails_in: Option<usize>,
    begun: Option<Result<(), DiskError>>,
}

const SECTOR: usize = 512;

impl SimDisk {
    pub(crate) fn new(durable: Image, landing: Landing) -> Self {
        Self { durable, cached: Vec::new(), history: Vec::new(), landing, sync_fails_in: None, begun: None }
    }

    pub(crate) fn reliable(durable: Image) -> Self {
        Self::new(durable, Landing::FirstByteFirst)
    }

    /// What the next start finds if a seeded choice of the sectors that were written and not synced landed.
    pub(crate) fn after_power_loss(&self, seed: u64) -> Image {
        let mut image = self.durable.clone();
        for (segment, at, byte) in &self.cached {
            if mix(seed ^ mix(segment << 40 | (at / SECTOR) as u64)) & 1 == 0 {
                image.get_mut(segment).unwrap()[*at] = *byte;
            }
        }
        image
    }

    fn land(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        let (mut landing, rest) =
            std::mem::take(&mut self.cached).into_iter().partition::<Vec<_>, _>(|(index, ..)| *index == segment.0);
        self.cached = rest;
        if let Some(left) = &mut self.sync_fails_in {
            if *left == 0 {
                // As the kernel does it: the pages are dropped and marked clean, and the next sync succeeds.
                self.sync_fails_in = None;
                return Err(DiskError { op: DiskOp::Sync, segment, offset: 0, errno: libc::EIO });
            }
            *left -= 1;
        }
        match self.landing {
            Landing::FirstByteFirst => {}
            Landing::LastByteFirst => landing.reverse(),
            Landing::Shuffled(seed) => landing.sort_by_key(|(_, at, _)| mix(seed ^ mix((at / SECTOR) as u64))),
        }
        for (segment, at, byte) in &landing {
            self.durable.get_mut(segment).unwrap()[*at] = *byte;
        }
        self.history.push(Change::Landed(landing));
        Ok(())
    }
}

impl ReadSegments for SimDisk {
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError> {
        Ok(self.durable.keys().copied().map(SegmentIndex).collect())
    }

    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError> {
        Ok(self.durable[&segment.0].len() as u64)
    }

    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError> {
        let file = self.durable.get(&segment.0).ok_or(DiskError { op: DiskOp::Open, segment, offset: 0, errno: libc::ENOENT })?;
        let at = (offset as usize).min(file.len());
        let count = bytes.len().min(file.len() - at);
        bytes[..count].copy_from_slice(&file[at..at + count]);
        for (index, cached_at, byte) in &self.cached {
            if *index == segment.0 && (at..at + count).contains(cached_at) {
                bytes[cached_at - at] = *byte;
            }
        }
        Ok(count)
    }
}

impl Disk for SimDisk {
    fn create(&mut self, segment: SegmentIndex, size: u64) -> Result<(), DiskError> {
        self.durable.insert(segment.0, vec![0; size as usize]);
        self.history.push(Change::Created { segment: segment.0, size: size as usize });
        Ok(())
    }

    fn write(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.cached.extend((offset as usize..).zip(bytes).map(|(at, &byte)| (segment.0, at, byte)));
        Ok(())
    }

    fn sync(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        self.land(segment)
    }

    fn sync_start(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        self.begun = Some(self.land(segment));
        Ok(())
    }

    fn sync_result(&mut self, _: bool) -> Option<Result<(), DiskError>> {
        self.begun.take()
    }
}

/// For the journal's threads: the disk is shared with the test.
impl ReadSegments for Arc<Mutex<SimDisk>> {
    fn segments(&mut self) -> Result<Vec<SegmentIndex>, DiskError> {
        self.lock().unwrap().segments()
    }

    fn size(&mut self, segment: SegmentIndex) -> Result<u64, DiskError> {
        self.lock().unwrap().size(segment)
    }

    fn read(&mut self, segment: SegmentIndex, offset: u64, bytes: &mut [u8]) -> Result<usize, DiskError> {
        self.lock().unwrap().read(segment, offset, bytes)
    }
}

impl Disk for Arc<Mutex<SimDisk>> {
    fn create(&mut self, segment: SegmentIndex, size: u64) -> Result<(), DiskError> {
        self.lock().unwrap().create(segment, size)
    }

    fn write(&mut self, segment: SegmentIndex, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.lock().unwrap().write(segment, offset, bytes)
    }

    fn sync(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        self.lock().unwrap().sync(segment)
    }

    fn sync_start(&mut self, segment: SegmentIndex) -> Result<(), DiskError> {
        self.lock().unwrap().sync_start(segment)
    }

    fn sync_result(&mut self, wait: bool) -> Option<Result<(), DiskError>> {
        self.lock().unwrap().sync_result(wait)
    }
}

/// SplitMix64's finalizer: a seeded order without a generator's state.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
