//! Gets the bodies of a zone back from the validators' shards: for a new producer, an auditor, any reader.
//!
//! Nothing is believed: the chain is followed as a link follows it, each shard is checked under its header's root, and what opens must
//! have the header's hash. Any f+1 honest validators that still keep their shards are enough.

use super::courier::Destination;
use super::follower::read;
use super::limits::{ANSWER_TIMEOUT, SILENCE_MAX};
use super::tracker::{Lie, Tracker};
use crate::block::{Block, Transaction, header_id};
use crate::committee::ValidatorCount;
use crate::dispersal::{BodyCommitment, CheckedShard, Layout, OpenError, ReaderKey, RebuildError, rebuild};
use crate::genesis::Genesis;
use crate::keys::{self, KeyError, SecretKey};
use crate::ledger::{State, ZoneBlock};
use crate::transport::{ClientConnection, ClientEndpoint, FrameError, FrameReader, Identity, Peer, TransportError, write_frame};
use crate::wire::{Answer as _, AskError, FollowAnswer, Info, Request, ShardAnswer, ask};
use plinth_types::block::SignedHeader;
use plinth_types::codec::DecodeError;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, ZoneId};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;
use tokio::time::timeout;
use tracing::debug;

/// What a recovery needs.
#[derive(Clone, Debug)]
pub struct RecoverConfig {
    /// A key on the validators' list of clients.
    pub client: SecretKey,
    /// What opens the bodies.
    pub reader_key: ReaderKey,
    /// The zone.
    pub zone: ZoneId,
    /// The first zone block that is wanted.
    pub from: Height,
    /// A settlement block that is known to be final: the chain is followed at least to there.
    pub at_least: Height,
    /// The chain.
    pub genesis: Arc<Genesis>,
    /// Where the validators listen.
    pub validators: Vec<Peer>,
}

/// A zone block that was ordered, as the shards have it.
#[derive(Debug)]
pub struct RecoveredBlock {
    /// Its header.
    pub signed: SignedHeader,
    /// Whether f+1 validators have said in a block that they rebuilt it.
    pub is_available: bool,
    /// Its body in the clear, or why it cannot be had.
    pub body: Result<Vec<u8>, BodyLost>,
}

/// Why a body cannot be had.
#[derive(Debug, Error)]
pub enum BodyLost {
    /// The validators asked keep too few shards of it.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// It is not what the header says, or the reader key is of another zone or epoch.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Why nothing can be recovered.
#[derive(Debug, Error)]
pub enum RecoverError {
    /// A key that is none.
    #[error("key {key}: {error}")]
    Key {
        /// Which.
        key: PublicKey,
        /// What is wrong.
        error: KeyError,
    },
    /// No socket or thread could be had.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The runtime cannot be had.
    #[error("no runtime: {0}")]
    Runtime(std::io::Error),
    /// Too few validators to rebuild anything.
    #[error("{count} validators answer, {count_min} are needed")]
    TooFewValidators {
        /// How many do.
        count: usize,
        /// f + 1.
        count_min: usize,
    },
    /// No validator showed the chain to its end; what the last one did.
    #[error("no validator shows the chain: {0}")]
    Chain(String),
}

/// Follows the chain to where f+1 validators say that it is, then rebuilds every body of the zone from `from` on. Blocks this thread.
///
/// # Errors
///
/// [`RecoverError`]; a body that cannot be had is no error of the whole.
pub fn recover(config: &RecoverConfig) -> Result<Vec<RecoveredBlock>, RecoverError> {
    let mut recovered = Vec::new();
    recover_each(config, |block| {
        recovered.push(block);
        Ok::<(), RecoverError>(())
    })?;
    Ok(recovered)
}

/// As [`recover`], handing each block over before the next one is fetched. Returns the ledger to which the chain was followed.
///
/// # Errors
///
/// [`RecoverError`], or what `take` says.
pub fn recover_each<E: From<RecoverError>>(
    config: &RecoverConfig,
    take: impl FnMut(RecoveredBlock) -> Result<(), E>,
) -> Result<State, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RecoverError::Runtime)?;
    runtime.block_on(run(config, take))
}

async fn run<E: From<RecoverError>>(
    config: &RecoverConfig,
    mut take: impl FnMut(RecoveredBlock) -> Result<(), E>,
) -> Result<State, E> {
    let connections = connect(config).await?;
    let committee = config.genesis.committee();
    let mut heights = Vec::new();
    for connection in connections.values() {
        heights.extend(ask::<Info>(connection, &Request::Info, ANSWER_TIMEOUT).await.map(|info| info.height));
    }
    let (count, count_min) = (heights.len(), usize::from(committee.count().rebuild_min()));
    if count < count_min {
        return Err(RecoverError::TooFewValidators { count, count_min }.into());
    }
    // The (f+1)-th highest: at least one honest validator is there.
    heights.sort_unstable_by(|one, other| other.cmp(one));
    let target = heights[count_min - 1].max(config.at_least);
    let mut left = "none is connected".to_owned();
    let mut history = None;
    for (key, connection) in &connections {
        match follow(config, connection, target).await {
            Ok(found) => {
                history = Some(found);
                break;
            }
            Err(error) => {
                debug!(validator = %key, %error, "following another one");
                left = error.to_string();
            }
        }
    }
    let (history, state) = history.ok_or(RecoverError::Chain(left))?;
    for Ordered { signed, is_available, validators } in history.range(config.from..).map(|(_, ordered)| ordered) {
        let body = fetch(config, &connections, signed, *validators).await;
        take(RecoveredBlock { signed: signed.clone(), is_available: *is_available, body })?;
    }
    Ok(state)
}

