//! What only a rogue end does.

use super::Channel;
use super::hub::{Transport, TransportConfig};
use super::identity::{ALPN_VALIDATOR, AllowList, Identity};
use super::limits::{HANDSHAKES_MAX, VOTE_FRAME_SIZE_MAX};
use super::quic::{SERVER_NAME, client_config, endpoint_config};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_p2p::{Blocker as _, Manager as _, Receiver as _, Recipients, Sender as _};
use commonware_runtime::{IoBuf, Runner as _, Supervisor as _};
use commonware_utils::ordered::Set;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);

/// The committee's identities, ascending by key, so that the first one dials.
fn identities(count: u64) -> Vec<Identity> {
    let mut keys: Vec<PrivateKey> = (0..count).map(PrivateKey::from_seed).collect();
    keys.sort_by_key(PrivateKey::public_key);
    keys.into_iter().map(Identity::new).collect()
}

fn start(identities: &[Identity], index: usize, addresses: &[SocketAddr]) -> Transport {
    let validators = identities.iter().map(Identity::public_key).zip(addresses.iter().copied().map(Some)).collect();
    let (identity, listen) = (identities[index].clone(), Some(addresses[index]));
    Transport::start(TransportConfig { identity, listen, validators, clients: AllowList::default() }).unwrap()
}

fn free_addresses(count: usize) -> Vec<SocketAddr> {
    let sockets: Vec<_> = (0..count).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    sockets.iter().map(|socket| socket.local_addr().unwrap()).collect()
}

async fn dial_raw(identity: &Identity, to: &Identity, address: SocketAddr) -> (quinn::Endpoint, quinn::Connection) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = quinn::Endpoint::new(endpoint_config(identity), None, socket, Arc::new(quinn::TokioRuntime)).unwrap();
    let config = client_config(identity, &to.public_key(), ALPN_VALIDATOR).unwrap();
    let connection = endpoint.connect_with(config, address, SERVER_NAME).unwrap().await.unwrap();
    (endpoint, connection)
}

async fn close_code(connection: &quinn::Connection) -> u64 {
    let reason = timeout(DEADLINE, connection.closed()).await.unwrap();
    let quinn::ConnectionError::ApplicationClosed(close) = reason else { panic!("{reason}") };
    close.error_code.into_inner()
}

#[tokio::test]
async fn an_oversized_frame_closes_the_connection() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    let _honest = start(&identities, 1, &addresses);
    let (_endpoint, connection) = dial_raw(&identities[0], &identities[1], addresses[1]).await;
    let mut stream = connection.open_uni().await.unwrap();
    let size = u32::try_from(VOTE_FRAME_SIZE_MAX + 1).unwrap();
    stream.write_all(&[1, Channel::Votes.code()]).await.unwrap();
    stream.write_all(&size.to_le_bytes()).await.unwrap();
    assert_eq!(close_code(&connection).await, 3);
}

#[tokio::test]
async fn an_unknown_channel_closes_the_connection() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    let _honest = start(&identities, 1, &addresses);
    let (_endpoint, connection) = dial_raw(&identities[0], &identities[1], addresses[1]).await;
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(&[1, 200]).await.unwrap();
    assert_eq!(close_code(&connection).await, 3);
}

#[tokio::test]
async fn the_higher_key_does_not_dial() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    let _honest = start(&identities, 0, &addresses);
    let (_endpoint, connection) = dial_raw(&identities[1], &identities[0], addresses[0]).await;
    assert_eq!(close_code(&connection).await, 2);
}

#[test]
fn messages_arrive_whole_and_in_order_until_the_peer_is_blocked() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    commonware_runtime::tokio::Runner::default().start(|context| async move {
        let (mut low, mut high) = (start(&identities, 0, &addresses), start(&identities, 1, &addresses));
        let (mut sender, _) = low.register(Channel::Blocks, context.child("low"));
        let (_, mut receiver) = high.register(Channel::Blocks, context.child("high"));
        let mut connected = low.connected();
        timeout(DEADLINE, connected.wait_for(|count| *count == 1)).await.unwrap().unwrap();
        for number in 0..100_u8 {
            let message = vec![number; usize::from(number) * 1_000];
            assert_eq!(sender.send(Recipients::All, IoBuf::from(message), false).len(), 1);
        }
        for number in 0..100_u8 {
            let (peer, message) = timeout(DEADLINE, receiver.recv()).await.unwrap().unwrap();
            assert_eq!(peer, identities[0].public_key());
            assert_eq!(Vec::from(message), vec![number; usize::from(number) * 1_000]);
        }
        let mut blocked = high.oracle().blocked();
        high.oracle().block(identities[0].public_key());
        timeout(DEADLINE, connected.wait_for(|count| *count == 0)).await.unwrap().unwrap();
        let now_blocked = timeout(DEADLINE, blocked.recv()).await.unwrap().unwrap();
        assert!(now_blocked.iter().eq([&identities[0].public_key()]));
        low.close().await;
    });
}

