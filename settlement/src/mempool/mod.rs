//! What waits to be ordered: deposits, headers, and receipts as they come in.
//!
//! ```text
//! deposit ─► [owner → number → deposit]                      ┐
//! header  ─► [zone → height → candidates, each its receipts] ├─ propose(state) ─► transactions that pass check
//! receipt ─►   └ or, while its header is unknown, [validator → orphans]
//! verdict ─► [zone, height → validator → word]
//! ```
//!
//! * **Only what is signed by someone known gets in**: an owner with a balance, the zone's producer, a validator. Sizes and cheap rules
//!   come first, one signature verification last; what is known already costs none.
//! * **Everything is bounded per signer** ([`crate::limits`]), so a flood fills its signer's own share: an owner's next numbers, a
//!   producer's next heights, a validator's orphans, a zone's lists and exits. A peer that only forwards cannot grow anything. When owners'
//!   orders fill the pool, the owner with the most gives way to one with fewer.
//! * **A proposal always passes check**: it is what a scratch copy of the state executed, and nothing else.
//! * It is a hint, not state: losing it loses no money, and whoever sent something sends it again until it is ordered.
//!
//! A producer that signs two headers of one height is found out here: the second is kept beside the first ([`Inserted::Conflicting`]),
//! and both signatures name its key.

mod bodies;
mod candidates;
mod decisions;
mod deposits;
mod others;

pub use candidates::{Candidate, Equivocation};
pub use others::Other;

use crate::block::{Approval, Block, GovernedTransaction, SignedDeposit, SignedInstruction, Transaction};
use crate::dispersal::FraudProof;
use crate::keys::SignatureError;
use crate::ledger::{Claim, Effects, Place, Remembering, State, TransactionError};
use crate::receipt::{SignedReceipt, Word};
use bodies::Bodies;
use candidates::Candidates;
use decisions::Decisions;
use deposits::{Deposits, OwnerOrder};
use others::Others;
use plinth_types::block::SignedHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, ZoneId};

/// The pool. One owner; no lock.
#[derive(Debug, Default)]
pub struct Mempool {
    deposits: Deposits,
    candidates: Candidates,
    decisions: Decisions,
    bodies: Bodies,
    others: Others,
    signatures: Remembering,
}

/// What became of something that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is new: pass it on.
    New,
    /// It is here already.
    Known,
    /// A second header of a zone and height, by the same producer. It is kept, as evidence and in case it is the one that gets receipts.
    Conflicting {
        /// The first one's id.
        first: Digest,
    },
}

/// Why something does not get in. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The ledger would refuse it now.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// Its signature is invalid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The ledger is past it.
    #[error("number {number} is behind, the last one ordered is {last}")]
    Behind {
        /// The deposit's number or the header's height.
        number: u64,
        /// The last one ordered.
        last: u64,
    },
    /// Too far in front of the ledger to be kept.
    #[error("number {number} is too far ahead, at most {number_max} is kept")]
    Ahead {
        /// The deposit's number or the header's height.
        number: u64,
        /// The farthest kept.
        number_max: u64,
    },
    /// The owner signed two deposits of one number; the first one stays.
    #[error("{owner} has signed another deposit {nonce}")]
    NonceTaken {
        /// Whose.
        owner: PublicKey,
        /// Which number.
        nonce: u64,
    },
    /// An owner who never had anything.
    #[error("{owner} has nothing on this chain")]
    UnknownOwner {
        /// Whose deposit it is.
        owner: PublicKey,
    },
    /// Validators make these of what they are brought; nobody brings them whole.
    #[error("headers and what is said of bodies are put together here, receipt by receipt")]
    NotBrought,
    /// The pool holds as many of the kind as it may.
    #[error("the pool holds {count} of these, no more may")]
    Full {
        /// How many.
        count: usize,
    },
    /// The producer has signed two other headers of this height already.
    #[error("there are {count} other headers of zone {zone} and height {height}")]
    TooManyHeaders {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
        /// How many.
        count: usize,
    },
    /// Not a validator's receipt.
    #[error("{key} is no validator")]
    NotAValidator {
        /// Whose receipt it is.
        key: PublicKey,
    },
    /// A receipt for a shard that is not the validator's: one of another epoch, or this ledger is not yet in that epoch.
    #[error("{key} speaks of a shard that is not its own in this epoch")]
    OtherPlace {
        /// Whose receipt it is.
        key: PublicKey,
    },
    /// A proof of fraud that shows none.
    #[error("a proof of fraud about block {header} that shows none")]
    NoFraud {
        /// The header named.
        header: Digest,
    },
    /// The receipt names a header and says of it what its body cannot be.
    #[error("a receipt that contradicts header {header}")]
    Contradiction {
        /// The header.
        header: Digest,
    },
}

