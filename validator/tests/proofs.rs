//! Proofs of zone blocks brought to validators over real sockets, up to the verdict that settles the block; and what must never be one.
//!
//! **The verifier here is a stand-in**, `verifiers/stand-in`, a script that believes what ends in `right`: these are tests of the way that a proof takes and of what a
//! program does that dies, babbles or lies. Real proofs are in the proving workspace's tests and in `scripts/proven.sh`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use bytes::Bytes;
use chain::{Zone, draft};
use cluster::{Cluster, DEADLINE, wait_until};
use plinth_settlement::block::{Transaction, header_id};
use plinth_settlement::consensus::{ProofAnswer, TransactionAnswer};
use plinth_settlement::dispersal::Encoded;
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::keys::to_consensus;
use plinth_settlement::limits::EPOCH_BLOCKS_DEFAULT;
use plinth_settlement::link::SealedBlock;
use plinth_settlement::receipt::Receipt;
use plinth_settlement::transport::{ClientConnection, ClientEndpoint, Identity};
use plinth_settlement::verdict::{Verdict, VerdictTransaction};
use plinth_settlement::wire::limits::PROOF_REQUEST_SIZE_MAX;
use plinth_settlement::wire::{Answer, Request, ask};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use plinth_validator::ValidatorHandle;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

const GUEST: Digest = Digest([0x61; 32]);

/// A program of the tests' own. Committed, not written here: one that this process writes may not be run while another of its threads forks.
fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers").join(name)
}

/// Validators of a chain whose trading zone is proven, and a client of each.
struct World {
    cluster: Cluster,
    validators: Vec<ValidatorHandle>,
    clients: Vec<ClientConnection>,
    runtime: Runtime,
    _endpoint: ClientEndpoint,
}

impl World {
    fn new() -> Self {
        let mut cluster = Cluster::new(4);
        let mut draft = draft(&cluster.keys, &cluster.producer, &cluster.owner, EPOCH_BLOCKS_DEFAULT);
        draft.zones[0].mode = ZoneMode::Proven { guest_image: GUEST, window_blocks: 4, deadline_blocks: 1_000 };
        cluster.fixture.genesis = Arc::new(draft.build().unwrap());
        cluster.proof_verifiers = vec![program("stand-in")];
        let validators = cluster.start_all();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let identity = Identity::new(cluster.producer.to_consensus());
        let (endpoint, clients) = runtime.block_on(async {
            let endpoint = ClientEndpoint::new(identity, cluster.peers[0].address).unwrap();
            let mut clients = Vec::new();
            for peer in &cluster.peers {
                clients.push(endpoint.connect(&to_consensus(&peer.key).unwrap(), peer.address).await.unwrap());
            }
            (endpoint, clients)
        });
        Self { cluster, validators, clients, runtime, _endpoint: endpoint }
    }

    fn ask<A: Answer>(&self, validator: usize, request: &Request) -> Option<A> {
        self.runtime.block_on(ask(&self.clients[validator], request, DEADLINE)).ok()
    }

    fn prove(&self, validator: usize, header: &ZoneHeader, proof: &'static [u8]) -> ProofAnswer {
        let request = Request::Prove(Box::new(header.clone()), Bytes::from_static(proof));
        self.ask(validator, &request).expect("an answer")
    }

    /// The first answer that is not that the client has to wait.
    fn prove_at_last(&self, validator: usize, header: &ZoneHeader, proof: &'static [u8]) -> ProofAnswer {
        let mut answer = ProofAnswer::NotYet;
        wait_until("the client's pause to end", || {
            answer = self.prove(validator, header, proof);
            answer != ProofAnswer::NotYet
        });
        answer
    }

    fn verified(&self, validator: usize, header: &ZoneHeader, proof: &'static [u8]) -> Receipt {
        match self.prove_at_last(validator, header, proof) {
            ProofAnswer::Verified(receipt) => receipt,
            answer @ (ProofAnswer::Done | ProofAnswer::NotYet | ProofAnswer::Refused(_)) => panic!("{answer:?}"),
        }
    }

    /// The next block of the zone through its link, and its header as it is ordered.
    fn ordered(&self, zone: &mut Zone, link: &plinth_settlement::link::ZoneLink) -> ZoneHeader {
        let (mut header, body) = zone.next(&[], 2);
        header.guest_image = GUEST;
        link.submit(SealedBlock { header: header.clone(), body: body.clone().into(), outbox: Vec::new() }).unwrap();
        header.parent = zone.parent;
        let key = self.cluster.reader_key.body_key(&header);
        let shards = Encoded::new(&key.close(header.height, &body).into(), self.cluster.genesis.committee().count()).unwrap();
        (header.body_key, header.shard_root) = (key.commitment(), shards.root());
        zone.parent = header_id(&header);
        let (height, id) = (header.height, zone.parent);
        wait_until("ordered and available everywhere", || {
            self.validators.iter().all(|validator| {
                let ledger = validator.ledger();
                let known = ledger.zone(ZoneId::TRADING).unwrap();
                known.available() >= height && known.unsettled_at(height).is_some_and(|unsettled| unsettled.block.id == id)
            })
        });
        header
    }

    fn settled(&self) -> Vec<u64> {
        self.validators.iter().map(|validator| validator.ledger().zone(ZoneId::TRADING).unwrap().settled().get()).collect()
    }
}

