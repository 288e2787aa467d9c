//! The zone's state: pool, journal and where settlement stands. One thread owns it.
//!
//! * [`Zone::open`] executes the journal again and compares every block, root and witness with what was written.
//! * A block and its position are one record, so a crash leaves either none of its effects or all of them.
//! * After an error of [`Zone::make`] the zone is in between: the process ends and starts again from the journal.

use crate::block::{Body, ZoneBlockError, header_id, policy, zone_block};
use crate::journal::{Archive, Journal, JournalError, Position, Record};
use crate::limits::POSITION_INTERVAL;
use crate::proof::image;
use crate::standing::{Progress, Standing, StandingError};
use plinth_privacy::pool::batch::{SenderId, Verifier};
use plinth_privacy::pool::directive::SignedDirective;
use plinth_privacy::pool::error::BlockError;
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::pool::{Draft, Outcome, Pool, Refusal};
use plinth_privacy::transaction::Transaction;
use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, TimestampNs};
use plinth_zone_protocol::{Finalized, Hello, Welcome};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// The zone cannot go on.
#[derive(Debug, Error)]
pub enum ZoneError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What settlement says cannot be.
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// A block that settlement would not take.
    #[error(transparent)]
    Block(#[from] ZoneBlockError),
    /// A block that the pool's rules forbid.
    #[error("block {height}: {error}")]
    Pool {
        /// Which.
        height: Height,
        /// Why.
        error: BlockError,
    },
    /// The journal's body does not decode.
    #[error("block {height} of the journal: {error}")]
    Body {
        /// Which.
        height: Height,
        /// What is wrong.
        error: DecodeError,
    },
    /// Executed again, a block comes out otherwise.
    #[error("block {0} of the journal is another one when it is executed again: the program's rules are not those that made it")]
    Differs(Height),
    /// The mode of the zone names another program than this one.
    #[error("settlement wants proofs by guest {wanted}, this program is guest {own}: no validator would verify its blocks")]
    OtherGuest {
        /// By the zone's mode.
        wanted: Digest,
        /// This one.
        own: Digest,
    },
    /// Ordered is another header than that of the block made here.
    #[error("settlement ordered block {height} of this zone with header {ordered}, made here it is {made}")]
    OtherHeader {
        /// Which.
        height: Height,
        /// There.
        ordered: Digest,
        /// Here, with what settlement says it wrote into it.
        made: Digest,
    },
    /// The news say of other blocks what was written into their headers.
    #[error("settlement block {height} orders {ordered} blocks of this zone, and tells of {completions} headers")]
    Headers {
        /// Of the base layer.
        height: Height,
        /// Blocks ordered.
        ordered: usize,
        /// Headers told of.
        completions: usize,
    },
    /// Settled is another block.
    #[error("settlement settled block {height} of this zone with body {settled}, here its body is {executed}")]
    OtherBlock {
        /// Which.
        height: Height,
        /// There.
        settled: Digest,
        /// Here.
        executed: Digest,
    },
}

/// The zone.
#[derive(Debug)]
pub struct Zone {
    pool: Pool,
    journal: Journal,
    standing: Standing,
    /// The position of the last record.
    durable: Position,
    last_body: Digest,
}

/// What became of candidates.
#[derive(Debug)]
pub struct Made {
    /// The block, if there is one.
    pub height: Option<Height>,
    /// Candidates that are not in it, by place, with the reason.
    pub refused: Vec<(usize, Refusal)>,
}

impl Zone {
    /// Opens or begins the zone of this pool.
    pub fn open(genesis: PoolState, journal: &Path) -> Result<Self, ZoneError> {
        let named = policy(&genesis);
        let (mut pool, mut standing) = (Pool::new(genesis), Standing::default());
        let (mut durable, mut last_body) = (Position::default(), Digest::ZERO);
        let journal = Journal::open(journal, named, |record| -> Result<(), ZoneError> {
            let (position, block) = match record {
                Record::Block(position, block) => (position, Some(block)),
                Record::Position(position) | Record::Ordered(position, ..) => (position, None),
            };
            if let Some(written) = block {
                let height = written.header.height;
                let body = Body::decode(&written.body.0).map_err(|error| ZoneError::Body { height, error })?;
                let again = pool.replay(body.block).map_err(|error| ZoneError::Pool { height, error })?;
                if zone_block(again)? != *written {
                    return Err(ZoneError::Differs(height));
                }
                last_body = written.header.body_hash;
                standing.executed(height, written.header.inbox_index);
            }
            standing.resume(position);
            durable = position;
            Ok(())
        })?;
        if journal.lacks_headers() {
            // Settlement tells everything again.
            durable.settlement = Height::new(0);
        }
        Ok(Self { pool, journal, standing, durable, last_body })
    }

    /// The pool's state behind the last block.
    #[must_use]
    pub const fn state(&self) -> &PoolState {
        self.pool.state()
    }

