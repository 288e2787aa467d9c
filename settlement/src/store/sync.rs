//! State sync: the log of operations in proven ranges, so that an empty directory comes to a certified root without a block of history.
//!
//! ```text
//!  certificate ─► block h+1 ─► pre_state = root behind h ─witness─► root of the log ─► range start..end of operations
//!                                                                                        each part proven on its own
//! ```
//!
//! * **Nothing is believed.** The target's witness ties the log's root to the certified one, every part carries its Merkle proof, and the
//!   root of what was rebuilt is compared with the certified one. A source can stall, and nothing else.
//! * **A source serves an old target while its blocks go on**: proofs are made at the target's size. What a target needs is kept for at
//!   least one more call of `prune`.
//! * **Same root afterwards**, and the same again behind every block that follows: the log is the history that the root depends on.

use super::codec::{encode_sized, read_sized};
use super::error::StoreError;
use super::limits::{
    ENTRY_SIZE_MAX, SYNC_ANSWER_SIZE_MAX, SYNC_APPLY_MAX, SYNC_LOG_END_MAX, SYNC_OPERATIONS_MAX, SYNC_REQUEST_SIZE_MAX,
    SYNC_REQUESTS_MAX, SYNC_WITNESS_SIZE_MAX,
};
use super::qmdb::{Database, Family, Open, Operation, Qmdb, StoreConfig, operation_codec};
use super::runtime::StoreRuntime;
use super::state::{Live, VerifiableState as _};
use crate::digest::{from_consensus, to_consensus};
use commonware_codec::EncodeSize as _;
use commonware_cryptography::{Sha256, sha256};
use commonware_storage::merkle::Location;
use commonware_storage::qmdb::current::proof::OpsRootWitness;
use commonware_storage::qmdb::sync::engine::Config;
use commonware_storage::qmdb::sync::source::Feedback;
use commonware_storage::qmdb::sync::{Request, Response, Source, Target, source, sync};
use commonware_utils::channel::{mpsc, oneshot};
use commonware_utils::range::NonEmptyRange;
use commonware_utils::sync::Mutex;
use futures::future::BoxFuture;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use std::num::NonZeroU64;
use thiserror::Error;

/// A state that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTarget {
    /// The state.
    pub live: Live,
    log_root: Digest,
    witness: OpsRootWitness<Family, sha256::Digest>,
    start: u64,
    end: u64,
}

/// Asks for a part of a target's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateRequest(Request<Family>);

/// A part of a log with its proof.
#[derive(Clone, Debug)]
pub struct StatePart(Response<Family, Operation, sha256::Digest>);

/// Whoever answers [`StateRequest`]s: a validator's store, or a connection to one.
pub trait StateSource: Send + Sync + 'static {
    /// Why it could not.
    type Error: std::error::Error + Send + 'static;

    /// Answers one request.
    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, Self::Error>>;
}

