//! A store of another format.
//!
//! The root depends on how operations were laid down, so another layout, parameter or release of the library has another root for the same
//! facts. Behind a block that governors name ([`StoreFormat`](crate::ledger::StoreFormat)) every validator writes all facts, in the order of
//! their keys' hashes, as one batch into an empty store. One of the facts names the old root, and the next block carries the new one:
//! whoever holds a certificate of that block has both. Every state names its parameters under its root, so a ledger that says otherwise is
//! refused: [`StoreError::OtherFormat`].

use super::error::StoreError;
use super::qmdb::{Qmdb, StoreConfig};
use super::runtime::StoreRuntime;
use super::state::{Fact, Position, Write, key_hash};

/// Writes facts into an empty store as one batch: the root is a function of the facts, the position and the parameters. One that was
/// interrupted is begun again; one that was finished is opened.
///
/// # Errors
///
/// [`StoreError`].
pub async fn rebuild<E: StoreRuntime>(
    context: E,
    config: &StoreConfig,
    position: Position,
    mut facts: Vec<Fact>,
) -> Result<Qmdb<E>, StoreError> {
    facts.sort_by_key(|fact| key_hash(&fact.key));
    let writes: Vec<Write> = facts.into_iter().map(|Fact { key, value }| Write { key, value: Some(value) }).collect();
    Qmdb::open(context, config, position, &writes).await
}