async fn connect(config: &RecoverConfig) -> Result<BTreeMap<PublicKey, ClientConnection>, RecoverError> {
    let mut connections = BTreeMap::new();
    let Some(first) = config.validators.first() else { return Ok(connections) };
    let endpoint = ClientEndpoint::new(Identity::new(config.client.to_consensus()), first.address)?;
    for peer in &config.validators {
        let consensus_key = keys::to_consensus(&peer.key).map_err(|error| RecoverError::Key { key: peer.key, error })?;
        let destination = Destination { key: peer.key, consensus_key, address: peer.address };
        match endpoint.connect(&destination.consensus_key, destination.address).await {
            Ok(connection) => drop(connections.insert(destination.key, connection)),
            Err(error) => debug!(validator = %peer.key, %error, "not connected"),
        }
    }
    Ok(connections)
}

/// The zone's ordered headers by height, and which are available.
type History = BTreeMap<Height, Ordered>;

#[derive(Debug)]
struct Ordered {
    signed: SignedHeader,
    is_available: bool,
    /// For how many validators its body is coded.
    validators: Option<ValidatorCount>,
}

#[derive(Debug, Error)]
enum FollowError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Answer(#[from] DecodeError),
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    #[error("it lies: {0}")]
    Lie(#[from] Lie),
    #[error("it sent nothing for {SILENCE_MAX:?}")]
    Silent,
}

async fn follow(config: &RecoverConfig, connection: &ClientConnection, target: Height) -> Result<(History, State), FollowError> {
    let mut tracker = Tracker::new(Arc::clone(&config.genesis));
    let (mut headers, mut history) = (BTreeMap::new(), History::new());
    let (mut send, receive) = connection.open().await?;
    write_frame(&mut send, Request::Follow(Height::new(1)).to_frame()).await?;
    let mut frames = FrameReader::new(receive);
    while tracker.state().height() < target {
        let frame = timeout(SILENCE_MAX, read(&mut frames)).await.map_err(|_| FollowError::Silent)??;
        let answer = FollowAnswer::from_frame(&frame)?;
        headers.extend(zone_headers(&answer.block, config.zone));
        tracker.push(answer)?;
        for outcome in tracker.flush()? {
            let ours = |block: &&ZoneBlock| block.zone == config.zone;
            for ordered in outcome.ordered.iter().filter(ours) {
                let validators = ordered.validator_count();
                let known = headers.remove(&ordered.id);
                history.extend(known.map(|signed| (ordered.height, Ordered { signed, is_available: false, validators })));
            }
            for available in outcome.available.iter().filter(ours) {
                history.entry(available.height).and_modify(|ordered| ordered.is_available = true);
            }
            for rejected in outcome.rejected.iter().filter(ours) {
                history.remove(&rejected.height);
            }
        }
    }
    Ok((history, tracker.state().clone()))
}

/// The headers of a zone that a settlement block orders, by id.
pub(super) fn zone_headers(block: &Block, zone: ZoneId) -> Vec<(Digest, SignedHeader)> {
    let header = |transaction: &Transaction| match transaction {
        Transaction::Header(ordered) if ordered.signed.header.zone == zone => {
            Some((header_id(&ordered.signed.header), ordered.signed.clone()))
        }
        Transaction::Header(_)
        | Transaction::Deposit(_)
        | Transaction::Governed(_)
        | Transaction::Instruct(_)
        | Transaction::Outbox(_)
        | Transaction::Verdict(_)
        | Transaction::Exit(_)
        | Transaction::Body(_)
        | Transaction::Fraud(_) => None,
    };
    block.transactions().iter().filter_map(header).collect()
}

async fn fetch(
    config: &RecoverConfig,
    connections: &BTreeMap<PublicKey, ClientConnection>,
    signed: &SignedHeader,
    validators: Option<ValidatorCount>,
) -> Result<Vec<u8>, BodyLost> {
    let (header, committee) = (&signed.header, config.genesis.committee());
    let too_few = RebuildError::TooFew { count: 0, count_min: usize::from(committee.count().rebuild_min()) };
    let layout = validators.and_then(|count| Layout::new(header.body_size as usize, count)).ok_or(too_few)?;
    let request = Request::Shard(header_id(header));
    let mut shards: Vec<CheckedShard> = Vec::new();
    for (key, connection) in connections {
        let frame = match ask::<ShardAnswer>(connection, &request, ANSWER_TIMEOUT).await {
            Ok(ShardAnswer(Some(frame))) => frame,
            Ok(ShardAnswer(None)) => continue,
            Err(error) => {
                debug!(validator = %key, %error, "no shard");
                continue;
            }
        };
        match CheckedShard::check(&layout, header.shard_root, CheckedShard::index_in(&frame), frame) {
            Ok(shard) if shards.iter().any(|known| known.index() == shard.index()) => {}
            Ok(shard) => shards.push(shard),
            Err(error) => debug!(validator = %key, %error, "a wrong shard"),
        }
        if shards.len() == layout.shards_min() {
            break;
        }
    }
    let ciphertext = rebuild(&layout, &shards)?;
    Ok(config.reader_key.body_key(header).open(&BodyCommitment::of(header), &ciphertext)?)
}
