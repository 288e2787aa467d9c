//! A request for quotes: what one party asks several others, and what they answer. A private swap ([`super::swap`]) of the sums that were
//! quoted ends it.
//!
//! ```text
//! who asks                                   each of those asked
//! Request ── letter to each ────────────►    answers once, or not at all
//! takes the best ◄──────── letter ── Quote   remembers what it quoted, and to whom
//! swap offer ── letter to that one ─────►    accepts exactly the sums quoted, once, until the quote ends
//! settles ◄──── letter ── swap acceptance
//! ```
//!
//! * [`super::letter`]s carry all of it: a quote is bound to who gave it by who wrote the letter.
//! * A request is known by its hash, which everything that follows names. Times are of the parties' own clocks, nanoseconds of the Unix epoch;
//!   no quote lasts longer than its request, so both may forget a request that has ended.
//!
//! Known limitations: a quote binds by reputation alone: nobody can be made to accept, and nothing is reserved until the swap's legs are made.
//! Those asked together see the same request, and can find out so if they talk.

use crate::note::{PoolAsset, Value};
use crate::transaction::PoolId;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use plinth_types::{choice, record};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// What who asks wants to do with the asset asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Give it: the highest quote is the best.
    Sell,
    /// Take it: the lowest quote is the best.
    Buy,
}

/// A request for quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The pool that the swap will be in.
    pub pool: PoolId,
    /// Drawn for this request, so that no two are the same.
    pub nonce: [u8; 32],
    /// What who asks wants to do.
    pub side: Side,
    /// With which asset.
    pub asset: PoolAsset,
    /// How much of it.
    pub value: Value,
    /// The asset that quotes are in.
    pub against: PoolAsset,
    /// When it ends; no quote lasts longer.
    pub until: TimestampNs,
}

/// An answer: the sum of the other asset for the whole that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The request's [`Request::id`].
    pub request: Digest,
    /// How much of the asset that quotes are in.
    pub value: Value,
    /// When it ends.
    pub until: TimestampNs,
}

/// What one party gives and takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// From this party.
    pub give: (PoolAsset, Value),
    /// To this party.
    pub take: (PoolAsset, Value),
}

impl Sums {
    /// As the other party sees them.
    #[must_use]
    pub const fn turned(self) -> Self {
        Self { give: self.take, take: self.give }
    }
}

choice!(Side, "side of a request for quotes" { 1 => Sell, 2 => Buy });
record!(Request { pool, nonce, side, asset, value, against, until }, version "version of a request for quotes");
record!(Quote { request, value, until }, version "version of a quote");

/// Why a request or a quote is not to be acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RfqError {
    /// The request is for another pool.
    #[error("the request is for another pool")]
    OtherPool,
    /// An asset against itself.
    #[error("the request is for an asset against itself")]
    SameAsset,
    /// A sum of nothing.
    #[error("a sum of 0")]
    Nothing,
    /// The request has ended.
    #[error("the request has ended")]
    RequestEnded,
    /// The quote is for another request.
    #[error("the quote is for another request")]
    OtherRequest,
    /// The quote claims to last longer than its request.
    #[error("the quote lasts longer than its request")]
    TooLong,
    /// The quote has ended.
    #[error("the quote has ended")]
    QuoteEnded,
}

impl Request {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// By what it is known.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest(Sha256::new().chain_update(b"plinth/rfq-request/1").chain_update(self.to_bytes()).finalize().into())
    }

    /// Can it be answered?
    ///
    /// # Errors
    ///
    /// [`RfqError`].
    pub fn check(&self, pool: PoolId, now: TimestampNs) -> Result<(), RfqError> {
        if self.pool != pool {
            return Err(RfqError::OtherPool);
        }
        if self.asset.asset() == self.against.asset() {
            return Err(RfqError::SameAsset);
        }
        if self.value == Value::ZERO {
            return Err(RfqError::Nothing);
        }
        if now > self.until { Err(RfqError::RequestEnded) } else { Ok(()) }
    }

    /// Is this an answer to it that can still be taken?
    ///
    /// # Errors
    ///
    /// [`RfqError`].
    pub fn judge(&self, quote: &Quote, now: TimestampNs) -> Result<(), RfqError> {
        if quote.request != self.id() {
            return Err(RfqError::OtherRequest);
        }
        if quote.value == Value::ZERO {
            return Err(RfqError::Nothing);
        }
        if quote.until > self.until {
            return Err(RfqError::TooLong);
        }
        if now > quote.until { Err(RfqError::QuoteEnded) } else { Ok(()) }
    }

    /// The sums of a swap at this quote, as who asks sees them.
    #[must_use]
    pub const fn sums(&self, quote: &Quote) -> Sums {
        let (asked, quoted) = ((self.asset, self.value), (self.against, quote.value));
        match self.side {
            Side::Sell => Sums { give: asked, take: quoted },
            Side::Buy => Sums { give: quoted, take: asked },
        }
    }

    /// Which of these quotes is the best for who asks; the first of equals.
    #[must_use]
    pub fn best(&self, quotes: impl IntoIterator<Item = Quote>) -> Option<usize> {
        let worth = |quote: &Quote| match self.side {
            Side::Sell => u64::MAX - quote.value.units(),
            Side::Buy => quote.value.units(),
        };
        quotes.into_iter().enumerate().min_by_key(|(_, quote)| worth(quote)).map(|(index, _)| index)
    }
}

impl Quote {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}
