//! A chain with a bridge of three assets, and what is done with them.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "helpers of several tests, which are tests themselves")]

pub mod rpc;

use plinth_evm::bridge::contracts::{BRIDGE, token};
use plinth_evm::bridge::{Asset, BridgeConfig, inbox};
use plinth_evm::chain::Chain;
use plinth_evm::ethereum::{Address, Bytes, Genesis, TxEip1559, TxKind, U256, keccak256};
use plinth_evm::execution::parallel::Pool;
use plinth_evm::state::StateView;
use plinth_evm::transaction::Transaction;
use plinth_evm::wallet::{DEV_CHAIN_ID, Wallet, dev_genesis};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, InboxIndex, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address as ZoneAddress, Party};
use std::path::Path;
use std::sync::Arc;

pub const FEES: Address = Address::repeat_byte(0xFE);
pub const ASSETS: [u16; 3] = [0, 1, 300];
pub const ZONE: ZoneId = ZoneId::new(3);

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }
}

pub fn config() -> BridgeConfig {
    let asset = |id: u16| Asset { id, name: format!("Asset {id}"), symbol: format!("A{id}"), decimals: 2 };
    BridgeConfig { chain: 7, zone: ZONE.get(), assets: ASSETS.map(asset).to_vec() }
}

pub fn genesis() -> Genesis {
    let mut genesis = dev_genesis();
    config().install(&mut genesis).unwrap();
    genesis
}

pub fn chain_of(genesis: &Genesis, journal: Option<&Path>, workers: usize) -> Chain {
    Chain::open(genesis, journal, Arc::new(Pool::new(workers).unwrap())).unwrap()
}

pub fn chain(journal: Option<&Path>, workers: usize) -> Chain {
    chain_of(&genesis(), journal, workers)
}

pub fn deposit(index: u64, asset: u16, amount: u128, to: Address) -> InboxMessage {
    InboxMessage {
        zone: ZONE,
        index: InboxIndex::new(index),
        id: Digest([index as u8; 32]),
        from: Party { zone: ZoneId::BASE, address: ZoneAddress([0xAA; 32]) },
        channel_seq: index,
        kind: InboxKind::Transfer,
        asset: AssetId::new(asset),
        amount: Amount::new(amount).unwrap(),
        account: inbox::address(to),
    }
}

pub fn encoded(signature: &str, words: &[U256]) -> Vec<u8> {
    let mut input = keccak256(signature)[..4].to_vec();
    words.iter().for_each(|word| input.extend_from_slice(&word.to_be_bytes::<32>()));
    input
}

pub fn withdrawal(asset: u16, amount: u64, to: ZoneId, whom: u8) -> Vec<u8> {
    let words =
        [U256::from(asset), U256::from(amount), U256::from(to.get()), U256::from_be_bytes([whom; 32]), U256::from(u64::MAX)];
    encoded("withdraw(uint16,uint256,uint16,bytes32,uint64)", &words)
}

pub fn withdraw(from: u64, nonce: u64, asset: u16, amount: u64, to: ZoneId, whom: u8) -> Transaction {
    call(from, nonce, TxKind::Call(BRIDGE), &withdrawal(asset, amount, to, whom))
}

pub fn transfer(from: u64, nonce: u64, asset: u16, to: Address, amount: u64) -> Transaction {
    let input = encoded("transfer(address,uint256)", &[to.into_word().into(), U256::from(amount)]);
    call(from, nonce, TxKind::Call(token(AssetId::new(asset))), &input)
}

pub fn call(from: u64, nonce: u64, to: TxKind, input: &[u8]) -> Transaction {
    let transaction = TxEip1559 {
        chain_id: DEV_CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1,
        to,
        input: Bytes::copy_from_slice(input),
        ..TxEip1559::default()
    };
    Wallet::numbered(from).sign(transaction).unwrap()
}

pub fn supply(chain: &Chain, asset: u16) -> U256 {
    chain.world().storage(&token(AssetId::new(asset)), &U256::from(3))
}

pub fn balance(chain: &Chain, asset: u16, of: Address) -> U256 {
    let mut key = of.into_word().to_vec();
    key.extend_from_slice(&U256::from(4).to_be_bytes::<32>());
    chain.world().storage(&token(AssetId::new(asset)), &keccak256(key).into())
}

/// The sum of all balances of all assets of the numbered wallets.
pub fn held(chain: &Chain) -> U256 {
    let wallets = (0..10).map(|number| Wallet::numbered(number).address());
    wallets.flat_map(|wallet| ASSETS.map(|asset| balance(chain, asset, wallet))).sum()
}
