//! What an owner signs to take value out of the trading zone.

use crate::codec::{Codec, signed_bytes};
use crate::command::{Body, Command};
use crate::id::{AccountId, AssetId, ChainId, Signature, TimestampNs, ZoneId};
use crate::message::{InboxKind, InboxMessage};
use crate::owner::Request;
use crate::quantity::Amount;
use crate::record;
use crate::transfer::{Address, OutboxMessage, Party};
use alloc::vec::Vec;

/// An owner's order to send an asset of one of its accounts elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Out of which zone.
    pub zone: ZoneId,
    /// Out of which account.
    pub account: AccountId,
    /// The account's count of withdrawals, from 1; each number is used once, by a refused one too.
    pub nonce: u64,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// To whom.
    pub to: Party,
    /// The zone refuses it later than this, and settlement sends it back instead of delivering it later than this.
    pub expires_at: TimestampNs,
}

/// A withdrawal with the signature of the account's owner over [`Withdrawal::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedWithdrawal {
    /// What was signed.
    pub withdrawal: Withdrawal,
    /// By the owner of the account. The core does not check it; who sequences the withdrawal and who audits a body does.
    pub signature: Signature,
}

impl Withdrawal {
    /// Domain of the owner's signature.
    pub const DOMAIN: &'static [u8] = b"plinth/withdrawal/1";

    /// What the owner signs: domain, chain, withdrawal.
    #[must_use]
    pub fn signed_bytes(&self, chain: ChainId) -> Vec<u8> {
        signed_bytes(Self::DOMAIN, chain, self)
    }

    /// The message that carries it, at its place in the channel.
    #[must_use]
    pub const fn message(&self, channel_seq: u64) -> OutboxMessage {
        let &Self { account, asset, amount, to, expires_at, .. } = self;
        OutboxMessage { channel_seq, to, asset, amount, sender: Address::of_account(account), expires_at }
    }
}

impl SignedWithdrawal {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

/// The message that a command sent, at the place in the channel that its [`Withdrawn`](crate::event::Event::Withdrawn) says: of a
/// withdrawal, or of a request for one, which does not expire. `None` for a command that sends nothing.
#[must_use]
pub fn outbox_message(command: &Command, tail: &[u8], channel_seq: u64) -> Option<OutboxMessage> {
    match command.body {
        Body::Withdraw => Some(SignedWithdrawal::decode(tail).ok()?.withdrawal.message(channel_seq)),
        Body::Inbox => match InboxMessage::decode(tail).ok()?.kind {
            InboxKind::Request(Request::Withdraw { account, to, asset, amount }) => {
                let expires_at = TimestampNs::new(u64::MAX);
                Some(OutboxMessage { channel_seq, to, asset, amount, sender: account, expires_at })
            }
            InboxKind::Transfer | InboxKind::Bounce | InboxKind::Request(Request::Cancel { .. }) => None,
        },
        Body::New(_)
        | Body::Cancel { .. }
        | Body::Replace { .. }
        | Body::MassCancel(_)
        | Body::MassQuote(_)
        | Body::Configure
        | Body::Note => None,
    }
}

record!(Withdrawal { zone, account, nonce, asset, amount, to, expires_at });

record!(SignedWithdrawal { withdrawal, signature }, version "withdrawal version");
