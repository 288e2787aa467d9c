//! The seed under a passphrase.
//!
//! ```text
//! 1   version
//! 12  Argon2id cost: memory KiB, passes, lanes, four bytes each
//! 16  salt
//! 12  nonce
//! 48  ChaCha20-Poly1305 of the seed, with all of the above as associated data
//! ```
//!
//! Bytes in, bytes out: where the file is and who may read it is the program's affair.

use super::keys::Seed;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use plinth_types::codec::{Codec, DecodeError, Reader};
use rand::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// Version of the format.
const VERSION: u8 = 1;
const HEAD_SIZE: usize = 1 + 12 + 16 + 12;
const SEALED_SIZE: usize = 32 + 16;

/// What guessing a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// 64 MiB, three passes: about a quarter of a second.
    pub const USUAL: Self = Self { memory_kib: 65_536, passes: 3, lanes: 1 };
    /// The least that Argon2 takes, for tests.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
    /// The most that a file may ask for, so that a forged one cannot exhaust memory.
    const MEMORY_KIB_MAX: u32 = 1 << 20;
    const PASSES_MAX: u32 = 64;
}

/// Why a key file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyFileError {
    /// Not a key file.
    #[error("not a key file: {0}")]
    Format(#[from] DecodeError),
    /// A cost that Argon2 does not take, or beyond what is tried.
    #[error("the key file asks for a cost that is not accepted")]
    Cost,
    /// The passphrase is wrong, or the file was changed.
    #[error("wrong passphrase, or the file was changed")]
    Passphrase,
}

/// Seals a seed.
///
/// # Errors
///
/// [`KeyFileError::Cost`].
pub fn seal(seed: &Seed, passphrase: &[u8], cost: Cost, random: &mut impl CryptoRng) -> Result<Vec<u8>, KeyFileError> {
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    random.fill_bytes(&mut salt);
    random.fill_bytes(&mut nonce);
    let mut file = vec![VERSION];
    [cost.memory_kib, cost.passes, cost.lanes].iter().for_each(|number| number.encode(&mut file));
    file.extend_from_slice(&salt);
    file.extend_from_slice(&nonce);
    let cipher = cipher(passphrase, &salt, cost)?;
    let payload = Payload { msg: seed.expose(), aad: &file };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| KeyFileError::Passphrase)?;
    file.extend_from_slice(&sealed);
    Ok(file)
}

/// Opens a key file.
///
/// # Errors
///
/// [`KeyFileError`].
pub fn open(file: &[u8], passphrase: &[u8]) -> Result<Seed, KeyFileError> {
    let mut reader = Reader::new(file);
    if u8::read(&mut reader)? != VERSION {
        return Err(reader.invalid("key file version").into());
    }
    let cost = Cost { memory_kib: u32::read(&mut reader)?, passes: u32::read(&mut reader)?, lanes: u32::read(&mut reader)? };
    let (salt, nonce): ([u8; 16], [u8; 12]) = (reader.array()?, reader.array()?);
    let sealed: [u8; SEALED_SIZE] = reader.array()?;
    reader.finish()?;
    let payload = Payload { msg: &sealed, aad: &file[..HEAD_SIZE] };
    let plain = cipher(passphrase, &salt, cost)?.decrypt(&Nonce::from(nonce), payload).map_err(|_| KeyFileError::Passphrase)?;
    let plain = Zeroizing::new(plain);
    <[u8; 32]>::try_from(plain.as_slice()).map(Seed::new).map_err(|_| KeyFileError::Passphrase)
}

fn cipher(passphrase: &[u8], salt: &[u8; 16], cost: Cost) -> Result<ChaCha20Poly1305, KeyFileError> {
    if cost.memory_kib > Cost::MEMORY_KIB_MAX || cost.passes > Cost::PASSES_MAX {
        return Err(KeyFileError::Cost);
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| KeyFileError::Cost)?;
    let mut key = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase, salt, key.as_mut_slice()).map_err(|_| KeyFileError::Cost)?;
    Ok(ChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rand_core::UnwrapErr;
    use rand::rngs::SysRng;

    #[test]
    fn it_opens_with_its_passphrase_and_unchanged_only() {
        let seed = Seed::new([5; 32]);
        let file = seal(&seed, b"open", Cost::LEAST, &mut UnwrapErr(SysRng)).expect("a good cost");
        assert_eq!(file.len(), HEAD_SIZE + SEALED_SIZE);
        assert_eq!(open(&file, b"open").expect("its passphrase").expose(), seed.expose());
        assert_eq!(open(&file, b"Open").map(|_| ()), Err(KeyFileError::Passphrase));
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x80;
            assert!(open(&changed, b"open").is_err(), "byte {at}");
        }
        assert!(open(&file[..file.len() - 1], b"open").is_err());
        assert!(!file.windows(8).any(|bytes| bytes == [5; 8]));
    }
}
