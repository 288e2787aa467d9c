//! Reading fixtures: hexadecimal quantities, accounts.

use super::FixtureError;
use crate::ethereum::{Address, Bytes, HashMap, U256, hex};
use crate::machine::Bytecode;
use crate::state::{AccountState, WorldAccount, WorldState};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The cases of all `.json` files below `root`, with the file's name.
pub(super) fn cases(root: &Path) -> Result<Vec<(String, Value)>, FixtureError> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text = std::fs::read(&path).map_err(|error| FixtureError::File { path: path.clone(), error })?;
        let file: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|error| FixtureError::Json { path: path.clone(), error })?;
        cases.extend(file);
    }
    Ok(cases)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), FixtureError> {
    let failed = |error| FixtureError::File { path: path.to_owned(), error };
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            collect(&entry.map_err(failed)?.path(), files)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "json") {
        files.push(path.to_owned());
    }
    Ok(())
}

pub(super) fn word(value: &Value) -> Option<U256> {
    let text = value.as_str()?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.is_empty() { Some(U256::ZERO) } else { U256::from_str_radix(digits, 16).ok() }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    word(value).and_then(|word| u64::try_from(word).ok())
}

pub(super) fn address(value: &Value) -> Option<Address> {
    Address::from_str(value.as_str()?).ok()
}

pub(super) fn bytes(value: &Value) -> Option<Bytes> {
    hex::decode(value.as_str()?).ok().map(Bytes::from)
}

pub(super) fn world(accounts: &Value) -> Option<WorldState> {
    let mut world = WorldState::default();
    for (name, account) in accounts.as_object()? {
        let code_hash = world.insert_code(Bytecode::new_raw_checked(bytes(&account["code"])?).ok()?);
        let mut storage = HashMap::default();
        for (slot, value) in account["storage"].as_object()? {
            let value = word(value)?;
            if !value.is_zero() {
                storage.insert(word(&Value::String(slot.clone()))?, value);
            }
        }
        let account = AccountState { balance: word(&account["balance"])?, nonce: number(&account["nonce"])?, code_hash };
        world.insert(Address::from_str(name).ok()?, WorldAccount { account, storage });
    }
    Some(world)
}
