//! What a settlement block does: take deposits and instructions, order headers, say what became of their bodies, take their outboxes, carry
//! out decisions and verdicts.

use super::governed::GovernedTransaction;
use super::instruct::{ExitTransaction, OutboxTransaction, SignedInstruction};
use crate::digest::sha256;
use crate::dispersal::FraudProof;
use crate::keys::{self, SecretKey, SignatureError};
use crate::receipt::{BodyStatement, Receipt, Word, encode_receipts, read_receipts};
use crate::verdict::VerdictTransaction;
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Signature};
use plinth_types::message::Deposit;
use plinth_types::record;

/// One change of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// An owner moves an asset from the base layer into a zone.
    Deposit(SignedDeposit),
    /// A zone block is ordered, shards of its body being in the hands of 2f+1 validators.
    Header(Box<HeaderTransaction>),
    /// k of n genesis keys decide.
    Governed(Box<GovernedTransaction>),
    /// An owner acts on the base layer.
    Instruct(Box<SignedInstruction>),
    /// The messages of an ordered zone block.
    Outbox(Box<OutboxTransaction>),
    /// Auditors or validators say whether a zone block is right.
    Verdict(Box<VerdictTransaction>),
    /// An owner is paid out of a frozen zone.
    Exit(Box<ExitTransaction>),
    /// What f+1 validators say of the body of an ordered zone block.
    Body(Box<BodyTransaction>),
    /// Proof that the body of an ordered zone block cannot be rebuilt, and never could.
    Fraud(Box<FraudProof>),
}

/// A deposit with its owner's signature over [`Deposit::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedDeposit {
    /// What was signed.
    pub deposit: Deposit,
    /// By its owner.
    pub signature: Signature,
}

/// A signed header with the receipts of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTransaction {
    /// The producer's word.
    pub signed: SignedHeader,
    /// The validators' words, ascending by validator.
    pub receipts: Vec<Receipt>,
}

/// What f+1 validators say of the body of an ordered zone block: that they rebuilt it, or that it does not open to its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyTransaction {
    /// Of which body.
    pub statement: BodyStatement,
    /// What they say.
    pub word: Word,
    /// Their signatures, ascending by validator.
    pub receipts: Vec<Receipt>,
}

impl Transaction {
    /// SHA-256 of its bytes: what a link and its node call it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.to_bytes()])
    }
}

impl SignedDeposit {
    /// Signs a deposit of the key's own assets.
    #[must_use]
    pub fn sign(deposit: Deposit, chain: ChainId, key: &SecretKey) -> Self {
        Self { deposit, signature: key.sign(&deposit.signed_bytes(chain)) }
    }

    /// The id that the deposit has everywhere: SHA-256 of what the owner signed.
    #[must_use]
    pub fn id(&self, chain: ChainId) -> Digest {
        sha256(&[&self.deposit.signed_bytes(chain)])
    }

    /// Checks the owner's signature.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self, chain: ChainId) -> Result<(), SignatureError> {
        keys::verify(&self.deposit.owner, &self.deposit.signed_bytes(chain), &self.signature)
    }
}

impl HeaderTransaction {
    /// What the receipts say.
    #[must_use]
    pub fn statement(&self) -> BodyStatement {
        BodyStatement::of(&self.signed.header, header_id(&self.signed.header))
    }
}

/// A zone block's id: SHA-256 of what its producer signed.
#[must_use]
pub fn header_id(header: &ZoneHeader) -> Digest {
    sha256(&[&header.signed_bytes()])
}

choice!(Transaction, "transaction tag" {
    1 => Deposit(signed),
    2 => Header(ordered),
    3 => Governed(governed),
    4 => Instruct(signed),
    5 => Outbox(outbox),
    6 => Verdict(verdict),
    7 => Exit(exit),
    8 => Body(body),
    9 => Fraud(proof),
});

impl Codec for HeaderTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.signed.encode(out);
        encode_receipts(&self.receipts, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { signed: Codec::read(reader)?, receipts: read_receipts(reader)? })
    }
}

impl Codec for BodyTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.statement.encode(out);
        self.word.encode(out);
        encode_receipts(&self.receipts, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { statement: Codec::read(reader)?, word: Codec::read(reader)?, receipts: read_receipts(reader)? })
    }
}

record!(SignedDeposit { deposit, signature });
