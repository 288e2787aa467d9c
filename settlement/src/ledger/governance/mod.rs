//! What k of n genesis keys decide: checked against the keys of the genesis, numbered, done once.

mod actions;
mod epochs;
mod formats;

pub use epochs::CommitteeError;
pub use formats::StoreFormat;

pub(super) use epochs::Epochs;

use super::error::TransactionError;
use super::execute::{Effects, Place};
use super::facts::FactKey;
use super::signatures::{Claim, Signer};
use super::state::State;
use crate::block::{Approval, GovernedTransaction};
use plinth_types::id::PublicKey;
use std::sync::Arc;

/// Why a decision has no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The genesis names nobody.
    #[error("the genesis names no governors")]
    Nobody,
    /// Too few signatures.
    #[error("{count} approvals, {count_min} are needed")]
    TooFew {
        /// How many there are.
        count: usize,
        /// k.
        count_min: usize,
    },
    /// Approvals ascend by key, so that none counts twice.
    #[error("approval {index} is not in ascending order of governors")]
    NotAscending {
        /// The first that is not.
        index: usize,
    },
    /// Not in the genesis.
    #[error("approval {index} is of {governor}, which is no governor")]
    NotAGovernor {
        /// Its place.
        index: usize,
        /// Its key.
        governor: PublicKey,
    },
}

impl State {
    pub(super) fn execute_governed(
        &mut self,
        governed: &GovernedTransaction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let (nonce, expected) = (governed.nonce, self.decisions + 1);
        if nonce != expected {
            return Err(TransactionError::DecisionNonce { nonce, expected });
        }
        self.check_authority(&governed.approvals)?;
        self.carry_out(&governed.action, place, effects)?;
        self.decisions = nonce;
        self.touch(FactKey::Decisions);
        let signed_bytes: Arc<[u8]> = governed.signed_bytes(self.genesis.chain()).into();
        effects.claims.extend(governed.approvals.iter().map(|&Approval { governor, signature }| Claim {
            index: place.index,
            signer: Signer::Governor,
            key: governor,
            signed_bytes: signed_bytes.clone(),
            signature,
        }));
        Ok(())
    }

    /// Are those who signed enough governors? Not: did they sign.
    pub(crate) fn check_authority(&self, approvals: &[Approval]) -> Result<(), AuthorityError> {
        let governance = self.genesis.governance();
        if governance.governors.is_empty() {
            return Err(AuthorityError::Nobody);
        }
        let (count, count_min) = (approvals.len(), usize::from(governance.approvals_min));
        if count < count_min {
            return Err(AuthorityError::TooFew { count, count_min });
        }
        for (index, &Approval { governor, .. }) in approvals.iter().enumerate() {
            if index > 0 && approvals[index - 1].governor >= governor {
                return Err(AuthorityError::NotAscending { index });
            }
            if governance.governors.binary_search(&governor).is_err() {
                return Err(AuthorityError::NotAGovernor { index, governor });
            }
        }
        Ok(())
    }
}
