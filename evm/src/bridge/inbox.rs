//! What an inbox message does, and the system call that does it.

use super::contracts::{BRIDGE, Bridge};
use crate::ethereum::{Address, Bytes, U256, keccak256};
use crate::execution::{Ending, SystemCall};
use crate::limits::INBOX_PER_BLOCK_MAX;
use crate::state::StateView;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, InboxIndex, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::Address as ZoneAddress;
use sha2::{Digest as _, Sha256};

/// Value for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What.
    pub asset: AssetId,
    /// For whom.
    pub to: Address,
    /// How much.
    pub amount: Amount,
}

/// What consuming a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Mints.
    Credit(Credit),
    /// Nothing; the header says so, and value goes back.
    Refuse,
}

/// These messages cannot be consumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InboxError {
    /// The chain's genesis has no bridge.
    #[error("a chain without a bridge consumes no messages")]
    NoBridge,
    /// More than a header could refuse.
    #[error("{0} messages in one block, at most {INBOX_PER_BLOCK_MAX} are possible")]
    TooMany(usize),
    /// Messages are consumed one by one.
    #[error("message {found} of the inbox where {expected} is next")]
    Order {
        /// Given.
        found: InboxIndex,
        /// The one after the last.
        expected: InboxIndex,
    },
    /// Another zone's.
    #[error("message {index} is for zone {zone}")]
    OtherZone {
        /// Which.
        index: InboxIndex,
        /// Whose.
        zone: ZoneId,
    },
    /// A bounce cannot be refused, and no account here sent this one.
    #[error("message {0} gives back what this zone cannot have sent")]
    ForeignBounce(InboxIndex),
    /// The system call that credits did not succeed.
    #[error("the bridge did not take its inbox: {0}")]
    Contract(String),
}

/// Checks that `messages` are the next ones of this state and decides each.
pub fn decide(bridge: Option<&Bridge>, state: &impl StateView, messages: &[InboxMessage]) -> Result<Vec<Decision>, InboxError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let bridge = bridge.ok_or(InboxError::NoBridge)?;
    if messages.len() > INBOX_PER_BLOCK_MAX {
        return Err(InboxError::TooMany(messages.len()));
    }
    let mut last = Bridge::consumed(state);
    for message in messages {
        let expected = last.next();
        if message.index != expected {
            return Err(InboxError::Order { found: message.index, expected });
        }
        if message.zone != bridge.zone {
            return Err(InboxError::OtherZone { index: message.index, zone: message.zone });
        }
        last = expected;
    }
    decisions(state, messages)
}

/// What each message does, whenever it is consumed: in every state of a chain the same.
pub fn decisions(state: &impl StateView, messages: &[InboxMessage]) -> Result<Vec<Decision>, InboxError> {
    messages.iter().map(|message| decide_one(state, message)).collect()
}

fn decide_one(state: &impl StateView, message: &InboxMessage) -> Result<Decision, InboxError> {
    let credit = account(&message.account)
        .filter(|_| Bridge::takes(message.asset, state))
        .map(|to| Decision::Credit(Credit { asset: message.asset, to, amount: message.amount }));
    match (message.kind, credit) {
        (InboxKind::Transfer, credit) => Ok(credit.unwrap_or(Decision::Refuse)),
        (InboxKind::Bounce, Some(credit)) => Ok(credit),
        (InboxKind::Bounce, None) => Err(InboxError::ForeignBounce(message.index)),
        (InboxKind::Request(_), _) => Ok(Decision::Refuse),
    }
}

/// The account that an address names; `None` if it names none.
pub fn account(address: &ZoneAddress) -> Option<Address> {
    let (zeros, account) = address.0.split_at(12);
    let account = Address::from_slice(account);
    (zeros.iter().all(|byte| *byte == 0) && !account.is_zero()).then_some(account)
}

/// The address of an account.
pub fn address(account: Address) -> ZoneAddress {
    ZoneAddress(account.into_word().0)
}

/// The messages among these that are refused.
pub fn refused(messages: &[InboxMessage], decisions: &[Decision]) -> Vec<InboxIndex> {
    let refused = messages.iter().zip(decisions).filter(|(_, decision)| **decision == Decision::Refuse);
    refused.map(|(message, _)| message.index).collect()
}

/// The root of consumed messages, zero for none. An EVM header holds it as `parentBeaconBlockRoot`, so the block's hash commits to its inbox.
pub fn root(messages: &[InboxMessage]) -> Digest {
    if messages.is_empty() { Digest::ZERO } else { Digest(Sha256::digest(InboxMessage::range_bytes(messages)).into()) }
}

/// `deliver(uint64,(uint16,address,uint128)[])` with the credits among `decisions`; `None` without messages.
pub fn delivery(messages: &[InboxMessage], decisions: &[Decision]) -> Option<SystemCall> {
    let through = messages.last()?.index;
    let credits: Vec<&Credit> = decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Credit(credit) => Some(credit),
            Decision::Refuse => None,
        })
        .collect();
    let mut input = keccak256("deliver(uint64,(uint16,address,uint128)[])")[..4].to_vec();
    let mut word = |word: U256| input.extend_from_slice(&word.to_be_bytes::<32>());
    word(U256::from(through.get()));
    word(U256::from(64));
    word(U256::from(credits.len()));
    for credit in credits {
        word(U256::from(credit.asset.get()));
        word(credit.to.into_word().into());
        word(U256::from(credit.amount.units()));
    }
    Some(SystemCall { target: BRIDGE, input: Bytes::from(input) })
}

/// Did the system call that [`delivery`] made, the last of the opening ones, succeed?
pub fn check_delivered(messages: &[InboxMessage], outputs: &[Result<Bytes, Ending>]) -> Result<(), InboxError> {
    match outputs.last() {
        Some(Err(ending)) if !messages.is_empty() => Err(InboxError::Contract(format!("{ending:?}"))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_abi_word_is_an_account() {
        let account_of = |bytes: [u8; 32]| account(&ZoneAddress(bytes));
        let mut word = [0; 32];
        word[12..].fill(7);
        assert_eq!(account_of(word), Some(Address::repeat_byte(7)));
        assert_eq!(address(Address::repeat_byte(7)).0, word);
        word[11] = 1;
        assert_eq!(account_of(word), None);
        let mut left = [0; 32];
        left[..20].fill(7);
        assert_eq!(account_of(left), None);
        assert_eq!(account_of([0; 32]), None);
    }
}
