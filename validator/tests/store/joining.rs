//! A validator's first start: from genesis, or from a state that others certify, whatever the donors and the power do.

use crate::certify::certify;
use crate::chain::Fixture;
use crate::ledger::{block, genesis, open};
use commonware_runtime::deterministic::{Config, Context, FaultConfig, PartialWriteMode, Runner, WriteConfig};
use commonware_runtime::{Clock as _, Runner as _, Spawner as _, Supervisor as _};
use commonware_utils::Probability;
use futures::FutureExt as _;
use futures::future::{BoxFuture, pending, ready};
use plinth_settlement::block::Block;
use plinth_settlement::checkpoint::Handover;
use plinth_settlement::consensus::{Chain, Donor, JoinError, Joined, Lineage, join};
use plinth_settlement::store::{StatePart, StateRequest};
use plinth_settlement::wire::{Answer as _, AskError, CertifiedHeads, PartAnswer, StateAnswer, StepsAnswer};
use plinth_types::codec::Codec as _;
use plinth_types::id::{Epoch, Height};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a donor fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fails {
    No,
    /// Falls silent before this answer.
    Silent(u64),
    /// Turns a bit of every part from this answer on.
    Part(u64),
    /// Sends another block than the certified one.
    Block,
    /// Shows a certificate of another block.
    Certificate,
    /// Hangs up.
    Gone,
}

/// A validator behind a wire.
struct Wire {
    chain: Chain,
    blocks: Vec<Block>,
    fails: Fails,
    answers: AtomicU64,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("fails", &self.fails).finish_non_exhaustive()
    }
}

impl Wire {
    async fn turn(&self) -> Result<u64, AskError> {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        match self.fails {
            Fails::Gone => Err(AskError::Refused),
            Fails::Silent(at) if number >= at => pending().await,
            Fails::No | Fails::Silent(_) | Fails::Part(_) | Fails::Block | Fails::Certificate => Ok(number),
        }
    }

    /// One block follows the state, and is certified.
    fn certified(&self) -> CertifiedHeads {
        let last = self.blocks.last().unwrap();
        let of = if self.fails == Fails::Certificate { &self.blocks[3] } else { last };
        CertifiedHeads { heads: vec![last.to_head()], certificate: certify(&Fixture::new(4), of) }
    }
}

impl Donor for Wire {
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>> {
        async move {
            self.turn().await?;
            let target = self.chain.store().target().await.unwrap();
            Ok(StateAnswer::from_frame(&StateAnswer(Some((self.certified(), target))).to_frame())?)
        }
        .boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        async move {
            let number = self.turn().await?;
            let part = self.chain.store().part(StateRequest::decode(&request.to_bytes())?).await.unwrap();
            let mut bytes = PartAnswer(Some(part)).to_frame().to_vec();
            if matches!(self.fails, Fails::Part(at) if number >= at) {
                let at = bytes.len() - 40;
                bytes[at] ^= 1;
            }
            PartAnswer::from_frame(&bytes.into())?.0.ok_or(AskError::NotNow)
        }
        .boxed()
    }

    /// The chain is of the first epoch.
    fn steps(&self, _: Epoch) -> BoxFuture<'_, Result<StepsAnswer, AskError>> {
        ready(Ok(StepsAnswer { floor: Epoch::new(1), steps: Vec::new() })).boxed()
    }

    fn handovers(&self, _: Height) -> BoxFuture<'_, Result<Vec<Handover>, AskError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>> {
        async move {
            self.turn().await?;
            let at = usize::try_from(height.get()).unwrap() - if self.fails == Fails::Block { 2 } else { 1 };
            Ok(self.blocks[at].clone())
        }
        .boxed()
    }
}

/// A validator's start.
async fn begin(context: &Context, partition: &str, donors: &[Arc<dyn Donor>]) -> Result<Joined, JoinError> {
    let (lineage, task) = Lineage::open(context, partition).await.unwrap();
    let joined = join(context, partition, &genesis(), donors, &lineage).await;
    // The next start finds its files closed.
    drop(lineage);
    task.await.unwrap();
    joined
}

const LENGTH: u64 = 150;

/// A chain that donors have.
struct Served {
    chain: Chain,
    blocks: Vec<Block>,
}

impl Served {
    async fn new(context: &Context, partition: &str, length: u64) -> Self {
        let chain = open(context, partition).await;
        let mut blocks = Vec::new();
        for _ in 0..length {
            let next = block(&chain);
            chain.validate(&next).await.unwrap();
            blocks.push(next);
        }
        Self { chain, blocks }
    }

