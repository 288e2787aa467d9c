//! Precompiles that can stand elsewhere.

use crate::ethereum::{Address, AddressMap};
use crate::machine::{AddressSet, CallInputs, Cfg, ContextTr, EthPrecompiles, InterpreterResult, PrecompileProvider, SpecId};

/// The precompiles of a fork by where they stand now. Warm is what was warm before they moved, as in geth.
#[derive(Clone, Debug)]
pub(super) struct Precompiles {
    fork: EthPrecompiles,
    /// From where one stands to where it stood.
    places: AddressMap<Address>,
}

impl Precompiles {
    /// Nothing moved yet.
    pub(super) fn of(spec: SpecId) -> Self {
        let fork = EthPrecompiles::new(spec);
        let places = fork.warm_addresses().iter().map(|address| (*address, *address)).collect();
        Self { fork, places }
    }

    /// No precompile stands there any more; which one did.
    pub(super) fn take(&mut self, address: &Address) -> Option<Address> {
        self.places.remove(address)
    }

    /// Lets the one that stood at `original` stand at `address`.
    pub(super) fn put(&mut self, address: Address, original: Address) {
        self.places.insert(address, original);
    }
}

impl<CTX: ContextTr> PrecompileProvider<CTX> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: <CTX::Cfg as Cfg>::Spec) -> bool {
        PrecompileProvider::<CTX>::set_spec(&mut self.fork, spec);
        // The machine is new for every call and has to be told what is warm.
        true
    }

    fn run(&mut self, context: &mut CTX, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        let Some(original) = self.places.get(&inputs.bytecode_address) else { return Ok(None) };
        self.fork.run(context, &CallInputs { bytecode_address: *original, ..inputs.clone() })
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.fork.warm_addresses()
    }

    fn contains(&self, address: &Address) -> bool {
        self.places.contains_key(address)
    }
}
