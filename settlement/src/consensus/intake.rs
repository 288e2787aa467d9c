//! What a validator does with what clients bring: zone blocks and deposits.
//!
//! A zone block costs, in this order: the producer's signature, the body's size, its hash, a walk over its commands, its re-encoding
//! to the shard root. Then the validator says so with its receipt, to the client and to all validators.

use super::chain::Chain;
use super::gossip::{Gossip, GossipSender};
use super::limits::BODIES_SIZE_MAX;
use crate::block::{SignedDeposit, header_id};
use crate::body::{BodyError, check_body};
use crate::keys::SecretKey;
use crate::mempool::PoolError;
use crate::receipt::SignedReceipt;
use bytes::Bytes;
use commonware_utils::sync::Mutex;
use plinth_types::block::SignedHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::collections::VecDeque;
use std::sync::Arc;

/// Takes in what clients bring. Clones share it.
#[derive(Clone, Debug)]
pub struct Intake(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    chain: Chain,
    key: SecretKey,
    gossip: GossipSender,
    bodies: Mutex<Bodies>,
}

/// What becomes of a zone block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// This validator has the body and says so.
    Receipt(SignedReceipt),
    /// A block of that height is ordered already.
    Ordered,
    /// The block before, or a message that it consumes, has not reached this validator yet; to be sent again.
    NotYet,
    /// It is wrong, and will be.
    Refused(String),
}

/// What becomes of a deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositAnswer {
    /// It waits to be ordered.
    Accepted,
    /// A deposit of that number is ordered already.
    Ordered,
    /// It cannot be taken now; the text says why.
    Refused(String),
}

impl Intake {
    /// For a validator's ledger and key.
    #[must_use]
    pub fn new(chain: Chain, key: SecretKey, gossip: GossipSender) -> Self {
        Self(Arc::new(Desk { chain, key, gossip, bodies: Mutex::default() }))
    }

    /// Checks a zone block, keeps its body, and signs a receipt. Costs O(body); `now` is this host's clock.
    #[must_use]
    pub fn submit(&self, signed: &SignedHeader, body: Bytes, now: TimestampNs) -> SubmitAnswer {
        let Desk { chain, key, gossip, .. } = &*self.0;
        let header = &signed.header;
        match chain.insert_header(signed, now) {
            Ok(_) => {}
            Err(PoolError::Behind { .. }) => return SubmitAnswer::Ordered,
            Err(PoolError::Ahead { .. }) => return SubmitAnswer::NotYet,
            Err(error) => return SubmitAnswer::Refused(error.to_string()),
        }
        let id = header_id(header);
        if let Some(receipt) = chain.receipt_of(&key.public_key(), header, id) {
            gossip.tell(&Gossip::Header(Box::new(signed.clone()), receipt));
            return SubmitAnswer::Receipt(receipt);
        }
        let parent_height = Height::new(header.height.get().saturating_sub(1));
        let Some(before) = chain.before(header.zone, parent_height, header.parent) else { return SubmitAnswer::NotYet };
        let state = chain.finalized();
        let Some(zone) = state.zone(header.zone) else { return SubmitAnswer::NotYet };
        if planted!(ReceiptBeforeCheck) {
            let receipt = crate::receipt::BodyStatement::of(header, id).sign(key);
            let _inserted = chain.insert_receipt(receipt);
            gossip.tell(&Gossip::Header(Box::new(signed.clone()), receipt));
            return SubmitAnswer::Receipt(receipt);
        }
        let checked = match check_body(header, &body, before, zone.inbox(), state.committee().count()) {
            Ok(checked) => checked,
            Err(BodyError::InboxUnknown { .. }) => return SubmitAnswer::NotYet,
            Err(error) => return SubmitAnswer::Refused(error.to_string()),
        };
        self.0.bodies.lock().keep(id, body);
        let receipt = checked.sign(key);
        match chain.insert_receipt(receipt) {
            Ok(_) => {}
            // Ordered while it was checked: others had it sooner.
            Err(PoolError::Behind { .. }) => return SubmitAnswer::Ordered,
            Err(error) => return SubmitAnswer::Refused(error.to_string()),
        }
        gossip.tell(&Gossip::Header(Box::new(signed.clone()), receipt));
        SubmitAnswer::Receipt(receipt)
    }

    /// Takes a deposit and tells the others.
    #[must_use]
    pub fn deposit(&self, deposit: SignedDeposit) -> DepositAnswer {
        match self.0.chain.insert_deposit(deposit) {
            Ok(_) => {
                self.0.gossip.tell(&Gossip::Deposit(deposit));
                DepositAnswer::Accepted
            }
            Err(PoolError::Behind { .. }) => DepositAnswer::Ordered,
            Err(error) => DepositAnswer::Refused(error.to_string()),
        }
    }

    /// The body of a header, while it is kept.
    #[must_use]
    pub fn body(&self, header: Digest) -> Option<Bytes> {
        self.0.bodies.lock().get(header)
    }
}

/// The last bodies, by their headers' ids.
#[derive(Debug, Default)]
struct Bodies {
    kept: VecDeque<(Digest, Bytes)>,
    size: usize,
}

impl Bodies {
    fn keep(&mut self, header: Digest, body: Bytes) {
        self.size += body.len();
        self.kept.push_back((header, body));
        while self.size > BODIES_SIZE_MAX {
            let (_, oldest) = self.kept.pop_front().expect("what is counted is kept");
            self.size -= oldest.len();
        }
    }

    fn get(&self, header: Digest) -> Option<Bytes> {
        self.kept.iter().rev().find(|(kept, _)| *kept == header).map(|(_, body)| body.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_bodies_is_bounded_in_bytes() {
        let mut bodies = Bodies::default();
        for number in 0..40_u8 {
            bodies.keep(Digest([number; 32]), Bytes::from(vec![number; 1 << 20]));
        }
        assert_eq!(bodies.kept.len(), 16);
        assert_eq!(bodies.get(Digest([23; 32])), None);
        assert_eq!(bodies.get(Digest([24; 32])).map(|body| body[0]), Some(24));
    }
}
