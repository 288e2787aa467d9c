//! The groups that sign checkpoints, from their files.

use super::{CheckpointConfig, CheckpointGroup, CheckpointText, ConfigError, NextText, read};
use plinth_settlement::checkpoint::{Polynomial, Share};
use plinth_settlement::committee::Committee;
use plinth_settlement::genesis::Genesis;
use plinth_settlement::keys::parse_public_key;
use plinth_types::id::{Height, PublicKey};
use std::path::Path;

/// Reads the groups that a configuration at `path` names, and checks that they follow each other and that the shares are this validator's.
pub(super) fn read_all(
    path: &Path,
    text: CheckpointText,
    genesis: &Genesis,
    key: &PublicKey,
) -> Result<CheckpointConfig, ConfigError> {
    let CheckpointText { group_file, share_file, every_blocks, next } = text;
    let first = (Height::new(0), genesis.committee().clone());
    let mut groups = vec![read_one(path, first, &group_file, share_file.as_deref(), key)?];
    for (index, NextText { first_height, group_file, share_file, validators }) in next.into_iter().enumerate() {
        let wrong = |error: String| ConfigError::Group { path: path.into(), error: format!("checkpoints.next[{index}]: {error}") };
        let last = groups.last().map_or(0, |group| group.first.get());
        if first_height <= last {
            return Err(wrong(format!("first_height = {first_height}, the group before signs from {last} on")));
        }
        let keys = validators.iter().map(|text| parse_public_key(text)).collect::<Result<Vec<_>, _>>();
        let members = Committee::new(keys.map_err(|error| wrong(error.to_string()))?);
        let members = members.ok_or_else(|| wrong("no committee: a key twice, too few or too many".to_owned()))?;
        groups.push(read_one(path, (Height::new(first_height), members), &group_file, share_file.as_deref(), key)?);
    }
    Ok(CheckpointConfig { groups, every: every_blocks })
}

fn read_one(
    path: &Path,
    (first, members): (Height, Committee),
    group_file: &Path,
    share_file: Option<&Path>,
    key: &PublicKey,
) -> Result<CheckpointGroup, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let wrong = |path: &Path, error: String| ConfigError::Group { path: path.into(), error };
    let group_path = folder.join(group_file);
    let polynomial = Polynomial::from_text(read(&group_path)?.trim()).map_err(|error| wrong(&group_path, error.to_string()))?;
    if !polynomial.fits(members.count()) {
        let (total, count) = (polynomial.total(), members.count().get());
        return Err(wrong(&group_path, format!("a group of {total}, there are {count} validators")));
    }
    let Some(share_file) = share_file else { return Ok(CheckpointGroup { first, polynomial, share: None, members }) };
    let share_path = folder.join(share_file);
    let share = Share::from_text(read(&share_path)?.trim()).map_err(|error| wrong(&share_path, error.to_string()))?;
    if !polynomial.holds(&share) || members.keys().get(share.signer()) != Some(key) {
        let error = format!("the share of validator {}, not this one's of this group", share.signer());
        return Err(wrong(&share_path, error));
    }
    Ok(CheckpointGroup { first, polynomial, share: Some(share), members })
}
