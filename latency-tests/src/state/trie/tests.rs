use super::*;
use crate::state::work::mixed;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A trie in a folder, if the library is there.
fn open(folder: &tempfile::TempDir, name: &str) -> Option<Trie> {
    match Rocks::open(&folder.path().join(name)) {
        Ok(rocks) => Some(Trie::new(rocks)),
        Err(RocksError::Missing(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Paths that share long beginnings, so that every kind of split happens.
fn updates() -> Vec<(Vec<u8>, Vec<u8>)> {
    let path = |index: u64| (0..8).map(|nibble| (mixed(index * 8 + nibble) % 2) as u8 * 5).collect();
    (0..120).map(|index| (path(index), mixed(index).to_le_bytes().repeat(4))).collect()
}

fn write(trie: &mut Trie, updates: &[(Vec<u8>, Vec<u8>)]) -> Hash {
    trie.update_paths(updates.iter().map(|(path, value)| (path.clone(), value.as_slice())).collect()).unwrap()
}

#[test]
fn the_root_is_of_the_values_whatever_the_order_and_the_batches() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut one) = open(&folder, "one") else { return };
    let model: BTreeMap<Vec<u8>, Vec<u8>> = updates().into_iter().collect();
    let all: Vec<_> = model.clone().into_iter().collect();
    let root = write(&mut one, &all);
    let mut many = open(&folder, "many").unwrap();
    let mut last = Hash::default();
    for update in updates() {
        last = write(&mut many, &[update]);
    }
    assert_eq!(last, root);
    for (path, value) in &model {
        assert_eq!(many.get_path(path).unwrap().as_ref(), Some(value));
    }
    assert_eq!(many.get_path(&[3; 8]).unwrap(), None);
    let changed = write(&mut many, &[(all[7].0.clone(), vec![7; 32])]);
    assert_ne!(changed, root);
    assert_eq!(write(&mut many, &all[7..8]), root);
}

/// A key and its value as text.
type Named<'a> = (&'a str, &'a str);

/// From `trieanyorder_secureTrie.json` of Ethereum's tests.
#[test]
fn roots_are_those_of_ethereum() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a".repeat(50);
    let cases: [(&str, &[Named<'_>], &str); 3] = [
        ("one", &[("A", &long)], "e9e2935138352776cad724d31c9fa5266a5c593bb97726dd2a908fe6d53284df"),
        (
            "three",
            &[("doe", "reindeer"), ("dog", "puppy"), ("dogglesworth", "cat")],
            "d4cd937e4a4368d7931a9cf51686b7e10abb3dce38a39000fd7902a092b64585",
        ),
        (
            "four",
            &[("do", "verb"), ("horse", "stallion"), ("doge", "coin"), ("dog", "puppy")],
            "29b235a58c3c25ab83010c327d5932bcf05324b7d6b1185e650798034783ca9d",
        ),
    ];
    for (name, facts, expected) in cases {
        let Some(mut trie) = open(&folder, name) else { return };
        let pair =
            |&(key, value): &(&str, &str)| (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        let facts: Vec<Pair> = facts.iter().map(pair).collect();
        let mut root = Hash::default();
        for fact in &facts {
            root = trie.update(std::slice::from_ref(fact)).unwrap();
        }
        assert_eq!(root.map(|byte| format!("{byte:02x}")).concat(), expected, "{name}");
        assert_eq!(trie.update(&facts).unwrap(), root, "{name}, all again");
        for (key, value) in &facts {
            assert_eq!(trie.get(key).unwrap().as_deref(), Some(value.as_ref()));
        }
    }
}
