//! Executes, meters and proves guests: OpenVM, on the processor.
//!
//! Nothing of the zones is known here, and no other crate of ours is used: the proving system's code is generated into this crate, which takes
//! minutes, so it is to change seldom.
//!
//! * [`Machine::meter`] counts what an input costs without proving it: cycles are exact, the same on every machine.
//! * Memory is bounded by segments: an execution is proven in pieces that each need at most a given number of bytes.
//!
//! # Known limitations
//!
//! Segments are proven one after another, on one machine, and not aggregated. A stopped proof begins again.

use openvm_circuit::arch::execution_mode::metered::segment_ctx::Segment;
use openvm_circuit::arch::hasher::poseidon2::vm_poseidon2_hasher;
use openvm_circuit::arch::instructions::exe::VmExe;
use openvm_circuit::arch::{ContinuationVmProof, Streams, SystemConfig, VirtualMachine, VmInstance, verify_segments};
use openvm_circuit::system::memory::merkle::public_values::extract_public_values;
use openvm_rv32im_transpiler::{Rv32ITranspilerExtension, Rv32IoTranspilerExtension, Rv32MTranspilerExtension};
use openvm_sha2_circuit::{Sha2Rv32Config, Sha2Rv32CpuBuilder};
use openvm_sha2_transpiler::Sha2TranspilerExtension;
use openvm_stark_backend::StarkEngine;
use openvm_stark_backend::codec::Encode;
use openvm_stark_backend::keygen::types::MultiStarkVerifyingKey;
use openvm_stark_backend::p3_field::{PrimeCharacteristicRing, PrimeField32};
use openvm_stark_sdk::config::app_params_with_100_bits_security;
use openvm_stark_sdk::config::baby_bear_poseidon2::{BabyBearPoseidon2Config, BabyBearPoseidon2CpuEngine, F};
use openvm_transpiler::FromElf;
use openvm_transpiler::elf::Elf;
use openvm_transpiler::openvm_platform::memory::MEM_SIZE;
use openvm_transpiler::transpiler::Transpiler;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use thiserror::Error;

/// Bytes that a guest makes public.
pub const STATEMENT_SIZE: usize = 64;
/// What a guest says.
pub type Statement = [u8; STATEMENT_SIZE];
/// Eight field elements or a SHA-256, as bytes.
pub type Bytes32 = [u8; 32];

/// Bytes that the proof of one segment may need, as the proving system estimates it.
pub const PROVING_MEMORY_MAX: usize = 3 << 30;

/// Two to the power of this are the rows that tables are stacked to.
const LOG_STACKED_HEIGHT: usize = 21;

/// A guest, ready to be executed and proven.
pub struct Machine {
    instance: VmInstance<BabyBearPoseidon2CpuEngine, Sha2Rv32CpuBuilder>,
    key: MultiStarkVerifyingKey<BabyBearPoseidon2Config>,
    elf: Bytes32,
}

/// What an execution costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Instructions executed.
    pub cycles: u64,
    /// Cells of all tables, each as high as its next power of two.
    pub cells: u64,
    /// Pieces that it is proven in.
    pub segments: usize,
    /// What the guest said.
    pub statement: Statement,
}

/// What pins a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pins {
    /// SHA-256 of its file.
    pub elf: Bytes32,
    /// SHA-256 of [`Machine::verifying_key`].
    pub verifying_key: Bytes32,
    /// Commitment to program, initial memory and first instruction.
    pub exe_commitment: Bytes32,
}

/// A proof in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Proofs of the segments, encoded.
    pub segments: Vec<Vec<u8>>,
    /// Digests between the statement and the root of the memory behind the last segment.
    pub path: Vec<Bytes32>,
    /// The commitment to what was executed, as the published verifier says it.
    pub exe_commitment: Bytes32,
}

/// Why a guest cannot be executed or proven.
#[derive(Debug, Error)]
pub enum MachineError {
    /// The file is no program for the virtual machine.
    #[error("guest: {0}")]
    Guest(String),
    /// The guest did not come to its end.
    #[error("execution: {0}")]
    Execution(String),
    /// It said something else than was to be proven.
    #[error("the guest says {}, not what was to be proven", hex(&.said[..]))]
    OtherStatement {
        /// What it said.
        said: Box<Statement>,
    },
    /// The proving system's.
    #[error("proof: {0}")]
    Proof(String),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

impl Machine {
    /// Makes the machine's keys, the same every time, and reads the guest. No proof of a segment needs more than `memory_max` bytes, as the
    /// proving system estimates it.
    ///
    /// # Errors
    ///
    /// [`MachineError::Guest`].
    pub fn new(guest: &[u8], memory_max: usize) -> Result<Self, MachineError> {
        let failed = |error: &dyn std::fmt::Display| MachineError::Guest(error.to_string());
        let transpiler = Transpiler::<F>::default()
            .with_extension(Rv32ITranspilerExtension)
            .with_extension(Rv32MTranspilerExtension)
            .with_extension(Rv32IoTranspilerExtension)
            .with_extension(Sha2TranspilerExtension);
        let elf = Elf::decode(guest, MEM_SIZE as u32).map_err(|error| failed(&error))?;
        let exe = Arc::new(VmExe::from_elf(elf, transpiler).map_err(|error| failed(&error))?);
        let mut system = SystemConfig::default().with_public_values(STATEMENT_SIZE);
        system.set_segmentation_max_memory(memory_max);
        let config = Sha2Rv32Config { system, ..Sha2Rv32Config::default() };
        let engine = BabyBearPoseidon2CpuEngine::new(app_params_with_100_bits_security(LOG_STACKED_HEIGHT));
        let (vm, proving_key) =
            VirtualMachine::new_with_keygen(engine, Sha2Rv32CpuBuilder, config).map_err(|error| failed(&error))?;
        let program = vm.commit_program_on_device(&exe.program);
        let instance = VmInstance::new(vm, exe, program).map_err(|error| failed(&error))?;
        Ok(Self { instance, key: proving_key.get_vk(), elf: Sha256::digest(guest).into() })
    }

