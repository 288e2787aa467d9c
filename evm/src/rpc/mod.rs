//! Ethereum's JSON-RPC over HTTP and WebSocket.
//!
//! Enough for viem, ethers, web3.py, cast and forge to deploy, call, send and read: `scripts/evm-clients.sh` runs them against it.
//!
//! - `latest` is the last executed block, `pending` its state again (the next block's environment). `safe` is the last block that is
//!   available, `finalized` the last that is settled (genesis before the first). Without settlement both are refused: no surface may show an
//!   executed block as final.
//! - Limits of [`crate::limits`]; sizes of requests and batches are the server's.
//! - Error codes and texts are geth's where clients match on them: 3 with data for reverts, -32000 for refusals.
//!
//! # Known limitations
//!
//! - Of `eth_simulateV1` what [`simulate`] says.
//! - No subscriptions and no filters with state; no `trace_*`; of `debug_*` what [`trace`] says; `eth_getProof` for the present state alone.
//! - No access control: bind it to a loopback or a private address.

mod answer;
mod call;
mod error;
mod fees;
mod logs;
mod methods;
mod overrides;
mod params;
mod pool;
mod raw;
mod simulate;
mod trace;

use crate::limits::{BATCH_MAX, CONNECTIONS_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::node::Node;
use jsonrpsee::server::{BatchRequestConfig, Server, ServerConfig, ServerHandle};
use std::net::SocketAddr;
use std::sync::Arc;

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Two methods with one name.
    #[error(transparent)]
    Method(#[from] jsonrpsee::server::RegisterMethodError),
}

/// Serves `node` until the handle is stopped; returns the address too, since port 0 means any.
pub async fn serve(node: Arc<Node>, address: SocketAddr) -> Result<(SocketAddr, ServerHandle), ServeError> {
    let config = ServerConfig::builder()
        .max_request_body_size(REQUEST_BYTES_MAX)
        .max_response_body_size(RESPONSE_BYTES_MAX)
        .max_connections(CONNECTIONS_MAX)
        .set_batch_request_config(BatchRequestConfig::Limit(BATCH_MAX))
        .set_tcp_no_delay(true)
        .build();
    let failed = |error| ServeError::Listen { address, error };
    let server = Server::builder().set_config(config).build(address).await.map_err(failed)?;
    let bound = server.local_addr().map_err(failed)?;
    Ok((bound, server.start(methods::module(node)?)))
}
