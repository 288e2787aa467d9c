//! The application of the QuickFIX acceptance tests: orders, security definitions and mails come back as they were, ascending by tag; one that
//! says it may have been sent before (`PossResend`) comes back only if its `ClOrdID` is new to the connection. It shares every line of codec,
//! dictionary, session and driver with the gateway.

use crate::codec::{Message, Version, tag};
use crate::session::{Application, BodyWriter, Origin, Outbound};
use crate::zone::Zone;
use plinth_types::id::{Seq, SessionId};
use std::collections::HashSet;

/// Sends orders, definitions and mails back.
#[derive(Debug, Default)]
pub struct Echo {
    seen: HashSet<(SessionId, Vec<u8>)>,
}

impl Application for Echo {
    fn message<Z: Zone>(&mut self, origin: Origin, message: &Message<'_>, _: &mut Z, reply: &mut Outbound) {
        let time = origin.now.utc;
        let msg_type = message.msg_type();
        if !matches!(msg_type, b"D" | b"d" | b"C") {
            if !reply.version().is_at_least(Version::Fix42) {
                return reply.push_reject_text(origin.msg_seq_num, msg_type, "Unsupported message type", time);
            }
            reply.push(Seq::new(0), b"j", time, |body| {
                body.number(tag::REF_SEQ_NUM, origin.msg_seq_num.get());
                body.bytes(tag::TEXT, b"Unsupported Message Type");
                body.bytes(tag::REF_MSG_TYPE, msg_type);
                body.number(tag::BUSINESS_REJECT_REASON, 3);
                if let Some(id) = body.version().appl_ver_id() {
                    body.bytes(tag::DEFAULT_APPL_VER_ID, id);
                }
            });
            return;
        }
        let again = message.is_set(tag::POSS_RESEND);
        let id = message.get(tag::CL_ORD_ID).unwrap_or_default().to_vec();
        let fresh = self.seen.insert((origin.session, id));
        if again && !fresh {
            return;
        }
        let header = [8, 9, 35, 34, 43, 49, 52, 56, 97, 122, 10];
        let mut fields: Vec<_> = message.fields().filter(|(tag, _)| !header.contains(&tag.get())).collect();
        fields.sort_by_key(|(tag, _)| *tag);
        let write = |body: &mut BodyWriter<'_>| fields.iter().for_each(|(tag, value)| body.bytes(*tag, value));
        if again { reply.push_again(Seq::new(0), msg_type, time, write) } else { reply.push(Seq::new(0), msg_type, time, write) }
    }

    fn disconnected(&mut self, session: SessionId) {
        self.seen.retain(|(owner, _)| *owner != session);
    }
}
