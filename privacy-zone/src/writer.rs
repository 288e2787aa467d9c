//! The thread that owns the zone: everything that happens comes to it as an [`Event`], and it makes the blocks.
//!
//! * Nothing that a wallet sends ends it; a fault of the disk, of the journal or of settlement's word does, and then the process ends.
//! * What waits is bounded by count; what passes the bound is refused. A transaction waits once, whoever sends it how often.
//! * A transaction of a frozen zone is refused; one of a zone whose host is not there, or is too far behind, waits.

use crate::limits::{
    BLOCK_TRANSACTIONS_SIZE_MAX, EVENTS_PER_TURN_MAX, QUEUE_DIRECTIVES_MAX, QUEUE_TRANSACTIONS_MAX, SENDERS_WINDOW, TURN,
};
use crate::link::Say;
use crate::published::Published;
use crate::wire::{Answer, AssetStatus, Status, WaitingCredit};
use crate::zone::{Zone, ZoneError};
use plinth_privacy::limits::BLOCK_TRANSACTIONS_MAX;
use plinth_privacy::pool::Refusal;
use plinth_privacy::pool::batch::{SenderId, Verifier};
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::transaction::Transaction;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, TimestampNs};
use plinth_zone_protocol::{Bytes, Finalized, Hello, Reason, Refusal as HostRefusal, Welcome};
use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// The link wants to call the host.
    Hello(Sender<Hello>),
    /// The host is there; what is to be said to it goes this way.
    Joined(Box<Welcome>, Sender<Say>),
    /// The next settlement block is final.
    News(Box<Finalized>),
    /// The host is gone.
    Left,
    /// The host's last word.
    RefusedForGood(HostRefusal),
    /// A wallet asks; it gets one answer.
    Ask(Ask, Sender<Answer>),
}

/// What a wallet asks of the writer.
#[derive(Debug)]
pub enum Ask {
    /// How is the zone?
    Status,
    /// The registry.
    Registry,
    /// What waits for this key?
    Credits(PublicKey),
    /// Put this into a block.
    Submit(SenderId, Box<Transaction>),
    /// Put this into a block; a registry's bytes have the root that the directive names.
    Direct(Box<SignedDirective>, Vec<u8>),
}

/// Why the process ends.
#[derive(Debug, Error)]
pub enum WriterError {
    /// The zone cannot go on.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// The host's own word.
    #[error("settlement refuses this zone: {0}")]
    Refused(HostRefusal),
    /// A registry cannot be kept.
    #[error("the published registry: {0}")]
    Registry(std::io::Error),
    /// Nobody is left who could say anything.
    #[error("every other thread has ended")]
    Alone,
}

/// The thread's state.
#[derive(Debug)]
pub struct Writer {
    zone: Zone,
    verifier: Verifier,
    published: Published,
    interval: Duration,
    to_host: Option<Sender<Say>>,
    queue: VecDeque<Queued>,
    /// Digests of what is in the queue.
    queued: BTreeSet<Digest>,
    directives: VecDeque<(SignedDirective, Sender<Answer>)>,
    last_block: Option<Instant>,
    window: Instant,
}

#[derive(Debug)]
struct Queued {
    sender: SenderId,
    transaction: Transaction,
    digest: Digest,
    size: usize,
    reply: Sender<Answer>,
}

impl Writer {
    /// Over a zone.
    #[must_use]
    pub fn new(zone: Zone, verifier: Verifier, published: Published, interval: Duration) -> Self {
        Self {
            zone,
            verifier,
            published,
            interval,
            to_host: None,
            queue: VecDeque::new(),
            queued: BTreeSet::new(),
            directives: VecDeque::new(),
            last_block: None,
            window: Instant::now(),
        }
    }

