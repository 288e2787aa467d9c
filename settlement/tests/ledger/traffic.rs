//! Random traffic, good and bad, against the outside observer of [`super::model`]. A failure prints its seed; `PLINTH_SEED=n` runs
//! that one again.

use super::model::Model;
use super::world::*;
use plinth_settlement::block::{Block, BodyTransaction, HeaderTransaction, SignedDeposit, Transaction};
use plinth_settlement::ledger::facts::{Fact, FactKey, apply_writes};
use plinth_settlement::ledger::{OneByOne, State};
use plinth_settlement::receipt::{BodyStatement, Receipt, Word};
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AccountId, AssetId, ChainId, Height, InboxIndex, ProducerEpoch, Seq, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::transfer::Address;
use std::collections::BTreeMap;

const EDGES: [u64; 8] = [0, 1, 2, 3, 4, 1 << 32, u64::MAX - 1, u64::MAX];

pub(crate) struct Traffic {
    random: Random,
    pub(crate) state: State,
    /// What the writes of all blocks make of the facts of genesis.
    pub(crate) facts: BTreeMap<FactKey, Fact>,
    model: Model,
    producers: BTreeMap<ZoneId, Producer>,
}

impl Traffic {
    pub(crate) fn new(seed: u64) -> Self {
        let state = state();
        let facts = state.facts().collect();
        let model = Model::new(state.rules());
        let producers = [TRADING, PRIVACY].map(|zone| (zone, Producer::new(zone))).into();
        Self { random: Random::new(seed), state, facts, model, producers }
    }

    /// A block of up to four transactions, of which at times one is bent. Says whether it was accepted.
    pub(crate) fn step(&mut self, seed: u64) -> bool {
        let mut transactions = Vec::new();
        let mut producers = self.producers.clone();
        let mut nonces = BTreeMap::new();
        for _ in 0..self.random.below(4) {
            let transaction = match self.random.below(4) {
                0 | 1 => Some(self.deposit(&mut nonces)),
                2 => self.header(&mut producers),
                _ => self.verdict(),
            };
            transactions.extend(transaction);
            if self.random.one_in(12) && !transactions.is_empty() {
                let again = transactions[self.random.below(transactions.len() as u64) as usize].clone();
                transactions.push(again);
            }
        }
        let time = TimestampNs::new(self.state.time().get() + 1 + self.random.below(1_000));
        // As it comes off the wire.
        let block = Block::decode(&self.state.propose(time, transactions).to_bytes()).expect("a block decodes");
        let (before, verdict) = (self.state.digest(), self.model.after(block.transactions()));
        match (self.state.check(&block, &mut OneByOne::default()), verdict) {
            (Ok(checked), Ok(model)) => {
                let outcome = self.state.apply(checked);
                apply_writes(&mut self.facts, &outcome.writes);
                assert!(outcome.writes.is_sorted_by_key(|(key, _)| *key), "seed {seed}");
                assert_ne!(self.state.digest(), before, "seed {seed}");
                if outcome.frozen.is_empty() {
                    self.producers = producers;
                }
                self.model = model;
                self.model.assert_agrees(&self.state, seed);
                true
            }
            (Err(_), Err(_)) => {
                assert_eq!(self.state.digest(), before, "seed {seed}");
                self.model.assert_agrees(&self.state, seed);
                false
            }
            (Ok(_), Err((index, why))) => panic!("seed {seed}: the ledger took transaction {index}, wrong in its {why}: {block:?}"),
            (Err(error), Ok(_)) => panic!("seed {seed}: the ledger refused a valid block: {error}"),
        }
    }

    fn deposit(&mut self, nonces: &mut BTreeMap<u8, u64>) -> Transaction {
        let random = &mut self.random;
        let index = random.below(3) as u8;
        let key = owner(index);
        let last = nonces.entry(index).or_insert_with(|| self.state.deposit_nonce(&key.public_key()));
        *last += 1;
        let mut deposit = Deposit {
            zone: random.pick(&[TRADING, PRIVACY]),
            nonce: *last,
            asset: random.pick(&[BTC, USD]),
            amount: amount(u128::from(1 + random.below(60))),
            owner: key.public_key(),
            account: Address::of_account(AccountId::new(random.below(9) as u32)),
        };
        let mut signer = index;
        if random.one_in(10) {
            match random.below(6) {
                0 => deposit.nonce = random.pick(&EDGES),
                1 => deposit.amount = Amount::new(u128::from(random.pick(&EDGES))).unwrap(),
                2 => deposit.zone = ZoneId::new(random.below(5) as u16),
                3 => deposit.asset = AssetId::new(random.below(5) as u16),
                4 => deposit.owner = owner(random.below(5) as u8).public_key(),
                _ => signer = random.below(5) as u8,
            }
        }
        let chain = if random.one_in(60) { ChainId::new(8) } else { CHAIN };
        Transaction::Deposit(SignedDeposit::sign(deposit, chain, &owner(signer)))
    }

