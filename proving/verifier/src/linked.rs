//! That segments are one execution.

use crate::ProofError;
use openvm_stark_backend::hasher::MerkleHasher;
use openvm_stark_backend::p3_field::{PrimeCharacteristicRing, PrimeField32};
use openvm_stark_backend::proof::Proof;
use openvm_stark_sdk::config::baby_bear_poseidon2::{BabyBearPoseidon2Config, F};
use plinth_types::digest::Digest;

/// An element of the field.
pub(crate) type Value = F;
type Node = [Value; 8];

/// Places of the tables in the verifying key whose public values link segments.
const PROGRAM: usize = 0;
const CONNECTOR: usize = 1;
const BOUNDARY: usize = 2;
const MERKLE: usize = 3;

/// What a segment that is not the last one has for an exit code.
const EXIT_SUSPENDED: u32 = 42;

/// The execution so far.
#[derive(Default)]
pub(crate) struct Linked {
    first: Option<First>,
    last: Option<Last>,
}

/// What an execution begins with.
struct First {
    program: Node,
    memory: Node,
    pc: Value,
}

/// What it has come to.
struct Last {
    memory: Node,
    pc: Value,
}

impl Linked {
    /// Adds a segment whose proof is right.
    pub(crate) fn push(&mut self, segment: usize, is_last: bool, proof: &Proof<BabyBearPoseidon2Config>) -> Result<(), ProofError> {
        let unlinked = |what| ProofError::Unlinked { segment, what };
        let of = |table: usize| Some((proof.trace_vdata.get(table)?.as_ref()?, &proof.public_values.get(table)?[..]));
        let (Some((program, [])), Some((_, connector)), Some((_, [])), Some((_, merkle))) =
            (of(PROGRAM), of(CONNECTOR), of(BOUNDARY), of(MERKLE))
        else {
            return Err(unlinked("a table is missing, or says what it should not"));
        };
        if proof.public_values.iter().skip(MERKLE + 1).any(|values| !values.is_empty()) {
            return Err(unlinked("a table says what it should not"));
        }
        let &[program] = &program.cached_commitments[..] else {
            return Err(unlinked("it has not one program"));
        };
        let &[pc_before, pc, exit_code, is_end] = connector else {
            return Err(unlinked("its ends are not four values"));
        };
        let (&[memory_before, memory], []) = merkle.as_chunks::<8>() else {
            return Err(unlinked("its memory is not two roots"));
        };
        if is_end != Value::from_bool(is_last) {
            return Err(unlinked("the program ends elsewhere than in the last segment"));
        }
        if exit_code != Value::from_u32(if is_last { 0 } else { EXIT_SUSPENDED }) {
            return Err(unlinked("the program did not end well"));
        }
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                if first.program != program {
                    return Err(unlinked("another program"));
                }
                if last.pc != pc_before || last.memory != memory_before {
                    return Err(unlinked("it does not go on where the one before ended"));
                }
            }
            _ => self.first = Some(First { program, memory: memory_before, pc: pc_before }),
        }
        self.last = Some(Last { memory, pc });
        Ok(())
    }

    /// The commitment to what was executed, and the root of the memory behind it. `None` of no segments.
    pub(crate) fn end(&self, hasher: &impl MerkleHasher<F = Value, Digest = Node>) -> Option<(Node, Node)> {
        let First { program, memory, pc } = self.first.as_ref()?;
        let mut start = [Value::ZERO; 8];
        start[0] = *pc;
        let [program, memory, start] = [*program, *memory, start].map(|node| hasher.compress(node, [Value::ZERO; 8]));
        let commitment = hasher.compress(hasher.compress(program, memory), start);
        Some((commitment, self.last.as_ref()?.memory))
    }
}

/// Eight elements as bytes.
pub(crate) fn digest_of(node: &Node) -> Digest {
    let mut bytes = [0; 32];
    bytes.as_chunks_mut::<4>().0.iter_mut().zip(node).for_each(|(bytes, value)| *bytes = value.as_canonical_u32().to_le_bytes());
    Digest(bytes)
}
