//! The rules of money, said once more: a replay of every final block that shares no rule with the product.

use super::Violation;
use super::committees::Committees;
use crate::coverage::{Coverage, Visited};
use plinth_settlement::block::{Block, BodyTransaction, HeaderTransaction, SignedDeposit, Transaction, header_id};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys;
use plinth_settlement::receipt::{BodyStatement, Word};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, PublicKey, ZoneId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Who has what, by the published blocks.
#[derive(Debug)]
pub struct Books {
    genesis: Arc<Genesis>,
    committees: Committees,
    last: Digest,
    height: u64,
    time: u64,
    issued: BTreeMap<AssetId, u128>,
    balances: BTreeMap<(PublicKey, AssetId), u128>,
    nonces: BTreeMap<PublicKey, u64>,
    zones: BTreeMap<ZoneId, ZoneBooks>,
    /// Every deposit and header that ever took effect.
    effects: BTreeSet<Digest>,
    /// Headers whose body is not what they commit to.
    lies: BTreeSet<Digest>,
}

#[derive(Debug, Default)]
struct ZoneBooks {
    producer: PublicKey,
    height: u64,
    head: Digest,
    waiting: VecDeque<(AssetId, u128)>,
    appended: u64,
    paid_in: BTreeMap<AssetId, u128>,
    paid_out: BTreeMap<AssetId, u128>,
    frozen: bool,
}

impl Books {
    /// At genesis.
    #[must_use]
    pub fn new(genesis: &Arc<Genesis>) -> Self {
        let (mut issued, mut balances) = (BTreeMap::new(), BTreeMap::new());
        for asset in genesis.assets() {
            for balance in &asset.issued {
                *issued.entry(asset.asset.id).or_default() += balance.amount.units();
                *balances.entry((balance.owner, asset.asset.id)).or_default() += balance.amount.units();
            }
        }
        let books = |producer| ZoneBooks { producer, ..ZoneBooks::default() };
        let zones = genesis.zones().iter().map(|zone| (zone.id, books(zone.producer))).collect();
        let block = genesis.block();
        Self {
            genesis: Arc::clone(genesis),
            committees: Committees::new(genesis),
            last: block.id(),
            height: 0,
            time: block.time().get(),
            issued,
            balances,
            nonces: BTreeMap::new(),
            zones,
            effects: BTreeSet::new(),
            lies: BTreeSet::new(),
        }
    }

    /// Notes that a header's producer lies about its body.
    pub fn note_lie(&mut self, header: Digest) {
        self.lies.insert(header);
    }

    /// Applies the next final block.
    ///
    /// # Errors
    ///
    /// [`Violation`].
    pub fn apply(&mut self, block: &Block, coverage: &mut Coverage) -> Result<(), Violation> {
        let (height, time) = (block.height().get(), block.time().get());
        if (height, block.parent()) != (self.height + 1, self.last) {
            return Err(Violation::Agreement(format!("block {height} does not follow block {}", self.height)));
        }
        if time <= self.time {
            return Err(Violation::Agreement(format!("block {height} is not later than its parent")));
        }
        (self.height, self.time, self.last) = (height, time, block.id());
        for transaction in block.transactions() {
            match transaction {
                Transaction::Deposit(signed) => self.deposit(signed, coverage)?,
                Transaction::Header(ordered) => self.header(ordered, coverage)?,
                Transaction::Body(body) => self.verdict(body)?,
                // No producer here codes what is no codeword.
                Transaction::Fraud(_) => return Err(Violation::Availability(format!("a proof of fraud in block {height}"))),
                Transaction::Governed(governed) => self.committees.decide(governed, height)?,
                // Nobody in the simulated chain says anything else.
                Transaction::Instruct(_) | Transaction::Outbox(_) | Transaction::Verdict(_) | Transaction::Exit(_) => {
                    return Err(Violation::Signature(format!("what nobody sent in block {height}")));
                }
            }
        }
        self.committees.reach(height);
        self.check_conserved()
    }

