//! Every bound of the gateway, by name. What a peer claims is compared with these before anything is kept for it.

/// Longest FIX message in either direction, in bytes, from `8=` to the SOH behind the checksum.
pub const MESSAGE_SIZE_MAX: usize = 8 << 10;
/// Most fields in one inbound message; one with more is garbled.
pub const FIELDS_MAX: usize = 256;
/// Longest `BeginString`, in bytes.
pub const BEGIN_STRING_SIZE_MAX: usize = 16;
/// Longest number written in digits: a tag, a body length, a sequence number.
pub const DIGITS_MAX: usize = 18;
/// Most digits of a tag. Longer ones are garbage, not tags.
pub const TAG_DIGITS_MAX: usize = 9;
/// Most decimal places of an instrument's price or quantity.
pub const DECIMALS_MAX: u8 = 18;

/// Bytes of one receive.
pub const RECEIVE_SIZE: usize = 4 << 10;
/// Buffers that the kernel receives into, for all connections together.
pub const RECEIVE_BUFFERS: usize = 512;
/// Received bytes of one connection beyond which its socket is read no further: one message that is arriving and those behind it.
pub const RECEIVE_BUFFER_SIZE: usize = 4 * MESSAGE_SIZE_MAX;
/// Bytes handed to the kernel, or waiting to be, for one connection. A session with more to say waits in its store.
pub const SEND_BUFFER_SIZE: usize = 128 << 10;
/// A session whose peer has left this many stored bytes untaken is quarantined: it is served from its store, at the peer's pace.
pub const QUARANTINE_SIZE: usize = 4 << 20;
/// A quarantined session that has not caught up after this long is cut. It finds everything when it comes back.
pub const QUARANTINE_TIME_NS: u64 = 10 * SECOND_NS;
/// Bytes of resent messages written for one session before others get their turn.
pub const RESEND_SIZE_PER_TURN: usize = 32 << 10;
/// Resend requests of one session waiting to be served; further ones widen the last.
pub const RESENDS_WAITING_MAX: usize = 8;

/// Most connections at once that can be configured, those that have not logged on included.
pub const CONNECTIONS_MAX: usize = 16 << 10;
/// Connections at once unless configured otherwise. The next one is closed.
pub const CONNECTIONS_DEFAULT: usize = 512;
/// Connections from one address unless configured otherwise. The next one is closed.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: usize = 256;
/// Addresses that one gateway listens on.
pub const LISTENERS_MAX: usize = 8;
/// Connections over TLS with one certificate. The next one is closed.
pub const CONNECTIONS_PER_CERTIFICATE_MAX: usize = 64;
/// TLS handshakes of one address in quick succession. The next connection is closed before anything is computed for it.
pub const HANDSHAKES_BURST: u64 = 256;
/// How often an address may begin one after that: twenty times a second.
pub const HANDSHAKE_INTERVAL_NS: u64 = SECOND_NS / 20;
/// How long the last words on a connection (why a handshake failed, that nothing follows) may take to be sent.
pub const FAREWELL_TIME_MAX_NS: u64 = SECOND_NS;
/// Connections that have not logged on. The next one is closed, so that silent peers cannot keep clients out.
pub const CONNECTIONS_PENDING_MAX: usize = 128;
/// Addresses whose failed logons, logons or handshakes are remembered. Beyond it those that may try again are forgotten first.
pub const FAILURES_KEPT_MAX: usize = 4_096;
/// Failed logons of one address in quick succession. The next connection is closed before its password is looked at.
pub const FAILED_LOGONS_BURST: u64 = 10;
/// How often an address may fail after that: ten times a minute.
pub const FAILED_LOGON_INTERVAL_NS: u64 = 6 * SECOND_NS;
/// Logons of one session from one address in quick succession that are verified. The next connection is closed.
pub const LOGONS_BURST: u64 = 64;
/// How often one is verified after that: four times a second.
pub const LOGON_INTERVAL_NS: u64 = SECOND_NS / 4;
/// A connection that has not logged on by then is closed.
pub const LOGON_TIME_MAX_NS: u64 = 10 * SECOND_NS;
/// How long we wait for the answer to our `Logout`.
pub const LOGOUT_TIME_MAX_NS: u64 = 2 * SECOND_NS;
/// A gap that nothing has filled for this long is asked for again.
pub const RESEND_WAIT_NS: u64 = 10 * SECOND_NS;
/// Passwords waiting to be verified. The next logon is closed.
pub const VERIFICATIONS_WAITING_MAX: usize = 64;
/// Longest password, in bytes.
pub const PASSWORD_SIZE_MAX: usize = 128;
/// Longest `TestReqID` that is echoed, in bytes.
pub const TEST_REQ_ID_SIZE_MAX: usize = 1_024;
/// Longest `CompID`, in bytes.
pub const COMP_ID_SIZE_MAX: usize = 32;

