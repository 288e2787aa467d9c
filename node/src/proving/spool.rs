//! The folder between the appliance and its provers.
//!
//! ```text
//! zone.json        where the zone's files are, and its capacity: all that a prover has to be told
//! HEIGHT.wanted    the header that is to be shown, as a `HeaderProof` without a proof
//! HEIGHT.claim     locked by the prover that works on it; its lock ends with its process
//! HEIGHT.proof     the same header, and its proof
//! HEIGHT.refused   a proof that validators refused, the last one of its height
//! ```
//!
//! Files appear whole, by renaming. What is there and cannot be read is as if it were not there.

use crate::config::schema::Capacity;
use bytes::Bytes;
use plinth_settlement::block::header_id;
use plinth_settlement::verdict::HeaderProof;
use plinth_settlement::wire::limits::PROOF_REQUEST_SIZE_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

const WANTED: &str = "wanted";
const PROOF: &str = "proof";
const REFUSED: &str = "refused";
const CLAIM: &str = "claim";
const UNFINISHED: &str = "unfinished";

/// The folder, and what is wanted in it.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    wanted: BTreeMap<Height, Digest>,
}

/// What a prover has to know of a zone.
#[derive(Clone, Debug, Serialize)]
pub struct ZoneFacts {
    /// Version of this file.
    pub version: u8,
    /// Number that all signatures name.
    pub chain: u64,
    /// Folder with `blocks.log` and `journal`.
    pub zone_folder: PathBuf,
    /// Its tables' sizes, which its state root commits to.
    pub capacity: Capacity,
}

/// Why the folder cannot be used.
#[derive(Debug, Error)]
#[error("proofs in {}: {error}", path.display())]
pub struct SpoolError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl Spool {
    /// Makes the folder if need be. What an earlier process asked for is known again.
    ///
    /// # Errors
    ///
    /// [`SpoolError`].
    pub fn open(folder: PathBuf, zone: &ZoneFacts) -> Result<Self, SpoolError> {
        let failed = |error| SpoolError { path: folder.clone(), error };
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut wanted = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if let Some(height) = height_of(&path, WANTED)
                && let Some(header) = read(&path).ok().as_deref().and_then(|bytes| Some(HeaderProof::decode(bytes).ok()?.header))
            {
                wanted.insert(height, header_id(&header));
            }
        }
        let spool = Self { folder, wanted };
        let text = serde_json::to_vec_pretty(zone).expect("numbers and a path");
        spool.write("zone.json", &text)?;
        Ok(spool)
    }

    /// Whether the proof of this very block is asked for.
    #[must_use]
    pub fn wants(&self, height: Height, id: Digest) -> bool {
        self.wanted.get(&height) == Some(&id)
    }

    /// Asks for a proof.
    ///
    /// # Errors
    ///
    /// [`SpoolError`].
    pub fn want(&mut self, header: &ZoneHeader) -> Result<(), SpoolError> {
        self.write(&format!("{}.{WANTED}", header.height), &HeaderProof::head(header))?;
        self.wanted.insert(header.height, header_id(header));
        Ok(())
    }

    /// The proof of a block, if a prover has given one of its very header.
    #[must_use]
    pub fn proof(&self, height: Height, id: Digest) -> Option<Bytes> {
        let bytes = Bytes::from(read(&self.path(height, PROOF)).ok()?);
        let found = HeaderProof::decode(&bytes).ok().filter(|found| header_id(&found.header) == id)?;
        Some(bytes.slice_ref(found.proof))
    }

    /// Whether provers have given something for a block, whatever it is.
    #[must_use]
    pub fn has_proof(&self, height: Height) -> bool {
        self.path(height, PROOF).exists()
    }

    /// Sets aside what provers gave for a block, so that its proof is asked for again.
    ///
    /// # Errors
    ///
    /// [`SpoolError`].
    pub fn refuse(&self, height: Height) -> Result<(), SpoolError> {
        let path = self.path(height, PROOF);
        fs::rename(&path, self.path(height, REFUSED)).or_else(absent).map_err(|error| SpoolError { path, error })
    }

    /// Forgets all up to a block. What was refused stays, to be looked at.
    ///
    /// # Errors
    ///
    /// [`SpoolError`].
    pub fn forget_to(&mut self, last: Height) -> Result<(), SpoolError> {
        while let Some((&height, _)) = self.wanted.first_key_value().filter(|(height, _)| **height <= last) {
            // What is wanted goes first: nobody begins with it then.
            for kind in [WANTED, PROOF, CLAIM] {
                let path = self.path(height, kind);
                fs::remove_file(&path).or_else(absent).map_err(|error| SpoolError { path, error })?;
            }
            self.wanted.remove(&height);
        }
        Ok(())
    }

    fn path(&self, height: Height, kind: &str) -> PathBuf {
        self.folder.join(format!("{height}.{kind}"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SpoolError> {
        let (path, unfinished) = (self.folder.join(name), self.folder.join(format!("{name}.{UNFINISHED}")));
        let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|error| SpoolError { path, error })
    }
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn height_of(path: &Path, kind: &str) -> Option<Height> {
    let stem = path.file_stem().filter(|_| path.extension() == Some(OsStr::new(kind)))?;
    Some(Height::new(stem.to_str()?.parse().ok()?))
}

/// A file that a prover may have written: no more is read of it than a proof may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(PROOF_REQUEST_SIZE_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
