//! Files of the commands: made for their owner alone, replaced whole, each kind with a version byte.

use super::Outcome;
use ed25519_dalek::{Signer as _, SigningKey};
use plinth_privacy::circuit::keys::Proof;
use plinth_privacy::field::Nullifier;
use plinth_privacy::field::Owner;
use plinth_privacy::limits::{HOLDERS_MAX, NOTES_PER_SIDE};
use plinth_privacy::note::{PoolAsset, Value};
use plinth_privacy::registry::{AuditKey, Day, Registration, Registry};
use plinth_privacy::transaction::PoolId;
use plinth_privacy::wallet::encryption::Memo;
use plinth_privacy::wallet::keys::Address;
use plinth_privacy::wallet::swap::Offer;
use plinth_privacy_zone::config::{digits, read_text};
use plinth_privacy_zone::limits::FILE_SIZE_MAX;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, Signature};
use plinth_types::record;
use plinth_zone_protocol::List;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A firm asks its registrar to be registered: by whom it is found, and the key under which its payments can be read. Secret.
pub(crate) struct RegistrationRequest {
    pub(crate) owner: Owner,
    pub(crate) audit_key: AuditKey,
}

/// The registrar's book. Secret.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) registry: Registry,
    pub(crate) firms: List<Registration, HOLDERS_MAX>,
}

/// What an auditor may read. Secret.
pub(crate) struct AuditKeys {
    pub(crate) firms: List<Registration, HOLDERS_MAX>,
}

/// What both legs of a swap are bound to, beside themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SwapFrame {
    pub(crate) pool: PoolId,
    pub(crate) expires: Height,
    pub(crate) day: Day,
}

/// The first file of a swap: for the other party's eyes.
pub(crate) struct SwapOffer {
    pub(crate) frame: SwapFrame,
    pub(crate) offer: Offer,
    pub(crate) pay_to: Address,
    pub(crate) want_asset: PoolAsset,
    pub(crate) want_value: Value,
}

/// The second file: the other party's leg and its proof.
pub(crate) struct SwapAcceptance {
    pub(crate) offer_digest: Digest,
    pub(crate) offer: Offer,
    pub(crate) proof: Proof,
}

/// What the offering wallet keeps to make its leg again: all that was drawn for it follows from `nonce`. Secret.
pub(crate) struct SwapPending {
    pub(crate) nonce: [u8; 32],
    /// The last block that the wallet had scanned.
    pub(crate) height: Height,
    pub(crate) frame: SwapFrame,
    pub(crate) to: Address,
    pub(crate) memo: Memo,
    pub(crate) nullifiers: [Nullifier; NOTES_PER_SIDE],
}

macro_rules! version_1 {
    ($($name:ident),*) => {$(
        impl $name {
            /// Version of the encoding.
            const VERSION: u8 = 1;
        }
    )*};
}
version_1!(RegistrationRequest, Book, AuditKeys, SwapOffer, SwapAcceptance, SwapPending);
record!(RegistrationRequest { owner, audit_key }, version "version of a registration request");
record!(Book { registry, firms }, version "version of a registrar's book");
record!(AuditKeys { firms }, version "version of audit keys");
record!(SwapFrame { pool, expires, day });
record!(SwapOffer { frame, offer, pay_to, want_asset, want_value }, version "version of a swap offer");
record!(SwapAcceptance { offer_digest, offer, proof }, version "version of a swap acceptance");
record!(SwapPending { nonce, height, frame, to, memo, nullifiers }, version "version of a pending swap");

/// Reads a file of one kind.
pub(crate) fn read<T: Codec>(path: &Path) -> Outcome<T> {
    T::decode(&read_bytes(path, FILE_SIZE_MAX)?).map_err(|error| format!("{}: {error}", path.display()).into())
}

pub(crate) fn read_bytes(path: &Path, size_max: u64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(size_max + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() as u64 > size_max {
        return Err(format!("{}: more than {size_max} bytes", path.display()).into());
    }
    Ok(bytes)
}

/// Makes a file that nobody else may read; one that is there is not written over.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Outcome {
    let made = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    made().map_err(|error: std::io::Error| format!("{}: {error}", path.display()).into())
}

