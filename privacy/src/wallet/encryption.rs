//! Encrypted notes: X25519, BLAKE2b, ChaCha20-Poly1305.
//!
//! ```text
//! 32  ephemeral key, one for both outputs
//! for each output:
//!   92  to the receiver: asset 4, value 8, randomness 32, memo 32, tag 16     key = BLAKE2b(shared ‖ ephemeral ‖ index)
//!   80  to the sender's outgoing key: shared secret 32, owner 32, tag 16      key = BLAKE2b(outgoing ‖ ephemeral ‖ commitment)
//! ```
//!
//! * Ciphertexts are bound to their output's commitment as associated data, and a receiver recomputes the commitment from what it reads:
//!   what does not open the note on chain is not a payment, whatever key decrypts it. So it does not matter that the cipher is not
//!   key-committing.
//! * One ephemeral key for both outputs halves what a scanning wallet computes. That is sound here because every receiver's key has the
//!   same base point and each output's key depends on its index.
//! * Every key is used once, so the nonce is zero.
//!
//! Why not `zcash_note_encryption`: its domain is an address that is a group element with its own base, which fixes one key agreement for
//! each output; our owner is a hash, no curve is needed in it, and one agreement serves both outputs.
//!
//! Known limitations: X25519 falls to a quantum computer, so ciphertexts recorded today may be read one day; nothing can be stolen by it.

use super::keys::{Address, IncomingViewingKey, OutgoingViewingKey};
use crate::field::{Commitment, Owner, Word};
use crate::limits::{MEMO_SIZE, NOTES_PER_SIDE};
use crate::note::{Note, PoolAsset, Value};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use plinth_types::codec::{Codec, DecodeError, Reader};
use x25519_dalek::{PublicKey as EncryptionKey, StaticSecret};

/// A line for the receiver.
pub type Memo = [u8; MEMO_SIZE];

const TAG_SIZE: usize = 16;
const PLAIN_SIZE: usize = 4 + 8 + 32 + MEMO_SIZE;
const RECEIVER_SIZE: usize = PLAIN_SIZE + TAG_SIZE;
const SENDER_PLAIN_SIZE: usize = 32 + 32;
const SENDER_SIZE: usize = SENDER_PLAIN_SIZE + TAG_SIZE;

/// The encrypted notes of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedNotes {
    ephemeral: [u8; 32],
    outputs: [EncryptedNote; NOTES_PER_SIDE],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct EncryptedNote {
    receiver: [u8; RECEIVER_SIZE],
    sender: [u8; SENDER_SIZE],
}

/// A note that a key opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Which output of the leg.
    pub index: usize,
    /// The note; its commitment is the one on chain.
    pub note: Note,
    /// The sender's line.
    pub memo: Memo,
}

impl EncryptedNotes {
    /// Bytes of the encoding.
    pub const SIZE: usize = 32 + NOTES_PER_SIDE * (RECEIVER_SIZE + SENDER_SIZE);

    /// Encrypts both outputs of a leg. `None` if an address holds a key of small order, which would make its secret public.
    #[must_use]
    pub fn seal(ephemeral: [u8; 32], notes: &[(Note, Address, Memo); NOTES_PER_SIDE], sender: &OutgoingViewingKey) -> Option<Self> {
        let secret = StaticSecret::from(ephemeral);
        let ephemeral = *EncryptionKey::from(&secret).as_bytes();
        let seal_one = |index: usize| {
            let (note, address, memo) = &notes[index];
            let shared = secret.diffie_hellman(&EncryptionKey::from(address.encryption));
            if !shared.was_contributory() {
                return None;
            }
            let commitment = note.commitment();
            let mut plain = Vec::with_capacity(PLAIN_SIZE);
            note.asset.encode(&mut plain);
            note.value.encode(&mut plain);
            note.randomness.encode(&mut plain);
            plain.extend_from_slice(memo);
            let mut recall = shared.to_bytes().to_vec();
            note.owner.encode(&mut recall);
            Some(EncryptedNote {
                receiver: encrypt(&receiver_key(shared.as_bytes(), &ephemeral, index), commitment, &plain)?,
                sender: encrypt(&sender_key(sender, &ephemeral, commitment), commitment, &recall)?,
            })
        };
        Some(Self { ephemeral, outputs: [seal_one(0)?, seal_one(1)?] })
    }

    /// What of a leg is for the holder of an incoming key. One key agreement.
    pub fn receive(&self, key: &IncomingViewingKey, commitments: &[Commitment; NOTES_PER_SIDE]) -> impl Iterator<Item = Opened> {
        let shared = key.secret().diffie_hellman(&EncryptionKey::from(self.ephemeral));
        let usable = shared.was_contributory();
        let (commitments, owner) = (*commitments, key.owner());
        (0..NOTES_PER_SIDE)
            .filter(move |_| usable)
            .filter_map(move |index| self.open_with(shared.as_bytes(), owner, index, commitments[index]))
    }

    /// What of a leg the holder of an outgoing key sent, with the owner that it was sent to.
    pub fn recall(&self, key: &OutgoingViewingKey, commitments: &[Commitment; NOTES_PER_SIDE]) -> impl Iterator<Item = Opened> {
        let commitments = *commitments;
        (0..NOTES_PER_SIDE).filter_map(move |index| {
            let commitment = commitments[index];
            let cipher_key = sender_key(key, &self.ephemeral, commitment);
            let recalled = decrypt(&cipher_key, commitment, &self.outputs[index].sender)?;
            let mut reader = Reader::new(&recalled);
            let shared = reader.array().ok()?;
            let owner = Owner::read(&mut reader).ok()?;
            self.open_with(&shared, owner, index, commitment)
        })
    }

