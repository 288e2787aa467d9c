//! Golden fixtures: the bytes of every format on disk or wire, committed beside the tests that compare them.
//!
//! With `PLINTH_REGENERATE=1` in the environment the fixtures are written anew instead: a change of a protocol, and reviewed as one.
//! For tests only; a difference is a panic that names the fixture.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be read or written fails the test")]

use plinth_types::codec::Codec;
use std::fmt::Debug;
use std::path::PathBuf;

/// Bytes of a line of a fixture that is one value.
const LINE_SIZE: usize = 32;

/// The folder of a crate's fixtures.
#[derive(Clone, Debug)]
pub struct Fixtures(PathBuf);

impl Fixtures {
    /// `tests/golden` of the crate, which is `env!("CARGO_MANIFEST_DIR")`.
    #[must_use]
    pub fn of(crate_folder: &str) -> Self {
        Self(PathBuf::from(crate_folder).join("tests/golden"))
    }

    /// Pins a text.
    ///
    /// # Panics
    ///
    /// If it differs from the fixture.
    #[track_caller]
    pub fn text(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        if std::env::var_os("PLINTH_REGENERATE").is_some() {
            std::fs::create_dir_all(&self.0).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        let fixture = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (number, (found, expected)) in text.lines().zip(fixture.lines()).enumerate() {
            assert_eq!(found, expected, "{}:{}: the bytes have changed", path.display(), number + 1);
        }
        assert_eq!(text.len(), fixture.len(), "{}: the fixture has another length", path.display());
    }

    /// Pins bytes, in hexadecimal.
    ///
    /// # Panics
    ///
    /// If they differ from the fixture.
    #[track_caller]
    pub fn bytes(&self, name: &str, bytes: &[u8]) {
        let lines: String = bytes.chunks(LINE_SIZE).map(|line| hex(line) + "\n").collect();
        self.text(&format!("{name}.hex"), &lines);
    }

    /// Pins several values of one format, each on a line behind its name.
    ///
    /// # Panics
    ///
    /// If they differ from the fixture.
    #[track_caller]
    pub fn named(&self, format: &str, named: &[(&str, Vec<u8>)]) {
        let lines: String = named.iter().map(|(name, bytes)| format!("{name} {}\n", hex(bytes))).collect();
        self.text(&format!("{format}.hex"), &lines);
    }

    /// Pins values with a codec and reads each back. Every truncation must be refused, and a byte too many; a changed byte must be refused
    /// or be another value's only encoding.
    ///
    /// # Panics
    ///
    /// If one differs, or its decoder takes what its encoder does not write.
    #[track_caller]
    pub fn values<T: Codec + PartialEq + Debug>(&self, format: &str, named: &[(&str, T)]) {
        let bytes: Vec<_> = named.iter().map(|(name, value)| (*name, value.to_bytes())).collect();
        for ((name, value), (_, bytes)) in named.iter().zip(&bytes) {
            assert_eq!(T::decode(bytes).as_ref(), Ok(value), "{name}");
            is_strict::<T>(name, bytes);
        }
        self.named(format, &bytes);
    }
}

/// That nothing but this encoding decodes to its value.
#[track_caller]
fn is_strict<T: Codec>(name: &str, bytes: &[u8]) {
    for size in 0..bytes.len() {
        assert!(T::decode(&bytes[..size]).is_err(), "{name} cut to {size} bytes");
    }
    assert!(T::decode(&[bytes, &[0]].concat()).is_err(), "{name} with a byte too many");
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut mutated = bytes.to_vec();
            mutated[at] ^= mask;
            if let Ok(other) = T::decode(&mutated) {
                assert_eq!(other.to_bytes(), mutated, "{name}: byte {at} decodes to something else");
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
