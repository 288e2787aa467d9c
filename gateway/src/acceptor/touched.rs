//! Sessions that something happened to, and where reports go.

use crate::session::{Outbound, Session};
use plinth_types::id::{MsgSeqNum, SessionId};
use std::collections::HashMap;

/// Sessions that something happened to, each once.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) sessions: Vec<usize>,
    is_in: Vec<bool>,
}

impl Touched {
    pub(super) fn add(&mut self, session: usize) {
        if self.is_in.len() <= session {
            self.is_in.resize(session + 1, false);
        }
        if !std::mem::replace(&mut self.is_in[session], true) {
            self.sessions.push(session);
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = usize> + '_ {
        self.sessions.drain(..).inspect(|&session| self.is_in[session] = false)
    }
}

/// Where reports go.
#[derive(Debug)]
pub struct Sessions<'a> {
    pub(super) sessions: &'a mut [Session],
    pub(super) by_id: &'a HashMap<SessionId, usize>,
    pub(super) copies: &'a [Vec<usize>],
    pub(super) touched: &'a mut Touched,
}

impl Sessions<'_> {
    /// The outbound half of a session; `None` if it is no longer configured.
    pub fn outbound(&mut self, id: SessionId) -> Option<&mut Outbound> {
        let index = *self.by_id.get(&id)?;
        self.touched.add(index);
        self.sessions.get_mut(index).map(Session::outbound)
    }

    /// Tells a session something that came of a record, and the drop-copy sessions of its firm too: `say` writes each of these messages, and
    /// is given the `CompID` of the session that a copy is of.
    pub fn tell(&mut self, id: SessionId, mut say: impl FnMut(&mut Outbound, Option<&str>)) {
        let Some(&index) = self.by_id.get(&id) else { return };
        self.touched.add(index);
        say(self.sessions[index].outbound(), None);
        for &copy in &self.copies[index] {
            if let Ok([own, hearer]) = self.sessions.get_disjoint_mut([index, copy]) {
                self.touched.add(copy);
                say(hearer.outbound(), Some(&own.config().comp_id));
            }
        }
    }

    /// A replayed command of a session came with this number.
    pub fn recovered(&mut self, id: SessionId, msg_seq_num: MsgSeqNum) {
        if let Some(&index) = self.by_id.get(&id) {
            self.sessions[index].recovered(msg_seq_num);
        }
    }
}
