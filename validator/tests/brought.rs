//! What clients bring to validators over real sockets: garbage, too much, forgeries, replays; and what a zone's blocks send and what
//! governors decide, all the way round.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use bytes::Bytes;
use chain::{CHAIN, Zone, draft, secret};
use cluster::{Cluster, DEADLINE, wait_until};
use plinth_settlement::block::{
    Action, GovernedTransaction, HeaderTransaction, OutboxTransaction, SignedDeposit, SignedInstruction, Transaction, outbox_root,
};
use plinth_settlement::consensus::TransactionAnswer;
use plinth_settlement::genesis::{AssetCap, Governance, ZoneMode};
use plinth_settlement::keys::{SecretKey, to_consensus};
use plinth_settlement::limits::EPOCH_BLOCKS_DEFAULT;
use plinth_settlement::link::{Finalized, LinkEvent, SealedBlock, ZoneLink};
use plinth_settlement::transport::{ClientConnection, ClientEndpoint, Identity, read_frame, write_frame};
use plinth_settlement::wire::limits::{ANSWER_SIZE_MAX, REQUEST_SIZE_MAX};
use plinth_settlement::wire::{Answer as _, Request};
use plinth_types::event::AssetAmount;
use plinth_types::id::{AccountId, AssetId, Height, ProducerEpoch, Signature, TimestampNs, ZoneId};
use plinth_types::message::InboxKind;
use plinth_types::owner::{Act, Instruction};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, OutboxMessage, Party};
use std::sync::Arc;

const USD: AssetId = AssetId::new(0);

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

/// What a validator answers to a frame; `None` if it gives the stream up.
async fn answer(connection: &ClientConnection, frame: Bytes) -> Option<Bytes> {
    let (mut send, mut receive) = connection.open().await.unwrap();
    // A validator that gives the stream up in the middle has answered.
    let _given_up = write_frame(&mut send, frame).await.is_err();
    let _given_up = send.finish().is_err();
    tokio::time::timeout(DEADLINE, read_frame(&mut receive, ANSWER_SIZE_MAX)).await.unwrap().ok().flatten()
}

async fn bring(connection: &ClientConnection, transaction: &Transaction) -> TransactionAnswer {
    let request = Request::Bring(Box::new(transaction.clone())).to_frame();
    TransactionAnswer::from_frame(&answer(connection, request).await.unwrap()).unwrap()
}

fn refusal(answer: TransactionAnswer) -> String {
    let TransactionAnswer::Refused(reason) = answer else { panic!("{answer:?}") };
    reason.to_string()
}

#[test]
fn what_is_no_transaction_or_nobody_signed_is_refused_and_what_is_right_is_told_to_all() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = Transaction::Deposit(cluster.deposit(1, 500));
    let payee = secret(9, 9).public_key();
    runtime.block_on(async {
        let endpoint = ClientEndpoint::new(Identity::new(cluster.producer.to_consensus()), cluster.peers[0].address).unwrap();
        let key = to_consensus(&cluster.peers[0].key).unwrap();
        let connection = endpoint.connect(&key, cluster.peers[0].address).await.unwrap();

        let garbage: [&[u8]; 6] = [b"", &[1], &[1, 2], &[1, 2, 77, 1, 2, 3], &[1, 2, 5, 1, 0, 255, 255, 255, 255], &[0xff; 4_096]];
        for frame in garbage {
            assert_eq!(answer(&connection, Bytes::from_static(frame)).await, None, "{frame:?}");
        }
        let whole = Request::Bring(Box::new(good.clone())).to_frame();
        for size in 0..whole.len() {
            assert_eq!(answer(&connection, whole.slice(..size)).await, None, "cut to {size} bytes");
        }
        let padded = [&whole[..], &[0]].concat();
        assert_eq!(answer(&connection, padded.into()).await, None, "a byte too many");
        // The length alone is enough: nothing behind it is read.
        let (mut send, mut receive) = connection.open().await.unwrap();
        send.write_all(&(REQUEST_SIZE_MAX as u32 + 1).to_le_bytes()).await.unwrap();
        assert!(!matches!(read_frame(&mut receive, ANSWER_SIZE_MAX).await, Ok(Some(_))), "an answer to too much");

        let SignedDeposit { deposit, .. } = cluster.deposit(1, 500);
        let forged = Transaction::Deposit(SignedDeposit { deposit, signature: Signature([1; 64]) });
        assert!(refusal(bring(&connection, &forged).await).contains("signature"));
        let stranger = secret(3, 77);
        let poor =
            SignedDeposit::sign(plinth_types::message::Deposit { owner: stranger.public_key(), ..deposit }, CHAIN, &stranger);
        assert!(refusal(bring(&connection, &Transaction::Deposit(poor)).await).contains("nothing on this chain"));
        let mut zone = Zone::default();
        let (signed, _) = zone.sealed(&cluster, &[], 1);
        let header = Transaction::Header(Box::new(HeaderTransaction { signed, receipts: Vec::new() }));
        assert!(refusal(bring(&connection, &header).await).contains("receipt"));
        let nobody = Action::Freeze { zone: ZoneId::TRADING };
        let decided = Transaction::Governed(Box::new(GovernedTransaction::sign(1, nobody, CHAIN, [&stranger])));
        assert!(refusal(bring(&connection, &decided).await).contains("approval"));
        let early = OutboxTransaction { zone: ZoneId::TRADING, height: Height::new(3), messages: Vec::new() };
        assert_eq!(bring(&connection, &Transaction::Outbox(Box::new(early))).await, TransactionAnswer::NotYet);

        assert_eq!(bring(&connection, &good).await, TransactionAnswer::Accepted);
        wait_until("the deposit everywhere", || {
            validators.iter().all(|validator| validator.ledger().deposit_nonce(&cluster.owner.public_key()) == 1)
        });
        for _ in 0..3 {
            assert!(matches!(bring(&connection, &good).await, TransactionAnswer::Ordered(_)), "done once");
        }
        let act = Act::Transfer { to: payee, asset: USD, amount: amount(70) };
        let pay = Instruction { nonce: 2, owner: cluster.owner.public_key(), act };
        let pay = Transaction::Instruct(Box::new(SignedInstruction::sign(pay, CHAIN, &cluster.owner)));
        assert_eq!(bring(&connection, &pay).await, TransactionAnswer::Accepted);
        wait_until("the payment everywhere", || {
            validators.iter().all(|validator| validator.ledger().balance(&payee, USD) == amount(70))
        });
        assert!(connection.close_reason().is_none(), "all of that was one client's own affair");
    });
    for validator in validators {
        assert!(validator.evidence().is_empty());
        validator.stop().unwrap();
    }
}

