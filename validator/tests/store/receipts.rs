//! A fact of long ago, shown by a file alone.

use crate::chain::CHAIN;
use crate::history::{History, committee, fixture};
use crate::steps::anchor;
use commonware_runtime::Runner as _;
use commonware_runtime::deterministic::{Context, Runner};
use commonware_utils::TestRng;
use plinth_golden::Fixtures;
use plinth_settlement::checkpoint::{Keys, deal};
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::light::{LightError, Receipt, ReceiptError, Root, Start, StartError};
use plinth_settlement::store::Proven;
use plinth_types::codec::Codec as _;
use plinth_types::id::{ChainId, Epoch, Height};

/// Who validates in epoch 5, as the validators of epoch 4 certified it: from the genesis, and from a group's key.
struct World {
    history: History,
    genesis: Root,
    key: Root,
    from_genesis: Receipt,
    from_key: Receipt,
}

impl World {
    async fn new(context: &Context) -> Self {
        let history = History::usual(context, "usual").await;
        let (polynomial, shares) = deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(3));
        let (_, anchor) = anchor(&history, &shares, &polynomial).await;
        let [before @ .., last] = &history.steps[..] else { panic!("no steps") };
        let from_genesis = Receipt {
            start: Start::Genesis(fixture().genesis.digest()),
            steps: before.to_vec(),
            key: FactKey::Committee(Epoch::new(5)),
            certified: last.certified.clone(),
            proof: last.committee.clone(),
        };
        let start = Start::Group(Vec::new(), Box::new(anchor));
        let from_key = Receipt { start, steps: Vec::new(), ..from_genesis.clone() };
        let genesis = Root::Genesis(fixture().genesis);
        Self { history, genesis, key: Root::Group(Keys::new(CHAIN, polynomial.key())), from_genesis, from_key }
    }
}

#[test]
fn a_receipt_shows_its_fact_to_whoever_has_its_root() {
    Runner::default().start(|context| async move {
        let world = World::new(&context).await;
        for (receipt, root) in [(&world.from_genesis, &world.genesis), (&world.from_key, &world.key)] {
            let read = Receipt::decode(&receipt.to_bytes()).unwrap();
            let (seen, proven) = read.verify(root).unwrap();
            let Proven::Present(value) = proven else { panic!("it is there") };
            assert_eq!(Fact::decode(&value), Ok(Fact::Committee(committee(&[2, 3, 4, 5]))));
            assert_eq!(seen.height.next(), receipt.certified.heads[0].height);
        }
    });
}

#[test]
fn a_receipt_is_worth_nothing_without_its_root_or_a_step() {
    Runner::default().start(|context| async move {
        let World { genesis, key, from_genesis, from_key, history, .. } = World::new(&context).await;
        for (receipt, root) in [(&from_genesis, &key), (&from_key, &genesis)] {
            assert!(matches!(receipt.verify(root), Err(ReceiptError::Start(StartError::OtherRoot { .. }))));
        }
        let elsewhere = Root::Genesis(crate::chain::Fixture::changing(6, 5, 16).genesis);
        assert!(matches!(from_genesis.verify(&elsewhere), Err(ReceiptError::Start(StartError::OtherRoot { .. }))));
        let stranger = deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(4)).0.key();
        for keys in [Keys::new(CHAIN, stranger), Keys::new(ChainId::new(CHAIN.get() + 1), stranger)] {
            assert!(matches!(from_key.verify(&Root::Group(keys)), Err(ReceiptError::Start(StartError::Anchor(_)))));
        }
        let Root::Group(keys) = &key else { panic!("a group") };
        let late = deal(committee(&[0, 1, 2, 3]).count(), TestRng::new(3)).0.key();
        let late = Root::Group(Keys::since(keys.chain(), Height::new(1_000), late));
        assert!(matches!(from_key.verify(&late), Err(ReceiptError::Start(StartError::Anchor(_)))), "it did not sign that early");

        for left_out in 0..from_genesis.steps.len() {
            let mut gap = from_genesis.clone();
            gap.steps.remove(left_out);
            let error = gap.verify(&genesis).unwrap_err();
            assert!(
                matches!(error, ReceiptError::Light(LightError::Step { .. } | LightError::EpochAhead { .. })),
                "without step {left_out}: {error}"
            );
        }
        let other_fact = Receipt { key: FactKey::Committee(Epoch::new(4)), ..from_genesis.clone() };
        assert!(matches!(other_fact.verify(&genesis), Err(ReceiptError::Light(LightError::Proof(_)))));
        let other_state = Receipt { certified: history.newest(), ..from_genesis };
        assert!(matches!(other_state.verify(&genesis), Err(ReceiptError::Light(LightError::Proof(_)))));
    });
}

/// One byte in three.
#[test]
fn a_receipt_with_another_byte_shows_the_same_or_nothing() {
    Runner::default().start(|context| async move {
        let world = World::new(&context).await;
        for (first, receipt, root) in [(0, &world.from_genesis, &world.genesis), (1, &world.from_key, &world.key)] {
            let (bytes, shown) = (receipt.to_bytes(), receipt.verify(root).unwrap());
            let mut refused = 0;
            for at in (first..bytes.len()).step_by(3) {
                let mut other = bytes.clone();
                other[at] ^= 1 << (at % 8);
                match Receipt::decode(&other).map(|receipt| receipt.verify(root)) {
                    Ok(Ok(changed)) => assert_eq!(changed, shown, "byte {at}"),
                    Ok(Err(_)) | Err(_) => refused += 1,
                }
            }
            assert!(refused * 3 * 10 > bytes.len() * 9, "{refused} of {} bytes", bytes.len());
            assert!((0..bytes.len()).step_by(97).all(|size| Receipt::decode(&bytes[..size]).is_err()));
            assert!(Receipt::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    });
}

#[test]
fn the_format_is_pinned() {
    Runner::default().start(|context| async move {
        let world = World::new(&context).await;
        let from_genesis = Receipt { steps: world.from_genesis.steps[..1].to_vec(), ..world.from_genesis };
        let receipts = [("from genesis", from_genesis), ("from a key", world.from_key)];
        Fixtures::of(env!("CARGO_MANIFEST_DIR"))
            .named("light_receipt", &receipts.map(|(name, receipt)| (name, receipt.to_bytes())));
    });
}