    fn open_with(&self, shared: &[u8; 32], owner: Owner, index: usize, commitment: Commitment) -> Option<Opened> {
        let key = receiver_key(shared, &self.ephemeral, index);
        let plain = decrypt(&key, commitment, &self.outputs[index].receiver)?;
        let mut reader = Reader::new(&plain);
        let asset = PoolAsset::read(&mut reader).ok()?;
        let value = Value::read(&mut reader).ok()?;
        let randomness = Word::read(&mut reader).ok()?;
        let memo = reader.array().ok()?;
        let note = Note { asset, value, owner, randomness };
        (note.commitment() == commitment).then_some(Opened { index, note, memo })
    }
}

impl Codec for EncryptedNotes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ephemeral);
        for output in &self.outputs {
            out.extend_from_slice(&output.receiver);
            out.extend_from_slice(&output.sender);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ephemeral = reader.array()?;
        let mut read = || Ok(EncryptedNote { receiver: reader.array()?, sender: reader.array()? });
        Ok(Self { ephemeral, outputs: [read()?, read()?] })
    }
}

fn receiver_key(shared: &[u8; 32], ephemeral: &[u8; 32], index: usize) -> [u8; 32] {
    key(b"plinth/pv/note", &[shared, ephemeral, &[index as u8]])
}

fn sender_key(sender: &OutgoingViewingKey, ephemeral: &[u8; 32], commitment: Commitment) -> [u8; 32] {
    key(b"plinth/pv/recall", &[sender.expose(), ephemeral, &commitment.word().canonical()])
}

/// A key for one purpose, named in at most 16 bytes.
pub(super) fn key(purpose: &[u8], inputs: &[&[u8]]) -> [u8; 32] {
    let mut hash = blake2b_simd::Params::new().hash_length(32).personal(purpose).to_state();
    inputs.iter().for_each(|input| {
        hash.update(input);
    });
    let hash = hash.finalize();
    std::array::from_fn(|index| hash.as_bytes()[index])
}

fn encrypt<const N: usize>(key: &[u8; 32], commitment: Commitment, plain: &[u8]) -> Option<[u8; N]> {
    let aad = commitment.word().canonical();
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    cipher.encrypt(&Nonce::default(), Payload { msg: plain, aad: &aad }).ok()?.try_into().ok()
}

fn decrypt(key: &[u8; 32], commitment: Commitment, sealed: &[u8]) -> Option<Vec<u8>> {
    let aad = commitment.word().canonical();
    ChaCha20Poly1305::new(&Key::from(*key)).decrypt(&Nonce::default(), Payload { msg: sealed, aad: &aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::super::keys::Seed;
    use super::*;
    use crate::note::Eligibility;
    use plinth_types::id::AssetId;

    #[test]
    fn receiver_and_sender_read_it_and_nobody_else_does() {
        let [sender, receiver, stranger] = [1, 2, 3].map(|n| Seed::new([n; 32]).account(0).full_viewing_key());
        let asset = PoolAsset::new(AssetId::new(3), Eligibility::ALL).expect("a number");
        let note = |owner, value| Note { asset, value: Value::new(value), owner, randomness: Word::from_u64(value) };
        let notes = [
            (note(receiver.owner(), 5), receiver.address(), [9; MEMO_SIZE]),
            (note(sender.owner(), 7), sender.address(), [0; MEMO_SIZE]),
        ];
        let commitments = [notes[0].0.commitment(), notes[1].0.commitment()];
        let sealed = EncryptedNotes::seal([8; 32], &notes, &sender.outgoing()).expect("good keys");
        let sealed = EncryptedNotes::decode(&sealed.to_bytes()).expect("canonical");
        let received: Vec<_> = sealed.receive(&receiver.incoming(), &commitments).collect();
        assert_eq!(received, [Opened { index: 0, note: notes[0].0, memo: [9; MEMO_SIZE] }]);
        assert_eq!(sealed.receive(&sender.incoming(), &commitments).map(|opened| opened.index).collect::<Vec<_>>(), [1]);
        assert_eq!(
            sealed.recall(&sender.outgoing(), &commitments).map(|opened| opened.note).collect::<Vec<_>>(),
            notes.map(|n| n.0)
        );
        assert_eq!(sealed.receive(&stranger.incoming(), &commitments).count(), 0);
        assert_eq!(sealed.recall(&stranger.outgoing(), &commitments).count(), 0);
        let other = [commitments[1], commitments[0]];
        assert_eq!(sealed.receive(&receiver.incoming(), &other).count(), 0, "bound to its commitment");
    }

    #[test]
    fn an_address_of_small_order_is_refused() {
        let sender = Seed::new([1; 32]).account(0).full_viewing_key();
        let asset = PoolAsset::new(AssetId::new(3), Eligibility::ALL).expect("a number");
        let note = Note { asset, value: Value::new(1), owner: sender.owner(), randomness: Word::from_u64(1) };
        let bad = Address { owner: sender.owner(), encryption: [0; 32] };
        let notes = [(note, bad, [0; MEMO_SIZE]), (note, sender.address(), [0; MEMO_SIZE])];
        assert_eq!(EncryptedNotes::seal([8; 32], &notes, &sender.outgoing()), None);
    }
}
