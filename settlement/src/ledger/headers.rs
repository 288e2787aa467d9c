//! A zone's header is ordered: it follows the zone's last block, consumes what was appended, answers requests in time, and takes out no
//! more than is there.

use super::error::TransactionError;
use super::execute::{Effects, Place};
use super::facts::FactKey;
use super::signatures::Signer;
use super::state::State;
use super::zone::{Freeze, FreezeCause, Overdrawn, Unsettled, Zone, ZoneBlock, ZoneStatus};
use crate::block::{HeaderTransaction, header_id};
use crate::body::{Before, inbox_root};
use crate::dispersal::BodyCommitment;
use crate::genesis::ZoneMode;
use crate::limits::{UNAVAILABLE_HEADERS_MAX, UNSETTLED_HEADERS_MAX};
use crate::receipt::{BodyStatement, Word, check_quorum};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex};
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX, HEADER_REFUSED_MAX};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use std::collections::BTreeMap;

impl State {
    pub(super) fn execute_header(
        &mut self,
        ordered: &HeaderTransaction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let header = &ordered.signed.header;
        let (chain, expected) = (header.chain, self.genesis.chain());
        if chain != expected {
            return Err(TransactionError::Chain { chain, expected });
        }
        let zone = self.zones.get(&header.zone).ok_or(TransactionError::UnknownZone { zone: header.zone })?;
        zone.check_open()?;
        check_chain(zone, header)?;
        check_counts(zone, header)?;
        check_inbox(zone, header)?;
        check_refused(zone, header)?;
        check_requests(zone, header)?;
        let committee = self.committee();
        check_quorum(&ordered.receipts, committee.count().receipts_min(), committee)?;
        let overdrawn = check_outbox(zone, header)?;
        check_window(zone)?;

        // Decided. From here on nothing returns early.
        let id = header_id(header);
        let (producer, signature) = (zone.producer(), ordered.signed.signature);
        effects.claim(place, Signer::Producer, producer, header.signed_bytes(), signature);
        let statement = BodyStatement::of(header, id);
        for receipt in &ordered.receipts {
            let word = Word::shard_checked(committee, &receipt.validator).expect("checked with the quorum");
            let signed_bytes = statement.signed_bytes(word);
            effects.claim(place, Signer::Validator, receipt.validator, signed_bytes, receipt.signature);
        }
        if let Some(overdrawn) = overdrawn {
            let freeze = Freeze { zone: header.zone, at: place.at, cause: FreezeCause::Overdrawn { header: id, overdrawn } };
            self.zone_mut(header.zone).record.status = ZoneStatus::Frozen(freeze);
            effects.frozen.push(freeze);
        } else {
            effects.ordered.push(self.order(header, id, place.at));
            effects.headers.push(header.clone());
        }
        Ok(())
    }

    fn order(&mut self, header: &ZoneHeader, id: Digest, at: Height) -> ZoneBlock {
        let zone = header.zone;
        let block = ZoneBlock {
            zone,
            height: header.height,
            id,
            first_seq: header.first_seq,
            last_seq: header.last_seq,
            ordered_at: at,
            available_at: None,
            validators: self.committee().count().get(),
            body: BodyCommitment::of(header),
        };
        let known = self.zone_mut(zone);
        let consumed: Vec<InboxMessage> = consumed_by(known, header).copied().collect();
        let record = &mut known.record;
        (record.epoch, record.height, record.head) = (header.epoch, header.height, id);
        (record.post_root, record.before, record.ordered_at) = (header.post_root, Before::behind(header), at);
        known.inbox.consume_to(header.inbox_index);
        known.unsettled.push_back(Unsettled {
            block,
            post_root: header.post_root,
            exit_root: header.exit_root,
            before: Before::behind(header),
            refused: header.inbox_refused.clone(),
            outbox_root: header.outbox_root,
            outbox_totals: header.outbox_totals.clone(),
            vouched: false,
        });
        self.touch(FactKey::Unsettled(zone, header.height));
        for message in consumed.iter().filter(|message| pays_in(message, header)) {
            self.turnstile_mut(zone, message.asset).consume(message.amount);
        }
        for total in &header.outbox_totals {
            self.turnstile_mut(zone, total.asset).leave(total.amount);
        }
        block
    }
}

/// Does it follow the zone's last block?
fn check_chain(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let (height, expected) = (header.height, zone.height().next());
    if height != expected {
        return Err(TransactionError::HeaderHeight { zone: zone.id(), height, expected });
    }
    if header.parent != zone.head() {
        return Err(TransactionError::HeaderParent { parent: header.parent, expected: zone.head() });
    }
    if header.epoch < zone.epoch() {
        return Err(TransactionError::Epoch { epoch: header.epoch, current: zone.epoch() });
    }
    if header.guest_image != zone.mode().guest_image() {
        return Err(TransactionError::GuestImage);
    }
    let first = zone.height() == Height::new(0);
    if !first && header.pre_root != zone.post_root() {
        return Err(TransactionError::PreRoot { pre_root: header.pre_root, expected: zone.post_root() });
    }
    Ok(())
}

