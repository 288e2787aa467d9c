//! The program itself: four of them order blocks, Ctrl-C stops one cleanly, a bad configuration is explained.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plinth_settlement::genesis::{ChainLimits, Draft};
use plinth_settlement::keys::SecretKey;
use plinth_types::id::{ChainId, TimestampNs};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plinth-validator"))
}

/// Writes the files of `count` validators; returns their configurations' names.
fn write_files(folder: &Path, count: u8) -> Vec<String> {
    let keys: Vec<([u8; 32], SecretKey)> =
        (0..count).map(|index| ([index + 1; 32], SecretKey::from_seed([index + 1; 32]))).collect();
    let draft = Draft {
        chain: ChainId::new(3),
        time: TimestampNs::new(1),
        validators: keys.iter().map(|(_, key)| key.public_key()).collect(),
        zones: Vec::new(),
        assets: Vec::new(),
        limits: ChainLimits::default(),
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

#[test]
fn four_programs_order_blocks_and_stop_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Vec::new();
    let (sender, lines) = mpsc::channel();
    for (index, name) in write_files(folder.path(), 4).into_iter().enumerate() {
        let mut child = program().args(["--config", &name, "--report", "1"]).stdout(Stdio::piped()).spawn().unwrap();
        let (stdout, sender) = (child.stdout.take().unwrap(), sender.clone());
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send((index, line))));
        });
        running.push(Running(child));
    }
    let (deadline, mut heights) = (Instant::now() + DEADLINE, [0_u64; 4]);
    while heights.iter().any(|height| *height < 5) {
        let left = deadline.saturating_duration_since(Instant::now());
        let (index, line) = lines.recv_timeout(left).unwrap_or_else(|_| panic!("heights {heights:?} after {DEADLINE:?}"));
        let height = line.split("height ").nth(1).and_then(|rest| rest.split(',').next()).and_then(|height| height.parse().ok());
        heights[index] = height.unwrap_or_else(|| panic!("no height in {line:?}"));
    }
    for Running(child) in &mut running {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_bad_configuration_is_explained_by_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let name = write_files(folder.path(), 4).remove(0);
    let text = std::fs::read_to_string(&name).unwrap().replace("idle_interval_ms", "idle_intervall_ms");
    std::fs::write(&name, text).unwrap();
    let output = program().args(["--config", &name]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("0.toml") && said.contains("line 5, column 1") && said.contains("idle_intervall_ms"), "{said}");
}
