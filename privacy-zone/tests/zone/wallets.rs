//! `plinth-privacy wallet --validator` as a process, beside a zone; what validators prove comes from a program that the test plays.

use crate::sockets::{Host, running};
use crate::world::*;
use plinth_privacy_zone::block::header_id;
use plinth_privacy_zone::client::Client;
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A wallet's folder, and the program that answers for validators.
struct Wallet<'f>(&'f Path);

impl Wallet<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_plinth-privacy"))
            .args(["wallet", "--dir", self.0.join("wallet").to_str().unwrap()])
            .args(arguments)
            .env("PLINTH_PASSPHRASE", "of a test")
            .output()
            .unwrap()
    }

    /// Whether a command that believes validators succeeds; what it says.
    fn checks(&self, zone: SocketAddr, what: &[&str]) -> (bool, String) {
        let (light, zone) = (self.0.join("light"), zone.to_string());
        let believing = ["--zone", &zone, "--zone-id", "4", "--light-key", "k", "--genesis", "g", "--validator", "v@a"];
        let output = self.run(&[what, &believing, &["--light", light.to_str().unwrap()]].concat());
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// What validators answer from now on.
    fn prove(&self, script: &str) {
        let path = self.0.join("light");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn prove_settled(&self, host: &Host, height: u64) {
        let height = Height::new(height);
        let (id, root) = (host.heads[&height], host.blocks[&height].header.post_root);
        let settled = format!(r#"{{"height":{height},"id":"{id}","post_root":"{root}"}}"#);
        // Asked as plinth-light is, and for this zone.
        self.prove(&format!(
            "case \"$*\" in \"--key-file k --checkpoint \"*\"/light.seen --genesis g --validator v@a zone 4\") ;; *) exit 2 ;; esac\n\
             echo '{{\"value\":{{\"zone\":4,\"settled\":{settled}}}}}'"
        ));
    }
}

#[test]
fn a_wallet_believes_what_settled_and_neither_the_zone_nor_a_liar() {
    let folder = tempfile::tempdir().unwrap();
    let firm = Firm::new(1);
    let (zone, mut host) = running(folder.path(), &registry(&[&firm]));
    let wallet = Wallet(folder.path());
    assert!(wallet.run(&["new"]).status.success());
    wallet.prove_settled(&host, 2);
    let (is_good, said) = wallet.checks(zone.listen, &["balance"]);
    assert!(is_good && said.contains("checked up to block 2, settled"), "{said}");
    let checked = || std::fs::read(folder.path().join("wallet/checked-4")).unwrap();
    let two = checked();
    // A third block is settled; validators first prove it, then lie.
    host.append(vec![deposit(1, 500, firm.deposit.public())]);
    host.settle_up_to(3);
    let (is_good, said) = wallet.checks(zone.listen, &["balance"]);
    assert!(is_good && said.contains("checked up to block 2, settled; 1 more are not settled"), "{said}");
    wallet.prove("echo 'the certificate does not hold' >&2; exit 1");
    let (is_good, said) = wallet.checks(zone.listen, &["balance"]);
    assert!(
        !is_good && said.contains("the certificate does not hold") && said.contains("nothing of the zone is believed"),
        "{said}"
    );
    wallet.prove(&format!(
        "echo '{{\"value\":{{\"zone\":4,\"settled\":{{\"height\":3,\"id\":\"{0}\",\"post_root\":\"{0}\"}}}}}}'",
        "ab".repeat(32)
    ));
    for what in [&["balance"][..], &["shield"], &["unshield", "--asset", "1", "--amount", "1", "--to", &"ab".repeat(32)]] {
        let (is_good, said) = wallet.checks(zone.listen, what);
        assert!(!is_good && said.contains("the zone shows another chain: its block 3"), "{said}");
    }
    assert_eq!(checked(), two, "what does not hold is not remembered");
    wallet.prove_settled(&host, 3);
    let (is_good, said) = wallet.checks(zone.listen, &["balance"]);
    assert!(is_good && checked() != two, "{said}");
    // It was told whom to believe only in part.
    let output = wallet.run(&["balance", "--zone", &zone.listen.to_string(), "--validator", "v@a"]);
    assert!(!output.status.success());
}

/// Over the socket, and from a journal that was opened again.
#[test]
fn a_zone_shows_headers_and_bodies_as_they_were_ordered() {
    let folder = tempfile::tempdir().unwrap();
    let (zone, host) = running(folder.path(), &registry(&[&Firm::new(1)]));
    let mut client = Client::connect(zone.listen).unwrap();
    // The zone hears of it when it does.
    while client.status().unwrap().settled < Height::new(2) {
        std::thread::yield_now();
    }
    let headers = client.headers(Height::new(0)).unwrap();
    assert_eq!(headers.iter().map(header_id).collect::<Vec<_>>(), host.heads.values().copied().collect::<Vec<_>>());
    assert_eq!(client.headers(Height::new(2)).unwrap(), headers[1..]);
    assert!(client.headers(Height::new(3)).unwrap().is_empty() && client.headers(Height::new(u64::MAX)).unwrap().is_empty());
    for (height, block) in &host.blocks {
        assert_eq!(client.body(*height).unwrap(), block.body.0);
    }
    for height in [0, 3, u64::MAX] {
        assert!(client.body(Height::new(height)).unwrap().is_empty(), "no block {height}");
    }
    assert!(headers[0].to_bytes().len() < plinth_privacy_zone::limits::PROOF_HEADER_SIZE_MAX);
}
