//! From epoch to epoch: each has its own engine, made when the last block of the one before was applied.
//!
//! ```text
//! heights   …  e·L-1 │ e·L                       (e+1)·L-1 │ (e+1)·L …
//! engine       e - 1 │ e: floor is the block before        │ e + 1
//! tracked      e-1,e │ committees of e and e + 1           │ e + 1, e + 2
//! ```
//!
//! * Which epoch it is follows from the height alone, so validators that apply the same block change engines at the same block. At an
//!   epoch's end the engine proposes the last block again until it is final, and nothing is lost between two committees.
//! * The committee of the next epoch is connected one epoch early: a joining validator is let in, asks for what it has missed up to the
//!   end of the epoch, checks each epoch's certificates with the committee that its own ledger says, and votes from the next one on.
//! * A validator that leaves stops voting with its last epoch, keeps what it has, and is cut off by the others.
//! * The engine's journal is removed when its epoch's last block is in the archive: what it guards against, a second vote, can then no
//!   longer make another block final.
//!
//! Known limitation: a validator that is no member follows at the end of each epoch, not block by block.

use super::application::Application;
use super::chain::Chain;
use super::limits::{
    CERTIFICATION_GRACE, ENGINE_GRACE, FETCH_RETRY_DELAY, FETCH_TIMEOUT, LEADER_GRACE, MAILBOX_SIZE, REPLAY_BUFFER_SIZE,
    SKIP_GRACE, STALL_INTERVAL, TIMEOUT_RETRY, VIEWS_RETAINED, WRITE_BUFFER_SIZE,
};
use super::observer::Observer;
use super::schemes::Schemes;
use super::{Finalization, Marshal, Runtime, epoch_of, keys_of};
use crate::committee::Committee;
use crate::digest::to_consensus;
use crate::ledger::State;
use commonware_consensus::Reporters;
use commonware_consensus::marshal::standard::Inline;
use commonware_consensus::simplex::Engine;
use commonware_consensus::simplex::config::{Config, Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::types::{self, FixedEpocher, ViewDelta};
use commonware_cryptography::{Digestible as _, Sha256, ed25519, sha256};
use commonware_macros::select;
use commonware_p2p::utils::mux::MuxHandle;
use commonware_p2p::{Blocker, Manager, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_utils::ordered::Set;
use commonware_utils::vec::NonEmptyVec;
use commonware_utils::{NZUsize, NonZeroDuration};
use plinth_types::id::{Epoch, Height};
use std::pin::pin;
use std::time::Duration;
use tracing::{debug, info, warn};

/// What every epoch's engine is made from.
pub(super) struct Epochs<E, S: Sender<PublicKey = ed25519::PublicKey>, B, M> {
    pub(super) context: E,
    pub(super) me: ed25519::PublicKey,
    pub(super) chain: Chain,
    pub(super) schemes: Schemes,
    pub(super) application: Application,
    pub(super) marshal: Marshal,
    pub(super) epocher: FixedEpocher,
    pub(super) idle_interval: Duration,
    pub(super) partition: String,
    pub(super) page_cache: CacheRef,
    pub(super) votes: MuxHandle<S>,
    pub(super) certificates: MuxHandle<S>,
    pub(super) resolver: MuxHandle<S>,
    pub(super) blocker: B,
    pub(super) manager: M,
    /// The certificate that this validator began with, if not with genesis.
    pub(super) joined: Option<Finalization>,
    /// Whom to ask for the end of an epoch, as a place in its committee: who had the last one.
    pub(super) helper: usize,
    /// Whether the last epoch's end had to be asked for and was old: there is probably more to ask for.
    pub(super) is_behind: bool,
}

impl<E, S, B, M> Epochs<E, S, B, M>
where
    E: Runtime,
    S: Sender<PublicKey = ed25519::PublicKey>,
    B: Blocker<PublicKey = ed25519::PublicKey> + Sync,
    M: Manager<PublicKey = ed25519::PublicKey> + Sync,
{
    /// Learns the committees of the epoch at work and of the next one, and lets their members in.
    pub(super) fn admit(&mut self, state: &State) -> (Epoch, Committee) {
        let epoch = epoch_of(state.rules(), state.height().next());
        let next = Epoch::new(epoch.get() + 1);
        let committee = state.committee_of(epoch).expect("the ledger knows who makes the next block").clone();
        let mut admitted: Vec<ed25519::PublicKey> = keys_of(&committee).into_iter().collect();
        self.schemes.learn_from(state);
        if let Some(joining) = state.committee_of(next) {
            admitted.extend(keys_of(joining));
        }
        let _feedback = self.manager.track(epoch.get() + 1, Set::from_iter_dedup(admitted));
        (epoch, committee)
    }

    /// Runs one engine after the other, for as long as the context lives.
    pub(super) async fn run(mut self) {
        // A crash may have come between an epoch's end and the removal of its journal.
        let (epoch, _) = self.admit(&self.chain.finalized());
        if let Some(before) = epoch.get().checked_sub(1) {
            let _is_mostly_gone = self.context.remove(&self.journal(Epoch::new(before)), None).await;
        }
        loop {
            let state = self.chain.finalized();
            let (epoch, committee) = self.admit(&state);
            let last = last_of(&state, epoch);
            let engine = self.start_engine(epoch, &committee, &state).await;
            match &engine {
                Some(_) => info!(%epoch, validators = committee.count().get(), "votes"),
                None => info!(%epoch, "no validator of this epoch: follows"),
            }
            self.reach(last, &committee, engine.is_some()).await;
            if let Some(engine) = engine {
                self.retire(epoch, engine);
            }
        }
    }

    /// Waits until the last block of the epoch is applied. Whoever gets no further asks the others for it: their engines may have
    /// ended with the epoch, but their archives have it. Whoever is behind asks at once, and keeps to who answered: a validator that
    /// comes back after many epochs would otherwise wait in each of them before it may vote again.
    async fn reach(&mut self, last: Height, committee: &Committee, votes: bool) {
        let others: Vec<_> = keys_of(committee).into_iter().filter(|key| *key != self.me).collect();
        // An idle or a lost view is no stall for who votes.
        let stall = STALL_INTERVAL + if votes { self.idle_interval + LEADER_GRACE + CERTIFICATION_GRACE } else { Duration::ZERO };
        let mut has_asked = std::mem::take(&mut self.is_behind);
        if has_asked {
            self.ask(last, &others);
        }
        loop {
            let mut applied = pin!(self.chain.applied().notified());
            // Registered before the height is read, so that nothing that is applied in between is missed.
            applied.as_mut().enable();
            if *self.chain.height().borrow() >= last {
                let age = super::timestamp(self.context.current()).get().saturating_sub(self.chain.finalized().time().get());
                self.is_behind = has_asked && Duration::from_nanos(age) > stall;
                return;
            }
            select! {
                _ = &mut applied => {},
                _ = self.context.sleep(stall) => {
                    self.helper = self.helper.wrapping_add(usize::from(has_asked));
                    has_asked = true;
                    self.ask(last, &others);
                },
            }
        }
    }

    fn ask(&self, last: Height, others: &[ed25519::PublicKey]) {
        // One at a time: the library draws from several in an order that differs from run to run.
        let Some(target) = others.get(self.helper % others.len().max(1)).cloned() else { return };
        debug!(reached = %*self.chain.height().borrow(), %last, %target, "asks for the end of the epoch");
        self.marshal.hint_finalized(types::Height::new(last.get()), NonEmptyVec::new(target));
    }

    /// `None` if this validator is none in this epoch.
    async fn start_engine(&mut self, epoch: Epoch, committee: &Committee, state: &State) -> Option<Handle<()>> {
        let scheme = self.schemes.signer(epoch)?;
        let (votes, certificates, resolver) = (
            self.votes.register(epoch.get()).await.ok()?,
            self.certificates.register(epoch.get()).await.ok()?,
            self.resolver.register(epoch.get()).await.ok()?,
        );
        let floor = match &self.joined {
            // The engine prefers what it has written since.
            Some(joined) if joined.proposal.round.epoch().get() == epoch.get() => Floor::Finalized(joined.clone()),
            Some(_) | None => Floor::Genesis(self.floor_of(epoch, state).await?),
        };
        // Where its votes are: what it has said, it must find again, or it would say another thing.
        let mut partition = self.journal(epoch);
        if planted!(DoubleVote) {
            partition = format!("{partition}-{}", super::timestamp(self.context.current()).get());
        }
        let context = self.context.child("epoch").with_attribute("epoch", epoch.get());
        let observer = Observer::new(context.child("observer"), self.chain.clone(), scheme.clone(), committee.clone());
        let (application, marshal) = (self.application.clone(), self.marshal.clone());
        let inline = Inline::new(context.child("application"), application, marshal, self.epocher.clone());
        let leader_timeout = self.idle_interval + LEADER_GRACE;
        let certification_timeout = leader_timeout + CERTIFICATION_GRACE;
        let engine = Engine::new(
            context.child("simplex"),
            Config {
                scheme,
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: inline.clone(),
                relay: inline.clone(),
                reporter: Reporters::from((observer, inline)),
                track_historical_votes: false,
                strategy: Sequential,
                partition,
                mailbox_size: NZUsize!(MAILBOX_SIZE),
                epoch: types::Epoch::new(epoch.get()),
                floor,
                replay_buffer: NZUsize!(REPLAY_BUFFER_SIZE),
                write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
                page_cache: self.page_cache.clone(),
                leader_timeout,
                certification_timeout,
                timeout_retry: TIMEOUT_RETRY,
                view_retention: ViewDelta::new(VIEWS_RETAINED),
                skip: SkipPolicy::Enabled {
                    timeout: certification_timeout.max(TIMEOUT_RETRY) + SKIP_GRACE,
                    budget: SkipBudget::Participants,
                },
                fetch_timeout: NonZeroDuration::new(FETCH_TIMEOUT).expect("the timeout is above zero"),
                fetch_retry_delay: FETCH_RETRY_DELAY,
                forward: ForwardPolicy::Disabled,
            },
        );
        Some(engine.start(votes, certificates, resolver))
    }

    /// The last block of the epoch before.
    async fn floor_of(&self, epoch: Epoch, state: &State) -> Option<sha256::Digest> {
        let height = first_of(state, epoch).get().checked_sub(1);
        match height {
            // Genesis is the first block of epoch 0 and its floor.
            None => Some(to_consensus(state.rules().block().id())),
            Some(height) if height == state.height().get() => Some(to_consensus(state.block())),
            Some(height) => Some(self.marshal.get_block(types::Height::new(height)).await?.digest()),
        }
    }

    /// Ends an epoch's engine, some time after its last block became final, so that others hear of that from it.
    fn retire(&self, epoch: Epoch, engine: Handle<()>) {
        let journal = self.journal(epoch);
        self.context.child("retire").spawn(move |context| async move {
            context.sleep(ENGINE_GRACE).await;
            engine.abort();
            let _aborted = engine.await;
            if let Err(error) = context.remove(&journal, None).await {
                warn!(%epoch, %error, "the journal of an epoch that is over stays");
            }
        });
    }

    fn journal(&self, epoch: Epoch) -> String {
        format!("{}-simplex-{epoch}", self.partition)
    }
}

/// The height of an epoch's first block; genesis is of epoch 0.
fn first_of(state: &State, epoch: Epoch) -> Height {
    let blocks = u64::from(state.rules().limits().epoch_blocks);
    Height::new(epoch.get().checked_mul(blocks).expect("an epoch that is reached"))
}

/// The height of an epoch's last block.
fn last_of(state: &State, epoch: Epoch) -> Height {
    let next = first_of(state, Epoch::new(epoch.get() + 1));
    Height::new(next.get() - 1)
}