    /// Goes on until it cannot.
    ///
    /// # Errors
    ///
    /// [`WriterError`], always: there is no other end.
    pub fn run(mut self, events: &Receiver<Event>) -> Result<std::convert::Infallible, WriterError> {
        loop {
            match events.recv_timeout(self.until_due()) {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(WriterError::Alone),
            }
            for event in events.try_iter().take(EVENTS_PER_TURN_MAX) {
                self.take(event)?;
            }
            if self.window.elapsed() >= SENDERS_WINDOW {
                self.window = Instant::now();
                self.zone.next_window();
            }
            if self.has_work() && self.until_due() == Duration::ZERO {
                self.make()?;
                self.last_block = Some(Instant::now());
            }
        }
    }

    fn has_work(&self) -> bool {
        let waits = self.zone.has_messages() || !self.queue.is_empty() || !self.directives.is_empty();
        waits && self.zone.may_build()
    }

    fn until_due(&self) -> Duration {
        if !self.has_work() {
            return TURN;
        }
        self.last_block.map_or(Duration::ZERO, |last| self.interval.saturating_sub(last.elapsed()))
    }

    fn take(&mut self, event: Event) -> Result<(), WriterError> {
        match event {
            // Who asked and is gone needs no answer, here and below.
            Event::Hello(reply) => drop(reply.send(self.zone.hello())),
            Event::Joined(welcome, to_host) => {
                let first = self.zone.welcome(&welcome)?;
                self.to_host = Some(to_host);
                self.hand_over(first);
            }
            Event::News(news) => {
                let again = self.zone.news(&news)?;
                if let Some(first) = again {
                    self.hand_over(first);
                }
                self.say(Say::Processed(self.zone.position().settlement));
                if news.frozen {
                    self.refuse_all("settlement has frozen this zone");
                }
            }
            Event::Left => {
                self.zone.disconnected();
                self.to_host = None;
            }
            Event::RefusedForGood(refusal) => return Err(WriterError::Refused(refusal)),
            Event::Ask(ask, reply) => self.answer(ask, reply),
        }
        Ok(())
    }

    fn hand_over(&self, first: Height) {
        let last = self.zone.state().height;
        (first.get()..=last.get()).for_each(|height| self.say(Say::Block(Height::new(height))));
    }

    fn say(&self, said: Say) {
        if let Some(to_host) = &self.to_host {
            // A host that is gone says so itself.
            let _gone = to_host.send(said).is_err();
        }
    }

    fn answer(&mut self, ask: Ask, reply: Sender<Answer>) {
        let answer = match ask {
            Ask::Status => Answer::Status(Box::new(self.status())),
            Ask::Registry => Answer::Registry(Bytes(self.published.of(self.zone.state().registries.last().copied()))),
            Ask::Credits(owner) => Answer::Credits(self.credits(owner).into()),
            Ask::Submit(..) | Ask::Direct(..) if self.zone.progress().frozen => refused("settlement has frozen this zone"),
            Ask::Submit(sender, transaction) => return self.enqueue(sender, *transaction, reply),
            Ask::Direct(directive, registry) => match self.prepare(&directive, registry) {
                Ok(()) => return self.directives.push_back((*directive, reply)),
                Err(answer) => answer,
            },
        };
        drop(reply.send(answer));
    }

    fn enqueue(&mut self, sender: SenderId, transaction: Transaction, reply: Sender<Answer>) {
        let (digest, size) = (transaction.digest(), transaction.to_bytes().len());
        if self.queue.len() >= QUEUE_TRANSACTIONS_MAX {
            return drop(reply.send(refused("too many transactions wait; try again")));
        }
        if !self.queued.insert(digest) {
            return drop(reply.send(refused("this transaction waits already")));
        }
        self.queue.push_back(Queued { sender, transaction, digest, size, reply });
    }

    /// What must be so before a directive waits; its registry is on disk behind this.
    fn prepare(&mut self, directive: &SignedDirective, registry: Vec<u8>) -> Result<(), Answer> {
        if self.directives.len() >= QUEUE_DIRECTIVES_MAX {
            return Err(refused("too many directives wait"));
        }
        if !self.zone.state().admits(directive) {
            return Err(refused("the directive is not the next one, not signed by who may give it, or not possible"));
        }
        match directive.directive {
            Directive::Registry(root) => {
                self.published.store(root, registry).map_err(|error| refused(format!("the registry cannot be kept: {error}")))
            }
            Directive::List(..) | Directive::Freeze(..) | Directive::Gate(_) => Ok(()),
        }
    }

