//! The folder between an appliance and its provers, from a prover's side. The appliance's documentation has its files.

use plinth_matching::limits;
use plinth_proof_verifier::program::header_of;
use plinth_types::block::ZoneHeader;
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Version of `zone.json` that is read here.
const VERSION: u8 = 1;

/// The folder.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    pub(crate) zone: ZoneFacts,
}

/// What the appliance says of its zone.
#[derive(Debug, Deserialize)]
pub(crate) struct ZoneFacts {
    version: u8,
    pub(crate) chain: u64,
    pub(crate) zone_folder: PathBuf,
    pub(crate) capacity: Capacity,
}

/// Sizes of the zone's tables, as the appliance's configuration has them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Capacity {
    orders_max: u32,
    accounts_max: u32,
    assets_max: u16,
    sessions_max: u16,
    instruments_max: u32,
    mandates_max: u32,
    levels_max: u32,
    spill_levels_max: u16,
}

impl Capacity {
    pub(crate) const fn core(self) -> limits::Capacity {
        let Self {
            orders_max,
            accounts_max,
            assets_max,
            sessions_max,
            instruments_max,
            mandates_max,
            levels_max,
            spill_levels_max,
        } = self;
        limits::Capacity {
            orders_max,
            accounts_max,
            assets_max,
            sessions_max,
            instruments_max,
            mandates_max,
            levels_max,
            spill_levels_max,
        }
    }
}

/// A block to be proven, which no other prover begins with while this is held.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) header: ZoneHeader,
    _claim: File,
}

impl Spool {
    pub(crate) fn open(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let path = folder.join("zone.json");
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let zone: ZoneFacts = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if zone.version != VERSION {
            return Err(format!("{}: version {} is not read here", path.display(), zone.version).into());
        }
        zone.capacity.core().check().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { folder: folder.into(), zone })
    }

    /// The first block that is wanted, has no proof, and that nobody works on.
    pub(crate) fn next_task(&self) -> io::Result<Option<Task>> {
        let mut heights = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new("wanted")) {
                heights.extend(path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse::<u64>().ok()));
            }
        }
        heights.sort_unstable();
        for height in heights {
            let Some(claim) = self.claim(height)? else { continue };
            // Looked at behind the claim: who had it before may have ended with a proof.
            let Some(header) = self.header(height, "wanted") else { continue };
            if self.header(height, "proof").as_ref() != Some(&header) {
                return Ok(Some(Task { header, _claim: claim }));
            }
        }
        Ok(None)
    }

    /// Hands a proof over.
    pub(crate) fn give(&self, header: &ZoneHeader, file: &[u8]) -> io::Result<()> {
        let path = self.path(header.height.get(), "proof");
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, file)?;
        fs::rename(&unfinished, &path)
    }

    fn claim(&self, height: u64) -> io::Result<Option<File>> {
        let path = self.path(height, "claim");
        let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                Ok(Some(file))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The header in a file; none if it is gone or cannot be read.
    fn header(&self, height: u64, kind: &str) -> Option<ZoneHeader> {
        header_of(&fs::read(self.path(height, kind)).ok()?).map(|(header, _)| header)
    }

    fn path(&self, height: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{height}.{kind}"))
    }
}
