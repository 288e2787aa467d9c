//! The gateway's only way into the zone.

use plinth_types::command::Body;
use plinth_types::id::{MandateId, Seq, SessionId};

/// Takes commands to be sequenced, journaled and executed.
pub trait Zone {
    /// Hands over one command. What comes of it comes back through `Gateway::deliver`, once it is durable, in sequence.
    ///
    /// # Errors
    ///
    /// [`Full`] when the zone takes no more for now. Nothing was kept; the gateway refuses the client, or asks again itself.
    fn submit(&mut self, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Result<Seq, Full>;
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
}
