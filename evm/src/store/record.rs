//! One block in the journal: the block, who sent its transactions, their receipts, and what changed.
//!
//! A version byte, then RLP: `[block, [sender], [receipt as in EIP-2718], [message], [account], [code]]`, messages of the inbox in the encoding of
//! `plinth_types`, accounts and slots in ascending order, an account as `[address, exists, nonce, balance, code hash, wiped, [[slot, value]]]`.

use crate::ethereum::{
    Address, B256, Block, Bytes, Decodable, Decodable2718, Encodable, Encodable2718, ReceiptEnvelope, RlpError, RlpHeader,
    TxEnvelope, U256,
};
use crate::machine::Bytecode;
use crate::state::{AccountChange, AccountState, Changes};
use plinth_types::message::InboxMessage;

const VERSION: u8 = 2;

/// A block with all that it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Header and transactions.
    pub block: Block<TxEnvelope>,
    /// The sender of each transaction: recovering them costs more than all else.
    pub senders: Vec<Address>,
    /// One for each transaction.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Messages of the zone's inbox that it consumed: with the block that they are in, they are durable.
    pub inbox: Vec<InboxMessage>,
    /// What it changed of the state before it.
    pub changes: Changes,
}

/// The bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by another version.
    #[error("version {0} instead of {VERSION}")]
    Version(u8),
    /// Not RLP of the form described.
    #[error("malformed: {0}")]
    Rlp(#[from] RlpError),
    /// Whole, but of parts that do not fit together.
    #[error("{transactions} transactions, {senders} senders, {receipts} receipts")]
    Counts {
        /// In the block.
        transactions: usize,
        /// Listed.
        senders: usize,
        /// Listed.
        receipts: usize,
    },
}

impl Record {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        self.block.encode(&mut payload);
        self.senders.encode(&mut payload);
        let receipts: Vec<Bytes> = self.receipts.iter().map(|receipt| receipt.encoded_2718().into()).collect();
        receipts.encode(&mut payload);
        let inbox: Vec<Bytes> = self.inbox.iter().map(|message| plinth_types::codec::Codec::to_bytes(message).into()).collect();
        inbox.encode(&mut payload);
        let mut accounts: Vec<_> = self.changes.accounts.iter().collect();
        accounts.sort_by_key(|(address, _)| **address);
        list(&mut payload, |out| accounts.into_iter().for_each(|(address, change)| encode_account(address, change, out)));
        let mut codes: Vec<_> = self.changes.codes.iter().collect();
        codes.sort_by_key(|(hash, _)| **hash);
        let codes: Vec<Bytes> = codes.into_iter().map(|(_, code)| code.original_bytes()).collect();
        codes.encode(&mut payload);
        let mut out = vec![VERSION];
        RlpHeader { list: true, payload_length: payload.len() }.encode(&mut out);
        out.extend_from_slice(&payload);
        out
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut rest) = bytes.split_first().ok_or(RlpError::InputTooShort)?;
        if *version != VERSION {
            return Err(RecordError::Version(*version));
        }
        let mut payload = RlpHeader::decode_bytes(&mut rest, true)?;
        if !rest.is_empty() {
            return Err(RlpError::UnexpectedLength.into());
        }
        let block = Block::<TxEnvelope>::decode(&mut payload)?;
        let senders = Vec::<Address>::decode(&mut payload)?;
        let receipts = Vec::<Bytes>::decode(&mut payload)?
            .iter()
            .map(|receipt| ReceiptEnvelope::decode_2718(&mut &receipt[..]).map_err(|_| RlpError::Custom("receipt")))
            .collect::<Result<Vec<_>, _>>()?;
        let inbox = Vec::<Bytes>::decode(&mut payload)?
            .iter()
            .map(|message| {
                <InboxMessage as plinth_types::codec::Codec>::decode(message).map_err(|_| RlpError::Custom("inbox message"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut changes = Changes::default();
        let mut accounts = RlpHeader::decode_bytes(&mut payload, true)?;
        while !accounts.is_empty() {
            let (address, change) = decode_account(&mut accounts)?;
            changes.accounts.insert(address, change);
        }
        for code in Vec::<Bytes>::decode(&mut payload)? {
            let code = Bytecode::new_raw_checked(code).map_err(|_| RlpError::Custom("code"))?;
            changes.codes.insert(code.hash_slow(), code);
        }
        if !payload.is_empty() {
            return Err(RlpError::UnexpectedLength.into());
        }
        let transactions = block.body.transactions.len();
        if senders.len() != transactions || receipts.len() != transactions {
            return Err(RecordError::Counts { transactions, senders: senders.len(), receipts: receipts.len() });
        }
        Ok(Self { block, senders, receipts, inbox, changes })
    }
}

fn list(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut payload = Vec::new();
    fill(&mut payload);
    RlpHeader { list: true, payload_length: payload.len() }.encode(out);
    out.extend_from_slice(&payload);
}

fn encode_account(address: &Address, change: &AccountChange, out: &mut Vec<u8>) {
    let account = change.account.unwrap_or_default();
    let mut slots: Vec<_> = change.storage.iter().collect();
    slots.sort();
    list(out, |out| {
        address.encode(out);
        change.account.is_some().encode(out);
        account.nonce.encode(out);
        account.balance.encode(out);
        account.code_hash.encode(out);
        change.wiped.encode(out);
        list(out, |out| {
            for (slot, value) in slots {
                list(out, |out| {
                    slot.encode(out);
                    value.encode(out);
                });
            }
        });
    });
}

fn decode_account(from: &mut &[u8]) -> Result<(Address, AccountChange), RlpError> {
    let mut fields = RlpHeader::decode_bytes(from, true)?;
    let address = Address::decode(&mut fields)?;
    let exists = bool::decode(&mut fields)?;
    let nonce = u64::decode(&mut fields)?;
    let balance = U256::decode(&mut fields)?;
    let code_hash = B256::decode(&mut fields)?;
    let wiped = bool::decode(&mut fields)?;
    let mut slots = RlpHeader::decode_bytes(&mut fields, true)?;
    let mut change =
        AccountChange { account: exists.then_some(AccountState { balance, nonce, code_hash }), wiped, ..AccountChange::default() };
    while !slots.is_empty() {
        let mut pair = RlpHeader::decode_bytes(&mut slots, true)?;
        change.storage.insert(U256::decode(&mut pair)?, U256::decode(&mut pair)?);
    }
    if fields.is_empty() { Ok((address, change)) } else { Err(RlpError::UnexpectedLength) }
}
