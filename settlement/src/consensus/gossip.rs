//! What validators tell each other outside simplex: headers with the teller's receipt, what became of bodies, and what clients bring.
//!
//! Each validator tells what it took in itself, to all, and passes nothing on. What is lost on the way is told again when the
//! zone's link, or the depositor, sends it again.

use super::chain::Chain;
use super::{Runtime, timestamp};
use crate::block::Transaction;
use crate::mempool::PoolError;
use crate::receipt::SignedReceipt;
use commonware_cryptography::ed25519;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use commonware_runtime::{Handle, IoBuf};
use commonware_utils::sync::Mutex;
use plinth_types::block::SignedHeader;
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError};
use std::sync::Arc;
use tracing::{debug, warn};

/// One thing told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gossip {
    /// A header of whose body the teller keeps its shard, and its receipt.
    Header(Box<SignedHeader>, SignedReceipt),
    /// What a client brought. Never a proof of fraud, which has a channel of its own.
    Transaction(Box<Transaction>),
    /// What the teller says of an ordered body.
    Receipt(SignedReceipt),
}

impl Gossip {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

choice!(Gossip, "gossip tag" { 1 => Header(header, receipt), 2 => Transaction(transaction), 3 => Receipt(receipt) }, version "gossip version");

/// Tells all other validators. Clones share the channel.
#[derive(Clone)]
pub struct GossipSender(Arc<dyn Fn(Vec<u8>) + Send + Sync>);

impl std::fmt::Debug for GossipSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GossipSender")
    }
}

impl GossipSender {
    /// Over a p2p channel.
    #[must_use]
    pub fn new<S: Sender<PublicKey = ed25519::PublicKey>>(sender: S) -> Self {
        let sender = Mutex::new(sender);
        Self(Arc::new(move |bytes| {
            let told = sender.lock().send(Recipients::All, IoBuf::from(bytes), false);
            debug!(validators = told.len(), "told");
        }))
    }

    /// Tells, as far as lanes have room.
    pub fn tell(&self, gossip: &Gossip) {
        (self.0)(gossip.to_bytes());
    }
}

/// Takes in what others tell, until the channel ends. Who tells what no honest validator says is blocked.
pub(super) fn listen<E, R, B>(context: E, chain: Chain, mut receiver: R, mut blocker: B) -> Handle<()>
where
    E: Runtime,
    R: Receiver<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey>,
{
    context.spawn(move |context| async move {
        while let Ok((peer, message)) = receiver.recv().await {
            let bytes: Vec<u8> = message.into();
            let heard = Gossip::decode(&bytes).map_err(Refusal::Malformed);
            let heard = heard.and_then(|gossip| take(&chain, gossip, &context).map_err(Refusal::Pool));
            match heard {
                Ok(()) => {}
                Err(refusal) if refusal.is_a_lie() => {
                    warn!(%peer, %refusal, "blocking a validator");
                    let _feedback = blocker.block(peer);
                }
                Err(refusal) => debug!(%peer, %refusal, "not taken"),
            }
        }
    })
}

fn take<E: Runtime>(chain: &Chain, gossip: Gossip, runtime: &E) -> Result<(), PoolError> {
    match gossip {
        Gossip::Header(header, receipt) => {
            chain.insert_header(&header, timestamp(runtime.current()))?;
            chain.insert_receipt(receipt)?;
        }
        Gossip::Transaction(transaction) => {
            if matches!(*transaction, Transaction::Fraud(_)) {
                return Err(PoolError::NotBrought);
            }
            chain.insert_transaction(*transaction)?;
        }
        Gossip::Receipt(receipt) => {
            chain.insert_receipt(receipt)?;
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Malformed(DecodeError),
    #[error("{0}")]
    Pool(PoolError),
}

impl Refusal {
    /// Whether no honest validator would have told it, whatever its own ledger says at the moment.
    const fn is_a_lie(&self) -> bool {
        match self {
            Self::Malformed(_) => true,
            Self::Pool(PoolError::Signature(_) | PoolError::Contradiction { .. } | PoolError::NotBrought) => true,
            // Around an epoch's end the teller may know of another committee than this validator does.
            Self::Pool(
                PoolError::NotAValidator { .. }
                | PoolError::OtherPlace { .. }
                | PoolError::Refused(_)
                | PoolError::Behind { .. }
                | PoolError::Ahead { .. }
                | PoolError::NonceTaken { .. }
                | PoolError::UnknownOwner { .. }
                | PoolError::NoFraud { .. }
                | PoolError::Full { .. }
                | PoolError::TooManyHeaders { .. },
            ) => false,
        }
    }
}
