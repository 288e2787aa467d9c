//! A trading zone whose producer is killed and whose files are gone, taken over by another key from the validators' shards: the books and
//! balances are the same, it trades on, and the old producer is kept out. Real processes on both sides of the loss.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::owners::{BTC, Owners, TRADED, USD, trade};
use market::{Market, WITHIN, now, write_order};
use plinth_gateway::client::Numbers;
use plinth_gateway::codec::tag;
use plinth_matching::journal::Identity;
use plinth_node::recover::FIX_NUMBERS_PER_EPOCH;
use plinth_node::replay::child::{ChildAppliance, ChildError};
use plinth_node::told::{Entry, TOLD_FILE, ToldLog};
use plinth_settlement::keys::SecretKey;
use plinth_types::id::{MsgSeqNum, Seq, ZoneId};
use plinth_validator::{Validator, ValidatorConfig, ValidatorHandle};
use serde_json::Value;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

const VALIDATORS: usize = 4;

/// A chain whose validators run in this process, and the folder of its trading zone, which runs in one of its own.
struct Chain {
    folder: PathBuf,
    validators: Vec<ValidatorHandle>,
}

fn plinth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plinth")).args(arguments).output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Chain {
    fn new(folder: &Path) -> Self {
        done(&plinth(&["init", "--validators", "4", "--validators-here", "0", "--data-dir", folder.to_str().unwrap()]));
        // The ports that it names may be another test's.
        let sockets: Vec<UdpSocket> = (0..VALIDATORS).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let files = (0..VALIDATORS).map(|index| folder.join(format!("validator-{index}/validator.toml")));
        let files: Vec<PathBuf> = files.chain([folder.join("plinth.toml")]).collect();
        for file in &files {
            let mut text = fs::read_to_string(file).unwrap();
            for (index, socket) in sockets.iter().enumerate() {
                let port = socket.local_addr().unwrap().port();
                text = text.replace(&format!("127.0.0.1:{}", 9_881 + index), &format!("127.0.0.1:{port}"));
            }
            fs::write(file, text).unwrap();
        }
        drop(sockets);
        let start = |file: &PathBuf| Validator::start(ValidatorConfig::load(file).unwrap()).unwrap();
        Self { folder: folder.to_path_buf(), validators: files[..VALIDATORS].iter().map(start).collect() }
    }

    /// The zone's process on this folder.
    fn run(folder: &Path) -> Result<Market, ChildError> {
        ChildAppliance::start_zone(Path::new(env!("CARGO_BIN_EXE_plinth")), folder, &[]).map(Market::of)
    }

    /// A folder for another producer: the same configuration, the keys of who is served, and a key of its own.
    fn successor(&self, name: &str, number: u8) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(folder.join("keys")).unwrap();
        let key = |folder: &Path, name: &str| folder.join("keys").join(format!("{name}.key"));
        let first = SecretKey::from_hex(fs::read_to_string(key(&self.folder, "producer")).unwrap().trim()).unwrap();
        for name in ["reader", "firm-1", "firm-2", "issuer", "governor-1", "governor-2", "governor-3"] {
            fs::copy(key(&self.folder, name), key(&folder, name)).unwrap();
        }
        fs::copy(self.folder.join("demo-credentials.json"), folder.join("demo-credentials.json")).unwrap();
        fs::write(key(&folder, "producer"), format!("{number:02x}").repeat(32)).unwrap();
        let text = fs::read_to_string(self.folder.join("plinth.toml")).unwrap();
        let named = format!("[zone]\ngenesis_producer = \"{}\"\n", first.public_key());
        fs::write(folder.join("plinth.toml"), text.replace("[zone]\n", &named)).unwrap();
        folder
    }

    fn stop(self) {
        for validator in self.validators {
            assert!(validator.evidence().is_empty());
            validator.stop().unwrap();
        }
    }
}

fn recover(folder: &Path, governors: &[u8], more: &[&str]) -> Output {
    let config = folder.join("plinth.toml");
    let keys: Vec<PathBuf> = governors.iter().map(|number| folder.join(format!("keys/governor-{number}.key"))).collect();
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
    plinth(&[&["recover", "--config", config.to_str().unwrap()], keys.as_slice(), more].concat())
}

/// What must be the same behind a recovery.
fn books(status: &Value) -> (Value, Value, Value, Vec<Value>) {
    let zone = status["ledger"].as_array().unwrap().iter().map(|asset| asset["zone"].clone()).collect();
    (status["orders"].clone(), status["orders_live"].clone(), status["trades"].clone(), zone)
}

/// The zone's process knows the ledger up to its own epoch; before that it has nothing to compare its books with.
fn caught_up(owners: &Owners<'_>, epoch: u64) {
    let deadline = Instant::now() + WITHIN;
    while owners.status()["zone_epoch"] != epoch {
        assert!(Instant::now() < deadline, "not within {WITHIN:?}: {}", owners.status());
        std::thread::yield_now();
    }
}

