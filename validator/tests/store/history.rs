//! A chain of several epochs whose committee changes twice, and somebody who leads over it, or lies.

use crate::certify::certify_in;
use crate::chain::{CHAIN, Fixture, governor};
use commonware_runtime::deterministic::Context;
use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use plinth_settlement::block::{Action, Block, GovernedTransaction, Transaction};
use plinth_settlement::checkpoint::Handover;
use plinth_settlement::committee::Committee;
use plinth_settlement::consensus::{Chain, Donor, open_store};
use plinth_settlement::ledger::facts::FactKey;
use plinth_settlement::light::Succession;
use plinth_settlement::store::{FactProof, StatePart, StateRequest};
use plinth_settlement::wire::{Answer as _, AskError, CertifiedHeads, StateAnswer, StepsAnswer};
use plinth_types::codec::Codec as _;
use plinth_types::id::{Epoch, Height, TimestampNs};
use std::sync::Arc;

/// Long enough that the step of epoch 2 shows a chain that is worth joining.
const EPOCH_BLOCKS: u64 = 16;
/// The last block is in the midst of epoch 4, which is the second with another committee than the epoch before.
pub(crate) const LENGTH: u64 = 4 * EPOCH_BLOCKS + 6;

pub(crate) fn fixture() -> Fixture {
    Fixture::changing(6, 4, EPOCH_BLOCKS as u32)
}

pub(crate) fn committee(members: &[usize]) -> Committee {
    Committee::new(members.iter().map(|&index| fixture().keys[index].public_key()).collect()).unwrap()
}

/// A chain of several epochs, and what its validators certified.
pub(crate) struct History {
    pub(crate) chain: Chain,
    pub(crate) blocks: Vec<Block>,
    /// From epoch 1 on.
    pub(crate) steps: Vec<Succession>,
}

/// Block `heads` is certified by the committee of its epoch.
fn certified(committee: &Committee, block: &Block) -> CertifiedHeads {
    let epoch = block.height().get() / EPOCH_BLOCKS;
    CertifiedHeads { heads: vec![block.to_head()], certificate: certify_in(&fixture(), epoch, committee, block) }
}

pub(crate) async fn prove(chain: &Chain, key: FactKey) -> FactProof {
    chain.store().prove(&key.to_bytes()).await.unwrap().1
}

impl History {
    /// In epochs 0, 1, … the governors decide on these committees, for two epochs later.
    pub(crate) async fn new(context: &Context, partition: &str, decided: &[&[usize]]) -> Self {
        let genesis = fixture().genesis;
        let store = open_store(context, partition, &genesis).await.unwrap();
        let chain = Chain::open(genesis, store).await.unwrap();
        let (mut blocks, mut steps) = (Vec::new(), Vec::new());
        for height in 1..=LENGTH {
            let (epoch, within) = (height / EPOCH_BLOCKS, height % EPOCH_BLOCKS);
            let decision = decided.get(epoch as usize).filter(|_| within == 2).map(|members| {
                let action = Action::SetCommittee { validators: committee(members).keys().to_vec() };
                Transaction::Governed(Box::new(GovernedTransaction::sign(epoch + 1, action, CHAIN, [&governor()])))
            });
            let block = chain.finalized().propose(TimestampNs::new(1_000 + height), decision.into_iter().collect());
            let makers = chain.finalized().committee_of(Epoch::new(epoch)).unwrap().clone();
            chain.validate(&block).await.unwrap();
            if epoch > 0 && within == 3 {
                let committee = prove(&chain, FactKey::Committee(Epoch::new(epoch + 1))).await;
                steps.push(Succession { certified: certified(&makers, &block), committee });
            }
            blocks.push(block);
        }
        Self { chain, blocks, steps }
    }

    /// The chain that the tests are about.
    pub(crate) async fn usual(context: &Context, partition: &str) -> Self {
        Self::new(context, partition, &[&[1, 2, 3, 4], &[1, 2, 3, 4], &[2, 3, 4, 5]]).await
    }

    /// The last block, certified.
    pub(crate) fn newest(&self) -> CertifiedHeads {
        certified(&committee(&[2, 3, 4, 5]), self.blocks.last().unwrap())
    }

    pub(crate) fn guide(self: &Arc<Self>, lies: Lies) -> Arc<dyn Donor> {
        Arc::new(Guide { history: Arc::clone(self), lies })
    }
}

/// How somebody who is asked lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lies {
    Not,
    /// Has no step from this epoch on.
    EndsAt(u64),
    /// Leaves out the step from this epoch.
    LeavesOut(u64),
    /// The step from this epoch is certified by those who validated before.
    Forges(u64),
    /// Says the first step again and again.
    Repeats,
}

#[derive(Debug)]
struct Guide {
    history: Arc<History>,
    lies: Lies,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

impl Donor for Guide {
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>> {
        async move {
            let target = self.history.chain.store().target().await.unwrap();
            Ok(StateAnswer::from_frame(&StateAnswer(Some((self.history.newest(), target))).to_frame())?)
        }
        .boxed()
    }

    fn steps(&self, from: Epoch) -> BoxFuture<'_, Result<StepsAnswer, AskError>> {
        let mut steps: Vec<_> = self.history.steps.iter().filter(|step| step.epoch() >= from).cloned().collect();
        match self.lies {
            Lies::Not => {}
            Lies::EndsAt(epoch) => steps.retain(|step| step.epoch().get() < epoch),
            Lies::LeavesOut(epoch) => steps.retain(|step| step.epoch().get() != epoch),
            Lies::Forges(epoch) => {
                if let Some(step) = steps.iter_mut().find(|step| step.epoch().get() == epoch) {
                    let block = &self.history.blocks[step.certified.heads[0].height.get() as usize - 1];
                    step.certified.certificate = certify_in(&fixture(), epoch, &committee(&[0, 1, 2, 3]), block);
                }
            }
            Lies::Repeats => steps = vec![self.history.steps[0].clone(); 3],
        }
        let frame = StepsAnswer { floor: Epoch::new(1), steps }.to_frame();
        ready(StepsAnswer::from_frame(&frame).map_err(AskError::from)).boxed()
    }

    fn handovers(&self, _: Height) -> BoxFuture<'_, Result<Vec<Handover>, AskError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>> {
        ready(Ok(self.history.blocks[height.get() as usize - 1].clone())).boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        async move { Ok(self.history.chain.store().part(request).await.unwrap()) }.boxed()
    }
}
