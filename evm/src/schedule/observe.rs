//! Watching a transaction run, to learn what it touches.
//!
//! The machine runs it with an inspector that notes what was hashed: a Solidity mapping keeps the value of a key at `keccak(key, position)`, so
//! a slot that equals a hash of 64 bytes is named by the two words hashed. A slot a little above such a hash is a field of a struct there.

use crate::ethereum::{Address, U256, keccak256};
use crate::execution::BlockContext;
use crate::execution::serial::ViewDatabase;
use crate::machine::{EthInterpreter, InspectEvm, Inspector, Interpreter, Jumps, MainBuilder, TxEnv, WrapDatabaseRef, opcode};
use crate::state::StateView;
use rustc_hash::FxHashMap;

/// Fields of a struct looked for above a hash.
const FIELDS_MAX: u64 = 16;
/// Mappings of mappings looked through.
const DEPTH_MAX: usize = 4;

/// A slot, by how the contract found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A slot of its own.
    Fixed(U256),
    /// The value of `key` in the mapping at `base`, and its field.
    Mapped { key: U256, base: Box<Self>, field: u64 },
}

/// What one run touched.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    pub(super) succeeded: bool,
    /// Accounts, and whether they changed.
    pub(super) accounts: Vec<(Address, bool)>,
    /// Slots, and whether they changed.
    pub(super) slots: Vec<(Address, Place, bool)>,
}

/// Runs `tx` on `state` and drops its effects. Nonce, funds and base fee are not checked, since transactions before it may supply them.
/// `None` if it cannot even start.
pub(super) fn observe<S: StateView>(tx: &TxEnv, state: &S, context: &BlockContext) -> Option<Observation> {
    let mut machine_context = context.context(WrapDatabaseRef(ViewDatabase(state)));
    machine_context.cfg.disable_nonce_check = true;
    machine_context.cfg.disable_balance_check = true;
    machine_context.cfg.disable_base_fee = true;
    machine_context.cfg.disable_block_gas_limit = true;
    let mut machine = machine_context.build_mainnet_with_inspector(Preimages::default());
    let run = machine.inspect_tx(tx.clone()).ok()?;
    let preimages = machine.inspector.0;
    let mut observation = Observation { succeeded: run.result.is_success(), accounts: Vec::new(), slots: Vec::new() };
    for (address, account) in &run.state {
        // The machine pays the beneficiary at the end; the executor does that with a sum.
        if *address != context.env.beneficiary {
            observation.accounts.push((*address, account.is_selfdestructed() || account.is_created() || account.is_changed()));
        }
        for (slot, value) in &account.storage {
            observation.slots.push((*address, name(*slot, &preimages, DEPTH_MAX), value.is_changed()));
        }
    }
    Some(observation)
}

fn name(slot: U256, preimages: &FxHashMap<U256, (U256, U256)>, depth: usize) -> Place {
    if depth > 0 && slot > U256::from(u64::MAX) {
        for field in 0..FIELDS_MAX {
            if let Some((key, base)) = preimages.get(&slot.wrapping_sub(U256::from(field))) {
                return Place::Mapped { key: *key, base: Box::new(name(*base, preimages, depth - 1)), field };
            }
        }
    }
    Place::Fixed(slot)
}

/// Hashes of 64 bytes, with what was hashed.
#[derive(Debug, Default)]
struct Preimages(FxHashMap<U256, (U256, U256)>);

impl<CTX> Inspector<CTX, EthInterpreter> for Preimages {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut CTX) {
        if interpreter.bytecode.opcode() != opcode::KECCAK256 {
            return;
        }
        let (Ok(offset), Ok(size)) = (interpreter.stack.peek(0), interpreter.stack.peek(1)) else { return };
        let Ok(offset) = usize::try_from(offset) else { return };
        if size != U256::from(64) || offset.checked_add(64).is_none_or(|end| end > interpreter.memory.len()) {
            return;
        }
        let hashed = interpreter.memory.slice_len(offset, 64);
        let words = (U256::from_be_slice(&hashed[..32]), U256::from_be_slice(&hashed[32..]));
        self.0.insert(keccak256(&*hashed).into(), words);
    }
}