/// A chain whose blocks wait for long, with a cap and governors.
fn governed() -> (Cluster, Vec<SecretKey>) {
    let mut cluster = Cluster::new(4);
    let governors: Vec<SecretKey> = (0..3).map(|index| secret(8, index)).collect();
    let mut draft = draft(&cluster.keys, &cluster.producer, &cluster.owner, EPOCH_BLOCKS_DEFAULT);
    let mut keys: Vec<_> = governors.iter().map(SecretKey::public_key).collect();
    keys.sort_unstable();
    draft.governance = Governance { governors: keys, approvals_min: 2 };
    draft.zones[0].rules.caps = vec![AssetCap { asset: USD, per_hour: amount(1_000) }];
    draft.zones[0].mode = ZoneMode::Attested { delay_blocks: 40 };
    cluster.fixture.genesis = Arc::new(draft.build().unwrap());
    (cluster, governors)
}

/// Takes events until one fits.
fn wait_for(link: &ZoneLink, what: &str, mut fits: impl FnMut(&Finalized) -> bool) -> Finalized {
    loop {
        let event = link.events().recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"));
        let LinkEvent::Finalized(finalized) = event else { continue };
        if fits(&finalized) {
            return finalized;
        }
    }
}

/// A zone block that sends, rejected before it settles: handed over again it is sealed under the next epoch on the last good block, its
/// message is paid once, and one above any cap comes back.
#[test]
fn what_was_rejected_is_sealed_again_and_pays_once() {
    let (cluster, governors) = governed();
    let validators = cluster.start_all();
    let link = cluster.link(Height::new(1));
    let payee = secret(9, 9).public_key();
    link.bring(Transaction::Deposit(cluster.deposit(1, 5_000))).unwrap();
    let deposited = wait_for(&link, "the deposit", |block| !block.inbox.is_empty()).inbox;
    let mut zone = Zone::default();
    let message = |channel_seq, units| OutboxMessage {
        channel_seq,
        to: Party::owner(payee),
        asset: USD,
        amount: amount(units),
        sender: Address::of_account(AccountId::new(4)),
        expires_at: TimestampNs::new(u64::MAX),
    };
    let outbox = vec![message(1, 300), message(2, 1_001)];
    let blocks: Vec<SealedBlock> = (0..3)
        .map(|index| {
            let (mut header, body) = zone.next(if index == 0 { &deposited } else { &[] }, 2);
            let outbox = if index == 1 { outbox.clone() } else { Vec::new() };
            header.outbox_root = outbox_root(&outbox);
            if !outbox.is_empty() {
                header.outbox_totals = vec![AssetAmount { asset: USD, amount: amount(1_301) }];
            }
            SealedBlock { header, body: body.into(), outbox }
        })
        .collect();
    blocks.iter().for_each(|block| link.submit(block.clone()).unwrap());
    wait_for(&link, "three blocks", |block| block.ordered.iter().any(|ordered| ordered.block.height == Height::new(3)));
    let revert = Action::Revert { zone: ZoneId::TRADING, height: Height::new(2) };
    let decided = GovernedTransaction::sign(1, revert, CHAIN, &governors[1..]);
    link.bring(Transaction::Governed(Box::new(decided))).unwrap();
    let rejected = wait_for(&link, "the rejection", |block| !block.rejected.is_empty()).rejected;
    assert_eq!(rejected.iter().map(|block| block.height.get()).collect::<Vec<_>>(), [2, 3]);
    // As a node does that hears of it.
    blocks[1..].iter().for_each(|block| link.submit(block.clone()).unwrap());
    let again = wait_for(&link, "ordered again", |block| !block.ordered.is_empty()).ordered;
    assert!(again.iter().all(|ordered| !ordered.conflicts));
    assert_ne!(again[0].block.id, rejected[0].id);
    let back = wait_for(&link, "what no cap permits comes back", |block| !block.inbox.is_empty()).inbox;
    assert_eq!((back[0].kind, back[0].amount), (InboxKind::Bounce, amount(1_001)));
    wait_until("paid", || validators.iter().all(|validator| validator.ledger().balance(&payee, USD) == amount(300)));
    let ledger = validators[0].ledger();
    let zone = ledger.zone(ZoneId::TRADING).unwrap();
    assert_eq!((zone.epoch(), zone.settled() >= Height::new(2)), (ProducerEpoch::new(2), true));
    link.stop();
    for validator in validators {
        assert!(validator.evidence().is_empty(), "an honest producer equivocates nowhere");
        validator.stop().unwrap();
    }
}
