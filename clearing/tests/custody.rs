//! Custody against its own rules: every refusal changes nothing, every operation conserves, over random operations too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_clearing::{Custody, Settlement};
use plinth_types::id::{AccountId, AssetId, PublicKey};
use plinth_types::limits::AMOUNT_MAX;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Account, Asset, Name};
use plinth_types::reject::Reject;

const CASH: AssetId = AssetId::new(0);
const GOODS: AssetId = AssetId::new(1);
const ALICE: AccountId = AccountId::new(0);
const BOB: AccountId = AccountId::new(1);

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

/// What one account delivers to another.
#[derive(Clone, Copy)]
struct Leg {
    from: AccountId,
    to: AccountId,
    asset: AssetId,
    amount: Amount,
    reserved: Amount,
}

fn leg(from: AccountId, to: AccountId, asset: AssetId, amount: Amount, reserved: Amount) -> Leg {
    Leg { from, to, asset, amount, reserved }
}

/// Settles both parties of a trade.
fn settle(custody: &mut Custody, one: Leg, back: Leg) {
    for (out, inward) in [(one, back), (back, one)] {
        let (gives, gets) = (custody.place(out.from, out.asset), custody.place(inward.to, inward.asset));
        let part = Settlement { gives, given: out.amount, reserved: out.reserved, gets, got: inward.amount };
        custody.settle(&mut (), part);
    }
}

fn asset(id: u16) -> Asset {
    Asset { id: AssetId::new(id), name: Name::new("asset").unwrap(), decimals: 0 }
}

fn account(id: u32) -> Account {
    Account { id: AccountId::new(id), name: Name::new("account").unwrap(), owner: PublicKey([id as u8; 32]) }
}

/// Two accounts and two assets of three each, 100 of everything.
fn custody() -> Custody {
    let mut custody = Custody::new(3, 3);
    for id in 0..2 {
        custody.add_asset(&mut (), &asset(id)).unwrap();
        custody.open_account(&mut (), &account(id.into())).unwrap();
    }
    for owner in [ALICE, BOB] {
        for asset in [CASH, GOODS] {
            custody.credit(&mut (), owner, asset, amount(100)).unwrap();
        }
    }
    custody
}

/// Owned and reserved, of cash and of goods.
fn money(custody: &Custody, account: AccountId) -> [(u128, u128); 2] {
    [CASH, GOODS].map(|asset| {
        let balance = custody.balance(account, asset).unwrap();
        (balance.settled.units(), balance.reserved.units())
    })
}

#[test]
fn a_trade_moves_both_legs_and_releases_the_improvement() {
    let mut custody = custody();
    custody.reserve(&mut (), ALICE, CASH, amount(60)).unwrap();
    custody.reserve(&mut (), BOB, GOODS, amount(10)).unwrap();
    let paid = leg(ALICE, BOB, CASH, amount(50), amount(55));
    let delivered = leg(BOB, ALICE, GOODS, amount(10), amount(10));
    settle(&mut custody, paid, delivered);
    assert_eq!(money(&custody, ALICE), [(50, 5), (110, 0)]);
    assert_eq!(money(&custody, BOB), [(150, 0), (90, 0)]);
    custody.check().unwrap();
}

#[test]
fn a_refusal_changes_nothing() {
    let mut custody = custody();
    custody.reserve(&mut (), ALICE, CASH, amount(30)).unwrap();
    let before = money(&custody, ALICE);
    let short = |shortfall| Err(Reject::InsufficientFunds { asset: CASH, shortfall });
    assert_eq!(custody.reserve(&mut (), ALICE, CASH, amount(71)), short(1));
    assert_eq!(custody.reserve(&mut (), ALICE, CASH, amount(AMOUNT_MAX)), short(u64::MAX));
    assert_eq!(custody.can_reserve(&mut (), ALICE, CASH, amount(101), amount(30)), short(1));
    assert_eq!(custody.can_reserve(&mut (), ALICE, CASH, amount(100), amount(30)), Ok(()));
    assert_eq!(custody.credit(&mut (), ALICE, CASH, amount(AMOUNT_MAX - 199)), Err(Reject::AmountTooLarge));
    let (nobody, nothing) = (AccountId::new(2), AssetId::new(2));
    assert_eq!(custody.credit(&mut (), nobody, CASH, amount(1)), Err(Reject::UnknownAccount { account: nobody }));
    assert_eq!(custody.credit(&mut (), ALICE, nothing, amount(1)), Err(Reject::UnknownAsset { asset: nothing }));
    assert_eq!(custody.add_asset(&mut (), &asset(1)), Err(Reject::OutOfSequence { expected: 2 }));
    assert_eq!(custody.open_account(&mut (), &account(3)), Err(Reject::OutOfSequence { expected: 2 }));
    assert_eq!((money(&custody, ALICE), custody.total(CASH)), (before, Some(amount(200))));
    custody.add_asset(&mut (), &asset(2)).unwrap();
    custody.open_account(&mut (), &account(2)).unwrap();
    assert_eq!(custody.add_asset(&mut (), &asset(3)), Err(Reject::CapacityReached));
    assert_eq!(custody.open_account(&mut (), &account(3)), Err(Reject::CapacityReached));
    custody.credit(&mut (), ALICE, CASH, amount(AMOUNT_MAX - 200)).unwrap();
    custody.check().unwrap();
}

