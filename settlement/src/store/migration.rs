//! A change of the store's format, as a block records it.
//!
//! The root depends on how operations were laid down, so another layout, parameter or release of the library has another root for the same
//! facts. The change is governed: a block names a height; behind that height every validator writes all facts, in the order of their
//! keys' hashes, as one batch into an empty store of the new format ([`rebuild`]), and the block after carries a [`Migration`], which its
//! validators check against both stores. Proofs against the old root stay good up to that block, and a light client that holds a
//! certificate of it takes the new root from there.
//!
//! Every state names its parameters under its root, and a store is opened and fetched under the parameters that were asked for, or refused:
//! [`StoreError::OtherFormat`]. So who did not go along finds out before it votes.
//!
//! Known limitations: the governed transaction, and the block that carries the record, come with governance; until then the record and the
//! rebuild are used by tests only.

use super::error::StoreError;
use super::parameters::StoreParameters;
use super::qmdb::{Qmdb, StoreConfig};
use super::runtime::StoreRuntime;
use super::state::{Fact, Live, Position, Write, key_hash};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::record;

/// Binds the last root of one format to the first root of the next. Both are behind the same block, of the same facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The block that both states are behind.
    pub position: Position,
    /// Root of the old format.
    pub old_root: Digest,
    /// Parameters of the new format.
    pub parameters: StoreParameters,
    /// Root of the new format.
    pub new_root: Digest,
}

impl Migration {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Checks what a block says against both stores.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherBlock`], [`StoreError::Root`].
    pub fn check(&self, old: Live, new: Live) -> Result<(), StoreError> {
        for (live, expected) in [(old, self.old_root), (new, self.new_root)] {
            let (height, found) = (live.position.height, live.root);
            if live.position != self.position {
                return Err(StoreError::OtherBlock { height, found: live.position.block, expected: self.position.block });
            }
            if found != expected {
                return Err(StoreError::Root { height, found, expected });
            }
        }
        Ok(())
    }

    /// The height behind which the new format holds.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.position.height
    }
}

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

record!(Migration { position, old_root, parameters, new_root }, version "migration version");
