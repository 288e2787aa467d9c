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

/// The zone takes no more for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("throttled")]
pub struct Full;