    /// Who validates when.
    #[must_use]
    pub const fn committees(&self) -> &Committees {
        &self.committees
    }

    /// Height of the last block applied.
    #[must_use]
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Id of the last block applied.
    #[must_use]
    pub const fn last(&self) -> Digest {
        self.last
    }

    /// What an owner has.
    #[must_use]
    pub fn balance(&self, owner: PublicKey, asset: AssetId) -> u128 {
        self.balances.get(&(owner, asset)).copied().unwrap_or_default()
    }

    fn deposit(&mut self, signed: &SignedDeposit, coverage: &mut Coverage) -> Result<(), Violation> {
        let deposit = &signed.deposit;
        let (owner, units, height) = (deposit.owner, deposit.amount.units(), self.height);
        let signed_bytes = deposit.signed_bytes(self.genesis.chain());
        keys::verify(&owner, &signed_bytes, &signed.signature)
            .map_err(|error| Violation::Signature(format!("deposit in block {height}: {error}")))?;
        let last = self.nonces.entry(owner).or_default();
        if deposit.nonce != *last + 1 {
            let nonce = deposit.nonce;
            return Err(Violation::ExactlyOnce(format!("deposit {nonce} of {owner} in block {height}, behind {last}")));
        }
        *last = deposit.nonce;
        let id = signed.id(self.genesis.chain());
        if !self.effects.insert(id) {
            return Err(Violation::ExactlyOnce(format!("deposit {id} takes effect again in block {height}")));
        }
        let balance = self.balances.entry((owner, deposit.asset)).or_default();
        *balance = balance.checked_sub(units).ok_or_else(|| {
            Violation::Conservation(format!("deposit of {units} in block {height} by {owner}, who has {balance}"))
        })?;
        let Some(zone) = self.zones.get_mut(&deposit.zone).filter(|zone| !zone.frozen) else {
            return Err(Violation::Turnstile(format!("deposit in block {height} into a zone that takes none")));
        };
        zone.waiting.push_back((deposit.asset, units));
        zone.appended += 1;
        coverage.visit(Visited::DepositOrdered);
        Ok(())
    }

    fn header(&mut self, ordered: &HeaderTransaction, coverage: &mut Coverage) -> Result<(), Violation> {
        let (header, height) = (&ordered.signed.header, self.height);
        let id = header_id(header);
        self.check_receipts(ordered, id)?;
        if self.lies.contains(&id) {
            return Err(Violation::Availability(format!("header {id} in block {height} commits to no body")));
        }
        if !self.effects.insert(id) {
            return Err(Violation::ExactlyOnce(format!("header {id} takes effect again in block {height}")));
        }
        let zone = self.zones.get_mut(&header.zone).filter(|zone| !zone.frozen);
        let Some(zone) = zone else {
            return Err(Violation::Turnstile(format!("header {id} in block {height} of a zone that may do nothing")));
        };
        keys::verify(&zone.producer, &header.signed_bytes(), &ordered.signed.signature)
            .map_err(|error| Violation::Signature(format!("header in block {height}: {error}")))?;
        let zone_height = header.height.get();
        if (zone_height, header.parent) != (zone.height + 1, zone.head) {
            let at = zone.height;
            return Err(Violation::ExactlyOnce(format!("zone block {zone_height} in block {height} does not follow {at}")));
        }
        let consumed = zone.appended - zone.waiting.len() as u64;
        if header.inbox_index.get() < consumed || header.inbox_index.get() > zone.appended {
            let (to, appended) = (header.inbox_index, zone.appended);
            return Err(Violation::ExactlyOnce(format!("inbox {consumed} to {to} of {appended} in block {height}")));
        }
        let taken: Vec<_> = zone.waiting.iter().take((header.inbox_index.get() - consumed) as usize).copied().collect();
        let overdrawn = header.outbox_totals.iter().any(|total| {
            let paid_in = zone.paid_in.get(&total.asset).copied().unwrap_or_default();
            let more: u128 = taken.iter().filter(|(asset, _)| *asset == total.asset).map(|(_, units)| units).sum();
            let paid_out = zone.paid_out.get(&total.asset).copied().unwrap_or_default();
            paid_out + total.amount.units() > paid_in + more
        });
        if overdrawn {
            // The header freezes the zone and does nothing else: whatever it would have paid, later blocks must not know of.
            zone.frozen = true;
            coverage.visit(Visited::ZoneFrozen);
            return Ok(());
        }
        (zone.height, zone.head) = (zone_height, id);
        for (asset, units) in taken {
            zone.waiting.pop_front();
            *zone.paid_in.entry(asset).or_default() += units;
            coverage.visit(Visited::InboxConsumed);
        }
        for total in &header.outbox_totals {
            *zone.paid_out.entry(total.asset).or_default() += total.amount.units();
        }
        coverage.visit(Visited::HeaderOrdered);
        Ok(())
    }

