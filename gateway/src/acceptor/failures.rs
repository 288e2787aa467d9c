//! Failed logons by address: a guess costs us an argon2, so who guesses wrong often is not heard for a while.

use crate::clock::{MonoNs, Now};
use crate::limits::{FAILED_LOGON_INTERVAL_NS, FAILED_LOGONS_BURST, FAILURES_KEPT_MAX};
use std::collections::HashMap;
use std::net::IpAddr;

/// A generic cell rate for each address: the instant at which its failures are forgiven.
#[derive(Debug, Default)]
pub(super) struct FailedLogons {
    forgiven_at: HashMap<IpAddr, MonoNs>,
}

impl FailedLogons {
    /// Whether an address has failed too often.
    pub(super) fn is_barred(&self, address: IpAddr, now: Now) -> bool {
        let ahead_ns = self.forgiven_at.get(&address).map_or(0, |at| at.since_ns(now.mono));
        ahead_ns > (FAILED_LOGONS_BURST - 1) * FAILED_LOGON_INTERVAL_NS
    }

    /// A logon from there has failed.
    pub(super) fn count(&mut self, address: IpAddr, now: Now) {
        if self.forgiven_at.len() >= FAILURES_KEPT_MAX && !self.forgiven_at.contains_key(&address) {
            self.forgiven_at.retain(|_, at| *at > now.mono);
            if self.forgiven_at.len() >= FAILURES_KEPT_MAX
                && let Some(soonest) = self.forgiven_at.iter().min_by_key(|(_, at)| **at).map(|(address, _)| *address)
            {
                self.forgiven_at.remove(&soonest);
            }
        }
        let at = self.forgiven_at.entry(address).or_insert(now.mono);
        *at = (*at).max(now.mono).after_ns(FAILED_LOGON_INTERVAL_NS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SECOND_NS;
    use plinth_types::id::TimestampNs;
    use std::net::Ipv4Addr;

    fn at(second: u64) -> Now {
        Now { mono: MonoNs::new(second * SECOND_NS), utc: TimestampNs::new(0) }
    }

    #[test]
    fn ten_failures_pass_and_then_ten_a_minute() {
        let (mut failures, address) = (FailedLogons::default(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        for _ in 0..FAILED_LOGONS_BURST {
            assert!(!failures.is_barred(address, at(1)));
            failures.count(address, at(1));
        }
        assert!(failures.is_barred(address, at(1)) && failures.is_barred(address, at(6)));
        assert!(!failures.is_barred(address, at(7)), "one is forgiven after six seconds");
        assert!(!failures.is_barred(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), at(1)), "others are not concerned");
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_fail() {
        let mut failures = FailedLogons::default();
        for index in 0..6_000_u32 {
            failures.count(IpAddr::V4(index.into()), at(1));
        }
        assert!(failures.forgiven_at.len() <= FAILURES_KEPT_MAX);
    }
}
