//! The program itself: four of them order blocks, through kills and the ends of epochs, Ctrl-C stops one cleanly, a bad configuration is
//! explained.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plinth_settlement::genesis::{ChainLimits, Draft, Governance};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::limits::EPOCH_BLOCKS_DEFAULT;
use plinth_types::id::{ChainId, TimestampNs};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(120);

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plinth-validator"))
}

/// Writes the files of `count` validators; returns their configurations' names.
fn write_files(folder: &Path, count: u8, epoch_blocks: u32) -> Vec<String> {
    let keys: Vec<([u8; 32], SecretKey)> =
        (0..count).map(|index| ([index + 1; 32], SecretKey::from_seed([index + 1; 32]))).collect();
    let draft = Draft {
        chain: ChainId::new(3),
        time: TimestampNs::new(1),
        validators: keys.iter().map(|(_, key)| key.public_key()).collect(),
        zones: Vec::new(),
        assets: Vec::new(),
        limits: ChainLimits { epoch_blocks, ..ChainLimits::default() },
        governance: Governance::default(),
        requests: None,
    };
    std::fs::write(folder.join("genesis.toml"), draft.build().unwrap().to_text()).unwrap();
    let sockets: Vec<UdpSocket> = keys.iter().map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<SocketAddr> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    let mut validators = String::new();
    for ((_, key), address) in keys.iter().zip(&addresses) {
        writeln!(validators, "[[validators]]\nkey = \"{}\"\naddress = \"{address}\"", key.public_key()).unwrap();
    }
    let mut names = Vec::new();
    for (index, ((seed, _), address)) in keys.iter().zip(&addresses).enumerate() {
        let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(folder.join(format!("{index}.key")), hex).unwrap();
        let head = format!(
            "key_file = \"{index}.key\"\ngenesis = \"genesis.toml\"\ndirectory = \"data-{index}\"\nlisten = \"{address}\"\nidle_interval_ms = 50\n"
        );
        let name = folder.join(format!("{index}.toml"));
        std::fs::write(&name, head + &validators).unwrap();
        names.push(name.to_str().unwrap().to_owned());
    }
    names
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill().is_err();
        let _reaped = self.0.wait();
    }
}

/// Programs by index, and what they say.
struct Programs {
    names: Vec<String>,
    running: BTreeMap<usize, Running>,
    heights: BTreeMap<usize, u64>,
    lines: mpsc::Receiver<(usize, u32, String)>,
    sender: mpsc::Sender<(usize, u32, String)>,
}

impl Programs {
    fn new(names: Vec<String>) -> Self {
        let (sender, lines) = mpsc::channel();
        Self { names, running: BTreeMap::new(), heights: BTreeMap::new(), lines, sender }
    }

    fn start(&mut self, index: usize) {
        let arguments = ["--config", &self.names[index], "--report", "1"];
        let mut child = program().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let (stdout, sender, id) = (child.stdout.take().unwrap(), self.sender.clone(), child.id());
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send((index, id, line))));
        });
        self.heights.insert(index, 0);
        self.running.insert(index, Running(child));
    }

    /// Waits until every running program has said that it is this high.
    fn wait_height(&mut self, height: u64) {
        let deadline = Instant::now() + DEADLINE;
        while self.running.keys().any(|index| self.heights[index] < height) {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let (index, id, line) = line.unwrap_or_else(|_| panic!("heights {:?}, {height} expected", self.heights));
            // A line of a program that was killed since says nothing.
            if self.running.get(&index).is_some_and(|running| running.0.id() == id) {
                let said = line.split("height ").nth(1).and_then(|rest| rest.split(',').next()).and_then(|said| said.parse().ok());
                self.heights.insert(index, said.unwrap_or_else(|| panic!("no height in {line:?}")));
            }
        }
    }

    fn highest(&self) -> u64 {
        self.heights.values().copied().max().unwrap_or_default()
    }
}

#[test]
fn four_programs_go_on_when_one_is_killed_and_it_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut programs = Programs::new(write_files(folder.path(), 4, EPOCH_BLOCKS_DEFAULT));
    (0..4).for_each(|index| programs.start(index));
    programs.wait_height(5);
    // `kill -9`: no goodbye, and what was not synced is not on the disk.
    drop(programs.running.remove(&2));
    programs.wait_height(programs.highest() + 5);
    programs.start(2);
    programs.wait_height(programs.highest() + 5);
    for Running(child) in programs.running.values_mut() {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}

/// Each validator in turn is killed before the end of an epoch and comes back in a later one, and has to vote there: when the next one is
/// killed, it is one of the three that must agree. At last all are killed at once.
#[test]
fn programs_killed_across_the_ends_of_epochs_go_on_and_vote() {
    const EPOCH_BLOCKS: u32 = 8;
    let two_epochs = 2 * u64::from(EPOCH_BLOCKS);
    let folder = tempfile::tempdir().unwrap();
    let mut programs = Programs::new(write_files(folder.path(), 4, EPOCH_BLOCKS));
    (0..4).for_each(|index| programs.start(index));
    programs.wait_height(3);
    for index in 0..4 {
        drop(programs.running.remove(&index));
        programs.wait_height(programs.highest() + two_epochs);
        programs.start(index);
        programs.wait_height(programs.highest());
    }
    let before = programs.highest();
    programs.running.clear();
    (0..4).for_each(|index| programs.start(index));
    programs.wait_height(before + two_epochs);
}

#[test]
fn a_bad_configuration_is_explained_by_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let name = write_files(folder.path(), 4, EPOCH_BLOCKS_DEFAULT).remove(0);
    let text = std::fs::read_to_string(&name).unwrap().replace("idle_interval_ms", "idle_intervall_ms");
    std::fs::write(&name, text).unwrap();
    let output = program().args(["--config", &name]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("0.toml") && said.contains("line 5, column 1") && said.contains("idle_intervall_ms"), "{said}");
}
