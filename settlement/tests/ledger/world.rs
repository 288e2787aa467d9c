//! A small chain for tests: four validators, two zones, two assets, three owners; and a producer that writes real bodies.

use plinth_settlement::block::{Action, BodyTransaction, GovernedTransaction, OutboxTransaction, SignedInstruction, outbox_root};
use plinth_settlement::block::{HeaderTransaction, SignedDeposit, Transaction, header_id};
use plinth_settlement::body::{Before, inbox_root};
use plinth_settlement::committee::ValidatorCount;
use plinth_settlement::digest::sha256;
use plinth_settlement::genesis::{AssetCap, RequestRules};
use plinth_settlement::genesis::{
    ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode, ZoneRules,
};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::facts::{Fact, FactKey, apply_writes};
use plinth_settlement::ledger::{BlockError, OneByOne, Outcome, State};
use plinth_settlement::receipt::{self, BodyStatement, Receipt, SignedReceipt};
use plinth_settlement::verdict::{Verdict, VerdictTransaction, Word};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, Command};
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{
    AccountId, AssetId, ChainId, Height, MandateId, MsgSeqNum, OrderId, ProducerEpoch, PublicKey, Seq, SessionId, TimestampNs,
    ZoneId,
};
use plinth_types::message::{Deposit, InboxMessage};
use plinth_types::owner::{Act, Instruction};
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::{Address, OutboxMessage, Party};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const CHAIN: ChainId = ChainId::new(7);
pub(crate) const TRADING: ZoneId = ZoneId::TRADING;
pub(crate) const PRIVACY: ZoneId = ZoneId::new(2);
pub(crate) const EVM: ZoneId = ZoneId::new(3);
pub(crate) const GUEST: Digest = Digest([7; 32]);
pub(crate) const PROVEN: ZoneMode = ZoneMode::Proven { guest_image: GUEST, window_blocks: 4, deadline_blocks: 6 };
pub(crate) const BTC: AssetId = AssetId::new(0);
pub(crate) const USD: AssetId = AssetId::new(1);
pub(crate) const DELAY_BLOCKS: u32 = 2;
/// Short enough that every longer run crosses several.
pub(crate) const EPOCH_BLOCKS: u32 = 8;
pub(crate) const VALIDATORS: ValidatorCount = ValidatorCount::new(4).unwrap();

pub(crate) fn key(tag: u8) -> SecretKey {
    SecretKey::from_seed([tag; 32])
}

pub(crate) fn owner(index: u8) -> SecretKey {
    key(0x10 + index)
}

pub(crate) fn producer(zone: ZoneId) -> SecretKey {
    key(0x20_u8.wrapping_add(zone.get() as u8))
}

pub(crate) fn validator(index: u8) -> SecretKey {
    key(0x30 + index)
}

/// Three, ascending by key; two of them decide.
pub(crate) fn governors() -> Vec<SecretKey> {
    let mut keys: Vec<_> = (0..3).map(|index| key(0x50 + index)).collect();
    keys.sort_by_key(SecretKey::public_key);
    keys
}

/// The decision of the first two governors.
pub(crate) fn decide(nonce: u64, action: Action) -> Transaction {
    Transaction::Governed(Box::new(GovernedTransaction::sign(nonce, action, CHAIN, &governors()[..2])))
}

/// 200 BTC and 5,000 USD an hour.
fn caps() -> Vec<AssetCap> {
    vec![AssetCap { asset: BTC, per_hour: amount(200) }, AssetCap { asset: USD, per_hour: amount(5_000) }]
}

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

pub(crate) fn draft() -> Draft {
    let zone = |id: ZoneId, name| GenesisZone {
        id,
        name: Name::new(name).unwrap(),
        producer: producer(id).public_key(),
        epoch: ProducerEpoch::new(1),
        mode: ZoneMode::Attested { delay_blocks: DELAY_BLOCKS },
        rules: ZoneRules { caps: caps(), request_blocks: 3, ..ZoneRules::default() },
    };
    let asset = |id: AssetId, name, decimals, units: &[(u8, u128)]| {
        let balance = |&(index, units): &(u8, u128)| GenesisBalance { owner: owner(index).public_key(), amount: amount(units) };
        let mut issued: Vec<_> = units.iter().map(balance).collect();
        issued.sort_by_key(|balance| balance.owner);
        let asset = Asset { id, name: Name::new(name).unwrap(), decimals };
        GenesisAsset { asset, issuer: key(0x40 + id.get() as u8).public_key(), issued }
    };
    Draft {
        chain: CHAIN,
        time: TimestampNs::new(1_000),
        validators: (0..4).map(|index| validator(index).public_key()).collect(),
        zones: vec![zone(TRADING, "trading"), zone(PRIVACY, "privacy"), GenesisZone { mode: PROVEN, ..zone(EVM, "evm") }],
        assets: vec![asset(BTC, "BTC", 8, &[(0, 500), (1, 300)]), asset(USD, "USD", 2, &[(0, 10_000), (2, 1)])],
        limits: ChainLimits { epoch_blocks: EPOCH_BLOCKS, ..ChainLimits::default() },
        governance: Governance { governors: governors().iter().map(SecretKey::public_key).collect(), approvals_min: 2 },
        requests: Some(RequestRules { fee_asset: USD, fee: amount(3), collector: key(0x61).public_key(), per_block_max: 2 }),
    }
}