    fn check_receipts(&self, ordered: &HeaderTransaction, id: Digest) -> Result<(), Violation> {
        let (height, known) = (self.height, self.committees.at(self.height));
        // n = 3f + 1 and a rest; f + 1 honest ones are in any 2f + 1.
        let quorum = 2 * ((known.len() - 1) / 3) + 1;
        let who: BTreeSet<PublicKey> = ordered.receipts.iter().map(|receipt| receipt.validator).collect();
        let count = who.iter().filter(|key| known.contains(key)).count();
        if count < quorum || who.len() != ordered.receipts.len() {
            return Err(Violation::Availability(format!("{count} of {quorum} receipts for a header in block {height}")));
        }
        let statement = BodyStatement::of(&ordered.signed.header, id);
        for receipt in &ordered.receipts {
            let place = known.iter().take_while(|key| **key < receipt.validator).count() as u16;
            let statement = statement.signed_bytes(Word::ShardChecked { index: place, count: known.len() as u16 });
            keys::verify(&receipt.validator, &statement, &receipt.signature)
                .map_err(|error| Violation::Signature(format!("receipt in block {height}: {error}")))?;
        }
        Ok(())
    }

    /// f + 1 validators rebuilt the body of a header that took effect.
    fn verdict(&self, verdict: &BodyTransaction) -> Result<(), Violation> {
        let (height, header) = (self.height, verdict.statement.header);
        let who: BTreeSet<PublicKey> = verdict.receipts.iter().map(|receipt| receipt.validator).collect();
        let known = self.committees.at(height);
        let count = who.iter().filter(|key| known.contains(key)).count();
        let enough = count > (known.len() - 1) / 3 && who.len() == verdict.receipts.len();
        if !enough || verdict.word != Word::Rebuilt || !self.effects.contains(&header) {
            return Err(Violation::Availability(format!("block {height} says too much of body {header}")));
        }
        let said = verdict.statement.signed_bytes(verdict.word);
        for receipt in &verdict.receipts {
            keys::verify(&receipt.validator, &said, &receipt.signature)
                .map_err(|error| Violation::Signature(format!("verdict in block {height}: {error}")))?;
        }
        Ok(())
    }

    fn check_conserved(&self) -> Result<(), Violation> {
        for (asset, issued) in &self.issued {
            let owners: u128 = self.balances.iter().filter(|((_, of), _)| of == asset).map(|(_, units)| units).sum();
            let mut zones = 0;
            for zone in self.zones.values() {
                zones += zone.waiting.iter().filter(|(of, _)| of == asset).map(|(_, units)| units).sum::<u128>();
                zones += zone.paid_in.get(asset).copied().unwrap_or_default();
                zones -= zone.paid_out.get(asset).copied().unwrap_or_default();
            }
            if owners + zones != *issued {
                let found = owners + zones;
                return Err(Violation::Conservation(format!("asset {asset}: {issued} issued, {found} found")));
            }
        }
        Ok(())
    }
}
