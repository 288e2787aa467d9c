//! Field tags.

use core::fmt;

/// A field's number. Negative ones exist on the wire and are refused by the dictionary, which must be able to name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Tag(i32);

impl Tag {
    /// Wraps a number.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Whether values are never shown: user names, passwords, signatures and raw data.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self.0, 89 | 91 | 96 | 553 | 554 | 925 | 1_402 | 1_404)
    }

    /// Index into a table of tags; `None` for a negative one.
    #[must_use]
    #[inline]
    pub const fn index(self) -> Option<usize> {
        if self.0 < 0 { None } else { Some(self.0 as usize) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! tags {
    ($($name:ident = $number:literal),* $(,)?) => {
        $(#[doc = concat!("Tag ", stringify!($number), ".")] pub const $name: Tag = Tag($number);)*
    };
}

tags! {
    ACCOUNT = 1, AVG_PX = 6, BEGIN_SEQ_NO = 7, BEGIN_STRING = 8, BODY_LENGTH = 9, CHECK_SUM = 10, CL_ORD_ID = 11, CUM_QTY = 14,
    END_SEQ_NO = 16, EXEC_ID = 17, EXEC_INST = 18, EXEC_TRANS_TYPE = 20, HANDL_INST = 21, LAST_PX = 31, LAST_QTY = 32, MSG_SEQ_NUM = 34, MSG_TYPE = 35,
    NEW_SEQ_NO = 36, ORDER_ID = 37, ORDER_QTY = 38, ORD_STATUS = 39, ORD_TYPE = 40, ORIG_CL_ORD_ID = 41, POSS_DUP_FLAG = 43,
    PRICE = 44, REF_SEQ_NUM = 45, SENDER_COMP_ID = 49, SENDING_TIME = 52, SIDE = 54, SYMBOL = 55, TARGET_COMP_ID = 56, TEXT = 58,
    TIME_IN_FORCE = 59, TRANSACT_TIME = 60, SETTL_DATE = 64, TRADE_DATE = 75, SIGNATURE = 89, SECURE_DATA_LEN = 90, SECURE_DATA = 91,
    SIGNATURE_LENGTH = 93, RAW_DATA_LENGTH = 95, RAW_DATA = 96, POSS_RESEND = 97, ENCRYPT_METHOD = 98, STOP_PX = 99,
    CXL_REJ_REASON = 102, ORD_REJ_REASON = 103, HEART_BT_INT = 108, MIN_QTY = 110, MAX_FLOOR = 111, TEST_REQ_ID = 112,
    ON_BEHALF_OF_COMP_ID = 115, ON_BEHALF_OF_SUB_ID = 116, ORIG_SENDING_TIME = 122, GAP_FILL_FLAG = 123, EXPIRE_TIME = 126,
    DELIVER_TO_COMP_ID = 128, DELIVER_TO_SUB_ID = 129, RESET_SEQ_NUM_FLAG = 141, ON_BEHALF_OF_LOCATION_ID = 144,
    DELIVER_TO_LOCATION_ID = 145, EXEC_TYPE = 150, LEAVES_QTY = 151, CASH_ORDER_QTY = 152, REF_TAG_ID = 371, REF_MSG_TYPE = 372,
    SESSION_REJECT_REASON = 373, BUSINESS_REJECT_REF_ID = 379, BUSINESS_REJECT_REASON = 380, CXL_REJ_RESPONSE_TO = 434,
    MASS_CANCEL_REQUEST_TYPE = 530, MASS_CANCEL_RESPONSE = 531, MASS_CANCEL_REJECT_REASON = 532,
    TOTAL_AFFECTED_ORDERS = 533, MASS_STATUS_REQ_ID = 584, MASS_STATUS_REQ_TYPE = 585, TOT_NUM_REPORTS = 911,
    LAST_RPT_REQUESTED = 912, NO_RELATED_SYM = 146, SECURITY_REQ_ID = 320, SECURITY_RESPONSE_ID = 322,
    SECURITY_LIST_REQUEST_TYPE = 559, SECURITY_REQUEST_RESULT = 560, TOT_NO_RELATED_SYM = 393, LAST_FRAGMENT = 893,
    NO_SIDES = 552, USERNAME = 553, PASSWORD = 554, PREVIOUSLY_REPORTED = 570, TRADE_REPORT_ID = 571, TRD_MATCH_ID = 880,
    TRADE_REPORT_REF_ID = 572, TRADE_REPORT_TYPE = 856, ORD_STATUS_REQ_ID = 790, TRADE_REPORT_TRANS_TYPE = 487, NEW_PASSWORD = 925,
    NEXT_EXPECTED_MSG_SEQ_NUM = 789, DEFAULT_APPL_VER_ID = 1_137, MASS_ACTION_REPORT_ID = 1_369,
    ZONE_STATE = 20_001, ATTESTATION = 20_002, SETTLEMENT_HEIGHT = 20_003, ZONE_HEIGHT = 20_004,
}
