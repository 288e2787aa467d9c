//! Puts the library's actors together around one ledger.

use super::application::{Application, keep};
use super::archives::{Archive, open_archive, recall, replay};
use super::chain::{Chain, ChainError};
use super::epochs::Epochs;
use super::gossip::{GossipSender, listen};
use super::intake::Intake;
use super::join::{Donor, JoinError, join};
use super::limits::{
    BLOCKS_PER_PEER_BUFFERED, CACHE_PAGE_SIZE, CACHE_PAGES, CACHE_SECTION_VIEWS, FETCH_RETRY_DELAY, FETCH_TIMEOUT, MAILBOX_SIZE,
    PENDING_ACKS_MAX, REPAIR_MAX, REPLAY_BUFFER_SIZE, VIEWS_RETAINED, WRITE_BUFFER_SIZE,
};
use super::lineage::{Historian, Lineage, LineageError};
use super::schemes::Schemes;
use super::{Finalization, Marshal, Runtime, Scheme};
use crate::block::Block;
use crate::digest::to_consensus;
use crate::dispersal::limits::SHARDS_PER_ZONE_SIZE_MAX;
use crate::dispersal::listen::listen as listen_for_shards;
use crate::dispersal::{Rebuilder, ShardStore};
use crate::genesis::Genesis;
use crate::keys::SecretKey;
use commonware_broadcast::buffered;
use commonware_consensus::marshal::core::Actor;
use commonware_consensus::marshal::resolver::p2p as backfill;
use commonware_consensus::marshal::{self, Start};
use commonware_consensus::types::{FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::{Digested, Signer as _, ed25519};
use commonware_p2p::utils::mux::Muxer;
use commonware_p2p::{Blocker, Manager, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive;
use commonware_utils::{NZU16, NZU64, NZUsize, NonZeroDuration};
use plinth_types::id::{Epoch, Height};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tracing::warn;

/// One channel's two ends.
pub type Ends<S, R> = (S, R);

/// The roads to the other validators.
#[derive(Debug)]
pub struct Network<S, R, B, P> {
    /// Votes.
    pub votes: Ends<S, R>,
    /// Certificates.
    pub certificates: Ends<S, R>,
    /// Requests for missed certificates.
    pub resolver: Ends<S, R>,
    /// Blocks from their proposers.
    pub blocks: Ends<S, R>,
    /// Requests for missed blocks.
    pub backfill: Ends<S, R>,
    /// Headers, receipts, deposits.
    pub gossip: Ends<S, R>,
    /// Shards of zone bodies, and proofs of fraud.
    pub shards: Ends<S, R>,
    /// Blocks peers.
    pub blocker: B,
    /// Knows the validators, and lets in those of this epoch and the next.
    pub peers: P,
}

/// What a validator's consensus needs.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// The chain.
    pub genesis: Arc<Genesis>,
    /// The validator's key.
    pub key: SecretKey,
    /// How long an idle proposer waits for content.
    pub idle_interval: Duration,
    /// Prefix of every storage partition.
    pub partition: String,
    /// Who is asked for the state if there is none in the partitions. Without any, a new validator starts from genesis.
    pub donors: Vec<Arc<dyn Donor>>,
}

/// Why consensus could not be started.
#[derive(Debug, Error)]
pub enum ConsensusError {
    /// The archives cannot be read.
    #[error("archive: {0}")]
    Archive(#[from] archive::Error),
    /// The stored blocks do not start from this genesis, or do not follow each other: they are another chain's, or damaged.
    #[error("stored block {height} is of another chain than the genesis: {error}")]
    OtherChain {
        /// Where.
        height: Height,
        /// What is wrong with it.
        error: ChainError,
    },
    /// There is no ledger to start from.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The steps from epoch to epoch cannot be read or written.
    #[error(transparent)]
    Lineage(#[from] LineageError),
}

/// A validator's running consensus. Its tasks end with the runtime context that it was started from, or when aborted.
pub struct Consensus {
    /// The ledger.
    pub chain: Chain,
    /// Takes what clients bring.
    pub intake: Intake,
    /// Who validated, from epoch to epoch.
    pub lineage: Lineage,
    /// The archives.
    pub marshal: Marshal,
    /// Its tasks.
    pub tasks: Vec<Handle<()>>,
}

impl std::fmt::Debug for Consensus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consensus").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// Opens the archives, rebuilds the ledger, and starts voting.
///
/// # Errors
///
/// [`ConsensusError`].
pub async fn start<E, S, R, B, P>(
    context: E,
    config: ConsensusConfig,
    network: Network<S, R, B, P>,
) -> Result<Consensus, ConsensusError>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey> + Sync,
    P: Manager<PublicKey = ed25519::PublicKey> + Sync,
{
    let ConsensusConfig { genesis, key, idle_interval, partition, donors } = config;
    let secret = key.to_consensus();
    let me = secret.public_key();
    let schemes = Schemes::new(Arc::clone(&genesis), secret);
    let page_cache = CacheRef::new(NZU16!(CACHE_PAGE_SIZE), NZUsize!(CACHE_PAGES));

    let certificates: Archive<E, Finalization> =
        open_archive(&context, &partition, "certificates", &page_cache, Scheme::certificate_codec_config_unbounded()).await?;
    let blocks: Archive<E, Arc<Block>> = open_archive(&context, &partition, "blocks", &page_cache, ()).await?;
    let (lineage, keeping) = Lineage::open(&context, &partition).await?;
    let (chain, certificate) = join(&context, &partition, &genesis, &donors, &lineage).await?;
    let mut historian = Historian::new(chain.clone(), lineage.clone()).await?;
    recall(&chain, &blocks, &certificates).await?;
    if let Some(certificate) = &certificate {
        chain.certify((**certificate).clone());
    }
    replay(&chain, &blocks, &certificates, &mut historian).await?;

    let epoch_blocks = NonZeroU64::from(NonZeroU32::new(genesis.limits().epoch_blocks).expect("a genesis has epochs"));
    let epocher = FixedEpocher::new(epoch_blocks);
    let genesis_block = genesis.block();
    let genesis_digest = to_consensus(genesis_block.id());
    // The archives' actor must know the committees before it checks its first certificate.
    schemes.learn_from(&chain.finalized());
    if let Some(certificate) = &certificate {
        // It checks the one that this validator began from, which may be of an epoch that the ledger is past.
        let epoch = Epoch::new(certificate.proposal.round.epoch().get());
        if let Some(committee) = lineage.committee(&genesis, epoch).await? {
            schemes.learn(epoch, &committee);
        }
    }
    let start = match &certificate {
        None => Start::Genesis(Digested::precomputed(genesis_block, genesis_digest)),
        // It prefers what it has written since.
        Some(certificate) => Start::Floor((**certificate).clone()),
    };
    let (actor, mailbox, _floor) = Actor::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider: schemes.clone(),
            epocher: epocher.clone(),
            start,
            partition_prefix: format!("{partition}-marshal"),
            mailbox_size: NZUsize!(MAILBOX_SIZE),
            view_retention: ViewDelta::new(VIEWS_RETAINED),
            prunable_items_per_section: NZU64!(CACHE_SECTION_VIEWS),
            page_cache: page_cache.clone(),
            replay_buffer: NZUsize!(REPLAY_BUFFER_SIZE),
            key_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
            value_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
            block_codec_config: (),
            max_repair: NZUsize!(REPAIR_MAX),
            max_pending_acks: NZUsize!(PENDING_ACKS_MAX),
            strategy: Sequential,
        },
    )
    .await;
    let (application, finalized) = Application::new(chain.clone(), idle_interval);

    let (broadcast, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(MAILBOX_SIZE),
            deque_size: BLOCKS_PER_PEER_BUFFERED,
            priority: false,
            codec_config: (),
            peer_provider: network.peers.clone(),
            strategy: Sequential,
        },
    );
    let fetch_timeout = NonZeroDuration::new(FETCH_TIMEOUT).expect("the timeout is above zero");
    let resolver = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key: me.clone(),
            peer_provider: network.peers.clone(),
            blocker: network.blocker.clone(),
            mailbox_size: NZUsize!(MAILBOX_SIZE),
            fetch_timeout,
            fetch_retry_delay: FETCH_RETRY_DELAY,
            priority_requests: false,
            priority_responses: false,
        },
        network.backfill,
    );
    let (votes_muxer, votes) = Muxer::new(context.child("votes"), network.votes.0, network.votes.1);
    let (certificates_muxer, certificates) =
        Muxer::new(context.child("certificates"), network.certificates.0, network.certificates.1);
    let (resolver_muxer, resolver_handle) = Muxer::new(context.child("resolver"), network.resolver.0, network.resolver.1);
    let mut epochs = Epochs {
        context: context.child("epochs"),
        me,
        chain: chain.clone(),
        schemes,
        application: application.clone(),
        marshal: mailbox.clone(),
        epocher,
        idle_interval,
        partition: partition.clone(),
        page_cache,
        votes,
        certificates,
        resolver: resolver_handle,
        blocker: network.blocker.clone(),
        manager: network.peers,
        joined: certificate.map(|certificate| *certificate),
        helper: 0,
        is_behind: false,
    };
    epochs.admit(&chain.finalized());
    let (gossip_sender, gossip_receiver) = network.gossip;
    let gossip = GossipSender::new(gossip_sender);
    let (store, storing) =
        ShardStore::open(context.child("dispersal"), &partition, chain.clone(), SHARDS_PER_ZONE_SIZE_MAX).await?;
    let (told, rebuilds) = tokio::sync::mpsc::channel(MAILBOX_SIZE);
    let (shard_sender, shard_receiver) = network.shards;
    let rebuilder =
        Rebuilder::new(context.child("dispersal"), chain.clone(), key.clone(), store.clone(), gossip.clone(), shard_sender.clone());
    let intake = Intake::new(chain.clone(), key, gossip, store.clone(), told.clone());
    let blocker = network.blocker;
    let shards = (shard_sender, shard_receiver);
    let (keeper, archive) = (chain.clone(), mailbox.clone());
    let tasks = vec![
        storing,
        keeping,
        rebuilder.start(rebuilds),
        context.child("keeper").spawn(move |_| keep(keeper, historian, archive, finalized)),
        listen_for_shards(context.child("shards"), (chain.clone(), store), shards, blocker.clone(), told),
        listen(context.child("gossip"), chain.clone(), gossip_receiver, blocker),
        broadcast.start(network.blocks),
        actor.start(application, buffer, resolver),
        context.child("votes").spawn(|_| until_closed(votes_muxer.run())),
        context.child("certificates").spawn(|_| until_closed(certificates_muxer.run())),
        context.child("resolver").spawn(|_| until_closed(resolver_muxer.run())),
        context.child("epochs").spawn(|_| epochs.run()),
    ];
    Ok(Consensus { chain, intake, lineage, marshal: mailbox, tasks })
}

async fn until_closed<T, X: std::fmt::Display>(channel: impl Future<Output = Result<T, X>>) {
    if let Err(error) = channel.await {
        warn!(%error, "a channel is closed");
    }
}

const _: () = assert!(!Duration::is_zero(&FETCH_TIMEOUT));
