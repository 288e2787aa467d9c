//! Who may act on what: sessions, and the mandates they act under.

use crate::engine::region;
use plinth_types::command::Command;
use plinth_types::id::{AccountId, MandateId, SessionId, TimestampNs};
use plinth_types::page::Touch;
use plinth_types::reference::{Mandate, Scope};
use plinth_types::reject::Reject;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    pub(crate) struct MandateRecord in region::MANDATES, 16 bytes {
        pub(crate) expires_at: u64,
        pub(crate) account: u32,
        pub(crate) session: u16,
        /// [`SCOPE_NONE`] where no mandate is.
        pub(crate) scope: u8,
        /// What protects its session and account: bits of [`Guard`](crate::engine::protection::Guard).
        pub(crate) guard: u8,
    }
}

table_record! {
    pub(crate) struct SessionRecord in region::SESSIONS, 16 bytes {
        /// The index of its last order; the next one has this plus 1.
        pub(crate) orders: u64,
        /// 1 if it is suspended.
        pub(crate) suspended: u8,
    }
}

pub(crate) const SCOPE_NONE: u8 = 0;
const SCOPE_TRADE: u8 = 1;
const SCOPE_CANCEL_ONLY: u8 = 2;

/// What a command wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Enter or change an order.
    Trade,
    /// Take an order off.
    Cancel,
}

impl MandateRecord {
    pub(crate) const fn new(mandate: &Mandate, guard: u8) -> Self {
        Self {
            expires_at: mandate.expires_at.get(),
            account: mandate.account.get(),
            session: mandate.session.get(),
            scope: match mandate.scope {
                Scope::Trade => SCOPE_TRADE,
                Scope::CancelOnly => SCOPE_CANCEL_ONLY,
            },
            guard,
        }
    }

    /// As it was granted; `None` where no mandate is.
    pub(crate) const fn mandate(&self, id: MandateId) -> Option<Mandate> {
        let scope = match self.scope {
            SCOPE_TRADE => Scope::Trade,
            SCOPE_CANCEL_ONLY => Scope::CancelOnly,
            _ => return None,
        };
        Some(Mandate {
            id,
            session: SessionId::new(self.session),
            account: AccountId::new(self.account),
            scope,
            expires_at: TimestampNs::new(self.expires_at),
        })
    }
}

/// The account that `command` acts on under its mandate, and what guards it: none of the guard's bits are looked at here.
///
/// # Errors
///
/// [`Reject::NotMandated`]: no such mandate, another session's, expired, or of a smaller scope.
#[inline(always)]
pub(crate) fn account<T: Touch>(
    mandates: &Table<MandateRecord>,
    touch: &mut T,
    command: &Command,
    act: Act,
) -> Result<(AccountId, u8), Reject> {
    let slot = command.mandate.get() as usize;
    if slot >= mandates.records().len() {
        return Err(Reject::NotMandated);
    }
    let mandate = mandates.get(touch, slot);
    let allowed = match act {
        Act::Trade => mandate.scope == SCOPE_TRADE,
        Act::Cancel => mandate.scope != SCOPE_NONE,
    };
    if !allowed || mandate.session != command.session.get() || command.time.get() > mandate.expires_at {
        return Err(Reject::NotMandated);
    }
    Ok((AccountId::new(mandate.account), mandate.guard))
}
