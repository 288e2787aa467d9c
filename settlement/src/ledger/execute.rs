//! What one transaction does. Decides first, changes then; lists what must have been signed and verifies nothing.

use super::error::TransactionError;
use super::facts::FactKey;
use super::signatures::{Claim, Signer};
use super::state::State;
use super::zone::{Freeze, Overdrawn, Zone, ZoneBlock, ZoneStatus};
use crate::block::{HeaderTransaction, SignedDeposit, Transaction, header_id};
use crate::body::{Before, inbox_root};
use crate::limits::UNSETTLED_HEADERS_MAX;
use crate::receipt::{BodyStatement, check_quorum};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height};
use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX, COMMAND_HEAD_SIZE};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::Amount;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the transactions of a block did so far, and what must have been signed for it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) claims: Vec<Claim>,
    pub(crate) available: Vec<ZoneBlock>,
    pub(crate) inbox: Vec<InboxMessage>,
    pub(crate) frozen: Vec<Freeze>,
}

impl State {
    /// Executes the `index`-th transaction of the block at height `at`.
    pub(crate) fn execute(
        &mut self,
        transaction: &Transaction,
        index: usize,
        at: Height,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        match transaction {
            Transaction::Deposit(signed) => self.execute_deposit(signed, index, effects),
            Transaction::Header(ordered) => self.execute_header(ordered, index, at, effects),
            Transaction::Governed(governed) => self.execute_governed(governed, index, effects),
        }
    }

    /// What can be said of a deposit without its number: whether it could ever go in as things stand.
    pub(crate) fn check_deposit(&self, signed: &SignedDeposit) -> Result<(), TransactionError> {
        let deposit = &signed.deposit;
        let (asset, amount, owner) = (deposit.asset, deposit.amount, deposit.owner);
        let zone = self.zones.get(&deposit.zone).ok_or(TransactionError::UnknownZone { zone: deposit.zone })?;
        zone.check_open()?;
        if self.issued(asset).is_none() {
            return Err(TransactionError::UnknownAsset { asset });
        }
        if amount == Amount::ZERO {
            return Err(TransactionError::ZeroAmount);
        }
        let balance = self.balance(&owner, asset);
        if balance < amount {
            return Err(TransactionError::Balance { owner, asset, balance, amount });
        }
        let (pending, pending_max) = (zone.inbox().pending().len(), self.genesis.limits().inbox_pending_max);
        if pending >= pending_max as usize {
            return Err(TransactionError::InboxFull { zone: zone.record.id, pending, pending_max });
        }
        let turnstile = zone.turnstile(asset);
        let after = turnstile.paid_in.checked_add(turnstile.in_flight).and_then(|sum| sum.checked_add(amount));
        if after.is_none() {
            return Err(TransactionError::TurnstileFull { zone: zone.record.id, asset });
        }
        Ok(())
    }

    fn execute_deposit(&mut self, signed: &SignedDeposit, index: usize, effects: &mut Effects) -> Result<(), TransactionError> {
        let deposit = &signed.deposit;
        let (owner, nonce, last) = (deposit.owner, deposit.nonce, self.deposit_nonce(&deposit.owner));
        if last.checked_add(1) != Some(nonce) && !planted!(SkipNonce) {
            return Err(TransactionError::Nonce { owner, nonce, expected: last.saturating_add(1) });
        }
        self.check_deposit(signed)?;
        let zone = self.zones.get_mut(&deposit.zone).ok_or(TransactionError::UnknownZone { zone: deposit.zone })?;

        // Decided. From here on nothing returns early.
        let signed_bytes: Arc<[u8]> = deposit.signed_bytes(self.genesis.chain()).into();
        let message = InboxMessage {
            zone: deposit.zone,
            index: zone.inbox().appended().next(),
            id: crate::digest::sha256(&[&signed_bytes]),
            asset: deposit.asset,
            amount: deposit.amount,
            owner,
            account: deposit.account,
        };
        self.owners.debit(owner, deposit.asset, deposit.amount, nonce);
        Arc::make_mut(zone).append(message);
        self.touch(FactKey::Nonce(owner));
        self.touch(FactKey::Balance(owner, deposit.asset));
        self.touch(FactKey::Zone(deposit.zone));
        self.touch(FactKey::Turnstile(deposit.zone, deposit.asset));
        self.touch(FactKey::Inbox(deposit.zone, message.index));
        effects.inbox.push(message);
        effects.claims.push(Claim { index, signer: Signer::Owner, key: owner, signed_bytes, signature: signed.signature });
        Ok(())
    }

