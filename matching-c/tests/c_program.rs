//! Compiles `program.c` with the system's C compiler, links it with the library and runs it: header and library agree, and the events are
//! those that the engine says.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared library that was built for this test, beside its program.
fn library() -> PathBuf {
    let beside = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let name = format!("{}plinth_matching_c{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = [beside.join(&name), beside.join("..").join(&name)].into_iter().find(|path| path.exists());
    library.unwrap_or_else(|| panic!("no {name} in {}", beside.display()))
}

#[test]
fn a_c_program_drives_the_engine() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = tempfile::tempdir().unwrap();
    let (program, library) = (work.path().join("program"), library());
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-I"])
        .arg(crate_folder.join("include"))
        .arg(crate_folder.join("tests/program.c"))
        .arg(&library)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(&program).env("LD_LIBRARY_PATH", library.parent().unwrap()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    let order = |session: u64, n: u64| session << 48 | n;
    let line = |kind, seq: u64, order: u64, rest: &str| format!("{kind} seq={seq} order={order:x} {rest}");
    let plain = "taker=0 trade=0 price=0 qty=0 reason=0";
    let (sell1, sell2, buy, bid) = (order(1, 1), order(1, 2), order(2, 1), order(2, 2));
    let expected = [
        line(1, 1001, sell1, plain),
        line(1, 1002, sell2, plain),
        line(1, 1003, buy, plain),
        line(3, 1003, sell1, &format!("taker={buy:x} trade=1 price=100 qty=10 reason=0")),
        line(3, 1003, sell2, &format!("taker={buy:x} trade=2 price=101 qty=5 reason=0")),
        line(1, 1004, bid, plain),
        line(4, 1005, bid, "taker=0 trade=0 price=0 qty=1 reason=1"),
        line(1, 1006, order(2, 3), plain),
        line(1, 1008, order(2, 4), plain),
        "done".to_owned(),
    ];
    assert_eq!(out.lines().collect::<Vec<_>>(), expected);
}

/// The header's codes are the library's.
#[test]
fn the_header_names_every_code() {
    use plinth_matching_c::abi::{ABI_VERSION, Status};
    let header = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/plinth_matching.h")).unwrap();
    assert!(header.contains(&format!("#define PLINTH_ABI_VERSION {ABI_VERSION}u")));
    for (name, status) in [
        ("OK", Status::Ok),
        ("NULL", Status::Null),
        ("CAPACITY", Status::Capacity),
        ("COMMAND", Status::Command),
        ("SEQUENCE", Status::Sequence),
        ("TAIL", Status::Tail),
        ("FULL", Status::Full),
        ("ARGUMENT", Status::Argument),
        ("REFUSED", Status::Refused),
        ("POISONED", Status::Poisoned),
    ] {
        assert!(header.contains(&format!("PLINTH_{name} = {}", status as i32)), "{name}");
    }
}
