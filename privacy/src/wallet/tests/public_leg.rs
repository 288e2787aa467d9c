//! A shielded leg against one that leaves the pool: bonds to a note, cash to the other party's owner on the base layer.

use super::*;
use crate::transaction::PublicSide;

#[test]
fn bonds_are_delivered_against_cash_that_leaves_the_pool_or_neither_moves() {
    let mut world = shielded();
    let (bonds, cash) = (world.asset(BONDS), world.asset(CASH));
    let to = world.firms[1].wallet.key().address();
    let deliver = Intent::Send { asset: bonds, value: Value::new(300), to, memo: [0; MEMO_SIZE] };
    let pay = |to| PublicSide::Unshield { asset: cash, value: Value::new(450), to };
    let delivers = world.draft(0, deliver).expect("enough");
    let pays = world.draft(1, Intent::Unshield { asset: cash, value: Value::new(450), to: public(20) }).expect("enough");
    let legs = [&delivers, &pays].map(|draft| (draft.leg().clone(), draft.registry()));
    let skeleton = draft::skeleton(&world.frame(), &legs).expect("two legs");
    let proofs = [&delivers, &pays].map(|draft| draft::prove(&KEY, &skeleton, draft).expect("true"));
    let swap = swap::assemble(skeleton, proofs.to_vec());

    let mut elsewhere = swap.clone();
    elsewhere.skeleton.legs[1].public = pay(public(21));
    let mut alone = swap.clone();
    (alone.skeleton.legs, alone.proofs) = (vec![swap.skeleton.legs[1].clone()], vec![swap.proofs[1].clone()]);
    for bad in [elsewhere, alone] {
        assert_eq!(world.seal(vec![], vec![bad]).refused, [(0, Refusal::BadProof)]);
    }
    let sealed = world.seal(vec![], vec![swap]);
    let paid: Vec<_> = sealed.effects.payouts.iter().map(|payout| (payout.asset, payout.amount.units(), payout.to)).collect();
    assert_eq!(paid, [(CASH, 450, public(20))]);
    assert_eq!([world.firms[0].has(bonds), world.firms[1].has(bonds), world.firms[1].has(cash)], [700, 300, 50]);
}