pub(crate) fn genesis() -> Arc<Genesis> {
    Arc::new(draft().build().unwrap())
}

pub(crate) fn state() -> State {
    State::genesis(genesis())
}

/// The `nonce`-th deposit of an owner.
pub(crate) fn deposit(index: u8, nonce: u64, zone: ZoneId, asset: AssetId, units: u128) -> SignedDeposit {
    let key = owner(index);
    let account = Address::of_account(AccountId::new(u32::from(index)));
    let deposit = Deposit { zone, nonce, asset, amount: amount(units), owner: key.public_key(), account };
    SignedDeposit::sign(deposit, CHAIN, &key)
}

/// Receipts of these validators, ascending by key.
pub(crate) fn receipts(header: &ZoneHeader, validators: impl IntoIterator<Item = u8>) -> Vec<Receipt> {
    let mut receipts: Vec<_> = validators.into_iter().map(|index| signed_receipt(header, index).receipt).collect();
    receipts.sort_by_key(|receipt| receipt.validator);
    receipts
}

/// What a validator says when it keeps its shard. A stranger says that it is the first.
pub(crate) fn shard_word(index: u8) -> receipt::Word {
    let key = validator(index).public_key();
    let mut committee: Vec<_> = (0..4).map(|index| validator(index).public_key()).collect();
    committee.sort();
    let index = committee.iter().position(|known| *known == key).unwrap_or_default() as u16;
    receipt::Word::ShardChecked { index, count: 4 }
}

/// The word of these validators about the body of an ordered header.
pub(crate) fn say(header: &ZoneHeader, word: receipt::Word, validators: impl IntoIterator<Item = u8>) -> Transaction {
    let statement = BodyStatement::of(header, header_id(header));
    let mut receipts: Vec<_> = validators.into_iter().map(|index| statement.sign(word, &validator(index)).receipt).collect();
    receipts.sort_by_key(|receipt| receipt.validator);
    Transaction::Body(Box::new(BodyTransaction { statement, word, receipts }))
}

/// Two validators say that they rebuilt the body of an ordered header.
pub(crate) fn rebuilt(header: &ZoneHeader) -> Transaction {
    say(header, receipt::Word::Rebuilt, [1, 3])
}

pub(crate) fn signed_receipt(header: &ZoneHeader, index: u8) -> SignedReceipt {
    BodyStatement::of(header, header_id(header)).sign(shard_word(index), &validator(index))
}

pub(crate) fn sign_header(header: ZoneHeader) -> SignedHeader {
    let signature = producer(header.zone).sign(&header.signed_bytes());
    SignedHeader { header, signature }
}

/// The header, signed by its producer, with receipts of three validators.
pub(crate) fn order(header: ZoneHeader) -> Transaction {
    order_with(header, [0, 1, 2])
}

pub(crate) fn order_with(header: ZoneHeader, validators: impl IntoIterator<Item = u8>) -> Transaction {
    let receipts = receipts(&header, validators);
    Transaction::Header(Box::new(HeaderTransaction { signed: sign_header(header), receipts }))
}

/// As [`order_with`], with the validators' places in another committee than that of the genesis.
pub(crate) fn order_by(header: ZoneHeader, validators: impl IntoIterator<Item = u8>, committee: &[PublicKey]) -> Transaction {
    let statement = BodyStatement::of(&header, header_id(&header));
    let receipt = |index: u8| {
        let key = validator(index);
        let place = committee.iter().position(|known| *known == key.public_key()).unwrap() as u16;
        let count = committee.len() as u16;
        statement.sign(receipt::Word::ShardChecked { index: place, count }, &key).receipt
    };
    let mut receipts: Vec<_> = validators.into_iter().map(receipt).collect();
    receipts.sort_by_key(|receipt| receipt.validator);
    Transaction::Header(Box::new(HeaderTransaction { signed: sign_header(header), receipts }))
}

pub(crate) fn check(state: &State, transactions: Vec<Transaction>) -> Result<Outcome, BlockError> {
    let block = state.propose(TimestampNs::new(state.time().get() + 1), transactions);
    state.check(&block, &mut OneByOne::default()).map(|checked| checked.outcome().clone())
}

