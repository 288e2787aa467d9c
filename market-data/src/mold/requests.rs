//! Whose requests are answered, and how many: nobody can make the server send more than its limits to anyone.

use crate::limits::{REQUEST_SOURCES_MAX, RETRANSMIT_BURST_SIZE_MAX, RETRANSMIT_BYTES_PER_S_MAX, RETRANSMIT_TOTAL_BYTES_PER_S_MAX};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The budgets of all who ask. Time is a duration since any fixed moment, never going back.
#[derive(Debug)]
pub struct Requests {
    /// Who is answered; nobody else.
    allowed: Vec<IpAddr>,
    total: Bucket,
    sources: BTreeMap<IpAddr, Bucket>,
    /// Requests that were not answered.
    dropped: u64,
}

/// Bytes that may be sent now, filling up with time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    bytes: u64,
    bytes_max: u64,
    bytes_per_s: u64,
    /// Up to when it was filled, in nanoseconds.
    filled_ns: u64,
}

impl Requests {
    /// Answers requests from these addresses; none means none.
    #[must_use]
    pub fn new(allowed: Vec<IpAddr>) -> Self {
        let total = Bucket::full(RETRANSMIT_TOTAL_BYTES_PER_S_MAX, RETRANSMIT_TOTAL_BYTES_PER_S_MAX);
        Self { allowed, total, sources: BTreeMap::new(), dropped: 0 }
    }

    /// Whether an address may be sent anything.
    #[must_use]
    pub fn is_allowed(&self, source: IpAddr) -> bool {
        self.allowed.contains(&source)
    }

    /// Pays for an answer of so many bytes. False if it must not be sent.
    pub fn pay(&mut self, source: IpAddr, size: usize, now: Duration) -> bool {
        let size = size as u64;
        let paid = self.is_allowed(source)
            && self.total.holds(size, now)
            && self.source(source, now).is_some_and(|own| own.take(size, now));
        if paid {
            self.total.take(size, now);
        } else {
            self.dropped += 1;
        }
        paid
    }

    /// Counts a request that was not worth a look.
    pub const fn drop_one(&mut self) {
        self.dropped += 1;
    }

    /// Requests that were not answered.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The budget of an address; `None` while too many others are using theirs.
    fn source(&mut self, source: IpAddr, now: Duration) -> Option<&mut Bucket> {
        if !self.sources.contains_key(&source) && self.sources.len() >= REQUEST_SOURCES_MAX {
            // A full budget is the same as none.
            self.sources.retain(|_, bucket| !bucket.is_full(now));
            if self.sources.len() >= REQUEST_SOURCES_MAX {
                return None;
            }
        }
        let new = || Bucket::full(RETRANSMIT_BURST_SIZE_MAX, RETRANSMIT_BYTES_PER_S_MAX);
        Some(self.sources.entry(source).or_insert_with(new))
    }
}

impl Bucket {
    const fn full(bytes_max: u64, bytes_per_s: u64) -> Self {
        Self { bytes: bytes_max, bytes_max, bytes_per_s, filled_ns: 0 }
    }

    fn holds(&mut self, size: u64, now: Duration) -> bool {
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let passed_ns = now_ns.saturating_sub(self.filled_ns);
        let earned = u128::from(passed_ns) * u128::from(self.bytes_per_s) / 1_000_000_000;
        // Time that is worth less than a byte is left for the next look.
        if earned > 0 {
            self.bytes = u64::try_from(u128::from(self.bytes) + earned).unwrap_or(u64::MAX).min(self.bytes_max);
            self.filled_ns = now_ns;
        }
        self.bytes >= size
    }

    fn take(&mut self, size: u64, now: Duration) -> bool {
        let holds = self.holds(size, now);
        if holds {
            self.bytes -= size;
        }
        holds
    }

    fn is_full(&mut self, now: Duration) -> bool {
        self.holds(self.bytes_max, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DATAGRAM_SIZE_MAX;
    use std::net::Ipv4Addr;

    const fn address(last: u16) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, (last >> 8) as u8, last as u8))
    }

    #[test]
    fn an_address_is_sent_its_burst_and_then_its_rate() {
        let mut requests = Requests::new(vec![address(1)]);
        let mut sent_in = |from_ms: u64, to_ms: u64| {
            (from_ms..to_ms).fold(0, |sent, ms| {
                // A flood: more requests each millisecond than anything pays for.
                let now = Duration::from_millis(ms);
                sent + (0..100).filter(|_| requests.pay(address(1), DATAGRAM_SIZE_MAX, now)).count() * DATAGRAM_SIZE_MAX
            }) as u64
        };
        let first = sent_in(0, 1_000);
        assert!(first <= RETRANSMIT_BURST_SIZE_MAX + RETRANSMIT_BYTES_PER_S_MAX, "{first}");
        let second = sent_in(1_000, 2_000);
        assert!(
            second <= RETRANSMIT_BYTES_PER_S_MAX + DATAGRAM_SIZE_MAX as u64 && second > RETRANSMIT_BYTES_PER_S_MAX / 2,
            "{second}"
        );
    }

    #[test]
    fn who_is_not_named_gets_nothing_and_all_together_get_no_more_than_the_total() {
        let named: Vec<IpAddr> = (0..1_000).map(address).collect();
        let mut requests = Requests::new(named.clone());
        assert!(!requests.pay(address(2_000), 1, Duration::ZERO));
        let mut sent = 0;
        for source in named.iter().cycle().take(100_000) {
            sent += if requests.pay(*source, DATAGRAM_SIZE_MAX, Duration::ZERO) { DATAGRAM_SIZE_MAX as u64 } else { 0 };
        }
        assert!(sent <= RETRANSMIT_TOTAL_BYTES_PER_S_MAX, "{sent}");
        assert!(requests.sources.len() <= REQUEST_SOURCES_MAX);
        // Who has rested makes room for others.
        assert!(requests.pay(address(999), DATAGRAM_SIZE_MAX, Duration::from_secs(10)));
        assert!(requests.dropped() > 0);
    }
}
