//! The program that a proof must be of.

use plinth_types::digest::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The guest of the trading zone, as it is committed to.
pub const IMAGE_TRADING: &str = include_str!("../../guest/images/trading.image");

const DOMAIN: &[u8] = b"plinth/guest-image/1";

/// What names a program and the virtual machine that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// SHA-256 of the program's file.
    pub elf: Digest,
    /// SHA-256 of the virtual machine's verifying key.
    pub verifying_key: Digest,
    /// Commitment to program, initial memory and first instruction: eight field elements, little-endian.
    pub exe_commitment: Digest,
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an image is three lines `name digest`: elf, verifying-key, exe-commitment")]
pub struct ImageError;

impl Image {
    /// What a zone header names: SHA-256 of verifying key and commitment, which together decide what can be proven.
    #[must_use]
    pub fn id(&self) -> Digest {
        let hash = Sha256::new_with_prefix(DOMAIN).chain_update(self.verifying_key.0).chain_update(self.exe_commitment.0);
        Digest(hash.finalize().into())
    }

    /// The text of an image's file.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("elf {}\nverifying-key {}\nexe-commitment {}\n", self.elf, self.verifying_key, self.exe_commitment)
    }

    /// Reads [`Image::to_text`].
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn from_text(text: &str) -> Result<Self, ImageError> {
        let mut lines = text.lines();
        let mut next = |name| lines.next().and_then(|line| line.strip_prefix(name)).and_then(digest).ok_or(ImageError);
        let image = Self { elf: next("elf ")?, verifying_key: next("verifying-key ")?, exe_commitment: next("exe-commitment ")? };
        if lines.next().is_some() { Err(ImageError) } else { Ok(image) }
    }
}

fn digest(hex: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(Digest(bytes))
}
