//! What waits to be ordered: sealed blocks in order of height, blocks that wait for the one before, deposits.

use super::limits::{BLOCKS_WAITING_MAX, BODIES_WAITING_SIZE_MAX, DEPOSITS_WAITING_MAX};
use super::{Finalized, Ordered, SealedBlock};
use crate::block::{SignedDeposit, header_id};
use crate::dispersal::{CodingError, Encoded, ReaderKey};
use crate::keys::SecretKey;
use crate::ledger::{Outcome, State};
use bytes::Bytes;
use plinth_types::block::SignedHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, TimestampNs, ZoneId};
use std::collections::{BTreeMap, BTreeSet};
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
    deposits: BTreeMap<Digest, SignedDeposit>,
    refusals: BTreeMap<Digest, BTreeSet<PublicKey>>,
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
    #[error("{count} deposits wait to be ordered")]
    DepositsFull { count: usize },
    #[error("block {height} is of zone {zone}")]
    OtherZone { height: Height, zone: ZoneId },
    #[error("block {height}: {error}")]
    Coding { height: Height, error: CodingError },
}

impl Window {
    pub(super) fn new(zone: ZoneId, producer: SecretKey, reader_key: ReaderKey) -> Self {
        let (sealed, unsealed) = (BTreeMap::new(), BTreeMap::new());
        Self { zone, producer, reader_key, sealed, unsealed, size: 0, deposits: BTreeMap::new(), refusals: BTreeMap::new() }
    }

    /// Takes a block, unless one of its height is ordered already. A second one of the same height takes the first one's place.
    pub(super) fn submit(&mut self, block: SealedBlock, state: &State) -> Result<(), WindowError> {
        let (height, zone) = (block.header.height, block.header.zone);
        if zone != self.zone {
            return Err(WindowError::OtherZone { height, zone });
        }
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

    pub(super) fn deposit(&mut self, deposit: SignedDeposit, state: &State) -> Result<(), WindowError> {
        let count = self.deposits.len();
        if count >= DEPOSITS_WAITING_MAX {
            return Err(WindowError::DepositsFull { count });
        }
        self.deposits.insert(deposit.id(state.chain()), deposit);
        Ok(())
    }

    /// Takes note of a final block; says what it means for the zone, and when each of this link's blocks in it was executed.
    pub(super) fn finalized(&mut self, outcome: Outcome) -> (Finalized, Vec<TimestampNs>) {
        let own_zone = self.zone;
        let ours = |zone: ZoneId| zone == own_zone;
        let settled = outcome.settled.into_iter().filter(|block| ours(block.zone)).collect();
        let inbox: Vec<_> = outcome.inbox.into_iter().filter(|message| ours(message.zone)).collect();
        let frozen = outcome.frozen.iter().any(|freeze| ours(freeze.zone));
        for message in &inbox {
            self.deposits.remove(&message.id);
            self.refusals.remove(&message.id);
        }
        let available = outcome.available.into_iter().filter(|block| ours(block.zone)).collect();
        let rejected: Vec<_> = outcome.rejected.into_iter().filter(|block| ours(block.zone)).collect();
        let mut executed = Vec::new();
        let mut ordered = Vec::new();
        for block in outcome.ordered.into_iter().filter(|block| ours(block.zone)) {
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
            ordered.push(Ordered { block, conflicts });
        }
        let Outcome { height, time, block: digest, .. } = outcome;
        (Finalized { height, time, digest, ordered, available, rejected, settled, inbox, frozen }, executed)
    }

    /// Seals what can be sealed on top of what is ordered or sealed. What was coded for another number of validators is coded again.
    pub(super) fn seal(&mut self, state: &State) -> Result<(), WindowError> {
        let count = state.committee().count();
        let coded_otherwise = |sealed: &Sealed| sealed.dispersed.shards.validators() != count;
        if let Some(height) = self.sealed.iter().find(|(_, sealed)| coded_otherwise(sealed)).map(|(height, _)| *height) {
            self.unseal_from(height);
        }
        loop {
            let (mut last, mut parent) = self.ordered(state);
            if let Some((height, sealed)) = self.sealed.last_key_value() {
                (last, parent) = (*height, sealed.id);
            }
            let height = last.next();
            let Some(Unsealed { block, shards }) = self.unsealed.remove(&height) else { return Ok(()) };
            let SealedBlock { mut header, body } = block;
            header.parent = parent;
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
            let dispersed = Dispersed { body, shards };
            self.sealed.insert(height, Sealed { id, signed: SignedHeader { header, signature }, dispersed });
        }
    }

    /// The blocks to be sent, in order.
    pub(super) fn sealed(&self) -> impl Iterator<Item = (&Height, &Sealed)> {
        self.sealed.iter()
    }

    /// The deposits to be sent.
    pub(super) fn deposits(&self) -> impl Iterator<Item = (&Digest, &SignedDeposit)> {
        self.deposits.iter()
    }

    /// How many blocks are not ordered.
    pub(super) fn waiting_count(&self) -> usize {
        self.sealed.len() + self.unsealed.len()
    }

    /// A validator refuses; `true` the moment that more do than can be Byzantine.
    pub(super) fn refused(&mut self, id: Digest, validator: PublicKey, faults_max: u16) -> bool {
        let refusals = self.refusals.entry(id).or_default();
        refusals.insert(validator) && refusals.len() == usize::from(faults_max) + 1
    }

    /// Gives up a deposit.
    pub(super) fn drop_deposit(&mut self, id: Digest) {
        self.deposits.remove(&id);
        self.refusals.remove(&id);
    }

    fn ordered(&self, state: &State) -> (Height, Digest) {
        state.zone(self.zone).map_or((Height::new(0), Digest::ZERO), |zone| (zone.height(), zone.head()))
    }

    /// Blocks from this height on stand on one that changed: they are sealed again.
    fn unseal_from(&mut self, height: Height) {
        for (height, Sealed { signed, dispersed, .. }) in self.sealed.split_off(&height) {
            let Dispersed { body, shards } = dispersed;
            let block = SealedBlock { header: signed.header, body };
            self.unsealed.insert(height, Unsealed { block, shards: Some(shards) });
        }
    }
}