#[tokio::test]
async fn a_dropped_transport_is_gone_and_one_in_its_place_is_connected_again() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    let low = start(&identities, 0, &addresses);
    let mut connected = low.connected();
    let high = start(&identities, 1, &addresses);
    timeout(DEADLINE, connected.wait_for(|count| *count == 1)).await.unwrap().unwrap();
    drop(high);
    timeout(DEADLINE, connected.wait_for(|count| *count == 0)).await.unwrap().unwrap();
    let high = timeout(DEADLINE, async {
        loop {
            // The socket closes when the last packet of the goodbye is out.
            let validators = identities.iter().map(Identity::public_key).zip(addresses.iter().copied().map(Some)).collect();
            let (identity, listen) = (identities[1].clone(), Some(addresses[1]));
            match Transport::start(TransportConfig { identity, listen, validators, clients: AllowList::default() }) {
                Ok(transport) => break transport,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let _high = high.await.unwrap();
    timeout(DEADLINE, connected.wait_for(|count| *count == 1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_validator_that_cannot_be_dialled_dials() {
    // The higher key listens nowhere, and would have waited to be dialled.
    let (identities, addresses) = (identities(2), free_addresses(2));
    let book: Vec<_> = identities.iter().map(Identity::public_key).zip([Some(addresses[0]), None]).collect();
    let open = TransportConfig {
        identity: identities[0].clone(),
        listen: Some(addresses[0]),
        validators: book.clone(),
        clients: AllowList::default(),
    };
    let hidden = TransportConfig { identity: identities[1].clone(), listen: None, validators: book, clients: AllowList::default() };
    let (open, _hidden) = (Transport::start(open).unwrap(), Transport::start(hidden).unwrap());
    timeout(DEADLINE, open.connected().wait_for(|count| *count == 1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_is_tracked_no_more_is_cut_off_and_refused_in_the_handshake() {
    let (identities, addresses) = (identities(2), free_addresses(2));
    let high = start(&identities, 1, &addresses);
    let low = start(&identities, 0, &addresses);
    let mut connected = high.connected();
    timeout(DEADLINE, connected.wait_for(|count| *count == 1)).await.unwrap().unwrap();
    high.oracle().track(1, Set::from_iter_dedup([identities[1].public_key()]));
    timeout(DEADLINE, connected.wait_for(|count| *count == 0)).await.unwrap().unwrap();
    let (_endpoint, connection) = dial_raw(&identities[0], &identities[1], addresses[1]).await;
    let reason = timeout(DEADLINE, connection.closed()).await.unwrap();
    assert!(matches!(reason, quinn::ConnectionError::ConnectionClosed(_)), "TLS refuses the key: {reason}");
    // Back in the next epoch: the dialling end never stopped trying.
    high.oracle().track(2, Set::from_iter_dedup(identities.iter().map(Identity::public_key)));
    timeout(DEADLINE, connected.wait_for(|count| *count == 1)).await.unwrap().unwrap();
    low.close().await;
}

#[tokio::test]
async fn a_flood_of_strangers_keeps_no_validator_out() {
    // Each of them opens a handshake and never goes on with it.
    const STRANGERS: usize = 2 * HANDSHAKES_MAX;
    let (identities, addresses) = (identities(2), free_addresses(2));
    let high = start(&identities, 1, &addresses);
    let stranger = Identity::new(PrivateKey::from_seed(77));
    let mut sockets = Vec::new();
    for _ in 0..STRANGERS {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let first = first_packet(&stranger, &identities[1]).await;
        socket.send_to(&first, addresses[1]).await.unwrap();
        sockets.push(socket);
    }
    let low = start(&identities, 0, &addresses);
    timeout(DEADLINE, low.connected().wait_for(|count| *count == 1)).await.unwrap().unwrap();
    // What came without a token got a Retry, of few bytes, once so many handshakes were under way.
    let mut retried = 0;
    for socket in &sockets {
        let mut packet = [0; 2_048];
        let Ok(Ok((size, _))) = timeout(Duration::from_millis(1), socket.recv_from(&mut packet)).await else { continue };
        // Long header, version 1, packet type 3 (RFC 9000, section 17.2.5).
        retried += usize::from(packet[0] & 0xf0 == 0xf0 && size < 256);
    }
    assert!(retried >= STRANGERS / 2, "{retried} of {STRANGERS} had to show their address");
    drop(high);
}

/// The first packet of a real handshake, taken from the wire.
async fn first_packet(from: &Identity, to: &Identity) -> Vec<u8> {
    let wire = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = quinn::Endpoint::new(endpoint_config(from), None, socket, Arc::new(quinn::TokioRuntime)).unwrap();
    let config = client_config(from, &to.public_key(), ALPN_VALIDATOR).unwrap();
    let _connecting = endpoint.connect_with(config, wire.local_addr().unwrap(), SERVER_NAME).unwrap();
    let mut packet = vec![0; 2_048];
    let (size, _) = wire.recv_from(&mut packet).await.unwrap();
    packet.truncate(size);
    packet
}
