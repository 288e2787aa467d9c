//! A block of the pool as a block of a settlement zone: header, body, outbox.
//!
//! * The body holds the pool's block and its witness, so it is its own proof: whoever reads it, knows the header and has the verifying key can
//!   check it without any state ([`crate::proof`]). The pool's roots are the header's.
//! * All of it is a function of the sealed block; `epoch` and `guest_image` are written when it is handed over ([`under`]).
//! * Payouts go to owners of the base layer without expiry, numbered by the pool's state, so none comes back.

use plinth_privacy::pool::Sealed;
use plinth_privacy::pool::block::{Block as PoolBlock, BlockWitness, Effects};
use plinth_privacy::pool::state::PoolState;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ProducerEpoch, Seq, TimestampNs};
use plinth_types::limits::BODY_SIZE_MAX;
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use plinth_types::record;
use plinth_types::transfer::{Address, OutboxMessage, Party};
use plinth_zone_protocol::{Block, Bytes};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use thiserror::Error;

/// What checks a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The pool's block.
    pub block: PoolBlock,
    /// What its check needs of the state before it.
    pub witness: BlockWitness,
}

impl Body {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(Body { block, witness }, version "version of a privacy zone's body");

/// A block that settlement would not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ZoneBlockError {
    /// Larger than any body.
    #[error("the body has {0} bytes, at most {BODY_SIZE_MAX} are possible")]
    BodySize(usize),
    /// Payouts of an asset pass what an amount can be.
    #[error("the payouts of asset {0} pass what an amount can be")]
    Total(AssetId),
}

/// The zone block of a sealed block of the pool.
pub fn zone_block(sealed: Sealed) -> Result<Block, ZoneBlockError> {
    let Sealed { block, witness, pre_root, post_root, effects, .. } = sealed;
    let body = Body { block, witness };
    let bytes = body.to_bytes();
    let (header, outbox) = header_of(&body, &bytes, (pre_root, post_root), &effects)?;
    Ok(Block { header, body: Bytes(bytes), outbox: outbox.into() })
}

/// The header that a block of the pool has, and the messages that it sends. `bytes` is the body's encoding, `roots` are the pool's before and
/// behind the block. What the body does not decide is zero: epoch, parent, guest, and how the body is dispersed.
pub(crate) fn header_of(
    body: &Body,
    bytes: &[u8],
    (pre_root, post_root): (Digest, Digest),
    effects: &Effects,
) -> Result<(ZoneHeader, Vec<OutboxMessage>), ZoneBlockError> {
    let Body { block, witness } = body;
    if bytes.len() > BODY_SIZE_MAX {
        return Err(ZoneBlockError::BodySize(bytes.len()));
    }
    let outbox = outbox(effects);
    let header = ZoneHeader {
        chain: witness.state.id.chain,
        zone: witness.state.id.zone,
        height: block.height,
        epoch: ProducerEpoch::new(0),
        parent: Digest::ZERO,
        guest_image: Digest::ZERO,
        policy: policy(&witness.state),
        pre_root,
        post_root,
        inbox_index: block.arrivals.last().map_or(witness.state.inbox, |message| message.index),
        inbox_root: root(block.arrivals.is_empty(), || InboxMessage::range_bytes(&block.arrivals)),
        outbox_root: root(outbox.is_empty(), || OutboxMessage::list_bytes(&outbox)),
        outbox_totals: totals(effects)?,
        inbox_refused: effects.returned.clone(),
        exit_root: Digest::ZERO,
        body_hash: Digest(Sha256::digest(bytes).into()),
        body_size: bytes.len() as u32,
        body_key: Digest::ZERO,
        shard_root: Digest::ZERO,
        // A record of this zone is a block.
        first_seq: Seq::new(block.height.get()),
        last_seq: Seq::new(block.height.get()),
        time: block.time,
        command_count: 1,
        trade_count: 0,
    };
    Ok((header, outbox))
}

/// What names the pool in headers: the root of the empty pool of this number, registrar and controller, which never change.
#[must_use]
pub fn policy(state: &PoolState) -> Digest {
    PoolState::genesis(state.id, state.registrar, state.controller).root()
}

/// By which settlement knows a block: SHA-256 of what its producer signed.
#[must_use]
pub fn header_id(header: &ZoneHeader) -> Digest {
    Digest(Sha256::digest(header.signed_bytes()).into())
}

/// The block as settlement wants it in this epoch.
#[must_use]
pub const fn under(mut block: Block, epoch: ProducerEpoch, guest_image: Digest) -> Block {
    block.header.epoch = epoch;
    block.header.guest_image = guest_image;
    block
}

fn root(is_empty: bool, bytes: impl FnOnce() -> Vec<u8>) -> Digest {
    if is_empty { Digest::ZERO } else { Digest(Sha256::digest(bytes()).into()) }
}

fn outbox(effects: &Effects) -> Vec<OutboxMessage> {
    let message = |payout: &plinth_privacy::pool::block::Payout| OutboxMessage {
        channel_seq: payout.number,
        to: Party::owner(payout.to),
        asset: payout.asset,
        amount: payout.amount,
        sender: Address::of_owner(payout.to),
        expires_at: TimestampNs::new(u64::MAX),
    };
    effects.payouts.iter().map(message).collect()
}

fn totals(effects: &Effects) -> Result<Vec<AssetAmount>, ZoneBlockError> {
    let mut totals: BTreeMap<AssetId, u128> = BTreeMap::new();
    for payout in &effects.payouts {
        *totals.entry(payout.asset).or_default() += payout.amount.units();
    }
    let total = |(asset, units)| Ok(AssetAmount { asset, amount: Amount::new(units).ok_or(ZoneBlockError::Total(asset))? });
    totals.into_iter().map(total).collect()
}
