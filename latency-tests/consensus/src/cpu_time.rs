//! CPU time of the process: on a shared machine it says what the code costs.

use std::error::Error;
use std::time::Duration;

/// What the kernel counts in; the same on every Linux that programs see.
const TICKS_PER_SECOND: u64 = 100;
/// Fields of `/proc/self/stat` behind the program's name, which may hold spaces: user and system time are the 12th and 13th of them.
const USER_TIME: usize = 11;

/// CPU time that all threads of this process have used, to a hundredth of a second.
pub(crate) fn process() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name in it")?;
    let mut times = fields.split_whitespace().skip(USER_TIME).map(str::parse::<u64>);
    let (user, system) = (times.next().ok_or("no user time")??, times.next().ok_or("no system time")??);
    Ok(Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND))
}
