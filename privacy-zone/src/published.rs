//! The registry's bytes, in files beside the journal: the directive on the chain has the root alone.
//!
//! A file is on disk before the directive's block is made, and named by its root; one whose directive came into no block is never shown. Each file
//! is replaced whole. Who proves under a registry that was damaged here proves under a root that the pool refuses.

use crate::config::to_digits;
use plinth_privacy::field::RegistryRoot;
use plinth_types::codec::Codec as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// The files, and the one last shown.
#[derive(Debug)]
pub struct Published {
    folder: PathBuf,
    shown: Option<(RegistryRoot, Vec<u8>)>,
}

impl Published {
    /// In this folder.
    #[must_use]
    pub const fn in_folder(folder: PathBuf) -> Self {
        Self { folder, shown: None }
    }

    /// The bytes of the registry with this root; empty if there is none.
    pub fn of(&mut self, root: Option<RegistryRoot>) -> Vec<u8> {
        let Some(root) = root else { return Vec::new() };
        match &self.shown {
            Some((shown, bytes)) if *shown == root => bytes.clone(),
            Some(_) | None => {
                let bytes = fs::read(self.path(root)).unwrap_or_default();
                self.shown = Some((root, bytes.clone()));
                bytes
            }
        }
    }

    /// Keeps a registry.
    pub fn store(&mut self, root: RegistryRoot, bytes: Vec<u8>) -> io::Result<()> {
        self.shown = None;
        let path = self.path(root);
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self, root: RegistryRoot) -> PathBuf {
        self.folder.join(format!("registry-{}", to_digits(&root.to_bytes())))
    }
}
