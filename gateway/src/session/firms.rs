//! Firms: which sessions hear what others are told.

use super::config::{Role, SessionConfig};
use plinth_types::id::SessionId;
use std::collections::HashMap;

/// The sessions that each drop-copy session hears: those of its firm, less other drop-copy sessions.
#[derive(Clone, Debug, Default)]
pub struct Firms {
    heard: HashMap<SessionId, Vec<SessionId>>,
}

impl Firms {
    /// Of all configured sessions.
    #[must_use]
    pub fn of(sessions: &[SessionConfig]) -> Self {
        let hears = |own: &SessionConfig, other: &SessionConfig| other.role != Role::DropCopy && own.firm == other.firm;
        let listening = sessions.iter().filter(|own| own.role == Role::DropCopy && own.firm.is_some());
        let heard = listening.map(|own| {
            let others = sessions.iter().filter(|other| hears(own, other));
            (own.id, others.map(|other| other.id).collect())
        });
        Self { heard: heard.collect() }
    }

    /// The sessions that one hears; none unless it is a drop-copy session.
    #[must_use]
    pub fn heard_by(&self, session: SessionId) -> &[SessionId] {
        self.heard.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Each drop-copy session with one that it hears.
    pub fn pairs(&self) -> impl Iterator<Item = (SessionId, SessionId)> + '_ {
        self.heard.iter().flat_map(|(&own, others)| others.iter().map(move |&other| (own, other)))
    }
}
