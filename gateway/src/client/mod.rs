//! A small FIX initiator on a `TcpStream`, with TLS or without, for harnesses, demos and tests. It keeps nothing on disk.
//!
//! ```no_run
//! use plinth_gateway::client::{Client, ClientConfig};
//! use plinth_gateway::codec::tag;
//! use std::time::{Duration, Instant};
//! # fn main() -> Result<(), plinth_gateway::client::ClientError> {
//! let config = ClientConfig::new("FIRM1", "PLINTH").password("secret");
//! let mut client = Client::connect("127.0.0.1:5001".parse().expect("an address"), config)?;
//! client.logon(Instant::now() + Duration::from_secs(5))?;
//! client.send(b"D", |order| {
//!     order.bytes(tag::CL_ORD_ID, b"c-1");
//!     order.bytes(tag::SYMBOL, b"BTC/USD");
//!     order.bytes(tag::SIDE, b"1");
//!     order.bytes(tag::TRANSACT_TIME, b"20260225-19:41:57.316");
//!     order.bytes(tag::ORDER_QTY, b"0.5");
//!     order.bytes(tag::ORD_TYPE, b"2");
//!     order.bytes(tag::PRICE, b"64000.00");
//! })?;
//! while let Some(message) = client.next(Instant::now() + Duration::from_secs(1))? {
//!     println!("{message}");
//! }
//! # Ok(()) }
//! ```
//!
//! * [`Client::send`] stamps 34, 49, 52, 56 and the framing; the closure writes the body fields in any order.
//! * [`Client::next`] returns each message once, in sequence, admin messages included, and answers by itself what the session needs
//!   (`TestRequest`, `ResendRequest`, silence). With a deadline in the past it takes what has arrived and never blocks; for a loop
//!   that sends and receives use [`Client::queue`], [`Client::flush`] and [`Client::poll`].
//! * A gap in the server's numbers is asked for once, from the first number missing to the end; what came too early is dropped, since
//!   it comes again. So reports arrive in order and none is missed, whatever the server went through.
//! * A server's `ResendRequest` is answered with a gap fill, never with an order: an order whose fate is unknown after a crash is for
//!   the caller to ask about (`OrderStatusRequest`) or to send again as `PossResend`.
//! * To come back after a lost connection, hand [`Client::numbers`] to [`Client::resume`].

mod config;
mod wire;

pub use config::{ClientConfig, ClientError, Numbers};

use crate::codec::frame::{self, Frame};
use crate::codec::{Builder, Fields, Message, hex, tag, timestamp};
use crate::limits::{MESSAGE_SIZE_MAX, SECOND_NS};
use crate::session::SignedLogon;
use ed25519_dalek::Signer;
use plinth_types::id::{MsgSeqNum, TimestampNs};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::Wire;

/// A session with a server.
pub struct Client {
    wire: Wire,
    config: ClientConfig,
    numbers: Numbers,
    /// Number of the first message behind this connection's `Logon`.
    connection_start: MsgSeqNum,
    /// The gap has been asked for; what comes behind it is dropped until it is filled.
    gap_requested: bool,
    builder: Builder,
    out: Vec<u8>,
    received: Vec<u8>,
    /// `received[consumed..filled]` has arrived and is not yet looked at.
    consumed: usize,
    filled: usize,
    fields: Fields,
    last_sent_at: Instant,
    nonblocking: bool,
}

impl Client {
    /// Connects with fresh numbers.
    ///
    /// # Errors
    ///
    /// When the socket cannot be opened, or TLS fails.
    pub fn connect(address: SocketAddr, config: ClientConfig) -> Result<Self, ClientError> {
        Self::resume(address, config, Numbers::START)
    }

