//! What the host checks about a transaction beside its proofs. The circuit hides; these rules forbid repeating, forging and overdrawing.
//!
//! A transaction applies whole or not at all: everything that can fail is looked at before anything is changed.

use super::block::Payout;
use super::directive::{is_key, signed_by};
use super::error::TransactionError;
use super::nullifiers::{InsertError, Trie};
use super::state::{Credit, Gate, PoolState};
use crate::limits::{CREDITS_WAITING_MAX, DAY_GRACE, NOTE_TREE_DEPTH, NOTES_PER_SIDE};
use crate::note::{PoolAsset, Value};
use crate::transaction::{PublicSide, Transaction};
use crate::tree::TreeFull;
use plinth_types::id::{AssetId, Signature};
use plinth_types::message::{InboxKind, InboxMessage};
use std::collections::{BTreeMap, BTreeSet};

/// Takes a message in as a credit for the account that it names, which is a key of its owner. `false` if the pool cannot hold it: its value
/// goes back to who sent it.
pub(super) fn take_in(state: &mut PoolState, message: &InboxMessage) -> bool {
    let (owner, asset) = (message.account.owner(), state.assets.get(&message.asset));
    let room = state.credits.len() < CREDITS_WAITING_MAX && !state.credits.contains_key(&message.id);
    let may_enter = match message.kind {
        InboxKind::Transfer => state.gate == Gate::Open && asset.is_some_and(|asset| !asset.frozen),
        // What was the pool's own cannot be refused.
        InboxKind::Bounce => asset.is_some(),
        InboxKind::Request(_) => false,
    };
    let value = u64::try_from(message.amount.units()).ok().map(Value::new).filter(|value| *value != Value::ZERO);
    match value {
        Some(value) if may_enter && room && is_key(owner) => {
            state.credits.insert(message.id, Credit { asset: message.asset, value, owner });
            true
        }
        _ => false,
    }
}

/// Applies a transaction whose proofs were checked.
pub(super) fn apply(
    state: &mut PoolState,
    nullifiers: &mut Trie,
    transaction: &Transaction,
) -> Result<Vec<Payout>, TransactionError> {
    let totals = check(state, nullifiers, transaction)?;
    let skeleton = &transaction.skeleton;
    for nullifier in transaction.nullifiers() {
        nullifiers.insert(nullifier)?;
    }
    for commitment in transaction.commitments() {
        state.notes.append(commitment)?;
    }
    for (asset, total) in totals {
        if let Some(asset) = state.assets.get_mut(&asset) {
            asset.total = total;
        }
    }
    let mut payouts = Vec::new();
    for leg in &skeleton.legs {
        match leg.public {
            PublicSide::None => {}
            PublicSide::Shield { credit, .. } => {
                state.credits.remove(&credit);
            }
            PublicSide::Unshield { asset, value, to } => {
                state.paid_out += 1;
                payouts.push(Payout {
                    asset: asset.asset(),
                    amount: value.amount(),
                    to,
                    cause: skeleton.id(),
                    number: state.paid_out,
                });
            }
        }
    }
    Ok(payouts)
}

/// All that can fail. Returns the totals behind the transaction.
pub(super) fn check(
    state: &PoolState,
    nullifiers: &Trie,
    transaction: &Transaction,
) -> Result<BTreeMap<AssetId, Value>, TransactionError> {
    check_frame(state, transaction)?;
    check_nullifiers(nullifiers, transaction)?;
    check_flows(state, transaction)
}

