//! What a recovery found, for the operator and for the clients who have to be told.

use crate::config::Resolved;
use plinth_matching::replica::Kept;
use plinth_types::command::{Body, ClientTail, Command};
use plinth_types::id::{Height, MsgSeqNum, Seq};
use std::fmt;
use std::path::PathBuf;

/// What was recovered.
pub(super) struct Report {
    /// The last block that was ordered, whose body is here.
    pub(super) blocks: Height,
    /// The last one of them that f+1 validators had rebuilt.
    pub(super) available: Height,
    /// The last record of them.
    pub(super) available_to: Seq,
    pub(super) old: Option<PathBuf>,
    pub(super) kept: Kept,
    /// Commands behind the last block that the old journal had.
    pub(super) restored: Vec<String>,
    /// Trades that they make.
    pub(super) trades: u32,
    /// Trades that clients were told of, of records that are lost.
    pub(super) lost_trades: usize,
    /// The last outbound FIX number that is not used any more.
    pub(super) reserved: MsgSeqNum,
    pub(super) replaced: Option<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, available, available_to, old, kept, restored, trades, lost_trades, reserved, replaced } = self;
        writeln!(f, "{blocks} blocks recovered, up to record {available_to}; {available} of them were available")?;
        match old {
            None => writeln!(
                f,
                "no old journal: what was acknowledged behind record {available_to} is lost, and nothing here says what it was"
            )?,
            Some(path) => {
                writeln!(f, "old journal {}: whole up to record {}", path.display(), kept.last_seq)?;
                writeln!(f, "acknowledged and never available, taken over from it: {} commands, {trades} trades", restored.len())?;
                restored.iter().try_for_each(|command| writeln!(f, "  {command}"))?;
            }
        }
        if let Some(damage) = &kept.corruption {
            writeln!(f, "LOST: from record {} on the old journal is damaged: {damage}", kept.last_seq.max(*available_to).next())?;
        } else if old.is_some() && !kept.is_whole(*available_to) {
            writeln!(
                f,
                "LOST: the old journal ends before the last block; what was acknowledged behind record {available_to} is not in it"
            )?;
        }
        if *lost_trades > 0 {
            writeln!(
                f,
                "LOST: {lost_trades} trades that clients were told of; both sides hear at the next start that they are busted"
            )?;
        }
        writeln!(
            f,
            "FIX sessions go on behind outbound number {reserved}; who asks for what it missed is told all its reports again"
        )?;
        if let Some(path) = replaced {
            writeln!(f, "the old zone is kept in {}", path.display())?;
        }
        Ok(())
    }
}

/// A command as its client knows it.
pub(super) fn describe(resolved: &Resolved, command: &Command, tail: &[u8]) -> String {
    let seq = command.seq;
    let session = resolved.sessions.iter().find(|session| session.id == command.session);
    let session = session.map_or("the appliance", |session| session.session.comp_id.as_str());
    let (what, order) = match command.body {
        Body::New(new) => ("new order", Some(new.order)),
        Body::Cancel { order } => ("cancel", Some(order)),
        Body::Replace { order, .. } => ("replace", Some(order)),
        Body::MassCancel(_) => ("mass cancel", None),
        Body::MassQuote(_) => ("mass quote", None),
        Body::Configure => ("reference data", None),
        Body::Inbox => ("message from settlement", None),
        Body::Withdraw => ("withdrawal", None),
        Body::Note => ("note", None),
    };
    let order = order.map_or_else(String::new, |order| format!(" {order}"));
    let client = ClientTail::of(&command.body, tail)
        .map_or_else(|_| String::new(), |tail| format!(", ClOrdID {}", String::from_utf8_lossy(tail.client_order_id.as_bytes())));
    format!("record {seq}: {session}, {what}{order}{client}")
}
