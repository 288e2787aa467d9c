//! How wallets speak with the zone: a length of four bytes, little-endian, then one [`Request`] or one [`Answer`], its version byte first.
//!
//! * Every request has exactly one answer; a connection takes requests one after the other.
//! * Sizes are checked before anything is allocated, read or computed; a frame that has begun must be whole in time.
//! * Blocks come without proofs ([`Compact`]); who wants to check them against the base layer ([`crate::settled`]) asks for headers and whole
//!   bodies. A wallet keeps the tree itself and asks for no path, so the zone does not learn which notes
//!   are its own.
//!
//! Known limitations: plain TCP. A zone that shows other blocks than settlement has to a wallet that does not check them makes it prove under a
//! root that no pool has: the payment fails.

use crate::limits::{ANSWER_SIZE_MAX, BLOCKS_ANSWER_MAX, FRAME_TIMEOUT, HEADERS_ANSWER_MAX, REQUEST_SIZE_MAX};
use plinth_privacy::field::{Anchor, RegistryRoot};
use plinth_privacy::limits::{ASSETS_MAX, CREDITS_WAITING_MAX};
use plinth_privacy::note::{Eligibility, Value};
use plinth_privacy::pool::block::Compact;
use plinth_privacy::pool::directive::SignedDirective;
use plinth_privacy::pool::state::Gate;
use plinth_privacy::transaction::{PoolId, Transaction};
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, Height, InboxIndex, PublicKey, TimestampNs};
use plinth_types::limits::BODY_SIZE_MAX;
use plinth_types::{choice, record};
use plinth_zone_protocol::{Bytes, List, Reason};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use thiserror::Error;

/// What a wallet asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// How is the zone?
    Status,
    /// Blocks from this height on.
    Blocks(Height),
    /// The registry as it was last published.
    Registry,
    /// Credits that wait for this key.
    Credits(PublicKey),
    /// Put this transaction into a block.
    Submit(Box<Transaction>),
    /// Put this directive into a block; with the registry, if it is a root of one.
    Direct(Box<SignedDirective>, Bytes<REQUEST_SIZE_MAX>),
    /// Headers, as settlement ordered them, from this height on.
    Headers(Height),
    /// The body of this block, whole.
    Body(Height),
}

/// What the zone says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// How it is.
    Status(Box<Status>),
    /// The next blocks; none if there is no such block yet.
    Blocks(List<Compact, BLOCKS_ANSWER_MAX>),
    /// The registry; empty before the first.
    Registry(Bytes<REQUEST_SIZE_MAX>),
    /// Credits that wait.
    Credits(List<WaitingCredit, CREDITS_WAITING_MAX>),
    /// It is in this block, durably.
    Sealed(Height),
    /// It is in no block, and will not be.
    Refused(Reason),
    /// It may still come into a block.
    Waits,
    /// The next headers; none if none is ordered yet.
    Headers(List<ZoneHeader, HEADERS_ANSWER_MAX>),
    /// The body; empty if there is no such block yet.
    Body(Bytes<BODY_SIZE_MAX>),
}

/// How the zone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which pool.
    pub pool: PoolId,
    /// The last block.
    pub height: Height,
    /// Its time.
    pub time: TimestampNs,
    /// How far the pool is open.
    pub gate: Gate,
    /// Directives so far.
    pub directives: u64,
    /// The last message of the inbox that is consumed.
    pub inbox: InboxIndex,
    /// The note tree's root.
    pub anchor: Anchor,
    /// The registry's root; none before the first.
    pub registry: List<RegistryRoot, 1>,
    /// The pool's assets.
    pub assets: List<AssetStatus, ASSETS_MAX>,
    /// Whether the host is there.
    pub connected: bool,
    /// Whether settlement takes no more blocks.
    pub frozen: bool,
    /// The last block that settlement has ordered.
    pub ordered: Height,
    /// The last block that is available.
    pub available: Height,
    /// The last block that is settled.
    pub settled: Height,
}

/// An asset of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetStatus {
    /// Which.
    pub asset: AssetId,
    /// Its terms.
    pub eligible: Eligibility,
    /// What came in less what went out.
    pub total: Value,
    /// Whether it neither enters nor leaves for now.
    pub frozen: bool,
}

/// A deposit that waits to be shielded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingCredit {
    /// By which a transaction names it.
    pub id: Digest,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub value: Value,
}

