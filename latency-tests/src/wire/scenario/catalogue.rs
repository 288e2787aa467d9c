//! The scenarios that come with the harness: the files of `scenarios/`.

const FILES: [(&str, &str); 9] = [
    ("idle", include_str!("../../../scenarios/idle.toml")),
    ("constant", include_str!("../../../scenarios/constant.toml")),
    ("poisson", include_str!("../../../scenarios/poisson.toml")),
    ("burst", include_str!("../../../scenarios/burst.toml")),
    ("replayed", include_str!("../../../scenarios/replayed.toml")),
    ("cancel-heavy", include_str!("../../../scenarios/cancel-heavy.toml")),
    ("slow-consumer", include_str!("../../../scenarios/slow-consumer.toml")),
    ("snapshot", include_str!("../../../scenarios/snapshot.toml")),
    ("view-change", include_str!("../../../scenarios/view-change.toml")),
];

/// Their names.
pub(super) fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// The one of this name.
pub(super) fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
