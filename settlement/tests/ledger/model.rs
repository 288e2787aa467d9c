//! The ledger as an outside observer computes it: from genesis and the transactions of the accepted blocks, in plain numbers and the
//! simplest containers. It calls no rule of the crate, so that one mistake cannot hide itself.

use super::world::{CHAIN, DELAY_BLOCKS};
use plinth_settlement::block::Transaction;
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys;
use plinth_settlement::ledger::State;
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, PublicKey, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::Party;
use std::collections::{BTreeMap, BTreeSet};

/// What a validator signs of a body.
fn said(domain: &[u8], header: &ZoneHeader, id: Digest, more: &[u8]) -> Vec<u8> {
    let place = [header.chain.to_bytes(), header.zone.to_bytes(), header.height.to_bytes()].concat();
    [domain, &place, &id.0, &header.shard_root.0, more].concat()
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    height: u64,
    issued: BTreeMap<AssetId, u128>,
    balances: BTreeMap<(PublicKey, AssetId), u128>,
    deposits: BTreeMap<PublicKey, u64>,
    /// Every deposit that ever took effect.
    pub(crate) ids: BTreeSet<Digest>,
    zones: BTreeMap<ZoneId, ModelZone>,
    validators: BTreeSet<PublicKey>,
}

#[derive(Clone, Debug, Default)]
struct ModelZone {
    producer: PublicKey,
    epoch: u32,
    frozen: bool,
    /// Every message ever appended.
    inbox: Vec<InboxMessage>,
    /// How many of them ordered headers consumed.
    consumed: usize,
    /// Ordered headers.
    headers: Vec<SignedHeader>,
    /// For as many of them as were rebuilt: the settlement height that said so.
    available: Vec<u64>,
    /// How many of them settled.
    settled: usize,
    /// Messages that went back.
    returned: BTreeSet<InboxIndex>,
}

impl ModelZone {
    fn refused(&self) -> impl Iterator<Item = InboxIndex> + '_ {
        self.headers.iter().flat_map(|signed| signed.header.inbox_refused.iter().copied())
    }

    /// In outboxes; none of them ever settles in this model.
    fn leaving(&self, asset: AssetId) -> u128 {
        let totals = self.headers.iter().flat_map(|signed| &signed.header.outbox_totals);
        totals.filter(|total| total.asset == asset).map(|total| total.amount.units()).sum()
    }
}

impl Model {
    pub(crate) fn new(genesis: &Genesis) -> Self {
        let mut model = Self { validators: genesis.committee().keys().iter().copied().collect(), ..Self::default() };
        for asset in genesis.assets() {
            let sum = asset.issued.iter().map(|balance| balance.amount.units()).sum();
            model.issued.insert(asset.asset.id, sum);
            for balance in &asset.issued {
                model.balances.insert((balance.owner, asset.asset.id), balance.amount.units());
            }
        }
        for zone in genesis.zones() {
            let known = ModelZone { producer: zone.producer, epoch: zone.epoch.get(), ..ModelZone::default() };
            model.zones.insert(zone.id, known);
        }
        model
    }

    /// The model behind a block of these transactions, or which of them is wrong.
    pub(crate) fn after(&self, transactions: &[Transaction]) -> Result<Self, (usize, &'static str)> {
        let mut next = self.clone();
        next.height += 1;
        for (index, transaction) in transactions.iter().enumerate() {
            next.take(transaction).map_err(|why| (index, why))?;
        }
        next.settle();
        next.assert_conserved();
        Ok(next)
    }

