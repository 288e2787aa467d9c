//! A block of this chain as a block of a settlement zone: header, body, outbox.
//!
//! - One Ethereum block is one zone block; the zone's height counts from genesis.
//! - **Roots are Ethereum block hashes** (Keccak of the RLP header). Such a hash commits to the state root, to receipts, number, base fee and parent, so to
//!   all that decides the next block; with the header in hand, every Ethereum tool checks `eth_getProof` against what settlement finalized.
//! - A header is a function of the chain's blocks and of [`Terms`]; nothing of it is kept. Whatever is handed over again is the same.
//! - The body names the messages consumed and holds the block as RLP ([`body`]). [`replay`] is what an auditor runs.
//!
//! # Known limitations
//!
//! - No exit root: owners cannot leave a frozen EVM zone by the base layer's exits, since no owner's key is known for an account.
//! - No proof of execution; the zone is attested.

pub mod body;

use crate::bridge::{inbox, outbox};
use crate::chain::{Chain, ChainError, Sealed};
use body::{BodyError, ZoneBody};
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, Seq, TimestampNs};
use plinth_types::limits::BODY_SIZE_MAX;
use plinth_types::message::InboxMessage;
use plinth_zone_protocol::{Block, Bytes};
use sha2::{Digest as _, Sha256};

/// What settlement says a header must name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The producer's epoch.
    pub epoch: ProducerEpoch,
    /// The guest image; zero while the zone is attested.
    pub guest_image: Digest,
}

/// There is no such zone block.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The genesis has no bridge, so the chain is no zone.
    #[error("the chain's genesis has no bridge: it is no settlement zone")]
    NoBridge,
    /// Genesis, or above the head.
    #[error("no zone block {0}")]
    Unknown(Height),
    /// Its logs are not the bridge's.
    #[error("zone block {height}: {error}")]
    Outbox {
        /// Which.
        height: Height,
        /// What is wrong.
        error: outbox::OutboxError,
    },
    /// It takes out more than an amount can be.
    #[error("zone block {0} takes out more than there can be")]
    Totals(Height),
    /// The body is larger than any.
    #[error("the body of zone block {height} has {size} bytes, at most {BODY_SIZE_MAX} are possible")]
    BodySize {
        /// Which.
        height: Height,
        /// Its bytes.
        size: usize,
    },
    /// The body is none, or of other messages.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The block does not follow.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// The zone's last height.
pub fn height(chain: &Chain) -> Height {
    Height::new(chain.header().number - chain.blocks().first())
}

/// The zone block of a height.
pub fn block(chain: &Chain, height: Height, terms: Terms) -> Result<Block, ZoneError> {
    let bridge = chain.bridge().ok_or(ZoneError::NoBridge)?;
    let (sealed, parent) = with_parent(chain, height).ok_or(ZoneError::Unknown(height))?;
    let record = &sealed.record;
    let (after, through) = (parent.inbox_consumed, sealed.inbox_consumed);
    let body = ZoneBody::of(&record.block, after, through).to_bytes();
    if body.len() > BODY_SIZE_MAX {
        return Err(ZoneError::BodySize { height, size: body.len() });
    }
    let sent = outbox::messages(&record.receipts).map_err(|error| ZoneError::Outbox { height, error })?;
    let decisions = inbox::decisions(chain.world(), &record.inbox).map_err(|error| ChainError::Block(error.into()))?;
    let header = ZoneHeader {
        chain: bridge.chain,
        zone: bridge.zone,
        height,
        epoch: terms.epoch,
        parent: Digest::ZERO,
        guest_image: terms.guest_image,
        policy: Digest(chain.blocks().by_number(chain.blocks().first()).map_or([0; 32], |genesis| genesis.hash.0)),
        pre_root: Digest(parent.hash.0),
        post_root: Digest(sealed.hash.0),
        inbox_index: through,
        inbox_root: inbox::root(&record.inbox),
        outbox_root: outbox::root(&sent),
        outbox_totals: outbox::totals(&sent).ok_or(ZoneError::Totals(height))?,
        inbox_refused: inbox::refused(&record.inbox, &decisions),
        exit_root: Digest::ZERO,
        body_hash: hash(&body),
        body_size: body.len() as u32,
        body_key: Digest::ZERO,
        shard_root: Digest::ZERO,
        // A record of this zone is a block.
        first_seq: Seq::new(height.get()),
        last_seq: Seq::new(height.get()),
        time: TimestampNs::new(record.block.header.timestamp.saturating_mul(1_000_000_000)),
        command_count: 1,
        trade_count: 0,
    };
    Ok(Block { header, body: Bytes(body), outbox: sent.into() })
}

/// SHA-256 of a body.
pub fn hash(body: &[u8]) -> Digest {
    Digest(Sha256::digest(body).into())
}

/// Executes a body on the chain that it extends and says what its header must be. `messages` are those that settlement appended, from the first
/// that the chain has not consumed on; more than the body consumes may be given.
pub fn replay(chain: &mut Chain, body: &[u8], messages: &[InboxMessage], terms: Terms) -> Result<Block, ZoneError> {
    let body = ZoneBody::read(body)?;
    let consumed = body.consumed(chain.inbox_consumed(), messages)?;
    chain.import_consuming(consumed, body.rlp())?;
    block(chain, height(chain), terms)
}

fn with_parent(chain: &Chain, height: Height) -> Option<(&Sealed, &Sealed)> {
    let number = chain.blocks().first().checked_add(height.get())?;
    Some((chain.blocks().by_number(number)?, chain.blocks().by_number(number.checked_sub(1)?)?))
}