/// Why a state could not be fetched.
#[derive(Debug, Error)]
pub enum SyncError {
    /// The target is not tied to the certified root.
    #[error("the offered state behind height {} does not belong to the certified root {certified}", live.position.height)]
    Target {
        /// What was offered.
        live: Live,
        /// What was certified.
        certified: Digest,
    },
    /// The source failed, or sent what is not proven.
    #[error("the source: {0}")]
    Source(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StateTarget {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Whether it belongs to a certified root.
    #[must_use]
    pub fn belongs_to(&self, certified: Digest) -> bool {
        let (log_root, root) = (to_consensus(self.log_root), to_consensus(certified));
        self.live.root == certified && self.witness.verify::<Sha256>(&log_root, &root)
    }

    fn to_library(&self) -> Option<Target<Family, sha256::Digest>> {
        let range = NonEmptyRange::new(Location::new(self.start)..Location::new(self.end)).ok()?;
        Some(Target::new(to_consensus(self.log_root), range))
    }
}

impl<E: StoreRuntime> Open<E> {
    pub(super) async fn target(&self) -> Result<StateTarget, StoreError> {
        Ok(StateTarget {
            live: self.live(),
            log_root: from_consensus(self.database.ops_root()),
            witness: self.database.ops_root_witness().await?,
            start: *self.database.sync_boundary(),
            end: *self.database.bounds().end,
        })
    }

    pub(super) async fn part(&self, StateRequest(mut request): StateRequest) -> Result<StatePart, StoreError> {
        if let Request::Operations { max_ops, .. } = &mut request {
            *max_ops = (*max_ops).min(SYNC_OPERATIONS_MAX);
        }
        loop {
            let (response, _) = self.database.serve(request).await?;
            match &mut request {
                Request::Operations { max_ops, .. } if max_ops.get() > 1 && response.encode_size() > SYNC_ANSWER_SIZE_MAX => {
                    *max_ops = NonZeroU64::new(max_ops.get() / 2).expect("above one");
                }
                Request::Operations { .. } | Request::Boundary { .. } => return Ok(StatePart(response)),
            }
        }
    }
}

/// Fetches a certified state into the partitions of `config` and opens it, in the format that it names under its root. What an interrupted
/// attempt left there is used.
///
/// # Errors
///
/// [`SyncError`]; another source may do better.
pub async fn synchronize<E: StoreRuntime, S: StateSource>(
    context: E,
    config: &StoreConfig,
    target: &StateTarget,
    certified: Digest,
    source: S,
) -> Result<Qmdb<E>, SyncError> {
    let wrong = || SyncError::Target { live: target.live, certified };
    if !target.belongs_to(certified) {
        return Err(wrong());
    }
    let db_config = config.to_library(&context);
    let synced: Result<Database<E>, _> = sync(Config {
        context,
        source: Adapter { source, verdicts: Mutex::default() },
        target: target.to_library().ok_or_else(wrong)?,
        max_outstanding_requests: SYNC_REQUESTS_MAX,
        fetch_batch_size: SYNC_OPERATIONS_MAX,
        apply_batch_size: SYNC_APPLY_MAX,
        db_config,
        update_rx: None,
        finish_rx: None,
        reached_target_tx: None,
    })
    .await;
    let database = synced.map_err(|error| SyncError::Source(error.to_string()))?;
    let store = Qmdb::of_stored(database).await?;
    let (Live { position, root: found }, _) = store.live().await?;
    if found != certified {
        return Err(StoreError::Root { height: position.height, found, expected: certified }.into());
    }
    Ok(store)
}

/// Gives up a source at its first part that does not hold: the library would ask it again for ever.
struct Adapter<S> {
    source: S,
    verdicts: Mutex<Vec<oneshot::Receiver<bool>>>,
}

/// Why a source is given up.
#[derive(Debug, Error)]
enum SourceError<E> {
    #[error(transparent)]
    Failed(E),
    #[error("it sent a part that is not of the certified state")]
    Unproven,
}

impl<S: StateSource> Source for Adapter<S> {
    type Family = Family;
    type Digest = sha256::Digest;
    type Op = Operation;
    type Error = SourceError<S::Error>;

    async fn serve(&self, request: Request<Family>) -> source::Result<Self> {
        let mut lied = false;
        self.verdicts.lock().retain_mut(|verdict| match verdict.try_recv() {
            Ok(holds) => {
                lied |= !holds;
                false
            }
            Err(oneshot::error::TryRecvError::Empty) => true,
            Err(oneshot::error::TryRecvError::Closed) => false,
        });
        if lied {
            return Err(SourceError::Unproven);
        }
        let StatePart(response) = self.source.part(StateRequest(request)).await.map_err(SourceError::Failed)?;
        let (verdict, given) = oneshot::channel();
        self.verdicts.lock().push(given);
        let (_, no_other) = mpsc::channel(1);
        Ok((response, Some(Feedback::new(verdict, no_other))))
    }
}

impl Codec for StateTarget {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.live.position.encode(out);
        self.live.root.encode(out);
        self.log_root.encode(out);
        encode_sized(&self.witness, out);
        self.start.encode(out);
        self.end.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("state target version"));
        }
        Ok(Self {
            live: Live { position: Codec::read(reader)?, root: Codec::read(reader)? },
            log_root: Codec::read(reader)?,
            witness: read_sized(reader, SYNC_WITNESS_SIZE_MAX, &(), "witness")?,
            start: Codec::read(reader)?,
            end: match Codec::read(reader)? {
                end if end <= SYNC_LOG_END_MAX => end,
                _ => return Err(reader.invalid("end of a state's log")),
            },
        })
    }
}

impl Codec for StateRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_sized(&self.0, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_sized(reader, SYNC_REQUEST_SIZE_MAX, &(), "state request").map(Self)
    }
}

impl Codec for StatePart {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_sized(&self.0, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let operations = usize::try_from(SYNC_OPERATIONS_MAX.get()).expect("a small bound");
        read_sized(reader, SYNC_ANSWER_SIZE_MAX + ENTRY_SIZE_MAX, &(operations, operation_codec()), "state part").map(Self)
    }
}
