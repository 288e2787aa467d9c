//! Errors as Ethereum's clients expect them.

use crate::chain::{BlockError, PoolError};
use crate::ethereum::{Bytes, U256};
use crate::execution::{Ending, Rejection, TransactionResult};
use crate::transaction::TransactionError;
use jsonrpsee::types::ErrorObjectOwned;

/// Of a method.
pub(super) type Answer = Result<serde_json::Value, ErrorObjectOwned>;

const INVALID_PARAMS: i32 = -32_602;
const SERVER: i32 = -32_000;
const REVERTED: i32 = 3;
const UNKNOWN_BLOCK: i32 = -39_001;
const MACHINE: i32 = -32_015;
const LIMIT: i32 = -32_005;
const PRUNED: i32 = 4_444;

/// `Error(string)`.
const ERROR_SELECTOR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];

fn plain(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, message, None::<()>)
}

pub(super) fn invalid(message: impl Into<String>) -> ErrorObjectOwned {
    plain(INVALID_PARAMS, message)
}

pub(super) fn server(message: impl Into<String>) -> ErrorObjectOwned {
    plain(SERVER, message)
}

pub(super) fn unknown_block(message: impl Into<String>) -> ErrorObjectOwned {
    plain(UNKNOWN_BLOCK, message)
}

pub(super) fn pruned(number: u64) -> ErrorObjectOwned {
    plain(PRUNED, format!("the state of block {number} is no longer kept"))
}

pub(super) fn limit(message: impl Into<String>) -> ErrorObjectOwned {
    plain(LIMIT, message)
}

pub(super) fn pool(error: &PoolError) -> ErrorObjectOwned {
    server(error.to_string())
}

pub(super) fn transaction(error: &TransactionError) -> ErrorObjectOwned {
    server(error.to_string())
}

pub(super) fn rejection(rejection: &Rejection) -> ErrorObjectOwned {
    server(rejection.to_string())
}

/// What `eth_simulateV1` refuses, by the codes of its standard.
pub(super) fn simulation(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    plain(code, message)
}

impl From<BlockError> for ErrorObjectOwned {
    fn from(error: BlockError) -> Self {
        server(error.to_string())
    }
}

/// Why a simulated call did not succeed, within an answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct CallError {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Bytes>,
}

/// `None` if the call succeeded.
pub(super) fn call_error(result: &TransactionResult) -> Option<CallError> {
    match &result.ending {
        Ending::Success => None,
        Ending::Revert => {
            let message = failed(result).message().to_owned();
            Some(CallError { code: REVERTED, message, data: Some(result.output.clone()) })
        }
        Ending::Halt(reason) => Some(CallError { code: MACHINE, message: halt(reason), data: None }),
    }
}

/// A call that ran and did not succeed.
pub(super) fn failed(result: &TransactionResult) -> ErrorObjectOwned {
    match &result.ending {
        Ending::Revert => {
            let message = reason(&result.output)
                .map_or_else(|| "execution reverted".to_owned(), |reason| format!("execution reverted: {reason}"));
            ErrorObjectOwned::owned(REVERTED, message, Some(result.output.to_string()))
        }
        Ending::Halt(reason) => server(halt(reason)),
        Ending::Success => server("the call succeeded"),
    }
}

fn halt(reason: &crate::machine::HaltReason) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the machine's own words serve for the rest")]
    match reason {
        crate::machine::HaltReason::OutOfGas(_) => "out of gas".into(),
        other => format!("execution halted: {other:?}"),
    }
}

/// The text of `Error(string)`.
fn reason(output: &Bytes) -> Option<String> {
    let rest = output.strip_prefix(&ERROR_SELECTOR)?;
    let word = |at: usize| rest.get(at..at + 32).and_then(|word| usize::try_from(U256::from_be_slice(word)).ok());
    let offset = word(0)?;
    let length = word(offset)?;
    let start = offset.checked_add(32)?;
    let text = rest.get(start..start.checked_add(length)?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::hex;

    #[test]
    fn the_reason_of_a_revert_is_read_and_malformed_ones_are_not_believed() {
        let encoded = hex!(
            "08c379a0 0000000000000000000000000000000000000000000000000000000000000020
             0000000000000000000000000000000000000000000000000000000000000003 6e6f70650000000000000000000000000000000000000000000000000000000000"
        );
        assert_eq!(reason(&Bytes::copy_from_slice(&encoded)), Some("nop".into()));
        assert_eq!(reason(&Bytes::copy_from_slice(&encoded[..40])), None);
        let mut far = encoded.to_vec();
        far[4..36].fill(0xFF);
        assert_eq!(reason(&far.into()), None);
    }
}
