//! Leaves, roots, and what is published of them.

use super::*;

fn registration(n: u64) -> Registration {
    Registration {
        owner: Owner(Word::from_u64(n)),
        audit_key: AuditKey(Word::from_u64(n + 100)),
        expires: Day(20_000),
        jurisdiction: Jurisdiction::new(3).expect("below the bound"),
    }
}

#[test]
fn a_membership_leads_to_the_root_until_it_is_removed() {
    let mut registry = Registry::default();
    for n in 1..6 {
        registry.add(registration(n)).expect("room");
    }
    let owner = |n| Owner(Word::from_u64(n));
    let paying = |registry: &Registry, n| registry.paying(owner(n), registration(n).audit_key);
    assert_eq!(registry.add(registration(2)), Err(RegistryError::Registered));
    let third = [registry.receiving(owner(3)), paying(&registry, 3)].map(|leaf| leaf.expect("registered"));
    assert_eq!(third.each_ref().map(Membership::root), [registry.root(); 2]);
    assert_eq!(registry.paying(owner(3), registration(4).audit_key), None, "another's audit key");
    registry.remove(owner(3)).expect("registered");
    third.iter().for_each(|leaf| assert_ne!(leaf.root(), registry.root()));
    assert_eq!((registry.receiving(owner(3)), paying(&registry, 3)), (None, None));
    assert_eq!(registry.remove(owner(3)), Err(RegistryError::Unknown));
    let fifth = paying(&registry, 5).expect("registered");
    assert_eq!(fifth.root(), registry.root());
}

#[test]
fn what_is_published_has_the_same_root_and_no_audit_key() {
    let mut registry = Registry::default();
    (1..6).for_each(|n| registry.add(registration(n)).expect("room"));
    registry.remove(Owner(Word::from_u64(2))).expect("registered");
    let published = registry.to_bytes();
    for n in 1..6 {
        let key = registration(n).audit_key.expose().canonical();
        assert!(!published.windows(32).any(|bytes| bytes == key));
    }
    let mut read = Registry::decode(&published).expect("canonical");
    assert_eq!(read.root(), registry.root());
    assert!(read.paying(Owner(Word::from_u64(4)), registration(4).audit_key).is_some());
    for registry in [&mut read, &mut registry] {
        registry.add(registration(9)).expect("room");
    }
    assert_eq!(read.root(), registry.root(), "both go on at the same place");
}
