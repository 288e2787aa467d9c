//! What a client signs to log on with a key instead of a password.
//!
//! The signature is Ed25519 (RFC 8032) over these values with an SOH behind each but the last, and stands in `RawData` (96) as 128 hexadecimal
//! digits:
//!
//! ```text
//! plinth-logon-1 | BeginString | MsgSeqNum | SenderCompID | TargetCompID | SendingTime | ResetSeqNumFlag, Y or N
//! ```
//!
//! Each value stands as in the message; none can hold an SOH, so no two logons have the same text. The first word keeps a signature over
//! something else from being one over a logon.

use crate::codec::{Message, SOH, tag};

/// The signed values of one logon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedLogon<'a> {
    /// Tag 8.
    pub begin_string: &'a [u8],
    /// Tag 34.
    pub msg_seq_num: &'a [u8],
    /// Tag 49.
    pub sender: &'a [u8],
    /// Tag 56.
    pub target: &'a [u8],
    /// Tag 52.
    pub sending_time: &'a [u8],
    /// Tag 141.
    pub is_reset: bool,
}

impl<'a> SignedLogon<'a> {
    /// Those of a message; `None` if it lacks one.
    #[must_use]
    pub fn of(message: &Message<'a>) -> Option<Self> {
        Some(Self {
            begin_string: message.begin_string(),
            msg_seq_num: message.get(tag::MSG_SEQ_NUM)?,
            sender: message.get(tag::SENDER_COMP_ID)?,
            target: message.get(tag::TARGET_COMP_ID)?,
            sending_time: message.get(tag::SENDING_TIME)?,
            is_reset: message.is_set(tag::RESET_SEQ_NUM_FLAG),
        })
    }

    /// What is signed.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let reset: &[u8] = if self.is_reset { b"Y" } else { b"N" };
        [DOMAIN, self.begin_string, self.msg_seq_num, self.sender, self.target, self.sending_time, reset].join(&SOH)
    }
}

const DOMAIN: &[u8] = b"plinth-logon-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_the_documented_one() {
        let logon = SignedLogon {
            begin_string: b"FIX.4.4",
            msg_seq_num: b"7",
            sender: b"FIRM1",
            target: b"PLINTH",
            sending_time: b"20260225-12:00:00.000",
            is_reset: false,
        };
        assert_eq!(logon.text(), b"plinth-logon-1\x01FIX.4.4\x017\x01FIRM1\x01PLINTH\x0120260225-12:00:00.000\x01N");
    }
}
