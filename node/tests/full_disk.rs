//! A disk that fills up under the running appliance: orders are refused before it is full, cancels pass, a disk that is freed takes
//! orders again, and one that goes on filling up stops the appliance while everything is whole.
//!
//! The disk is a tmpfs of the test's own. Who may not mount one is told that the test was skipped.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::{Firm, Market, WITHIN, now, write_order};
use plinth_gateway::codec::tag;
use plinth_node::replay::child::ChildAppliance;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Two journal segments of 64 MiB, the validators' files, the reserve, and something to fill up.
const DISK: &str = "size=900m";
const MIB: usize = 1 << 20;

/// A mounted tmpfs; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount() -> Option<Self> {
        let path = tempfile::tempdir().unwrap().keep();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            refused => {
                println!("SKIPPED: no tmpfs can be mounted here: {refused:?}");
                None
            }
        }
    }

    /// Leaves so many MiB free.
    fn fill(&self, name: &str, free_mib: usize) {
        let output = Command::new("df").args(["-BM", "--output=avail"]).arg(&self.0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let free: usize = text.lines().last().unwrap().trim().trim_end_matches('M').parse().unwrap();
        fs::write(self.0.join(name), vec![0; (free - free_mib) * MIB]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_disk_that_fills_up_refuses_orders_then_stops_whole() {
    let Some(disk) = Disk::mount() else { return };
    let folder = disk.0.join("appliance");
    let market = Market::open_in(&folder);
    let mut firm = market.log_on(0);
    let resting = firm.accepts_an_order("a start");

    disk.fill("half", 300);
    wait_until("the reserve is seen to be touched", || market.appliance.status().unwrap().disk_space_low);
    let refused = firm.next_id();
    firm.send(b"D", |message| write_order(message, &refused, &[]));
    let text = "disk space is low, only cancels are taken";
    firm.expect("an order on a full disk", "8", &[(tag::CL_ORD_ID, &refused), (tag::EXEC_TYPE, "8"), (tag::TEXT, text)]);
    cancel(&mut firm, &resting);

    fs::remove_file(disk.0.join("half")).unwrap();
    wait_until("the disk is seen to be free", || !market.appliance.status().unwrap().disk_space_low);
    let kept = firm.accepts_an_order("a freed disk");

    let numbers = firm.client.numbers();
    disk.fill("nearly all", 60);
    let status = market.appliance.wait().unwrap();
    assert_eq!(status.code(), Some(1), "stopped by itself, and says so");
    let log = fs::read_to_string(folder.join("appliance.log")).unwrap();
    assert!(log.contains("disk space:") && !log.contains("panicked"), "{log}");

    fs::remove_file(disk.0.join("nearly all")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_plinth"));
    let appliance = ChildAppliance::start(binary, &folder, &[]).unwrap();
    let market = Market::of(appliance);
    let mut firm = market.log_on_behind(0, numbers);
    cancel(&mut firm, &kept);
    assert!(market.appliance.status().unwrap().ledger_conserved);
}

fn cancel(firm: &mut Firm, order: &str) {
    let id = firm.next_id();
    firm.send(b"F", |message| {
        message.bytes(tag::ORIG_CL_ORD_ID, order.as_bytes());
        message.bytes(tag::CL_ORD_ID, id.as_bytes());
        message.bytes(tag::SYMBOL, b"BTC/USD");
        message.bytes(tag::SIDE, b"1");
        message.time(tag::TRANSACT_TIME, now());
        message.bytes(tag::ORDER_QTY, b"0.001");
    });
    firm.expect("a cancel", "8", &[(tag::EXEC_TYPE, "4"), (tag::ORIG_CL_ORD_ID, order)]);
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "not in {} s: {what}", WITHIN.as_secs());
        std::thread::yield_now();
    }
}
