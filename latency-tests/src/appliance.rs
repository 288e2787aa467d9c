//! The appliance that a harness measures: a process of its own, on a folder that goes with it.

use plinth_node::replay::child::{ChildAppliance, ChildError, Ready, Status};
use std::path::{Path, PathBuf};

/// The program of this name beside this one.
pub(crate) fn beside(program: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.parent().unwrap_or(Path::new(".")).join(program)
}

/// A running appliance on a scratch folder.
#[derive(Debug)]
pub(crate) struct Appliance {
    // Dropped, and so killed, before its folder is removed.
    child: ChildAppliance,
    _folder: Folder,
}

impl Appliance {
    /// How to reach it.
    pub(crate) const fn ready(&self) -> &Ready {
        self.child.ready()
    }

    /// What it says of itself.
    pub(crate) fn status(&self) -> Result<Status, ChildError> {
        self.child.status()
    }
}

/// Starts one with fresh keys in a new folder of `dir`.
pub(crate) fn start(plinth: &Path, dir: &Path, extra: &[&str]) -> Result<Appliance, Box<dyn std::error::Error>> {
    if !plinth.exists() {
        return Err(format!("there is no {}: cargo build --release -p plinth-node makes it", plinth.display()).into());
    }
    let folder = Folder(dir.join(format!("latency-tests-plinth-{}{}", std::process::id(), extra.concat())));
    let child = ChildAppliance::start(plinth, &folder.0, extra)?;
    Ok(Appliance { child, _folder: folder })
}

/// A folder that goes with this value.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies where the caller put it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
