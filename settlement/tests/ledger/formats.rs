//! The crate's formats: pinned bytes, round trips, and what becomes of mutated ones.

use super::liar;
use super::world::*;
use bytes::Bytes;
use commonware_codec::Decode as _;
use commonware_cryptography::Digestible as _;
use plinth_golden::Fixtures;
use plinth_settlement::block::{Action, Block, ExitTransaction, Transaction, exit_tree, header_id};
use plinth_settlement::dispersal::{CheckedShard, Encoded, FraudProof, Layout, ReaderKey};
use plinth_settlement::genesis::Genesis;
use plinth_settlement::genesis::{AssetCap, ZoneMode};
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::ledger::{Listing, OneByOne, State, StoreFormat};
use plinth_settlement::limits::BLOCK_SIZE_MAX;
use plinth_settlement::receipt::{self, BodyStatement, SignedReceipt};
use plinth_settlement::store::StoreParameters;
use plinth_settlement::verdict::{HeaderProof, Word};
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{AssetId, Height, TimestampNs};
use plinth_types::owner::Act;
use plinth_types::reference::{Asset, Name};
use plinth_types::transfer::Party;

fn fixtures() -> Fixtures {
    Fixtures::of(env!("CARGO_MANIFEST_DIR"))
}

/// A block with one of everything.
fn block() -> (State, Block) {
    let mut state = state();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100))]);
    let header = Producer::new(TRADING).next(&state, 2);
    let block = state.propose(TimestampNs::new(5_000), vec![order(header), Transaction::Deposit(deposit(1, 1, PRIVACY, BTC, 7))]);
    (state, block)
}

/// A block that says what became of two bodies.
fn body_block() -> Block {
    let header = Producer::new(TRADING).next(&state(), 1);
    let key = ReaderKey::new([7; 32]).body_key(&header);
    let layout = Layout::new(48, VALIDATORS).unwrap();
    let (root, frames) = liar::not_a_codeword(&[9; 64], 4, 2);
    let shards =
        [1, 2].map(|index: u16| CheckedShard::check(&layout, Digest(root), index, frames[usize::from(index)].clone()).unwrap());
    let statement = BodyStatement { shard_root: Digest(root), ..BodyStatement::of(&header, header_id(&header)) };
    let fraud = FraudProof::new(statement, &layout, 0, &shards).unwrap();
    let said = [say(&header, receipt::Word::Rebuilt, [0, 1]), say(&header, receipt::Word::Unopenable { key }, [2, 3])];
    let transactions = [said.to_vec(), vec![Transaction::Fraud(Box::new(fraud))]].concat();
    state().propose(TimestampNs::new(5_000), transactions)
}

#[test]
fn a_proof_with_its_header_is_pinned() {
    let header = Producer::new(TRADING).next(&state(), 2);
    let bytes = [&HeaderProof::head(&header)[..], b"proof"].concat();
    fixtures().bytes("header_proof", &bytes);
    assert_eq!(HeaderProof::decode(&bytes), Ok(HeaderProof { header, proof: b"proof" }));
    for size in 0..bytes.len() - 5 {
        assert!(HeaderProof::decode(&bytes[..size]).is_err(), "cut to {size} bytes");
    }
    assert!(HeaderProof::decode(&[&[2], &bytes[1..]].concat()).is_err(), "another version");
    assert!(HeaderProof::decode(&[1, 255, 255, 255, 255]).is_err(), "a header without end");
}

