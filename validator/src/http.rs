//! What an operator's tools fetch over HTTP/1.1: histograms and the newest checkpoint. Read only, answers `GET` alone.
//!
//! ```text
//! /                         this list
//! /histograms.hlog          every stage, HDR V2 interval log; `plinth-validator --merge` puts those of several validators together
//! /histograms/STAGE.hgrm    one stage's percentiles, in microseconds: what HdrHistogram's plotter reads
//! /checkpoint               the newest checkpoint, hexadecimal
//! /handovers                from the first group's key to the last one's, hexadecimal, one a line
//! ```
//!
//! * **Bounded**: [`HTTP_CONNECTIONS_MAX`] at once, [`HTTP_HEAD_SIZE_MAX`] bytes of a request, [`HTTP_TIMEOUT`] for request and answer,
//!   one request a connection. Whoever is slower is cut off, and makes room.
//! * **Consensus does not wait for it**: counts are copied under their lock and written out without it.
//!
//! Known limitations: it has no encryption and asks nobody who they are: bind it to loopback or to a management network. Bodies of
//! requests are not read.

use crate::limits::{HTTP_CONNECTIONS_MAX, HTTP_HEAD_SIZE_MAX, HTTP_RETRY_DELAY, HTTP_TIMEOUT};
use plinth_settlement::consensus::Chain;
use plinth_settlement::consensus::checkpoints::Checkpoints;
use plinth_settlement::stages::{Histograms, Stage, write_log, write_percentiles};
use plinth_types::codec::Codec;
use plinth_types::id::PublicKey;
use std::io::{Result, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// What is told.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) key: PublicKey,
    pub(super) chain: Chain,
    pub(super) checkpoints: Checkpoints,
    pub(super) started: SystemTime,
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, told: Told) {
    let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    // The next ones wait in the kernel's queue.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while tasks.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, perhaps: others have to end first.
                debug!(%error, "no connection");
                sleep(HTTP_RETRY_DELAY).await;
                continue;
            }
        };
        let told = told.clone();
        tasks.spawn(async move {
            let served = timeout(HTTP_TIMEOUT, answer(stream, &told)).await;
            debug!(?served, "HTTP request");
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, told: &Told) -> Result<()> {
    let mut head = Vec::with_capacity(1_024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HTTP_HEAD_SIZE_MAX {
            return respond(&mut stream, "431 Request Header Fields Too Large", b"too long\n").await;
        }
        let left = HTTP_HEAD_SIZE_MAX - head.len();
        if (&mut stream).take(left as u64).read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    match path_of(&head) {
        Some(path) => match told.page(path)? {
            Some(body) => respond(&mut stream, "200 OK", &body).await,
            None => respond(&mut stream, "404 Not Found", b"nothing here; / lists what there is\n").await,
        },
        None => respond(&mut stream, "405 Method Not Allowed", b"GET alone\n").await,
    }
}

/// The path of a `GET`, without its query.
fn path_of(head: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let (target, version) = line.strip_prefix("GET ")?.rsplit_once(' ')?;
    version.starts_with("HTTP/1.").then(|| target.split('?').next().unwrap_or(target))
}

async fn respond(stream: &mut TcpStream, status: &str, body: &[u8]) -> Result<()> {
    let size = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {size}\r\nAllow: GET\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

impl Told {
    fn page(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        match path {
            "/" => {
                writeln!(out, "/histograms.hlog")?;
                Stage::ALL.into_iter().try_for_each(|stage| writeln!(out, "/histograms/{}.hgrm", stage.name()))?;
                writeln!(out, "/checkpoint\n/handovers")?;
            }
            "/histograms.hlog" => {
                let duration = self.started.elapsed().unwrap_or(Duration::ZERO);
                write_log(&self.histograms(), &format!("validator {}", self.key), self.started, duration, &mut out)?;
            }
            "/checkpoint" => {
                let Some(checkpoint) = self.checkpoints.latest() else { return Ok(None) };
                write_hex(&checkpoint, &mut out)?;
            }
            "/handovers" => self.checkpoints.handovers().iter().try_for_each(|handover| write_hex(handover, &mut out))?,
            other => {
                let name = other.strip_prefix("/histograms/").and_then(|file| file.strip_suffix(".hgrm"));
                let Some(stage) = Stage::ALL.into_iter().find(|stage| Some(stage.name()) == name) else { return Ok(None) };
                write_percentiles(self.histograms().of(stage), &mut out)?;
            }
        }
        Ok(Some(out))
    }

    fn histograms(&self) -> Histograms {
        self.chain.with_stages(|stages| stages.histograms().clone())
    }
}

fn write_hex(told: &impl Codec, out: &mut Vec<u8>) -> Result<()> {
    told.to_bytes().iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_has_a_path() {
        assert_eq!(path_of(b"GET /checkpoint?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"), Some("/checkpoint"));
        for refused in
            [&b"POST /checkpoint HTTP/1.1\r\n\r\n"[..], b"GET /checkpoint\r\n\r\n", b"GET / SPDY/3\r\n\r\n", b"\xff\r\n\r\n"]
        {
            assert_eq!(path_of(refused), None, "{refused:?}");
        }
    }
}
