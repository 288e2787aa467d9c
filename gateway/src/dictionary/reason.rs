//! Reasons of a session-level reject. Codes and texts are wire values, pinned by a test.

use crate::codec::Tag;

/// `SessionRejectReason`, tag 373.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRejectReason {
    /// No such tag in FIX 4.4.
    InvalidTagNumber,
    /// A field that every message of the type has is missing.
    RequiredTagMissing,
    /// The tag exists, but not in this message.
    TagNotDefined,
    /// The field is empty.
    TagWithoutValue,
    /// Not one of the values that the field may have.
    ValueIncorrect,
    /// Not of the field's data type.
    DataFormatIncorrect,
    /// Not the parties of this session.
    CompIdProblem,
    /// The clocks are too far apart, or a message was sent before it was first sent.
    SendingTimeAccuracy,
    /// No such message type in FIX 4.4.
    InvalidMsgType,
    /// The field is given twice.
    TagRepeated,
    /// A header field behind the header, or a body field behind the trailer.
    TagOutOfOrder,
    /// A group has more or fewer entries than it says.
    GroupCountIncorrect,
}

impl SessionRejectReason {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::InvalidTagNumber => 0,
            Self::RequiredTagMissing => 1,
            Self::TagNotDefined => 2,
            Self::TagWithoutValue => 4,
            Self::ValueIncorrect => 5,
            Self::DataFormatIncorrect => 6,
            Self::CompIdProblem => 9,
            Self::SendingTimeAccuracy => 10,
            Self::InvalidMsgType => 11,
            Self::TagRepeated => 13,
            Self::TagOutOfOrder => 14,
            Self::GroupCountIncorrect => 16,
        }
    }

    /// The words in tag 58.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::InvalidTagNumber => "Invalid tag number",
            Self::RequiredTagMissing => "Required tag missing",
            Self::TagNotDefined => "Tag not defined for this message type",
            Self::TagWithoutValue => "Tag specified without a value",
            Self::ValueIncorrect => "Value is incorrect (out of range) for this tag",
            Self::DataFormatIncorrect => "Incorrect data format for value",
            Self::CompIdProblem => "CompID problem",
            Self::SendingTimeAccuracy => "SendingTime accuracy problem",
            Self::InvalidMsgType => "Invalid MsgType",
            Self::TagRepeated => "Tag appears more than once",
            Self::TagOutOfOrder => "Tag specified out of required order",
            Self::GroupCountIncorrect => "Incorrect NumInGroup count for repeating group",
        }
    }
}

/// What is wrong with a message, and with which field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Why.
    pub reason: SessionRejectReason,
    /// `RefTagID`, tag 371, where one field is to blame.
    pub tag: Option<Tag>,
}

impl Violation {
    /// A field is to blame.
    #[must_use]
    pub const fn of(reason: SessionRejectReason, tag: Tag) -> Self {
        Self { reason, tag: Some(tag) }
    }

    /// The message as a whole is to blame.
    #[must_use]
    pub const fn whole(reason: SessionRejectReason) -> Self {
        Self { reason, tag: None }
    }
}
