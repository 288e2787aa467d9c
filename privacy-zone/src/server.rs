//! Wallets' connections: a thread each, bounded in number, each request bounded in size and time.
//!
//! A connection that sends what is no request is told so and closed; no other one notices.

use crate::block::Body;
use crate::journal::{Archive, JournalError};
use crate::limits::{
    ANSWER_SIZE_MAX, BLOCKS_ANSWER_MAX, BLOCKS_ANSWER_SIZE, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, FRAME_TIMEOUT,
    HEADERS_ANSWER_MAX, IDLE_MAX, REQUEST_SIZE_MAX, SUBMIT_PATIENCE,
};
use crate::log;
use crate::wire::{Answer, Request, WireError, receive, send};
use crate::writer::{Ask, Event, refused};
use plinth_privacy::pool::batch::SenderId;
use plinth_privacy::pool::block::Compact;
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::pool::state::PoolState;
use plinth_privacy::registry::Registry;
use plinth_types::codec::Codec as _;
use plinth_types::id::Height;
use plinth_zone_protocol::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// What every connection needs.
#[derive(Debug)]
pub struct Desk {
    archive: Arc<Archive>,
    events: SyncSender<Event>,
    /// For the keys that sign directives.
    genesis: PoolState,
    connections: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Desk {
    /// For the zone whose writer takes these events.
    #[must_use]
    pub fn new(archive: Arc<Archive>, events: SyncSender<Event>, genesis: PoolState) -> Arc<Self> {
        Arc::new(Self { archive, events, genesis, connections: Mutex::default() })
    }
}

/// Takes connections for ever.
pub fn run(listener: &TcpListener, desk: &Arc<Desk>) {
    for number in 0_u64.. {
        let (stream, peer) = match listener.accept() {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                // Too many files are open, perhaps; the next try may succeed.
                log(format_args!("wallets: {error}"));
                std::thread::sleep(FRAME_TIMEOUT / 100);
                continue;
            }
        };
        let Some(place) = Place::take(desk, peer) else { continue };
        let desk = Arc::clone(desk);
        let spawned = std::thread::Builder::new().name("wallet".into()).spawn(move || {
            let _place = place;
            serve(stream, &desk, sender(peer, number));
        });
        if let Err(error) = spawned {
            log(format_args!("wallets: {error}"));
        }
    }
}

/// A place among the connections, given back when it is dropped.
struct Place {
    desk: Arc<Desk>,
    peer: IpAddr,
}

impl Place {
    fn take(desk: &Arc<Desk>, peer: IpAddr) -> Option<Self> {
        let mut connections = desk.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = connections.get(&peer).copied().unwrap_or_default();
        let is_full = connections.values().sum::<usize>() >= CONNECTIONS_MAX;
        if is_full || (of_peer >= CONNECTIONS_PER_ADDRESS_MAX && !peer.is_loopback()) {
            return None;
        }
        connections.insert(peer, of_peer + 1);
        Some(Self { desk: Arc::clone(desk), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.desk.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connections.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.peer);
            }
        }
    }
}

/// By which bad proofs are counted: the address (of IPv6 the network that one holder has), and on this machine the connection, since everybody here
/// has one address.
fn sender(peer: IpAddr, connection: u64) -> SenderId {
    match peer.to_canonical() {
        peer if peer.is_loopback() => SenderId(1 << 63 | connection),
        IpAddr::V4(address) => SenderId(u64::from(address.to_bits())),
        IpAddr::V6(address) => SenderId((address.to_bits() >> 64) as u64 & !(1 << 63)),
    }
}

fn serve(mut stream: TcpStream, desk: &Desk, sender: SenderId) {
    if stream.set_write_timeout(Some(FRAME_TIMEOUT)).and_then(|()| stream.set_nodelay(true)).is_err() {
        return;
    }
    loop {
        let (answer, is_last) = match receive(&mut stream, REQUEST_SIZE_MAX, IDLE_MAX) {
            Ok(request) => (desk.answer(request, sender), false),
            Err(error @ (WireError::FrameSize { .. } | WireError::Malformed(_))) => (refused(error), true),
            Err(WireError::Closed | WireError::Silent(_) | WireError::Io(_)) => return,
        };
        if send(&mut stream, &answer, ANSWER_SIZE_MAX).is_err() || is_last {
            return;
        }
    }
}

impl Desk {
    fn answer(&self, request: Request, sender: SenderId) -> Answer {
        match request {
            Request::Status => self.ask(Ask::Status),
            Request::Registry => self.ask(Ask::Registry),
            Request::Credits(owner) => self.ask(Ask::Credits(owner)),
            Request::Blocks(from) => self.blocks(from).unwrap_or_else(refused),
            Request::Headers(from) => self.headers(from).unwrap_or_else(refused),
            Request::Body(height) => self.body(height).unwrap_or_else(refused),
            Request::Submit(transaction) => self.ask(Ask::Submit(sender, transaction)),
            Request::Direct(directive, registry) => match self.check(&directive, &registry.0) {
                Ok(()) => self.ask(Ask::Direct(directive, registry.0)),
                Err(why) => refused(why),
            },
        }
    }

    fn ask(&self, ask: Ask) -> Answer {
        let (reply, answer) = channel();
        if self.events.send(Event::Ask(ask, reply)).is_err() {
            return refused("the zone stops");
        }
        match answer.recv_timeout(SUBMIT_PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Answer::Waits,
            Err(RecvTimeoutError::Disconnected) => refused("the zone stops"),
        }
    }

    /// The signature first: a registry costs a hash for every level of every leaf.
    fn check(&self, directive: &SignedDirective, registry: &[u8]) -> Result<(), &'static str> {
        if !directive.is_signed(&self.genesis) {
            return Err("the directive is not signed by who may give it to this pool");
        }
        match directive.directive {
            Directive::Registry(root) => match Registry::decode(registry) {
                Ok(registry) if registry.root() == root => Ok(()),
                Ok(_) => Err("the registry has another root than the directive"),
                Err(_) => Err("the registry is none"),
            },
            Directive::List(..) | Directive::Freeze(..) | Directive::Gate(_) if registry.is_empty() => Ok(()),
            Directive::List(..) | Directive::Freeze(..) | Directive::Gate(_) => Err("a registry belongs to its root alone"),
        }
    }

    fn headers(&self, from: Height) -> Result<Answer, JournalError> {
        let first = from.max(Height::new(1)).get();
        let last = self.archive.ordered().get().min(first.saturating_add(HEADERS_ANSWER_MAX as u64 - 1));
        let headers = (first..=last).map(|height| self.archive.header(Height::new(height)));
        Ok(Answer::Headers(headers.collect::<Result<Vec<_>, _>>()?.into()))
    }

    fn body(&self, height: Height) -> Result<Answer, JournalError> {
        let is_there = (Height::new(1)..=self.archive.height()).contains(&height);
        Ok(Answer::Body(if is_there { self.archive.block(height)?.body } else { Bytes::default() }))
    }

    fn blocks(&self, from: Height) -> Result<Answer, String> {
        let mut blocks: Vec<Compact> = Vec::new();
        let (mut size, mut height) = (0, from.max(Height::new(1)));
        while height <= self.archive.height() && size < BLOCKS_ANSWER_SIZE && blocks.len() < BLOCKS_ANSWER_MAX {
            let block = self.archive.block(height).map_err(|error| error.to_string())?;
            let body = Body::decode(&block.body.0).map_err(|error| error.to_string())?;
            let compact = body.block.compact();
            size += compact.to_bytes().len();
            blocks.push(compact);
            height = height.next();
        }
        Ok(Answer::Blocks(blocks.into()))
    }
}