/// Replaces a file that nobody else may read: before or after a crash it is whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Outcome {
    let new = path.with_extension("new");
    let _left_behind = fs::remove_file(&new).is_ok();
    create(&new, bytes)?;
    fs::rename(&new, path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// A key file as `plinth-zone key` makes it: 64 hexadecimal digits.
pub(crate) struct SignerKey(SigningKey);

impl SignerKey {
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = read_text(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let seed = digits(text.trim()).ok_or_else(|| format!("{}: not 64 hexadecimal digits", path.display()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use plinth_golden::Fixtures;
    use plinth_privacy::circuit::keys::{CircuitVersion, PROOF_SIZE};
    use plinth_privacy::field::{Anchor, Commitment, RegistryRoot, Word};
    use plinth_privacy::note::{Eligibility, Jurisdiction, Note};
    use plinth_privacy::transaction::{Leg, PublicSide};
    use plinth_privacy::wallet::encryption::EncryptedNotes;
    use plinth_types::id::{AssetId, ChainId, ZoneId};

    fn word(n: u64) -> Word {
        Word::from_u64(n)
    }

    fn registration(n: u64) -> Registration {
        let jurisdiction = Jurisdiction::new(3).expect("below the bound");
        Registration { owner: Owner::new(word(n)), audit_key: AuditKey::new(word(n + 1)), expires: Day::new(20_000), jurisdiction }
    }

    fn frame() -> SwapFrame {
        let pool = PoolId { chain: ChainId::new(7), zone: ZoneId::new(4), generation: 1, circuit: CircuitVersion::V1 };
        SwapFrame { pool, expires: Height::new(90), day: Day::new(20_000) }
    }

    fn asset() -> PoolAsset {
        PoolAsset::new(AssetId::new(2), Eligibility::ALL).expect("a number")
    }

    fn address() -> Address {
        Address { owner: Owner::new(word(8)), encryption: [9; 32] }
    }

    /// What is in a ciphertext matters to nobody who reads the format.
    fn offer() -> Offer {
        let leg = Leg {
            anchor: Anchor::new(word(1)),
            nullifiers: [2, 3].map(|n| Nullifier::new(word(n))),
            commitments: [4, 5].map(|n| Commitment::new(word(n))),
            public: PublicSide::None,
            audit: [6, 7, 8].map(word),
            notes: EncryptedNotes::decode(&[9; EncryptedNotes::SIZE]).expect("any bytes"),
        };
        let opening = Note { asset: asset(), value: Value::new(300), owner: Owner::new(word(10)), randomness: word(11) };
        Offer { leg, opening, registry: RegistryRoot::new(word(12)) }
    }

    pub(crate) fn swap_offer() -> SwapOffer {
        SwapOffer { frame: frame(), offer: offer(), pay_to: address(), want_asset: asset(), want_value: Value::new(450) }
    }

    pub(crate) fn swap_acceptance() -> SwapAcceptance {
        let proof = Proof::from_bytes(&[1; PROOF_SIZE]).expect("no point at infinity");
        SwapAcceptance { offer_digest: Digest([1; 32]), offer: offer(), proof }
    }

    /// Pins a kind of file, and that what is read is what was written.
    pub(crate) fn pin<T: Codec>(name: &str, file: &T) {
        let bytes = file.to_bytes();
        assert_eq!(T::decode(&bytes).map(|again| again.to_bytes()), Ok(bytes.clone()));
        let mut other = bytes.clone();
        other[0] += 1;
        assert!(T::decode(&other).is_err(), "another version");
        assert!(T::decode(&bytes[..bytes.len() - 1]).is_err(), "a byte less");
        Fixtures::of(env!("CARGO_MANIFEST_DIR")).bytes(name, &bytes);
    }

    #[test]
    fn every_kind_of_file_is_pinned() {
        let mut book = Book::default();
        for firm in [registration(20), registration(30)] {
            book.registry.add(firm).expect("room");
            book.firms.0.push(firm);
        }
        pin("file_registration_request", &RegistrationRequest { owner: Owner::new(word(1)), audit_key: AuditKey::new(word(2)) });
        pin("file_audit_keys", &AuditKeys { firms: vec![registration(20)].into() });
        pin("file_book", &book);
        pin("file_swap_offer", &swap_offer());
        let pending = SwapPending {
            nonce: [1; 32],
            height: Height::new(5),
            frame: frame(),
            to: address(),
            memo: [2; 32],
            nullifiers: [3, 4].map(|n| Nullifier::new(word(n))),
        };
        pin("file_swap_pending", &pending);
        let acceptance = swap_acceptance();
        // Its proof's five kilobytes stand at the end, and are its own.
        let bytes = acceptance.to_bytes();
        assert_eq!(SwapAcceptance::decode(&bytes).map(|again| again.to_bytes()), Ok(bytes.clone()));
        Fixtures::of(env!("CARGO_MANIFEST_DIR")).bytes("file_swap_acceptance", &bytes[..bytes.len() - PROOF_SIZE]);
    }

    #[test]
    fn a_secret_file_is_its_owners_alone_and_is_not_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        create(&path, b"first").expect("made");
        assert!(create(&path, b"second").is_err());
        replace(&path, b"third").expect("replaced");
        assert_eq!(read_bytes(&path, 5).expect("read"), b"third");
        assert!(read_bytes(&path, 4).is_err(), "larger than any such file");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}
