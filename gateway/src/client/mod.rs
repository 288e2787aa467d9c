//! A small FIX 4.4 initiator on a `TcpStream`, for harnesses, demos and tests. It keeps nothing on disk.
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

use crate::codec::frame::{self, Frame};
use crate::codec::{Builder, Fields, Message, tag};
use crate::limits::{MESSAGE_SIZE_MAX, SECOND_NS};
use plinth_types::id::{MsgSeqNum, TimestampNs};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Who logs on to whom.
#[derive(Clone)]
pub struct ClientConfig {
    sender: String,
    target: String,
    password: Option<String>,
    heartbeat_s: u64,
    reset: bool,
}

impl ClientConfig {
    /// Our `CompID` and the acceptor's; heartbeats every 30 seconds.
    #[must_use]
    pub fn new(sender: &str, target: &str) -> Self {
        Self { sender: sender.to_owned(), target: target.to_owned(), password: None, heartbeat_s: 30, reset: false }
    }

    /// Sent as 554, with the `CompID` as 553.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// `HeartBtInt`, in seconds.
    #[must_use]
    pub const fn heartbeat_s(mut self, seconds: u64) -> Self {
        self.heartbeat_s = seconds;
        self
    }

    /// Log on with `ResetSeqNumFlag`; the session must have the right.
    #[must_use]
    pub const fn reset(mut self, reset: bool) -> Self {
        self.reset = reset;
        self
    }
}

impl core::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ClientConfig {{ {} to {}, heartbeat {} s, reset {} }}", self.sender, self.target, self.heartbeat_s, self.reset)
    }
}

/// Where a session stands: what survives a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Number of the next message we send.
    pub next_out: MsgSeqNum,
    /// Number of the next message we expect.
    pub next_in: MsgSeqNum,
}

impl Numbers {
    /// A session that never was.
    pub const START: Self = Self { next_out: MsgSeqNum::new(1), next_in: MsgSeqNum::new(1) };
}

/// Why the client stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server said goodbye.
    #[error("the server logged out: {text:?}")]
    LoggedOut {
        /// Its words, tag 58.
        text: String,
    },
    /// A number that the server has used before.
    #[error("message {received} came again without PossDupFlag, {expected} was expected")]
    SeqNumTooLow {
        /// What was expected.
        expected: MsgSeqNum,
        /// What came.
        received: MsgSeqNum,
    },
    /// Nothing came in time.
    #[error("no answer in time")]
    TimedOut,
}

/// A session with a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
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
    /// When the socket cannot be opened.
    pub fn connect(address: SocketAddr, config: ClientConfig) -> Result<Self, ClientError> {
        Self::resume(address, config, Numbers::START)
    }

    /// Connects to go on where a session stood.
    ///
    /// # Errors
    ///
    /// When the socket cannot be opened.
    pub fn resume(address: SocketAddr, config: ClientConfig, numbers: Numbers) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            config,
            numbers,
            connection_start: numbers.next_out,
            gap_requested: false,
            builder: Builder::default(),
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
        let ClientConfig { sender, password, heartbeat_s, reset, .. } = self.config.clone();
        self.send(b"A", |logon| {
            logon.bytes(tag::ENCRYPT_METHOD, b"0");
            logon.number(tag::HEART_BT_INT, heartbeat_s);
            if reset {
                logon.bytes(tag::RESET_SEQ_NUM_FLAG, b"Y");
            }
            if let Some(password) = &password {
                logon.bytes(tag::USERNAME, sender.as_bytes());
                logon.bytes(tag::PASSWORD, password.as_bytes());
            }
        })?;
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
        while !self.flush()? {
            std::thread::yield_now();
        }
        Ok(number)
    }

    /// Numbers a message and keeps it for [`Client::flush`].
    pub fn queue(&mut self, msg_type: &[u8], body: impl FnOnce(&mut Builder)) -> MsgSeqNum {
        let number = self.numbers.next_out;
        self.numbers.next_out = number.next();
        self.write(msg_type, number, false, body);
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
            match self.stream.write(&self.out[sent..]) {
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
        Ok(self.out.is_empty())
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
        &self.stream
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
            self.write(b"4", begin, true, |fill| {
                fill.seq_num(tag::NEW_SEQ_NO, next);
                fill.bytes(tag::GAP_FILL_FLAG, b"Y");
            });
            self.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, msg_type: &[u8], number: MsgSeqNum, poss_dup: bool, body: impl FnOnce(&mut Builder)) {
        let now = utc_now();
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
                self.stream.set_nonblocking(self.nonblocking)?;
            }
            if let Some(wait) = wait {
                self.stream.set_read_timeout(Some(wait.min(Duration::from_millis(100))))?;
            }
            match self.stream.read(&mut self.received[self.filled..]) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(count) => {
                    self.filled += count;
                    return Ok(true);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if wait.is_none() {
                        return Ok(false);
                    }
                    self.heartbeat()?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(ClientError::Closed),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// For `poll(2)` over many clients.
impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
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
