//! One proof of a client at a time, and a pause behind each that was not worth its cost.

use crate::limits::{PROOF_REFUSED_PAUSE_FACTOR, PROOF_REFUSED_PAUSE_MIN};
use commonware_cryptography::ed25519::PublicKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The clients' seats. Whoever may come at all is on a list, so this is bounded.
#[derive(Debug, Default)]
pub(super) struct Seats(BTreeMap<PublicKey, Client>);

#[derive(Debug)]
struct Client {
    seat: Arc<Semaphore>,
    paused_until: Option<Instant>,
}

/// A client's leave to have a proof read and looked at, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(#[allow(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Seats {
    /// `None` while the client has a seat, or has to wait.
    pub(super) fn take(&mut self, client: &PublicKey, now: Instant) -> Option<Seat> {
        let new = || Client { seat: Arc::new(Semaphore::new(1)), paused_until: None };
        let Client { seat, paused_until } = self.0.entry(client.clone()).or_insert_with(new);
        if paused_until.is_some_and(|until| now < until) {
            return None;
        }
        Arc::clone(seat).try_acquire_owned().ok().map(Seat)
    }

    /// What took from `begun` to `now` was in vain: the client waits some times as long.
    pub(super) fn charge(&mut self, client: &PublicKey, begun: Instant, now: Instant) {
        if let Some(client) = self.0.get_mut(client) {
            let pause = (now.saturating_duration_since(begun) * PROOF_REFUSED_PAUSE_FACTOR).max(PROOF_REFUSED_PAUSE_MIN);
            client.paused_until = Some(now + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_settlement::keys::{SecretKey, to_consensus};
    use std::time::Duration;

    fn client(byte: u8) -> PublicKey {
        to_consensus(&SecretKey::from_seed([byte; 32]).public_key()).unwrap()
    }

    #[test]
    fn a_client_has_one_seat_and_waits_nine_times_what_a_bad_proof_took() {
        let (mut seats, start) = (Seats::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let seat = seats.take(&client(1), start).unwrap();
        assert!(seats.take(&client(1), start).is_none(), "one at a time");
        assert!(seats.take(&client(2), start).is_some(), "of each client");
        seats.charge(&client(1), start, at(200));
        drop(seat);
        assert!(seats.take(&client(1), at(200 + 9 * 200 - 1)).is_none());
        assert!(seats.take(&client(2), at(200)).is_some(), "others do not wait");
        assert!(seats.take(&client(1), at(200 + 9 * 200)).is_some());
        seats.charge(&client(1), at(5_000), at(5_000));
        assert!(seats.take(&client(1), at(5_000) + PROOF_REFUSED_PAUSE_MIN - Duration::from_nanos(1)).is_none(), "a free one too");
        assert!(seats.take(&client(1), at(5_000) + PROOF_REFUSED_PAUSE_MIN).is_some());
    }
}