    /// Connects to go on where a session stood.
    ///
    /// # Errors
    ///
    /// When the socket cannot be opened, or TLS fails.
    pub fn resume(address: SocketAddr, config: ClientConfig, numbers: Numbers) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Wire::connect(address, config.tls.as_ref())?,
            builder: Builder::of(config.version),
            config,
            numbers,
            connection_start: numbers.next_out,
            gap_requested: false,
            out: Vec::with_capacity(MESSAGE_SIZE_MAX),
            received: vec![0; 16 * MESSAGE_SIZE_MAX],
            consumed: 0,
            filled: 0,
            fields: Fields::default(),
            last_sent_at: Instant::now(),
            nonblocking: false,
        })
    }

    /// Logs on and waits for the answer. If the server is ahead, its messages are asked for, and [`Client::next`] returns them.
    ///
    /// # Errors
    ///
    /// When the server refuses, which it shows by closing the connection or by a logout with a text.
    pub fn logon(&mut self, deadline: Instant) -> Result<(), ClientError> {
        if self.config.reset {
            self.numbers = Numbers::START;
        }
        let now = utc_now();
        let number = self.numbers.next_out;
        self.numbers.next_out = number.next();
        let config = self.config.clone();
        self.write(b"A", number, now, false, |logon| {
            logon.bytes(tag::ENCRYPT_METHOD, b"0");
            logon.number(tag::HEART_BT_INT, config.heartbeat_s);
            if let Some(proof) = signature(&config, number, now) {
                logon.number(tag::RAW_DATA_LENGTH, proof.len() as u64);
                logon.bytes(tag::RAW_DATA, &proof);
            }
            if config.reset {
                logon.bytes(tag::RESET_SEQ_NUM_FLAG, b"Y");
            }
            if let Some(password) = &config.password {
                logon.bytes(tag::USERNAME, config.sender.as_bytes());
                logon.bytes(tag::PASSWORD, password.as_bytes());
            }
            if let Some(id) = config.version.appl_ver_id() {
                logon.bytes(tag::DEFAULT_APPL_VER_ID, id);
            }
        });
        self.flush_all()?;
        self.connection_start = self.numbers.next_out;
        loop {
            match self.step()? {
                Step::Logon => return Ok(()),
                Step::Taken | Step::Deliver { .. } => {}
                Step::Empty => self.receive(Some(deadline))?.then_some(()).ok_or(ClientError::TimedOut)?,
            }
        }
    }

    /// Sends one message: `body` writes its fields. Returns its number.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn send(&mut self, msg_type: &[u8], body: impl FnOnce(&mut Builder)) -> Result<MsgSeqNum, ClientError> {
        let number = self.queue(msg_type, body);
        self.flush_all()?;
        Ok(number)
    }

    fn flush_all(&mut self) -> Result<(), ClientError> {
        while !self.flush()? {
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Numbers a message and keeps it for [`Client::flush`].
    pub fn queue(&mut self, msg_type: &[u8], body: impl FnOnce(&mut Builder)) -> MsgSeqNum {
        let number = self.numbers.next_out;
        self.numbers.next_out = number.next();
        self.write(msg_type, number, utc_now(), false, body);
        number
    }

    /// Writes what is queued; `false` if the socket took only part of it, which happens to a non-blocking one.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn flush(&mut self) -> Result<bool, ClientError> {
        let mut sent = 0;
        while sent < self.out.len() {
            match self.wire.write(&self.out[sent..]) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if sent > 0 {
            self.last_sent_at = Instant::now();
        }
        self.out.drain(..sent);
        Ok(self.wire.flush()? && self.out.is_empty())
    }

    /// The next message in sequence; `None` when the deadline has passed.
    ///
    /// # Errors
    ///
    /// When the connection ends, by a logout or otherwise.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Message<'_>>, ClientError> {
        self.advance(Some(deadline))
    }

    /// The next message in sequence of those that have arrived; never blocks.
    ///
    /// # Errors
    ///
    /// When the connection ends, by a logout or otherwise.
    pub fn poll(&mut self) -> Result<Option<Message<'_>>, ClientError> {
        self.advance(None)
    }

    /// Says goodbye and waits for the answer; what arrives meanwhile is dropped, its number kept.
    ///
    /// # Errors
    ///
    /// When the connection ends otherwise.
    pub fn logout(mut self, deadline: Instant) -> Result<Numbers, ClientError> {
        self.send(b"5", |_| {})?;
        loop {
            match self.advance(Some(deadline)) {
                Ok(Some(_)) => {}
                Ok(None) => return Err(ClientError::TimedOut),
                Err(ClientError::LoggedOut { .. } | ClientError::Closed) => return Ok(self.numbers),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the session stands.
    #[must_use]
    pub const fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// The socket, for tests that misbehave on purpose.
    #[must_use]
    pub const fn stream(&self) -> &TcpStream {
        &self.wire.stream
    }

    fn advance(&mut self, deadline: Option<Instant>) -> Result<Option<Message<'_>>, ClientError> {
        loop {
            match self.step()? {
                Step::Deliver { start, size } => {
                    return Ok(Some(Message::new(&self.received[start..start + size], &self.fields)));
                }
                Step::Logon | Step::Taken => {}
                Step::Empty => {
                    self.heartbeat()?;
                    if !self.receive(deadline)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Looks at the next message that has arrived.
    fn step(&mut self) -> Result<Step, ClientError> {
        let start = self.consumed;
        let size = match frame::next(&self.received[start..self.filled], &mut self.fields) {
            Frame::Incomplete => return Ok(Step::Empty),
            Frame::Garbled { size, .. } => {
                self.consumed += size;
                return Ok(Step::Taken);
            }
            Frame::Message { size } => size,
        };
        self.consumed += size;
        let message = Message::new(&self.received[start..start + size], &self.fields);
        let Some(received) = message.msg_seq_num() else { return Ok(Step::Taken) };
        let expected = self.numbers.next_in;
        let reset = message.msg_type() == b"4" && !message.is_set(tag::GAP_FILL_FLAG);
        if message.msg_type() == b"2" {
            // Served whatever its number is, or two peers that ask each other would wait for ever.
            let begin = message.get(tag::BEGIN_SEQ_NO).and_then(frame::number).unwrap_or(1);
            self.fill(MsgSeqNum::new(begin))?;
        } else if message.msg_type() == b"5" && received >= expected {
            let text = message.get(tag::TEXT).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
            return Err(ClientError::LoggedOut { text });
        }
        let message = Message::new(&self.received[start..start + size], &self.fields);
        if reset || (message.msg_type() == b"4" && received == expected) {
            let new = message.get(tag::NEW_SEQ_NO).and_then(frame::number).map_or(expected, MsgSeqNum::new);
            self.numbers.next_in = new.max(expected);
            self.gap_requested = false;
            return Ok(Step::Taken);
        }
        if message.msg_type() == b"A" && message.is_set(tag::RESET_SEQ_NUM_FLAG) {
            self.numbers.next_in = received.next();
            return Ok(Step::Logon);
        }
        if received < expected {
            return if message.is_set(tag::POSS_DUP_FLAG) {
                Ok(Step::Taken)
            } else {
                Err(ClientError::SeqNumTooLow { expected, received })
            };
        }
        let (is_logon, is_test) = (message.msg_type() == b"A", message.msg_type() == b"1");
        if received > expected {
            if !self.gap_requested {
                self.gap_requested = true;
                self.send(b"2", |request| {
                    request.seq_num(tag::BEGIN_SEQ_NO, expected);
                    request.number(tag::END_SEQ_NO, 0);
                })?;
            }
            return Ok(if is_logon { Step::Logon } else { Step::Taken });
        }
        self.gap_requested = false;
        self.numbers.next_in = expected.next();
        if is_test {
            let id = message.get(tag::TEST_REQ_ID).unwrap_or_default().to_vec();
            self.send(b"0", |heartbeat| heartbeat.bytes(tag::TEST_REQ_ID, &id))?;
        }
        Ok(if is_logon { Step::Logon } else { Step::Deliver { start, size } })
    }

    /// Tells the server that nothing it missed will come again.
    ///
    /// A server that missed something asks when it sees our `Logon`, perhaps after we have sent more. What follows the `Logon` it has and keeps, so
    /// the gap ends there: a fill up to our last number would take back requests of this connection.
    fn fill(&mut self, begin: MsgSeqNum) -> Result<(), ClientError> {
        let next = if begin < self.connection_start { self.connection_start } else { self.numbers.next_out };
        if begin < next {
            self.write(b"4", begin, utc_now(), true, |fill| {
                fill.seq_num(tag::NEW_SEQ_NO, next);
                fill.bytes(tag::GAP_FILL_FLAG, b"Y");
            });
            self.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, msg_type: &[u8], number: MsgSeqNum, now: TimestampNs, poss_dup: bool, body: impl FnOnce(&mut Builder)) {
        self.builder.start(msg_type);
        self.builder.seq_num(tag::MSG_SEQ_NUM, number);
        if poss_dup {
            self.builder.bytes(tag::POSS_DUP_FLAG, b"Y");
        }
        self.builder.bytes(tag::SENDER_COMP_ID, self.config.sender.as_bytes());
        self.builder.time(tag::SENDING_TIME, now);
        self.builder.bytes(tag::TARGET_COMP_ID, self.config.target.as_bytes());
        if poss_dup {
            self.builder.time(tag::ORIG_SENDING_TIME, now);
        }
        body(&mut self.builder);
        self.out.extend_from_slice(self.builder.finish());
    }

    fn heartbeat(&mut self) -> Result<(), ClientError> {
        if self.last_sent_at.elapsed() >= Duration::from_secs(self.config.heartbeat_s) {
            self.send(b"0", |_| {})?;
        }
        Ok(())
    }

    /// Reads once. Without a deadline, or with one that has passed, it takes what is there. `false` if nothing came.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<bool, ClientError> {
        if self.consumed > 0 {
            self.received.copy_within(self.consumed..self.filled, 0);
            self.filled -= self.consumed;
            self.consumed = 0;
        }
        loop {
            let wait = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero());
            if self.nonblocking != wait.is_none() {
                self.nonblocking = wait.is_none();
                self.wire.stream.set_nonblocking(self.nonblocking)?;
            }
            if let Some(wait) = wait {
                self.wire.stream.set_read_timeout(Some(wait.min(Duration::from_millis(100))))?;
            }
            match self.wire.read(&mut self.received[self.filled..]) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(count) => {
                    self.filled += count;
                    return Ok(true);
                }
                Err(ClientError::Io(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if wait.is_none() {
                        return Ok(false);
                    }
                    self.heartbeat()?;
                }
                Err(ClientError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(ClientError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Err(ClientError::Closed),
                Err(error) => return Err(error),
            }
        }
    }
}

impl core::fmt::Debug for Client {
    /// Its buffers may hold a password.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Client {{ {:?}, {:?} }}", self.config, self.numbers)
    }
}

/// For `poll(2)` over many clients.
impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        self.wire.stream.as_raw_fd()
    }
}

enum Step {
    Deliver { start: usize, size: usize },
    Logon,
    Taken,
    Empty,
}

fn utc_now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs::new(since.as_secs() * SECOND_NS + u64::from(since.subsec_nanos()))
}

/// `RawData` of a logon with a key.
fn signature(config: &ClientConfig, number: MsgSeqNum, now: TimestampNs) -> Option<Vec<u8>> {
    let (number, time) = (number.get().to_string(), timestamp::text(now, config.version));
    let logon = SignedLogon {
        begin_string: config.version.begin_string(),
        msg_seq_num: number.as_bytes(),
        sender: config.sender.as_bytes(),
        target: config.target.as_bytes(),
        sending_time: time.as_bytes(),
        is_reset: config.reset,
    };
    let signature = config.key.as_ref()?.sign(&logon.text());
    let mut digits = Vec::with_capacity(128);
    hex::encode(&signature.to_bytes(), &mut digits);
    Some(digits)
}
