//! Four validators, hosts and zones, each a process of its own, and an observer that believes certificates alone.

use crate::bookkeeper::DIE;
use plinth_settlement::block::{SignedDeposit, Transaction};
use plinth_settlement::dispersal::ReaderKey;
use plinth_settlement::genesis::{
    AssetCap, ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisZone, Governance, ZoneMode, ZoneRules,
};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::State;
use plinth_settlement::link::{LinkConfig, ZoneLink};
use plinth_settlement::transport::Peer;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, ProducerEpoch, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::Address;
use std::fmt::Write as _;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const CHAIN: ChainId = ChainId::new(7);
pub const USD: AssetId = AssetId::new(0);
pub const ISSUED: u128 = 1_000_000;
/// An account of every zone.
pub const ACCOUNT: Address = Address([1; 32]);
/// What makes this test's program a validator or a zone.
pub const VALIDATOR: &str = "PLINTH_TEST_VALIDATOR";
pub const ZONE: &str = "PLINTH_TEST_ZONE";
pub const SOCKET: &str = "PLINTH_TEST_SOCKET";
const DEADLINE: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(20);

/// A process that is killed with `kill -9` when it is dropped.
pub struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill().is_err();
        let _reaped = self.0.wait();
    }
}

pub struct World {
    /// First, so that they are gone before their folders.
    _validators: Vec<Running>,
    pub owner: SecretKey,
    pub governor: SecretKey,
    folder: tempfile::TempDir,
    observer: ZoneLink,
    nonce: u64,
}

fn secret(kind: u8, index: u8) -> SecretKey {
    let mut seed = [0; 32];
    (seed[0], seed[1]) = (kind, index);
    SecretKey::from_seed(seed)
}

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

pub fn producer(zone: u16) -> SecretKey {
    secret(2, zone as u8)
}

/// The guest of whose proofs `verifier` believes all but those that name the closed account.
const GUEST: Digest = Digest([0x62; 32]);

fn genesis(validators: &[SecretKey], owner: &SecretKey, governor: &SecretKey, mode: ZoneMode) -> Genesis {
    let zone = |id: u16, mode: ZoneMode| GenesisZone {
        id: ZoneId::new(id),
        name: Name::new(&format!("books-{id}")).unwrap(),
        producer: producer(id).public_key(),
        epoch: ProducerEpoch::new(1),
        mode,
        rules: ZoneRules { caps: vec![AssetCap { asset: USD, per_hour: amount(ISSUED) }], ..ZoneRules::default() },
    };
    let asset = Asset { id: USD, name: Name::new("USD").unwrap(), decimals: 2 };
    let issued = vec![GenesisBalance { owner: owner.public_key(), amount: amount(ISSUED) }];
    let draft = Draft {
        chain: CHAIN,
        time: TimestampNs::new(1),
        validators: validators.iter().map(SecretKey::public_key).collect(),
        zones: vec![zone(2, mode), zone(3, ZoneMode::Attested { delay_blocks: 1 })],
        assets: vec![GenesisAsset { asset, issuer: owner.public_key(), issued }],
        limits: ChainLimits::default(),
        governance: Governance { governors: vec![governor.public_key()], approvals_min: 1 },
        requests: None,
    };
    draft.build().unwrap()
}

