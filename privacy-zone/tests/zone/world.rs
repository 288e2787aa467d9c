//! A pool with two registered firms, its keys, and a settlement layer that says what it is told to say.

use ed25519_dalek::{Signer as _, SigningKey};
use plinth_privacy::circuit::keys::{CircuitVersion, ProvingKey};
use plinth_privacy::note::{Eligibility, Jurisdiction, Value};
use plinth_privacy::pool::batch::{SenderId, Verifier};
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::registry::{Day, Registration, Registry};
use plinth_privacy::transaction::{PoolId, Transaction};
use plinth_privacy::wallet::Wallet;
use plinth_privacy::wallet::draft::{self, Frame, Intent};
use plinth_privacy::wallet::keys::{DepositKey, Seed, SpendingKey};
use plinth_privacy_zone::block::{Body, header_id};
use plinth_privacy_zone::zone::{Made, Zone};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, PublicKey, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use plinth_zone_protocol::message::BlockRef;
use plinth_zone_protocol::{Completion, Finalized, Welcome};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::path::Path;
use std::sync::LazyLock;

pub const CASH: AssetId = AssetId::new(1);
pub const TODAY: u32 = 20_000;
pub const NOW: TimestampNs = TimestampNs::new(TODAY as u64 * 86_400_000_000_000 + 5);
pub const SENDER: SenderId = SenderId(1);

pub static KEY: LazyLock<ProvingKey> = LazyLock::new(|| ProvingKey::new(CircuitVersion::V1).unwrap());
pub static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(KEY.verifying_key(), 1).unwrap());

fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub fn public(n: u8) -> PublicKey {
    PublicKey(signer(n).verifying_key().to_bytes())
}

pub fn genesis() -> PoolState {
    let id = PoolId { chain: ChainId::new(7), zone: ZoneId::new(4), generation: 1, circuit: CircuitVersion::V1 };
    PoolState::genesis(id, public(11), public(12))
}

/// A directive as registrar or controller give it.
pub fn directive(number: u64, directive: Directive) -> SignedDirective {
    let key = signer(if matches!(directive, Directive::Registry(_)) { 11 } else { 12 });
    let bytes = SignedDirective::signed_bytes(genesis().id, number, directive);
    SignedDirective { number, directive, signature: Signature(key.sign(&bytes).to_bytes()) }
}

pub struct Firm {
    pub key: SpendingKey,
    pub deposit: DepositKey,
    pub wallet: Wallet,
}

impl Firm {
    pub fn new(n: u8) -> Self {
        let seed = Seed::new([n; 32]);
        let key = seed.account(0);
        let wallet = Wallet::new(key.full_viewing_key());
        Self { key, deposit: seed.deposit_key(0), wallet }
    }

    pub fn has(&self) -> u128 {
        self.wallet.balance().values().sum()
    }

    /// Scans what the zone has and this wallet has not.
    pub fn follow(&mut self, zone: &Zone) {
        while self.wallet.height() < zone.state().height {
            let block = zone.archive().block(self.wallet.height().next()).unwrap();
            self.wallet.scan(&Body::decode(&block.body.0).unwrap().block.compact()).unwrap();
        }
    }

    pub fn transact(&mut self, state: &PoolState, day: Day, registry: &Registry, intent: &Intent) -> Transaction {
        let frame = Frame { pool: state.id, expires: Height::new(state.height.get() + 1_000), day };
        let draft = self.wallet.draft(&self.key, &frame, registry, intent, &mut UnwrapErr(SysRng)).unwrap();
        let skeleton = draft::skeleton(&frame, &[(draft.leg().clone(), draft.registry())]).unwrap();
        draft::finish(&KEY, skeleton, &[draft], |bytes| self.deposit.sign(bytes)).unwrap()
    }
}

pub fn registry(firms: &[&Firm]) -> Registry {
    let mut registry = Registry::default();
    for firm in firms {
        let key = firm.wallet.key();
        let jurisdiction = Jurisdiction::new(3).unwrap();
        let registration = Registration { owner: key.owner(), audit_key: key.audit_key(), expires: Day::new(40_000), jurisdiction };
        registry.add(registration).unwrap();
    }
    registry
}

pub fn opening_directives(registry: &Registry) -> [SignedDirective; 2] {
    [directive(1, Directive::Registry(registry.root())), directive(2, Directive::List(CASH, Eligibility::ALL))]
}

/// A deposit of a firm's, as settlement tells of it.
pub fn deposit(index: u64, amount: u64, account: PublicKey) -> InboxMessage {
    InboxMessage {
        zone: genesis().id.zone,
        index: InboxIndex::new(index),
        id: Digest([index as u8; 32]),
        from: Party::owner(public(30)),
        channel_seq: index,
        kind: InboxKind::Transfer,
        asset: CASH,
        amount: Amount::new(amount.into()).unwrap(),
        account: Address::of_owner(account),
    }
}

pub fn news(height: u64, inbox: Vec<InboxMessage>) -> Finalized {
    Finalized { height: Height::new(height), inbox: inbox.into(), ..Finalized::default() }
}

pub fn block_ref(block: &plinth_zone_protocol::Block) -> BlockRef {
    BlockRef { height: block.header.height, id: Digest([9; 32]), body_hash: block.header.body_hash }
}

/// What settlement writes into the header behind `parent`.
pub fn completion(parent: Digest) -> Completion {
    let (body_key, shard_root) = (Digest([1; 32]), Digest([2; 32]));
    Completion { epoch: ProducerEpoch::new(1), guest_image: Digest::ZERO, parent, body_key, shard_root }
}

/// A settlement block that orders this block behind `parent`.
pub fn ordering(height: u64, block: &plinth_zone_protocol::Block, parent: Digest) -> Finalized {
    let id = header_id(&completion(parent).complete(block.header.clone()));
    let ordered = vec![BlockRef { id, ..block_ref(block) }].into();
    Finalized { ordered, completions: vec![completion(parent)].into(), ..news(height, vec![]) }
}

pub fn welcome(settled: Height) -> Welcome {
    Welcome {
        chain: genesis().id.chain,
        zone: genesis().id.zone,
        genesis: Digest([5; 32]),
        genesis_time: TimestampNs::new(1),
        producer: public(40),
        epoch: ProducerEpoch::new(1),
        guest_image: Digest::ZERO,
        request_blocks: 0,
        settlement_height: Height::new(1_000),
        settlement_time: NOW,
        ordered: settled,
        available: settled,
        settled,
        inbox_consumed: InboxIndex::new(0),
        inbox_appended: InboxIndex::new(0),
        frozen: false,
    }
}

/// The zone of a folder, with a host that has settled all it has.
pub fn open(folder: &Path) -> Zone {
    let mut zone = Zone::open(genesis(), &folder.join("blocks.journal")).unwrap();
    let height = zone.state().height;
    zone.welcome(&welcome(height)).unwrap();
    zone
}

pub fn make(zone: &mut Zone, directives: Vec<SignedDirective>, transactions: Vec<Transaction>) -> Made {
    let candidates = transactions.into_iter().map(|transaction| (SENDER, transaction)).collect();
    zone.make(&VERIFIER, NOW, directives, candidates).unwrap()
}

/// Shields a deposit that was credited.
pub fn shielding(zone: &Zone, index: u64, amount: u64) -> Intent {
    let asset = zone.state().pool_asset(CASH).unwrap();
    Intent::Shield { asset, value: Value::new(amount), credit: Digest([index as u8; 32]) }
}
