//! The zone's end of the host's socket: one thread hears, one hands over. The writer waits for neither.

use crate::block::under;
use crate::journal::Archive;
use crate::limits::{DIAL_PATIENCE, REJOIN_DELAY};
use crate::log;
use crate::writer::Event;
use plinth_types::id::Height;
use plinth_zone_protocol::{Incoming, News, Outgoing, Port, ProtocolError, Welcome};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

/// Something to say to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// This block.
    Block(Height),
    /// The news up to here need not be told again.
    Processed(Height),
}

/// Calls the host at `socket` again and again, until it refuses for good or the writer is gone.
pub fn run(socket: &Path, archive: &Archive, events: &SyncSender<Event>) {
    while let Some(ended) = call(socket, archive, events) {
        log(format_args!("settlement: {ended}"));
        if let ProtocolError::Refused(refusal) = ended
            && refusal.is_final()
        {
            // A writer that is gone has said why.
            let _gone = events.send(Event::RefusedForGood(refusal)).is_err();
            return;
        }
        std::thread::sleep(REJOIN_DELAY);
    }
}

/// One connection, to its end; `None` when the writer is gone.
fn call(socket: &Path, archive: &Archive, events: &SyncSender<Event>) -> Option<ProtocolError> {
    let (reply, hello) = channel();
    events.send(Event::Hello(reply)).ok()?;
    let hello = hello.recv().ok()?;
    let Port { welcome, outgoing, incoming } = match Port::connect(socket, &hello, DIAL_PATIENCE) {
        Ok(port) => port,
        Err(error) => return Some(error),
    };
    let hanger = match outgoing.try_clone() {
        Ok(hanger) => hanger,
        Err(error) => return Some(error),
    };
    log(format_args!("settlement: joined at block {}", welcome.settlement_height));
    std::thread::scope(|scope| {
        let (to_say, said) = channel();
        scope.spawn(move || speak(outgoing, archive, &welcome, &said));
        let ended = hear(incoming, welcome, to_say, events);
        hanger.close();
        ended
    })
}

fn hear(mut incoming: Incoming, welcome: Welcome, to_say: Sender<Say>, events: &SyncSender<Event>) -> Option<ProtocolError> {
    events.send(Event::Joined(Box::new(welcome), to_say)).ok()?;
    loop {
        match incoming.receive() {
            Ok(News::Finalized(news)) => events.send(Event::News(news)).ok()?,
            Ok(News::BlockRefused { height, reason }) => {
                log(format_args!("settlement: validators refuse block {height}: {reason}"))
            }
            Err(error) => {
                // Behind this the writer drops its end of what is said, and the speaker ends.
                events.send(Event::Left).ok()?;
                return Some(error);
            }
        }
    }
}

fn speak(mut outgoing: Outgoing, archive: &Archive, welcome: &Welcome, said: &Receiver<Say>) {
    let spoken = said.iter().try_for_each(|say| match say {
        Say::Processed(height) => outgoing.processed(height).map_err(|error| error.to_string()),
        Say::Block(height) => {
            let block = archive.block(height).map_err(|error| error.to_string())?;
            outgoing.block(under(block, welcome.epoch, welcome.guest_image)).map_err(|error| error.to_string())
        }
    });
    if let Err(error) = spoken {
        log(format_args!("settlement: {error}"));
    }
    // Whoever cannot speak hears nothing more either.
    outgoing.close();
}