/// Puts the transactions into the next block.
pub(crate) fn advance(state: &mut State, transactions: Vec<Transaction>) -> Outcome {
    advance_by(state, 1, transactions)
}

/// As [`advance`], with the word in the same block that the bodies ordered there were rebuilt.
pub(crate) fn advance_rebuilt(state: &mut State, transactions: Vec<Transaction>) -> Outcome {
    let transactions = with_rebuilt(state, transactions);
    advance(state, transactions)
}

/// These transactions and, behind them, the word that the bodies they order were rebuilt.
pub(crate) fn with_rebuilt(state: &State, mut transactions: Vec<Transaction>) -> Vec<Transaction> {
    let block = state.propose(TimestampNs::new(state.time().get() + 1), transactions.clone());
    let Ok(unverified) = state.check_unsigned(&block) else { return transactions };
    let checked = unverified.finalized();
    let outcome = checked.outcome();
    let stands = |header: &ZoneHeader| {
        let id = header_id(header);
        outcome.ordered.iter().any(|block| block.id == id) && outcome.rejected.iter().all(|block| block.id != id)
    };
    let header = |transaction: &Transaction| {
        let Transaction::Header(ordered) = transaction else { return None };
        stands(&ordered.signed.header).then(|| rebuilt(&ordered.signed.header))
    };
    let said: Vec<_> = transactions.iter().filter_map(header).collect();
    transactions.extend(said);
    transactions
}

/// Puts the transactions into a block so many nanoseconds later. Whatever it does, its writes must be what it changed, and the facts must
/// be the state.
pub(crate) fn advance_by(state: &mut State, nanoseconds: u64, transactions: Vec<Transaction>) -> Outcome {
    let block = state.propose(TimestampNs::new(state.time().get() + nanoseconds), transactions);
    let block = plinth_settlement::block::Block::decode(&block.to_bytes()).expect("a block decodes");
    let mut facts: BTreeMap<FactKey, Fact> = state.facts().collect();
    let checked = state.check(&block, &mut OneByOne::default()).expect("a valid block");
    assert_eq!(checked.outcome().block, block.id());
    let outcome = state.apply(checked);
    apply_writes(&mut facts, &outcome.writes);
    if state.store_format().since == outcome.height {
        // All facts are written anew behind such a block, and this one has changed.
        facts.insert(FactKey::Format, Fact::Format(*state.store_format()));
    }
    assert!(facts.iter().map(|(key, fact)| (*key, fact.clone())).eq(state.facts()), "writes are not what changed");
    let restored = State::from_facts(state.rules().clone(), facts).expect("facts are a state");
    assert_eq!(restored.digest(), state.digest());
    outcome
}

/// So many empty blocks.
pub(crate) fn idle(state: &mut State, count: u32) {
    (0..count).for_each(|_| _ = advance(state, Vec::new()));
}

/// `units` of an asset for somebody elsewhere, as the `channel_seq`-th message of its channel, without expiry.
pub(crate) fn message(channel_seq: u64, to: Party, asset: AssetId, units: u128) -> OutboxMessage {
    let sender = Address([0x55; 32]);
    OutboxMessage { channel_seq, to, asset, amount: amount(units), sender, expires_at: TimestampNs::new(u64::MAX) }
}

pub(crate) fn account(zone: ZoneId, tag: u8) -> Party {
    Party { zone, address: Address([tag; 32]) }
}

/// 2f+1 validators' word on a header.
pub(crate) fn verdict(header: &ZoneHeader, word: Word) -> Transaction {
    let verdict = Verdict::of(header, word);
    let mut signatures: Vec<Receipt> = [0, 1, 2].map(|index| verdict.sign(&validator(index))).into();
    signatures.sort_by_key(|receipt| receipt.validator);
    Transaction::Verdict(Box::new(VerdictTransaction { verdict, signatures }))
}

pub(crate) fn proven(header: &ZoneHeader) -> Transaction {
    verdict(header, Word::Proven { guest_image: GUEST, proof: Digest([9; 32]) })
}

pub(crate) fn instruct(index: u8, nonce: u64, act: Act) -> Transaction {
    instruct_with(&owner(index), nonce, act)
}

pub(crate) fn instruct_with(key: &SecretKey, nonce: u64, act: Act) -> Transaction {
    let instruction = Instruction { nonce, owner: key.public_key(), act };
    Transaction::Instruct(Box::new(SignedInstruction::sign(instruction, CHAIN, key)))
}

/// Writes the bodies and headers of one zone.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub(crate) zone: ZoneId,
    pub(crate) epoch: ProducerEpoch,
    pub(crate) height: Height,
    pub(crate) parent: Digest,
    pub(crate) root: Digest,
    pub(crate) before: Before,
}

