//! One zone process, from its hello to its end.
//!
//! ```text
//!  reader thread: blocks ──► check ──► link     acknowledgements ──► processed ─┐
//!  this thread:   kept news, then the link's events ──► zone, while not too many are unprocessed ◄─┘
//! ```
//!
//! The reader waits when the link is full, and so does the zone that writes to it. What is told to the zone waits for nothing but the zone.

use crate::check::Handed;
use crate::host::{Host, HostError};
use crate::limits::{LINK_RETRY_INTERVAL, LOOK_INTERVAL, WELCOME_WITHIN};
use crate::road::Road;
use crate::welcome::{check_ledger, welcome};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};
use plinth_settlement::ledger::State;
use plinth_settlement::link::{self, LinkError, LinkEvent, SealedBlock, ZoneLink};
use plinth_types::id::{Height, ProducerEpoch};
use plinth_zone_protocol::host::{self, Caller, FromZone, ToZone};
use plinth_zone_protocol::limits::NEWS_UNPROCESSED_MAX;
use plinth_zone_protocol::{Block, Finalized, Hello, ProtocolError, Reason, Refusal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// Why a session ended, for the log.
pub(crate) type Ended = Result<(), HostError>;

/// What both threads of a session know.
struct Shared {
    handed: Mutex<Handed>,
    /// Settlement heights.
    told: AtomicU64,
    processed: AtomicU64,
}

/// How a reader ended.
enum Reader {
    Gone,
    Refused(Refusal),
}

/// Serves a zone process. `road` is the caller's alone.
///
/// # Errors
///
/// [`HostError`] if the host must stop; a zone that is refused or goes is no error.
pub(crate) fn serve(host: &Host, road: &mut Option<Road>, hello: Hello, caller: Caller) -> Ended {
    let processed = hello.settlement_height;
    let road = match road {
        Some(road) if road.reaches(processed) => road,
        other => {
            // One link at a time: they sign with one key.
            drop(other.take());
            let begun = other.insert(Road::new(&host.config, processed)?);
            host.watch(begun);
            begun
        }
    };
    road.processed(processed);
    let Some(ledger) = wait_ledger(road, processed)? else {
        let settlement_height = road.ledger().map_or(Height::new(0), |ledger| ledger.height());
        return refuse(host, caller, Refusal::Behind { settlement_height });
    };
    if let Err(refusal) = check_ledger(&host.config, &hello, &ledger) {
        let stops = host.stops_for(&refusal);
        refuse(host, caller, refusal)?;
        return stops;
    }
    let Some(zone) = ledger.zone(host.config.zone) else { return refuse(host, caller, Refusal::OtherZone(host.config.zone)) };
    let handed = Mutex::new(Handed::behind(zone));
    let named = || AtomicU64::new(processed.get());
    let shared = Arc::new(Shared { handed, told: named(), processed: named() });
    host.welcomed(&hello);
    let Ok((from_zone, to_zone)) = caller.welcome(welcome(&host.config, &ledger, zone)) else { return Ok(()) };
    let (ended, has_ended) = bounded(1);
    let (wake, woken) = bounded(1);
    let link = Arc::clone(road.link());
    let (host_read, shared_read) = (host.clone(), Arc::clone(&shared));
    let reader = thread::Builder::new().name("zone reader".into()).spawn(move || {
        let how = read(&host_read, &shared_read, &link, from_zone, &wake);
        // The other thread went first when nobody hears it.
        let _ = ended.send(how);
    });
    let reader = reader.map_err(HostError::Thread)?;
    let told = tell(host, road, &shared, hello.epoch, to_zone, (&has_ended, &woken));
    // The socket is shut, so the reader ends, unless it waits for the link: then it finds that out when the link has room.
    if reader.join().is_err() {
        tracing::error!("the reader had panicked");
    }
    told
}

pub(crate) fn refuse(host: &Host, caller: Caller, refusal: Refusal) -> Ended {
    host.refused(&refusal);
    caller.refuse(refusal);
    Ok(())
}

/// The ledger, once it is where the zone was; `None` if that takes too long. News of later blocks wait in the road.
fn wait_ledger(road: &mut Road, height: Height) -> Result<Option<State>, HostError> {
    let begun = Instant::now();
    while begun.elapsed() < WELCOME_WITHIN {
        if let Some(ledger) = road.ledger().filter(|ledger| ledger.height() >= height) {
            return Ok(Some(ledger));
        }
        match road.events().recv_timeout(LOOK_INTERVAL) {
            Ok(LinkEvent::Finalized(finalized)) => road.take(&finalized),
            Ok(LinkEvent::BlockRefused { .. } | LinkEvent::TransactionRefused { .. }) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(HostError::LinkEnded),
        }
    }
    Ok(None)
}

fn read(host: &Host, shared: &Shared, link: &ZoneLink, mut zone: FromZone, wake: &Sender<()>) -> Reader {
    loop {
        match zone.receive() {
            Ok(host::Handed::Block(block)) => {
                if let Err(how) = hand_over(host, shared, link, *block) {
                    return how;
                }
            }
            Ok(host::Handed::Processed(height)) => {
                if height.get() > shared.told.load(Ordering::Acquire) {
                    return Reader::Refused(Refusal::Malformed(Reason::new("news were acknowledged that were never told")));
                }
                shared.processed.fetch_max(height.get(), Ordering::AcqRel);
                host.with_view(|view| view.processed = view.processed.max(height));
                // A wake that is waiting already says all that this one would.
                let _ = wake.try_send(());
            }
            Err(ProtocolError::Closed | ProtocolError::HalfFrame { .. } | ProtocolError::Io(_)) => return Reader::Gone,
            Err(error) => return Reader::Refused(Refusal::Malformed(Reason::new(error))),
        }
    }
}

fn hand_over(host: &Host, shared: &Shared, link: &ZoneLink, block: Block) -> Result<(), Reader> {
    let height = block.header.height;
    // Behind the welcome there always is one.
    let Some(ledger) = link.ledger() else { return Err(Reader::Gone) };
    shared.handed.lock().unwrap_or_else(PoisonError::into_inner).take(&block, &ledger).map_err(Reader::Refused)?;
    host.with_view(|view| view.executed = view.executed.max(height));
    let sealed = SealedBlock { header: block.header, body: block.body.0.into(), outbox: block.outbox.0 };
    if !host.proofs.keep(height, &sealed.body, || host.is_served()) {
        return Err(Reader::Gone);
    }
    loop {
        match link.submit(sealed.clone()) {
            Ok(()) => return Ok(()),
            Err(LinkError::Refused(_)) if host.is_served() => thread::sleep(LINK_RETRY_INTERVAL),
            Err(
                LinkError::Refused(_)
                | LinkError::Ended
                | LinkError::Key { .. }
                | LinkError::NoValidators
                | LinkError::Thread(_)
                | LinkError::Transport(_),
            ) => return Err(Reader::Gone),
        }
    }
}

/// Tells the zone what is final, until one of them ends it.
fn tell(
    host: &Host,
    road: &mut Road,
    shared: &Shared,
    own_epoch: ProducerEpoch,
    mut zone: ToZone,
    (ended, woken): (&Receiver<Reader>, &Receiver<()>),
) -> Ended {
    let ends = |zone: ToZone, refusal: Refusal| {
        host.refused(&refusal);
        let stops = host.stops_for(&refusal);
        host.leave();
        zone.refuse(refusal);
        stops
    };
    loop {
        let processed = shared.processed.load(Ordering::Acquire);
        road.processed(Height::new(processed));
        let told = shared.told.load(Ordering::Acquire);
        let has_room = told - processed < NEWS_UNPROCESSED_MAX as u64;
        if has_room && let Some(news) = road.kept(Height::new(told + 1)).cloned() {
            if let Err(refusal) = check_news(host, shared, &news) {
                return ends(zone, refusal);
            }
            // Noted first: the zone may answer before this thread goes on.
            shared.told.store(news.height.get(), Ordering::Release);
            host.with_view(|view| view.told = view.told.max(news.height));
            if zone.finalized(news).is_err() {
                host.leave();
                zone.refuse(Refusal::Stopping);
                return Ok(());
            }
            continue;
        }
        let (events, silent) = (road.events().clone(), never());
        let events = if has_room { &events } else { &silent };
        select! {
            recv(ended) -> how => {
                let Ok(Reader::Refused(refusal)) = how else {
                    host.leave();
                    zone.refuse(Refusal::Stopping);
                    return Ok(());
                };
                return ends(zone, refusal);
            }
            recv(woken) -> _ => {}
            recv(events) -> event => match event {
                Ok(LinkEvent::Finalized(finalized)) => {
                    if let Some(refusal) = replaced(host, own_epoch, &finalized) {
                        return ends(zone, refusal);
                    }
                    road.take(&finalized);
                }
                Ok(LinkEvent::BlockRefused { height, reason }) => {
                    tracing::error!(%height, reason, "the validators refuse a block of the zone");
                    // If the zone is gone, the reader says so.
                    let _ = zone.block_refused(height, Reason::new(reason));
                }
                // The host brings none.
                Ok(LinkEvent::TransactionRefused { .. }) => {}
                Err(_) => {
                    zone.refuse(Refusal::Stopping);
                    return Err(HostError::LinkEnded);
                }
            }
        }
    }
}

fn replaced(host: &Host, own_epoch: ProducerEpoch, finalized: &link::Finalized) -> Option<Refusal> {
    let (producer, epoch) = (finalized.producer, finalized.epoch);
    (epoch >= own_epoch && producer != host.config.key.public_key()).then_some(Refusal::NotProducer { producer, epoch })
}

/// Does settlement have what the zone has?
fn check_news(host: &Host, shared: &Shared, news: &Finalized) -> Result<(), Refusal> {
    let last = host.with_view(|view| view.executed);
    let mut handed = shared.handed.lock().unwrap_or_else(PoisonError::into_inner);
    for ordered in news.ordered.iter() {
        if ordered.height > last {
            return Err(Refusal::FilesBehind { ordered: ordered.height, last });
        }
        if handed.contradicts(ordered.height, ordered.body_hash) {
            return Err(Refusal::OtherHistory { height: ordered.height, body_hash: ordered.body_hash });
        }
    }
    if let Some(settled) = news.settled.iter().map(|settled| settled.height).max() {
        handed.settled(settled);
    }
    Ok(())
}
