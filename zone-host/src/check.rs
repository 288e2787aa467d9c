//! Would a validator take this block? Asked before it is sealed, since what it refuses stops the zone behind it.

use plinth_settlement::block::outbox_root;
use plinth_settlement::body::{Before, inbox_root};
use plinth_settlement::digest::sha256;
use plinth_settlement::ledger::{State, Zone};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex};
use plinth_types::limits::{BODY_COMMANDS_MAX, HEADER_REFUSED_MAX};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_zone_protocol::{Block, Reason, Refusal};
use std::collections::BTreeMap;
use thiserror::Error;

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum BlockError {
    #[error("the header's {0} is not what the host said")]
    NotAsTold(&'static str),
    #[error("the header's {0} is not zero: it is the link's to fill in")]
    NotZero(&'static str),
    #[error("block {0} was not handed over before it")]
    Gap(Height),
    #[error("another block of this height was handed over before")]
    Another,
    #[error("the body has {size} bytes, the header says {claimed}")]
    BodySize { size: usize, claimed: u32 },
    #[error("the header's body_hash is not the body's")]
    BodyHash,
    #[error("the header's {0} is not that of its messages")]
    Outbox(&'static str),
    #[error(
        "command_count {count} does not fit {size} bytes, or the numbers from first_seq to last_seq, or is above {BODY_COMMANDS_MAX}"
    )]
    Count { count: u32, size: usize },
    #[error("the header's {0} goes back behind the block before")]
    GoesBack(&'static str),
    #[error("the header's pre_root is not the post_root of the block before")]
    PreRoot,
    #[error("it consumes message {0}, which settlement has not appended")]
    NotAppended(InboxIndex),
    #[error("the header's inbox_root is not that of messages {0} to {1}")]
    InboxRoot(InboxIndex, InboxIndex),
    #[error("inbox_refused does not ascend, or has more than {HEADER_REFUSED_MAX}, or one that it does not consume, or a bounce")]
    Refused,
}

/// What was handed over, as far as the next block must follow it: from the last settled block on.
#[derive(Debug)]
pub(crate) struct Handed(BTreeMap<Height, Tip>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tip {
    post_root: Digest,
    before: Before,
    /// Of the body; none for the block that was settled before the zone called.
    body_hash: Option<Digest>,
}

impl Handed {
    /// The zone goes on behind its last settled block.
    pub(crate) fn behind(zone: &Zone) -> Self {
        let settled = zone.record().settled;
        Self(BTreeMap::from([(settled.height, Tip { post_root: settled.post_root, before: settled.before, body_hash: None })]))
    }

    /// Whether a block of this height and another body was handed over.
    pub(crate) fn contradicts(&self, height: Height, body_hash: Digest) -> bool {
        self.0.get(&height).and_then(|tip| tip.body_hash).is_some_and(|known| known != body_hash)
    }

    /// Blocks below are settled; the last of them stays, the next one follows it.
    pub(crate) fn settled(&mut self, height: Height) {
        if self.0.contains_key(&height) {
            self.0 = self.0.split_off(&height);
        }
    }

    /// Checks a block, and that settlement has no other one of its height.
    pub(crate) fn take(&mut self, block: &Block, ledger: &State) -> Result<(), Refusal> {
        let height = block.header.height;
        let Some(zone) = ledger.zone(block.header.zone) else { return Err(refusal(height, BlockError::NotAsTold("zone"))) };
        if let Some(known) = zone.unsettled_at(height).filter(|known| known.block.body.hash != block.header.body_hash) {
            return Err(Refusal::OtherHistory { height, body_hash: known.block.body.hash });
        }
        self.check(block, ledger, zone).map_err(|error| refusal(height, error))
    }

    fn check(&mut self, block: &Block, ledger: &State, zone: &Zone) -> Result<(), BlockError> {
        let header = &block.header;
        check_alone(block, ledger, zone)?;
        let first = self.0.first_key_value().map_or(Height::new(0), |(height, _)| *height);
        if header.height <= first {
            // Settled already: the link drops it.
            return Ok(());
        }
        let before = Height::new(header.height.get() - 1);
        let last = self.0.get(&before).copied().ok_or(BlockError::Gap(before))?;
        check_behind(header, last, zone)?;
        let (post_root, before, body_hash) = (header.post_root, Before::behind(header), Some(header.body_hash));
        let tip = Tip { post_root, before, body_hash };
        if self.0.insert(header.height, tip).is_some_and(|known| known != tip) { Err(BlockError::Another) } else { Ok(()) }
    }
}

fn refusal(height: Height, error: BlockError) -> Refusal {
    Refusal::Block { height, reason: Reason::new(error) }
}

fn check_alone(block: &Block, ledger: &State, zone: &Zone) -> Result<(), BlockError> {
    let header = &block.header;
    let guest_image = zone.mode().guest_image();
    for (field, is_right) in [
        ("chain", header.chain == ledger.chain()),
        ("guest_image", header.guest_image == guest_image),
        ("height", header.height > Height::new(0)),
    ] {
        if !is_right {
            return Err(BlockError::NotAsTold(field));
        }
    }
    for (field, value) in [("parent", header.parent), ("body_key", header.body_key), ("shard_root", header.shard_root)] {
        if value != Digest::ZERO {
            return Err(BlockError::NotZero(field));
        }
    }
    let (size, count) = (block.body.0.len(), header.command_count);
    if size != header.body_size as usize {
        return Err(BlockError::BodySize { size, claimed: header.body_size });
    }
    if sha256(&[&block.body.0]) != header.body_hash {
        return Err(BlockError::BodyHash);
    }
    let numbers = header.last_seq.get().checked_sub(header.first_seq.get());
    let fits =
        count >= 1 && count as usize <= BODY_COMMANDS_MAX.min(size) && numbers.is_some_and(|more| more >= u64::from(count) - 1);
    if !fits {
        return Err(BlockError::Count { count, size });
    }
    check_outbox(block)
}

fn check_outbox(block: &Block) -> Result<(), BlockError> {
    let (header, messages) = (&block.header, &block.outbox.0);
    let root = if messages.is_empty() { Digest::ZERO } else { outbox_root(messages) };
    if root != header.outbox_root {
        return Err(BlockError::Outbox("outbox_root"));
    }
    let mut totals: BTreeMap<AssetId, Amount> = BTreeMap::new();
    for message in messages {
        let total = totals.entry(message.asset).or_default();
        let sum = total.checked_add(message.amount).filter(|_| message.amount > Amount::ZERO);
        *total = sum.ok_or(BlockError::Outbox("outbox_totals"))?;
    }
    let claimed = header.outbox_totals.iter().map(|total| (total.asset, total.amount));
    if totals.into_iter().eq(claimed) { Ok(()) } else { Err(BlockError::Outbox("outbox_totals")) }
}

fn check_behind(header: &ZoneHeader, last: Tip, zone: &Zone) -> Result<(), BlockError> {
    let is_first = header.height == Height::new(1);
    if !is_first && header.pre_root != last.post_root {
        return Err(BlockError::PreRoot);
    }
    for (field, is_right) in [
        ("first_seq", header.first_seq > last.before.seq),
        ("time", header.time >= last.before.time),
        ("inbox_index", header.inbox_index >= last.before.inbox),
    ] {
        if !is_right {
            return Err(BlockError::GoesBack(field));
        }
    }
    let (first, end) = (last.before.inbox.next(), header.inbox_index);
    if end > zone.inbox().appended() {
        return Err(BlockError::NotAppended(zone.inbox().appended().next()));
    }
    // What settled blocks consumed is not kept: then they were ordered with the right root.
    let consumed: Option<Vec<&InboxMessage>> =
        (first.get()..=end.get()).map(|index| zone.inbox().kept_at(InboxIndex::new(index))).collect();
    let Some(consumed) = consumed else { return Ok(()) };
    if header.inbox_root != inbox_root(consumed.iter().copied()) {
        return Err(BlockError::InboxRoot(first, end));
    }
    let refused = &header.inbox_refused;
    let is_refusable =
        |index: &InboxIndex| consumed.iter().any(|message| message.index == *index && message.kind != InboxKind::Bounce);
    let ascends = refused.windows(2).all(|pair| pair[0] < pair[1]);
    if ascends && refused.len() <= HEADER_REFUSED_MAX && refused.iter().all(is_refusable) {
        Ok(())
    } else {
        Err(BlockError::Refused)
    }
}
