//! From a transaction to its prediction.
//!
//! In this order: a plain transfer is known by its form; a call whose entry point has a believed pattern, by the pattern; otherwise the
//! transaction is run on the latest state, or, where that is too dear, its access list is believed; without one it is unknown.

use super::observe::{Observation, observe};
use super::templates::Templates;
use super::{AccessSet, Prediction, keys};
use crate::ethereum::{Address, TxKind, U256};
use crate::execution::BlockContext;
use crate::execution::parallel::account_key;
use crate::limits::ACCESS_KEYS_MAX;
use crate::machine::TxEnv;
use crate::state::StateView;
use std::sync::{PoisonError, RwLock};

/// What a prediction may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Nothing but what the transaction says and what is remembered.
    Remember,
    /// Run it once if need be.
    Run,
}

/// Predicts access sets and learns from what it runs. Shared by threads.
#[derive(Debug, Default)]
pub struct Predictor {
    templates: RwLock<Templates>,
}

impl Predictor {
    /// What `tx` will touch, judged by `state`.
    pub fn predict<S: StateView>(&self, tx: &TxEnv, state: &S, context: &BlockContext, effort: Effort) -> Prediction {
        let TxKind::Call(to) = tx.kind else { return self.run(tx, state, context, effort) };
        let has_code = state.account(&to).is_some_and(|account| account.has_code());
        if !has_code && tx.authorization_list.is_empty() {
            return Prediction::Known(transfer(tx, to, context));
        }
        if tx.authorization_list.is_empty()
            && let Some(selector) = selector(tx)
            && let Some(set) = self.templates.read().unwrap_or_else(PoisonError::into_inner).predict(to, selector, tx)
        {
            return Prediction::Known(set);
        }
        self.run(tx, state, context, effort)
    }

    /// Says that the prediction for `tx` erred, so that its entry point is learned anew.
    pub fn erred(&self, tx: &TxEnv) {
        if let (TxKind::Call(to), Some(selector)) = (tx.kind, selector(tx)) {
            self.templates.write().unwrap_or_else(PoisonError::into_inner).doubt(to, selector);
        }
    }

    fn run<S: StateView>(&self, tx: &TxEnv, state: &S, context: &BlockContext, effort: Effort) -> Prediction {
        if effort == Effort::Remember {
            return by_access_list(tx);
        }
        let Some(observation) = observe(tx, state, context) else { return by_access_list(tx) };
        if let (TxKind::Call(to), Some(selector)) = (tx.kind, selector(tx))
            && tx.authorization_list.is_empty()
        {
            self.templates.write().unwrap_or_else(PoisonError::into_inner).learn(to, selector, tx, &observation);
        }
        bounded(observed(tx, &observation))
    }
}

impl AccessSet {
    pub(super) fn add(&mut self, key: u64, written: bool) {
        if written { &mut self.writes } else { &mut self.reads }.push(key);
    }
}

/// A call of an account without code. The sum stands for the recipient unless the executor must treat it as a value.
fn transfer(tx: &TxEnv, to: Address, context: &BlockContext) -> AccessSet {
    let mut set = AccessSet { writes: vec![account_key(&tx.caller)], ..AccessSet::default() };
    let beneficiary = context.env.beneficiary;
    if to == beneficiary {
        set.writes.push(account_key(&to));
    } else if to != tx.caller {
        set.sums.push(account_key(&to));
    }
    set
}

fn by_access_list(tx: &TxEnv) -> Prediction {
    if tx.access_list.is_empty() {
        return Prediction::Unknown;
    }
    let mut set = AccessSet { writes: vec![account_key(&tx.caller)], ..AccessSet::default() };
    if let TxKind::Call(to) = tx.kind {
        set.add(account_key(&to), !tx.value.is_zero());
    }
    for item in tx.access_list.iter() {
        let account = account_key(&item.address);
        set.reads.push(account);
        // The list does not say what is written; a slot that is read and written is the usual case.
        set.writes.extend(item.storage_keys.iter().map(|slot| keys::fixed(account, &U256::from_be_bytes(slot.0))));
    }
    bounded(set)
}

fn observed(tx: &TxEnv, observation: &Observation) -> AccessSet {
    let mut set = AccessSet { writes: vec![account_key(&tx.caller)], ..AccessSet::default() };
    for (address, written) in observation.accounts.iter().filter(|(address, _)| *address != tx.caller) {
        set.add(account_key(address), *written);
    }
    for (owner, place, written) in &observation.slots {
        set.add(keys::of(account_key(owner), place), *written);
    }
    set
}

fn bounded(set: AccessSet) -> Prediction {
    if set.len() > ACCESS_KEYS_MAX { Prediction::Unknown } else { Prediction::Known(set) }
}

fn selector(tx: &TxEnv) -> Option<[u8; 4]> {
    tx.data.first_chunk::<4>().copied()
}
