//! What an owner orders on the base layer besides a deposit: transfer, issue, redeem, and a request that a zone must answer.

use crate::choice;
use crate::codec::signed_bytes;
use crate::id::{AssetId, ChainId, OrderId, PublicKey, ZoneId};
use crate::quantity::Amount;
use crate::record;
use crate::transfer::{Address, Party};
use alloc::vec::Vec;

/// An owner's order. Deposits and instructions share one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The owner's count of deposits and instructions, from 1; each number is used once.
    pub nonce: u64,
    /// Who orders.
    pub owner: PublicKey,
    /// What.
    pub act: Act,
}

/// What an owner orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Moves an asset to another owner, on the base layer.
    Transfer {
        /// To whom.
        to: PublicKey,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Makes more of an asset. Of its issuer only.
    Issue {
        /// For whom.
        to: PublicKey,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Takes an asset back out of the world, from the issuer's own balance. Of its issuer only.
    Redeem {
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Puts a request before a zone that its producer may be leaving out. Costs the chain's fee.
    Request {
        /// Before which zone.
        zone: ZoneId,
        /// What is requested.
        request: Request,
    },
}

/// What a zone must do or refuse within so many of its blocks. The zone decides whether the owner may; settlement has checked who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Cancels an order of an account of the owner.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Takes an asset out of an account of the owner.
    Withdraw {
        /// Which account of the zone.
        account: Address,
        /// To whom.
        to: Party,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
}

impl Instruction {
    /// Domain of the owner's signature and of the instruction's id.
    pub const DOMAIN: &'static [u8] = b"plinth/instruction/1";

    /// What the owner signs, and what the id is the SHA-256 of: domain, chain, instruction.
    #[must_use]
    pub fn signed_bytes(&self, chain: ChainId) -> Vec<u8> {
        signed_bytes(Self::DOMAIN, chain, self)
    }
}

record!(Instruction { nonce, owner, act });

choice!(Act, "instruction tag" {
    1 => Transfer { to, asset, amount },
    2 => Issue { to, asset, amount },
    3 => Redeem { asset, amount },
    4 => Request { zone, request },
});

choice!(Request, "request tag" { 1 => Cancel { order }, 2 => Withdraw { account, to, asset, amount } });