/// Everything that was sequenced is in an available block.
fn all_available(owners: &Owners<'_>) -> Value {
    owners.wait_for("every block settled", |status| {
        status["zone_height"] == status["settled_height"]
            && status["trades"] == status["trades_settled"]
            && status["zone_height"] != 0
    });
    owners.status()
}

#[test]
fn a_lost_producer_is_replaced_and_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Chain::new(folder.path());
    let market = Chain::run(&chain.folder).unwrap();
    let owners = Owners(&chain.folder);
    trade(&market);
    let resting = market.log_on(2).accepts_an_order("a start");
    owners.moved(&["withdraw"], "BTC", "0.0004");
    owners.wait_for_base(BTC, TRADED * 2 / 5);
    let before = all_available(&owners);
    market.appliance.kill().unwrap();

    // The machine is gone: on another one there are the configuration, the reader key, and a new key.
    let second = chain.successor("second", 0x51);
    let refused = recover(&second, &[1], &[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("1 approvals, 2 are needed"), "{said}");
    assert!(!second.join("zone").exists());
    let said = done(&recover(&second, &[1, 3], &[]));
    assert!(said.contains("no old journal: what was acknowledged behind record") && said.contains("epoch 2"), "{said}");
    let market = Chain::run(&second).unwrap();
    let owners = Owners(&second);
    caught_up(&owners, 2);
    let after = owners.status();
    assert_eq!(books(&after), books(&before));
    assert_eq!((&after["zone_epoch"], owners.base(BTC)), (&Value::from(2), Some(TRADED * 2 / 5)));

    // Its orders rest where they did, its clients' numbers go on, and it trades and pays.
    let next_out = MsgSeqNum::new(after["sessions"][2]["next_inbound"].as_u64().unwrap());
    let numbers = Numbers { next_out, ..Numbers::START };
    let mut owner = market.log_on_behind(2, numbers);
    let cancel = owner.next_id();
    owner.send(b"F", |message| {
        for (tag, value) in
            [(tag::ORIG_CL_ORD_ID, resting.as_str()), (tag::CL_ORD_ID, &cancel), (tag::SYMBOL, "BTC/USD"), (tag::SIDE, "1")]
        {
            message.bytes(tag, value.as_bytes());
        }
        message.bytes(tag::ORDER_QTY, b"0.001");
        message.time(tag::TRANSACT_TIME, now());
    });
    owner.expect("the cancel", "8", &[(tag::CL_ORD_ID, &cancel), (tag::EXEC_TYPE, "4")]);
    assert!(owners.status()["sessions"][2]["next_outbound"].as_u64().unwrap() > 2 * FIX_NUMBERS_PER_EPOCH);
    owners.moved(&["withdraw"], "USD", "12");
    owners.wait_for_base(USD, 120_000_000_000);
    let settled = all_available(&owners);

    // The old producer comes back with its journal: it is told, and stops.
    let came_back = Chain::run(&chain.folder);
    match came_back {
        // It may have been ready for a moment, with what its own journal says.
        Ok(old) => assert!(!old.appliance.wait().unwrap().success()),
        Err(error) => assert!(matches!(error, ChildError::Ended(..)), "{error}"),
    }
    let log = fs::read_to_string(chain.folder.join("appliance.log")).unwrap();
    assert!(log.contains("another producer has taken this zone over"), "{log}");
    assert_eq!(owners.status()["zone_epoch"], 2);
    assert_eq!(books(&owners.status()), books(&settled));
    assert!(market.appliance.stop().unwrap().success());

    // An empty folder is no producer: it would begin at block 1.
    fs::rename(second.join("zone"), second.join("elsewhere")).unwrap();
    match Chain::run(&second) {
        Ok(empty) => assert!(!empty.appliance.wait().unwrap().success()),
        Err(error) => assert!(matches!(error, ChildError::Ended(..)), "{error}"),
    }
    assert!(fs::read_to_string(second.join("appliance.log")).unwrap().contains("'plinth recover'"));
    chain.stop();
}