impl Producer {
    pub(crate) fn new(zone: ZoneId) -> Self {
        let root = sha256(&[b"empty zone", &zone.to_bytes()]);
        Self { zone, epoch: ProducerEpoch::new(1), height: Height::new(0), parent: Digest::ZERO, root, before: Before::default() }
    }

    /// The next body: consumes the messages, then takes `cancel_count` requests of a client.
    pub(crate) fn body(&self, messages: &[InboxMessage], cancel_count: u64) -> Vec<u8> {
        let mut body = Vec::new();
        let mut seq = self.before.seq;
        let mut record = |session, what, tail: Vec<u8>| {
            seq = seq.next();
            let time = TimestampNs::new(seq.get() * 10);
            let tail_size = tail.len() as u16;
            let command = Command { seq, time, session, mandate: MandateId::new(0), body: what, tail_size };
            body.extend_from_slice(&command.head());
            body.extend_from_slice(&tail);
        };
        for message in messages {
            record(SessionId::APPLIANCE, Body::Inbox, message.to_bytes());
        }
        for index in 1..=cancel_count {
            let session = SessionId::new(1);
            let client_order_id = ClientOrderId::new(b"cancel").unwrap();
            let tail = ClientTail { msg_seq_num: MsgSeqNum::new(index), client_order_id, orig_client_order_id: None };
            record(session, Body::Cancel { order: OrderId::new(session, index).unwrap() }, tail.to_bytes());
        }
        body
    }

    /// The header of a body that [`Producer::body`] wrote for these messages.
    pub(crate) fn header(&self, messages: &[InboxMessage], cancel_count: u64) -> (ZoneHeader, Vec<u8>) {
        let body = self.body(messages, cancel_count);
        let command_count = messages.len() as u64 + cancel_count;
        let last_seq = Seq::new(self.before.seq.get() + command_count);
        let header = ZoneHeader {
            chain: CHAIN,
            zone: self.zone,
            height: self.height.next(),
            epoch: self.epoch,
            parent: self.parent,
            guest_image: if self.zone == EVM { GUEST } else { Digest::ZERO },
            policy: sha256(&[b"policy"]),
            pre_root: self.root,
            post_root: sha256(&[&self.root.0, &body]),
            inbox_index: messages.last().map_or(self.before.inbox, |message| message.index),
            inbox_root: inbox_root(messages),
            outbox_root: Digest::ZERO,
            outbox_totals: Vec::new(),
            inbox_refused: Vec::new(),
            exit_root: Digest::ZERO,
            body_hash: sha256(&[&body]),
            body_size: body.len() as u32,
            body_key: Digest::ZERO,
            shard_root: sha256(&[b"shards", &body]),
            first_seq: self.before.seq.next(),
            last_seq,
            time: TimestampNs::new(last_seq.get() * 10),
            command_count: command_count as u32,
            trade_count: 0,
        };
        (header, body)
    }

    /// The next header, consuming all that waits and sending these messages, with their list; goes on behind it.
    pub(crate) fn send(&mut self, state: &State, messages: &[OutboxMessage]) -> (ZoneHeader, Transaction) {
        let waiting: Vec<_> = state.zone(self.zone).unwrap().inbox().pending().copied().collect();
        let (mut header, _) = self.header(&waiting, 1);
        let mut totals: BTreeMap<AssetId, u128> = BTreeMap::new();
        messages.iter().for_each(|message| *totals.entry(message.asset).or_default() += message.amount.units());
        header.outbox_root = outbox_root(messages);
        header.outbox_totals = totals.into_iter().map(|(asset, units)| AssetAmount { asset, amount: amount(units) }).collect();
        self.follow(&header);
        let list = OutboxTransaction::of(&header, messages.to_vec());
        (header, Transaction::Outbox(Box::new(list)))
    }

    /// Goes on behind this header.
    pub(crate) fn follow(&mut self, header: &ZoneHeader) {
        self.height = header.height;
        self.parent = header_id(header);
        self.root = header.post_root;
        self.before = Before::behind(header);
    }

    /// The next header, consuming all that waits, and goes on behind it.
    pub(crate) fn next(&mut self, state: &State, cancel_count: u64) -> ZoneHeader {
        let messages: Vec<_> = state.zone(self.zone).unwrap().inbox().pending().copied().collect();
        let (header, _) = self.header(&messages, cancel_count);
        self.follow(&header);
        header
    }
}

/// A small generator: the same seed, the same run.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// Seeds of a run: one from the environment (`PLINTH_SEED`), else these many fixed ones.
pub(crate) fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("PLINTH_SEED") {
        Ok(seed) => vec![seed.parse().expect("PLINTH_SEED is a number")],
        Err(_) => (1..=count).collect(),
    }
}
