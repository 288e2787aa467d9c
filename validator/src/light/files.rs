//! What the client reads and keeps: keys, its memory, receipts.

use plinth_settlement::keys::SecretKey;
use plinth_settlement::light::{Receipt, Root, TRUSTED_SIZE_MAX, Trusted};
use plinth_settlement::limits::RECEIPT_SIZE_MAX;
use plinth_types::codec::Codec;
use std::error::Error;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Most bytes of a key file.
const KEY_FILE_SIZE_MAX: usize = 4_096;
/// Most digits of a memory file, and the end of its line.
const MEMORY_FILE_SIZE_MAX: usize = 2 * TRUSTED_SIZE_MAX + 2;

/// All of a file, unless it is too long.
pub(crate) fn read(path: &Path, size_max: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| wrong(path, &error))?;
    file.take(size_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| wrong(path, &error))?;
    if bytes.len() > size_max {
        return Err(wrong(path, &format_args!("more than {size_max} bytes")));
    }
    Ok(bytes)
}

pub(crate) fn read_key(path: &Path) -> Result<SecretKey, Box<dyn Error>> {
    let text = String::from_utf8(read(path, KEY_FILE_SIZE_MAX)?)?;
    Ok(SecretKey::from_hex(text.trim())?)
}

/// The memory of an earlier run, if it was of this chain.
pub(crate) fn load(path: &Path, root: &Root) -> Result<Trusted, Box<dyn Error>> {
    let text = read(path, MEMORY_FILE_SIZE_MAX)?;
    let digits = text.trim_ascii().chunks(2);
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(|| wrong(path, &"the checkpoint is not hexadecimal"))?;
    let trusted = Trusted::decode(&bytes).map_err(|error| wrong(path, &format_args!("no checkpoint: {error}")))?;
    let is_of_root = match root {
        Root::Genesis(genesis) => trusted.genesis == genesis.digest(),
        Root::Group(keys) => trusted.chain == keys.chain(),
    };
    if is_of_root { Ok(trusted) } else { Err(wrong(path, &"a checkpoint of another chain")) }
}

pub(crate) fn save(path: &Path, trusted: &Trusted) -> io::Result<()> {
    let text: String = trusted.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    write(path, (text + "\n").as_bytes())
}

pub(crate) fn load_receipt(path: &Path) -> Result<Receipt, Box<dyn Error>> {
    Receipt::decode(&read(path, RECEIPT_SIZE_MAX)?).map_err(|error| wrong(path, &format_args!("no receipt: {error}")))
}

pub(crate) fn save_receipt(path: &Path, receipt: &Receipt) -> io::Result<()> {
    write(path, &receipt.to_bytes())
}

/// Whole or not at all, whenever the power goes.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, bytes)?;
    File::open(&fresh)?.sync_all()?;
    fs::rename(fresh, path)
}

fn wrong(path: &Path, why: &dyn Display) -> Box<dyn Error> {
    format!("{}: {why}", path.display()).into()
}
