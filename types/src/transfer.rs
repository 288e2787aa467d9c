//! Value between zones: who sends, who receives, and the message that a zone's outbox holds.

use crate::codec::{Codec, DecodeError, Reader};
use crate::id::{AccountId, AssetId, ChainId, PublicKey, TimestampNs, ZoneId};
use crate::quantity::Amount;
use crate::record;
use alloc::vec::Vec;
use core::fmt;

/// Who receives or sends, in the words of one zone: on the base layer an owner's public key, in the trading zone a custody account,
/// elsewhere what that zone says. Settlement reads it on the base layer only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 32]);

/// An address and the zone that understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    /// The zone, or the base layer.
    pub zone: ZoneId,
    /// Who, there.
    pub address: Address,
}

/// A message as its zone sends it: value for someone elsewhere.
///
/// Its place in the channel from its zone to the destination's orders it for good: settlement delivers a channel in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its place in the channel from its zone to `to.zone`, over the zone's whole life, from 1.
    pub channel_seq: u64,
    /// Who receives it.
    pub to: Party,
    /// What moves.
    pub asset: AssetId,
    /// How much, above zero.
    pub amount: Amount,
    /// Who sent it, in its zone, and who gets it back.
    pub sender: Address,
    /// If settlement would deliver it later than this, it goes back instead.
    pub expires_at: TimestampNs,
}

impl Address {
    /// A custody account of the trading zone: its number in the first four bytes, then zeros.
    #[must_use]
    pub const fn of_account(account: AccountId) -> Self {
        let mut bytes = [0; 32];
        let [a, b, c, d] = account.get().to_le_bytes();
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (a, b, c, d);
        Self(bytes)
    }

    /// The custody account of the trading zone; `None` if this is none.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        let [a, b, c, d, rest @ ..] = &self.0;
        rest.iter().all(|byte| *byte == 0).then(|| AccountId::new(u32::from_le_bytes([*a, *b, *c, *d])))
    }

    /// An owner on the base layer.
    #[must_use]
    pub const fn of_owner(owner: PublicKey) -> Self {
        Self(owner.0)
    }

    /// The owner on the base layer.
    #[must_use]
    pub const fn owner(&self) -> PublicKey {
        PublicKey(self.0)
    }
}

impl Party {
    /// An owner on the base layer.
    #[must_use]
    pub const fn owner(owner: PublicKey) -> Self {
        Self { zone: ZoneId::BASE, address: Address::of_owner(owner) }
    }
}

impl OutboxMessage {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Domain of the message's id.
    pub const DOMAIN: &'static [u8] = b"plinth/outbox-message/1";
    /// Domain of a block's outbox root.
    pub const LIST_DOMAIN: &'static [u8] = b"plinth/outbox/1";

    /// What the id is the SHA-256 of: domain, chain, the zone that sends it, message. No two messages of a chain have the same.
    #[must_use]
    pub fn id_bytes(&self, chain: ChainId, from: ZoneId) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        chain.encode(&mut out);
        from.encode(&mut out);
        self.encode(&mut out);
        out
    }

    /// What the outbox root is the SHA-256 of: domain and each message, in order. A block without messages has the root zero.
    #[must_use]
    pub fn list_bytes(messages: &[Self]) -> Vec<u8> {
        let mut out = Self::LIST_DOMAIN.to_vec();
        messages.iter().for_each(|message| message.encode(&mut out));
        out
    }
}

record!(OutboxMessage { channel_seq, to, asset, amount, sender, expires_at }, version "outbox message version");

impl Codec for Address {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(Self)
    }
}

record!(Party { zone, address });

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_address_and_most_addresses_are_no_account() {
        let account = AccountId::new(0x0102_0304);
        assert_eq!(Address::of_account(account).account(), Some(account));
        assert_eq!(Address([1; 32]).account(), None);
    }
}
