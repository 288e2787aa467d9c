//! What an owner can take out of a frozen zone: a leaf of the tree whose root is the header's `exit_root`.
//!
//! ```text
//! leaf  SHA-256(plinth/exit-leaf/1 ‖ chain ‖ zone ‖ leaf)      node  SHA-256(plinth/exit-node/1 ‖ left ‖ right)
//! ```
//!
//! A path is the siblings from the leaf up; bit k of the leaf's index says whether level k's sibling is on the left. The path is as long
//! as the tree is deep, and the index has no bit beyond it, so one leaf has one index.

use crate::codec::Codec;
use crate::id::{AssetId, ChainId, PublicKey, ZoneId};
use crate::quantity::Amount;
use crate::record;
use alloc::vec::Vec;

/// What one owner can take out, of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitLeaf {
    /// Its place in the tree, from 0. A place is paid once.
    pub index: u64,
    /// Who is paid, on the base layer.
    pub owner: PublicKey,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
}

impl ExitLeaf {
    /// Domain of a leaf.
    pub const DOMAIN: &'static [u8] = b"plinth/exit-leaf/1";
    /// Domain of an inner node.
    pub const NODE_DOMAIN: &'static [u8] = b"plinth/exit-node/1";

    /// What is hashed to the leaf's digest.
    #[must_use]
    pub fn hashed_bytes(&self, chain: ChainId, zone: ZoneId) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        chain.encode(&mut out);
        zone.encode(&mut out);
        self.encode(&mut out);
        out
    }
}

record!(ExitLeaf { index, owner, asset, amount });
