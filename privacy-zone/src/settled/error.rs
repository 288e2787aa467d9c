//! What a zone, or a validator, can do to a wallet that checks.

use crate::client::ClientError;
use plinth_privacy::field::Anchor;
use plinth_privacy::pool::error::BlockError;
use plinth_privacy::wallet::ScanError;
use plinth_types::codec::DecodeError;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use thiserror::Error;

/// Why the zone's blocks are not believed. All but the first five are the zone's doing.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The zone cannot be asked.
    #[error(transparent)]
    Ask(#[from] ClientError),
    /// There is nothing to check against.
    #[error("the base layer has settled no block of zone {0} yet")]
    NothingSettled(ZoneId),
    /// The fact is older than what was checked.
    #[error(
        "the validators prove block {settled} to be the last settled one, and block {checked} was checked before: they show an old state"
    )]
    GoesBack {
        /// The last settled one by the fact.
        settled: Height,
        /// The last one checked.
        checked: Height,
    },
    /// Two facts exclude each other: more validators than a third have lied, now or then.
    #[error("the base layer settled block {height} with header {certified}, and with header {checked} when it was checked before")]
    Contradiction {
        /// Of the zone.
        height: Height,
        /// By the fact at hand.
        certified: Digest,
        /// By the one before.
        checked: Digest,
    },
    /// The fact is none: it names a header and another state than that header.
    #[error("the validators prove state {fact} behind block {height}, and a header that says {header}")]
    OtherRoot {
        /// The last settled block.
        height: Height,
        /// By its header.
        header: Digest,
        /// By the fact.
        fact: Digest,
    },
    /// A header is not shown.
    #[error("the zone withholds block {height}: the base layer has settled all up to block {settled}")]
    Withheld {
        /// Which.
        height: Height,
        /// The last settled one.
        settled: Height,
    },
    /// Another chain is shown: the last block in which it is another one.
    #[error("the zone shows another chain: its block {height} has header {shown}, the base layer settled header {certified}")]
    OtherHeader {
        /// Which.
        height: Height,
        /// By the zone.
        shown: Digest,
        /// By the base layer.
        certified: Digest,
    },
    /// The body is not shown.
    #[error("the zone withholds the body of block {0}")]
    WithheldBody(Height),
    /// Another body is shown.
    #[error("the zone has invented block {height}: its body's hash is {shown}, the base layer settled {certified}")]
    OtherBody {
        /// Which.
        height: Height,
        /// By the zone.
        shown: Digest,
        /// By the header that is settled.
        certified: Digest,
    },
    /// What settled is no block of a pool.
    #[error("the zone had block {height} settled, and its body is none: {error}")]
    NoBlock {
        /// Which.
        height: Height,
        /// What is wrong.
        error: DecodeError,
    },
    /// What settled breaks the pool's rules, or leads to another state than it says.
    #[error("the zone had block {height} settled against the pool's rules: {error}")]
    Rules {
        /// Which.
        height: Height,
        /// How.
        error: BlockError,
    },
    /// The first block does not stand on an empty pool.
    #[error("the zone's first block stands on state {found}, its empty pool is {empty}")]
    Beginning {
        /// The block's.
        found: Digest,
        /// By number, registrar and controller.
        empty: Digest,
    },
    /// What settled is of a pool of another zone.
    #[error("the zone had a block settled that is of a pool of zone {0}")]
    OtherZone(ZoneId),
    /// Blocks that were checked before are shown otherwise.
    #[error("the zone shows other blocks up to block {0} than were checked before")]
    OtherBlocks(Height),
    /// Its blocks lead to another tree of notes than the state's.
    #[error("the zone's blocks lead to the tree of notes {built:?}, settled is {settled:?}")]
    OtherTree {
        /// The wallet's.
        built: Anchor,
        /// Of the state behind the last settled block.
        settled: Anchor,
    },
    /// A block does not follow.
    #[error(transparent)]
    Scan(#[from] ScanError),
}