/// Could there be such a body behind the last one?
fn check_counts(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let (first, last, before) = (header.first_seq, header.last_seq, zone.before().seq);
    if first <= before || last < first {
        return Err(TransactionError::SeqRange { first, last, before });
    }
    let count = header.command_count;
    let fits = count >= 1 && count as usize <= BODY_COMMANDS_MAX && u64::from(count) - 1 <= last.get() - first.get();
    if !fits {
        return Err(TransactionError::CommandCount { count, first, last });
    }
    // A record is a byte at the least; how long a zone's are, its readers know.
    let size = header.body_size;
    if size as usize > BODY_SIZE_MAX || size < count {
        return Err(TransactionError::BodySize { size, count });
    }
    if header.time < zone.before().time {
        return Err(TransactionError::HeaderTime { time: header.time, before: zone.before().time });
    }
    Ok(())
}

/// Does it consume what was appended, in order?
fn check_inbox(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let (index, consumed, appended) = (header.inbox_index, zone.inbox().consumed(), zone.inbox().appended());
    if index < consumed || index > appended {
        return Err(TransactionError::InboxIndex { index, consumed, appended });
    }
    let expected = inbox_root(consumed_by(zone, header));
    if header.inbox_root != expected {
        return Err(TransactionError::InboxRoot { root: header.inbox_root, expected });
    }
    Ok(())
}

/// Does it refuse only what it consumes and what can go back?
fn check_refused(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let refused = &header.inbox_refused;
    if refused.len() > HEADER_REFUSED_MAX || !refused.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(TransactionError::RefusedOrder);
    }
    let refusable = |index: InboxIndex| {
        let message = zone.inbox().get(index).filter(|_| index <= header.inbox_index);
        message.is_some_and(|message| message.kind != InboxKind::Bounce)
    };
    match refused.iter().find(|&&index| !refusable(index)) {
        Some(&index) => Err(TransactionError::Refused { zone: zone.id(), index }),
        None => Ok(()),
    }
}

/// Does it answer every request in time?
fn check_requests(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let first = zone.deadlines.range(header.inbox_index.next()..).next();
    match first {
        Some((&index, &deadline)) if header.height >= deadline => {
            Err(TransactionError::RequestOverdue { zone: zone.id(), index, deadline })
        }
        Some(_) | None => Ok(()),
    }
}

/// Is there room in front of the last settled block?
fn check_window(zone: &Zone) -> Result<(), TransactionError> {
    let count = zone.unsettled().len();
    let count_max = match zone.mode() {
        ZoneMode::Proven { window_blocks, .. } => window_blocks as usize,
        ZoneMode::Attested { .. } | ZoneMode::Audited { .. } => UNSETTLED_HEADERS_MAX,
    };
    if count >= count_max.min(UNSETTLED_HEADERS_MAX) {
        return Err(TransactionError::UnsettledFull { zone: zone.id(), count });
    }
    let count = zone.unavailable().count();
    if count >= UNAVAILABLE_HEADERS_MAX {
        return Err(TransactionError::UnavailableFull { zone: zone.id(), count });
    }
    Ok(())
}

/// Says whether it takes out more than the zone holds, what it consumes included.
fn check_outbox(zone: &Zone, header: &ZoneHeader) -> Result<Option<Overdrawn>, TransactionError> {
    let totals = &header.outbox_totals;
    if totals.is_empty() != (header.outbox_root == Digest::ZERO) {
        return Err(TransactionError::OutboxContradiction);
    }
    let ascending = totals.windows(2).all(|pair| pair[0].asset < pair[1].asset);
    if !ascending || totals.iter().any(|total| total.amount == Amount::ZERO) {
        return Err(TransactionError::OutboxTotals);
    }
    if planted!(SkipTurnstile) {
        return Ok(None);
    }
    let mut paid_in: BTreeMap<AssetId, Amount> = BTreeMap::new();
    for message in consumed_by(zone, header).filter(|message| pays_in(message, header)) {
        super::owners::add(&mut paid_in, message.asset, message.amount);
    }
    let overdrawn = totals.iter().find_map(|total| {
        let mut turnstile = zone.turnstile(total.asset);
        turnstile.consume(paid_in.get(&total.asset).copied().unwrap_or_default());
        turnstile.can_leave(total.asset, total.amount).err()
    });
    Ok(overdrawn)
}

fn consumed_by<'a>(zone: &'a Zone, header: &ZoneHeader) -> impl Iterator<Item = &'a InboxMessage> + use<'a> {
    let last = header.inbox_index;
    zone.inbox().pending().take_while(move |message| message.index <= last)
}

fn pays_in(message: &InboxMessage, header: &ZoneHeader) -> bool {
    let refused = header.inbox_refused.binary_search(&message.index).is_ok();
    !refused && !matches!(message.kind, InboxKind::Request(_))
}
