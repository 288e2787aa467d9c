//! The gateway's only way into the zone.

use plinth_types::command::Body;
use plinth_types::id::{AccountId, AssetId, MandateId, Seq, SessionId};
use plinth_types::quantity::Amount;

/// Takes commands to be sequenced, journaled and executed.
pub trait Zone {
    /// Hands over one command. What comes of it comes back through `Gateway::deliver`, once it is durable, in sequence.
    ///
    /// # Errors
    ///
    /// [`Full`] when the zone takes no more for now. Nothing was kept; the gateway refuses the client, or asks again itself.
    fn submit(&mut self, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Result<Seq, Full>;

    /// What an account has; `None` if there is no such account, or the zone keeps none.
    fn holdings(&self, account: AccountId) -> Option<Holdings> {
        let _ = account;
        None
    }
}

/// What an account has behind a command, which may not be durable yet: until it is, nobody may hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// The last command that it follows.
    pub behind: Seq,
    /// Of each asset.
    pub held: Vec<Holding>,
}

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which asset.
    pub asset: AssetId,
    /// All that it owns.
    pub settled: Amount,
    /// The part of it that open orders have reserved.
    pub reserved: Amount,
}

/// Why the zone takes no more for now. Cancels pass longer than orders do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// Too much waits to become durable.
    #[error("throttled")]
    Queue,
    /// The host's disk space is low.
    #[error("disk space is low, only cancels are taken")]
    Disk,
    /// Settlement nears the most that it lets be unproven: orders are taken at its rate.
    #[error("settlement is behind, orders are taken at the rate of its proofs")]
    Window,
    /// As much is unproven as may be.
    #[error("settlement waits for proofs, only cancels are taken")]
    Unproven,
    /// Settlement has frozen the zone.
    #[error("the zone is frozen by settlement, only cancels are taken")]
    Frozen,
}
