//! A wallet's end of the socket.

use crate::limits::{ANSWER_SIZE_MAX, FRAME_TIMEOUT, REQUEST_SIZE_MAX, SUBMIT_PATIENCE};
use crate::wire::{Answer, Request, Status, WaitingCredit, WireError, receive, send};
use plinth_privacy::pool::block::Compact;
use plinth_privacy::pool::directive::SignedDirective;
use plinth_privacy::registry::Registry;
use plinth_privacy::transaction::Transaction;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec as _;
use plinth_types::id::{Height, PublicKey};
use plinth_zone_protocol::{Bytes, Reason};
use std::net::{SocketAddr, TcpStream};
use thiserror::Error;

/// Why the zone did not do it.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No answer.
    #[error("the zone at {zone}: {error}")]
    Wire {
        /// Where.
        zone: SocketAddr,
        /// Why.
        error: WireError,
    },
    /// An answer to another question.
    #[error("the zone answers another question than was asked")]
    OtherAnswer,
    /// The zone's own word.
    #[error("the zone refuses: {0}")]
    Refused(Reason),
    /// Not decided in time.
    #[error("not in a block yet; it may still come into one until it expires")]
    Waits,
    /// The registry that it shows is none.
    #[error("the zone's registry: {0}")]
    Registry(plinth_types::codec::DecodeError),
    /// No registry yet.
    #[error("the zone has no registry yet")]
    NoRegistry,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    zone: SocketAddr,
}

impl Client {
    /// Calls the zone.
    pub fn connect(zone: SocketAddr) -> Result<Self, ClientError> {
        let connected = || {
            let stream = TcpStream::connect_timeout(&zone, FRAME_TIMEOUT)?;
            stream.set_write_timeout(Some(FRAME_TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connected().map_err(|error| ClientError::Wire { zone, error: WireError::Io(error) })?;
        Ok(Self { stream, zone })
    }

    /// How the zone is.
    pub fn status(&mut self) -> Result<Status, ClientError> {
        let Answer::Status(status) = self.ask(&Request::Status)? else { return Err(ClientError::OtherAnswer) };
        Ok(*status)
    }

    /// The next blocks from this height on; none if there is none yet.
    pub fn blocks(&mut self, from: Height) -> Result<Vec<Compact>, ClientError> {
        let Answer::Blocks(blocks) = self.ask(&Request::Blocks(from))? else { return Err(ClientError::OtherAnswer) };
        let mut expected = Some(from.max(Height::new(1)).get());
        for block in blocks.iter() {
            if expected != Some(block.height.get()) {
                return Err(ClientError::OtherAnswer);
            }
            expected = block.height.get().checked_add(1);
        }
        Ok(blocks.0)
    }

    /// The next headers from this height on, as the zone says that settlement ordered them; none if there is none yet.
    pub fn headers(&mut self, from: Height) -> Result<Vec<ZoneHeader>, ClientError> {
        let Answer::Headers(headers) = self.ask(&Request::Headers(from))? else { return Err(ClientError::OtherAnswer) };
        Ok(headers.0)
    }

    /// The body of this block, whole; empty if there is none yet.
    pub fn body(&mut self, height: Height) -> Result<Vec<u8>, ClientError> {
        let Answer::Body(body) = self.ask(&Request::Body(height))? else { return Err(ClientError::OtherAnswer) };
        Ok(body.0)
    }

    /// The registry as it was last published.
    pub fn registry(&mut self) -> Result<Registry, ClientError> {
        let Answer::Registry(bytes) = self.ask(&Request::Registry)? else { return Err(ClientError::OtherAnswer) };
        if bytes.0.is_empty() {
            return Err(ClientError::NoRegistry);
        }
        Registry::decode(&bytes.0).map_err(ClientError::Registry)
    }

    /// What waits to be shielded by this key.
    pub fn credits(&mut self, owner: PublicKey) -> Result<Vec<WaitingCredit>, ClientError> {
        let Answer::Credits(credits) = self.ask(&Request::Credits(owner))? else { return Err(ClientError::OtherAnswer) };
        Ok(credits.0)
    }

    /// Submits a transaction, and waits for its block.
    pub fn submit(&mut self, transaction: Transaction) -> Result<Height, ClientError> {
        self.sealed(&Request::Submit(Box::new(transaction)))
    }

    /// Gives a directive, and waits for its block.
    pub fn direct(&mut self, directive: SignedDirective, registry: Option<&Registry>) -> Result<Height, ClientError> {
        let registry = Bytes(registry.map(plinth_types::codec::Codec::to_bytes).unwrap_or_default());
        self.sealed(&Request::Direct(Box::new(directive), registry))
    }

    fn sealed(&mut self, request: &Request) -> Result<Height, ClientError> {
        let Answer::Sealed(height) = self.ask(request)? else { return Err(ClientError::OtherAnswer) };
        Ok(height)
    }

    /// An answer that says something of the matter.
    fn ask(&mut self, request: &Request) -> Result<Answer, ClientError> {
        let patience = SUBMIT_PATIENCE + FRAME_TIMEOUT;
        let answer = send(&mut self.stream, request, REQUEST_SIZE_MAX)
            .and_then(|()| receive(&mut self.stream, ANSWER_SIZE_MAX, patience))
            .map_err(|error| ClientError::Wire { zone: self.zone, error })?;
        if let Answer::Refused(reason) = answer {
            return Err(ClientError::Refused(reason));
        }
        if answer == Answer::Waits { Err(ClientError::Waits) } else { Ok(answer) }
    }
}
