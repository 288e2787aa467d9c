//! What owners order: deposits into zones, transfers, issue and redeem, requests. Each owner's orders share one count.

use super::error::TransactionError;
use super::execute::{Effects, Place};
use super::facts::FactKey;
use super::messages::Incoming;
use super::signatures::Signer;
use super::state::State;
use crate::block::{SignedDeposit, SignedInstruction};
use crate::digest::sha256;
use crate::genesis::RequestRules;
use crate::keys;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, PublicKey, ZoneId};
use plinth_types::message::{Deposit, InboxKind};
use plinth_types::owner::{Act, Instruction, Request};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use std::sync::Arc;

impl State {
    /// What can be said of a deposit without its number: whether it could go in as things stand.
    pub(crate) fn check_deposit(&self, deposit: &Deposit) -> Result<(), TransactionError> {
        self.check_inbox_open(deposit.zone)?;
        self.check_funds(deposit.owner, deposit.asset, deposit.amount)
    }

    /// What can be said of an instruction without its number: whether it could be carried out as things stand.
    pub(crate) fn check_instruction(&self, instruction: &Instruction) -> Result<(), TransactionError> {
        let owner = instruction.owner;
        match instruction.act {
            Act::Transfer { to, asset, amount } => {
                check_receiver(to)?;
                self.check_funds(owner, asset, amount)
            }
            Act::Issue { to, asset, amount } => {
                check_receiver(to)?;
                self.check_issuer(owner, asset)?;
                let issued = self.issued(asset).ok_or(TransactionError::UnknownAsset { asset })?;
                if amount == Amount::ZERO {
                    return Err(TransactionError::ZeroAmount);
                }
                issued.checked_add(amount).map(|_| ()).ok_or(TransactionError::IssuedTooMuch { asset })
            }
            Act::Redeem { asset, amount } => {
                self.check_issuer(owner, asset)?;
                self.check_funds(owner, asset, amount)
            }
            Act::Request { zone, request } => {
                let rules = self.genesis.requests().ok_or(TransactionError::NoRequests { zone })?;
                self.check_inbox_open(zone)?;
                if self.zone(zone).is_none_or(|zone| zone.rules().request_blocks == 0) {
                    return Err(TransactionError::NoRequests { zone });
                }
                if let Request::Withdraw { asset, amount, .. } = request {
                    if self.issued(asset).is_none() {
                        return Err(TransactionError::UnknownAsset { asset });
                    }
                    if amount == Amount::ZERO {
                        return Err(TransactionError::ZeroAmount);
                    }
                }
                if rules.fee == Amount::ZERO { Ok(()) } else { self.check_funds(owner, rules.fee_asset, rules.fee) }
            }
        }
    }

    pub(super) fn execute_deposit(
        &mut self,
        signed: &SignedDeposit,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let deposit = &signed.deposit;
        self.check_nonce(deposit.owner, deposit.nonce)?;
        self.check_deposit(deposit)?;

        // Decided. From here on nothing returns early.
        let signed_bytes = deposit.signed_bytes(self.genesis.chain());
        self.count(deposit.owner, deposit.nonce);
        self.debit(deposit.owner, deposit.asset, deposit.amount);
        self.append_from_base(
            deposit.zone,
            Incoming {
                id: sha256(&[&signed_bytes]),
                from: Party::owner(deposit.owner),
                channel_seq: 0,
                kind: InboxKind::Transfer,
                asset: deposit.asset,
                amount: deposit.amount,
                account: deposit.account,
            },
            effects,
        );
        effects.claim(place, Signer::Owner, deposit.owner, signed_bytes, signed.signature);
        Ok(())
    }

