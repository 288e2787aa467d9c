//! A light client asks running validators over real sockets, and one that lies; and a validator that starts from the others' state.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use bytes::Bytes;
use chain::Zone;
use cluster::{Cluster, DEADLINE, wait_until};
use commonware_cryptography::Signer as _;
use plinth_settlement::block::Transaction;
use plinth_settlement::consensus::Donor as _;
use plinth_settlement::keys::to_consensus;
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::light::{Asking, LightClient, LightError, Trusted};
use plinth_settlement::link::SealedBlock;
use plinth_settlement::store::Proven;
use plinth_settlement::transport::{AllowList, ClientEndpoint, Identity, Transport, TransportConfig, read_frame, write_frame};
use plinth_settlement::wire::{Answer as _, AskError, FactAnswer, FactsRequest, Request};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, PublicKey, ZoneId};
use plinth_types::quantity::Amount;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

const USD: AssetId = AssetId::new(0);
/// Far enough that the chain is worth joining by its state.
const HEIGHT: Height = Height::new(40);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

async fn asking(cluster: &Cluster, validator: usize) -> Asking {
    asking_at(cluster, validator, cluster.peers[validator].address).await
}

async fn asking_at(cluster: &Cluster, validator: usize, address: SocketAddr) -> Asking {
    let key = to_consensus(&cluster.peers[validator].key).unwrap();
    let endpoint = ClientEndpoint::new(Identity::new(cluster.producer.to_consensus()), address).unwrap();
    Asking::new(endpoint.connect(&key, address).await.unwrap())
}

