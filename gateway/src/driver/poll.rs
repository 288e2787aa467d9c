//! Accept, recv and send over epoll: the fallback where io_uring is not wanted or not allowed. The same surface as `ring.rs`.

use super::slots::{Completion, Sockets};
use crate::limits::RECEIVE_SIZE;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::time::Duration;

pub(super) struct Poll {
    pub(super) sockets: Sockets,
    epoll: OwnedFd,
    /// What slots are ready for that was not looked at yet.
    events: Vec<(u64, EventFlags)>,
    /// Sends that ended at once, and connections that failed while something was sent.
    done: Vec<Completion>,
    buffer: Vec<u8>,
}

impl Poll {
    pub(super) fn new(listeners: Vec<TcpListener>, connections_max: usize) -> io::Result<Self> {
        let wake_event = File::from(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (index, listener) in (0..).zip(&listeners) {
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, listener, EventData::new_u64(LISTENER + index), EventFlags::IN)?;
        }
        epoll::add(&epoll, &wake_event, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Self {
            sockets: Sockets::new(listeners, wake_event, connections_max),
            epoll,
            events: Vec::with_capacity(EVENTS_PER_TURN),
            done: Vec::new(),
            buffer: vec![0; RECEIVE_SIZE],
        })
    }

    /// Receives more, if there is room.
    pub(super) fn receive(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        let wants_more = own.has_room();
        if own.wants_more != wants_more {
            own.wants_more = wants_more;
            self.update(slot)?;
        }
        Ok(())
    }

    pub(super) fn send(&mut self, slot: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.sockets.slots[slot].load(bytes);
        self.write(slot)
    }

    pub(super) fn shut(&mut self, slot: usize) {
        let own = &mut self.sockets.slots[slot];
        own.shut();
        // Nothing of this slot is under way in the kernel: closing the socket takes it out of the epoll set.
        own.socket = None;
        own.is_sending = false;
        own.is_receiving = false;
        own.received = Vec::new();
        own.sending = Vec::new();
    }

    pub(super) fn turn(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        completions.append(&mut self.done);
        if self.events.is_empty() {
            self.gather(Duration::ZERO)?;
        }
        let mut events = std::mem::take(&mut self.events);
        for (token, flags) in events.drain(..) {
            match token {
                WAKE => {
                    let _ = (&*self.sockets.wake_event).read(&mut [0; 8]);
                }
                listener if listener >= LISTENER => self.accept((listener - LISTENER) as usize, completions)?,
                slot => self.ready(slot as usize, flags, completions)?,
            }
        }
        self.events = events;
        Ok(())
    }

    pub(super) fn has_completion(&mut self) -> bool {
        !self.done.is_empty() || !self.events.is_empty() || (self.gather(Duration::ZERO).is_ok() && !self.events.is_empty())
    }

    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        if self.done.is_empty() && self.events.is_empty() {
            self.gather(timeout)?;
        }
        Ok(())
    }

    fn gather(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let mut room = [const { MaybeUninit::uninit() }; EVENTS_PER_TURN];
        match epoll::wait(&self.epoll, &mut room, Some(&timeout)) {
            Ok((events, _)) => {
                let events: &[epoll::Event] = events;
                self.events.extend(events.iter().map(|event| (event.data.u64(), event.flags)));
                Ok(())
            }
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn accept(&mut self, listener: usize, completions: &mut Vec<Completion>) -> io::Result<()> {
        for _ in 0..ACCEPTS_PER_TURN {
            let (socket, peer) = match self.sockets.listeners[listener].accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.count_failure(),
            };
            let Some(slot) = self.sockets.free_slot() else {
                self.sockets.accept_failures += 1;
                continue;
            };
            if socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true)).is_err() {
                return self.count_failure();
            }
            epoll::add(&self.epoll, &socket, EventData::new_u64(slot as u64), EventFlags::empty())?;
            self.sockets.slots[slot].open(socket, peer.ip(), listener);
            completions.push(Completion::Accepted(slot));
        }
        Ok(())
    }

    const fn count_failure(&mut self) -> io::Result<()> {
        self.sockets.accept_failures += 1;
        Ok(())
    }

    fn ready(&mut self, slot: usize, flags: EventFlags, completions: &mut Vec<Completion>) -> io::Result<()> {
        if !self.sockets.slots[slot].is_connected() {
            return Ok(());
        }
        if flags.contains(EventFlags::OUT) {
            self.write(slot)?;
            completions.append(&mut self.done);
        }
        let own = &mut self.sockets.slots[slot];
        if own.wants_more && own.has_room() {
            match own.socket.as_ref().map(|mut socket| socket.read(&mut self.buffer)) {
                Some(Ok(count)) if count > 0 => {
                    own.received.extend_from_slice(&self.buffer[..count]);
                    completions.push(Completion::Received(slot));
                }
                Some(Err(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Some(Ok(_) | Err(_)) | None => completions.push(Completion::Failed(slot)),
            }
        } else if flags.intersects(EventFlags::ERR | EventFlags::HUP) {
            completions.push(Completion::Failed(slot));
        }
        Ok(())
    }

    fn write(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        let Some(mut socket) = own.socket.as_ref().filter(|_| !own.is_shut) else { return Ok(()) };
        let was_sending = own.is_sending;
        own.is_sending = true;
        while own.sent < own.sending.len() {
            match socket.write(&own.sending[own.sent..]) {
                Ok(count) if count > 0 => own.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => {
                    self.done.push(Completion::Failed(slot));
                    break;
                }
            }
        }
        if own.sent == own.sending.len() {
            own.is_sending = false;
            own.sending.clear();
            own.sent = 0;
            self.done.push(Completion::Sent(slot));
        }
        if was_sending != self.sockets.slots[slot].is_sending {
            self.update(slot)?;
        }
        Ok(())
    }

    /// Tells the kernel what this slot waits for.
    fn update(&self, slot: usize) -> io::Result<()> {
        let own = &self.sockets.slots[slot];
        let Some(socket) = own.socket.as_ref() else { return Ok(()) };
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, own.wants_more);
        flags.set(EventFlags::OUT, own.is_sending);
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(slot as u64), flags)?)
    }
}

impl core::fmt::Debug for Poll {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Poll {{ {} slots }}", self.sockets.slots.len())
    }
}

/// Listeners are counted from here; slots are far below.
const LISTENER: u64 = 1 << 32;
const WAKE: u64 = u64::MAX;
const EVENTS_PER_TURN: usize = 256;
const ACCEPTS_PER_TURN: usize = 64;
