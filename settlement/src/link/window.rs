//! What waits to be ordered: sealed blocks in order of height, blocks that wait for the one before, what they send, what owners bring.

use super::limits::{BLOCKS_WAITING_MAX, BODIES_WAITING_SIZE_MAX, OUTBOXES_WAITING_MAX, TRANSACTIONS_WAITING_MAX};
use super::{Finalized, Ordered, ProofWindow, SealedBlock};
use crate::block::{OutboxTransaction, Transaction, header_id};
use crate::dispersal::{CodingError, Encoded, ReaderKey};
use crate::genesis::ZoneMode;
use crate::keys::SecretKey;
use crate::ledger::{Outcome, State, Zone, ZoneStatus};
use bytes::Bytes;
use plinth_types::block::SignedHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, TimestampNs, ZoneId};
use plinth_types::transfer::OutboxMessage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) id: Digest,
    pub(super) signed: SignedHeader,
    pub(super) dispersed: Dispersed,
}

/// A body on its way: the shards, and the body for when it must be sealed again on another parent. The shards stay as they are then.
#[derive(Clone, Debug)]
pub(super) struct Dispersed {
    body: Bytes,
    outbox: Vec<OutboxMessage>,
    pub(super) shards: Arc<Encoded>,
}

/// The window of one zone.
#[derive(Debug)]
pub(super) struct Window {
    zone: ZoneId,
    producer: SecretKey,
    reader_key: ReaderKey,
    /// Not ordered, each on top of the one before.
    sealed: BTreeMap<Height, Sealed>,
    /// Submitted, and the one before is not known yet.
    unsealed: BTreeMap<Height, Unsealed>,
    size: usize,
    /// Of blocks that are not settled, by height: sent when the block is ordered, until the ledger has the list.
    outboxes: BTreeMap<Height, Waiting>,
    transactions: BTreeMap<Digest, Transaction>,
}

/// A transaction with its id.
#[derive(Debug)]
struct Waiting {
    id: Digest,
    transaction: Transaction,
}

/// A block that waits for the one before.
#[derive(Debug)]
struct Unsealed {
    block: SealedBlock,
    shards: Option<Arc<Encoded>>,
}

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum WindowError {
    #[error("{count} blocks of {size} bytes wait to be ordered")]
    Full { count: usize, size: usize },
    #[error("{count} transactions wait to be ordered")]
    TransactionsFull { count: usize },
    #[error("the messages of {count} blocks wait to be ordered")]
    OutboxesFull { count: usize },
    #[error("block {height} is of zone {zone}")]
    OtherZone { height: Height, zone: ZoneId },
    #[error("block {height}: {error}")]
    Coding { height: Height, error: CodingError },
}

