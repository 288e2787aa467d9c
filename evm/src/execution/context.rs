//! The surroundings of a block's transactions.

use super::Rejection;
use crate::ethereum::{Address, Bytes, U256};
use crate::machine::{BlockEnv, CfgEnv, Context, Database, MainBuilder, MainContext, MainnetContext, MainnetEvm, SpecId, TxEnv};

/// Gas of one blob (EIP-4844).
pub(crate) const GAS_PER_BLOB: u64 = 1 << 17;

/// Block environment and rules.
#[derive(Clone, Debug)]
pub struct BlockContext {
    /// Number, time, fees, beneficiary.
    pub env: BlockEnv,
    /// Fork, chain id, limits.
    pub cfg: CfgEnv,
    /// Blobs a block may carry.
    pub blobs_max: u64,
}

impl BlockContext {
    /// The rules of `spec` on chain `chain_id`.
    pub fn new(spec: SpecId, chain_id: u64, env: BlockEnv) -> Self {
        let mut cfg = CfgEnv::new().with_chain_id(chain_id);
        cfg.set_spec_and_mainnet_gas_params(spec);
        cfg.tx_chain_id_check = true;
        // EIP-7691 and EIP-7594: nine blobs a block since Prague, six a transaction since Osaka.
        let blobs_max = if spec.is_enabled_in(SpecId::PRAGUE) { 9 } else { 6 };
        if spec.is_enabled_in(SpecId::OSAKA) {
            cfg.set_max_blobs_per_tx(6);
        } else {
            cfg.set_max_blobs_per_tx(blobs_max);
        }
        Self { env, cfg, blobs_max }
    }

    /// A machine over `db`.
    pub fn machine<DB: Database>(&self, db: DB) -> MainnetEvm<MainnetContext<DB>> {
        self.context(db).build_mainnet()
    }

    /// The context of a machine over `db`, for callers that add an inspector.
    pub fn context<DB: Database>(&self, db: DB) -> MainnetContext<DB> {
        Context::mainnet().with_db(db).with_cfg(self.cfg.clone()).with_block(self.env.clone())
    }

    /// Whether `tx` still fits into a block that has used this much.
    pub(crate) fn room(&self, tx: &TxEnv, gas_used: u64, blob_gas_used: u64) -> Result<(), Rejection> {
        let gas_left = self.env.gas_limit.saturating_sub(gas_used);
        if tx.gas_limit > gas_left {
            return Err(Rejection::BlockFull { gas_limit: tx.gas_limit, gas_left });
        }
        let blobs = tx.blob_hashes.len() as u64;
        let blobs_left = self.blobs_max.saturating_sub(blob_gas_used / GAS_PER_BLOB);
        if blobs > blobs_left {
            return Err(Rejection::BlobsFull { blobs, blobs_left });
        }
        Ok(())
    }
}

/// A call by the system: no fee, no nonce, its own gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// The contract called.
    pub target: Address,
    /// Its input.
    pub input: Bytes,
}

/// A block as execution sees it, without its transactions.
#[derive(Clone, Debug)]
pub struct BlockPlan {
    /// Environment and rules.
    pub context: BlockContext,
    /// Calls before the first transaction, in order.
    pub before: Vec<SystemCall>,
    /// Wei credited after the last transaction.
    pub credits: Vec<(Address, U256)>,
    /// Calls after the credits, in order.
    pub after: Vec<SystemCall>,
}

impl BlockPlan {
    /// A block of transactions alone.
    pub fn plain(context: BlockContext) -> Self {
        Self { context, before: Vec::new(), credits: Vec::new(), after: Vec::new() }
    }
}
