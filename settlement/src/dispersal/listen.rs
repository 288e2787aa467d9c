//! The channel between validators: serves shards, takes answers and proofs of fraud.

use super::message::Message;
use super::rebuild::Task;
use super::store::ShardStore;
use crate::consensus::{Chain, Runtime};
use crate::mempool::PoolError;
use bytes::Bytes;
use commonware_cryptography::ed25519;
use commonware_p2p::{Recipients, Sender};
use commonware_runtime::{Handle, IoBuf};
use tokio::sync::mpsc;
use tracing::{debug, warn};

/// Serves and sorts what other validators send, until the channel ends. What no honest validator sends gets it blocked.
pub(crate) fn listen<E, S, R, B>(
    context: E,
    (chain, store): (Chain, ShardStore),
    (mut sender, mut receiver): (S, R),
    mut blocker: B,
    tasks: mpsc::Sender<Task>,
) -> Handle<()>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: commonware_p2p::Receiver<PublicKey = ed25519::PublicKey>,
    B: commonware_p2p::Blocker<PublicKey = ed25519::PublicKey>,
{
    context.spawn(move |_| async move {
        while let Ok((from, message)) = receiver.recv().await {
            let bytes = Bytes::from(Vec::<u8>::from(message));
            match Message::from_bytes(&bytes) {
                Ok(Message::Request(header)) => {
                    let answer = Message::Answer(header, store.get(header).await).to_bytes();
                    let _told = sender.send(Recipients::One(from), IoBuf::from(answer), false);
                }
                Ok(Message::Answer(header, frame)) => {
                    if tasks.send(Task::Shard { from, header, frame }).await.is_err() {
                        return;
                    }
                }
                Ok(Message::Fraud(proof)) => {
                    let inserted = chain.insert_fraud(*proof);
                    if let Err(error) = inserted {
                        debug!(peer = %from, %error, "proof of fraud not taken");
                        if matches!(error, PoolError::NoFraud { .. }) {
                            warn!(peer = %from, %error, "blocking a validator");
                            let _feedback = blocker.block(from);
                        }
                    }
                }
                Err(error) => {
                    warn!(peer = %from, %error, "blocking a validator");
                    let _feedback = blocker.block(from);
                }
            }
        }
    })
}
