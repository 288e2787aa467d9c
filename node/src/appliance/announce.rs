//! What a person sees when the appliance runs, and what a script reads.

use super::market::ReadyMarketData;
use super::start::{BY_AUDITORS, VALIDITY_PROOF};
use crate::config::demo::Credentials;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What is there and how to reach it: the ready file, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Process id.
    pub pid: u32,
    /// Where FIX is accepted: in plain TCP, if that is configured, else over TLS.
    pub fix: SocketAddr,
    /// Where FIX is accepted over TLS, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_tls: Option<SocketAddr>,
    /// The admin socket.
    pub admin: PathBuf,
    /// The data directory.
    pub data_dir: PathBuf,
    /// `sync` or `async`.
    pub durability: &'static str,
    /// What stands for a proof of the zone's blocks, by the genesis.
    pub attestation: &'static str,
    /// Sessions whose password is known here, that is the demo's.
    pub sessions: Vec<Credentials>,
    /// What trades.
    pub instruments: Vec<ReadyInstrument>,
    /// The feed, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market_data: Option<ReadyMarketData>,
    /// Validators: key and address, and whether this process runs it.
    pub validators: Vec<ReadyValidator>,
}

/// An instrument, as a client needs it.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyInstrument {
    /// `Symbol`, FIX tag 55.
    pub symbol: String,
    /// Decimal places of a price.
    pub price_decimals: u8,
    /// Decimal places of a quantity.
    pub qty_decimals: u8,
}

/// A validator.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyValidator {
    /// Its key, hexadecimal.
    pub public_key: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether this process runs it.
    pub here: bool,
}

impl Ready {
    /// Writes the ready file whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let partial = path.with_extension("partial");
        fs::write(&partial, serde_json::to_vec(self)?)?;
        fs::rename(partial, path)
    }

    /// The table that a person sees.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let data_dir = self.data_dir.display();
        let _ = writeln!(out, "Plinth is running.\n");
        if self.fix_tls != Some(self.fix) {
            let _ = writeln!(out, "  FIX 4.4        {}   (TCP, TargetCompID PLINTH)", self.fix);
        }
        if let Some(address) = self.fix_tls {
            let _ = writeln!(out, "  FIX 4.4        {address}   (TLS 1.3 with certificates on both sides, TargetCompID PLINTH)");
        }
        if let Some(ReadyMarketData { requests, snapshots, .. }) = &self.market_data {
            let _ =
                writeln!(out, "  market data    ITCH 5.0 over MoldUDP64; requests {requests} (UDP), snapshots {snapshots} (TCP)");
        }
        let _ = writeln!(out, "  durability     {}", durability_meaning(self.durability));
        let _ = writeln!(out, "  zone 'trading' {}", attestation_meaning(self.attestation));
        let _ = writeln!(out, "  data           {data_dir}\n");
        for validator in &self.validators {
            let place = if validator.here { "in this process" } else { "elsewhere" };
            let _ = writeln!(out, "  validator      {}…  QUIC {}  {place}", &validator.public_key[..16], validator.address);
        }
        let symbols: Vec<&str> = self.instruments.iter().map(|instrument| instrument.symbol.as_str()).collect();
        let _ = writeln!(out, "\n  instruments    {}", symbols.join(", "));
        if !self.sessions.is_empty() {
            let _ = writeln!(out, "\n  SenderCompID  Username  Password                  Account");
            for session in &self.sessions {
                let _ = writeln!(
                    out,
                    "  {:<13} {:<9} {:<25} {}",
                    session.sender_comp_id, session.username, session.password, session.account
                );
            }
        }
        let _ = writeln!(out, "\nTry, in another terminal:");
        // As it was started, so that the line can be copied: a fresh clone has no `plinth` on its path.
        let program = std::env::args().next().unwrap_or_else(|| "plinth".to_owned());
        let _ = writeln!(out, "  {program} status --data-dir {data_dir}");
        let _ =
            writeln!(out, "  scripts/sample-data.sh sample-data && {program} replay --bitstamp sample-data --via fix --sessions 8");
        let _ = writeln!(out, "  cargo run --release -p latency-tests -- wire --duration 5");
        let _ = writeln!(out, "Ctrl-C stops it; the next start continues where it was.");
        out
    }
}

fn attestation_meaning(attestation: &str) -> &'static str {
    match attestation {
        VALIDITY_PROOF => "settles by validity proofs: `status` says what is proven, and what waits for its proof",
        BY_AUDITORS => "attested by auditors, who execute its blocks again",
        _ => "attested 1/1, producer only: its state roots are the producer's word, nothing is proven",
    }
}

fn durability_meaning(durability: &str) -> &'static str {
    match durability {
        "async" => "async: acknowledged means handed to the kernel; a power failure may lose it",
        _ => "sync: acknowledged means on disk",
    }
}
