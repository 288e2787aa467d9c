//! TLS on real sockets: who gets in, who does not, and what is different behind it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::client::{Client, ClientConfig, ClientError, Numbers};
use plinth_gateway::clock::Now;
use plinth_gateway::driver::{Backend, GatewayConfig, GatewayError, Listen};
use plinth_gateway::limits::CONNECTIONS_PER_CERTIFICATE_MAX;
use plinth_gateway::tls::development::Side;
use plinth_gateway::tls::{TlsClientConfig, TlsFiles};
use plinth_gateway::{Gateway, tls::TlsConfig};
use plinth_types::id::{MsgSeqNum, TimestampNs};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use support::keys::Keys;
use support::server::{PATIENCE, Server, Setup, fill_until_cut, flush, order, report};

/// FIRM1 is bound to a certificate, FIRM2 to a name, FIRM3 to none.
struct World {
    keys: Keys,
    server: Server,
    clients: [TlsClientConfig; 2],
}

impl World {
    fn start(backend: Backend) -> Self {
        let keys = Keys::new();
        let (first, fingerprint) = keys.client("firm1.example");
        let (second, _) = keys.client("firm2.example");
        let mut setup = Setup::new(backend);
        setup.listen = vec![Listen { address: "127.0.0.1:0".parse().unwrap(), tls: Some(keys.server()) }];
        setup.sessions[0].certificates = vec!["dns:other.example".parse().unwrap(), fingerprint];
        setup.sessions[1].certificates = vec!["dns:firm2.example".parse().unwrap()];
        Self { keys, server: Server::start_with(setup), clients: [first, second] }
    }

    fn config(&self, firm: usize) -> ClientConfig {
        let config = ClientConfig::new(&format!("FIRM{firm}"), "PLINTH").password(&format!("secret{firm}")).heartbeat_s(600);
        config.tls(self.clients[firm - 1].clone())
    }

    fn log_on(&self, firm: usize, numbers: Numbers) -> Client {
        let mut client = Client::resume(self.server.address, self.config(firm), numbers).unwrap();
        client.logon(Instant::now() + PATIENCE).unwrap();
        client
    }

    /// How a logon with this configuration ends.
    fn refused(&self, config: ClientConfig) -> ClientError {
        let logon = Client::connect(self.server.address, config).and_then(|mut client| client.logon(Instant::now() + PATIENCE));
        logon.expect_err("refused")
    }
}

fn two_firms_trade_over_tls(backend: Backend) {
    let world = World::start(backend);
    let (mut maker, mut taker) = (world.log_on(1, Numbers::START), world.log_on(2, Numbers::START));
    order(&mut maker, "m", "2", "1.5", "100.00");
    flush(&mut maker);
    assert_eq!(report(&mut maker, &[11, 150, 39]), ["m", "0", "0"]);
    order(&mut taker, "t", "1", "0.5", "100.00");
    flush(&mut taker);
    assert_eq!(report(&mut taker, &[11, 150, 39]), ["t", "0", "0"]);
    assert_eq!(report(&mut taker, &[11, 150, 39, 32, 31]), ["t", "F", "2", "0.50000000", "100.00"]);
    assert_eq!(report(&mut maker, &[11, 150, 39, 32]), ["m", "F", "1", "0.50000000"]);
    maker.logout(Instant::now() + PATIENCE).unwrap();
    world.server.wait_for("the logout", |status| !status.sessions[0].is_logged_on && status.connections == 1);
    world.server.crash();
}

/// Far more than any buffer holds, in both directions at once, over a line that is cut and taken up again.
fn much_goes_both_ways_and_what_was_missed_comes_again(backend: Backend) {
    const ORDERS: usize = 4_000;
    let world = World::start(backend);
    let mut client = world.log_on(1, Numbers::START);
    let mut seen = 0;
    for index in 0..ORDERS {
        order(&mut client, &format!("o{index}"), "1", "1", "1.00");
        if index % 100 == 99 {
            flush(&mut client);
            // Half of the reports are read meanwhile.
            for _ in 0..50 {
                assert_eq!(report(&mut client, &[11]), [format!("o{seen}")]);
                seen += 1;
            }
        }
    }
    world.server.wait_for("all orders", |status| status.sessions[0].orders == ORDERS as u64);
    let numbers = client.numbers();
    drop(client);
    world.server.wait_for("the disconnection", |status| !status.sessions[0].is_logged_on);
    let mut client = world.log_on(1, numbers);
    for index in seen..ORDERS {
        assert_eq!(report(&mut client, &[11, 150]), [format!("o{index}"), "0".to_owned()]);
    }
    world.server.crash();
}

