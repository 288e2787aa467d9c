//! Governors list assets: what is refused, and that a listed one lives as those of the genesis do.

use super::world::*;
use plinth_settlement::block::{Action, Transaction};
use plinth_settlement::genesis::{AssetCap, DECIMALS_MAX};
use plinth_settlement::ledger::facts::{Fact, FactKey, FactsError};
use plinth_settlement::ledger::{BlockError, Listing, State, TransactionError};
use plinth_types::id::{AssetId, PublicKey};
use plinth_types::owner::Act;
use plinth_types::quantity::Amount;
use plinth_types::reference::{Asset, Name};

const BOND: AssetId = AssetId::new(2);

fn listing(id: u16, name: &str) -> Listing {
    let asset = Asset { id: AssetId::new(id), name: Name::new(name).unwrap(), decimals: 3 };
    Listing { asset, issuer: key(0x41).public_key() }
}

fn list(state: &State, listing: Listing) -> Transaction {
    decide(state.decisions() + 1, Action::ListAsset { listing })
}

#[track_caller]
fn refused(state: &State, listing: Listing, error: TransactionError) {
    assert_eq!(check(state, vec![list(state, listing)]), Err(BlockError::Transaction { index: 0, error }));
}

#[test]
fn numbers_and_names_are_used_once_and_in_order() {
    let mut state = state();
    let bond = listing(2, "BOND");
    for id in [0, 1, 3] {
        refused(&state, listing(id, "BOND"), TransactionError::AssetNumber { asset: AssetId::new(id), expected: 2 });
    }
    let known = state.listing(USD).unwrap().asset.name;
    refused(&state, listing(2, known.as_str()), TransactionError::AssetName { name: known, asset: USD });
    let fine = Asset { decimals: DECIMALS_MAX + 1, ..bond.asset };
    refused(&state, Listing { asset: fine, ..bond }, TransactionError::AssetDecimals { name: fine.name, decimals: fine.decimals });
    let no_key = PublicKey([2; 32]);
    refused(&state, Listing { issuer: no_key, ..bond }, TransactionError::NotAKey { key: no_key });

    let first = list(&state, bond);
    advance(&mut state, vec![first]);
    refused(&state, listing(2, "NOTE"), TransactionError::AssetNumber { asset: BOND, expected: 3 });
    refused(&state, listing(3, "BOND"), TransactionError::AssetName { name: bond.asset.name, asset: BOND });
    let second = list(&state, listing(3, "NOTE"));
    advance(&mut state, vec![second]);
    assert_eq!((state.assets_count(), state.listings().count()), (4, 4));
    assert_eq!(state.listings().map(|listing| listing.asset.id.get()).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_listed_asset_is_issued_moved_and_shown_as_one_of_the_genesis() {
    let mut state = state();
    let issuer = key(0x41);
    let issue = |nonce| instruct_with(&issuer, nonce, Act::Issue { to: owner(5).public_key(), asset: BOND, amount: amount(70) });
    let unknown = TransactionError::UnknownAsset { asset: BOND };
    assert_eq!(check(&state, vec![issue(1)]), Err(BlockError::Transaction { index: 0, error: unknown }));
    let digest = state.digest();
    // Listed, capped and issued in one block: transactions see what those before them did.
    let bond = listing(2, "BOND");
    let cap = decide(state.decisions() + 2, Action::SetCap { zone: TRADING, cap: AssetCap { asset: BOND, per_hour: amount(5) } });
    let listed = list(&state, bond);
    advance(&mut state, vec![listed, cap, issue(1)]);
    assert_ne!(state.digest(), digest);
    assert_eq!((state.listing(BOND), state.issued(BOND)), (Some(bond), Some(amount(70))));
    assert_eq!(state.fact(&FactKey::Listing(BOND)), Some(Fact::Listing(bond)));
    assert_eq!(state.fact(&FactKey::Listing(USD)), None, "the genesis says it");
    assert!(state.is_issuer(&issuer.public_key()));

    advance(&mut state, vec![Transaction::Deposit(deposit(5, 1, TRADING, BOND, 30))]);
    let statement = state.conservation(BOND).unwrap();
    assert_eq!((statement.issued, statement.base, statement.in_flight), (amount(70), amount(40), amount(30)));
    let not = TransactionError::NotTheIssuer { owner: owner(0).public_key(), asset: BOND };
    let foreign = instruct(0, 1, Act::Issue { to: owner(0).public_key(), asset: BOND, amount: amount(1) });
    assert_eq!(check(&state, vec![foreign]), Err(BlockError::Transaction { index: 0, error: not }));
}

#[test]
fn facts_without_a_listing_are_no_state() {
    let mut state = state();
    for (id, name) in [(2, "BOND"), (3, "NOTE")] {
        let listed = list(&state, listing(id, name));
        advance(&mut state, vec![listed]);
    }
    let without = |key: FactKey| State::from_facts(state.rules().clone(), state.facts().filter(|(known, _)| *known != key));
    assert_eq!(without(FactKey::Listing(BOND)).unwrap_err(), FactsError::Listings { expected: 2 });
    assert_eq!(without(FactKey::Asset(BOND)).unwrap_err(), FactsError::Missing { key: FactKey::Asset(BOND) });
    assert_eq!(state.issued(BOND), Some(Amount::ZERO));
}
