//! The body of a session-level reject.

use super::BodyWriter;
use crate::codec::{Version, tag};
use crate::dictionary::Violation;
use plinth_types::id::MsgSeqNum;

/// Before 4.2 the tag to blame stands in the text and there are no codes; 4.2 has those up to 11.
pub(in crate::session) fn write_reject(
    number: MsgSeqNum,
    msg_type: &[u8],
    text: &str,
    violation: Option<Violation>,
    body: &mut BodyWriter<'_>,
) {
    let version = body.version();
    let tag = violation.and_then(|violation| violation.tag);
    body.number(tag::REF_SEQ_NUM, number.get());
    if !version.is_at_least(Version::Fix42) {
        return match tag {
            Some(tag) => body.text(tag::TEXT, format_args!("{text} ({tag})")),
            None => body.bytes(tag::TEXT, text.as_bytes()),
        };
    }
    body.bytes(tag::TEXT, text.as_bytes());
    if let Some(tag) = tag {
        body.text(tag::REF_TAG_ID, format_args!("{tag}"));
    }
    body.bytes(tag::REF_MSG_TYPE, &msg_type[..msg_type.len().min(MSG_TYPE_SIZE_MAX)]);
    let code = violation.map(|violation| violation.reason.code());
    if let Some(code) = code.filter(|&code| code <= LAST_CODE_OF_FIX42 || version.is_at_least(Version::Fix43)) {
        body.number(tag::SESSION_REJECT_REASON, code);
    }
}

const MSG_TYPE_SIZE_MAX: usize = 16;
/// The last `SessionRejectReason` that FIX 4.2 knows.
const LAST_CODE_OF_FIX42: u64 = 11;
