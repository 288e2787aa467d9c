//! The acceptance definitions of QuickFIX: where they are, which session each needs, how they are counted.

use super::Echo;
use plinth_gateway::acceptor::Acceptor;
use plinth_gateway::codec::Version;
use plinth_gateway::session::{Credential, ResetPolicy, SessionConfig};
use plinth_types::id::SessionId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One script.
pub struct Definition {
    pub version: Version,
    pub name: String,
    pub script: Vec<u8>,
}

/// Folders of the fixtures.
const FOLDERS: [(&str, Version); 8] = [
    ("fix40", Version::Fix40),
    ("fix41", Version::Fix41),
    ("fix42", Version::Fix42),
    ("fix43", Version::Fix43),
    ("fix44", Version::Fix44),
    ("fix50", Version::Fix50),
    ("fix50sp1", Version::Fix50Sp1),
    ("fix50sp2", Version::Fix50Sp2),
];

impl Definition {
    /// The session that the script logs on to: the first logon names it.
    pub fn session(&self) -> SessionConfig {
        let comp_id = self
            .script
            .split(|&byte| byte == b'\n')
            .filter(|line| line.starts_with(b"I"))
            .flat_map(|line| line.split(|&byte| byte == 1))
            .find_map(|field| field.strip_prefix(b"49=TW").map(|rest| format!("TW{}", String::from_utf8_lossy(rest))))
            .unwrap_or_else(|| "TW".to_owned());
        session(1, &comp_id, self.version)
    }
}

/// A session that everybody may log on to, as QuickFIX's own acceptance server has it.
pub fn session(id: u16, comp_id: &str, version: Version) -> SessionConfig {
    SessionConfig { version, ..SessionConfig::new(SessionId::new(id), comp_id, Credential::None, ResetPolicy::EveryLogon) }
}

pub fn acceptor(sessions: Vec<SessionConfig>) -> Acceptor<Echo> {
    Acceptor::new("ISLD", sessions, Echo::default()).unwrap()
}

/// All scripts, or `None` where there are none.
pub fn all() -> Option<Vec<Definition>> {
    let root = std::env::var_os("PLINTH_FIXTURES").map_or_else(|| PathBuf::from("../../shared/fixtures"), PathBuf::from);
    let root = root.join("fix-acceptance");
    let definitions: Vec<Definition> = FOLDERS.iter().flat_map(|&(folder, version)| scripts(&root.join(folder), version)).collect();
    if definitions.is_empty() {
        println!("skipped: no definitions under {}", root.display());
        return None;
    }
    Some(definitions)
}

fn scripts(folder: &Path, version: Version) -> Vec<Definition> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "def"));
    paths.sort();
    let read = |path: PathBuf| Definition {
        version,
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        script: std::fs::read(&path).unwrap(),
    };
    paths.into_iter().map(read).collect()
}

/// Runs each and prints how many pass, by version.
pub fn judge(definitions: &[Definition], run: impl Fn(&Definition) -> Result<(), String>) {
    let mut counts: BTreeMap<Version, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for definition in definitions {
        let count = counts.entry(definition.version).or_default();
        count.1 += 1;
        match run(definition) {
            Ok(()) => count.0 += 1,
            Err(why) => failures.push(format!("{} {}: {why}", definition.version.name(), definition.name)),
        }
    }
    for (version, (passed, all)) in &counts {
        println!("{}: {passed} of {all} definitions pass", version.name());
    }
    let passed: usize = counts.values().map(|(passed, _)| passed).sum();
    println!("{passed} of {} definitions pass", definitions.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