fn refusal(answer: ProofAnswer) -> String {
    let ProofAnswer::Refused(reason) = answer else { panic!("{answer:?}") };
    reason.to_string()
}

fn verdict(header: &ZoneHeader, proof: &[u8], mut signatures: Vec<Receipt>) -> Request {
    signatures.sort_by_key(|receipt| receipt.validator);
    Request::Bring(Box::new(Transaction::Verdict(Box::new(VerdictTransaction {
        verdict: Verdict::proven(header, proof),
        signatures,
    }))))
}

#[test]
fn a_proven_block_settles_by_the_words_of_those_who_verified_its_proof() {
    let world = World::new();
    let link = world.cluster.link(Height::new(1));
    let mut zone = Zone::default();
    let (early, _) = Zone::default().next(&[], 1);
    assert_eq!(world.prove(0, &ZoneHeader { guest_image: GUEST, ..early }, b"right"), ProofAnswer::NotYet, "not ordered");
    let header = world.ordered(&mut zone, &link);

    // What the ledger refuses costs no client anything.
    let other = ZoneHeader { trade_count: header.trade_count + 1, ..header.clone() };
    assert!(refusal(world.prove(0, &other, b"right")).contains("the block is"), "another header");
    let other = ZoneHeader { guest_image: Digest([1; 32]), ..header.clone() };
    assert!(refusal(world.prove(0, &other, b"right")).contains("mode"), "another guest");
    assert_eq!(refusal(world.prove(0, &header, b"wrong")), "it is wrong");

    let words: Vec<Receipt> = (0..3).map(|validator| world.verified(validator, &header, b"a proof that is right")).collect();
    let few = verdict(&header, b"a proof that is right", words[..2].to_vec());
    assert!(matches!(world.ask(3, &few), Some(TransactionAnswer::Refused(_))), "two of four");
    let of_another = verdict(&header, b"another proof that is right", words.clone());
    assert!(matches!(world.ask(3, &of_another), Some(TransactionAnswer::Refused(_))), "words on another proof");
    assert_eq!(world.settled(), [0; 4], "nothing but a verdict settles it");
    let whole = verdict(&header, b"a proof that is right", words);
    assert_eq!(world.ask(3, &whole), Some(TransactionAnswer::Accepted));
    wait_until("settled everywhere", || world.settled() == [1; 4]);
    assert_eq!(world.prove(3, &header, b"right"), ProofAnswer::Done);

    link.stop();
    for validator in world.validators {
        assert!(validator.evidence().is_empty());
        validator.stop().unwrap();
    }
}

#[test]
fn a_verifier_that_dies_babbles_or_lies_gives_no_word_and_harms_nobody() {
    let world = World::new();
    let link = world.cluster.link(Height::new(1));
    let header = world.ordered(&mut Zone::default(), &link);
    for (validator, proof) in [&b"a sudden death"[..], b"many words", b"of an other"].into_iter().enumerate() {
        assert_eq!(refusal(world.prove(validator, &header, proof)), "the verifier gave no answer to it");
    }
    // As long as no request may be: its length alone ends it, and a request that is no proof is not read in a proof's room.
    let gone = world.runtime.block_on(async {
        let (mut send, mut receive) = world.clients[3].open().await.unwrap();
        send.write_all(&(PROOF_REQUEST_SIZE_MAX as u32 + 1).to_le_bytes()).await.unwrap();
        tokio::time::timeout(DEADLINE, receive.read_to_end(16)).await.expect("an end").map_or(true, |answer| answer.is_empty())
    });
    assert!(gone);
    let words: Vec<Receipt> = (0..4).map(|validator| world.verified(validator, &header, b"right")).collect();
    assert_eq!(world.verified(3, &header, b"right"), words[3], "known, and signed again");
    assert_ne!(world.verified(3, &header, b"this one is right"), words[3], "another proof, another word");
    link.stop();
    world.validators.into_iter().for_each(|validator| validator.stop().unwrap());
}

#[test]
fn a_program_that_is_no_verifier_stops_the_start_and_one_that_hangs_is_killed() {
    use plinth_settlement::verdict::ZoneVerifier as _;
    use plinth_validator::{Verifier, VerifierError, Verifiers};
    let twice = Verifiers::open(&[program("stand-in"), program("stand-in")]).unwrap_err();
    assert!(matches!(twice, VerifierError::Twice { image: GUEST, .. }), "{twice}");
    assert!(matches!(Verifier::open(Path::new("/nowhere/plinth-verify")), Err(VerifierError::Run { .. })));
    assert!(matches!(Verifier::open(Path::new("/bin/true")), Err(VerifierError::Images { .. })));
    assert!(matches!(Verifier::open(Path::new("/bin/echo")), Err(VerifierError::Images { .. })));
    let verifier = Verifier::open(&program("hangs")).unwrap().with_patience(Duration::from_millis(20));
    let (header, _) = Zone::default().next(&[], 1);
    let header = ZoneHeader { guest_image: GUEST, ..header };
    // More than a pipe holds: it is not read, and the call ends all the same.
    let refused = verifier.verify(&header, &vec![0; 1 << 20]).unwrap_err();
    assert_eq!(refused.reason, "the verifier gave no answer to it");
    let other = ZoneHeader { guest_image: Digest::ZERO, ..header };
    assert!(verifier.verify(&other, b"right").unwrap_err().reason.contains("knows guest"));
}
