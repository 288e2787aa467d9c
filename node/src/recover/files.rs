//! The zone's folder, and the one that takes its place. Nothing is ever deleted: what is there may be all that is left of a journal.

use super::RecoverZoneError;
use crate::appliance::ZONE_FOLDER;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where the new zone is made, in the data directory.
const BUILDING_FOLDER: &str = "zone.recovering";
/// How a folder that was there before is called, with a number.
const REPLACED_FOLDER: &str = "zone.replaced";

/// A path for the new zone, at which there is nothing.
pub(super) fn begin(data: &Path) -> Result<PathBuf, RecoverZoneError> {
    let building = data.join(BUILDING_FOLDER);
    // Of a recovery that was interrupted; before its last step it is half a zone, behind it the old one.
    if building.exists() {
        set_aside(data, &building)?;
    }
    Ok(building)
}

/// Puts the new zone in the old one's place, in one step. Where the old one is now, if there was one.
pub(super) fn put_in_place(data: &Path) -> Result<Option<PathBuf>, RecoverZoneError> {
    let (building, zone) = (data.join(BUILDING_FOLDER), data.join(ZONE_FOLDER));
    let replaced = if zone.exists() {
        let exchanged = renameat_with(CWD, &building, CWD, &zone, RenameFlags::EXCHANGE);
        exchanged.map_err(|error| failed(&zone)(error.into()))?;
        Some(set_aside(data, &building)?)
    } else {
        fs::rename(&building, &zone).map_err(failed(&zone))?;
        None
    };
    File::open(data).and_then(|folder| folder.sync_all()).map_err(failed(data))?;
    Ok(replaced)
}

fn set_aside(data: &Path, folder: &Path) -> Result<PathBuf, RecoverZoneError> {
    let mut number = 1_u32;
    let path_of = |number| data.join(format!("{REPLACED_FOLDER}-{number}"));
    while path_of(number).exists() {
        number += 1;
    }
    let free = path_of(number);
    fs::rename(folder, &free).map_err(failed(folder))?;
    Ok(free)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> RecoverZoneError + '_ {
    move |error| RecoverZoneError::Io { path: path.into(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("journal"), text).unwrap();
    }

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join("journal")).unwrap()
    }

    #[test]
    fn whatever_was_there_is_kept() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        let in_place = data.join(ZONE_FOLDER);
        zone(&begin(data).unwrap(), "new");
        assert_eq!((put_in_place(data).unwrap(), text(&in_place).as_str()), (None, "new"));
        // Interrupted, then done.
        zone(&begin(data).unwrap(), "half");
        zone(&begin(data).unwrap(), "newer");
        let replaced = put_in_place(data).unwrap().unwrap();
        assert_eq!((text(&in_place).as_str(), text(&replaced).as_str()), ("newer", "new"));
        assert_eq!(text(&data.join("zone.replaced-1")), "half");
        assert!(!data.join(BUILDING_FOLDER).exists());
    }
}
