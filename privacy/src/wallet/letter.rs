//! Letters: bytes from one wallet to another over any channel, read by the receiver alone, who knows by whom they were written.
//!
//! ```text
//!  1  version
//! 32  ephemeral key e
//! 80  the writer's address 64, tag 16      key = BLAKE2b(e·r ‖ e ‖ receiver's address)
//!  n  the text, tag 16                     key = BLAKE2b(e·r ‖ w·r ‖ e ‖ receiver's address ‖ writer's address)
//! ```
//!
//! * `r` and `w` are the encryption keys of the receiver's and the writer's addresses: the pattern X of the Noise framework, without its
//!   hash of the handshake. The text's key needs the secret of `w` or of `r`, so the receiver knows that it did not write the letter itself,
//!   and by whom it was; a third party is convinced of nothing.
//! * Both parts are bound to all that stands before them. A letter to another address does not open, neither does a changed one.
//! * Nothing here knows a letter that was read before: what it says has to be good once only ([`super::rfq`]).
//! * Every key is used once, so the nonce is zero; the personal strings are not those of encrypted notes.
//!
//! Known limitations: an address binds no owner to its encryption key, so compare addresses whole. Who holds the incoming viewing key reads and
//! writes letters as the wallet, and who stole it can write to the wallet as anybody; it spends nothing. The length shows what kind of
//! letter it is, and a letter falls to a quantum computer as encrypted notes do.

use super::encryption::key;
use super::keys::{Address, IncomingViewingKey};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use plinth_types::codec::{Codec, Reader};
use thiserror::Error;
use x25519_dalek::{PublicKey as EncryptionKey, StaticSecret};

/// Version of the format.
pub const VERSION: u8 = 1;

const TAG_SIZE: usize = 16;
const WRITER_SIZE: usize = 64 + TAG_SIZE;
const HEAD_SIZE: usize = 1 + 32;

/// Why a letter is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LetterError {
    /// Too short, or of another version.
    #[error("no letter of version {VERSION}")]
    Format,
    /// Not to this wallet, or its head was changed.
    #[error("the letter is to another wallet, or damaged")]
    Receiver,
    /// Not by whom it says, or its text was changed.
    #[error("the letter is not by whom it says, or damaged")]
    Writer,
}

/// Writes a letter; `ephemeral` is drawn for it alone. `None` if the receiver's address holds a key of small order.
#[must_use]
pub fn seal(ephemeral: [u8; 32], from: &IncomingViewingKey, to: &Address, text: &[u8]) -> Option<Vec<u8>> {
    seal_as(ephemeral, &from.address(), from.secret(), to, text)
}

fn seal_as(ephemeral: [u8; 32], writer: &Address, secret: &StaticSecret, to: &Address, text: &[u8]) -> Option<Vec<u8>> {
    let ephemeral_secret = StaticSecret::from(ephemeral);
    let ephemeral = *EncryptionKey::from(&ephemeral_secret).as_bytes();
    let receiver = EncryptionKey::from(to.encryption);
    let (once, lasting) = (ephemeral_secret.diffie_hellman(&receiver), secret.diffie_hellman(&receiver));
    if !once.was_contributory() {
        return None;
    }
    let keys = Keys { once: once.as_bytes(), ephemeral, to };
    let mut letter = vec![VERSION];
    letter.extend_from_slice(&ephemeral);
    let sealed = encrypt(&keys.of_writer(), &letter, &writer.to_bytes())?;
    letter.extend(sealed);
    let sealed = encrypt(&keys.of_text(lasting.as_bytes(), writer), &letter, text)?;
    letter.extend(sealed);
    Some(letter)
}

/// Reads a letter: who wrote it, and what.
///
/// # Errors
///
/// [`LetterError`].
pub fn open(key: &IncomingViewingKey, letter: &[u8]) -> Result<(Address, Vec<u8>), LetterError> {
    let (head, text) = letter.split_at_checked(HEAD_SIZE + WRITER_SIZE).ok_or(LetterError::Format)?;
    let mut reader = Reader::new(head);
    if u8::read(&mut reader) != Ok(VERSION) {
        return Err(LetterError::Format);
    }
    let ephemeral = reader.array().map_err(|_| LetterError::Format)?;
    let once = key.secret().diffie_hellman(&EncryptionKey::from(ephemeral));
    let to = key.address();
    let keys = Keys { once: once.as_bytes(), ephemeral, to: &to };
    let (aad, sealed) = head.split_at(HEAD_SIZE);
    let writer = decrypt(&keys.of_writer(), aad, sealed).ok_or(LetterError::Receiver)?;
    let writer = Address::decode(&writer).map_err(|_| LetterError::Writer)?;
    let lasting = key.secret().diffie_hellman(&EncryptionKey::from(writer.encryption));
    if !once.was_contributory() || !lasting.was_contributory() {
        return Err(LetterError::Writer);
    }
    let text = decrypt(&keys.of_text(lasting.as_bytes(), &writer), head, text).ok_or(LetterError::Writer)?;
    Ok((writer, text))
}

struct Keys<'a> {
    once: &'a [u8; 32],
    ephemeral: [u8; 32],
    to: &'a Address,
}

impl Keys<'_> {
    fn of_writer(&self) -> [u8; 32] {
        key(b"plinth/pv/writer", &[self.once, &self.ephemeral, &self.to.to_bytes()])
    }

    fn of_text(&self, lasting: &[u8; 32], writer: &Address) -> [u8; 32] {
        key(b"plinth/pv/letter", &[self.once, lasting, &self.ephemeral, &self.to.to_bytes(), &writer.to_bytes()])
    }
}

fn encrypt(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    ChaCha20Poly1305::new(&Key::from(*key)).encrypt(&Nonce::default(), Payload { msg: plain, aad }).ok()
}

fn decrypt(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    ChaCha20Poly1305::new(&Key::from(*key)).decrypt(&Nonce::default(), Payload { msg: sealed, aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::super::keys::Seed;
    use super::*;

    /// Whoever knows an address can make the part that names the writer. The text needs the writer's own secret.
    #[test]
    fn nobody_writes_as_somebody_else() {
        let [writer, receiver, forger] = [1, 2, 3].map(|n| Seed::new([n; 32]).account(0).full_viewing_key().incoming());
        let (claimed, to) = (writer.address(), receiver.address());
        let forged = seal_as([8; 32], &claimed, forger.secret(), &to, b"450").expect("a good key");
        assert_eq!(open(&receiver, &forged), Err(LetterError::Writer));
        let honest = seal_as([8; 32], &claimed, writer.secret(), &to, b"450").expect("a good key");
        assert_eq!(open(&receiver, &honest), Ok((claimed, b"450".to_vec())));
    }
}
