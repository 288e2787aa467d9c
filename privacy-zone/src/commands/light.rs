//! What validators prove, by `plinth-light`: a process of its own, so that the one that holds a wallet's keys has no consensus, no QUIC and no
//! runtime in it. Its exit code says whether certificate and proof hold, its JSON what of (`docs/validators.md`).

use super::Outcome;
use super::wallet::Place;
use plinth_privacy_zone::config::digits;
use plinth_privacy_zone::limits::LIGHT_ANSWER_SIZE_MAX;
use plinth_privacy_zone::settled::Settled;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use serde::Deserialize;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Whom to believe instead of the zone.
#[derive(Debug, clap::Args)]
pub(crate) struct Light {
    /// Believe no zone: check its blocks against what this validator proves. With several, the next one is asked when one fails
    #[arg(long = "validator", value_name = "KEY@ADDRESS", requires_all = ["zone_id", "light_key"])]
    validators: Vec<String>,
    /// The zone's number on the base layer
    #[arg(long, value_name = "NUMBER", requires = "validators")]
    zone_id: Option<u16>,
    /// This client's key towards validators, which let it in: a file of 64 hexadecimal digits
    #[arg(long, value_name = "FILE", requires = "validators")]
    light_key: Option<PathBuf>,
    /// The base layer's genesis
    #[arg(long, value_name = "FILE", requires = "validators", conflicts_with = "group_key")]
    genesis: Option<PathBuf>,
    /// Instead of a genesis: the key of a group that signs checkpoints
    #[arg(long, value_name = "KEY", requires_all = ["validators", "chain"])]
    group_key: Option<String>,
    /// The chain that --group-key is of
    #[arg(long, value_name = "NUMBER", requires = "group_key")]
    chain: Option<u64>,
    /// The program that asks; without it, the plinth-light beside this one
    #[arg(long, value_name = "PROGRAM", requires = "validators")]
    light: Option<PathBuf>,
}

/// What is read of the program's answer.
#[derive(Deserialize)]
struct Shown {
    value: Option<ZoneShown>,
}

#[derive(Deserialize)]
struct ZoneShown {
    zone: u16,
    settled: BlockShown,
}

#[derive(Deserialize)]
struct BlockShown {
    height: u64,
    id: String,
    post_root: String,
}

impl Light {
    /// What has settled of the zone; none if no validator was named.
    pub(crate) fn settled(&self, place: &Place) -> Outcome<Option<Settled>> {
        let (Some(zone), Some(key)) = (self.zone_id, &self.light_key) else { return Ok(None) };
        let program = match &self.light {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("plinth-light"),
        };
        let mut command = Command::new(&program);
        command.arg("--key-file").arg(key).arg("--checkpoint").arg(place.seen());
        match (&self.genesis, &self.group_key, self.chain) {
            (Some(genesis), None, None) => command.arg("--genesis").arg(genesis),
            (None, Some(key), Some(chain)) => command.arg("--group-key").arg(key).arg("--chain").arg(chain.to_string()),
            _ => return Err("--validator: either --genesis, or --group-key with --chain".into()),
        };
        for validator in &self.validators {
            command.arg("--validator").arg(validator);
        }
        command.arg("zone").arg(zone.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut asked = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut answer = Vec::new();
        if let Some(said) = asked.stdout.take() {
            said.take(LIGHT_ANSWER_SIZE_MAX).read_to_end(&mut answer)?;
        }
        if !asked.wait()?.success() {
            return Err("no validator proves where the zone stands; nothing of the zone is believed".into());
        }
        read(&answer, zone).map(Some)
    }
}

fn read(answer: &[u8], zone: u16) -> Outcome<Settled> {
    let shown: Shown = serde_json::from_slice(answer).map_err(|error| format!("plinth-light answers otherwise: {error}"))?;
    let shown = shown.value.filter(|shown| shown.zone == zone).ok_or_else(|| format!("the base layer has no zone {zone}"))?;
    let digest = |text: &str| digits(text).map(Digest).ok_or("plinth-light answers otherwise: no digest");
    let BlockShown { height, id, post_root } = shown.settled;
    Ok(Settled { zone: ZoneId::new(zone), height: Height::new(height), id: digest(&id)?, post_root: digest(&post_root)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fact_of_this_zone_is_refused() {
        let (id, root) = ("ab".repeat(32), "cd".repeat(32));
        let answer = |zone: u16, id: &str| {
            format!(
                "{{\"present\":true,\"value\":{{\"zone\":{zone},\"settled\":{{\"height\":9,\"id\":\"{id}\",\"post_root\":\"{root}\"}}}}}}"
            )
        };
        let settled = read(answer(4, &id).as_bytes(), 4).expect("a fact");
        assert_eq!(
            settled,
            Settled { zone: ZoneId::new(4), height: Height::new(9), id: Digest([0xab; 32]), post_root: Digest([0xcd; 32]) }
        );
        for wrong in [&answer(5, &id), &answer(4, &id[2..]), "{\"present\":false,\"value\":null}", "{}", ""] {
            assert!(read(wrong.as_bytes(), 4).is_err(), "{wrong}");
        }
    }
}
