//! Brings proofs of ordered zone blocks to the validators, and makes a verdict of their words.
//!
//! ```text
//! carrier ── block of the ledger ──► validator: the settlement block that ordered it   the header, as it was signed
//!         ── header, proof ──► every validator of the committee ──► 2f+1 words ──► verdict
//! ```
//!
//! * The header comes from a validator and is believed by its id, which the ledger has; a word is believed by its signature.
//! * Words that are there are kept while others are asked again, so a validator that is away for a while costs one question more.
//! * A validator looks at one proof of a client at a time, and lets a client wait whose proof it refused. So one block is carried at a time, and what
//!   is refused is to be brought again after a pause.

use super::courier::Destination;
use super::limits::{ANSWER_TIMEOUT, PROOF_ANSWER_TIMEOUT};
use super::recover::zone_headers;
use crate::consensus::ProofAnswer;
use crate::keys::{self, KeyError, SecretKey};
use crate::ledger::{State, ZoneBlock};
use crate::receipt::Receipt;
use crate::transport::{ClientConnection, ClientEndpoint, Identity, Peer, TransportError};
use crate::verdict::{Verdict, VerdictTransaction};
use crate::wire::{FollowAnswer, Request, ask};
use bytes::Bytes;
use futures::future::join_all;
use plinth_types::block::ZoneHeader;
use plinth_types::id::PublicKey;
use std::collections::BTreeMap;
use thiserror::Error;

/// Carries proofs of one client. Its calls block the thread.
#[derive(Debug)]
pub struct ProofCarrier {
    runtime: tokio::runtime::Runtime,
    endpoint: ClientEndpoint,
    destinations: Vec<Destination>,
    connections: BTreeMap<PublicKey, ClientConnection>,
    /// The block at hand: its header, and what was said of which proof.
    at_hand: Option<AtHand>,
}

#[derive(Debug)]
struct AtHand {
    header: ZoneHeader,
    verdict: Verdict,
    words: BTreeMap<PublicKey, Receipt>,
}

/// Why no proof can be carried.
#[derive(Debug, Error)]
pub enum CarrierError {
    /// The runtime cannot be had.
    #[error("no runtime: {0}")]
    Runtime(std::io::Error),
    /// There is nobody to carry proofs to.
    #[error("no validators")]
    NoValidators,
    /// A validator's key is none.
    #[error("key {key}: {error}")]
    Key {
        /// Which.
        key: PublicKey,
        /// What is wrong.
        error: KeyError,
    },
    /// No socket could be had.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// How far a proof has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// 2f+1 validators have verified it: this settles the block.
    Verdict(Box<VerdictTransaction>),
    /// The block is settled, or a verdict on it stands in a block.
    Done,
    /// Too few words yet; to be carried again.
    Waiting {
        /// Words that are there.
        words: usize,
        /// What a validator said that refuses it, the last one of them.
        refused: Option<String>,
    },
}

impl ProofCarrier {
    /// With a key that validators let in.
    ///
    /// # Errors
    ///
    /// [`CarrierError`].
    pub fn new(client: &SecretKey, validators: &[Peer]) -> Result<Self, CarrierError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CarrierError::Runtime)?;
        let first = validators.first().ok_or(CarrierError::NoValidators)?;
        let destination = |peer: &Peer| {
            let consensus_key = keys::to_consensus(&peer.key).map_err(|error| CarrierError::Key { key: peer.key, error })?;
            Ok(Destination { key: peer.key, consensus_key, address: peer.address })
        };
        let destinations = validators.iter().map(destination).collect::<Result<_, CarrierError>>()?;
        let endpoint = runtime.block_on(async { ClientEndpoint::new(Identity::new(client.to_consensus()), first.address) })?;
        Ok(Self { runtime, endpoint, destinations, connections: BTreeMap::new(), at_hand: None })
    }

    /// Asks every validator once whose word is missing. `block` is an unsettled block of `ledger`.
    pub fn carry(&mut self, ledger: &State, block: &ZoneBlock, proof: &Bytes) -> Carried {
        let Self { runtime, endpoint, destinations, connections, at_hand } = self;
        runtime.block_on(async {
            connect(endpoint, destinations, connections).await;
            // Words are on one proof: another one of the same block begins anew.
            let is_same = |kept: &AtHand| kept.verdict.header == block.id && kept.verdict == Verdict::proven(&kept.header, proof);
            let kept = at_hand.take().filter(is_same);
            let mut at_hand_now = match kept {
                Some(kept) => kept,
                None => match fetch_header(connections, block).await {
                    Some(header) => AtHand { verdict: Verdict::proven(&header, proof), header, words: BTreeMap::new() },
                    None => return Carried::Waiting { words: 0, refused: None },
                },
            };
            let carried = at_hand_now.ask_all(ledger, connections, proof).await;
            *at_hand = Some(at_hand_now);
            carried
        })
    }
}

