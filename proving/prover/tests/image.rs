//! The committed image is of the sources that lie here.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCES_SHA256: &str = include_str!("../../guest/images/sources.sha256");

/// As `sources_digest` of `guest/build.sh` names them.
const SOURCES: [&str; 12] = [
    "types/src",
    "types/Cargo.toml",
    "clearing/src",
    "clearing/Cargo.toml",
    "matching/src/engine",
    "matching/src/state",
    "matching/src/lib.rs",
    "matching/src/limits.rs",
    "matching/src/tally.rs",
    "matching/Cargo.toml",
    "proving/trading",
    "proving/guest",
];

fn files_below(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        return files.push(path.to_path_buf());
    }
    for entry in fs::read_dir(path).unwrap() {
        files_below(&entry.unwrap().path(), files);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_committed_image_is_of_these_sources() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut files = Vec::new();
    SOURCES.iter().for_each(|source| files_below(&root.join(source), &mut files));
    let name = |file: &PathBuf| file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.iter().map(name).filter(|name| !name.starts_with("proving/guest/images/")).collect();
    names.sort_unstable();
    let listing = names.iter().fold(String::new(), |mut listing, name| {
        writeln!(listing, "{}  {name}", hex(&Sha256::digest(fs::read(root.join(name)).unwrap()))).unwrap();
        listing
    });
    let found = hex(&Sha256::digest(listing));
    assert_eq!(SOURCES_SHA256.trim_end(), found, "the engine is not the one of the committed image: run `just guests`");
}
