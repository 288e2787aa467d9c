//! The head of the chain, and how it moves.

use super::blocks::{Blocks, Sealed};
use super::error::ChainError;
use super::genesis::genesis_state;
use super::history::{HistoricState, History};
use super::outcome::{bloom, differs, receipts};
use super::requests;
use super::rules::{self, BlockError, Inherited};
use super::trial::Trial;
use crate::bridge::{Bridge, inbox};
use crate::ethereum::{
    Address, B256, Block, BlockBody, Decodable, EMPTY_OMMER_ROOT_HASH, Genesis, Header, TxEnvelope, U256, Withdrawals,
    calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root, keccak256,
};
use crate::execution::parallel::{self, Pool, Stats, account_key};
use crate::execution::{BlockContext, BlockPlan, BlockResult, Rejection};
use crate::schedule::{Effort, Framing, Prediction, Predictor, releases};
use crate::state::{Changes, WorldState};
use crate::store::{Journal, Record};
use crate::transaction::Transaction;
use crate::trie::{AccountProof, StateTrie};
use plinth_types::id::InboxIndex;
use plinth_types::message::InboxMessage;
use std::path::Path;
use std::sync::Arc;

/// What the producer writes into `extraData`.
const EXTRA_DATA: &[u8] = b"plinth";

/// The chain: the present state, and the blocks that led to it.
#[derive(Debug)]
pub struct Chain {
    chain_id: u64,
    deposit_contract: Option<Address>,
    bridge: Option<Bridge>,
    workers: Arc<Pool>,
    predictor: Predictor,
    world: WorldState,
    trie: StateTrie,
    history: History,
    blocks: Blocks,
    head: Arc<Sealed>,
    journal: Option<Journal>,
    finality: Option<Finality>,
}

/// How far settlement has come with this chain, as block numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finality {
    /// The last block that is available.
    pub safe: u64,
    /// The last block that is settled.
    pub finalized: u64,
}

/// A block made here.
#[derive(Debug)]
pub struct Built {
    /// The new head.
    pub block: Arc<Sealed>,
    /// Candidates that did not stand, with the reason.
    pub rejected: Vec<(B256, Rejection)>,
    /// How execution went.
    pub stats: Stats,
    /// Sizes of the frames.
    pub frames: Vec<usize>,
}

impl Chain {
    /// Opens the chain; with a journal, what it holds is replayed.
    pub fn open(genesis: &Genesis, journal: Option<&Path>, workers: Arc<Pool>) -> Result<Self, ChainError> {
        let (world, trie, header) = genesis_state(genesis, &workers)?;
        let config = &genesis.config;
        let mut chain = Self::start(world, trie, header, config.chain_id, config.deposit_contract_address, workers);
        chain.bridge = Bridge::of(&chain.world)?;
        if let Some(path) = journal {
            let (journal, records) = Journal::open(path, chain.head.hash)?;
            chain.replay(records)?;
            chain.journal = Some(journal);
        }
        Ok(chain)
    }

    /// A chain in memory that starts with this block and state.
    pub(crate) fn start(
        world: WorldState,
        trie: StateTrie,
        header: Header,
        chain_id: u64,
        deposit_contract: Option<Address>,
        workers: Arc<Pool>,
    ) -> Self {
        let genesis_hash = header.hash_slow();
        let body = BlockBody { withdrawals: Some(Withdrawals::default()), ..BlockBody::default() };
        let record = Record {
            block: Block::new(header, body),
            senders: Vec::new(),
            receipts: Vec::new(),
            inbox: Vec::new(),
            changes: Changes::default(),
        };
        let mut blocks = Blocks::default();
        let head = blocks.push(genesis_hash, record);
        Self {
            chain_id,
            deposit_contract,
            bridge: None,
            workers,
            predictor: Predictor::default(),
            world,
            trie,
            history: History::default(),
            blocks,
            head,
            journal: None,
            finality: None,
        }
    }

