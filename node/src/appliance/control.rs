//! What other threads ask of the core stage, and how they reach it.

use super::cursor::Cursor;
use super::markets::{MarketAnswer, MarketOrder, MarketState};
use crossbeam_channel::{Sender, bounded};
use plinth_gateway::{GatewayStatus, Waker};
use plinth_types::id::{AccountId, AssetId, InboxIndex, Seq};
use plinth_types::message::{InboxMessage, Note};
use plinth_types::quantity::Amount;
use plinth_types::reference::Configuration;
use plinth_types::reject::Reject;
use plinth_types::withdrawal::SignedWithdrawal;
use std::time::Duration;

/// Longest wait for an answer of the core stage.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// What other threads ask of the core stage, answered in the same turn.
#[derive(Debug)]
pub(super) enum Control {
    /// Say how things are.
    Ask(Sender<CoreStatus>),
    /// Say which number the account's next withdrawal must carry; `None` if there is no such account.
    NextWithdrawal(AccountId, Sender<Option<u64>>),
    /// Sequence a withdrawal whose signature was checked; answered when what came of it is durable.
    Withdraw(Box<SignedWithdrawal>, Sender<WithdrawalAnswer>),
    /// Halt a market or open it again; answered when what came of it is durable.
    Market(MarketOrder, Sender<MarketAnswer>),
    /// Finish what is durable, close the sessions and end.
    Stop,
}

/// What became of a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WithdrawalAnswer {
    /// It is debited, durably, and a message in the zone's outbox.
    Sent {
        /// The record.
        seq: Seq,
        /// The message's place in the channel to its destination.
        channel_seq: u64,
    },
    /// The zone refuses it; its number is used up unless it was not the next.
    Refused(Reject),
    /// The zone takes nothing at the moment; to be sent again.
    Busy,
}

/// A record that the appliance itself sequences.
#[derive(Clone, Debug)]
pub(super) enum ApplianceRecord {
    /// Reference data.
    Configure(Box<Configuration>),
    /// A message for the zone.
    Inbox(InboxMessage),
    /// A fact for the host.
    Note(Note),
}

/// How the core stage is.
#[derive(Clone, Debug)]
pub(super) struct CoreStatus {
    pub(super) seq: Seq,
    pub(super) durable_seq: Seq,
    pub(super) orders_live: u64,
    pub(super) inbox_index: InboxIndex,
    pub(super) totals: Vec<CustodyTotal>,
    pub(super) balanced: bool,
    pub(super) markets: Vec<MarketState>,
    pub(super) cursor: Cursor,
    pub(super) gateway: GatewayStatus,
}

/// What the zone holds of an asset, and what ever left it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CustodyTotal {
    pub(super) asset: AssetId,
    pub(super) held: Amount,
    pub(super) withdrawn: Amount,
}

/// How other threads reach the core stage.
#[derive(Clone, Debug)]
pub(super) struct CoreHandle {
    control: Sender<Control>,
    records: Sender<ApplianceRecord>,
    waker: Waker,
}

impl CoreHandle {
    pub(super) const fn new(control: Sender<Control>, records: Sender<ApplianceRecord>, waker: Waker) -> Self {
        Self { control, records, waker }
    }

    /// Asks. False when the core stage is gone.
    pub(super) fn send(&self, control: Control) -> bool {
        let sent = self.control.send(control).is_ok();
        self.waker.wake();
        sent
    }

    /// Has a record sequenced; waits while too many wait already. False when the core stage is gone.
    pub(super) fn sequence(&self, record: ApplianceRecord) -> bool {
        let sent = self.records.send(record).is_ok();
        self.waker.wake();
        sent
    }

    /// `None` when the core stage is gone.
    pub(super) fn ask(&self) -> Option<CoreStatus> {
        let (sender, receiver) = bounded(1);
        self.send(Control::Ask(sender));
        receiver.recv_timeout(ASK_TIMEOUT).ok()
    }
}