    fn make(&mut self) -> Result<(), ZoneError> {
        // One directive a block, tested against the very state that it meets.
        let (mut directives, mut told) = (Vec::new(), Vec::new());
        if let Some((directive, reply)) = self.directives.pop_front() {
            if self.zone.state().admits(&directive) {
                directives.push(directive);
                told.push(reply);
            } else {
                drop(reply.send(refused("another directive came first")));
            }
        }
        let taken = self.take_candidates();
        let candidates = taken.iter().map(|queued| (queued.sender, queued.transaction.clone())).collect();
        let made = self.zone.make(&self.verifier, now(), directives, candidates)?;
        if let Some(height) = made.height {
            self.say(Say::Block(height));
            self.say(Say::Processed(self.zone.position().settlement));
            told.iter().for_each(|reply| drop(reply.send(Answer::Sealed(height))));
        }
        let mut refusals = made.refused.into_iter().peekable();
        let mut later = Vec::new();
        for (place, queued) in taken.into_iter().enumerate() {
            let refusal = refusals.next_if(|(refused, _)| *refused == place).map(|(_, refusal)| refusal);
            match (refusal, made.height) {
                (Some(Refusal::Later), _) => later.push(queued),
                (Some(refusal), _) => self.decide(&queued, refused(refusal)),
                (None, Some(height)) => self.decide(&queued, Answer::Sealed(height)),
                (None, None) => self.decide(&queued, refused("no block came about")),
            }
        }
        later.into_iter().rev().for_each(|queued| self.queue.push_front(queued));
        Ok(())
    }

    /// The oldest that fit a block.
    fn take_candidates(&mut self) -> Vec<Queued> {
        let mut left = BLOCK_TRANSACTIONS_SIZE_MAX;
        let mut taken = Vec::new();
        while taken.len() < BLOCK_TRANSACTIONS_MAX
            && let Some(queued) = self.queue.pop_front_if(|queued| queued.size <= left)
        {
            left -= queued.size;
            taken.push(queued);
        }
        taken
    }

    fn decide(&mut self, queued: &Queued, answer: Answer) {
        self.queued.remove(&queued.digest);
        drop(queued.reply.send(answer));
    }

    fn refuse_all(&mut self, why: &str) {
        for queued in std::mem::take(&mut self.queue) {
            self.decide(&queued, refused(why));
        }
        self.directives.drain(..).for_each(|(_, reply)| drop(reply.send(refused(why))));
    }

    fn status(&self) -> Status {
        let (state, progress) = (self.zone.state(), self.zone.progress());
        let assets = state.assets.iter().map(|(&asset, known)| AssetStatus {
            asset,
            eligible: known.eligible,
            total: known.total,
            frozen: known.frozen,
        });
        Status {
            pool: state.id,
            height: state.height,
            time: state.time,
            gate: state.gate,
            directives: state.directives,
            inbox: state.inbox,
            anchor: state.notes.root(),
            registry: state.registries.last().copied().into_iter().collect::<Vec<_>>().into(),
            assets: assets.collect::<Vec<_>>().into(),
            connected: progress.connected,
            frozen: progress.frozen,
            ordered: progress.ordered,
            available: progress.available,
            settled: progress.settled,
        }
    }

    fn credits(&self, owner: PublicKey) -> Vec<WaitingCredit> {
        let mine = self.zone.state().credits.iter().filter(|(_, credit)| credit.owner == owner);
        mine.map(|(&id, credit)| WaitingCredit { id, asset: credit.asset, value: credit.value }).collect()
    }
}

pub(crate) fn refused(why: impl std::fmt::Display) -> Answer {
    Answer::Refused(Reason::new(why))
}

/// The clock, for the times of blocks alone.
fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs::new(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