    fn replay(&mut self, records: Vec<Record>) -> Result<(), ChainError> {
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            let header = &record.block.header;
            if header.parent_hash != self.head.hash {
                return Err(ChainError::Gap { number: header.number });
            }
            let hash = header.hash_slow();
            self.advance(hash, record);
        }
        self.trie = StateTrie::of(&self.world, &self.workers);
        let header = &self.head.record.block.header;
        let recovered = self.trie.root(&self.workers, usize::MAX);
        if recovered != header.state_root {
            return Err(ChainError::Root { recovered, stated: header.state_root, number: header.number });
        }
        Ok(())
    }

    /// EIP-155.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The bridge to settlement, if the genesis has one.
    pub const fn bridge(&self) -> Option<Bridge> {
        self.bridge
    }

    /// How far settlement has come; `None` while it has not said so.
    pub const fn finality(&self) -> Option<Finality> {
        self.finality
    }

    /// Settlement has said how far it has come.
    pub const fn set_finality(&mut self, finality: Finality) {
        self.finality = Some(finality);
    }

    /// The last message of the inbox that was consumed.
    pub fn inbox_consumed(&self) -> InboxIndex {
        Bridge::consumed(&self.world)
    }

    /// The last block.
    pub const fn head(&self) -> &Arc<Sealed> {
        &self.head
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.head.record.block.header
    }

    /// All blocks.
    pub const fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// The present state.
    pub const fn world(&self) -> &WorldState {
        &self.world
    }

    /// The state after block `number`; `None` if there is no such block, or it is too long ago.
    pub fn state_at(&self, number: u64) -> Option<HistoricState<'_>> {
        self.history.view(&self.world, self.header().number.checked_sub(number)?, number)
    }

    /// Blocks to try on the state after block `number`; `None` as for [`Chain::state_at`].
    pub fn trial(&mut self, number: u64) -> Option<Trial<'_>> {
        let state = self.history.view(&self.world, self.header().number.checked_sub(number)?, number)?;
        Some(Trial::start(state, &self.world, &mut self.trie, &self.workers, self.chain_id, self.deposit_contract))
    }

    /// Proof of an account and slots in the present state.
    pub fn proof(&mut self, address: &Address, slots: &[U256]) -> AccountProof {
        self.trie.proof(address, slots)
    }

    /// The environment that a block with this header has.
    pub fn context(&self, header: &Header) -> BlockContext {
        rules::context(header, self.chain_id)
    }

    /// The header of the block after the head, as far as it is known before execution.
    pub fn next_header(&self, timestamp: u64, beneficiary: Address) -> Header {
        let parent = self.header();
        let inherited = Inherited::from(parent);
        Header {
            parent_hash: self.head.hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary,
            number: inherited.number,
            gas_limit: parent.gas_limit,
            timestamp: timestamp.max(parent.timestamp + 1),
            extra_data: EXTRA_DATA.into(),
            // PREVRANDAO is no source of randomness here: anybody can compute it.
            mix_hash: keccak256(self.head.hash),
            base_fee_per_gas: Some(inherited.base_fee),
            withdrawals_root: Some(calculate_withdrawals_root(&[])),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(inherited.excess_blob_gas),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(super::genesis::EMPTY_REQUESTS_HASH),
            ..Header::default()
        }
    }

    /// Makes the next block of `candidates`, given in order of arrival; see [`crate::schedule`] for the order in the block.
    pub fn build(&mut self, candidates: &[Transaction], timestamp: u64, beneficiary: Address) -> Result<Built, ChainError> {
        self.build_consuming(&[], candidates, timestamp, beneficiary)
    }

    /// As [`Chain::build`], and the block consumes `messages` first, which must be the next ones.
    pub fn build_consuming(
        &mut self,
        messages: &[InboxMessage],
        candidates: &[Transaction],
        timestamp: u64,
        beneficiary: Address,
    ) -> Result<Built, ChainError> {
        let mut header = self.next_header(timestamp, beneficiary);
        header.parent_beacon_block_root = Some(inbox::root(messages).0.into());
        let body = BlockBody { withdrawals: Some(Withdrawals::default()), ..BlockBody::default() };
        let (contracts, plan) = self.plan(&header, &body, messages)?;
        let predictions = self.predict(candidates, &plan.context);
        let order = Framing::default().order(&predictions.iter().collect::<Vec<_>>());
        let ordered: Vec<&Transaction> = order.indices.iter().map(|index| &candidates[*index]).collect();
        let predictions: Vec<&Prediction> = order.indices.iter().map(|index| &predictions[*index]).collect();
        let (result, stats) = self.execute(&plan, &ordered, &predictions);
        inbox::check_delivered(messages, &result.opening_outputs).map_err(BlockError::from)?;

        let (mut kept, mut rejected) = (Vec::new(), Vec::new());
        for (transaction, outcome) in ordered.iter().zip(&result.transactions) {
            match outcome {
                Ok(outcome) => kept.push((*transaction, outcome)),
                Err(rejection) => rejected.push((transaction.hash(), rejection.clone())),
            }
        }
        let receipts = receipts(&kept);
        let senders = kept.iter().map(|(transaction, _)| transaction.sender()).collect();
        let transactions: Vec<TxEnvelope> = kept.iter().map(|(transaction, _)| transaction.envelope().clone()).collect();
        header.transactions_root = calculate_transaction_root(&transactions);
        header.receipts_root = calculate_receipt_root(&receipts);
        header.logs_bloom = bloom(&receipts);
        header.gas_used = result.gas_used;
        header.blob_gas_used = Some(result.blob_gas_used);
        header.requests_hash = Some(requests::hash(&result, &contracts, self.deposit_contract).map_err(BlockError::from)?);
        let block = Block::new(header, BlockBody { transactions, ..body });
        let record = Record { block, senders, receipts, inbox: messages.to_vec(), changes: result.changes };
        let block = self.seal(record, |header, root| {
            header.state_root = root;
            Ok(())
        })?;
        Ok(Built { block, rejected, stats, frames: order.frames })
    }

    /// Checks, executes and appends a block given as RLP.
    pub fn import(&mut self, rlp: &[u8]) -> Result<Arc<Sealed>, ChainError> {
        self.import_consuming(&[], rlp)
    }

    /// As [`Chain::import`], of a block that consumes `messages`; its header commits to them.
    pub fn import_consuming(&mut self, messages: &[InboxMessage], mut rlp: &[u8]) -> Result<Arc<Sealed>, ChainError> {
        let bytes = rlp.len();
        let malformed = |error: String| BlockError::Malformed(error);
        let block = Block::<TxEnvelope>::decode(&mut rlp).map_err(|error| malformed(error.to_string()))?;
        if !rlp.is_empty() {
            return Err(malformed(format!("{} bytes after the block", rlp.len())).into());
        }
        rules::check(&block, bytes, self.header(), self.head.hash)?;
        let transactions = Transaction::recover_all(block.body.transactions.clone(), &self.workers)
            .into_iter()
            .enumerate()
            .map(|(index, transaction)| transaction.map_err(|error| BlockError::Transaction { index, error }))
            .collect::<Result<Vec<_>, _>>()?;
        if self.bridge.is_some() {
            let inbox_root = Some(inbox::root(messages).0.into());
            differs("parentBeaconBlockRoot", &block.header.parent_beacon_block_root, &inbox_root)?;
        }
        let (contracts, plan) = self.plan(&block.header, &block.body, messages)?;
        let predictions = self.predict(&transactions, &plan.context);
        let transactions: Vec<&Transaction> = transactions.iter().collect();
        let (result, _) = self.execute(&plan, &transactions, &predictions.iter().collect::<Vec<_>>());
        inbox::check_delivered(messages, &result.opening_outputs).map_err(BlockError::from)?;

        let mut kept = Vec::with_capacity(transactions.len());
        for (index, (transaction, outcome)) in transactions.iter().zip(&result.transactions).enumerate() {
            let outcome = outcome.as_ref().map_err(|rejection| BlockError::Rejected { index, rejection: rejection.clone() })?;
            kept.push((*transaction, outcome));
        }
        let receipts = receipts(&kept);
        let header = &block.header;
        differs("gasUsed", &header.gas_used, &result.gas_used)?;
        differs("blobGasUsed", &header.blob_gas_used, &Some(result.blob_gas_used))?;
        differs("receiptsRoot", &header.receipts_root, &calculate_receipt_root(&receipts))?;
        differs("logsBloom", &header.logs_bloom, &bloom(&receipts))?;
        let requests_hash = requests::hash(&result, &contracts, self.deposit_contract).map_err(BlockError::from)?;
        differs("requestsHash", &header.requests_hash, &Some(requests_hash))?;
        let senders = transactions.iter().map(|transaction| transaction.sender()).collect();
        let record = Record { block, senders, receipts, inbox: messages.to_vec(), changes: result.changes };
        self.seal(record, |header, root| differs("stateRoot", &header.state_root, &root))
    }

    fn plan(
        &self,
        header: &Header,
        body: &BlockBody<TxEnvelope>,
        messages: &[InboxMessage],
    ) -> Result<(Vec<Address>, BlockPlan), BlockError> {
        let contracts = requests::contracts(&self.world);
        let mut plan = rules::plan(header, body, self.chain_id, &contracts);
        let decisions = inbox::decide(self.bridge.as_ref(), &self.world, messages)?;
        plan.before.extend(inbox::delivery(messages, &decisions));
        Ok((contracts, plan))
    }

    fn predict(&self, transactions: &[Transaction], context: &BlockContext) -> Vec<Prediction> {
        let pieces: Vec<&Transaction> = transactions.iter().collect();
        self.workers.for_each(pieces, |transaction| self.predictor.predict(transaction.env(), &self.world, context, Effort::Run))
    }

    fn execute(&self, plan: &BlockPlan, transactions: &[&Transaction], predictions: &[&Prediction]) -> (BlockResult, Stats) {
        let releases = releases(predictions, account_key(&plan.context.env.beneficiary));
        let environments: Vec<_> = transactions.iter().map(|transaction| transaction.env()).collect();
        let (mut result, stats) = parallel::execute(&self.world, plan, &environments, &releases, &self.workers);
        for index in &stats.repeated {
            if let Some(tx) = environments.get(*index as usize) {
                self.predictor.erred(tx);
            }
        }
        result.changes.normalise(&self.world);
        (result, stats)
    }

    /// Computes the root, lets `check` compare or state it, makes the block durable, and moves the head. If any of that fails nothing has moved.
    fn seal(
        &mut self,
        mut record: Record,
        check: impl FnOnce(&mut Header, B256) -> Result<(), BlockError>,
    ) -> Result<Arc<Sealed>, ChainError> {
        let undo = record.changes.inverse(&self.world);
        self.trie.apply(&record.changes, &self.workers);
        let root = self.trie.root(&self.workers, record.changes.accounts.len());
        let durable = check(&mut record.block.header, root)
            .map_err(ChainError::from)
            .and_then(|()| self.journal.as_mut().map_or(Ok(()), |journal| journal.append(&record).map_err(ChainError::from)));
        if let Err(error) = durable {
            self.trie.apply(&undo, &self.workers);
            return Err(error);
        }
        let hash = record.block.header.hash_slow();
        Ok(self.advance(hash, record))
    }

    fn advance(&mut self, hash: B256, mut record: Record) -> Arc<Sealed> {
        let changes = std::mem::take(&mut record.changes);
        self.history.push(&self.world, &changes);
        self.world.apply(&changes);
        self.world.insert_block_hash(record.block.header.number, hash);
        self.head = self.blocks.push(hash, record);
        Arc::clone(&self.head)
    }
}