impl ProofCarrier {
    /// Asks validators for the header of an ordered block. It is believed by its id.
    pub fn header(&mut self, block: &ZoneBlock) -> Option<ZoneHeader> {
        let Self { runtime, endpoint, destinations, connections, .. } = self;
        runtime.block_on(async {
            connect(endpoint, destinations, connections).await;
            fetch_header(connections, block).await
        })
    }
}

impl AtHand {
    async fn ask_all(&mut self, ledger: &State, connections: &mut BTreeMap<PublicKey, ClientConnection>, proof: &Bytes) -> Carried {
        let committee = ledger.committee();
        let request = Request::Prove(Box::new(self.header.clone()), proof.clone());
        let missing = connections.iter().filter(|(key, _)| committee.contains(key) && !self.words.contains_key(*key));
        let asked = missing.map(|(key, connection)| {
            let request = &request;
            async move { (*key, ask::<ProofAnswer>(connection, request, PROOF_ANSWER_TIMEOUT).await) }
        });
        let answers = join_all(asked).await;
        let mut refused = None;
        for (key, answer) in answers {
            match answer {
                Ok(ProofAnswer::Verified(word)) if word.validator == key && self.is_signed(&word) => {
                    self.words.insert(key, word);
                }
                Ok(ProofAnswer::Verified(_)) => refused = Some(format!("validator {key}: its word is not signed by it")),
                Ok(ProofAnswer::Done) => return Carried::Done,
                Ok(ProofAnswer::NotYet) => {}
                Ok(ProofAnswer::Refused(reason)) => refused = Some(format!("validator {key}: {reason}")),
                // It may be gone; the next call dials again.
                Err(_) => drop(connections.remove(&key)),
            }
        }
        let words: Vec<Receipt> = self.words.values().filter(|word| committee.contains(&word.validator)).copied().collect();
        if words.len() < usize::from(committee.count().receipts_min()) {
            return Carried::Waiting { words: words.len(), refused };
        }
        Carried::Verdict(Box::new(VerdictTransaction { verdict: self.verdict, signatures: words }))
    }

    fn is_signed(&self, word: &Receipt) -> bool {
        keys::verify(&word.validator, &self.verdict.signed_bytes(), &word.signature).is_ok()
    }
}

async fn connect(endpoint: &ClientEndpoint, destinations: &[Destination], connections: &mut BTreeMap<PublicKey, ClientConnection>) {
    connections.retain(|_, connection| connection.close_reason().is_none());
    let absent = destinations.iter().filter(|destination| !connections.contains_key(&destination.key));
    let dialled = absent.map(|destination| async move {
        (destination.key, endpoint.connect(&destination.consensus_key, destination.address).await)
    });
    for (key, connection) in join_all(dialled).await {
        // Whoever is not there now is dialled again with the next call.
        connections.extend(connection.ok().map(|connection| (key, connection)));
    }
}

/// The header of an ordered block, from the settlement block that ordered it.
async fn fetch_header(connections: &BTreeMap<PublicKey, ClientConnection>, block: &ZoneBlock) -> Option<ZoneHeader> {
    for connection in connections.values() {
        let Ok(answer) = ask::<FollowAnswer>(connection, &Request::Follow(block.ordered_at), ANSWER_TIMEOUT).await else {
            continue;
        };
        let found = zone_headers(&answer.block, block.zone).into_iter().find(|(id, _)| *id == block.id);
        if let Some((_, signed)) = found {
            return Some(signed.header);
        }
    }
    None
}
