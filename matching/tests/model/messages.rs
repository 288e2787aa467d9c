//! What comes from settlement and what goes there.

use crate::Model;
use plinth_types::codec::Codec;
use plinth_types::command::Command;
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AccountId, AssetId, InboxIndex, OrderId, PublicKey, SessionId, ZoneId};
use plinth_types::limits::AMOUNT_MAX;
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::owner::Request;
use plinth_types::quantity::{Amount, Lots};
use plinth_types::reject::Reject;
use plinth_types::transfer::Address;
use plinth_types::withdrawal::SignedWithdrawal;

/// As the flow opens accounts.
const fn owner_of(account: AccountId) -> PublicKey {
    PublicKey([account.get() as u8; 32])
}

impl Model {
    pub(crate) fn inbox(&mut self, command: &Command, tail: &[u8]) {
        let expected = self.inbox + 1;
        let mut ignore = |index, reject| self.events.push(Event::InboxIgnored { index, reject });
        if command.session != SessionId::APPLIANCE {
            return ignore(InboxIndex::new(expected), Reject::NotMandated);
        }
        let Ok(message) = InboxMessage::decode(tail) else {
            return ignore(InboxIndex::new(expected), Reject::Malformed);
        };
        let InboxMessage { index, account, asset, amount, kind, from, .. } = message;
        if message.zone != ZoneId::TRADING {
            return ignore(index, Reject::Malformed);
        }
        if index.get() != expected {
            return ignore(index, Reject::OutOfSequence { expected });
        }
        let done = match kind {
            InboxKind::Transfer | InboxKind::Bounce => {
                self.credit(account, asset, amount).map(|account| Event::Credited { index, account, asset })
            }
            InboxKind::Request(Request::Cancel { order }) => self.cancel_for(from.address.owner(), order),
            InboxKind::Request(Request::Withdraw { account, to, asset, amount }) => match account.account() {
                None => Err(Reject::Malformed),
                Some(account) => self.known_account(account).and_then(|()| match owner_of(account) == from.address.owner() {
                    true => self.send(account, asset, amount, to.zone),
                    false => Err(Reject::NotMandated),
                }),
            },
        };
        match done {
            Err(reject) if kind == InboxKind::Bounce => return self.events.push(Event::InboxIgnored { index, reject }),
            Err(reject) => self.events.push(Event::InboxRefused { index, reject }),
            Ok(event) => self.events.push(event),
        }
        self.inbox = expected;
    }

    pub(crate) fn credit(&mut self, account: Address, asset: AssetId, amount: Amount) -> Result<AccountId, Reject> {
        let account = account.account().ok_or(Reject::Malformed)?;
        self.known_account(account)?;
        self.known_asset(asset)?;
        let total = &mut self.totals[usize::from(asset.get())];
        if *total + amount.units() > AMOUNT_MAX {
            return Err(Reject::AmountTooLarge);
        }
        *total += amount.units();
        self.balances.entry((account.get() as usize, asset.get())).or_default().settled += amount.units();
        Ok(account)
    }

    pub(crate) fn cancel_for(&mut self, owner: PublicKey, order: OrderId) -> Result<Event, Reject> {
        let (found, open) = self.locate(order).ok_or(Reject::UnknownOrder)?;
        if owner_of(AccountId::new(open.account as u32)) != owner {
            return Err(Reject::UnknownOrder);
        }
        let lots = Lots::new(self.remove(found).left);
        Ok(Event::Cancelled { order, lots, reason: CancelReason::OwnerRequested })
    }

    pub(crate) fn withdraw(&mut self, command: &Command, tail: &[u8]) -> Result<Event, Reject> {
        if command.session != SessionId::APPLIANCE {
            return Err(Reject::NotMandated);
        }
        let withdrawal = SignedWithdrawal::decode(tail).map_err(|_| Reject::Malformed)?.withdrawal;
        if withdrawal.zone != ZoneId::TRADING {
            return Err(Reject::Malformed);
        }
        self.known_account(withdrawal.account)?;
        let last = self.withdrawals.entry(withdrawal.account.get()).or_default();
        if withdrawal.nonce != *last + 1 {
            return Err(Reject::OutOfSequence { expected: *last + 1 });
        }
        *last += 1;
        if command.time > withdrawal.expires_at {
            return Err(Reject::Expired);
        }
        self.send(withdrawal.account, withdrawal.asset, withdrawal.amount, withdrawal.to.zone)
    }

    pub(crate) fn send(&mut self, account: AccountId, asset: AssetId, amount: Amount, to: ZoneId) -> Result<Event, Reject> {
        if to == ZoneId::TRADING || to.get() >= 64 {
            return Err(Reject::UnknownZone { zone: to });
        }
        if amount == Amount::ZERO {
            return Err(Reject::Malformed);
        }
        self.known_account(account)?;
        self.known_asset(asset)?;
        let balance = self.balances.entry((account.get() as usize, asset.get())).or_default();
        let available = balance.settled - balance.reserved;
        if amount.units() > available {
            let shortfall = u64::try_from(amount.units() - available).unwrap_or(u64::MAX);
            return Err(Reject::InsufficientFunds { asset, shortfall });
        }
        balance.settled -= amount.units();
        self.totals[usize::from(asset.get())] -= amount.units();
        self.withdrawn[usize::from(asset.get())] += amount.units();
        let sent = self.sent.entry(to).or_default();
        *sent += 1;
        Ok(Event::Withdrawn { account, asset, to, channel_seq: *sent })
    }
}
