//! The new epoch: governors decide that the zone is this producer's, and the chain says so before anything is fetched.

use super::RecoverZoneError;
use crate::config::Resolved;
use plinth_settlement::block::{Action, GovernedTransaction, Transaction};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::link::{LinkConfig, LinkEvent, RecoverConfig, ZoneLink, recover_each};
use plinth_types::id::{Height, ProducerEpoch, PublicKey, ZoneId};
use std::fmt;
use std::time::{Duration, Instant};

/// Longest wait for the decision to be ordered.
const DECIDED_WITHIN: Duration = Duration::from_secs(60);
/// How often the ledger is looked at meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Whose the zone is from now on.
pub(super) struct Fence {
    producer: PublicKey,
    before: PublicKey,
    pub(super) epoch: ProducerEpoch,
    height: Height,
}

/// Has the decision ordered, and `source` follow the chain at least to there.
pub(super) fn take_over(
    resolved: &Resolved,
    source: &mut RecoverConfig,
    governors: &[SecretKey],
) -> Result<Fence, RecoverZoneError> {
    // No body: only the ledger.
    let ledger = recover_each(&RecoverConfig { from: Height::new(u64::MAX), ..source.clone() }, |_| Ok::<_, RecoverZoneError>(()))?;
    let before = ledger.zone(source.zone).ok_or(RecoverZoneError::NoZone)?.producer();
    let (nonce, producer) = (ledger.decisions() + 1, resolved.producer.public_key());
    let action = Action::SetProducer { zone: source.zone, producer };
    let decision = Transaction::Governed(Box::new(GovernedTransaction::sign(nonce, action, resolved.chain, governors)));
    let link = ZoneLink::start(LinkConfig {
        producer: source.client.clone(),
        reader_key: resolved.reader_key.clone(),
        zone: source.zone,
        genesis: source.genesis.clone(),
        validators: source.validators.clone(),
        from: Height::new(u64::MAX),
    })?;
    link.bring(decision)?;
    let deadline = Instant::now() + DECIDED_WITHIN;
    loop {
        while let Ok(event) = link.events().try_recv() {
            if let LinkEvent::TransactionRefused { reason, .. } = event {
                return Err(RecoverZoneError::Refused { reason });
            }
        }
        if let Some(ledger) = link.ledger().filter(|ledger| ledger.decisions() >= nonce) {
            let zone = ledger.zone(ZoneId::TRADING).ok_or(RecoverZoneError::NoZone)?;
            if zone.producer() != producer {
                return Err(RecoverZoneError::Overtaken { producer: zone.producer() });
            }
            source.at_least = ledger.height();
            return Ok(Fence { producer, before, epoch: zone.epoch(), height: ledger.height() });
        }
        if Instant::now() > deadline {
            return Err(RecoverZoneError::NotDecided { seconds: DECIDED_WITHIN.as_secs() });
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { producer, before, epoch, height } = self;
        write!(f, "the zone's producer is {producer}, epoch {epoch}, by settlement block {height} at the latest")?;
        if before == producer {
            return write!(
                f,
                "\nWARNING: it had the same key before. Whoever else has that key can go on signing: make sure that nobody does"
            );
        }
        write!(f, "\nwhat {before} signs is refused from there on")
    }
}