fn hex(key: &SecretKey) -> String {
    key.expose_seed().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This test's program, as a process that does something else.
fn again(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", part, "--ignored", "--nocapture"]);
    command
}

impl World {
    /// Both zones are attested by their producers.
    pub fn start() -> Self {
        Self::of(ZoneMode::Attested { delay_blocks: 1 })
    }

    /// Zone 2 settles by proofs, which are its bodies.
    pub fn proven() -> Self {
        Self::of(ZoneMode::Proven { guest_image: GUEST, window_blocks: 64, deadline_blocks: 10_000 })
    }

    fn of(mode: ZoneMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (owner, governor, observer) = (secret(3, 0), secret(4, 0), secret(5, 0));
        let keys: Vec<_> = (0..4).map(|index| secret(1, index)).collect();
        let genesis = genesis(&keys, &owner, &governor, mode);
        let verifier = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zones/verifier");
        let path = |name: String| folder.path().join(name);
        std::fs::write(path("genesis.toml".into()), genesis.to_text()).unwrap();
        std::fs::write(path("reader.key".into()), "09".repeat(32)).unwrap();
        let sockets: Vec<_> = keys.iter().map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let peer = |(key, socket): (&SecretKey, &UdpSocket)| Peer { key: key.public_key(), address: socket.local_addr().unwrap() };
        let peers: Vec<_> = keys.iter().zip(&sockets).map(peer).collect();
        drop(sockets);
        let mut listed = String::new();
        peers
            .iter()
            .for_each(|peer| writeln!(listed, "[[validators]]\nkey = \"{}\"\naddress = \"{}\"", peer.key, peer.address).unwrap());
        let mut validators = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            std::fs::write(path(format!("{index}.key")), hex(key)).unwrap();
            let head = format!(
                "key_file = \"{index}.key\"\ngenesis = \"genesis.toml\"\ndirectory = \"validator-{index}\"\nlisten = \"{}\"\n\
                 clients = [\"{}\"]\nidle_interval_ms = 100\nproof_verifiers = [\"{verifier}\"]\n",
                peers[index].address,
                observer.public_key()
            );
            let name = path(format!("{index}.toml"));
            std::fs::write(&name, head + &listed).unwrap();
            validators.push(Running::start(again("as_validator").env(VALIDATOR, name)));
        }
        for zone in [2, 3] {
            std::fs::create_dir(path(format!("zone-{zone}"))).unwrap();
            std::fs::write(path(format!("producer-{zone}.key")), hex(&producer(zone))).unwrap();
            let head = format!(
                "zone = {zone}\nkey_file = \"producer-{zone}.key\"\nreader_key_file = \"reader.key\"\ngenesis = \"genesis.toml\"\n\
                 directory = \"zone-{zone}\"\nbodies_are_proofs = {}\n",
                zone == 2
            );
            std::fs::write(path(format!("zone-{zone}.toml")), head + &listed).unwrap();
        }
        let observer = ZoneLink::start(LinkConfig {
            producer: observer,
            reader_key: ReaderKey::new([9; 32]),
            zone: ZoneId::new(2),
            genesis: Arc::new(genesis),
            validators: peers,
            from: Height::new(u64::MAX),
        });
        let world = Self { owner, governor, folder, observer: observer.unwrap(), nonce: 0, _validators: validators };
        world.wait("the validators to begin", |_| true);
        world
    }

    pub fn folder(&self, zone: u16) -> PathBuf {
        self.folder.path().join(format!("zone-{zone}"))
    }

    pub fn socket(&self, zone: u16) -> PathBuf {
        self.folder(zone).join("zone.sock")
    }

    pub fn config(&self, zone: u16) -> PathBuf {
        self.folder.path().join(format!("zone-{zone}.toml"))
    }

    pub fn host(&self, zone: u16) -> Running {
        Running::start(plinth_zone().arg("--config").arg(self.config(zone)))
    }

    pub fn zone(&self, zone: u16) -> Running {
        self.zone_that_dies(zone, "never")
    }

    /// A zone that kills itself at this point, once it gets there.
    pub fn zone_that_dies(&self, zone: u16, at: &str) -> Running {
        Running::start(again("as_zone").env(ZONE, zone.to_string()).env(SOCKET, self.socket(zone)).env(DIE, at))
    }

    /// What the host says of itself.
    pub fn status(&self, zone: u16) -> serde_json::Value {
        let output = plinth_zone().arg("status").arg("--json").arg("--config").arg(self.config(zone)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn bring(&self, transaction: Transaction) {
        self.observer.bring(transaction).unwrap();
    }

    /// Has the owner move so much into a zone.
    pub fn deposit(&mut self, zone: u16, account: Address, units: u128) {
        self.nonce += 1;
        let (zone, owner) = (ZoneId::new(zone), self.owner.public_key());
        let deposit = Deposit { zone, nonce: self.nonce, asset: USD, amount: amount(units), owner, account };
        self.bring(Transaction::Deposit(SignedDeposit::sign(deposit, CHAIN, &self.owner)));
    }

    /// Waits until the ledger, as certificates have it, is so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&State) -> bool) -> State {
        let begun = Instant::now();
        loop {
            if let Some(ledger) = self.observer.ledger().filter(&is_so) {
                assert!(ledger.conservation(USD).unwrap().holds());
                return ledger;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "waited for {what}; zones: {:?}",
                self.observer
                    .ledger()
                    .map(|ledger| { ledger.zones().map(|zone| (*zone.record(), zone.turnstile(USD))).collect::<Vec<_>>() })
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the owner has so much on the base layer.
    pub fn wait_balance(&self, units: u128) -> State {
        let owner = self.owner.public_key();
        self.wait(&format!("a balance of {units}"), |ledger| ledger.balance(&owner, USD) == amount(units))
    }
}

pub fn plinth_zone() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plinth-zone"))
}
