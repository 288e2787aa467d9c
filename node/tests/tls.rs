//! FIX over TLS through the real appliance, with the certificates that `plinth dev-certificates` makes.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::owners::Owners;
use market::{Firm, Market, WITHIN, write_order};
use plinth_gateway::client::{Client, ClientConfig, ClientError, Numbers};
use plinth_gateway::codec::tag;
use plinth_gateway::tls::{TlsClientConfig, TlsFiles};
use plinth_node::config::demo;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{AlertDescription, RootCertStore};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

/// Clients with a certificate each. No session is bound to the last one's.
const CLIENTS: [&str; 3] = ["FIRM1", "FIRM2", "STRANGER"];

/// The demo with what `plinth dev-certificates` prints pasted into its file, on a free port.
struct Certificates(PathBuf);

impl Certificates {
    fn create(folder: &Path) -> Self {
        demo::create(folder, demo::Committee::default(), &demo::Vouching::default()).unwrap();
        let own = Self(folder.join("certificates"));
        let printed = own.make();
        let file = folder.join(demo::CONFIG_FILE);
        let mut text = fs::read_to_string(&file).unwrap();
        for client in ["FIRM1", "FIRM2"] {
            let names = format!("# in the [[session]] of {client}: ");
            let names = printed.lines().find_map(|line| line.strip_prefix(&names)).unwrap();
            let entry = format!("comp_id = \"{client}\"\n");
            assert!(text.contains(&entry), "the demo's file is another: {text}");
            text = text.replacen(&entry, &format!("{entry}{names}\n"), 1);
        }
        let section = printed.find("[fix.tls]").map(|at| printed[at..].replacen("0.0.0.0:9879", "127.0.0.1:0", 1)).unwrap();
        fs::write(file, format!("{text}\n{section}")).unwrap();
        own
    }

    fn make(&self) -> String {
        let mut plinth = Command::new(env!("CARGO_BIN_EXE_plinth"));
        plinth.args(["dev-certificates", "--folder"]).arg(&self.0);
        plinth.args(CLIENTS.iter().flat_map(|client| ["--client", client]));
        let output = plinth.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a client shows; it believes the authority of `believed`.
    fn shown(&self, client: &str, believed: &Self) -> TlsClientConfig {
        let files = TlsFiles {
            certificates: self.0.join(format!("{client}.pem")),
            key: self.0.join(format!("{client}.key")),
            authorities: believed.0.join("authority.pem"),
        };
        TlsClientConfig::from_files(&files, "localhost").unwrap()
    }

    /// How a client without a certificate is refused.
    fn show_none(&self, address: SocketAddr) -> rustls::Error {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.0.join("authority.pem")).unwrap()).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let mut connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        loop {
            if let Err(error) = connection.complete_io(&mut stream) {
                return error.downcast().unwrap();
            }
        }
    }
}

/// How a logon with a session's right password ends.
fn log_on(market: &Market, address: SocketAddr, index: usize, tls: Option<TlsClientConfig>) -> Result<Client, ClientError> {
    log_on_behind(market, address, (index, Numbers::START), tls)
}

fn log_on_behind(
    market: &Market,
    address: SocketAddr,
    (index, numbers): (usize, Numbers),
    tls: Option<TlsClientConfig>,
) -> Result<Client, ClientError> {
    let login = market.login(index);
    let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password);
    let config = tls.into_iter().fold(config, ClientConfig::tls);
    let mut client = Client::resume(address, config, numbers)?;
    client.logon(Instant::now() + WITHIN)?;
    Ok(client)
}

#[test]
fn firms_trade_over_tls_and_nobody_else_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::create(folder.path());
    let market = Market::open_in(folder.path());
    let operator = Owners(folder.path());
    let (plain, tls) = (market.ready().fix, market.ready().fix_tls.unwrap());
    assert_ne!(plain, tls);
    let status = operator.status();
    assert_eq!(
        (status["fix_address"].as_str(), status["fix_tls_address"].as_str()),
        (Some(&*plain.to_string()), Some(&*tls.to_string()))
    );

    let shown = |client: &str| Some(certificates.shown(client, &certificates));
    for (what, address, index, tls) in [
        ("another firm's certificate", tls, 0, shown("FIRM2")),
        ("a certificate that no session is bound to", tls, 0, shown("STRANGER")),
        ("a session that is bound to no certificate", tls, 2, shown("FIRM1")),
        ("plain TCP for a session with a certificate", plain, 0, None),
    ] {
        assert!(matches!(log_on(&market, address, index, tls), Err(ClientError::Closed)), "{what}");
    }
    assert!(log_on(&market, tls, 0, None).is_err(), "plain TCP where TLS is spoken");
    let others = Certificates(folder.path().join("others"));
    others.make();
    let stranger = log_on(&market, tls, 0, Some(others.shown("FIRM1", &certificates)));
    assert!(matches!(stranger, Err(ClientError::Tls(_))), "a certificate of another authority");
    assert_eq!(certificates.show_none(tls), rustls::Error::AlertReceived(AlertDescription::CertificateRequired));

    let mut buyer = Firm::of(log_on(&market, tls, 0, shown("FIRM1")).unwrap());
    let mut seller = Firm::of(log_on(&market, tls, 1, shown("FIRM2")).unwrap());
    log_on(&market, plain, 2, None).unwrap();
    let bid = buyer.accepts_an_order("a logon over TLS");
    let offer = seller.next_id();
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    buyer.expect("the bid is filled", "8", &[(tag::CL_ORD_ID, &bid), (tag::EXEC_TYPE, "F")]);
    let numbers = buyer.client.numbers();
    market.appliance.kill().unwrap();

    let market = Market::open_in(folder.path());
    let tls = market.ready().fix_tls.unwrap();
    let other = log_on(&market, tls, 0, shown("FIRM2"));
    assert!(matches!(other, Err(ClientError::Closed)), "another firm's certificate, behind a restart");
    log_on_behind(&market, tls, (0, numbers), shown("FIRM1")).unwrap();
    assert!(market.appliance.stop().unwrap().success());
}