/// Shortest `HeartBtInt`, in seconds.
pub const HEARTBEAT_SECONDS_MIN: u64 = 1;
/// Longest `HeartBtInt`, in seconds.
pub const HEARTBEAT_SECONDS_MAX: u64 = 600;
/// How far `SendingTime` may be from our clock, in nanoseconds.
pub const SENDING_TIME_SKEW_MAX_NS: u64 = 120 * SECOND_NS;
/// The widest gap worth repairing. A peer further ahead than this is broken or hostile.
pub const SEQ_GAP_MAX: u64 = 1_000_000;
/// Messages kept that came before the ones missing. Further ones are dropped: the peer sends them again.
pub const HELD_MESSAGES_MAX: usize = 1_024;
/// Bytes of such messages.
pub const HELD_SIZE_MAX: usize = 512 << 10;

/// Outbound numbers reserved by one note; the next note is written when half of them are used. After a crash at most two blocks of
/// reports are sent that the peer had.
pub const RESERVATION_BLOCK: u64 = 4_096;
/// Bytes of sent messages kept for one session, for resends. Beyond it the oldest are gone and a request for them is gap-filled.
pub const STORE_SIZE_MAX: usize = 64 << 20;
/// Instruments, accounts or sessions that the gateway knows by number. Higher numbers are not served.
pub const LISTED_MAX: usize = 1 << 20;
/// Most levels of each side that market data says.
pub const MARKET_DEPTH_MAX: usize = 40;
/// Trades kept for a consumer of market data who is behind.
pub const MARKET_TRADES_KEPT_MAX: usize = 8;
/// Orders of one list.
pub const LIST_ORDERS_MAX: usize = 3;
/// Instruments that one session may subscribe to the market data of, those of several requests counted each.
pub const MARKET_SUBSCRIPTIONS_MAX: usize = 256;
/// A consumer of market data is told nothing while so many bytes wait for its connection.
pub const MARKET_BACKLOG_MAX: usize = 64 << 10;
/// Bytes kept of what a market-data session was told: enough for what waits and one message for each subscription's turn.
pub const MARKET_STORE_SIZE_MAX: usize = 1 << 20;
/// Orders of one session that the gateway keeps for its whole life. The next one is refused.
pub const ORDERS_KEPT_MAX: usize = 1 << 22;
/// Instruments that one session may subscribe to the status of.
pub const STATUS_SUBSCRIPTIONS_MAX: usize = 1_024;
/// Trades kept until their block has settled. More than this many unsettled trades and the oldest are no longer reported as settled.
pub const TRADES_UNSETTLED_MAX: usize = 1 << 22;

/// Trades kept once they are settled, for those who ask.
pub const TRADES_SETTLED_KEPT_MAX: usize = 1 << 18;
/// Of these and those that are not settled, the newest are looked through for one question.
pub const TRADES_SEARCHED_MAX: usize = 1 << 18;
/// Trades looked through before others get their turn.
pub const TRADES_SEARCHED_PER_TURN: usize = 1 << 7;
/// Most trades in one answer; a question that more fit is refused.
pub const TRADES_ANSWERED_MAX: usize = 1_000;
/// Answers about balances that wait for these to be durable; the next question is refused.
pub const ANSWERS_WAITING_MAX: usize = 1_024;
/// Sessions whose questions for trades are remembered, so that they do not ask too often.
pub const SEARCHERS_KEPT_MAX: usize = 1 << 16;

/// Timers are looked at this often.
pub const TIMER_INTERVAL_NS: u64 = 20_000_000;
/// One second in nanoseconds.
pub const SECOND_NS: u64 = 1_000_000_000;
/// Decimal places of `AvgPx` beyond those of the price; half of the last one rounds to even.
pub const AVG_PX_EXTRA_DECIMALS: u8 = 4;

const _: () = assert!(MARKET_BACKLOG_MAX + 2 * MESSAGE_SIZE_MAX < MARKET_STORE_SIZE_MAX, "what waits is never forgotten");
const _: () = assert!(MESSAGE_SIZE_MAX <= u16::MAX as usize, "field offsets are two bytes");
const _: () = assert!(RECEIVE_BUFFER_SIZE > MESSAGE_SIZE_MAX + BEGIN_STRING_SIZE_MAX, "a longest message always fits");
const _: () = assert!(SEND_BUFFER_SIZE >= 2 * MESSAGE_SIZE_MAX, "a message always fits into an empty send buffer");
const _: () =
    assert!(RESERVATION_BLOCK >= 4, "a block has a first half to use while the next is written, and a last number to spare");