#[test]
fn formats_are_pinned() {
    let (state, block) = block();
    fixtures().bytes("genesis", &genesis().to_bytes());
    fixtures().bytes("genesis_digest", &genesis().digest().0);
    fixtures().bytes("genesis_block", &genesis().block().to_bytes());
    fixtures().bytes("genesis_block_id", &genesis().block().id().0);
    fixtures().bytes("block", &block.to_bytes());
    fixtures().bytes("block_id", &block.id().0);
    fixtures().bytes("ledger_digest", &state.digest().0);
    let facts = state.facts();
    let facts = facts.flat_map(|(key, fact)| [key.to_bytes(), fact.to_bytes()].concat()).collect::<Vec<_>>();
    fixtures().bytes("facts", &facts);
    let format = StoreFormat {
        parameters: StoreParameters::CURRENT,
        since: Height::new(7),
        root_before: Digest([4; 32]),
        next: StoreParameters::COMPACT,
        until: Height::new(15),
    };
    let fact = Fact::Format(format).to_bytes();
    fixtures().bytes("fact_format", &[FactKey::Format.to_bytes(), fact.clone()].concat());
    assert_eq!(Fact::decode(&fact), Ok(Fact::Format(format)));
    let Transaction::Governed(decision) = decide(1, Action::SetCommittee { validators: vec![owner(0).public_key()] }) else {
        unreachable!()
    };
    fixtures().bytes("decision", &Transaction::Governed(decision.clone()).to_bytes());
    fixtures().bytes("decision_signed_bytes", &decision.signed_bytes(CHAIN));
    let to = Party::owner(owner(2).public_key());
    let (sends, list) = Producer::new(EVM).send(&super::world::state(), &[message(1, to, BTC, 5)]);
    let leaf = ExitLeaf { index: 1, owner: owner(2).public_key(), asset: BTC, amount: amount(5) };
    let (exit_root, paths) = exit_tree(CHAIN, EVM, &[leaf, leaf]);
    fixtures().bytes("exit_root", &exit_root.0);
    let exit = ExitTransaction { zone: EVM, leaf, path: paths[1].clone() };
    let others = [
        ("instruction", instruct(0, 1, Act::Transfer { to: owner(2).public_key(), asset: BTC, amount: amount(5) })),
        ("outbox", list),
        ("header_sending", order(sends.clone())),
        ("proven", proven(&sends)),
        ("rejected", verdict(&sends, Word::Rejected)),
        ("exit", Transaction::Exit(Box::new(exit))),
    ];
    for (name, transaction) in others {
        let bytes = transaction.to_bytes();
        assert_eq!(Transaction::decode(&bytes), Ok(transaction));
        assert!((0..bytes.len()).all(|size| Transaction::decode(&bytes[..size]).is_err()), "{name}");
        fixtures().bytes(&format!("transaction_{name}"), &bytes);
    }
    let mode = ZoneMode::Audited { attestations_min: 1, delay_blocks: 2 };
    let cap = AssetCap { asset: BTC, per_hour: amount(3) };
    let (zone, key) = (EVM, owner(0).public_key());
    let actions = [
        Action::Freeze { zone },
        Action::Thaw { zone },
        Action::SetMode { zone, mode, auditors: vec![key] },
        Action::SetProducer { zone, producer: key },
        Action::SetCap { zone, cap },
        Action::Revert { zone, height: Height::new(3) },
        Action::SetStoreFormat { parameters: StoreParameters::COMPACT },
        Action::ListAsset {
            listing: Listing { asset: Asset { id: AssetId::new(2), name: Name::new("BOND").unwrap(), decimals: 3 }, issuer: key },
        },
    ];
    fixtures().bytes("actions", &actions.iter().flat_map(Codec::to_bytes).collect::<Vec<_>>());
    assert!(actions.into_iter().all(|action| Action::decode(&action.to_bytes()) == Ok(action)));
    let header = Producer::new(TRADING).next(&super::world::state(), 1);
    let receipt = signed_receipt(&header, 0);
    fixtures().bytes("receipt", &receipt.to_bytes());
    fixtures().bytes("receipt_signed_bytes", &receipt.statement.signed_bytes(receipt.word));
    let body_key = ReaderKey::new([7; 32]).body_key(&header);
    let ciphertext = body_key.close(header.height, &Producer::new(TRADING).body(&[], 1));
    fixtures().bytes("ciphertext", &ciphertext);
    let shards = Encoded::new(&ciphertext.into(), VALIDATORS).unwrap();
    fixtures().bytes("shard_root", &shards.root().0);
    fixtures().bytes("shard", &shards.shard(2).unwrap());
    fixtures().bytes("body_block", &body_block().to_bytes());
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    let said = body_block();
    assert_eq!(Block::decode(&said.to_bytes()), Ok(said.clone()));
    let (_, block) = block();
    assert_eq!(Block::decode(&block.to_bytes()), Ok(block.clone()));
    assert_eq!(block.size(), block.to_bytes().len());
    let framed: Bytes = commonware_codec::Encode::encode(&block);
    assert_eq!(framed.len(), 4 + block.size());
    let read = Block::decode_cfg(framed, &()).unwrap();
    assert_eq!((read.id(), read.digest().0), (block.id(), block.id().0));
    assert_eq!(commonware_consensus::Block::parent(&read).0, block.parent().0);
    assert_eq!(commonware_consensus::Heightable::height(&read).get(), block.height().get());
    let genesis = genesis();
    assert_eq!(Genesis::decode(&genesis.to_bytes()).as_ref(), Ok(&*genesis));
    let receipt = signed_receipt(&Producer::new(TRADING).next(&state(), 1), 0);
    assert_eq!(SignedReceipt::decode(&receipt.to_bytes()), Ok(receipt));
}