impl Mempool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what a client or another validator brings.
    ///
    /// # Errors
    ///
    /// [`PoolError`]; [`PoolError::NotBrought`] for what is made of receipts.
    pub fn insert(&mut self, state: &State, transaction: Transaction) -> Result<Inserted, PoolError> {
        match transaction {
            Transaction::Deposit(signed) => self.insert_deposit(state, signed),
            Transaction::Instruct(signed) => self.insert_instruction(state, *signed),
            Transaction::Governed(governed) => self.insert_governed(state, *governed),
            Transaction::Outbox(outbox) => self.insert_other(state, Other::Outbox(outbox)),
            Transaction::Verdict(verdict) => self.insert_other(state, Other::Verdict(verdict)),
            Transaction::Exit(exit) => self.insert_other(state, Other::Exit(exit)),
            Transaction::Fraud(proof) => self.insert_fraud(state, *proof),
            Transaction::Header(_) | Transaction::Body(_) => Err(PoolError::NotBrought),
        }
    }

    /// Takes a deposit.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_deposit(&mut self, state: &State, signed: SignedDeposit) -> Result<Inserted, PoolError> {
        let order = OwnerOrder::Deposit(signed);
        if self.deposits.check(state, &order)? == Inserted::Known {
            return Ok(Inserted::Known);
        }
        let signed_bytes = signed.deposit.signed_bytes(state.chain());
        self.signatures.check(&signed.deposit.owner, &signed_bytes, &signed.signature)?;
        self.deposits.insert(order);
        Ok(Inserted::New)
    }

    /// Takes an instruction of an owner.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_instruction(&mut self, state: &State, signed: SignedInstruction) -> Result<Inserted, PoolError> {
        let order = OwnerOrder::Instruction(Box::new(signed));
        if self.deposits.check(state, &order)? == Inserted::Known {
            return Ok(Inserted::Known);
        }
        let signed_bytes = signed.instruction.signed_bytes(state.chain());
        self.signatures.check(&signed.instruction.owner, &signed_bytes, &signed.signature)?;
        self.deposits.insert(order);
        Ok(Inserted::New)
    }

    /// Takes a list of messages, a verdict or an exit, for which the ledger has a place now.
    ///
    /// # Errors
    ///
    /// [`PoolError`]; a list or a verdict whose header is not ordered yet is to be sent again.
    pub fn insert_other(&mut self, state: &State, other: Other) -> Result<Inserted, PoolError> {
        let Some(claims) = self.others.check(state, &other)? else { return Ok(Inserted::Known) };
        for claim in claims {
            self.signatures.check(&claim.key, &claim.signed_bytes, &claim.signature)?;
        }
        self.others.insert(other);
        Ok(Inserted::New)
    }

    /// Takes a decision of the governors.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_governed(&mut self, state: &State, governed: GovernedTransaction) -> Result<Inserted, PoolError> {
        if self.decisions.check(state, &governed)? == Inserted::Known {
            return Ok(Inserted::Known);
        }
        let signed_bytes = governed.signed_bytes(state.chain());
        for Approval { governor, signature } in &governed.approvals {
            self.signatures.check(governor, &signed_bytes, signature)?;
        }
        self.decisions.insert(governed);
        Ok(Inserted::New)
    }

    /// Takes a header, and the receipts that came before it.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_header(&mut self, state: &State, signed: SignedHeader) -> Result<Inserted, PoolError> {
        let (id, inserted) = self.candidates.check(state, &signed)?;
        if inserted == Inserted::Known {
            return Ok(inserted);
        }
        let producer = Candidates::producer(state, &signed)?;
        self.signatures.check(&producer, &signed.header.signed_bytes(), &signed.signature)?;
        self.candidates.insert(signed, id);
        Ok(inserted)
    }

    /// Takes a receipt.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_receipt(&mut self, state: &State, signed: SignedReceipt) -> Result<Inserted, PoolError> {
        let known = match signed.word {
            Word::ShardChecked { .. } => self.candidates.check_receipt(state, &signed)?,
            Word::Rebuilt | Word::Unopenable { .. } => self.bodies.check(state, &signed)?,
        };
        if known == Inserted::Known {
            return Ok(Inserted::Known);
        }
        let signed_bytes = signed.statement.signed_bytes(signed.word);
        self.signatures.check(&signed.receipt.validator, &signed_bytes, &signed.receipt.signature)?;
        match signed.word {
            Word::ShardChecked { .. } => self.candidates.insert_receipt(signed),
            Word::Rebuilt | Word::Unopenable { .. } => self.bodies.insert(signed),
        }
        Ok(Inserted::New)
    }

    /// Takes a proof of fraud, nobody's word needed.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn insert_fraud(&mut self, state: &State, proof: FraudProof) -> Result<Inserted, PoolError> {
        self.bodies.insert_fraud(state, proof)
    }

    /// Forgets what the ledger is past. Call it with the state behind each finalized block.
    pub fn prune(&mut self, state: &State) {
        if planted!(PoolForgets) {
            self.candidates = Candidates::default();
        }
        self.deposits.prune(state);
        self.candidates.prune(state);
        self.bodies.prune(state);
        self.decisions.prune(state);
        self.others.prune(state);
    }

    /// Transactions for a block on top of `state` of at most `size_max` bytes: decisions, what is said of ordered bodies, headers with a
    /// quorum, both zone by zone in order of height, what belongs to ordered ones, then owners' orders as they came. Their block passes
    /// [`State::check`].
    #[must_use]
    pub fn propose(&self, state: &State, size_max: usize) -> Vec<Transaction> {
        let mut proposal = Proposal::new(state, size_max);
        self.decisions.propose(&mut proposal);
        self.bodies.propose(&mut proposal);
        self.candidates.propose(&mut proposal);
        self.others.propose(&mut proposal);
        self.deposits.propose(&mut proposal);
        proposal.transactions
    }

    /// Whether [`Mempool::propose`] would return anything.
    #[must_use]
    pub fn has_proposal(&self, state: &State) -> bool {
        !self.propose(state, usize::MAX).is_empty()
    }

    /// The headers of a zone that wait, ascending by height.
    pub fn headers(&self, zone: ZoneId) -> impl Iterator<Item = &Candidate> {
        self.candidates.of(zone)
    }

    /// Pairs of headers that a producer signed for one height.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation<'_>> {
        self.candidates.equivocations()
    }

    /// Deposits that wait.
    #[must_use]
    pub fn deposit_count(&self) -> usize {
        self.deposits.count()
    }

    /// Receipts that wait for their header.
    #[must_use]
    pub fn orphan_count(&self) -> usize {
        self.candidates.orphan_count()
    }

    /// Signatures verified so far, good or bad: what floods cost.
    #[must_use]
    pub const fn signatures_verified_count(&self) -> u64 {
        self.signatures.verified_count()
    }

    /// A verifier that knows the signatures of what came into the pool, for [`State::check`]: a block of known content costs no
    /// verification at all.
    pub const fn verifier(&mut self) -> &mut Remembering {
        &mut self.signatures
    }
}