    /// The verifying key, as the verifier reads it.
    ///
    /// # Panics
    ///
    /// Never: the key has an encoding.
    #[must_use]
    pub fn verifying_key(&self) -> Vec<u8> {
        postcard::to_allocvec(&self.key).expect("the key is plain data")
    }

    /// What pins the guest.
    #[must_use]
    pub fn pins(&self) -> Pins {
        let exe = self.instance.exe();
        let config: &SystemConfig = self.instance.vm.config().as_ref();
        let commitment = openvm_circuit::system::program::trace::compute_exe_commit_from_mem_config(
            self.instance.program_commitment(),
            exe,
            &config.memory_config,
        );
        Pins { elf: self.elf, verifying_key: Sha256::digest(self.verifying_key()).into(), exe_commitment: bytes_of(&commitment) }
    }

    /// Executes the guest and counts.
    ///
    /// # Errors
    ///
    /// [`MachineError::Execution`].
    pub fn meter(&self, input: &[u8]) -> Result<Metered, MachineError> {
        let failed = |error: &dyn std::fmt::Display| MachineError::Execution(error.to_string());
        let (vm, exe) = (&self.instance.vm, self.instance.exe());
        let interpreter = vm.metered_interpreter(exe).map_err(|error| failed(&error))?;
        let (segments, state) =
            interpreter.execute_metered(streams(input), vm.build_metered_ctx(exe)).map_err(|error| failed(&error))?;
        let mut statement = [0; STATEMENT_SIZE];
        statement.copy_from_slice(&extract_public_values(STATEMENT_SIZE, &state.memory.memory));
        Ok(Metered {
            cycles: segments.iter().map(|segment| segment.num_insns).sum(),
            cells: segments.iter().map(|segment| self.cells(segment)).sum(),
            segments: segments.len(),
            statement,
        })
    }

    fn cells(&self, segment: &Segment) -> u64 {
        let widths = self.key.inner.per_air.iter().map(|table| table.params.width.total_width() as u64);
        let heights = segment.trace_heights.iter().map(|&rows| if rows == 0 { 0 } else { u64::from(rows.next_power_of_two()) });
        widths.zip(heights).map(|(width, height)| width * height).sum()
    }

    /// Proves that the guest, given `input`, says `statement`.
    ///
    /// # Errors
    ///
    /// If the guest says something else, or its execution cannot be proven.
    pub fn prove(&mut self, input: &[u8], statement: &Statement) -> Result<Parts, MachineError> {
        let failed = |error: &dyn std::fmt::Display| MachineError::Proof(error.to_string());
        let said = self.meter(input)?.statement;
        if said != *statement {
            return Err(MachineError::OtherStatement { said: Box::new(said) });
        }
        let proof = self.instance.prove_continuations(streams(input), |_, _| {}).map_err(|error| failed(&error))?;
        let exe_commitment = self.verify_as_published(&proof)?;
        let segments =
            proof.per_segment.iter().map(Encode::encode_to_vec).collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        Ok(Parts { segments, path: proof.user_public_values.proof.iter().map(bytes_of).collect(), exe_commitment })
    }

    /// By the published verifier; the prover looks at its own work before it is handed out.
    fn verify_as_published(&self, proof: &ContinuationVmProof<BabyBearPoseidon2Config>) -> Result<Bytes32, MachineError> {
        let failed = |error: &dyn std::fmt::Display| MachineError::Proof(error.to_string());
        let payload = verify_segments(&self.instance.vm.engine, &self.key, &proof.per_segment).map_err(|error| failed(&error))?;
        let config: &SystemConfig = self.instance.vm.config().as_ref();
        let dimensions = config.memory_config.memory_dimensions();
        let said = &proof.user_public_values;
        said.verify(&vm_poseidon2_hasher(), dimensions, payload.final_memory_root).map_err(|error| failed(&error))?;
        Ok(bytes_of(&payload.exe_commit))
    }
}

fn streams(input: &[u8]) -> Streams<F> {
    Streams::new(vec![input.iter().map(|&byte| F::from_u8(byte)).collect::<Vec<F>>()])
}

fn bytes_of(node: &[F; 8]) -> Bytes32 {
    let mut bytes = [0; 32];
    bytes.as_chunks_mut::<4>().0.iter_mut().zip(node).for_each(|(bytes, value)| *bytes = value.as_canonical_u32().to_le_bytes());
    bytes
}
