//! Serves clients: one task for each stream.

use crate::facts::{self, FactsError, Shown};
use crate::limits::{PROOF_TIMEOUT, REQUEST_TIMEOUT, SHARD_CHECKED_INLINE_MAX, SHARDS_UNDER_WAY_MAX, STREAMS_MAX};
use crate::proofs::{ProofDesk, Seat};
use bytes::Bytes;
use commonware_consensus::types;
use commonware_cryptography::ed25519;
use commonware_utils::sync::Mutex;
use plinth_settlement::block::Transaction;
use plinth_settlement::consensus::checkpoints::Checkpoints;
use plinth_settlement::consensus::{
    Chain, Consensus, Finalized, Intake, Marshal, ProofAnswer, Refusal, SubmitAnswer, TransactionAnswer, timestamp,
};
use plinth_settlement::transport::{ClientStream, FrameError, FrameReader, write_frame};
use plinth_settlement::wire::limits::{PROOF_REQUEST_SIZE_MAX, REQUEST_SIZE_MAX};
use plinth_settlement::wire::{Answer, FollowAnswer, Info, Request, ShardAnswer};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::DecodeError;
use plinth_types::id::Height;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

/// What a validator serves from. Clones share it.
#[derive(Clone)]
pub(super) struct Service {
    chain: Chain,
    intake: Intake,
    marshal: Marshal,
    shown: Shown,
    /// Without, no proof is taken.
    proofs: Option<ProofDesk>,
    /// Each client's leave to have requests under way; whoever may come at all is on a list, so this is bounded.
    shares: Arc<Mutex<BTreeMap<ed25519::PublicKey, Arc<Semaphore>>>>,
}

/// Why a stream was given up.
#[derive(Debug, Error)]
enum ServeError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("request: {0}")]
    Request(#[from] DecodeError),
    #[error("the request did not come in time")]
    Timeout,
    #[error("a request of {size} bytes is none, or of a client that has a proof under way or must wait")]
    TooLarge { size: usize },
    #[error("block {0} is not in the archive")]
    BlockMissing(Height),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error("the validator stops")]
    Stopping,
}

impl Service {
    pub(super) fn new(consensus: &Consensus, checkpoints: Checkpoints, proofs: Option<ProofDesk>) -> Self {
        let Consensus { chain, intake, lineage, marshal, .. } = consensus;
        let shown = Shown { chain: chain.clone(), lineage: lineage.clone(), checkpoints };
        Self { chain: chain.clone(), intake: intake.clone(), marshal: marshal.clone(), shown, proofs, shares: Arc::default() }
    }

    /// Serves streams until there are no more; when dropped, every stream under way ends.
    pub(super) async fn run(self, mut streams: mpsc::Receiver<ClientStream>) {
        let mut tasks = JoinSet::new();
        while let Some(stream) = streams.recv().await {
            while tasks.try_join_next().is_some() {}
            if tasks.len() >= STREAMS_MAX {
                // Dropped: the client sees its stream reset and comes again.
                continue;
            }
            let service = self.clone();
            tasks.spawn(async move {
                let client = stream.client.clone();
                if let Err(error) = service.serve(stream).await {
                    debug!(%client, %error, "stream given up");
                }
            });
        }
    }

    async fn serve(&self, stream: ClientStream) -> Result<(), ServeError> {
        let ClientStream { client, mut send, receive } = stream;
        // A long request must find room before it is read; the stream's flow control holds its client, and no other one, back.
        let share = self.share(&client);
        let permit = share.acquire().await.map_err(|_| ServeError::Stopping)?;
        let Some((frame, seat)) = self.read(&client, receive).await? else { return Ok(()) };
        let request = Request::from_frame(&frame)?;
        let answer = match request {
            Request::Submit(header, shard) => self.submit(header, shard).await?.to_frame(),
            Request::Bring(transaction) => self.bring(*transaction).await?.to_frame(),
            Request::Follow(from) => {
                drop(permit);
                return self.follow(from, send).await;
            }
            Request::Info => self.info().to_frame(),
            Request::Shard(header) => ShardAnswer(self.intake.shard(header).await).to_frame(),
            Request::Open(opening) => self.intake.open(opening).await.to_frame(),
            Request::Facts(request) => facts::answer(&self.shown, request).await?,
            Request::Prove(header, proof) => self.prove(&client, seat, *header, proof).await.to_frame(),
        };
        write_frame(&mut send, answer).await?;
        let _stream_gone = send.finish().is_err();
        Ok(())
    }

