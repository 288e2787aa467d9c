//! Orders and cancels over FIX on a schedule.

use super::pace::Schedule;
use crate::figures::histogram;
use crate::fix;
use hdrhistogram::Histogram;
use plinth_gateway::client::{Client, ClientError};
use plinth_gateway::codec::tag;
use plinth_node::replay::child::Ready;
use plinth_node::replay::sockets::{self, Interest};
use std::error::Error;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How long after the last message answers may still come.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Bids of the sessions: prices that nobody sells at, inside the instrument's window.
const PRICE: &[u8] = b"77000.00";
const QTY: &[u8] = b"0.01000000";

/// What was measured, in nanoseconds.
#[derive(Debug)]
pub(super) struct Measured {
    /// From the moment an order was due to its report.
    pub(super) order: Histogram<u64>,
    /// From the moment a cancel was due to its report.
    pub(super) cancel: Histogram<u64>,
    /// From the moment a message was due to the moment it was handed to the kernel.
    pub(super) send_late: Histogram<u64>,
    /// Messages without an answer.
    pub(super) unanswered: u64,
    /// Bytes of an order.
    pub(super) order_size: usize,
    /// Bytes of its report.
    pub(super) report_size: usize,
}

/// Even messages of a session are orders, odd ones cancel the order before.
pub(super) fn measure(ready: &Ready, session_count: usize, schedule: &Schedule) -> Result<Measured, Box<dyn Error>> {
    let mut clients: Vec<Client> =
        ready.sessions.iter().take(session_count).map(|login| fix::log_on(ready.fix, login)).collect::<Result<_, _>>()?;
    let mut measured = Measured {
        order: histogram(),
        cancel: histogram(),
        send_late: histogram(),
        unanswered: schedule.count,
        order_size: 0,
        report_size: 0,
    };
    let start = Instant::now() + Duration::from_millis(10);
    let mut next = 0;
    let deadline = schedule.due(start, schedule.count) + ANSWERED_WITHIN;
    while measured.unanswered > 0 && Instant::now() < deadline {
        while next < schedule.count && schedule.due(start, next) <= Instant::now() {
            send(&mut clients, ready, next, &mut measured)?;
            let late = Instant::now().saturating_duration_since(schedule.due(start, next));
            if schedule.counts(next) {
                measured.send_late.saturating_record(late.as_nanos() as u64);
            }
            next += 1;
        }
        let until = if next < schedule.count { schedule.due(start, next) } else { deadline };
        let interests = clients.iter().map(|client| Interest { fd: client.as_raw_fd(), writable: false });
        sockets::wait(interests, until.saturating_duration_since(Instant::now()))?;
        receive(&mut clients, schedule, start, &mut measured)?;
    }
    for client in clients {
        client.logout(Instant::now() + Duration::from_secs(2))?;
    }
    Ok(measured)
}

fn send(clients: &mut [Client], ready: &Ready, index: u64, measured: &mut Measured) -> Result<(), ClientError> {
    let session_count = clients.len() as u64;
    let at = (index % session_count) as usize;
    let is_order = (index / session_count).is_multiple_of(2);
    let account = ready.sessions[at].account.as_bytes();
    let id = client_order_id(index);
    let client = &mut clients[at];
    if is_order {
        measured.order_size = fix::size_of(|message| fix::write_limit(message, id.as_bytes(), account, b"1", QTY, PRICE, b"1"));
        client.send(b"D", |message| fix::write_limit(message, id.as_bytes(), account, b"1", QTY, PRICE, b"1"))?;
    } else {
        let order = client_order_id(index - session_count);
        client.send(b"F", |message| fix::write_cancel(message, id.as_bytes(), order.as_bytes(), account, b"1", QTY))?;
    }
    Ok(())
}

fn receive(clients: &mut [Client], schedule: &Schedule, start: Instant, measured: &mut Measured) -> Result<(), Box<dyn Error>> {
    for client in clients {
        while let Some(message) = client.poll()? {
            let heard_at = Instant::now();
            match message.msg_type() {
                b"8" | b"9" => {}
                b"3" | b"j" => return Err(format!("the appliance refuses our messages: {message}").into()),
                _ => continue,
            }
            let Some(index) = message.get(tag::CL_ORD_ID).and_then(index_of) else { continue };
            let is_cancel = message.get(tag::ORIG_CL_ORD_ID).is_some();
            measured.unanswered = measured.unanswered.saturating_sub(1);
            if !is_cancel {
                measured.report_size = message.bytes().len();
            }
            if schedule.counts(index) {
                let latency = heard_at.saturating_duration_since(schedule.due(start, index)).as_nanos() as u64;
                let histogram = if is_cancel { &mut measured.cancel } else { &mut measured.order };
                histogram.saturating_record(latency);
            }
        }
    }
    Ok(())
}

fn client_order_id(index: u64) -> String {
    format!("wire-{index:08}")
}

fn index_of(id: &[u8]) -> Option<u64> {
    std::str::from_utf8(id).ok()?.strip_prefix("wire-")?.parse().ok()
}
