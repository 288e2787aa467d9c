//! The chain of a simulated world: its keys and its genesis.

use crate::limits::{ASSETS, OWNERS, ZONES};
use commonware_cryptography::ed25519;
use plinth_settlement::block::{Action, GovernedTransaction, SignedDeposit};
use plinth_settlement::consensus::{Scheme, namespace, participants};
use plinth_settlement::genesis::{
    ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode, ZoneRules,
};
use plinth_settlement::keys::{SecretKey, to_consensus};
use plinth_types::id::{AccountId, AssetId, ChainId, ProducerEpoch, PublicKey, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::Address;
use std::sync::Arc;

/// What every owner starts with, of every asset.
pub const ISSUED_UNITS: u128 = 1_000_000;

const CHAIN: ChainId = ChainId::new(7);
const ATTESTATION_DELAY_BLOCKS: u32 = 2;

/// Keys and genesis. Validators are numbered as consensus numbers them: ascending by key.
#[derive(Debug)]
pub struct Chain {
    /// The rules.
    pub genesis: Arc<Genesis>,
    /// Everybody who may ever validate, ascending by public key.
    pub validators: Vec<SecretKey>,
    /// The validators' keys as the network takes them.
    pub peers: Vec<ed25519::PublicKey>,
    /// Whoever looks on: it receives what validators send to all, and sends nothing.
    pub observer: ed25519::PublicKey,
    /// One producer per zone.
    pub producers: Vec<SecretKey>,
    /// Who has money.
    pub owners: Vec<SecretKey>,
    /// Who decides on committees.
    pub governor: SecretKey,
}

impl Chain {
    /// The chain of `count` keys, of which those numbered in `committee` validate first; the same for every seed.
    #[must_use]
    pub fn new(count: usize, committee: &[usize], epoch_blocks: u32) -> Self {
        let mut validators: Vec<SecretKey> = (0..count).map(|index| secret(1, index as u8)).collect();
        validators.sort_unstable_by_key(SecretKey::public_key);
        let producers: Vec<SecretKey> = (0..ZONES).map(|index| secret(2, index)).collect();
        let owners: Vec<SecretKey> = (0..OWNERS).map(|index| secret(3, index)).collect();
        let governor = secret(5, 0);
        let first: Vec<PublicKey> = committee.iter().map(|&index| validators[index].public_key()).collect();
        let genesis = Arc::new(genesis(first, &producers, &owners, &governor, epoch_blocks));
        let peers = validators.iter().map(|key| peer(&key.public_key())).collect();
        let observer = peer(&secret(4, 0).public_key());
        Self { genesis, validators, peers, observer, producers, owners, governor }
    }

    /// The zones, ascending.
    #[must_use]
    pub fn zones(&self) -> Vec<ZoneId> {
        self.genesis.zones().iter().map(|zone| zone.id).collect()
    }

    /// The signer of a validator's votes.
    #[must_use]
    pub fn scheme(&self, validator: usize) -> Scheme {
        let key = self.validators[validator].to_consensus();
        Scheme::signer(&namespace(&self.genesis), participants(&self.genesis), key).expect("the genesis names the key")
    }

    /// The number of a validator's key.
    #[must_use]
    pub fn index_of(&self, key: &PublicKey) -> Option<usize> {
        self.validators.iter().position(|validator| validator.public_key() == *key)
    }

    /// The number of a peer of the network; `None` for the observer.
    #[must_use]
    pub fn index_of_peer(&self, key: &ed25519::PublicKey) -> Option<usize> {
        self.peers.iter().position(|peer| peer == key)
    }

    /// The governor's word on who validates.
    #[must_use]
    pub fn decide(&self, nonce: u64, committee: &[usize]) -> GovernedTransaction {
        let mut validators: Vec<PublicKey> = committee.iter().map(|&index| self.validators[index].public_key()).collect();
        validators.sort_unstable();
        GovernedTransaction::sign(nonce, Action::SetCommittee { validators }, CHAIN, [&self.governor])
    }

    /// An owner's signed deposit.
    #[must_use]
    pub fn deposit(&self, owner: usize, nonce: u64, zone: ZoneId, asset: AssetId, units: u128) -> SignedDeposit {
        let key = &self.owners[owner];
        let amount = Amount::new(units).expect("a small amount");
        let deposit =
            Deposit { zone, nonce, asset, amount, owner: key.public_key(), account: Address::of_account(AccountId::new(4)) };
        SignedDeposit::sign(deposit, CHAIN, key)
    }
}

fn secret(kind: u8, index: u8) -> SecretKey {
    let mut seed = [0; 32];
    (seed[0], seed[1]) = (kind, index);
    SecretKey::from_seed(seed)
}

fn peer(key: &PublicKey) -> ed25519::PublicKey {
    to_consensus(key).expect("a key made from a seed is a point")
}

fn genesis(
    validators: Vec<PublicKey>,
    producers: &[SecretKey],
    owners: &[SecretKey],
    governor: &SecretKey,
    epoch_blocks: u32,
) -> Genesis {
    let zones = producers.iter().zip(1_u16..).map(|(producer, number)| GenesisZone {
        id: ZoneId::new(number),
        name: Name::new(&format!("zone-{number}")).expect("a short name"),
        producer: producer.public_key(),
        epoch: ProducerEpoch::new(1),
        mode: ZoneMode::Attested { delay_blocks: ATTESTATION_DELAY_BLOCKS },
        rules: ZoneRules::default(),
    });
    let mut holders: Vec<PublicKey> = owners.iter().map(SecretKey::public_key).collect();
    holders.sort_unstable();
    let amount = Amount::new(ISSUED_UNITS).expect("a small amount");
    let assets = (0..ASSETS).map(|index| GenesisAsset {
        asset: Asset { id: AssetId::new(index), name: Name::new(&format!("ASSET{index}")).expect("a short name"), decimals: 2 },
        issuer: owners[0].public_key(),
        issued: holders.iter().map(|&owner| GenesisBalance { owner, amount }).collect(),
    });
    let draft = Draft {
        chain: CHAIN,
        time: TimestampNs::new(1_000),
        validators,
        zones: zones.collect(),
        assets: assets.collect(),
        limits: ChainLimits { epoch_blocks, ..ChainLimits::default() },
        governance: Governance { governors: vec![governor.public_key()], approvals_min: 1 },
        requests: None,
    };
    draft.build().expect("a sound genesis")
}