fn a_slow_consumer_over_tls_is_cut_and_finds_everything(backend: Backend) {
    let world = World::start(backend);
    let mut slow = world.log_on(1, Numbers::START);
    let mut other = world.log_on(2, Numbers::START);
    world.server.speed.store(50, Ordering::Relaxed);
    fill_until_cut(&world.server, &mut slow);
    world.server.wait_for("the cut", |status| !status.sessions[0].is_logged_on);
    order(&mut other, "o", "1", "1", "1.00");
    flush(&mut other);
    assert_eq!(report(&mut other, &[11, 150]), ["o", "0"]);
    world.server.speed.store(1, Ordering::Relaxed);
    let orders = world.server.status().sessions[0].orders;
    let mut slow = world.log_on(1, Numbers { next_in: MsgSeqNum::new(2), ..slow.numbers() });
    for index in 0..orders {
        assert_eq!(report(&mut slow, &[11]), [format!("s{index}")]);
    }
    world.server.crash();
}

fn a_session_belongs_to_its_certificate(backend: Backend) {
    let world = World::start(backend);
    let password = |firm: usize| ClientConfig::new(&format!("FIRM{firm}"), "PLINTH").password(&format!("secret{firm}"));
    let [first, second] = &world.clients;
    // Another firm's certificate, the right password; a session that is bound to none; the right certificate, a wrong password.
    for config in [
        password(1).tls(second.clone()),
        password(2).tls(first.clone()),
        password(3).tls(first.clone()),
        ClientConfig::new("FIRM1", "PLINTH").password("secret2").tls(first.clone()),
    ] {
        assert!(matches!(world.refused(config), ClientError::Closed));
    }
    // A second certificate with the name that FIRM2 is bound to is as good as the first; one for the fingerprint of FIRM1 is not.
    let renewed = [1, 2].map(|firm| password(firm).tls(world.keys.client(&format!("firm{firm}.example")).0));
    let [renewed_first, renewed_second] = renewed;
    assert!(matches!(world.refused(renewed_first), ClientError::Closed));
    let mut client = Client::connect(world.server.address, renewed_second).unwrap();
    client.logon(Instant::now() + PATIENCE).unwrap();
    let status = world.server.status();
    assert!(status.refused >= 5 && status.sessions[0].next_out.get() == 1 && status.sessions[0].next_in.get() == 1);
    world.log_on(1, Numbers::START);
    world.server.crash();
}

fn handshakes_that_are_not_as_they_must_be_are_refused(backend: Backend) {
    let world = World::start(backend);
    let files = |name, side, now| world.keys.issue(name, side, now).0;
    let now = Now::read().utc;
    let two_years = 2 * 366 * 86_400 * 1_000_000_000;
    let stranger = Keys::new();
    let foreign = TlsFiles {
        authorities: world.keys.folder.path().join("authority.pem"),
        ..stranger.issue("firm1.example", Side::Client, now).0
    };
    let wrong = [
        ("another authority", foreign),
        ("an expired certificate", files("firm1.example", Side::Client, TimestampNs::new(now.get() - two_years))),
        ("a certificate of the future", files("firm1.example", Side::Client, TimestampNs::new(now.get() + two_years))),
        ("a server's certificate", files("firm1.example", Side::Server, now)),
    ];
    for (what, files) in wrong {
        let tls = TlsClientConfig::from_files(&files, "localhost").unwrap();
        let error = world.refused(ClientConfig::new("FIRM1", "PLINTH").password("secret1").tls(tls));
        assert!(matches!(error, ClientError::Tls(rustls::Error::AlertReceived(_))), "{what}: {error:?}");
    }
    // No certificate at all, and another application protocol.
    let nobody = client_config(&world);
    let mut other_protocol = (*nobody).clone();
    other_protocol.alpn_protocols = vec![b"h2".to_vec()];
    for (config, alert) in [
        (nobody, rustls::AlertDescription::CertificateRequired),
        (Arc::new(other_protocol), rustls::AlertDescription::NoApplicationProtocol),
    ] {
        let mut connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let mut stream = TcpStream::connect(world.server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let error = loop {
            if let Err(error) = connection.complete_io(&mut stream) {
                break error;
            }
        };
        assert_eq!(error.downcast::<rustls::Error>().unwrap(), rustls::Error::AlertReceived(alert));
    }
    world.log_on(1, Numbers::START);
    world.server.crash();
}

/// TLS 1.2, plain FIX, garbage: an alert or nothing, and the end.
fn what_is_no_tls_13_is_refused(backend: Backend) {
    let world = World::start(backend);
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    // No session id; ECDHE-ECDSA-AES128-GCM-SHA256; no compression; extensions: groups (P-256), signatures (ECDSA-P256-SHA256).
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 16, 0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    let speak = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(world.server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => answer,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                answer
            }
        }
    };
    let answer = speak(&record);
    // A record of type alert; fatal; protocol_version.
    assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]));
    for bytes in [&b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"[..], &[0; 4_096], &[22, 3, 1, 255, 255]] {
        assert!(speak(&[bytes, &[0; 20_000]].concat()).len() <= 7, "no more than an alert");
    }
    // The tail of a good handshake replaced by noise, byte by byte.
    let good = {
        let tls = rustls::ClientConnection::new(client_config(&world), "localhost".try_into().unwrap());
        let mut bytes = Vec::new();
        tls.unwrap().write_tls(&mut bytes).unwrap();
        bytes
    };
    for at in (0..good.len()).step_by(37) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        let mut stream = TcpStream::connect(world.server.address).unwrap();
        stream.write_all(&bytes).unwrap();
    }
    world.server.wait_for("the end of all of them", |status| status.connections == 0 || status.refused > 0);
    world.log_on(1, Numbers::START);
    world.server.crash();
}

