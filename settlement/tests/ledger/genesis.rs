//! Genesis: what is refused, and that the error names the entry.

use super::world::*;
use plinth_settlement::genesis::{Draft, Genesis, GenesisBalance, GenesisError, GenesisTextError, ZoneMode};
use plinth_types::id::{AssetId, PublicKey, TimestampNs, ZoneId};
use plinth_types::reference::Name;

#[track_caller]
fn refused(change: impl FnOnce(&mut Draft), expected: &str) {
    let mut draft = draft();
    change(&mut draft);
    let error = draft.build().unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_draft_with_one_wrong_entry_is_refused_by_its_name() {
    refused(|draft| draft.validators.truncate(3), "3 validators");
    refused(|draft| draft.validators[3] = draft.validators[0], "is listed twice");
    refused(|draft| draft.validators[2] = PublicKey([2; 32]), "validators[2]: 0202");
    refused(|draft| draft.limits.block_size_max = 1, "limits.block_size_max is 1");
    refused(|draft| draft.limits.block_transactions_max = 0, "limits.block_transactions_max is 0");
    refused(|draft| draft.limits.inbox_pending_max = u32::MAX, "limits.inbox_pending_max is 4294967295");
    refused(|draft| draft.limits.epoch_blocks = 1, "limits.epoch_blocks is 1");
    refused(|draft| draft.governance.approvals_min = 4, "4 of 3 governors must approve");
    refused(|draft| draft.governance.approvals_min = 0, "0 of 3 governors must approve");
    refused(|draft| draft.governance.governors.clear(), "2 of 0 governors must approve");
    refused(|draft| draft.governance.governors.swap(0, 1), "governance.governors[1] is not in ascending order");
    refused(|draft| draft.zones[0].id = ZoneId::BASE, "zones[0] \"trading\": 0 is the base layer");
    refused(|draft| draft.zones.swap(0, 1), "zones[1] \"trading\": id 1 does not come behind 2");
    refused(|draft| draft.zones[1].id = TRADING, "zones[1] \"privacy\": id 1");
    refused(|draft| draft.zones[1].name = draft.zones[0].name, "zone \"trading\" is listed twice");
    refused(|draft| draft.zones[1].producer = PublicKey([2; 32]), "zones[1] \"privacy\" producer: 0202");
    refused(|draft| draft.zones[0].mode = ZoneMode::Attested { delay_blocks: 1 << 20 }, "zones[0] \"trading\": a delay of 1048576");
    refused(|draft| draft.assets[1].asset.id = AssetId::new(5), "assets[1] \"USD\": its id is 5");
    refused(|draft| draft.assets[1].asset.name = Name::new("BTC").unwrap(), "asset \"BTC\" is listed twice");
    refused(|draft| draft.assets[0].asset.decimals = 37, "assets[0] \"BTC\": 37 decimals");
    refused(|draft| draft.assets[0].issuer = PublicKey([2; 32]), "assets[0] \"BTC\" issuer: 0202");
    refused(|draft| draft.assets[0].issued.swap(0, 1), "is not in ascending order");
    refused(|draft| draft.assets[0].issued[0].amount = amount(0), "is issued nothing");
    refused(|draft| draft.assets[0].issued[0].amount = amount(1 << 120), "more is issued than an amount can hold");
    refused(|draft| draft.zones = vec![draft.zones[0].clone(); 17], "17 zones, at most 16");
}

#[test]
fn an_owner_who_is_issued_an_asset_twice_is_refused() {
    let mut draft = draft();
    let GenesisBalance { owner, .. } = draft.assets[0].issued[0];
    draft.assets[0].issued[1].owner = owner;
    assert!(matches!(draft.build(), Err(GenesisError::OwnerOrder { index: 0, owner: refused, .. }) if refused == owner));
}

#[test]
fn the_order_of_validators_says_nothing() {
    let mut reversed = draft();
    reversed.validators.reverse();
    assert_eq!(reversed.build().unwrap().digest(), genesis().digest());
    let later = Draft { time: TimestampNs::new(1_001), ..draft() };
    assert_ne!(later.build().unwrap().digest(), genesis().digest());
}

#[test]
fn the_text_form_is_read_back() {
    let text = genesis().to_text();
    assert_eq!(Genesis::from_text(&text).as_ref(), Ok(&*genesis()));
}

#[test]
fn a_text_that_is_wrong_is_refused_with_line_and_column_or_by_its_entry() {
    let text = genesis().to_text();
    let refused = |from: &str, to: &str, expected: &str| {
        assert!(text.contains(from), "{from}");
        let error = Genesis::from_text(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    };
    refused("chain = 7", "chain = 7\nport = 3", "line 2, column 1");
    refused("chain = 7", "chain = 7\nport = 3", "unknown field `port`");
    refused("epoch = 1", "epoch = 1\nepock = 2", "unknown field `epock`");
    refused("delay_blocks = 2", "delay_blocks = 2\nauditors = 3", "auditors, available keys: delay_blocks");
    refused("chain = 7", "chain = -7", "line 1, column 9");
    refused("name = \"trading\"", "name = \"trading zone\"", "zones[0] \"trading zone\": \"trading zone\" is no name");
    refused("amount = \"500\"", "amount = \"5e2\"", "assets[0] \"BTC\" issued[");
    refused("amount = \"500\"", "amount = \"+500\"", "is no amount");
    let key = owner(0).public_key().to_string();
    refused(&key, &key[..63], "a key has 64 hexadecimal digits, not 63");
    let key = validator(0).public_key().to_string();
    refused(&key, &validator(1).public_key().to_string(), "is listed twice");
    assert!(matches!(Genesis::from_text(&" ".repeat((16 << 20) + 1)), Err(GenesisTextError::Size { .. })));
}
