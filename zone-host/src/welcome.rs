//! Whether a zone process is the one that belongs here, and what it is told first.

use crate::HostConfig;
use plinth_settlement::ledger::{State, Zone, ZoneStatus};
use plinth_types::digest::Digest;
use plinth_zone_protocol::{Hello, Refusal, Welcome};

/// What can be seen without a ledger.
pub(crate) fn check_hello(config: &HostConfig, hello: &Hello) -> Result<(), Refusal> {
    if hello.chain != config.genesis.chain() {
        return Err(Refusal::OtherChain(config.genesis.chain()));
    }
    if hello.zone != config.zone {
        return Err(Refusal::OtherZone(config.zone));
    }
    let genesis = config.genesis.digest();
    if hello.genesis != Digest::ZERO && hello.genesis != genesis {
        return Err(Refusal::OtherGenesis(genesis));
    }
    Ok(())
}

/// Whether the zone is this key's, and its files are what settlement has.
pub(crate) fn check_ledger(config: &HostConfig, hello: &Hello, ledger: &State) -> Result<(), Refusal> {
    let Some(zone) = ledger.zone(config.zone) else { return Err(Refusal::OtherZone(config.zone)) };
    let (producer, epoch) = (zone.producer(), zone.epoch());
    if epoch >= hello.epoch && producer != config.key.public_key() {
        return Err(Refusal::NotProducer { producer, epoch });
    }
    let (ordered, last) = (zone.height(), hello.height);
    if ordered > last {
        return Err(Refusal::FilesBehind { ordered, last });
    }
    match zone.unsettled_at(last).map(|known| known.block.body.hash) {
        Some(body_hash) if body_hash != hello.body_hash => Err(Refusal::OtherHistory { height: last, body_hash }),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn welcome(config: &HostConfig, ledger: &State, zone: &Zone) -> Welcome {
    Welcome {
        chain: config.genesis.chain(),
        zone: config.zone,
        genesis: config.genesis.digest(),
        genesis_time: config.genesis.time(),
        producer: zone.producer(),
        epoch: zone.epoch(),
        guest_image: zone.mode().guest_image(),
        request_blocks: zone.rules().request_blocks,
        settlement_height: ledger.height(),
        settlement_time: ledger.time(),
        ordered: zone.height(),
        available: zone.available(),
        settled: zone.settled(),
        inbox_consumed: zone.inbox().consumed(),
        inbox_appended: zone.inbox().appended(),
        frozen: zone.status() != ZoneStatus::Open,
    }
}
