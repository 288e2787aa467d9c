//! The policy on system calls: what it denies fails in a process that it holds for, and the appliance is one.

// System calls with arguments that none of them takes.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::Market;
use market::owners::{Owners, trade};
use plinth_node::config::demo;
use plinth_node::config::schema::Seccomp;
use plinth_node::seccomp::{Programs, confine, denied};
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Set in a process that a test has started of its own program: what it is to do.
const ROLE: &str = "PLINTH_TEST_ROLE";

#[test]
fn what_is_denied_fails_with_eperm_in_a_process_that_is_confined() {
    match std::env::var(ROLE).as_deref() {
        Ok("confined") => confined(),
        Ok("with programs") => confined_with_programs(),
        Ok("logged") => logged(),
        Ok(other) => panic!("{other}"),
        Err(_) => {
            for role in ["confined", "with programs", "logged"] {
                let name = "what_is_denied_fails_with_eperm_in_a_process_that_is_confined";
                let own = std::env::current_exe().unwrap();
                let output = Command::new(own).args([name, "--exact", "--nocapture"]).env(ROLE, role).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && said.contains("1 passed"), "{role}: {said}");
            }
        }
    }
}

fn confined() {
    // Without a policy these calls are refused to nobody.
    assert!([libc::SYS_personality, libc::SYS_unshare].iter().all(|&call| errno(call) != libc::EPERM));
    let (confine_now, is_confined) = std::sync::mpsc::channel::<()>();
    let earlier = std::thread::spawn(move || {
        is_confined.recv().unwrap();
        errno(libc::SYS_personality)
    });
    confine(Seccomp::On, Programs::Denied).unwrap();
    confine_now.send(()).unwrap();
    assert_eq!(earlier.join().unwrap(), libc::EPERM, "a thread that was there before");
    let passed: Vec<i64> = denied(Programs::Denied).filter(|&call| errno(call) != libc::EPERM).collect();
    assert_eq!(passed, [0_i64; 0]);
    assert!(denied(Programs::Denied).count() > 50);
    if cfg!(target_arch = "x86_64") {
        assert_eq!(errno(libc::SYS_personality | 0x4000_0000), libc::EPERM, "by its x32 number");
    }
    let started = Command::new("/bin/true").status();
    assert_eq!(started.unwrap_err().kind(), ErrorKind::PermissionDenied);
    // What an appliance does it still may.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"bytes").unwrap();
    fs::File::open(folder.path().join("file")).unwrap().sync_all().unwrap();
    TcpListener::bind("127.0.0.1:0").unwrap();
    std::thread::spawn(|| ()).join().unwrap();
}

fn confined_with_programs() {
    confine(Seccomp::On, Programs::Allowed).unwrap();
    assert!(Command::new("/bin/true").status().unwrap().success());
    assert_eq!(errno(libc::SYS_personality), libc::EPERM);
    let status = Command::new("/bin/cat").arg("/proc/self/status").output().unwrap();
    assert_eq!(field(&String::from_utf8_lossy(&status.stdout), "Seccomp"), "2", "a program that is started is confined as well");
}

fn logged() {
    confine(Seccomp::Log, Programs::Denied).unwrap();
    assert_ne!(errno(libc::SYS_personality), libc::EPERM);
    assert!(Command::new("/bin/true").status().unwrap().success());
}

/// The error of a call; 0 if it was done.
fn errno(call: i64) -> i32 {
    // SAFETY: no call takes -1 for an address, a descriptor or a set of flags; `personality` only tells then what it is, as with any number
    // that has all of its low 32 bits.
    match unsafe { libc::syscall(call, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64) } {
        -1 => std::io::Error::last_os_error().raw_os_error().unwrap(),
        _ => 0,
    }
}

#[test]
fn an_appliance_trades_under_the_policy_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    demo::create(folder.path(), demo::Committee::default(), &demo::Vouching::default()).unwrap();
    let market = Market::open_in(folder.path());
    trade(&market);
    assert_eq!(Owners(folder.path()).status()["seccomp"], "on");
    assert_eq!(modes(market.ready().pid), ["2"]);
    assert!(market.appliance.stop().unwrap().success());

    let file = folder.path().join(demo::CONFIG_FILE);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("seccomp = \"on\""), "{text}");
    fs::write(&file, text.replacen("seccomp = \"on\"", "seccomp = \"off\"", 1)).unwrap();
    let market = Market::open_in(folder.path());
    assert_eq!(Owners(folder.path()).status()["seccomp"], "off");
    assert_eq!(modes(market.ready().pid), ["0"]);
    assert!(market.appliance.stop().unwrap().success());
}

/// How the threads of a process are confined, each way once.
fn modes(pid: u32) -> Vec<String> {
    let threads = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).unwrap();
    // A thread may end while it is looked at.
    let statuses = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let mut modes: Vec<String> = statuses.map(|status| field(&status, "Seccomp").to_owned()).collect();
    modes.sort();
    modes.dedup();
    modes
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).unwrap()
}
