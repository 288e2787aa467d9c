//! What a new producer knows of a dead one: the bodies that were ordered, against the journal that it finds.
//!
//! Bodies come from the shards ([`crate::link::recover`] fetches them). The journal says what was acknowledged to clients; what it holds
//! beyond the last available body was acknowledged and never available: [`missing`] names those records, and only those, for the
//! operator and for the clients that have to be told. An acknowledgement means durable on the dead producer's host, nothing more.

use plinth_types::block::BodyReader;
use plinth_types::codec::DecodeError;
use plinth_types::command::{Body, Command};
use plinth_types::id::Seq;

/// A record of the journal that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged<'a> {
    /// Its head.
    pub command: Command,
    /// Its tail.
    pub tail: &'a [u8],
}

/// How a journal and the available bodies compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Last record of the last available body, 0 if there is none.
    pub available_to: Seq,
    /// Commands that were acknowledged and are in no available body, ascending.
    pub never_available: Vec<Seq>,
    /// Commands of available bodies that the journal does not hold: it is older than what settlement has.
    pub not_in_journal: u64,
    /// The first record that is one command in the journal and another one in a body: the journal is of another producer.
    pub contradicted: Option<Seq>,
}

/// Compares a journal with the available bodies of its zone, each in order. Notes are the host's own and in no body.
///
/// # Errors
///
/// A body that no encoder wrote.
pub fn missing<'a>(
    bodies: impl IntoIterator<Item = &'a [u8]>,
    journal: impl IntoIterator<Item = Acknowledged<'a>>,
) -> Result<Missing, DecodeError> {
    let mut found = Missing::default();
    let commands = journal.into_iter().filter(|record| !matches!(record.command.body, Body::Note));
    let mut journal = commands.peekable();
    let first = journal.peek().map_or(Seq::new(u64::MAX), |record| record.command.seq);
    for body in bodies {
        for next in BodyReader::new(body) {
            let (command, tail) = next?;
            found.available_to = command.seq;
            while let Some(unordered) = journal.next_if(|record| record.command.seq < command.seq) {
                // Acknowledged under a number that the bodies step over.
                found.contradicted = found.contradicted.or(Some(unordered.command.seq));
            }
            match journal.next_if(|record| record.command.seq == command.seq) {
                Some(record) if record.command == command && record.tail == tail => {}
                Some(_) => found.contradicted = found.contradicted.or(Some(command.seq)),
                // A journal may begin behind the first bodies, at a snapshot.
                None if command.seq < first => {}
                None => found.not_in_journal += 1,
            }
        }
    }
    found.never_available = journal.map(|record| record.command.seq).collect();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::id::{MandateId, OrderId, SessionId, TimestampNs};

    fn command(seq: u64, body: Body) -> Command {
        let (seq, time, session) = (Seq::new(seq), TimestampNs::new(seq), SessionId::new(1));
        Command { seq, time, session, mandate: MandateId::new(0), body, tail_size: 2 }
    }

    fn cancel(seq: u64, sequence: u64) -> Command {
        command(seq, Body::Cancel { order: OrderId::new(SessionId::new(1), sequence).unwrap() })
    }

    fn body(commands: &[Command]) -> Vec<u8> {
        let record = |command: &Command| [command.head().as_slice(), b"tt"].concat();
        commands.iter().flat_map(record).collect()
    }

    fn journal(commands: &[Command]) -> Vec<Acknowledged<'static>> {
        commands.iter().map(|command| Acknowledged { command: *command, tail: b"tt" }).collect()
    }

    #[test]
    fn what_was_acknowledged_and_never_available_is_named() {
        let (first, second) = (body(&[cancel(1, 1), cancel(2, 2)]), body(&[cancel(4, 3)]));
        let bodies = [first.as_slice(), &second];
        let note = command(3, Body::Note);
        let whole = journal(&[cancel(1, 1), cancel(2, 2), note, cancel(4, 3), cancel(5, 4), command(6, Body::Note), cancel(7, 5)]);
        let found = missing(bodies, whole).unwrap();
        let never_available = vec![Seq::new(5), Seq::new(7)];
        assert_eq!(found, Missing { available_to: Seq::new(4), never_available, ..Missing::default() });

        let behind_a_snapshot = missing(bodies, journal(&[cancel(4, 3)])).unwrap();
        assert_eq!(behind_a_snapshot, Missing { available_to: Seq::new(4), ..Missing::default() });
        let older = missing(bodies, journal(&[cancel(1, 1)])).unwrap();
        assert_eq!(older, Missing { available_to: Seq::new(4), not_in_journal: 2, ..Missing::default() });
        let nothing_available = missing([], journal(&[note, cancel(4, 3)])).unwrap();
        assert_eq!(nothing_available, Missing { never_available: vec![Seq::new(4)], ..Missing::default() });
    }

    #[test]
    fn a_journal_of_another_producer_is_told_apart() {
        let body = body(&[cancel(1, 1), cancel(3, 3)]);
        let other = missing([body.as_slice()], journal(&[cancel(1, 9), cancel(3, 3)])).unwrap();
        assert_eq!(other.contradicted, Some(Seq::new(1)));
        let stepped_over = missing([body.as_slice()], journal(&[cancel(1, 1), cancel(2, 2), cancel(3, 3)])).unwrap();
        assert_eq!(stepped_over.contradicted, Some(Seq::new(2)));
        let mut tail = journal(&[cancel(1, 1), cancel(3, 3)]);
        tail[1].tail = b"xx";
        assert_eq!(missing([body.as_slice()], tail).unwrap().contradicted, Some(Seq::new(3)));
        assert!(missing([&body[1..]], []).is_err());
    }
}