    fn donor(&self, fails: Fails) -> Arc<dyn Donor> {
        Arc::new(Wire { chain: self.chain.clone(), blocks: self.blocks.clone(), fails, answers: AtomicU64::new(0) })
    }

    async fn assert_joined(&self, joined: &Chain) {
        let (ours, theirs) = (joined.store().live().await.unwrap().0, self.chain.store().live().await.unwrap().0);
        assert_eq!((ours, joined.finalized().height()), (theirs, Height::new(LENGTH)));
    }
}

#[test]
fn a_chain_that_is_not_far_ahead_is_begun_at_genesis_and_stays_so() {
    Runner::default().start(|context| async move {
        let (near, far) = (Served::new(&context, "near", 20).await, Served::new(&context, "far", LENGTH).await);
        let starts = [
            ("alone", vec![]),
            ("near", vec![near.donor(Fails::No)]),
            ("silent", vec![far.donor(Fails::Silent(0)), far.donor(Fails::Gone)]),
            ("forged", vec![far.donor(Fails::Certificate)]),
        ];
        for (partition, donors) in starts {
            let partition = format!("fresh-{partition}");
            let (chain, certificate) = begin(&context, &partition, &donors).await.unwrap();
            assert_eq!((chain.finalized().height(), certificate.is_none()), (Height::new(0), true), "{partition}");
            drop(chain);
            // Decided once: a ledger is never replaced.
            let (chain, certificate) = begin(&context, &partition, &[far.donor(Fails::No)]).await.unwrap();
            assert_eq!((chain.finalized().height(), certificate.is_none()), (Height::new(0), true), "{partition}");
        }
    });
}

#[test]
fn an_honest_donor_is_enough_among_liars() {
    Runner::default().start(|context| async move {
        let served = Served::new(&context, "served", LENGTH).await;
        let liars =
            [Fails::Gone, Fails::Certificate, Fails::Part(2), Fails::Part(3), Fails::Block].map(|fails| served.donor(fails));
        let donors = [liars.as_slice(), &[served.donor(Fails::No)]].concat();
        let (chain, certificate) = begin(&context, "joined", &donors).await.unwrap();
        assert!(certificate.is_some());
        served.assert_joined(&chain).await;
        drop(chain);
        // The next start needs nobody.
        let (chain, again) = begin(&context, "joined", &[]).await.unwrap();
        assert_eq!((again, chain.finalized().height()), (certificate, Height::new(LENGTH - 1)));
        // Liars alone: with a certified state in sight the start fails rather than begin at genesis.
        let error = begin(&context, "alone", &liars[2..4]).await.unwrap_err();
        assert!(matches!(error, JoinError::NoDonor { donors: 2, .. }), "{error}");
        let error = begin(&context, "alone", &[]).await.unwrap_err();
        assert!(matches!(error, JoinError::NoDonor { donors: 0, .. }), "{error}");
    });
}

/// The donor falls silent before every one of its answers, power is lost with torn writes, and the next start goes on.
#[test]
fn a_start_that_was_cut_off_anywhere_begins_again() {
    let mut silent_at = 1;
    loop {
        let rate = |percent| Probability::new(percent, 100).unwrap();
        let write_rate = Some(WriteConfig { failure_rate: rate(0), retention_rate: rate(50), mode: PartialWriteMode::Subset });
        let faults = FaultConfig { write_rate, ..FaultConfig::default() };
        let runner = Runner::new(Config::new().with_seed(silent_at).with_storage_fault_config(faults));
        let (cut_off, checkpoint) = runner.start_and_recover(move |context| async move {
            let donor = Served::new(&context, "served", LENGTH).await.donor(Fails::Silent(silent_at));
            let starting = context.child("starting").spawn(move |context| async move {
                begin(&context, "joined", &[donor]).await.unwrap();
            });
            context.sleep(Duration::from_secs(1)).await;
            starting.now_or_never().is_none()
        });
        Runner::from(checkpoint).start(|context| async move {
            let served = Served::new(&context, "served-again", LENGTH).await;
            let (chain, certificate) = begin(&context, "joined", &[served.donor(Fails::No)]).await.unwrap();
            assert!(certificate.is_some(), "cut off at answer {silent_at}");
            if cut_off {
                served.assert_joined(&chain).await;
            }
        });
        if !cut_off {
            assert!(silent_at > 4, "fetched in {silent_at} answers");
            return;
        }
        silent_at += 1;
    }
}