#[test]
#[should_panic(expected = "released more than is reserved")]
fn releasing_what_is_not_reserved_stops_the_process() {
    custody().release(&mut (), ALICE, CASH, amount(1));
}

#[test]
#[should_panic(expected = "debited more than is owned")]
fn paying_what_is_not_owned_stops_the_process() {
    let mut custody = custody();
    let leg = leg(ALICE, BOB, CASH, amount(101), Amount::ZERO);
    settle(&mut custody, leg, leg);
}

#[test]
#[should_panic(expected = "debited what is promised to another order")]
fn paying_what_is_promised_elsewhere_stops_the_process() {
    let mut custody = custody();
    custody.reserve(&mut (), ALICE, CASH, amount(60)).unwrap();
    let paid = leg(ALICE, BOB, CASH, amount(50), Amount::ZERO);
    let delivered = leg(BOB, ALICE, GOODS, amount(1), Amount::ZERO);
    settle(&mut custody, paid, delivered);
}

/// Random operations beside a ledger of plain numbers.
#[test]
fn random_operations_conserve_and_agree_with_a_plain_ledger() {
    for seed in 1..=50_u64 {
        let mut random = seed;
        let mut below = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        let mut custody = custody();
        // Owned and reserved, by account and asset.
        let mut ledger = [[(100_u128, 0_u128); 2]; 2];
        let mut totals = [200_u128; 2];
        for step in 0..2_000 {
            let (from, asset, units) = (below(2) as usize, below(2) as usize, u128::from(below(40)));
            let (from_id, asset_id) = (AccountId::new(from as u32), AssetId::new(asset as u16));
            let (owned, reserved) = ledger[from][asset];
            match below(4) {
                0 => {
                    custody.credit(&mut (), from_id, asset_id, amount(units)).unwrap();
                    ledger[from][asset].0 += units;
                    totals[asset] += units;
                }
                1 => {
                    let done = custody.reserve(&mut (), from_id, asset_id, amount(units)).is_ok();
                    assert_eq!(done, reserved + units <= owned, "seed {seed} step {step}");
                    if done {
                        ledger[from][asset].1 += units;
                    }
                }
                2 => {
                    let units = units.min(reserved);
                    custody.release(&mut (), from_id, asset_id, amount(units));
                    ledger[from][asset].1 -= units;
                }
                _ => {
                    // Out of its reservation, some of which is improvement; sometimes to itself.
                    let (to, other) = (below(2) as usize, 1 - asset);
                    let spent = reserved.min(units);
                    let paid = spent - spent / 3;
                    let got = ledger[to][other].1.min(5);
                    let to_id = AccountId::new(to as u32);
                    let one = leg(from_id, to_id, asset_id, amount(paid), amount(spent));
                    let back = leg(to_id, from_id, AssetId::new(other as u16), amount(got), amount(got));
                    settle(&mut custody, one, back);
                    ledger[from][asset].0 -= paid;
                    ledger[from][asset].1 -= spent;
                    ledger[to][asset].0 += paid;
                    ledger[to][other].0 -= got;
                    ledger[to][other].1 -= got;
                    ledger[from][other].0 += got;
                }
            }
            assert_eq!([money(&custody, ALICE), money(&custody, BOB)], ledger, "seed {seed} step {step}");
            custody.check().unwrap();
        }
        for (asset, total) in totals.into_iter().enumerate() {
            assert_eq!(custody.total(AssetId::new(asset as u16)), Some(amount(total)), "seed {seed}");
        }
    }
}
