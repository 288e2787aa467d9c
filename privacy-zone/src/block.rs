//! A block of the pool as a block of a settlement zone: header, body, outbox.
//!
//! * The body holds the pool's block and its witness, so whoever reads it, knows the header and has the verifying key can run
//!   [`plinth_privacy::pool::block::check`]: no state is needed. The pool's roots are the header's.
//! * All of it is a function of the sealed block; `epoch` and `guest_image` are written when it is handed over ([`under`]).
//! * Payouts go to owners of the base layer without expiry, numbered by the pool's state, so none comes back.

use plinth_privacy::pool::Sealed;
use plinth_privacy::pool::block::{Block as PoolBlock, BlockWitness, Effects};
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

/// The zone block of a sealed block of the pool; `policy` names the pool's genesis.
pub fn zone_block(sealed: Sealed, policy: Digest) -> Result<Block, ZoneBlockError> {
    let Sealed { block, witness, pre_root, post_root, effects, .. } = sealed;
    let (chain, zone) = (witness.state.id.chain, witness.state.id.zone);
    let (height, time) = (block.height, block.time);
    let inbox_index = block.arrivals.last().map_or(witness.state.inbox, |message| message.index);
    let inbox_root = root(block.arrivals.is_empty(), || InboxMessage::range_bytes(&block.arrivals));
    let outbox = outbox(&effects);
    let body = Body { block, witness }.to_bytes();
    if body.len() > BODY_SIZE_MAX {
        return Err(ZoneBlockError::BodySize(body.len()));
    }
    let header = ZoneHeader {
        chain,
        zone,
        height,
        epoch: ProducerEpoch::new(0),
        parent: Digest::ZERO,
        guest_image: Digest::ZERO,
        policy,
        pre_root,
        post_root,
        inbox_index,
        inbox_root,
        outbox_root: root(outbox.is_empty(), || OutboxMessage::list_bytes(&outbox)),
        outbox_totals: totals(&effects)?,
        inbox_refused: effects.returned,
        exit_root: Digest::ZERO,
        body_hash: Digest(Sha256::digest(&body).into()),
        body_size: body.len() as u32,
        body_key: Digest::ZERO,
        shard_root: Digest::ZERO,
        // A record of this zone is a block.
        first_seq: Seq::new(height.get()),
        last_seq: Seq::new(height.get()),
        time,
        command_count: 1,
        trade_count: 0,
    };
    Ok(Block { header, body: Bytes(body), outbox: outbox.into() })
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