/// Pool, expiry, day, registry, anchors, room.
fn check_frame(state: &PoolState, transaction: &Transaction) -> Result<(), TransactionError> {
    let skeleton = &transaction.skeleton;
    match state.gate {
        Gate::Open => {}
        Gate::Halted => return Err(TransactionError::Halted),
        Gate::Retired => {
            let stays = |leg: &crate::transaction::Leg| !matches!(leg.public, PublicSide::Unshield { .. });
            if let Some(leg) = skeleton.legs.iter().position(stays) {
                return Err(TransactionError::Retired { leg });
            }
        }
    }
    if skeleton.pool != state.id {
        return Err(TransactionError::OtherPool);
    }
    if skeleton.expires < state.height {
        return Err(TransactionError::Expired { expires: skeleton.expires, height: state.height });
    }
    let today = PoolState::day_of(state.time);
    if skeleton.day.number().abs_diff(today.number()) > DAY_GRACE {
        return Err(TransactionError::Day { proven: skeleton.day, today });
    }
    if !state.registries.contains(&skeleton.registry) {
        return Err(TransactionError::Registry(skeleton.registry));
    }
    if let Some(leg) = skeleton.legs.iter().find(|leg| !state.anchors.contains(&leg.anchor)) {
        return Err(TransactionError::Anchor(leg.anchor));
    }
    let notes = (skeleton.legs.len() * NOTES_PER_SIDE) as u64;
    if state.notes.count() + notes > 1 << NOTE_TREE_DEPTH {
        return Err(TreeFull.into());
    }
    Ok(())
}

/// No note twice: not in the transaction, not before it.
fn check_nullifiers(nullifiers: &Trie, transaction: &Transaction) -> Result<(), TransactionError> {
    let mut seen = BTreeSet::new();
    for nullifier in transaction.nullifiers() {
        if !seen.insert(nullifier) {
            return Err(TransactionError::Repeated(nullifier));
        }
        match nullifiers.contains(nullifier) {
            Some(false) => {}
            Some(true) => return Err(InsertError::Spent(nullifier).into()),
            None => return Err(InsertError::NotShown(nullifier).into()),
        }
    }
    Ok(())
}

/// What enters and leaves: assets, credits, signatures, and the turnstile. Returns the totals behind the transaction.
fn check_flows(state: &PoolState, transaction: &Transaction) -> Result<BTreeMap<AssetId, Value>, TransactionError> {
    let skeleton = &transaction.skeleton;
    let mut totals = BTreeMap::new();
    let mut credits = BTreeSet::new();
    let mut signatures = transaction.signatures.iter();
    for (index, leg) in skeleton.legs.iter().enumerate() {
        let (asset, value) = match leg.public {
            PublicSide::None => continue,
            PublicSide::Shield { asset, value, .. } | PublicSide::Unshield { asset, value, .. } => (asset, value),
        };
        let id = asset.asset();
        let inside = *totals.entry(id).or_insert(check_asset(state, asset, index)?);
        let after = match leg.public {
            PublicSide::Shield { credit, .. } => {
                let waits = state.credits.get(&credit).filter(|waits| waits.asset == id && waits.value == value);
                let Some(waits) = waits.filter(|_| credits.insert(credit)) else {
                    return Err(TransactionError::Credit { leg: index, credit });
                };
                let signature: Option<&Signature> = signatures.next();
                if !signature.is_some_and(|signature| signed_by(waits.owner, &skeleton.shielding_bytes(), *signature)) {
                    return Err(TransactionError::Signature { leg: index });
                }
                inside.checked_add(value).ok_or(TransactionError::TotalTooLarge(id))?
            }
            PublicSide::Unshield { to, .. } if !is_key(to) => return Err(TransactionError::Receiver { leg: index, to }),
            PublicSide::Unshield { .. } => {
                inside.checked_sub(value).ok_or(TransactionError::Turnstile { asset: id, inside, requested: value })?
            }
            PublicSide::None => inside,
        };
        totals.insert(id, after);
    }
    Ok(totals)
}

/// The total of an asset that the pool has under these terms.
fn check_asset(state: &PoolState, asset: PoolAsset, leg: usize) -> Result<Value, TransactionError> {
    let known = state.assets.get(&asset.asset()).filter(|known| known.eligible == asset.eligible());
    let known = known.ok_or(TransactionError::Asset { leg, asset: asset.asset() })?;
    if known.frozen {
        return Err(TransactionError::Frozen(asset.asset()));
    }
    Ok(known.total)
}