impl Window {
    pub(super) fn new(zone: ZoneId, producer: SecretKey, reader_key: ReaderKey) -> Self {
        let (sealed, unsealed, outboxes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { zone, producer, reader_key, sealed, unsealed, size: 0, outboxes, transactions: BTreeMap::new() }
    }

    /// Takes a block, unless one of its height is ordered already. A second one of the same height takes the first one's place.
    pub(super) fn submit(&mut self, block: SealedBlock, state: &State) -> Result<(), WindowError> {
        let (height, zone) = (block.header.height, block.header.zone);
        if zone != self.zone {
            return Err(WindowError::OtherZone { height, zone });
        }
        self.keep_outbox(&block, state)?;
        if height <= self.ordered(state).0 {
            return Ok(());
        }
        let count = self.sealed.len() + self.unsealed.len();
        if count >= BLOCKS_WAITING_MAX || self.size + block.body.len() > BODIES_WAITING_SIZE_MAX {
            return Err(WindowError::Full { count, size: self.size });
        }
        self.unseal_from(height);
        self.size += block.body.len();
        if let Some(replaced) = self.unsealed.insert(height, Unsealed { block, shards: None }) {
            self.size -= replaced.block.body.len();
        }
        self.seal(state)
    }

    fn keep_outbox(&mut self, block: &SealedBlock, state: &State) -> Result<(), WindowError> {
        if block.outbox.is_empty() {
            return Ok(());
        }
        let count = self.outboxes.len();
        if count >= OUTBOXES_WAITING_MAX && !self.outboxes.contains_key(&block.header.height) {
            return Err(WindowError::OutboxesFull { count });
        }
        let outbox = OutboxTransaction::of(&block.header, block.outbox.clone());
        let transaction = Transaction::Outbox(Box::new(outbox));
        if !state.is_past(&transaction) {
            self.outboxes.insert(block.header.height, Waiting { id: transaction.digest(), transaction });
        }
        Ok(())
    }

    /// Takes a transaction, unless the ledger is past it.
    pub(super) fn bring(&mut self, transaction: Transaction, state: &State) -> Result<(), WindowError> {
        let count = self.transactions.len();
        if count >= TRANSACTIONS_WAITING_MAX {
            return Err(WindowError::TransactionsFull { count });
        }
        if !state.is_past(&transaction) {
            self.transactions.insert(transaction.digest(), transaction);
        }
        Ok(())
    }

    /// Takes note of a final block; says what it means for the zone, and when each of this link's blocks in it was executed.
    /// `state` is behind that block, or behind later final ones.
    pub(super) fn finalized(&mut self, outcome: Outcome, state: &State) -> (Finalized, Vec<TimestampNs>) {
        let own_zone = self.zone;
        let ours = |zone: ZoneId| zone == own_zone;
        let settled = outcome.settled.into_iter().filter(|block| ours(block.zone)).collect();
        let inbox: Vec<_> = outcome.inbox.into_iter().filter(|message| ours(message.zone)).collect();
        let frozen = outcome.frozen.iter().any(|freeze| ours(freeze.zone));
        let Self { transactions, outboxes, .. } = self;
        transactions.retain(|_, transaction| !state.is_past(transaction));
        outboxes.retain(|_, waiting| !state.is_past(&waiting.transaction));
        let available = outcome.available.into_iter().filter(|block| ours(block.zone)).collect();
        let rejected: Vec<_> = outcome.rejected.into_iter().filter(|block| ours(block.zone)).collect();
        // What stands on a rejected block is sealed again, on what the producer hands over in its place.
        if let Some(first) = rejected.iter().map(|block| block.height).min() {
            self.unseal_from(first);
        }
        let mut executed = Vec::new();
        let mut ordered = Vec::new();
        for (block, header) in outcome.ordered.into_iter().zip(outcome.headers).filter(|(block, _)| ours(block.zone)) {
            let waiting = self.sealed.remove(&block.height);
            self.size -= waiting.as_ref().map_or(0, |sealed| sealed.dispersed.body.len());
            let conflicts = waiting.as_ref().is_some_and(|sealed| sealed.id != block.id);
            match &waiting {
                Some(_) if conflicts => self.unseal_from(block.height),
                Some(sealed) => executed.push(sealed.signed.header.time),
                None => {}
            }
            if let Some(late) = self.unsealed.remove(&block.height) {
                self.size -= late.block.body.len();
            }
            ordered.push(Ordered { block, header, conflicts });
        }
        let Outcome { height, time, block: digest, .. } = outcome;
        let zone = state.zone(own_zone);
        let owned = zone.map(|zone| (zone.producer(), zone.epoch()));
        let (producer, epoch) = owned.unwrap_or_else(|| (self.producer.public_key(), ProducerEpoch::default()));
        let is_open = zone.is_some_and(|zone| zone.status() == ZoneStatus::Open);
        let proof_window = zone.and_then(|zone| match zone.mode() {
            ZoneMode::Proven { window_blocks: blocks, .. } => Some(ProofWindow { blocks, used_percent: zone.record().pressure }),
            ZoneMode::Attested { .. } | ZoneMode::Audited { .. } => None,
        });
        let finalized = Finalized {
            height,
            time,
            digest,
            ordered,
            available,
            rejected,
            settled,
            inbox,
            frozen,
            is_open,
            proof_window,
            producer,
            epoch,
        };
        (finalized, executed)
    }

    /// The first block that is sealed in vain: coded for another number of validators, signed in an epoch that is over, or of another mode.
    pub(super) fn stale(&self, state: &State) -> Option<Height> {
        let (count, zone) = (state.committee().count(), state.zone(self.zone));
        let is_stale = |sealed: &Sealed| {
            let header = &sealed.signed.header;
            let is_past = |zone: &Zone| header.epoch < zone.epoch() || header.guest_image != zone.mode().guest_image();
            sealed.dispersed.shards.validators() != count || zone.is_some_and(is_past)
        };
        self.sealed.iter().find(|(_, sealed)| is_stale(sealed)).map(|(height, _)| *height)
    }

    /// Seals what can be sealed on top of what is ordered or sealed. What is sealed in vain is sealed again.
    pub(super) fn seal(&mut self, state: &State) -> Result<(), WindowError> {
        let count = state.committee().count();
        if let Some(height) = self.stale(state) {
            self.unseal_from(height);
        }
        loop {
            let (mut last, mut parent) = self.ordered(state);
            if let Some((height, sealed)) = self.sealed.last_key_value() {
                (last, parent) = (*height, sealed.id);
            }
            let height = last.next();
            let Some(Unsealed { block, shards }) = self.unsealed.remove(&height) else { return Ok(()) };
            let SealedBlock { mut header, body, outbox } = block;
            header.parent = parent;
            // A rejection fences what was signed before it; the body's key, and with it the shards, are of the epoch.
            let epoch = state.zone(self.zone).map_or(header.epoch, |zone| zone.epoch().max(header.epoch));
            let shards = shards.filter(|_| epoch == header.epoch);
            header.epoch = epoch;
            header.guest_image = state.zone(self.zone).map_or(header.guest_image, |zone| zone.mode().guest_image());
            let key = self.reader_key.body_key(&header);
            let shards = match shards {
                Some(shards) if shards.validators() == count => shards,
                Some(_) | None => match Encoded::new(&key.close(height, &body).into(), count) {
                    Ok(shards) => Arc::new(shards),
                    Err(error) => {
                        self.size -= body.len();
                        return Err(WindowError::Coding { height, error });
                    }
                },
            };
            (header.body_key, header.shard_root) = (key.commitment(), shards.root());
            let signature = self.producer.sign(&header.signed_bytes());
            let id = header_id(&header);
            let dispersed = Dispersed { body, outbox, shards };
            self.sealed.insert(height, Sealed { id, signed: SignedHeader { header, signature }, dispersed });
        }
    }

    /// The blocks to be sent, in order.
    pub(super) fn sealed(&self) -> impl Iterator<Item = (&Height, &Sealed)> {
        self.sealed.iter()
    }

    /// The transactions to be sent: what owners bring, and what ordered blocks send.
    pub(super) fn transactions(&self, state: &State) -> impl Iterator<Item = (&Digest, &Transaction)> {
        let last = self.ordered(state).0;
        let outboxes = self.outboxes.range(..=last).map(|(_, waiting)| (&waiting.id, &waiting.transaction));
        outboxes.chain(&self.transactions)
    }

    /// How many blocks are not ordered.
    pub(super) fn waiting_count(&self) -> usize {
        self.sealed.len() + self.unsealed.len()
    }

    /// Gives up a transaction, unless it is what the zone's own blocks send. Says whether it did.
    pub(super) fn give_up(&mut self, id: Digest) -> bool {
        self.transactions.remove(&id).is_some()
    }

    fn ordered(&self, state: &State) -> (Height, Digest) {
        state.zone(self.zone).map_or((Height::new(0), Digest::ZERO), |zone| (zone.height(), zone.head()))
    }

    /// Blocks from this height on stand on one that changed: they are sealed again.
    fn unseal_from(&mut self, height: Height) {
        for (height, Sealed { signed, dispersed, .. }) in self.sealed.split_off(&height) {
            let Dispersed { body, outbox, shards } = dispersed;
            let block = SealedBlock { header: signed.header, body, outbox };
            self.unsealed.insert(height, Unsealed { block, shards: Some(shards) });
        }
    }
}