    pub(super) fn execute_instruction(
        &mut self,
        signed: &SignedInstruction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let Instruction { nonce, owner, act } = signed.instruction;
        self.check_nonce(owner, nonce)?;
        self.check_instruction(&signed.instruction)?;
        if let Act::Request { zone, .. } = act {
            let count_max = self.genesis.requests().map_or(0, |rules| rules.per_block_max);
            if effects.requests.get(&zone).copied().unwrap_or_default() >= count_max {
                return Err(TransactionError::TooManyRequests { zone, count_max });
            }
        }

        // Decided. From here on nothing returns early.
        let signed_bytes = signed.instruction.signed_bytes(self.genesis.chain());
        self.count(owner, nonce);
        match act {
            Act::Transfer { to, asset, amount } => {
                self.debit(owner, asset, amount);
                self.credit(to, asset, amount);
            }
            Act::Issue { to, asset, amount } => {
                let issued = Arc::make_mut(&mut self.issued).entry(asset).or_default();
                *issued = issued.checked_add(amount).expect("checked above");
                self.credit(to, asset, amount);
            }
            Act::Redeem { asset, amount } => {
                let issued = Arc::make_mut(&mut self.issued).entry(asset).or_default();
                *issued = issued.checked_sub(amount).expect("a balance is at most what was issued");
                self.debit(owner, asset, amount);
            }
            Act::Request { zone, request } => self.request(zone, owner, request, sha256(&[&signed_bytes]), effects),
        }
        effects.claim(place, Signer::Owner, owner, signed_bytes, signed.signature);
        Ok(())
    }

    fn request(&mut self, zone: ZoneId, owner: PublicKey, request: Request, id: Digest, effects: &mut Effects) {
        if let Some(RequestRules { fee_asset, fee, collector, .. }) = self.genesis.requests()
            && fee > Amount::ZERO
        {
            self.debit(owner, fee_asset, fee);
            self.credit(collector, fee_asset, fee);
        }
        *effects.requests.entry(zone).or_default() += 1;
        let (asset, account) = match request {
            Request::Withdraw { asset, account, .. } => (asset, account),
            Request::Cancel { .. } => (AssetId::new(0), Address::of_owner(owner)),
        };
        let from = Party::owner(owner);
        let kind = InboxKind::Request(request);
        let index =
            self.append_from_base(zone, Incoming { id, from, channel_seq: 0, kind, asset, amount: Amount::ZERO, account }, effects);
        let known = self.zone_mut(zone);
        let deadline = known.record.height.get().saturating_add(u64::from(known.rules.request_blocks));
        known.deadlines.insert(index, Height::new(deadline));
        self.touch(FactKey::Deadline(zone, index));
    }

    fn check_nonce(&self, owner: PublicKey, nonce: u64) -> Result<(), TransactionError> {
        let last = self.deposit_nonce(&owner);
        if last.checked_add(1) != Some(nonce) && !planted!(SkipNonce) {
            return Err(TransactionError::Nonce { owner, nonce, expected: last.saturating_add(1) });
        }
        Ok(())
    }

    fn check_funds(&self, owner: PublicKey, asset: AssetId, amount: Amount) -> Result<(), TransactionError> {
        if self.issued(asset).is_none() {
            return Err(TransactionError::UnknownAsset { asset });
        }
        if amount == Amount::ZERO {
            return Err(TransactionError::ZeroAmount);
        }
        let balance = self.balance(&owner, asset);
        if balance < amount {
            return Err(TransactionError::Balance { owner, asset, balance, amount });
        }
        Ok(())
    }

    fn check_issuer(&self, owner: PublicKey, asset: AssetId) -> Result<(), TransactionError> {
        let listed = self.listing(asset).ok_or(TransactionError::UnknownAsset { asset })?;
        if listed.issuer == owner { Ok(()) } else { Err(TransactionError::NotTheIssuer { owner, asset }) }
    }

    fn check_inbox_open(&self, zone: ZoneId) -> Result<(), TransactionError> {
        let known = self.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
        known.check_open()?;
        let (pending, pending_max) = (known.inbox().kept().len(), self.genesis.limits().inbox_pending_max);
        if pending >= pending_max as usize {
            return Err(TransactionError::InboxFull { zone, pending, pending_max });
        }
        Ok(())
    }

    fn count(&mut self, owner: PublicKey, nonce: u64) {
        self.owners.count(owner, nonce);
        self.touch(FactKey::Nonce(owner));
    }

    fn debit(&mut self, owner: PublicKey, asset: AssetId, amount: Amount) {
        self.owners.debit(owner, asset, amount);
        self.touch(FactKey::Balance(owner, asset));
    }

    pub(super) fn credit(&mut self, owner: PublicKey, asset: AssetId, amount: Amount) {
        self.owners.credit(owner, asset, amount);
        self.touch(FactKey::Balance(owner, asset));
    }
}

/// Value for thirty-two bytes that are no key would be lost.
pub(super) fn check_receiver(to: PublicKey) -> Result<(), TransactionError> {
    keys::to_consensus(&to).map(|_| ()).map_err(|_| TransactionError::NotAKey { key: to })
}