/// Of a client without a certificate.
fn client_config(world: &World) -> Arc<rustls::ClientConfig> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(world.keys.folder.path().join("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn connections_of_one_certificate_are_bounded(backend: Backend) {
    let world = World::start(backend);
    let first = Client::connect(world.server.address, world.config(1)).unwrap();
    let others: Vec<Client> =
        (0..CONNECTIONS_PER_CERTIFICATE_MAX).map(|_| Client::connect(world.server.address, world.config(1)).unwrap()).collect();
    world.server.wait_for("one too many", |status| status.refused == 1);
    // Another certificate is not concerned, and what is closed is free again.
    world.log_on(2, Numbers::START);
    drop((first, others));
    world.server.wait_for("their end", |status| status.connections <= 1);
    world.log_on(1, Numbers::START);
    world.server.crash();
}

fn nothing_but_loopback_is_listened_on_without_tls(backend: Backend) {
    let keys = Keys::new();
    let bind = |address: &str, tls: Option<TlsConfig>| {
        let setup = Setup::new(backend);
        Gateway::bind(GatewayConfig {
            listen: vec![Listen::plain("127.0.0.1:0".parse().unwrap()), Listen { address: address.parse().unwrap(), tls }],
            comp_id: "PLINTH".to_owned(),
            sessions: setup.sessions,
            reference: Vec::new(),
            attestation: String::new(),
            driver: setup.driver,
        })
    };
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        assert!(matches!(bind(address, None), Err(GatewayError::PlainOutside { .. })), "{address}");
    }
    let gateway = bind("0.0.0.0:0", Some(keys.server())).unwrap();
    assert_eq!(gateway.local_addrs().unwrap().len(), 2);
}

/// A session with a certificate is not there for those without TLS, on a gateway that has both.
fn a_bound_session_is_not_reached_without_tls(backend: Backend) {
    let keys = Keys::new();
    let mut setup = Setup::new(backend);
    setup.listen.push(Listen { address: "127.0.0.1:0".parse().unwrap(), tls: Some(keys.server()) });
    setup.sessions[0].certificates = vec![keys.client("firm1.example").1];
    let server = Server::start_with(setup);
    let config = ClientConfig::new("FIRM1", "PLINTH").password("secret1");
    let mut client = Client::connect(server.address, config).unwrap();
    assert!(matches!(client.logon(Instant::now() + PATIENCE), Err(ClientError::Closed)));
    server.log_on(2, Numbers::START);
    server.crash();
}

over_both!(
    two_firms_trade_over_tls,
    much_goes_both_ways_and_what_was_missed_comes_again,
    a_slow_consumer_over_tls_is_cut_and_finds_everything,
    a_session_belongs_to_its_certificate,
    handshakes_that_are_not_as_they_must_be_are_refused,
    what_is_no_tls_13_is_refused,
    connections_of_one_certificate_are_bounded,
    nothing_but_loopback_is_listened_on_without_tls,
    a_bound_session_is_not_reached_without_tls,
);
