//! ETH's movements as logs, as if ETH were a token (ERC-7528).
//!
//! They are seen beside the machine and never enter its journal: receipts, blooms and roots are those without them. What a call that failed
//! moved or logged is dropped with it.

use crate::ethereum::{Address, B256, Log, LogData, U256, address, b256};
use crate::machine::{
    CallInputs, CallOutcome, ContextTr, CreateInputs, CreateOutcome, Inspector, InstructionResult, InterpreterTypes, JournalTr,
};

/// Who logs ETH's movements.
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// The logs of a transaction, movements of ETH among them, in order.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    logs: Vec<Log>,
    /// How many there were when each of the frames that still run began.
    frames: Vec<usize>,
}

impl Transfers {
    pub(super) fn into_logs(self) -> Vec<Log> {
        self.logs
    }

    fn moved(&mut self, from: Address, to: Address, value: U256) {
        if !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = LogData::new_unchecked(topics, value.to_be_bytes::<32>().into());
            self.logs.push(Log { address: ETHER, data });
        }
    }

    fn close(&mut self, result: InstructionResult) {
        let begun = self.frames.pop().unwrap_or_default();
        if !result.is_ok() {
            self.logs.truncate(begun);
        }
    }
}

impl<CTX: ContextTr, INTR: InterpreterTypes> Inspector<CTX, INTR> for Transfers {
    fn log(&mut self, _: &mut CTX, log: Log) {
        self.logs.push(log);
    }

    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.frames.push(self.logs.len());
        if let Some(value) = inputs.transfer_value() {
            self.moved(inputs.transfer_from(), inputs.transfer_to(), value);
        }
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.close(outcome.result.result);
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.frames.push(self.logs.len());
        if let Ok(creator) = context.journal_mut().load_account(inputs.caller()) {
            let created = inputs.created_address(creator.data.info.nonce);
            self.moved(inputs.caller(), created, inputs.value());
        }
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.close(outcome.result.result);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.moved(contract, target, value);
    }
}
