//! What the harness says in FIX.

use plinth_gateway::client::{Client, ClientConfig, ClientError};
use plinth_gateway::codec::{Builder, tag};
use plinth_node::replay::child::Login;
use plinth_types::id::TimestampNs;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The demo's instrument.
pub(crate) const SYMBOL: &[u8] = b"BTC/USD";
const LOGON_WITHIN: Duration = Duration::from_secs(20);

/// A session that is logged on.
pub(crate) fn log_on(address: SocketAddr, login: &Login) -> Result<Client, ClientError> {
    let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password);
    let mut client = Client::connect(address, config)?;
    client.logon(Instant::now() + LOGON_WITHIN)?;
    Ok(client)
}

/// A limit order. `side`, `time_in_force`: as FIX writes them.
pub(crate) fn write_limit(
    message: &mut Builder,
    id: &[u8],
    account: &[u8],
    side: &[u8],
    qty: &[u8],
    price: &[u8],
    time_in_force: &[u8],
) {
    message.bytes(tag::CL_ORD_ID, id);
    message.bytes(tag::ACCOUNT, account);
    message.bytes(tag::SYMBOL, SYMBOL);
    message.bytes(tag::SIDE, side);
    message.time(tag::TRANSACT_TIME, now());
    message.bytes(tag::ORDER_QTY, qty);
    message.bytes(tag::ORD_TYPE, b"2");
    message.bytes(tag::PRICE, price);
    message.bytes(tag::TIME_IN_FORCE, time_in_force);
}

/// A cancel of `order`.
pub(crate) fn write_cancel(message: &mut Builder, id: &[u8], order: &[u8], account: &[u8], side: &[u8], qty: &[u8]) {
    message.bytes(tag::ORIG_CL_ORD_ID, order);
    message.bytes(tag::CL_ORD_ID, id);
    message.bytes(tag::ACCOUNT, account);
    message.bytes(tag::SYMBOL, SYMBOL);
    message.bytes(tag::SIDE, side);
    message.time(tag::TRANSACT_TIME, now());
    message.bytes(tag::ORDER_QTY, qty);
}

/// How many bytes a message is on the wire, with numbers of five digits.
pub(crate) fn size_of(body: impl FnOnce(&mut Builder)) -> usize {
    let mut builder = Builder::default();
    builder.start(b"D");
    builder.number(tag::MSG_SEQ_NUM, 10_000);
    builder.bytes(tag::SENDER_COMP_ID, b"FIRM1");
    builder.time(tag::SENDING_TIME, now());
    builder.bytes(tag::TARGET_COMP_ID, b"PLINTH");
    body(&mut builder);
    builder.finish().len()
}

fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampNs::new(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
