//! The appliance that a harness measures: a process of its own, on a folder that goes with it.

use plinth_node::config::demo::{CONFIG_FILE, VALIDATOR_COUNT};
use plinth_node::replay::child::{ChildAppliance, ChildError, Ready, Status};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// How an appliance differs from the one that runs when nothing is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Zone blocks from one snapshot to the next.
    pub(crate) snapshot_interval_blocks: Option<u32>,
    /// Of its four validators, how many do not run.
    pub(crate) validators_absent: u8,
}

/// Starts one with fresh keys in a new folder of `dir`.
pub(crate) fn start(plinth: &Path, dir: &Path, extra: &[&str]) -> Result<Appliance, Box<dyn Error>> {
    start_as(plinth, dir, extra, Setup::default())
}

/// As [`start`], of an appliance that differs.
pub(crate) fn start_as(plinth: &Path, dir: &Path, extra: &[&str], setup: Setup) -> Result<Appliance, Box<dyn Error>> {
    if !plinth.exists() {
        return Err(format!("there is no {}: cargo build --release -p plinth-node makes it", plinth.display()).into());
    }
    let folder = Folder(dir.join(format!("latency-tests-plinth-{}{}", std::process::id(), extra.concat())));
    if setup != Setup::default() {
        init(plinth, &folder.0, VALIDATOR_COUNT - u16::from(setup.validators_absent))?;
    }
    if let Some(blocks) = setup.snapshot_interval_blocks {
        set(&folder.0.join(CONFIG_FILE), "snapshot_interval_blocks", blocks)?;
    }
    let child = ChildAppliance::start(plinth, &folder.0, extra)?;
    Ok(Appliance { child, _folder: folder })
}

/// Makes the folder, with so many of the committee's validators in the appliance.
fn init(plinth: &Path, folder: &Path, here: u16) -> Result<(), Box<dyn Error>> {
    let output = Command::new(plinth).args(["init", "--validators-here", &here.to_string(), "--data-dir"]).arg(folder).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("plinth init: {}", told.trim()).into())
}

/// Gives a key of the configuration, which is written there, another value.
fn set(config: &Path, key: &str, value: u32) -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(config)?;
    let is_key = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let old = text.lines().find(is_key).ok_or_else(|| format!("{} does not say {key}", config.display()))?;
    Ok(std::fs::write(config, text.replacen(old, &format!("{key} = {value}"), 1))?)
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