    /// Blocks by height, for other threads.
    #[must_use]
    pub fn archive(&self) -> Arc<Archive> {
        self.journal.archive()
    }

    /// How far blocks have come.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.standing.progress()
    }

    /// What the host is told first. Nothing beyond it is durable.
    #[must_use]
    pub fn hello(&self) -> Hello {
        Hello {
            chain: self.state().id.chain,
            zone: self.state().id.zone,
            genesis: self.durable.genesis,
            epoch: ProducerEpoch::new(0),
            height: self.state().height,
            body_hash: self.last_body,
            settlement_height: self.durable.settlement,
        }
    }

    /// The host is there, and answers the last [`Zone::hello`]. Gives the first block to be handed over.
    pub fn welcome(&mut self, welcome: &Welcome) -> Result<Height, ZoneError> {
        let (wanted, own) = (welcome.guest_image, image());
        if wanted != Digest::ZERO && wanted != own {
            return Err(ZoneError::OtherGuest { wanted, own });
        }
        self.standing.welcome(welcome, self.durable.settlement)?;
        Ok(welcome.settled.next())
    }

    /// The host is gone.
    pub const fn disconnected(&mut self) {
        self.standing.disconnected();
    }

    /// Takes the news of a settlement block in. Gives the first block to be handed over again, if any is.
    pub fn news(&mut self, news: &Finalized) -> Result<Option<Height>, ZoneError> {
        for block in news.settled.iter() {
            let executed = self.journal.archive().block(block.height)?.header.body_hash;
            if executed != block.body_hash {
                return Err(ZoneError::OtherBlock { height: block.height, settled: block.body_hash, executed });
            }
        }
        self.keep_headers(news)?;
        let again = self.standing.news(news)?;
        let position = self.position();
        if position.settlement.get() >= self.durable.settlement.get() + POSITION_INTERVAL {
            self.journal.append(&Record::Position(position))?;
            self.durable = position;
        }
        Ok(again)
    }

    /// Writes down what settlement wrote into the headers of blocks that it ordered.
    fn keep_headers(&mut self, news: &Finalized) -> Result<(), ZoneError> {
        let (ordered, completions) = (news.ordered.len(), news.completions.len());
        if ordered != completions {
            return Err(ZoneError::Headers { height: news.height, ordered, completions });
        }
        let (archive, position) = (self.journal.archive(), self.position());
        for (block, completion) in news.ordered.iter().zip(news.completions.iter()) {
            let height = block.height;
            if height > archive.height() {
                return Err(StandingError::Ahead(height).into());
            }
            let expected = archive.ordered().next();
            if height > expected {
                return Err(StandingError::HeaderGap { found: height, expected }.into());
            }
            if height < expected && archive.completion(height)? == *completion {
                continue;
            }
            let made = header_id(&completion.complete(archive.block(height)?.header));
            if made != block.id {
                return Err(ZoneError::OtherHeader { height, ordered: block.id, made });
            }
            self.journal.append(&Record::Ordered(position, height, *completion))?;
            self.durable = position;
        }
        Ok(())
    }

    /// How far the news have their effects, durably.
    #[must_use]
    pub fn position(&self) -> Position {
        self.standing.position(self.state().inbox)
    }

    /// Whether settlement lets another block be made.
    #[must_use]
    pub fn may_build(&self) -> bool {
        self.standing.may_build()
    }

    /// Whether a block is due whatever wallets send.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.standing.has_messages()
    }

    /// Forgets which senders sent bad proofs.
    pub fn next_window(&mut self) {
        self.pool.next_window();
    }

    /// Makes a block of messages, directives that the state admits, and what of the candidates may stand in it; durable when this returns.
    pub fn make(
        &mut self,
        verifier: &Verifier,
        now: TimestampNs,
        directives: Vec<SignedDirective>,
        candidates: Vec<(SenderId, Transaction)>,
    ) -> Result<Made, ZoneError> {
        let arrivals = self.standing.next_messages();
        let consumed = arrivals.last().map_or(self.state().inbox, |message| message.index);
        let height = self.state().height.next();
        let draft = Draft { time: now.max(self.state().time), directives, arrivals, candidates };
        let sealed = match self.pool.seal_if_any(verifier, draft).map_err(|error| ZoneError::Pool { height, error })? {
            Outcome::Nothing(refused) => return Ok(Made { height: None, refused }),
            Outcome::Sealed(sealed) => *sealed,
        };
        let refused = sealed.refused.clone();
        let block = zone_block(sealed)?;
        let (body_hash, position) = (block.header.body_hash, self.standing.position(consumed));
        self.journal.append(&Record::Block(position, Box::new(block)))?;
        (self.durable, self.last_body) = (position, body_hash);
        self.standing.executed(height, consumed);
        Ok(Made { height: Some(height), refused })
    }
}
