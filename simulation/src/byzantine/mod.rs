//! Validators that lie, one way of lying per file. Each holds a validator's real key and speaks the real wire format; none runs the
//! honest stack (a twin runs it twice).
//!
//! | Behaviour | Leaves evidence | Is blocked |
//! | --- | --- | --- |
//! | [`conflicter`] votes for two blocks in a view | yes | yes |
//! | [`equivocator`] proposes two blocks in a view, one to each half | yes | yes |
//! | [`nuller`] gives up a view and votes to finalize it | yes | yes |
//! | [`impersonator`] signs as somebody else | no: the signature is no one's | yes |
//! | [`outdated`] votes in views that are long over | no | no: late votes are no lie |
//! | [`garbage`] sends bytes that are no message | no | yes |
//! | [`forger`] proposes blocks that the ledger refuses | no: refusing costs it its turn | no |
//! | [`perjurer`] signs receipts for bodies that it has never seen | no: nobody can tell | no |
//! | [`Behaviour::Mute`] never says anything | no | no |
//! | [`Behaviour::Twins`] one key in two places | no: each half sees one of them | no |

pub(crate) mod conflicter;
pub(crate) mod equivocator;
pub(crate) mod forger;
pub(crate) mod garbage;
pub(crate) mod impersonator;
pub(crate) mod nuller;
pub(crate) mod outdated;
pub(crate) mod perjurer;
mod turn;

use crate::chain::Chain;
use crate::engine::{Context, Wire};
use commonware_codec::varint::UInt;
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types;
use commonware_cryptography::{ed25519, sha256};
use commonware_p2p::simulated::Receiver;
use commonware_p2p::utils::mux;
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::{Handle, IoBuf, IoBufs, Spawner as _};
use plinth_settlement::consensus::Scheme;
use plinth_settlement::transport::Channel;
use std::sync::Arc;

pub(crate) type Vote = types::Vote<Scheme, sha256::Digest>;
pub(crate) type Proposal = types::Proposal<sha256::Digest>;

/// How a Byzantine validator behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// See [`conflicter`].
    Conflicter,
    /// See [`equivocator`].
    Equivocator,
    /// See [`nuller`].
    Nuller,
    /// See [`impersonator`].
    Impersonator,
    /// See [`outdated`].
    Outdated,
    /// See [`garbage`].
    Garbage,
    /// See [`forger`].
    Forger,
    /// See [`perjurer`].
    Perjurer,
    /// Says nothing, and loses each of its turns.
    Mute,
    /// Two honest stacks with one key, each connected to one half of the others.
    Twins,
}

impl Behaviour {
    /// All.
    pub const ALL: [Self; 10] = [
        Self::Conflicter,
        Self::Equivocator,
        Self::Nuller,
        Self::Impersonator,
        Self::Outdated,
        Self::Garbage,
        Self::Forger,
        Self::Perjurer,
        Self::Mute,
        Self::Twins,
    ];

    /// As figures name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conflicter => "conflicter",
            Self::Equivocator => "equivocator",
            Self::Nuller => "nuller",
            Self::Impersonator => "impersonator",
            Self::Outdated => "outdated",
            Self::Garbage => "garbage",
            Self::Forger => "forger",
            Self::Perjurer => "perjurer",
            Self::Mute => "mute",
            Self::Twins => "twins",
        }
    }

    /// Whether two contradicting signatures of it reach one honest validator, so that there must be evidence.
    #[must_use]
    pub const fn leaves_evidence(self) -> bool {
        matches!(self, Self::Conflicter | Self::Equivocator | Self::Nuller)
    }

    /// Whether honest validators must have blocked it when the run ends.
    #[must_use]
    pub const fn is_blocked(self) -> bool {
        self.leaves_evidence() || matches!(self, Self::Impersonator | Self::Garbage)
    }
}

/// A channel's two ends.
pub(crate) struct Line {
    sender: Wire,
    receiver: Receiver<ed25519::PublicKey>,
    /// The epoch heard of last, on a channel that the engines of all epochs share.
    epoch: Option<u64>,
}

impl Line {
    pub(crate) fn new(channel: Channel, (sender, receiver): (Wire, Receiver<ed25519::PublicKey>)) -> Self {
        Self { sender, receiver, epoch: is_shared(channel).then_some(0) }
    }

    /// What comes next; `None` when the network ends.
    async fn hear(&mut self) -> Option<Vec<u8>> {
        loop {
            let (_, message) = self.receiver.recv().await.ok()?;
            let Some(epoch) = &mut self.epoch else { return Some(message.into()) };
            if let Ok((heard, message)) = mux::parse(message) {
                *epoch = heard;
                return Some(message.into());
            }
        }
    }

    /// The next vote; what is none is skipped.
    async fn hear_vote(&mut self) -> Option<Vote> {
        loop {
            if let Ok(vote) = Vote::decode(Copying(&self.hear().await?)) {
                return Some(vote);
            }
        }
    }

    fn tell(&mut self, message: impl Into<IoBufs> + Send) {
        self.tell_to(Recipients::All, message);
    }

    fn tell_to(&mut self, to: Recipients<ed25519::PublicKey>, message: impl Into<IoBufs> + Send) {
        let mut message: IoBufs = message.into();
        if let Some(epoch) = self.epoch {
            message.prepend(UInt(epoch).encode().into());
        }
        let _told = self.sender.send(to, message, true);
    }

    fn vote(&mut self, vote: &Vote) {
        self.tell(vote.encode());
    }
}

/// Whether every epoch's engine has its share of the channel: then a message starts with its epoch.
pub(crate) const fn is_shared(channel: Channel) -> bool {
    matches!(channel, Channel::Votes | Channel::Certificates | Channel::Resolver)
}

/// A message without its epoch; `None` if it is too short to have one.
pub(crate) fn payload_of(channel: Channel, message: IoBuf) -> Option<Vec<u8>> {
    if is_shared(channel) { mux::parse(message).ok().map(|(_, message)| message.into()) } else { Some(message.into()) }
}

/// Where a Byzantine validator stands: its key, and every channel that a validator has.
pub(crate) struct Post {
    pub(crate) chain: Arc<Chain>,
    pub(crate) index: usize,
    pub(crate) scheme: Scheme,
    pub(crate) votes: Line,
    pub(crate) certificates: Line,
    pub(crate) resolver: Line,
    pub(crate) blocks: Line,
    pub(crate) backfill: Line,
    pub(crate) gossip: Line,
}

/// Lets it behave so until its task is aborted. Twins are the world's business.
pub(crate) fn spawn(context: Context, behaviour: Behaviour, post: Post) -> Handle<()> {
    context.spawn(move |context| async move {
        match behaviour {
            Behaviour::Conflicter => conflicter::run(post).await,
            Behaviour::Equivocator => equivocator::run(context, post).await,
            Behaviour::Nuller => nuller::run(post).await,
            Behaviour::Impersonator => impersonator::run(post).await,
            Behaviour::Outdated => outdated::run(post).await,
            Behaviour::Garbage => garbage::run(context, post).await,
            Behaviour::Forger => forger::run(context, post).await,
            Behaviour::Perjurer => perjurer::run(post).await,
            Behaviour::Mute | Behaviour::Twins => futures::future::pending().await,
        }
    })
}