impl Request {
    /// Version of the protocol.
    pub const VERSION: u8 = 1;
}

impl Answer {
    /// Version of the protocol.
    pub const VERSION: u8 = 1;
}

record!(WaitingCredit { id, asset, value });
record!(AssetStatus { asset, eligible, total, frozen });
record!(Status {
    pool,
    height,
    time,
    gate,
    directives,
    inbox,
    anchor,
    registry,
    assets,
    connected,
    frozen,
    ordered,
    available,
    settled
});
choice!(Request, "request" {
    1 => Status,
    2 => Blocks(from),
    3 => Registry,
    4 => Credits(owner),
    5 => Submit(transaction),
    6 => Direct(directive, registry),
    7 => Headers(from),
    8 => Body(height),
}, version "version of the wallets' protocol");
choice!(Answer, "answer" {
    1 => Status(status),
    2 => Blocks(blocks),
    3 => Registry(registry),
    4 => Credits(credits),
    5 => Sealed(height),
    6 => Refused(reason),
    7 => Waits,
    8 => Headers(headers),
    9 => Body(body),
}, version "version of the wallets' protocol");

/// Why nothing was understood.
#[derive(Debug, Error)]
pub enum WireError {
    /// The other end is gone, between two frames.
    #[error("the other end has closed the connection")]
    Closed,
    /// Nothing came in time, or half a frame.
    #[error("nothing more came for {0:?}")]
    Silent(Duration),
    /// Larger than any frame.
    #[error("a frame of {size} bytes, at most {size_max} are read")]
    FrameSize {
        /// Claimed.
        size: usize,
        /// The bound.
        size_max: usize,
    },
    /// No message.
    #[error("not this protocol: {0}")]
    Malformed(#[from] DecodeError),
    /// The kernel.
    #[error(transparent)]
    Io(#[from] io::Error),
}

const LENGTH_SIZE: usize = 4;
/// Memory grows with what came, in such steps.
const CHUNK_SIZE: usize = 64 << 10;

/// Reads one message of at most `size_max` bytes whose first byte comes within `patience`.
pub fn receive<T: Codec>(stream: &mut TcpStream, size_max: usize, patience: Duration) -> Result<T, WireError> {
    let mut length = [0; LENGTH_SIZE];
    if fill(stream, &mut length[..1], Instant::now() + patience, patience)? == 0 {
        return Err(WireError::Closed);
    }
    let deadline = Instant::now() + FRAME_TIMEOUT;
    whole(stream, &mut length[1..], deadline)?;
    let size = u32::from_le_bytes(length) as usize;
    if size > size_max {
        return Err(WireError::FrameSize { size, size_max });
    }
    let mut frame = Vec::new();
    while frame.len() < size {
        let at = frame.len();
        frame.resize(size.min(at + CHUNK_SIZE), 0);
        whole(stream, &mut frame[at..], deadline)?;
    }
    Ok(T::decode(&frame)?)
}

/// Writes one message whole; the stream's own write timeout bounds it.
pub fn send(stream: &mut TcpStream, message: &impl Codec, size_max: usize) -> Result<(), WireError> {
    let mut frame = vec![0; LENGTH_SIZE];
    message.encode(&mut frame);
    let size = frame.len() - LENGTH_SIZE;
    if size > size_max {
        return Err(WireError::FrameSize { size, size_max });
    }
    frame[..LENGTH_SIZE].copy_from_slice(&(size as u32).to_le_bytes());
    Ok(stream.write_all(&frame)?)
}

fn whole(stream: &mut TcpStream, bytes: &mut [u8], deadline: Instant) -> Result<(), WireError> {
    let read = fill(stream, bytes, deadline, FRAME_TIMEOUT)?;
    if read == bytes.len() { Ok(()) } else { Err(WireError::Closed) }
}

/// How many bytes came before the stream ended.
fn fill(stream: &mut TcpStream, bytes: &mut [u8], deadline: Instant, patience: Duration) -> Result<usize, WireError> {
    let mut at = 0;
    while at < bytes.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(WireError::Silent(patience));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut bytes[at..]) {
            Ok(0) => break,
            Ok(count) => at += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at)
}

const _: () = assert!(ANSWER_SIZE_MAX > REQUEST_SIZE_MAX + 64, "a published registry can be answered");
