//! The ledger's verifiable store: opened as a ledger, forked by blocks, and followed by one of another format.

use super::{Behind, Chain, ChainError};
use crate::genesis::Genesis;
use crate::ledger::facts::{Fact, FactKey};
use crate::ledger::{Checked, State};
use crate::store::{Fact as StoredFact, Fork, Live, Position, StoreError, VerifiableState, Write};
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use std::sync::Arc;

/// The verifiable store, of whatever runtime.
pub type Store = dyn VerifiableState<Fork = Fork>;

/// The one at work, and the next one.
pub(super) struct Stores {
    /// What is shown, and fetched.
    pub(super) live: Arc<Store>,
    /// One of another format that has begun, and that is shown when its first root has a certificate.
    pub(super) next: Option<Arc<Store>>,
}

impl Chain {
    /// Writes the facts of a state into a store of its format, which blocks on top of it fork from then on.
    pub(super) async fn begin_format(&self, state: State) -> Result<Behind, ChainError> {
        let position = Position { height: state.height(), block: state.block(), time: state.time() };
        let stored = |(key, fact): (FactKey, Fact)| StoredFact { key: key.to_bytes().into(), value: fact.to_bytes().into() };
        let facts = state.facts().map(stored).collect();
        let store = self.0.formats.rebuild(state.store_format().parameters, position, facts).await?;
        let (live, fork) = store.live().await?;
        if live.position != position {
            let (found, expected) = (live.position.block, position.block);
            return Err(StoreError::OtherBlock { height: live.position.height, found, expected }.into());
        }
        self.0.stores.lock().next = Some(store);
        Ok(Behind { state: state.with_root(live.root), fork })
    }

    /// Shows the store that was begun behind this height, and removes the one before.
    pub(super) async fn adopt(&self, begun: Arc<Store>, behind: Height) -> Result<(), StoreError> {
        self.0.formats.adopt(behind).await?;
        let before = {
            let mut stores = self.0.stores.lock();
            stores.next.take_if(|next| Arc::ptr_eq(next, &begun));
            core::mem::replace(&mut stores.live, begun)
        };
        before.discard().await
    }
}

/// The ledger of which the store has the facts.
pub(super) async fn stored_state(genesis: Arc<Genesis>, store: &Store, live: Live) -> Result<State, ChainError> {
    let mut facts = Vec::new();
    for stored in store.facts().await? {
        let key = FactKey::decode(&stored.key).map_err(StoreError::from)?;
        facts.push((key, Fact::decode(&stored.value).map_err(StoreError::from)?));
    }
    facts.sort_unstable_by_key(|(key, _)| *key);
    let state = State::from_facts(genesis, facts)?;
    let Position { height, block, .. } = live.position;
    if (state.height(), state.block()) != (height, block) {
        return Err(StoreError::OtherBlock { height, found: block, expected: state.block() }.into());
    }
    let (found, expected) = (store.format().await?, state.store_format().parameters);
    if found != expected {
        return Err(StoreError::OtherFormat { found, expected }.into());
    }
    Ok(state.with_root(live.root))
}

/// Forks the store for a checked block, which learns its root.
///
/// # Errors
///
/// [`StoreError`], which says nothing of the block.
pub async fn fork(store: &Store, parent: &Fork, checked: Checked) -> Result<(Checked, Fork), StoreError> {
    let outcome = checked.outcome();
    let position = Position { height: outcome.height, block: outcome.block, time: outcome.time };
    let writes: Vec<Write> = outcome.writes.iter().map(to_write).collect();
    let fork = store.fork(parent, &writes, position).await?;
    Ok((checked.with_root(fork.root()), fork))
}

/// A fact as the store has it.
pub(in crate::consensus) fn to_write((key, fact): &(FactKey, Option<Fact>)) -> Write {
    Write { key: key.to_bytes().into(), value: fact.as_ref().map(|fact| fact.to_bytes().into()) }
}