    fn execute_header(
        &mut self,
        ordered: &HeaderTransaction,
        index: usize,
        at: Height,
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
        check_quorum(&ordered.receipts, self.committee())?;
        let overdrawn = check_outbox(zone, header)?;
        let count = zone.unsettled().len();
        if count >= UNSETTLED_HEADERS_MAX {
            return Err(TransactionError::UnsettledFull { zone: zone.record.id, count });
        }

        // Decided. From here on nothing returns early.
        let id = header_id(header);
        claim_header(ordered, id, zone, index, effects);
        let of = header.zone;
        self.touched.insert(FactKey::Zone(of));
        let zone = self.zones.get_mut(&of).map(Arc::make_mut).expect("found above");
        if let Some(overdrawn) = overdrawn {
            let freeze = Freeze { zone: zone.record.id, at, header: id, overdrawn };
            zone.record.status = ZoneStatus::Frozen(freeze);
            effects.frozen.push(freeze);
            return Ok(());
        }
        let block = ZoneBlock {
            zone: zone.record.id,
            height: header.height,
            id,
            first_seq: header.first_seq,
            last_seq: header.last_seq,
            available_at: at,
        };
        zone.record.epoch = header.epoch;
        zone.record.height = header.height;
        zone.record.head = id;
        zone.record.post_root = header.post_root;
        zone.record.before = Before::behind(header);
        let consumed = zone.consume(header.inbox_index);
        zone.unsettled.push_back(block);
        self.touch(FactKey::Unsettled(of, header.height));
        for message in &consumed {
            self.touch(FactKey::Inbox(of, message.index));
            self.touch(FactKey::Turnstile(of, message.asset));
        }
        effects.available.push(block);
        Ok(())
    }
}

/// Does it follow the zone's last block?
fn check_chain(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let (height, expected) = (header.height, zone.record.height.next());
    if height != expected {
        return Err(TransactionError::HeaderHeight { zone: zone.record.id, height, expected });
    }
    if header.parent != zone.record.head {
        return Err(TransactionError::HeaderParent { parent: header.parent, expected: zone.record.head });
    }
    if header.epoch < zone.record.epoch {
        return Err(TransactionError::Epoch { epoch: header.epoch, current: zone.record.epoch });
    }
    if header.guest_image != Digest::ZERO {
        return Err(TransactionError::GuestImage);
    }
    let first = zone.record.height == Height::new(0);
    if !first && header.pre_root != zone.record.post_root {
        return Err(TransactionError::PreRoot { pre_root: header.pre_root, expected: zone.record.post_root });
    }
    Ok(())
}

/// Could there be such a body behind the last one?
fn check_counts(zone: &Zone, header: &ZoneHeader) -> Result<(), TransactionError> {
    let (first, last, before) = (header.first_seq, header.last_seq, zone.record.before.seq);
    if first <= before || last < first {
        return Err(TransactionError::SeqRange { first, last, before });
    }
    let count = header.command_count;
    let fits = count >= 1 && count as usize <= BODY_COMMANDS_MAX && u64::from(count) - 1 <= last.get() - first.get();
    if !fits {
        return Err(TransactionError::CommandCount { count, first, last });
    }
    let size = header.body_size;
    if size as usize > BODY_SIZE_MAX || (size as usize) < count as usize * COMMAND_HEAD_SIZE {
        return Err(TransactionError::BodySize { size, count });
    }
    if header.time < zone.record.before.time {
        return Err(TransactionError::HeaderTime { time: header.time, before: zone.record.before.time });
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
    if totals.is_empty() || planted!(SkipTurnstile) {
        return Ok(None);
    }
    let mut paid_in: BTreeMap<AssetId, Amount> = BTreeMap::new();
    for message in consumed_by(zone, header) {
        super::owners::add(&mut paid_in, message.asset, message.amount);
    }
    for total in totals {
        let mut turnstile = zone.turnstile(total.asset);
        let more = paid_in.get(&total.asset).copied().unwrap_or_default();
        turnstile.paid_in = turnstile.paid_in.checked_add(more).expect("checked with the deposit");
        if let Err(overdrawn) = turnstile.pay_out(total.asset, total.amount) {
            return Ok(Some(overdrawn));
        }
    }
    Err(TransactionError::OutboxNotSupported { zone: zone.record.id })
}

fn consumed_by<'a>(zone: &'a Zone, header: &ZoneHeader) -> impl Iterator<Item = &'a InboxMessage> + use<'a> {
    let last = header.inbox_index;
    zone.inbox().pending().take_while(move |message| message.index <= last)
}

fn claim_header(ordered: &HeaderTransaction, id: Digest, zone: &Zone, index: usize, effects: &mut Effects) {
    let header = &ordered.signed.header;
    effects.claims.push(Claim {
        index,
        signer: Signer::Producer,
        key: zone.record.producer,
        signed_bytes: header.signed_bytes().into(),
        signature: ordered.signed.signature,
    });
    let statement: Arc<[u8]> = BodyStatement::of(header, id).signed_bytes().into();
    effects.claims.extend(ordered.receipts.iter().map(|receipt| Claim {
        index,
        signer: Signer::Validator,
        key: receipt.validator,
        signed_bytes: statement.clone(),
        signature: receipt.signature,
    }));
}
