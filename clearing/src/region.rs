//! The numbers of custody's state regions. They are part of the state root: a number is never given to another table.

use plinth_types::page::RegionId;

/// How many assets and accounts there are.
pub const CENSUS: RegionId = RegionId::new(1);
/// Assets, with their totals.
pub const ASSETS: RegionId = RegionId::new(2);
/// Accounts.
pub const ACCOUNTS: RegionId = RegionId::new(3);
/// Balances, by asset and then account: those that one book uses are neighbours.
pub const BALANCES: RegionId = RegionId::new(4);