    fn take(&mut self, transaction: &Transaction) -> Result<(), &'static str> {
        match transaction {
            Transaction::Deposit(signed) => {
                let deposit = signed.deposit;
                let zone = self.zones.get_mut(&deposit.zone).ok_or("zone")?;
                let mut domain = b"plinth/deposit/1".to_vec();
                domain.extend_from_slice(&7_u64.to_le_bytes());
                domain.extend_from_slice(&deposit.to_bytes());
                let id = plinth_settlement::digest::sha256(&[&domain]);
                let balance = self.balances.get_mut(&(deposit.owner, deposit.asset)).ok_or("balance")?;
                let last = self.deposits.entry(deposit.owner).or_default();
                if zone.frozen || deposit.nonce != *last + 1 || deposit.amount == Amount::ZERO {
                    return Err("deposit");
                }
                if keys::verify(&deposit.owner, &domain, &signed.signature).is_err() {
                    return Err("owner's signature");
                }
                *balance = balance.checked_sub(deposit.amount.units()).ok_or("funds")?;
                *last = deposit.nonce;
                assert!(self.ids.insert(id), "a deposit took effect twice");
                zone.inbox.push(InboxMessage {
                    zone: deposit.zone,
                    index: InboxIndex::new(zone.inbox.len() as u64 + 1),
                    id,
                    asset: deposit.asset,
                    amount: deposit.amount,
                    from: Party::owner(deposit.owner),
                    channel_seq: zone.inbox.len() as u64 + 1,
                    kind: InboxKind::Transfer,
                    account: deposit.account,
                });
                Ok(())
            }
            Transaction::Header(ordered) => {
                let header = &ordered.signed.header;
                let zone = self.zones.get_mut(&header.zone).ok_or("zone")?;
                let last = zone.headers.last().map(|signed| &signed.header);
                let mut signed_bytes = b"plinth/zone-header/1".to_vec();
                signed_bytes.extend_from_slice(&header.to_bytes());
                let id = plinth_settlement::digest::sha256(&[&signed_bytes]);
                let consumed = header.inbox_index.get() as usize;
                if zone.frozen || header.chain != CHAIN || header.guest_image != Digest::ZERO {
                    return Err("zone");
                }
                if header.height.get() != zone.headers.len() as u64 + 1 || header.epoch.get() < zone.epoch {
                    return Err("height or epoch");
                }
                let parent = last.map_or(Digest::ZERO, |last| {
                    let bytes = [b"plinth/zone-header/1".to_vec(), last.to_bytes()].concat();
                    plinth_settlement::digest::sha256(&[&bytes])
                });
                if header.parent != parent || last.is_some_and(|last| last.post_root != header.pre_root) {
                    return Err("chain");
                }
                let (seq, time) = last.map_or((0, 0), |last| (last.last_seq.get(), last.time.get()));
                let (first, end) = (header.first_seq.get(), header.last_seq.get());
                if first <= seq || end < first || header.time.get() < time {
                    return Err("records");
                }
                let count = u64::from(header.command_count);
                if count == 0 || count - 1 > end - first || u64::from(header.body_size) < count * 64 || header.body_size > 4 << 20 {
                    return Err("counts");
                }
                if consumed < zone.consumed || header.inbox_index.get() > zone.inbox.len() as u64 {
                    return Err("inbox index");
                }
                let messages: Vec<u8> = zone.inbox[zone.consumed..consumed].iter().flat_map(Codec::to_bytes).collect();
                let root = plinth_settlement::digest::sha256(&[b"plinth/inbox-range/1", &messages]);
                if header.inbox_root != if messages.is_empty() { Digest::ZERO } else { root } {
                    return Err("inbox root");
                }
                let signers: BTreeSet<_> = ordered.receipts.iter().map(|receipt| receipt.validator).collect();
                let receipts_hold = ordered.receipts.iter().all(|receipt| {
                    let place = self.validators.iter().take_while(|key| **key < receipt.validator).count() as u16;
                    let of = [place.to_bytes(), (self.validators.len() as u16).to_bytes()].concat();
                    let said = said(b"plinth/shard-receipt/1", header, id, &of);
                    keys::verify(&receipt.validator, &said, &receipt.signature).is_ok()
                });
                if signers.len() != ordered.receipts.len() || signers.len() < 3 || !signers.is_subset(&self.validators) {
                    return Err("quorum");
                }
                if !ordered.receipts.is_sorted_by_key(|receipt| receipt.validator) || !receipts_hold {
                    return Err("receipts");
                }
                if keys::verify(&zone.producer, &signed_bytes, &ordered.signed.signature).is_err() {
                    return Err("producer's signature");
                }
                if header.outbox_totals.is_empty() != (header.outbox_root == Digest::ZERO) {
                    return Err("outbox");
                }
                if header.inbox_refused.iter().any(|index| !(zone.consumed + 1..=consumed).contains(&(index.get() as usize))) {
                    return Err("refused");
                }
                // A zone has what its consumed messages brought, less what it refused and what it sends.
                let all: BTreeSet<_> = zone.refused().chain(header.inbox_refused.iter().copied()).collect();
                let held = |asset| {
                    let consumed = zone.inbox[..consumed].iter().filter(|message| message.asset == asset);
                    let kept = consumed.filter(|message| !all.contains(&message.index));
                    kept.map(|message| message.amount.units()).sum::<u128>() - zone.leaving(asset)
                };
                if header.outbox_totals.iter().any(|total| total.amount.units() > held(total.asset)) {
                    zone.frozen = true;
                    return Ok(());
                }
                zone.consumed = consumed;
                zone.epoch = header.epoch.get();
                zone.headers.push(ordered.signed.clone());
                Ok(())
            }
            Transaction::Governed(_)
            | Transaction::Instruct(_)
            | Transaction::Outbox(_)
            | Transaction::Verdict(_)
            | Transaction::Exit(_) => Err("not of this model"),
            Transaction::Body(verdict) => {
                let zone = self.zones.get_mut(&verdict.statement.zone).ok_or("zone")?;
                let SignedHeader { header, .. } = zone.headers.get(zone.available.len()).ok_or("nothing is to be rebuilt")?;
                let id = plinth_settlement::digest::sha256(&[b"plinth/zone-header/1", &header.to_bytes()]);
                let about = [header.chain.to_bytes(), header.zone.to_bytes(), header.height.to_bytes(), id.to_bytes()].concat();
                if verdict.statement.to_bytes() != [about, header.shard_root.to_bytes()].concat() {
                    return Err("statement");
                }
                let signers: BTreeSet<_> = verdict.receipts.iter().map(|receipt| receipt.validator).collect();
                if signers.len() != verdict.receipts.len() || signers.len() < 2 || !signers.is_subset(&self.validators) {
                    return Err("quorum");
                }
                let said = said(b"plinth/rebuilt-receipt/1", header, id, &[]);
                let hold =
                    verdict.receipts.iter().all(|receipt| keys::verify(&receipt.validator, &said, &receipt.signature).is_ok());
                if !verdict.receipts.is_sorted_by_key(|receipt| receipt.validator) || !hold {
                    return Err("receipts");
                }
                zone.available.push(self.height);
                Ok(())
            }
            Transaction::Fraud(_) => Err("there is no fraud in this traffic"),
        }
    }

    /// Blocks settle in order when the delay has passed since they were rebuilt; one that sends waits for its list, which nobody brings in this model.
    fn settle(&mut self) {
        for zone in self.zones.values_mut().filter(|zone| !zone.frozen) {
            while let (Some(signed), Some(at)) = (zone.headers.get(zone.settled), zone.available.get(zone.settled)) {
                if at + u64::from(DELAY_BLOCKS) > self.height || !signed.header.outbox_totals.is_empty() {
                    break;
                }
                zone.settled += 1;
                for index in &signed.header.inbox_refused {
                    let message = zone.inbox[index.get() as usize - 1];
                    *self.balances.entry((message.from.address.owner(), message.asset)).or_default() += message.amount.units();
                    zone.returned.insert(message.index);
                }
            }
        }
    }

    /// I4: issued = base layer + in flight + zones.
    fn assert_conserved(&self) {
        for (&asset, &issued) in &self.issued {
            let base: u128 = self.balances.iter().filter(|((_, of), _)| *of == asset).map(|(_, units)| units).sum();
            let inboxes =
                self.zones.values().flat_map(|zone| zone.inbox.iter().filter(|message| !zone.returned.contains(&message.index)));
            let moved = inboxes.filter(|message| message.asset == asset);
            let moved: u128 = moved.map(|message| message.amount.units()).sum();
            assert_eq!(base + moved, issued, "asset {asset}");
        }
    }

    /// Compares everything the ledger says with what the blocks say.
    pub(crate) fn assert_agrees(&self, state: &State, seed: u64) {
        assert_eq!(state.height(), Height::new(self.height), "seed {seed}");
        for (&(owner, asset), &units) in &self.balances {
            assert_eq!(state.balance(&owner, asset).units(), units, "seed {seed} owner {owner} asset {asset}");
        }
        assert_eq!(state.balances().map(|(_, _, amount)| amount.units()).sum::<u128>(), self.balances.values().sum());
        for (&owner, &last) in &self.deposits {
            assert_eq!(state.deposit_nonce(&owner), last, "seed {seed}");
        }
        for (&id, known) in &self.zones {
            let zone = state.zone(id).unwrap();
            assert_eq!(zone.height().get(), known.headers.len() as u64, "seed {seed} zone {id}");
            let pending: Vec<_> = zone.inbox().pending().copied().collect();
            assert_eq!(pending, known.inbox[known.consumed..], "seed {seed} zone {id}");
            for &asset in self.issued.keys() {
                let sum = |messages: &[InboxMessage]| {
                    messages.iter().filter(|message| message.asset == asset).map(|message| message.amount.units()).sum::<u128>()
                };
                let turnstile = zone.turnstile(asset);
                let settled = known.settled.checked_sub(1).map_or(0, |last| known.headers[last].header.inbox_index.get() as usize);
                let returned: Vec<_> =
                    known.inbox.iter().filter(|message| known.returned.contains(&message.index)).copied().collect();
                assert_eq!(turnstile.paid_in.units(), sum(&known.inbox[..settled]) - sum(&returned), "seed {seed} zone {id}");
                assert_eq!(turnstile.in_flight.units(), sum(&known.inbox[settled..]), "seed {seed} zone {id}");
                assert_eq!(turnstile.leaving.units(), known.leaving(asset), "seed {seed} zone {id}");
                assert!(turnstile.paid_out <= turnstile.paid_in, "seed {seed} zone {id}");
            }
            assert_eq!(zone.settled().get(), known.settled as u64, "seed {seed} zone {id}");
            assert_eq!(zone.available().get(), known.available.len() as u64, "seed {seed} zone {id}");
        }
    }
}
