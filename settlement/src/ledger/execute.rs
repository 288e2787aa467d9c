//! What one transaction does. Decides first, changes then; lists what must have been signed and verifies nothing.

use super::error::TransactionError;
use super::signatures::{Claim, Signer};
use super::state::State;
use super::zone::{Freeze, ZoneBlock};
use crate::block::Transaction;
use crate::receipt::Receipt;
use plinth_types::block::ZoneHeader;
use plinth_types::id::{Height, PublicKey, Signature, ZoneId};
use plinth_types::message::InboxMessage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the transactions of a block did so far, and what must have been signed for it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) claims: Vec<Claim>,
    pub(crate) ordered: Vec<ZoneBlock>,
    /// Of those, in their order.
    pub(crate) headers: Vec<ZoneHeader>,
    pub(crate) available: Vec<ZoneBlock>,
    pub(crate) settled: Vec<ZoneBlock>,
    pub(crate) rejected: Vec<ZoneBlock>,
    pub(crate) inbox: Vec<InboxMessage>,
    pub(crate) frozen: Vec<Freeze>,
    /// Requests taken, by zone.
    pub(crate) requests: BTreeMap<ZoneId, u32>,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its place in the block, from 0.
    pub(crate) index: usize,
    /// The block's height.
    pub(crate) at: Height,
}

impl State {
    /// Executes one transaction of the next block.
    pub(crate) fn execute(
        &mut self,
        transaction: &Transaction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        match transaction {
            Transaction::Deposit(signed) => self.execute_deposit(signed, place, effects),
            Transaction::Header(ordered) => self.execute_header(ordered, place, effects),
            Transaction::Governed(governed) => self.execute_governed(governed, place, effects),
            Transaction::Instruct(signed) => self.execute_instruction(signed, place, effects),
            Transaction::Outbox(outbox) => self.execute_outbox(outbox),
            Transaction::Verdict(verdict) => self.execute_verdict(verdict, place, effects),
            Transaction::Exit(exit) => self.execute_exit(exit),
            Transaction::Body(body) => self.execute_body(body, place, effects),
            Transaction::Fraud(proof) => self.execute_fraud(proof, place, effects),
        }
    }
}

impl Effects {
    pub(crate) fn claim(&mut self, place: Place, signer: Signer, key: PublicKey, signed_bytes: Vec<u8>, signature: Signature) {
        self.claims.push(Claim { index: place.index, signer, key, signed_bytes: signed_bytes.into(), signature });
    }

    /// One statement, signed by several.
    pub(crate) fn claim_all(&mut self, place: Place, signer: Signer, signed_bytes: Vec<u8>, receipts: &[Receipt]) {
        let signed_bytes: Arc<[u8]> = signed_bytes.into();
        self.claims.extend(receipts.iter().map(|receipt| Claim {
            index: place.index,
            signer,
            key: receipt.validator,
            signed_bytes: signed_bytes.clone(),
            signature: receipt.signature,
        }));
    }
}