/// The disk of the old machine is still there: what it acknowledged and settlement never had is taken over, command by command.
#[test]
fn what_was_acknowledged_and_never_available_is_taken_over_from_the_old_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(folder.path());
    let market = Chain::run(&chain.folder).unwrap();
    let owners = Owners(&chain.folder);
    trade(&market);
    all_available(&owners);
    // Without a quorum nothing is ordered any more, and the zone goes on acknowledging.
    let held: Vec<ValidatorHandle> = chain.validators.drain(2..).collect();
    held.into_iter().for_each(|validator| validator.stop().unwrap());
    let mut firm = market.log_on(3);
    let order = firm.accepts_an_order("a quorum lost");
    let second_order = firm.accepts_an_order("a quorum lost");
    let before = owners.status();
    market.appliance.kill().unwrap();
    for index in 2..VALIDATORS {
        let file = chain.folder.join(format!("validator-{index}/validator.toml"));
        chain.validators.push(Validator::start(ValidatorConfig::load(&file).unwrap()).unwrap());
    }

    let second = chain.successor("second", 0x52);
    let journal = chain.folder.join("zone/journal");
    let said = done(&recover(&second, &[2, 3], &["--journal", journal.to_str().unwrap()]));
    assert!(said.contains("taken over from it: 2 commands, 0 trades"), "{said}");
    assert!(
        said.contains(&format!("ClOrdID {order}")) && said.contains(&format!("FIRM4, new order 4-2, ClOrdID {second_order}")),
        "{said}"
    );
    let market = Chain::run(&second).unwrap();
    let owners = Owners(&second);
    caught_up(&owners, 2);
    assert_eq!(books(&owners.status()), books(&before));
    all_available(&owners);
    market.appliance.kill().unwrap();

    // Lost again, without its disk, and by the same key: it is another epoch all the same, with numbers of its own.
    let config = second.join("plinth.toml");
    let zone = second.join("zone");
    fs::rename(&zone, second.join("elsewhere")).unwrap();
    let said = done(&recover(&second, &[1, 2], &[]));
    assert!(said.contains("epoch 3") && said.contains("WARNING: it had the same key before"), "{said}");
    assert!(config.exists() && zone.exists());
    let market = Chain::run(&second).unwrap();
    caught_up(&owners, 3);
    assert_eq!(books(&owners.status()), books(&before));
    let deadline = Instant::now() + WITHIN;
    while owners.status()["sessions"][3]["next_outbound"].as_u64().unwrap() <= 3 * FIX_NUMBERS_PER_EPOCH {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert!(market.appliance.stop().unwrap().success());
    chain.stop();
}

/// Of the old machine there are an old copy of the journal and the list of trades that clients were told of: those whose records are lost are busted.
#[test]
fn trades_whose_records_are_lost_are_busted() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(folder.path());
    let market = Chain::run(&chain.folder).unwrap();
    let owners = Owners(&chain.folder);
    trade(&market);
    all_available(&owners);
    let (zone, copy) = (chain.folder.join("zone"), chain.folder.join("copy"));
    copy_folder(&zone.join("journal"), &copy.join("journal"));
    let held: Vec<ValidatorHandle> = chain.validators.drain(2..).collect();
    held.into_iter().for_each(|validator| validator.stop().unwrap());
    let (mut buyer, mut seller) = (market.log_on(4), market.log_on(5));
    let bid = buyer.accepts_an_order("a quorum lost");
    let offer = seller.next_id();
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    let fill = [(tag::CL_ORD_ID, bid.as_str()), (tag::EXEC_TYPE, "F")];
    let [exec_id] = buyer.read("the fill", "8", &fill, [tag::EXEC_ID]);
    // What was told is kept a moment later.
    let identity = Identity { chain: owners.chain(), zone: ZoneId::TRADING };
    let record = exec_id.split('-').next().unwrap().parse().unwrap();
    let is_kept = |entry: &Entry| matches!(entry, Entry::Trade(told) if told.record == Seq::new(record));
    let deadline = Instant::now() + WITHIN;
    while !ToldLog::read(&zone.join(TOLD_FILE), identity).unwrap().iter().any(is_kept) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    market.appliance.kill().unwrap();
    for index in 2..VALIDATORS {
        let file = chain.folder.join(format!("validator-{index}/validator.toml"));
        chain.validators.push(Validator::start(ValidatorConfig::load(&file).unwrap()).unwrap());
    }
    fs::copy(zone.join(TOLD_FILE), copy.join(TOLD_FILE)).unwrap();

    let second = chain.successor("second", 0x53);
    let said = done(&recover(&second, &[1, 2], &["--journal", copy.join("journal").to_str().unwrap()]));
    assert!(said.contains("LOST: 1 trades that clients were told of"), "{said}");
    let market = Chain::run(&second).unwrap();
    let owners = Owners(&second);
    caught_up(&owners, 2);
    assert_eq!(owners.status()["trades"], 1);
    let mut buyer = market.log_on_behind(4, Numbers::START);
    let bust = [(tag::EXEC_TYPE, "H"), (tag::EXEC_REF_ID, exec_id.as_str()), (tag::CUM_QTY, "0"), (tag::SYMBOL, "[N/A]")];
    buyer.expect("the bust", "8", &bust);
    buyer.accepts_an_order("a bust");
    assert!(market.appliance.stop().unwrap().success());
    chain.stop();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
