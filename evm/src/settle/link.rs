//! The conversation with the host.

use super::position::{Position, PositionError, PositionFile};
use super::standing::StandingError;
use super::{Settlement, Work};
use crate::node::Node;
use crate::zone::{self, Terms, ZoneError};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch};
use plinth_zone_protocol::message::{Finalized, Hello, Refusal};
use plinth_zone_protocol::{Incoming, News, Outgoing, Port, ProtocolError};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// How long a host that is not there is called before the program says so and calls on.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// Pause before a host that hung up is called again.
const REJOIN_DELAY: Duration = Duration::from_millis(500);

/// The zone cannot go on with settlement.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host's own word.
    #[error("settlement refuses this zone: {0}")]
    Refused(Refusal),
    /// The position on disk.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// What settlement says cannot be.
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// A block that cannot be handed over.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// Settled is another block.
    #[error("settlement settled block {height} of this zone with body {settled}, here its body is {executed}")]
    OtherBlock {
        /// Which.
        height: Height,
        /// There.
        settled: Digest,
        /// Here.
        executed: Digest,
    },
}

/// Speaks with the host at `socket` until it is final that it cannot, or the node stops.
pub fn run(node: &Node, socket: &Path, file: &PositionFile) -> Result<(), LinkError> {
    let settlement = node.settlement().ok_or(ZoneError::NoBridge)?;
    let mut position = file.load()?;
    while !node.is_stopping() {
        match Port::connect(socket, &hello(node, position)?, DIAL_PATIENCE) {
            Ok(port) => {
                position.genesis = port.welcome.genesis;
                file.store(position)?;
                println!("settlement: joined at block {}", port.welcome.settlement_height);
                position = session(node, settlement, port, position, file)?;
            }
            Err(ProtocolError::Refused(refusal)) if refusal.is_final() => return Err(LinkError::Refused(refusal)),
            Err(error) => eprintln!("settlement: {error}"),
        }
        std::thread::sleep(REJOIN_DELAY);
    }
    Ok(())
}

fn hello(node: &Node, position: Position) -> Result<Hello, ZoneError> {
    let chain = node.chain();
    let bridge = chain.bridge().ok_or(ZoneError::NoBridge)?;
    let height = zone::height(&chain);
    let body_hash = match height.get() {
        0 => Digest::ZERO,
        _ => zone::block(&chain, height, Terms::default())?.header.body_hash,
    };
    Ok(Hello {
        chain: bridge.chain,
        zone: bridge.zone,
        genesis: position.genesis,
        epoch: ProducerEpoch::new(0),
        height,
        body_hash,
        settlement_height: position.settlement_height,
    })
}

/// One connection, to its end. Gives the position reached.
fn session(
    node: &Node,
    settlement: &Settlement,
    port: Port,
    position: Position,
    file: &PositionFile,
) -> Result<Position, LinkError> {
    let Port { welcome, outgoing, incoming } = port;
    settlement.change(|standing| standing.welcome(&welcome, position.settlement_height))?;
    node.settlement_changed();
    let reached = Mutex::new(position);
    let ended = std::thread::scope(|scope| {
        let hanger = match outgoing.try_clone() {
            Ok(hanger) => hanger,
            Err(error) => return hear_end(error),
        };
        let (file, reached) = (&file, &reached);
        let speaker = scope.spawn(move || {
            let mut outgoing = outgoing;
            let spoken = speak(node, settlement, &mut outgoing, file, reached);
            // Whoever cannot speak hears nothing more either.
            outgoing.close();
            spoken
        });
        let heard = hear(node, settlement, incoming);
        settlement.change(super::Standing::disconnected);
        hanger.close();
        let spoken = speaker.join().unwrap_or(Ok(()));
        heard.and(spoken)
    });
    ended?;
    Ok(reached.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn hear(node: &Node, settlement: &Settlement, mut incoming: Incoming) -> Result<(), LinkError> {
    loop {
        match incoming.receive() {
            Ok(News::Finalized(news)) => {
                check_settled(node, &news)?;
                settlement.change(|standing| standing.news(&news))?;
                node.settlement_changed();
            }
            Ok(News::BlockRefused { height, reason }) => eprintln!("settlement: validators refuse block {height}: {reason}"),
            Err(error) => return hear_end(error),
        }
    }
}

/// Only the host's own final word ends the zone; whatever else ends a connection is tried again.
fn hear_end(error: ProtocolError) -> Result<(), LinkError> {
    if let ProtocolError::Refused(refusal) = &error
        && refusal.is_final()
    {
        return Err(LinkError::Refused(refusal.clone()));
    }
    eprintln!("settlement: {error}");
    Ok(())
}

fn check_settled(node: &Node, news: &Finalized) -> Result<(), LinkError> {
    let chain = node.chain();
    for block in news.settled.iter() {
        let executed = zone::block(&chain, block.height, Terms::default())?.header.body_hash;
        if executed != block.body_hash {
            return Err(LinkError::OtherBlock { height: block.height, settled: block.body_hash, executed });
        }
    }
    Ok(())
}

fn speak(
    node: &Node,
    settlement: &Settlement,
    outgoing: &mut Outgoing,
    file: &PositionFile,
    reached: &Mutex<Position>,
) -> Result<(), LinkError> {
    while let Some(work) = settlement.next_work() {
        let said = match work {
            Work::Processed(height) => {
                let mut position = reached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                position.settlement_height = height;
                file.store(*position)?;
                outgoing.processed(height)
            }
            Work::HandOver(height, terms) => {
                let block = zone::block(&node.chain(), height, terms)?;
                outgoing.block(block)
            }
        };
        if let Err(error) = said {
            eprintln!("settlement: {error}");
            return Ok(());
        }
    }
    Ok(())
}