    /// The request; one that only a proof may be as long as needs its client's seat before it is read.
    async fn read(
        &self,
        client: &ed25519::PublicKey,
        receive: quinn::RecvStream,
    ) -> Result<Option<(Bytes, Option<Seat>)>, ServeError> {
        let mut frames = FrameReader::new(receive);
        let size_max = if self.proofs.is_some() { PROOF_REQUEST_SIZE_MAX } else { REQUEST_SIZE_MAX };
        let size = timeout(REQUEST_TIMEOUT, frames.next_size(size_max)).await.map_err(|_| ServeError::Timeout)??;
        let Some(size) = size else { return Ok(None) };
        let (seat, patience) = if size > REQUEST_SIZE_MAX {
            let seat = self.proofs.as_ref().and_then(|proofs| proofs.seat(client));
            (Some(seat.ok_or(ServeError::TooLarge { size })?), PROOF_TIMEOUT)
        } else {
            (None, REQUEST_TIMEOUT)
        };
        let frame = timeout(patience, frames.next(size_max)).await.map_err(|_| ServeError::Timeout)??;
        match frame {
            Some(frame) if frame.len() > Request::size_max(&frame) => Err(ServeError::TooLarge { size }),
            Some(frame) => Ok(Some((frame, seat))),
            None => Ok(None),
        }
    }

    async fn prove(&self, client: &ed25519::PublicKey, seat: Option<Seat>, header: ZoneHeader, proof: Bytes) -> ProofAnswer {
        let Some(proofs) = &self.proofs else {
            return ProofAnswer::Refused(Refusal::of(self.chain.finalized().height(), "this validator verifies no proofs"));
        };
        match seat.or_else(|| proofs.seat(client)) {
            Some(seat) => proofs.take(client, seat, header, proof).await,
            None => ProofAnswer::NotYet,
        }
    }

    fn share(&self, client: &ed25519::PublicKey) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        Arc::clone(shares.entry(client.clone()).or_insert_with(|| Arc::new(Semaphore::new(SHARDS_UNDER_WAY_MAX))))
    }

    async fn submit(&self, header: Box<SignedHeader>, shard: Bytes) -> Result<SubmitAnswer, ServeError> {
        let now = timestamp(SystemTime::now());
        if shard.len() <= SHARD_CHECKED_INLINE_MAX {
            return Ok(self.intake.submit(&header, shard, now).await);
        }
        let intake = self.intake.clone();
        let checked = tokio::task::spawn_blocking(move || intake.check(&header, shard, now)).await;
        match checked.map_err(|_| ServeError::Stopping)? {
            Ok(unkept) => Ok(self.intake.keep(unkept).await),
            Err(answer) => Ok(*answer),
        }
    }

    async fn bring(&self, transaction: Transaction) -> Result<TransactionAnswer, ServeError> {
        if !matches!(transaction, Transaction::Fraud(_)) {
            return Ok(self.intake.bring(transaction));
        }
        let intake = self.intake.clone();
        tokio::task::spawn_blocking(move || intake.bring(transaction)).await.map_err(|_| ServeError::Stopping)
    }

    fn info(&self) -> Info {
        let state = self.chain.finalized();
        Info { chain: state.chain(), genesis: state.rules().digest(), height: state.height() }
    }

    async fn follow(&self, from: Height, mut send: quinn::SendStream) -> Result<(), ServeError> {
        let mut height = self.chain.height();
        let mut next = Height::new(from.get().max(1));
        loop {
            height.wait_for(|finalized| *finalized >= next).await.map_err(|_| ServeError::Stopping)?;
            let Finalized { block, certificate } = self.finalized(next).await.ok_or(ServeError::BlockMissing(next))?;
            write_frame(&mut send, FollowAnswer { block, certificate }.to_frame()).await?;
            next = next.next();
        }
    }

    /// A finalized block from memory, or from the archives.
    async fn finalized(&self, height: Height) -> Option<Finalized> {
        let stored = types::Height::new(height.get());
        match self.chain.recent(height) {
            Some(Finalized { block, certificate: None }) => {
                Some(Finalized { block, certificate: self.marshal.get_finalization(stored).await })
            }
            Some(recent) => Some(recent),
            None => {
                let block = self.marshal.get_block(stored).await?.inner().clone();
                Some(Finalized { block, certificate: self.marshal.get_finalization(stored).await })
            }
        }
    }
}