    /// `None` if a bent header was accepted and left the zone at the end of its numbers.
    fn header(&mut self, producers: &mut BTreeMap<ZoneId, Producer>) -> Option<Transaction> {
        let random = &mut self.random;
        let producer = producers.get_mut(&random.pick(&[TRADING, PRIVACY])).unwrap();
        if producer.before.seq.get() > 1 << 60 || producer.height.get() > 1 << 60 {
            return None;
        }
        let pending: Vec<_> = self.state.zone(producer.zone).unwrap().inbox().pending().copied().collect();
        // Of those that its earlier headers in this very block left over, it takes some.
        let left: Vec<_> = pending.into_iter().filter(|message| message.index > producer.before.inbox).collect();
        let taken = random.below(left.len() as u64 + 1) as usize;
        let (mut header, _) = producer.header(&left[..taken], 1 + random.below(3));
        header.epoch = self.state.zone(producer.zone).unwrap().epoch();
        header.inbox_refused = left[..taken].iter().filter(|_| random.one_in(5)).map(|message| message.index).collect();
        if random.one_in(40) {
            header.epoch = ProducerEpoch::new(header.epoch.get().saturating_add(1));
        }
        // The zone's stamps go on from whatever an accepted header said.
        header.time = header.time.max(producer.before.time);
        if random.one_in(8) {
            bend(random, &mut header);
        }
        producer.follow(&header);
        let mut validators: Vec<u8> = (0..4).filter(|_| !random.one_in(12)).collect();
        if random.one_in(30) {
            validators.push(random.below(6) as u8);
        }
        let mut receipts = receipts(&header, validators);
        let mut signed = sign_header(header);
        if random.one_in(30) {
            signed = plinth_types::block::SignedHeader {
                signature: producer_of_another(signed.header.zone).sign(&signed.header.signed_bytes()),
                ..signed
            };
        }
        if random.one_in(30) && !receipts.is_empty() {
            let at = random.below(receipts.len() as u64) as usize;
            bend_receipt(random, &mut receipts[at]);
        }
        Some(Transaction::Header(Box::new(HeaderTransaction { signed, receipts })))
    }
}

impl Traffic {
    /// Some validators say of a zone's first block that is not available that they rebuilt it.
    fn verdict(&mut self) -> Option<Transaction> {
        let random = &mut self.random;
        let zone = self.state.zone(random.pick(&[TRADING, PRIVACY])).unwrap();
        let skipped = usize::from(random.one_in(20));
        let block = zone.unavailable().nth(skipped)?;
        let mut statement = BodyStatement {
            chain: CHAIN,
            zone: block.zone,
            height: block.height,
            header: block.id,
            shard_root: block.body.shard_root,
        };
        if random.one_in(20) {
            statement.shard_root = Digest([3; 32]);
        }
        let word = if random.one_in(20) { shard_word(0) } else { Word::Rebuilt };
        let mut validators: Vec<u8> = (0..4).filter(|_| random.one_in(2)).collect();
        if random.one_in(30) {
            validators.push(random.below(6) as u8);
        }
        let mut receipts: Vec<_> = validators.into_iter().map(|index| statement.sign(word, &validator(index)).receipt).collect();
        receipts.sort_by_key(|receipt| receipt.validator);
        if random.one_in(30) && !receipts.is_empty() {
            let at = random.below(receipts.len() as u64) as usize;
            bend_receipt(random, &mut receipts[at]);
        }
        Some(Transaction::Body(Box::new(BodyTransaction { statement, word, receipts })))
    }
}

fn producer_of_another(zone: ZoneId) -> plinth_settlement::keys::SecretKey {
    producer(if zone == TRADING { PRIVACY } else { TRADING })
}

fn bend_receipt(random: &mut Random, receipt: &mut Receipt) {
    let bit = random.below(512) as usize;
    receipt.signature.0[bit / 8] ^= 1 << (bit % 8);
}

/// Puts something unlikely into one field.
fn bend(random: &mut Random, header: &mut ZoneHeader) {
    let edge = random.pick(&EDGES);
    let other = Digest([random.below(3) as u8; 32]);
    match random.below(18) {
        0 => header.chain = ChainId::new(edge),
        1 => header.zone = ZoneId::new(edge as u16),
        2 => header.height = Height::new(edge),
        3 => header.epoch = ProducerEpoch::new(edge as u32),
        4 => header.parent = other,
        5 => header.guest_image = other,
        6 => header.pre_root = other,
        7 => header.inbox_index = InboxIndex::new(edge),
        8 => header.inbox_root = other,
        9 => header.outbox_root = other,
        10 => header.body_size = edge as u32,
        11 => header.first_seq = Seq::new(edge),
        12 => header.last_seq = Seq::new(edge),
        13 => header.time = TimestampNs::new(edge),
        14 => header.command_count = edge as u32,
        15 => header.post_root = other,
        // Rare, because a zone that overdraws does nothing more.
        16 if random.one_in(12) => {
            header.outbox_root = Digest([1; 32]);
            let units = 1 + random.below(400);
            header.outbox_totals = vec![AssetAmount { asset: BTC, amount: amount(u128::from(units)) }];
        }
        _ => header.policy = other,
    }
}

#[test]
fn the_ledger_agrees_with_an_observer_of_the_blocks_alone() {
    for seed in seeds(12) {
        let mut traffic = Traffic::new(seed);
        let accepted = (0..150).filter(|_| traffic.step(seed)).count();
        assert!((20..150).contains(&accepted), "seed {seed}: {accepted} of 150 blocks accepted says little");
        assert!(traffic.model.ids.len() >= 5, "seed {seed}: {} deposits say little", traffic.model.ids.len());
    }
}

#[test]
fn the_same_blocks_make_the_same_digest() {
    let run = |seed| {
        let mut traffic = Traffic::new(seed);
        (0..60).for_each(|_| _ = traffic.step(seed));
        traffic.state.digest()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
