//! Value on its way out of the zone: withdrawals that owners sign, and what owners request through settlement.
//!
//! A withdrawal must carry its account's next number, which is used up even if it is refused: what was signed once is answered once. It
//! takes only what no open order has reserved. What is taken is the message that [`plinth_types::withdrawal::outbox_message`] makes of
//! the command, at the place in its channel that the event says.
//!
//! The owner's signature of a withdrawal is checked by who sequences it and who audits a body, that of a request by settlement. What a
//! kill switch stops is trading: an owner may always take out what is free, and have an order of its own cancelled.

use crate::engine::{Engine, region};
use crate::limits::CHANNELS_MAX;
use plinth_types::codec::Codec;
use plinth_types::command::Command;
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, AssetId, OrderId, PublicKey, SessionId, ZoneId};
use plinth_types::owner::Request;
use plinth_types::page::Touch;
use plinth_types::quantity::Amount;
use plinth_types::reject::Reject;
use plinth_types::table_record;
use plinth_types::transfer::Party;
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};

table_record! {
    /// What went to the zone of this slot's number.
    pub(crate) struct Channel in region::CHANNELS, 8 bytes {
        /// The last message's place.
        pub(crate) sent: u64,
    }
}

impl<T: Touch> Engine<T> {
    pub(crate) fn withdraw<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        sink.emit(self.try_withdraw(command, tail).unwrap_or_else(|reject| Event::WithdrawalRefused { reject }));
    }

    fn try_withdraw(&mut self, command: &Command, tail: &[u8]) -> Result<Event, Reject> {
        if command.session != SessionId::APPLIANCE {
            return Err(Reject::NotMandated);
        }
        let SignedWithdrawal { withdrawal, .. } = SignedWithdrawal::decode(tail).map_err(|_| Reject::Malformed)?;
        let Withdrawal { zone, account, nonce, asset, amount, to, expires_at } = withdrawal;
        if zone != ZoneId::TRADING {
            return Err(Reject::Malformed);
        }
        self.custody.count_withdrawal(&mut self.touch, account, nonce)?;
        if command.time > expires_at {
            return Err(Reject::Expired);
        }
        self.send(account, asset, amount, to.zone)
    }

    /// Carries out what the owner `from` had settlement put before the zone.
    pub(crate) fn answer<S: EventSink>(&mut self, from: Party, request: &Request, sink: &mut S) -> Result<(), Reject> {
        let owner = from.address.owner();
        match *request {
            Request::Withdraw { account, to, asset, amount } => {
                let account = account.account().ok_or(Reject::Malformed)?;
                self.check_owner(account, owner)?;
                let sent = self.send(account, asset, amount, to.zone)?;
                sink.emit(sent);
            }
            Request::Cancel { order } => {
                let lots = self.take_off_for(owner, order)?;
                sink.emit(Event::Cancelled { order, lots, reason: CancelReason::OwnerRequested });
            }
        }
        Ok(())
    }

    fn take_off_for(&mut self, owner: PublicKey, order: OrderId) -> Result<plinth_types::quantity::Lots, Reject> {
        let place = self.index.find(&mut self.touch, &self.nodes, order.bits()).ok_or(Reject::UnknownOrder)?;
        let account = AccountId::new(self.nodes.get(&mut self.touch, place.slot as usize).account);
        // As if it were not there: whose order it is concerns nobody else.
        self.check_owner(account, owner).map_err(|_| Reject::UnknownOrder)?;
        Ok(self.take_off(place))
    }

    fn check_owner(&mut self, account: AccountId, owner: PublicKey) -> Result<(), Reject> {
        if self.custody.owner(&mut self.touch, account)? == owner { Ok(()) } else { Err(Reject::NotMandated) }
    }

    fn send(&mut self, account: AccountId, asset: AssetId, amount: Amount, to: ZoneId) -> Result<Event, Reject> {
        let slot = usize::from(to.get());
        if slot >= CHANNELS_MAX || to == ZoneId::TRADING {
            return Err(Reject::UnknownZone { zone: to });
        }
        if amount == Amount::ZERO {
            return Err(Reject::Malformed);
        }
        self.custody.debit(&mut self.touch, account, asset, amount)?;
        let channel = self.channels.get_mut(&mut self.touch, slot);
        channel.sent += 1;
        Ok(Event::Withdrawn { account, asset, to, channel_seq: channel.sent })
    }
}
