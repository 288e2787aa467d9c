//! The system contracts: where they are, what they are, and how a genesis gets them.

use crate::ethereum::{Address, B256, Bytes, Genesis, GenesisAccount, U256, hex, keccak256};
use crate::limits::BRIDGE_ASSETS_MAX;
use crate::state::StateView;
use plinth_types::id::{AssetId, ChainId, InboxIndex, ZoneId};
use plinth_types::limits::NAME_SIZE_MAX;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The bridge.
pub const BRIDGE: Address = Address::new(hex!("506c696e74680000000000000000000042524447"));
/// First bytes of a token's address; its asset's number is in the last two.
const TOKEN_PREFIX: [u8; 6] = *b"Plinth";

/// Storage of the contracts; `tests/bridge.rs` compares with what the compiler says.
pub mod slots {
    /// Bridge: chain in the low 64 bits, zone in the next 16.
    pub const PLACE: u64 = 0;
    /// Bridge: the last message consumed, in the low 64 bits.
    pub const CONSUMED: u64 = 2;
    /// Token.
    pub const NAME: u64 = 0;
    /// Token.
    pub const SYMBOL: u64 = 1;
    /// Token.
    pub const DECIMALS: u64 = 2;
}

/// Runtime code of the bridge.
pub static BRIDGE_CODE: LazyLock<Bytes> = LazyLock::new(|| runtime(include_str!("../../contracts/artifacts/PlinthBridge.json")));
/// Runtime code of each token.
pub static TOKEN_CODE: LazyLock<Bytes> = LazyLock::new(|| runtime(include_str!("../../contracts/artifacts/PlinthToken.json")));

/// What an EVM zone's genesis says of the bridge, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeConfig {
    /// The settlement chain.
    pub chain: u64,
    /// This zone's number there.
    pub zone: u16,
    /// The assets that it takes.
    pub assets: Vec<Asset>,
}

/// An asset of the base layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Its number on the base layer.
    pub id: u16,
    /// Of the ERC-20, at most 16 bytes.
    pub name: String,
    /// Of the ERC-20, at most 16 bytes.
    pub symbol: String,
    /// Digits behind the point when people are shown an amount.
    pub decimals: u8,
}

/// A bridge that cannot be put into a genesis, or that a genesis has only in part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// Zone 0 is the base layer.
    #[error("zone 0 is the base layer itself")]
    Base,
    /// None, or more than a header can total.
    #[error("{0} assets: from 1 to {BRIDGE_ASSETS_MAX} are possible")]
    Assets(usize),
    /// Twice in the list.
    #[error("asset {0} stands twice")]
    Twice(u16),
    /// A name or symbol.
    #[error("asset {id}: {text:?} is no name: 1 to {NAME_SIZE_MAX} bytes")]
    Name {
        /// Of the asset.
        id: u16,
        /// Said.
        text: String,
    },
    /// The genesis has something there already.
    #[error("the genesis has an account at {0} already")]
    Taken(Address),
    /// Code at the bridge's address that is not the bridge.
    #[error("the code at {BRIDGE} is not this program's bridge")]
    OtherCode,
}

/// The bridge of a chain, as its genesis put it into the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The settlement chain.
    pub chain: ChainId,
    /// This zone's number there.
    pub zone: ZoneId,
}

impl Bridge {
    /// The bridge of this state; `None` if nothing is at its address.
    pub fn of(state: &impl StateView) -> Result<Option<Self>, BridgeError> {
        let Some(account) = state.account(&BRIDGE).filter(|account| account.has_code()) else { return Ok(None) };
        if account.code_hash != keccak256(&*BRIDGE_CODE) {
            return Err(BridgeError::OtherCode);
        }
        let place = state.storage(&BRIDGE, &U256::from(slots::PLACE));
        let [chain, zone, ..] = *place.as_limbs();
        Ok(Some(Self { chain: ChainId::new(chain), zone: ZoneId::new(zone as u16) }))
    }

    /// Whether the zone takes this asset. The same in every state of a chain: tokens cannot be made or destroyed.
    pub fn takes(asset: AssetId, state: &impl StateView) -> bool {
        state.account(&token(asset)).is_some_and(|account| account.code_hash == *TOKEN_CODE_HASH)
    }

    /// The last message that the state has consumed.
    pub fn consumed(state: &impl StateView) -> InboxIndex {
        InboxIndex::new(state.storage(&BRIDGE, &U256::from(slots::CONSUMED)).as_limbs()[0])
    }
}

static TOKEN_CODE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(&*TOKEN_CODE));

/// The ERC-20 of an asset.
pub fn token(asset: AssetId) -> Address {
    let mut bytes = [0; 20];
    bytes[..6].copy_from_slice(&TOKEN_PREFIX);
    bytes[18..].copy_from_slice(&asset.get().to_be_bytes());
    Address::new(bytes)
}

impl BridgeConfig {
    /// Puts the system contracts into a genesis.
    pub fn install(&self, genesis: &mut Genesis) -> Result<(), BridgeError> {
        if self.zone == ZoneId::BASE.get() {
            return Err(BridgeError::Base);
        }
        if self.assets.is_empty() || self.assets.len() > BRIDGE_ASSETS_MAX {
            return Err(BridgeError::Assets(self.assets.len()));
        }
        let mut seen = BTreeSet::new();
        let place = U256::from(u128::from(self.zone) << 64 | u128::from(self.chain));
        let mut predeploys = vec![(BRIDGE, predeploy(&BRIDGE_CODE, &[(slots::PLACE, place)]))];
        for Asset { id, name, symbol, decimals } in &self.assets {
            if !seen.insert(*id) {
                return Err(BridgeError::Twice(*id));
            }
            let text = |text: &String| short_string(text).ok_or_else(|| BridgeError::Name { id: *id, text: text.clone() });
            let storage = [(slots::NAME, text(name)?), (slots::SYMBOL, text(symbol)?), (slots::DECIMALS, U256::from(*decimals))];
            predeploys.push((token(AssetId::new(*id)), predeploy(&TOKEN_CODE, &storage)));
        }
        if let Some((taken, _)) = predeploys.iter().find(|(address, _)| genesis.alloc.contains_key(address)) {
            return Err(BridgeError::Taken(*taken));
        }
        genesis.alloc.extend(predeploys);
        Ok(())
    }
}

fn predeploy(code: &Bytes, storage: &[(u64, U256)]) -> GenesisAccount {
    let word = |number: U256| B256::from(number);
    let storage = storage.iter().map(|(slot, value)| (word(U256::from(*slot)), word(*value))).collect();
    GenesisAccount { nonce: Some(1), code: Some(code.clone()), storage: Some(storage), ..GenesisAccount::default() }
}

/// As Solidity keeps a string of at most 31 bytes: its bytes from the left, twice its length in the last one.
fn short_string(text: &str) -> Option<U256> {
    let mut word = [0; 32];
    if text.is_empty() || text.len() > NAME_SIZE_MAX {
        return None;
    }
    word[..text.len()].copy_from_slice(text.as_bytes());
    word[31] = 2 * text.len() as u8;
    Some(U256::from_be_bytes(word))
}

fn runtime(artifact: &str) -> Bytes {
    #[derive(Deserialize)]
    struct Artifact {
        runtime: Bytes,
    }
    let artifact: Artifact = serde_json::from_str(artifact).expect("a committed artefact");
    artifact.runtime
}
