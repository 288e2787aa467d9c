//! Brings the window to one validator, in order of height, again and again until it is ordered.

use super::limits::{ANSWER_TIMEOUT, NOT_YET_DELAY, REDIAL_DELAY_MAX, REDIAL_DELAY_MIN, RESEND_INTERVAL, RESEND_INTERVAL_MAX};
use super::run::Shared;
use super::window::Sealed;
use crate::block::Transaction;
use crate::consensus::{SubmitAnswer, TransactionAnswer};
use crate::transport::{ClientConnection, ClientEndpoint};
use crate::wire::{AskError, Request, ask};
use commonware_cryptography::ed25519;
use plinth_types::digest::Digest;
use plinth_types::id::PublicKey;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};

/// One validator as the link knows it.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) key: PublicKey,
    pub(super) consensus_key: ed25519::PublicKey,
    pub(super) address: SocketAddr,
}

/// Keeps a connection and the validator's copy of the window up to date, for as long as the link lives.
pub(super) async fn run(
    shared: Rc<Shared>,
    endpoint: Rc<ClientEndpoint>,
    destination: Destination,
    connection: watch::Sender<Option<ClientConnection>>,
) {
    let mut delay = REDIAL_DELAY_MIN;
    loop {
        match endpoint.connect(&destination.consensus_key, destination.address).await {
            Ok(connected) => {
                delay = REDIAL_DELAY_MIN;
                connection.send_replace(Some(connected.clone()));
                let ended = tokio::select! {
                    reason = connected.closed() => AskError::Connection(reason),
                    error = deliver(&shared, &connected, &destination) => error,
                };
                debug!(validator = %destination.key, error = %ended, "connection given up");
                connected.close();
                connection.send_replace(None);
            }
            Err(error) => {
                debug!(validator = %destination.key, %error, "not connected");
                delay = (delay * 2).min(REDIAL_DELAY_MAX);
            }
        }
        sleep(delay).await;
    }
}

/// Brings what is new, and what was brought long ago; ends with the connection.
async fn deliver(shared: &Shared, connection: &ClientConnection, destination: &Destination) -> AskError {
    let mut due: BTreeMap<Digest, Due> = BTreeMap::new();
    let mut place = shared.place_of(&destination.key);
    let mut changed = shared.changed.subscribe();
    loop {
        changed.mark_unchanged();
        let now = Instant::now();
        let place_now = shared.place_of(&destination.key);
        if std::mem::replace(&mut place, place_now) != place_now {
            // What it was brought as its shard is another's now.
            due.clear();
        }
        due.retain(|id, _| shared.waits(id));
        let wake = match shared.next_due(&due, now) {
            Some(Parcel::Block(sealed)) => match submit(shared, connection, destination, &sealed).await {
                Ok(delivered) => {
                    Due::plan(&mut due, sealed.id, delivered);
                    continue;
                }
                Err(error) => return error,
            },
            Some(Parcel::Transaction(id, transaction)) => match bring(shared, connection, destination, id, transaction).await {
                Ok(delivered) => {
                    Due::plan(&mut due, id, delivered);
                    continue;
                }
                Err(error) => return error,
            },
            None => due.values().map(|due| due.at).min(),
        };
        let wake = wake.unwrap_or(now + RESEND_INTERVAL);
        tokio::select! {
            _ = changed.changed() => {}
            () = sleep_until(wake) => {}
        }
    }
}

/// The next thing to bring.
pub(super) enum Parcel {
    Block(Box<Sealed>),
    Transaction(Digest, Box<Transaction>),
}

/// When something is brought to a validator again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    pause: Duration,
}

impl Due {
    /// What was delivered waits twice as long each time: the validator has it, and only its word to the others may be lost.
    fn plan(due: &mut BTreeMap<Digest, Self>, id: Digest, delivered: bool) {
        let before = due.get(&id).map(|due| due.pause);
        let pause = match before {
            _ if !delivered => NOT_YET_DELAY,
            Some(pause) => (pause * 2).clamp(RESEND_INTERVAL, RESEND_INTERVAL_MAX),
            None => RESEND_INTERVAL,
        };
        due.insert(id, Self { at: Instant::now() + pause, pause });
    }
}

/// Says whether it was delivered; if not, the validator lacks what comes before, or judges by a ledger that is behind the link's.
async fn submit(
    shared: &Shared,
    connection: &ClientConnection,
    destination: &Destination,
    sealed: &Sealed,
) -> Result<bool, AskError> {
    let place = shared.place_of(&destination.key);
    // A validator that is in no committee has no shard, and nothing to be told.
    let Some(shard) = place.and_then(|(index, _)| sealed.dispersed.shards.shard(index)) else { return Ok(true) };
    let request = Request::Submit(Box::new(sealed.signed.clone()), shard);
    let (height, asked_at) = (sealed.signed.header.height, shared.height());
    match ask::<SubmitAnswer>(connection, &request, ANSWER_TIMEOUT).await? {
        SubmitAnswer::Receipt(_) | SubmitAnswer::Ordered => Ok(true),
        SubmitAnswer::NotYet => Ok(false),
        SubmitAnswer::Refused(refusal) if refusal.judged_at() < asked_at => Ok(false),
        SubmitAnswer::Refused(refusal) => {
            warn!(validator = %destination.key, %height, reason = %refusal, "block refused");
            shared.refused(sealed.id, destination.key, refusal.judged_at(), refusal.to_string());
            Ok(true)
        }
    }
}

/// Says whether it was delivered; if not, the validator lacks what comes before, or judges by a ledger that is behind the link's.
async fn bring(
    shared: &Shared,
    connection: &ClientConnection,
    destination: &Destination,
    id: Digest,
    transaction: Box<Transaction>,
) -> Result<bool, AskError> {
    let asked_at = shared.height();
    let (judged_at, reason) = match ask::<TransactionAnswer>(connection, &Request::Bring(transaction), ANSWER_TIMEOUT).await? {
        TransactionAnswer::Accepted => return Ok(true),
        TransactionAnswer::NotYet => return Ok(false),
        TransactionAnswer::Ordered(height) => (height, "one of that number is ordered".to_owned()),
        TransactionAnswer::Refused(refusal) => (refusal.judged_at(), refusal.to_string()),
    };
    if judged_at < asked_at {
        return Ok(false);
    }
    debug!(validator = %destination.key, %id, %reason, "transaction refused");
    shared.refused(id, destination.key, judged_at, reason);
    Ok(true)
}
