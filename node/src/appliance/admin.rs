//! The admin socket: a Unix stream socket in the data directory that answers one request line with one line of JSON.
//!
//! Only who may open the data directory can reach it. Requests: `status`, and those of the `desk`.

use super::desk::{Desk, REQUEST_SIZE_MAX};
use super::status::Status;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Name of the socket in the data directory.
pub const SOCKET_FILE: &str = "admin.sock";

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that says nothing is dropped after this long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// A running admin socket.
#[derive(Debug)]
pub(super) struct Admin {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Listens in `folder`; `status` is asked once per request.
    pub(super) fn start(folder: &Path, status: impl Fn() -> Option<Status> + Send + 'static, desk: Desk) -> io::Result<Self> {
        let path = folder.join(SOCKET_FILE);
        // The data directory is locked, so a socket that is there was left by a process that is gone.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopping);
        let thread = thread::Builder::new().name("plinth-admin".into()).spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::Acquire) {
                    return;
                }
                // A client that goes away in the middle concerns nobody else.
                let _ = stream.and_then(|stream| answer(&stream, &status, &desk));
            }
        })?;
        Ok(Self { path, stopping, thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // A connection of our own ends the accept.
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks the appliance of `folder` for its status, as JSON text.
///
/// # Errors
///
/// When no appliance runs there.
pub fn request_status(folder: &Path) -> io::Result<String> {
    request(folder, "status")
}

/// Asks the appliance of `folder` anything; one line, one line of JSON.
///
/// # Errors
///
/// When no appliance runs there.
pub fn request(folder: &Path, line: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(folder.join(SOCKET_FILE))?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(line.as_bytes())?;
    stream.write_all(b"\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn answer(stream: &UnixStream, status: &impl Fn() -> Option<Status>, desk: &Desk) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.set_write_timeout(Some(REQUEST_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream.take(REQUEST_SIZE_MAX)).read_line(&mut line)?;
    let reply = match line.trim_end() {
        "status" => match status() {
            Some(status) => serde_json::to_string(&status)?,
            None => r#"{"error":"the appliance is stopping"}"#.into(),
        },
        other => desk.answer(other).unwrap_or_else(|| unknown(other)).to_string(),
    };
    let mut stream = stream;
    stream.write_all(reply.as_bytes())?;
    stream.write_all(b"\n")
}

fn unknown(line: &str) -> serde_json::Value {
    let name = line.split(' ').next().unwrap_or_default();
    serde_json::json!({ "error": format!("unknown request {:?}", name.chars().take(32).collect::<String>()) })
}
