//! Shards over real sockets: what a validator takes and keeps, a `kill -9` in between, and a body rebuilt without its producer.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use bytes::Bytes;
use chain::Zone;
use cluster::{Cluster, DEADLINE, wait_until};
use plinth_settlement::block::header_id;
use plinth_settlement::consensus::SubmitAnswer;
use plinth_settlement::dispersal::{Acknowledged, missing};
use plinth_settlement::keys::to_consensus;
use plinth_settlement::link::{RecoverConfig, RecoverError, SealedBlock, recover};
use plinth_settlement::transport::{ClientConnection, ClientEndpoint, Identity, read_frame, write_frame};
use plinth_settlement::wire::limits::{ANSWER_SIZE_MAX, REQUEST_SIZE_MAX};
use plinth_settlement::wire::{Answer, Request, ShardAnswer};
use plinth_types::block::BodyReader;
use plinth_types::id::{Height, Seq, ZoneId};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

/// A validator as a process of its own that listens; killed when dropped.
struct Process {
    child: Child,
    /// Its status lines. Kept open, so that it can go on printing.
    _status: BufReader<ChildStdout>,
}

impl Process {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plinth-validator"));
        let mut child = command.arg("--config").arg(config).stdout(Stdio::piped()).spawn().unwrap();
        let mut status = BufReader::new(child.stdout.take().unwrap());
        // The first line comes when the sockets are bound.
        assert_ne!(status.read_line(&mut String::new()).unwrap(), 0, "the validator ended");
        Self { child, _status: status }
    }
}

impl Drop for Process {
    /// `kill -9`.
    fn drop(&mut self) {
        let _gone_already = self.child.kill().is_err();
        let _reaped = self.child.wait();
    }
}

