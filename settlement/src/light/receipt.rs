//! A fact as it was, for whoever looks at it later: all that shows it, from what is trusted at first, without asking anybody.
//!
//! ```text
//! version u8 │ start │ steps u32: succession … │ key size u32 │ key │ certified heads │ proof
//! ```
//!
//! Validators prove the state of the last blocks only; a receipt stands as long as its signatures do. It says that the fact was so behind
//! the block that it names, not that it still is. From a genesis it grows by a step an epoch; from a group's key it does not grow.

use super::{Asking, FollowError, LightClient, LightError, Root, Seen, Start, StartError, Succession, Trusted, follow};
use crate::genesis::{encode_list, read_list};
use crate::ledger::facts::FactKey;
use crate::limits::RECEIPT_STEPS_MAX;
use crate::store::limits::FACT_KEY_SIZE_MAX;
use crate::store::{FactProof, Proven};
use crate::wire::{CertifiedHeads, encode_blob, read_blob};
use plinth_types::codec::{Codec, DecodeError, Reader};
use thiserror::Error;

/// A fact or its absence, its proof, and the way to who certified it.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// From the root to a committee.
    pub start: Start,
    /// From there to the committee that certified the state.
    pub steps: Vec<Succession>,
    /// Which fact.
    pub key: FactKey,
    /// Of the state.
    pub certified: CertifiedHeads,
    /// Against the state's root.
    pub proof: FactProof,
}

/// Why there is no receipt, or why it shows nothing.
#[derive(Debug, Error)]
pub enum ReceiptError {
    /// It begins elsewhere, or nowhere.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A validator does not lead on to its epoch.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A step, the certificate or the proof does not hold.
    #[error(transparent)]
    Light(#[from] LightError),
    /// The way from the root is longer than any receipt's.
    #[error("more than {RECEIPT_STEPS_MAX} epochs from the root; begin at a later root")]
    Steps,
}

impl Receipt {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Asks a validator for all that leads to an answer of its own, and checks that it shows what it should.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`].
    pub async fn gather(
        root: &Root,
        asking: &Asking,
        key: FactKey,
        (certified, proof): (CertifiedHeads, FactProof),
    ) -> Result<Self, ReceiptError> {
        let start = Start::fetch(root, asking).await?;
        let mut client = start.client(root)?;
        let mut steps: Vec<Succession> = Vec::new();
        loop {
            let next = follow(&mut client, asking, certified.epoch()).await?;
            if next.is_empty() {
                break;
            }
            steps.extend(next);
            if steps.len() > RECEIPT_STEPS_MAX {
                return Err(ReceiptError::Steps);
            }
        }
        let receipt = Self { start, steps, key, certified, proof };
        receipt.verify(root)?;
        Ok(receipt)
    }

    /// What it shows, and behind which block.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`].
    pub fn verify(&self, root: &Root) -> Result<(Seen, Proven), ReceiptError> {
        let begun = self.start.client(root)?;
        // What the client has seen on its way may be newer than the receipt.
        let mut client = LightClient::new(Trusted { newest: None, ..begun.trusted().clone() });
        for step in &self.steps {
            client.take(step)?;
        }
        Ok(client.fact(&self.key.to_bytes(), &self.certified, self.proof.clone())?)
    }
}

impl Codec for Receipt {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.start.encode(out);
        encode_list(&self.steps, out);
        encode_blob(&self.key.to_bytes(), out);
        self.certified.encode(out);
        self.proof.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("receipt version"));
        }
        let (start, steps) = (Codec::read(reader)?, read_list(reader, "steps", RECEIPT_STEPS_MAX)?);
        let key = FactKey::decode(read_blob(reader, "bytes of a fact's key", FACT_KEY_SIZE_MAX)?)?;
        Ok(Self { start, steps, key, certified: Codec::read(reader)?, proof: Codec::read(reader)? })
    }
}
