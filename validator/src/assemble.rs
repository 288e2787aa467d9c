//! The one place where consensus is made concrete: tokio, QUIC. Puts a validator together: the transport with its address, consensus, checkpoints, and the service that runs on them.

use crate::donor::Remote;
use crate::http::{self, Told};
use crate::proofs::{ProofDesk, Verifiers};
use crate::run::StartError;
use crate::service::Service;
use crate::{CheckpointConfig, CheckpointGroup, ValidatorConfig};
use commonware_runtime::{Supervisor as _, tokio as runtime};
use futures::future::pending;
use plinth_settlement::consensus::checkpoints::{self, Checkpoints, Group, Signer};
use plinth_settlement::consensus::{self, Chain, Consensus, ConsensusConfig, Donor, Network};
use plinth_settlement::genesis::{Genesis, ZoneMode};
use plinth_settlement::keys;
use plinth_settlement::ledger::Zone;
use plinth_settlement::transport::{AllowList, Channel, Identity, Oracle, Transport, TransportConfig, TransportError};
use plinth_types::id::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use tracing::warn;

/// Prefix of what a validator keeps in its directory.
const PARTITION: &str = "settlement";

/// A validator that runs, but for its service.
pub(super) struct Assembled {
    pub(super) transport: Transport,
    pub(super) listen: SocketAddr,
    pub(super) http_address: Option<SocketAddr>,
    pub(super) consensus: Consensus,
    pub(super) checkpoints: Checkpoints,
}

/// The transport with its address, consensus, and the service that runs on both.
pub(super) async fn assemble(
    context: &runtime::Context,
    config: ValidatorConfig,
) -> Result<(Assembled, impl Future<Output = ()>), StartError> {
    let to_consensus = |key: &PublicKey| keys::to_consensus(key).map_err(|error| StartError::Key { key: *key, error });
    // Whoever has no address dials this one.
    let mut book: BTreeMap<PublicKey, Option<SocketAddr>> =
        config.genesis.committee().keys().iter().map(|key| (*key, None)).collect();
    book.extend(config.peers.iter().map(|peer| (peer.key, Some(peer.address))));
    let validators = book.iter().map(|(key, address)| Ok((to_consensus(key)?, *address)));
    let validators = validators.collect::<Result<_, StartError>>()?;
    let producers = config.genesis.zones().iter().map(|zone| &zone.producer);
    let governors = &config.genesis.governance().governors;
    let clients = producers.chain(governors).chain(&config.clients).map(to_consensus).collect::<Result<Vec<_>, _>>()?;
    let (genesis, validator) = (Arc::clone(&config.genesis), config.key.public_key());
    let mut transport = Transport::start(TransportConfig {
        identity: Identity::new(config.key.to_consensus()),
        listen: config.listen,
        validators,
        clients: AllowList::new(clients),
    })?;
    let listen = transport.local_address().map_err(|source| TransportError::Socket { source })?;
    let mut register = |channel| transport.register(channel, context.child("quota"));
    let (votes, certificates, resolver) = (register(Channel::Votes), register(Channel::Certificates), register(Channel::Resolver));
    let (blocks, backfill, gossip) = (register(Channel::Blocks), register(Channel::Backfill), register(Channel::Gossip));
    let shards = register(Channel::Shards);
    let (blocker, peers) = (transport.oracle(), transport.oracle());
    let me = config.key.public_key();
    let verifiers = Verifiers::open(&config.proof_verifiers)?;
    warn_of_unknown_guests(&genesis, &verifiers);
    let identity = Identity::new(config.key.to_consensus());
    let others = config.peers.iter().filter(|peer| peer.key != me);
    let others: Vec<_> = others.map(|peer| Arc::new(Remote::new(identity.clone(), *peer)) as Arc<dyn Donor>).collect();
    let donors = if config.state_sync { others.clone() } else { Vec::new() };
    let key = config.key.clone();
    let mut consensus = consensus::start(
        context.child("consensus"),
        ConsensusConfig {
            genesis: Arc::clone(&genesis),
            key: config.key,
            idle_interval: config.idle_interval,
            partition: PARTITION.to_owned(),
            donors,
        },
        Network { votes, certificates, resolver, blocks, backfill, gossip, shards, blocker, peers },
    )
    .await
    .map_err(Box::new)?;
    let (blocker, channel) = (transport.oracle(), transport.register(Channel::Checkpoints, context.child("quota")));
    let checkpoints = match config.checkpoints {
        Some(config) => {
            let (context, signer) = (context.child("checkpoints"), signer(config));
            let (checkpoints, task) =
                checkpoints::start(context, PARTITION, &consensus.chain, signer, others, channel, blocker).await?;
            consensus.tasks.push(task);
            checkpoints
        }
        None => Checkpoints::default(),
    };
    let has_verifier = !config.proof_verifiers.is_empty();
    let proofs = has_verifier.then(|| ProofDesk::new(consensus.chain.clone(), key, verifiers));
    let service = Service::new(&consensus, checkpoints.clone(), proofs);
    let clients = transport.take_clients();
    let admitted = admit_producers(consensus.chain.clone(), transport.oracle());
    let told =
        Told { key: validator, chain: consensus.chain.clone(), checkpoints: checkpoints.clone(), started: SystemTime::now() };
    let http = match config.http {
        Some(address) => Some(TcpListener::bind(address).await.map_err(|source| StartError::Http { address, source })?),
        None => None,
    };
    let http_address = http.as_ref().and_then(|listener| listener.local_addr().ok());
    let http = async move {
        match http {
            Some(listener) => http::serve(listener, told).await,
            None => pending().await,
        }
    };
    let served = async move {
        tokio::select! { () = service.run(clients) => {}, () = http => {}, () = admitted => {} }
    };
    Ok((Assembled { transport, listen, http_address, consensus, checkpoints }, served))
}

/// A zone that is proven stands still where no 2f+1 validators verify its proofs.
fn warn_of_unknown_guests(genesis: &Genesis, verifiers: &Verifiers) {
    for zone in genesis.zones() {
        if let ZoneMode::Proven { guest_image, .. } = zone.mode
            && !verifiers.know(&guest_image)
        {
            warn!(zone = %zone.id, %guest_image, "this validator verifies no proofs of a zone that settles by them alone");
        }
    }
}

/// Lets in whoever became a zone's producer. Who was one before stays: that it is one no more it hears here.
async fn admit_producers(chain: Chain, transport: Oracle) {
    let mut height = chain.height();
    let mut known = BTreeSet::new();
    loop {
        height.borrow_and_update();
        for producer in chain.finalized().zones().map(Zone::producer) {
            if known.insert(producer)
                && let Ok(client) = keys::to_consensus(&producer)
            {
                transport.let_in(client);
            }
        }
        if height.changed().await.is_err() {
            return;
        }
    }
}

fn signer(CheckpointConfig { groups, every }: CheckpointConfig) -> Signer {
    let group = |group: CheckpointGroup| {
        let CheckpointGroup { first, polynomial, share, members } = group;
        Group { first, polynomial, members: consensus::keys_of(&members).into_iter().collect(), share }
    };
    Signer { groups: groups.into_iter().map(group).collect(), every }
}