/// The answer of a validator that has something to show.
async fn shown(asking: &Asking, key: &FactKey) -> FactAnswer {
    loop {
        let answer = tokio::time::timeout(DEADLINE, asking.fact(key.to_bytes().into())).await.unwrap().unwrap();
        if answer.0.is_some() {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_fact_that_is_there_and_one_that_is_not_are_shown_by_every_validator() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    let link = cluster.link(Height::new(1));
    link.bring(Transaction::Deposit(cluster.deposit(1, 500))).unwrap();
    let owner = FactKey::Balance(cluster.owner.public_key(), USD);
    let nobody = FactKey::Balance(PublicKey([9; 32]), USD);
    block_on(async {
        let mut client = LightClient::of_genesis(&cluster.genesis);
        for validator in 0..4 {
            let asking = asking(&cluster, validator).await;
            let mut last = None;
            // The deposit becomes final in some block; until then the old balance is proven.
            let balance = loop {
                let FactAnswer(Some((certified, proof))) = shown(&asking, &owner).await else { unreachable!() };
                let (seen, proven) = match client.fact(&owner.to_bytes(), &certified, proof) {
                    Ok(shown) => shown,
                    // This validator is behind the one before.
                    Err(LightError::Older { .. }) => continue,
                    Err(error) => panic!("{error}"),
                };
                assert!(last.is_none_or(|height| seen.height >= height));
                last = Some(seen.height);
                let Proven::Present(value) = proven else { panic!("the owner has a balance") };
                let Fact::Balance(amount) = Fact::decode(&value).unwrap() else { panic!("not a balance") };
                if amount != Amount::new(1_000_000).unwrap() {
                    break amount;
                }
            };
            assert_eq!(balance, Amount::new(999_500).unwrap());
            let FactAnswer(Some((certified, proof))) = shown(&asking, &nobody).await else { unreachable!() };
            assert_eq!(client.fact(&nobody.to_bytes(), &certified, proof).unwrap().1, Proven::Absent);
            // Too long to be a fact's key: the stream ends, the connection goes on.
            assert!(matches!(asking.fact(Bytes::from(vec![7; 300])).await, Err(AskError::Refused | AskError::Frame(_))));
            assert!(asking.fact(Bytes::from_static(b"no key")).await.unwrap().0.is_some());
        }
    });
    link.stop();
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

/// What it is called, the answer, and how it must be refused.
type Lie = (&'static str, Bytes, fn(&LightError) -> bool);

/// With the key of validator 0: answers every question with these bytes.
fn answer_always(cluster: &Cluster, answer: Bytes) -> SocketAddr {
    let validators = cluster.peers.iter().map(|peer| (to_consensus(&peer.key).unwrap(), Some(peer.address))).collect();
    let mut transport = Transport::start(TransportConfig {
        identity: Identity::new(cluster.keys[0].to_consensus()),
        listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
        validators,
        clients: AllowList::new([cluster.producer.to_consensus().public_key()]),
    })
    .unwrap();
    let mut streams = transport.take_clients();
    let address = transport.local_address().unwrap();
    tokio::spawn(async move {
        let _transport = transport;
        while let Some(mut stream) = streams.recv().await {
            let request = read_frame(&mut stream.receive, 1 << 20).await.unwrap().unwrap();
            assert!(matches!(Request::from_frame(&request), Ok(Request::Facts(FactsRequest::Fact(_)))));
            write_frame(&mut stream.send, answer.clone()).await.unwrap();
            stream.send.finish().unwrap();
            let _read = stream.send.stopped().await;
        }
    });
    address
}

#[test]
fn a_validator_that_lies_shows_nothing() {
    let cluster = Cluster::new(4);
    let validators: Vec<_> = (1..4).map(|index| cluster.start(index)).collect();
    let owner = FactKey::Balance(cluster.owner.public_key(), USD);
    let nobody = FactKey::Balance(PublicKey([9; 32]), USD);
    block_on(async {
        let honest = asking(&cluster, 1).await;
        let FactAnswer(Some((certified, proof))) = shown(&honest, &owner).await else { unreachable!() };
        let FactAnswer(Some((_, absent))) = shown(&honest, &nobody).await else { unreachable!() };
        let stale = FactAnswer(Some((certified.clone(), proof.clone()))).to_frame();
        let first = certified.heads[0].height;
        // An earlier run of the client saw more.
        let mut newer = LightClient::of_genesis(&cluster.genesis);
        let newest = loop {
            let FactAnswer(Some((certified, proof))) = shown(&honest, &owner).await else { unreachable!() };
            let (seen, _) = newer.fact(&owner.to_bytes(), &certified, proof).unwrap();
            if seen.height > first {
                break seen;
            }
        };

        let mut value = proof.to_bytes();
        // Version, tag and size are before the value.
        value[2 + 4 + 3] ^= 1;
        let mut other_root = certified.clone();
        other_root.heads[0].pre_state.0[5] ^= 1;
        let mut other_block = certified.clone();
        other_block.heads.last_mut().unwrap().time = plinth_types::id::TimestampNs::new(7);
        let mut torn = certified.clone();
        torn.heads.push(torn.heads[0]);
        let changed = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            Bytes::from(bytes)
        };
        let honest_frame = stale.clone();
        // The signatures are the last bytes before the proof.
        let signature_at = honest_frame.len() - proof.to_bytes().len() - 3;
        let wrong_value = FactAnswer(Some((certified.clone(), plinth_settlement::store::FactProof::decode(&value).unwrap())));
        let lies: Vec<Lie> = vec![
            ("another value", wrong_value.to_frame(), |error| matches!(error, LightError::Proof(_))),
            ("another fact's proof", FactAnswer(Some((certified.clone(), absent))).to_frame(), |error| {
                matches!(error, LightError::Proof(_))
            }),
            ("another root", FactAnswer(Some((other_root, proof.clone()))).to_frame(), |error| {
                matches!(error, LightError::OtherBlock { .. } | LightError::Chain { .. })
            }),
            ("another block", FactAnswer(Some((other_block, proof.clone()))).to_frame(), |error| {
                matches!(error, LightError::OtherBlock { .. } | LightError::Chain { .. })
            }),
            ("heads that do not follow", FactAnswer(Some((torn, proof.clone()))).to_frame(), |error| {
                matches!(error, LightError::Chain { .. })
            }),
            ("a broken signature", changed(&honest_frame, signature_at), |error| matches!(error, LightError::Certificate { .. })),
        ];
        for (name, frame, is_right) in lies {
            let liar = asking_at(&cluster, 0, answer_always(&cluster, frame)).await;
            let mut client = LightClient::of_genesis(&cluster.genesis);
            let FactAnswer(Some((certified, proof))) = liar.fact(owner.to_bytes().into()).await.unwrap() else {
                panic!("{name}: nothing came")
            };
            let error = client.fact(&owner.to_bytes(), &certified, proof).unwrap_err();
            assert!(is_right(&error), "{name}: {error}");
            assert_eq!(client.newest(), None, "{name}: nothing is remembered of a lie");
        }

        // An honest answer of long ago: whoever has not seen more takes it, whoever has does not.
        let liar = asking_at(&cluster, 0, answer_always(&cluster, stale)).await;
        let FactAnswer(Some((certified, proof))) = liar.fact(owner.to_bytes().into()).await.unwrap() else { panic!() };
        let mut fresh = LightClient::of_genesis(&cluster.genesis);
        assert!(fresh.fact(&owner.to_bytes(), &certified, proof.clone()).is_ok());
        let mut client = LightClient::new(Trusted { newest: Some(newest), ..Trusted::of_genesis(&cluster.genesis) });
        let error = client.fact(&owner.to_bytes(), &certified, proof).unwrap_err();
        assert!(matches!(error, LightError::Older { .. }), "{error}");

        // Bytes that are no answer.
        for garbage in [Bytes::new(), Bytes::from_static(&[1, 1, 255, 255, 255, 255]), honest_frame.slice(..honest_frame.len() - 1)]
        {
            let liar = asking_at(&cluster, 0, answer_always(&cluster, garbage)).await;
            let error = liar.fact(owner.to_bytes().into()).await.unwrap_err();
            assert!(matches!(error, AskError::Answer(_) | AskError::Refused), "{error}");
        }
    });
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

/// Whoever runs the program goes by its exit code: a lie is none, and the next validator is asked.
#[test]
fn the_program_believes_no_liar_and_asks_the_next() {
    let cluster = Cluster::new(4);
    let validators: Vec<_> = (1..4).map(|index| cluster.start(index)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("genesis.toml"), cluster.genesis.to_text()).unwrap();
    std::fs::write(path("key"), format!("02{}\n", "0".repeat(62))).unwrap();
    block_on(async {
        let honest = asking(&cluster, 1).await;
        let FactAnswer(Some((certified, proof))) = shown(&honest, &FactKey::Zone(ZoneId::TRADING)).await else { unreachable!() };
        let mut forged = FactAnswer(Some((certified, proof.clone()))).to_frame().to_vec();
        let signature_at = forged.len() - proof.to_bytes().len() - 3;
        forged[signature_at] ^= 1;
        let liar = format!("{}@{}", cluster.peers[0].key, answer_always(&cluster, forged.into()));
        let next = format!("{}@{}", cluster.peers[1].key, cluster.peers[1].address);
        let ask = |validators: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_plinth-light"));
            command.args(["--genesis", &path("genesis.toml"), "--key-file", &path("key")]);
            for validator in validators {
                command.args(["--validator", validator]);
            }
            command.args(["zone", "1"]);
            tokio::task::spawn_blocking(move || command.output().unwrap())
        };
        let alone = ask(&[&liar]).await.unwrap();
        let said = String::from_utf8_lossy(&alone.stderr);
        assert!(!alone.status.success() && alone.stdout.is_empty() && said.contains("certificate"), "{alone:?}");
        let both = ask(&[&liar, &next]).await.unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&both.stdout).unwrap();
        assert!(both.status.success() && shown["value"]["zone"] == 1, "{both:?}");
        assert_eq!(shown["validator"], cluster.peers[1].key.to_string());
    });
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

#[test]
fn the_program_shows_a_fact_and_keeps_a_checkpoint() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    wait_until("height 4", || validators.iter().all(|validator| validator.status().height >= Height::new(4)));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("genesis.toml"), cluster.genesis.to_text()).unwrap();
    // The producer's key: [`chain::secret`] of kind 2.
    std::fs::write(path("key"), format!("02{}\n", "0".repeat(62))).unwrap();
    let ask = |validator: &str, question: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_plinth-light"))
            .args(["--genesis", &path("genesis.toml"), "--key-file", &path("key"), "--checkpoint", &path("checkpoint")])
            .args(["--validator", validator])
            .args(question)
            .output()
            .unwrap()
    };
    let peer = |index: usize| format!("{}@{}", cluster.peers[index].key, cluster.peers[index].address);
    let height = |bytes: &[u8]| {
        let shown: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        (shown["present"].as_bool().unwrap(), shown["state"]["height"].as_u64().unwrap())
    };
    let owner = cluster.owner.public_key().to_string();
    let balance = ask(&peer(2), &["balance", &owner, "0"]);
    assert!(balance.status.success(), "{}", String::from_utf8_lossy(&balance.stderr));
    let (present, first) = height(&balance.stdout);
    assert!(present && first >= 1);
    wait_until("more blocks", || validators.iter().all(|validator| validator.status().height > Height::new(first + 4)));
    let absent = ask(&peer(1), &["balance", &"09".repeat(32), "0"]);
    let (present, second) = height(&absent.stdout);
    assert!(!present && second > first);
    // A validator that is another than was asked for.
    let wrong = format!("{}@{}", cluster.peers[0].key, cluster.peers[1].address);
    let refused = ask(&wrong, &["head"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("handshake"), "{refused:?}");
    // Of another chain.
    std::fs::write(path("checkpoint"), "01".to_owned() + &"00".repeat(112)).unwrap();
    let refused = ask(&peer(0), &["head"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("checkpoint"), "{refused:?}");
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

/// What a program that follows a zone needs is in fields, and is what the ledger says.
#[test]
fn the_program_shows_where_a_zone_stands_in_fields() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("genesis.toml"), cluster.genesis.to_text()).unwrap();
    // The producer's key: [`chain::secret`] of kind 2.
    std::fs::write(path("key"), format!("02{}\n", "0".repeat(62))).unwrap();
    let ask = |question: &[&str]| {
        let peer = &cluster.peers[1];
        let output = Command::new(env!("CARGO_BIN_EXE_plinth-light"))
            .args(["--genesis", &path("genesis.toml"), "--key-file", &path("key")])
            .args(["--validator", &format!("{}@{}", peer.key, peer.address)])
            .args(question)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    wait_until("a state to show", || validators.iter().all(|validator| validator.status().height >= Height::new(4)));
    let link = cluster.link(Height::new(1));
    link.bring(Transaction::Deposit(cluster.deposit(1, 500))).unwrap();
    let (mut zone, mut roots) = (Zone::default(), Vec::new());
    for _ in 0..2 {
        let (header, body) = zone.next(&[], 3);
        roots.push(header.post_root.to_string());
        link.submit(SealedBlock { header, body: body.into(), outbox: Vec::new() }).unwrap();
    }
    // Ordered and settled are apart meanwhile: each has the root of its own height.
    let root_of = |stands: &serde_json::Value| match stands["height"].as_u64().unwrap() {
        0 => Digest::ZERO.to_string(),
        height => roots[height as usize - 1].clone(),
    };
    wait_until("both blocks are shown as settled", || {
        let zone = &ask(&["zone", "1"])["value"];
        for stands in [&zone["ordered"], &zone["settled"]] {
            assert_eq!(stands["post_root"], root_of(stands), "{zone}");
        }
        assert!(zone["settled"]["height"].as_u64() <= zone["ordered"]["height"].as_u64(), "{zone}");
        zone["settled"]["height"] == 2
    });
    let settled =
        |validator: &plinth_validator::ValidatorHandle| validator.ledger().zone(ZoneId::TRADING).unwrap().record().settled;
    wait_until("the first validator is there too", || settled(&validators[0]).height == Height::new(2));
    let zone_shown = &ask(&["zone", "1"])["value"];
    assert_ne!(roots[0], roots[1]);
    let stands = serde_json::json!({ "height": 2, "id": settled(&validators[0]).head.to_string(), "post_root": roots[1] });
    assert_eq!((&zone_shown["settled"], &zone_shown["ordered"]), (&stands, &stands));
    assert_eq!((&zone_shown["zone"], &zone_shown["frozen"]), (&1.into(), &false.into()));
    assert_eq!(zone_shown["producer"], cluster.producer.public_key().to_string());
    assert_eq!(ask(&["balance", &cluster.owner.public_key().to_string(), "0"])["value"], "999500");
    assert_eq!(ask(&["turnstile", "1", "0"])["value"]["in_flight"], "500");
    let absent = ask(&["zone", "9"]);
    assert_eq!((&absent["present"], &absent["value"]), (&false.into(), &serde_json::Value::Null));
    link.stop();
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

#[test]
fn a_new_validator_starts_from_the_state_of_the_others() {
    let cluster = Cluster::new(4);
    let mut validators: Vec<_> = (0..3).map(|index| cluster.start(index)).collect();
    let link = cluster.link(Height::new(1));
    link.bring(Transaction::Deposit(cluster.deposit(1, 500))).unwrap();
    wait_until("a chain worth joining", || validators.iter().all(|validator| validator.status().height >= HEIGHT));

    let join = || {
        let mut config = cluster.config(3);
        config.state_sync = true;
        plinth_validator::Validator::start(config).unwrap()
    };
    let joined = join();
    let began = joined.status().height;
    assert!(began >= HEIGHT, "{began}: it has the state before it votes");
    let reached = |validator: &plinth_validator::ValidatorHandle, height: Height| {
        wait_until("it goes on with the others", || validator.status().height >= height);
    };
    reached(&joined, Height::new(began.get() + 5));
    assert_eq!(joined.ledger().balance(&cluster.owner.public_key(), USD), Amount::new(999_500).unwrap());
    block_on(async {
        // It holds the state, and serves it, and not the blocks before.
        let newcomer = asking(&cluster, 3).await;
        let owner = FactKey::Balance(cluster.owner.public_key(), USD);
        let FactAnswer(Some((certified, proof))) = shown(&newcomer, &owner).await else { unreachable!() };
        assert!(LightClient::of_genesis(&cluster.genesis).fact(&owner.to_bytes(), &certified, proof).is_ok());
        let early = newcomer.block(Height::new(1)).await;
        assert!(matches!(early, Err(AskError::Refused | AskError::Frame(_))), "{early:?}");
    });

    // With one of the others gone, its vote is needed; and it comes back from its own folder, whatever is set.
    validators.remove(0).stop().unwrap();
    let height = joined.status().height;
    reached(&joined, Height::new(height.get() + 5));
    let height = joined.status().height;
    joined.stop().unwrap();
    let back = join();
    assert!(back.status().height.get() + 2 >= height.get(), "{} of {height}", back.status().height);
    reached(&back, Height::new(height.get() + 5));
    link.stop();
    validators.push(back);
    validators.into_iter().for_each(|validator| validator.stop().unwrap());
}
