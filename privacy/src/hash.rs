//! Poseidon with a domain for every use, as the circuit computes it.
//!
//! * Width 3, rate 2, `x^5`, 8 full and 56 partial rounds (`P128Pow5T3`); the constants are those of `halo2_poseidon`.
//! * A message of fixed length `L` starts from `[0, 0, L·2^64 + tag]` and is absorbed two words at a time, padded with zeros. Length
//!   and use stand in the capacity, which no message word reaches, so hashes of different uses or lengths never meet; with tag 0
//!   this is `ConstantLength<L>` of `halo2_poseidon` (tested).
//! * Every level of every tree has a tag of its own: a node cannot stand in for a leaf or for a node of another level.

use ff::{Field, PrimeField};
use halo2_poseidon::{P128Pow5T3, Spec};
use pasta_curves::Fp;
use std::sync::LazyLock;

/// What a hash is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tag {
    /// `ak` from the spend key.
    SpendAuthority,
    /// An owner from `ak` and `nk`.
    Owner,
    /// A note's commitment.
    Note,
    /// A note's nullifier.
    Nullifier,
    /// A leaf of the registry.
    Registration,
    /// A node of the note tree whose children are at this level; leaves are at level 0.
    NoteTree(usize),
    /// A node of the registry whose children are at this level.
    RegistryTree(usize),
    /// A mask of the auditor's ciphertext, by word.
    Audit(usize),
}

impl Tag {
    pub(crate) fn capacity(self, length: usize) -> Fp {
        let tag: u128 = match self {
            Self::SpendAuthority => 1,
            Self::Owner => 2,
            Self::Note => 3,
            Self::Nullifier => 4,
            Self::Registration => 5,
            Self::NoteTree(level) => 0x100 + level as u128,
            Self::RegistryTree(level) => 0x200 + level as u128,
            Self::Audit(word) => 0x300 + word as u128,
        };
        Fp::from_u128(((length as u128) << 64) | tag)
    }
}

/// Hashes a message of `L` words.
#[must_use]
pub(crate) fn hash<const L: usize>(tag: Tag, message: [Fp; L]) -> Fp {
    absorb(tag.capacity(L), &message)
}

fn absorb(capacity: Fp, message: &[Fp]) -> Fp {
    let mut state = [Fp::ZERO, Fp::ZERO, capacity];
    for pair in message.chunks(RATE) {
        for (word, input) in state.iter_mut().zip(pair) {
            *word += input;
        }
        permute(&mut state);
    }
    state[0]
}

const WIDTH: usize = 3;
const RATE: usize = 2;

struct Constants {
    rounds: Vec<[Fp; WIDTH]>,
    mds: [[Fp; WIDTH]; WIDTH],
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| {
    let (rounds, mds, _) = <P128Pow5T3 as Spec<Fp, WIDTH, RATE>>::constants();
    Constants { rounds, mds }
});

fn permute(state: &mut [Fp; WIDTH]) {
    let constants = &*CONSTANTS;
    let half_full = <P128Pow5T3 as Spec<Fp, WIDTH, RATE>>::full_rounds() / 2;
    let partial = <P128Pow5T3 as Spec<Fp, WIDTH, RATE>>::partial_rounds();
    for (index, round) in constants.rounds.iter().enumerate() {
        for (word, constant) in state.iter_mut().zip(round) {
            *word += constant;
        }
        state[0] = fifth_power(state[0]);
        if index < half_full || index >= half_full + partial {
            state[1] = fifth_power(state[1]);
            state[2] = fifth_power(state[2]);
        }
        let [a, b, c] = *state;
        *state = constants.mds.map(|row| row[0] * a + row[1] * b + row[2] * c);
    }
}

fn fifth_power(x: Fp) -> Fp {
    x.square().square() * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_poseidon::{ConstantLength, Hash};

    #[test]
    fn without_a_tag_it_is_the_published_hash() {
        let words = [Fp::from(7), -Fp::one(), Fp::from(9)];
        let published = Hash::<Fp, P128Pow5T3, ConstantLength<3>, 3, 2>::init().hash(words);
        assert_eq!(absorb(Fp::from_u128(3 << 64), &words), published);
        let published = Hash::<Fp, P128Pow5T3, ConstantLength<1>, 3, 2>::init().hash([words[0]]);
        assert_eq!(absorb(Fp::from_u128(1 << 64), &words[..1]), published);
    }

    #[test]
    fn uses_and_lengths_do_not_meet() {
        let (a, b) = (Fp::from(1), Fp::from(2));
        assert_ne!(hash(Tag::NoteTree(0), [a, b]), hash(Tag::NoteTree(1), [a, b]));
        assert_ne!(hash(Tag::NoteTree(0), [a, b]), hash(Tag::RegistryTree(0), [a, b]));
        assert_ne!(hash(Tag::Note, [a]), hash(Tag::Note, [a, Fp::ZERO]));
    }
}