/// Every byte of a block, three ways; every length; and then the ledger's word on what still decodes.
#[test]
fn a_mutated_block_is_refused_or_is_another_block() {
    let (state, block) = block();
    let bytes = block.to_bytes();
    let mut decoded = 0;
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut mutated = bytes.clone();
            mutated[at] ^= mask;
            if let Ok(other) = Block::decode(&mutated) {
                assert_eq!(other.to_bytes(), mutated, "byte {at}");
                assert_ne!(other.id(), block.id(), "byte {at}");
                assert!(at < Block::HEAD_SIZE, "byte {at}: the transactions are under the head's hash");
                // Only the time is free.
                let time = (1 + 8 + 32..1 + 8 + 32 + 8).contains(&at);
                let verdict = state.check(&other, &mut OneByOne::default()).map(|_| ());
                assert!(verdict.is_err() || time && other.time() > state.time(), "byte {at}: {verdict:?}");
                decoded += 1;
            }
        }
    }
    assert!(decoded > 0);
    for size in 0..bytes.len() {
        assert!(Block::decode(&bytes[..size]).is_err(), "cut to {size} bytes");
    }
    let mut padded = bytes.clone();
    padded.push(0);
    assert!(matches!(Block::decode(&padded), Err(DecodeError::TrailingBytes { count: 1, .. })));
}

/// Bytes that were never a block, with the head's hash made to fit, so that the decoder reads on.
#[test]
fn mutated_transactions_under_a_fitting_hash_do_not_panic() {
    let (state, block) = block();
    let bytes = block.to_bytes();
    for seed in seeds(3) {
        let mut random = Random::new(seed);
        for _ in 0..2_000 {
            let mut mutated = bytes.clone();
            for _ in 0..=random.below(3) {
                let at = Block::HEAD_SIZE + random.below((bytes.len() - Block::HEAD_SIZE) as u64) as usize;
                mutated[at] = random.next() as u8;
            }
            if random.one_in(4) {
                mutated.truncate(Block::HEAD_SIZE + random.below((bytes.len() - Block::HEAD_SIZE) as u64) as usize);
            }
            let hash = plinth_settlement::digest::sha256(&[&mutated[Block::HEAD_SIZE..]]);
            mutated[1 + 8 + 32 + 8 + 32..][..32].copy_from_slice(&hash.0);
            if let Ok(other) = Block::decode(&mutated) {
                assert_eq!(other.to_bytes(), mutated, "seed {seed}");
                let verdict = state.check(&other, &mut OneByOne::default());
                assert!(verdict.is_err() || mutated == bytes, "seed {seed}: a mutated block is valid");
            }
        }
    }
}

#[test]
fn a_mutated_genesis_or_receipt_is_refused_or_is_another_one() {
    let genesis = genesis();
    let bytes = genesis.to_bytes();
    for at in 0..bytes.len() {
        let mut mutated = bytes.clone();
        mutated[at] ^= 0x01;
        if let Ok(other) = Genesis::decode(&mutated) {
            assert_eq!(other.to_bytes(), mutated, "byte {at}");
            assert_ne!(other.digest(), genesis.digest(), "byte {at}");
        }
        assert!(Genesis::decode(&bytes[..at]).is_err());
    }
    let receipt = signed_receipt(&Producer::new(TRADING).next(&state(), 1), 0);
    let bytes = receipt.to_bytes();
    for at in 0..bytes.len() {
        let mut mutated = bytes.clone();
        mutated[at] ^= 0x01;
        assert!(
            SignedReceipt::decode(&mutated).is_err() || SignedReceipt::decode(&mutated).unwrap().verify().is_err(),
            "byte {at}"
        );
        assert!(SignedReceipt::decode(&bytes[..at]).is_err());
    }
}

/// F21: a claim costs nothing, however large.
#[test]
fn a_claimed_size_or_count_is_refused_before_anything_is_allocated() {
    let oversized = Block::decode(&vec![1; BLOCK_SIZE_MAX + 1]);
    assert!(matches!(oversized, Err(DecodeError::TooMany { field: "block bytes", .. })));
    let mut claim = block().1.to_bytes();
    claim[Block::HEAD_SIZE - 4..Block::HEAD_SIZE].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Block::decode(&claim), Err(DecodeError::TooMany { field: "transactions", .. })));
    let framed = [&u32::MAX.to_le_bytes()[..], &[0; 64]].concat();
    assert!(Block::decode_cfg(framed, &()).is_err());
    let short = [&64_u32.to_le_bytes()[..], &[0; 63]].concat();
    assert!(Block::decode_cfg(short, &()).is_err());
    assert!(Block::decode_cfg(vec![0_u8; 3], &()).is_err());
}

#[test]
fn the_genesis_block_has_the_genesis_as_its_parent_and_nothing_else() {
    let block = genesis().block();
    assert_eq!((block.parent(), block.height(), block.transactions().len()), (genesis().digest(), Height::new(0), 0));
    assert_eq!((block.pre_state(), state().block()), (Digest::ZERO, block.id()));
}