/// The files of one validator of the cluster.
fn write_files(folder: &Path, cluster: &Cluster, index: usize) -> PathBuf {
    std::fs::write(folder.join("genesis.toml"), cluster.genesis.to_text()).unwrap();
    let hex: String = cluster.keys[index].expose_seed().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(folder.join("key"), hex).unwrap();
    let listen = cluster.peers[index].address;
    let mut text = format!("key_file = \"key\"\ngenesis = \"genesis.toml\"\ndirectory = \"data\"\nlisten = \"{listen}\"\n");
    for peer in &cluster.peers {
        writeln!(text, "[[validators]]\nkey = \"{}\"\naddress = \"{}\"", peer.key, peer.address).unwrap();
    }
    let path = folder.join("validator.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The producer's connection to a validator.
async fn connect(cluster: &Cluster, index: usize) -> (ClientEndpoint, ClientConnection) {
    let (key, address) = (to_consensus(&cluster.peers[index].key).unwrap(), cluster.peers[index].address);
    let endpoint = ClientEndpoint::new(Identity::new(cluster.producer.to_consensus()), address).unwrap();
    let connection = endpoint.connect(&key, address).await.unwrap();
    (endpoint, connection)
}

/// `None` when the validator closes the stream.
async fn ask<A: Answer>(connection: &ClientConnection, request: Bytes) -> Option<A> {
    let (mut send, mut receive) = connection.open().await.ok()?;
    write_frame(&mut send, request).await.ok()?;
    let _stream_gone = send.finish().is_err();
    let frame = tokio::time::timeout(DEADLINE, read_frame(&mut receive, ANSWER_SIZE_MAX)).await.unwrap().ok()??;
    Some(A::from_frame(&frame).unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A receipt is a promise: what was signed for is there after a kill, and what is no shard of this validator never gets a receipt.
#[test]
fn a_killed_validator_still_has_every_shard_that_it_signed_for() {
    let cluster = Cluster::new(4);
    let folder = tempfile::tempdir().unwrap();
    let config = write_files(folder.path(), &cluster, 0);
    let mut zone = Zone::default();
    let blocks: Vec<_> = (0..20).map(|cancels| zone.sealed(&cluster.fixture, &[], 1 + 40 * cancels)).collect();
    let place = cluster.place(0);
    runtime().block_on(async {
        let validator = Process::start(&config);
        let (_endpoint, connection) = connect(&cluster, 0).await;
        let (signed, shards) = &blocks[0];
        let submit = |frame: Bytes| Request::Submit(Box::new(signed.clone()), frame).to_frame();
        // In another epoch's committee it could be the right one.
        let elsewhere = ask::<SubmitAnswer>(&connection, submit(shards.shard((place + 1) % 4).unwrap())).await;
        assert_eq!(elsewhere, Some(SubmitAnswer::NotYet));
        let wrong = [Bytes::from_static(b"no shard"), vec![1; 1 << 20].into()];
        for frame in wrong {
            let answer = ask::<SubmitAnswer>(&connection, submit(frame)).await.unwrap();
            assert!(matches!(answer, SubmitAnswer::Refused(_)), "{answer:?}");
        }
        let oversized = Bytes::from(vec![1; REQUEST_SIZE_MAX + 1]);
        assert_eq!(ask::<SubmitAnswer>(&connection, oversized).await, None, "refused by its length");
        assert_eq!(
            ask::<ShardAnswer>(&connection, Request::Shard(header_id(&signed.header)).to_frame()).await,
            Some(ShardAnswer(None))
        );
        for (signed, shards) in &blocks {
            let request = Request::Submit(Box::new(signed.clone()), shards.shard(place).unwrap()).to_frame();
            let mut receipts = Vec::new();
            for _ in 0..2 {
                match ask::<SubmitAnswer>(&connection, request.clone()).await.unwrap() {
                    SubmitAnswer::Receipt(receipt) => receipts.push(receipt),
                    answer @ (SubmitAnswer::Ordered | SubmitAnswer::NotYet | SubmitAnswer::Refused(_)) => panic!("{answer:?}"),
                }
            }
            assert_eq!(receipts[0], receipts[1], "a duplicate gets the same receipt");
            assert_eq!(receipts[0].verify(), Ok(()));
        }
        drop(validator);

        let _validator = Process::start(&config);
        let (_endpoint, connection) = connect(&cluster, 0).await;
        for (signed, shards) in &blocks {
            let answer = ask::<ShardAnswer>(&connection, Request::Shard(header_id(&signed.header)).to_frame()).await;
            assert_eq!(answer, Some(ShardAnswer(shards.shard(place))), "height {}", signed.header.height);
        }
    });
}

/// The producer is gone, and so are f validators. Whoever has the reader key gets every ordered body, and can say what was lost.
#[test]
fn a_new_producer_gets_every_ordered_body_from_any_f_plus_1_validators() {
    const BLOCKS: u64 = 12;
    let cluster = Cluster::new(4);
    let mut validators = cluster.start_all();
    let link = cluster.link(Height::new(1));
    let mut zone = Zone::default();
    // The third is of more than one segment.
    let bodies: Vec<Vec<u8>> = (1..=BLOCKS)
        .map(|height| {
            let (header, body) = zone.next(&[], if height == 3 { 14_000 } else { height });
            link.submit(SealedBlock { header, body: body.clone().into(), outbox: Vec::new() }).unwrap();
            body
        })
        .collect();
    assert!(bodies[2].len() > 1 << 20);
    wait_until("every block available", || {
        validators.iter().all(|validator| validator.status().zones[0].available == Height::new(BLOCKS))
    });
    link.stop();
    validators.remove(1).stop().unwrap();

    let config = RecoverConfig {
        client: cluster.producer.clone(),
        reader_key: cluster.reader_key.clone(),
        zone: ZoneId::TRADING,
        from: Height::new(2),
        at_least: Height::new(0),
        genesis: Arc::clone(&cluster.genesis),
        validators: cluster.peers.clone(),
    };
    let recovered = recover(&config).unwrap();
    assert_eq!(recovered.len() as u64, BLOCKS - 1);
    for (block, body) in recovered.iter().zip(&bodies[1..]) {
        assert!(block.is_available);
        assert_eq!(block.body.as_ref().unwrap(), body, "height {}", block.signed.header.height);
    }
    // Another reader key opens nothing.
    let stranger = RecoverConfig { reader_key: plinth_settlement::dispersal::ReaderKey::new([1; 32]), ..config.clone() };
    assert!(recover(&stranger).unwrap().iter().all(|block| block.body.is_err()));

    // The dead producer's journal went further than what settlement has.
    let (_, unsent) = zone.next(&[], 3);
    let journal: Vec<u8> = bodies[1..].iter().flatten().chain(&unsent).copied().collect();
    let journal = BodyReader::new(&journal).map(|next| next.map(|(command, tail)| Acknowledged { command, tail }).unwrap());
    let found = missing(recovered.iter().map(|block| block.body.as_ref().unwrap().as_slice()), journal).unwrap();
    assert_eq!((found.contradicted, found.not_in_journal), (None, 0));
    let last = found.available_to.get();
    assert_eq!(found.never_available, [1, 2, 3].map(|step| Seq::new(last + step)));

    validators.into_iter().for_each(|validator| validator.stop().unwrap());
    assert!(matches!(recover(&config), Err(RecoverError::TooFewValidators { count: 0, count_min: 2 })));
}