/// Executes a transaction on a scratch copy, which shares all that it does not change; says who must have signed it.
fn claims(state: &State, transaction: &Transaction) -> Result<Vec<Claim>, PoolError> {
    let mut effects = Effects::default();
    let place = Place { index: 0, at: state.height().next() };
    state.clone().execute(transaction, place, &mut effects)?;
    Ok(effects.claims)
}

/// A block in the making: what a scratch state has executed.
struct Proposal {
    state: State,
    at: Height,
    effects: Effects,
    transactions: Vec<Transaction>,
    size_left: usize,
    count_max: usize,
}

impl Proposal {
    fn new(state: &State, size_max: usize) -> Self {
        let limits = state.rules().limits();
        Self {
            state: state.clone(),
            at: state.height().next(),
            effects: Effects::default(),
            transactions: Vec::new(),
            size_left: size_max.min(limits.block_size_max as usize).saturating_sub(Block::HEAD_SIZE),
            count_max: limits.block_transactions_max as usize,
        }
    }

    const fn state(&self) -> &State {
        &self.state
    }

    /// Whether the transaction fits and executes; then it is in.
    fn take(&mut self, transaction: Transaction) -> bool {
        let (index, size) = (self.transactions.len(), transaction.to_bytes().len());
        let place = Place { index, at: self.at };
        if index >= self.count_max || size > self.size_left {
            return false;
        }
        if self.state.execute(&transaction, place, &mut self.effects).is_err() {
            return false;
        }
        self.size_left -= size;
        self.transactions.push(transaction);
        true
    }
}
